//! Invariants and required concepts, from the snapshots of the structure definitions (R4 §2.29, ElementDefinition).
//!
//! What every element, extension or resource inherits is written once, with the type that it comes from: the snapshots
//! repeat `ele-1` more than six thousand times. The sentence that explains an invariant is prose and stays behind.

use std::collections::BTreeSet;

use serde_json::Value;

use super::elements::{self, Official};
use super::{Package, Result, codes, items, text};

pub const LEGEND: &str = "\
Invariants. Columns, separated by tabs: the type or element that it is asked of, key, severity,
expression. What Element, Extension and DomainResource say holds for all that is one of them, and
is not repeated there.";

pub const CONCEPT_LEGEND: &str = "\
Required bindings of elements that are no plain code: the element, a system, and the codes that are
allowed of it, separated by tabs. No code stands for all that the system has.";

/// Types that hand their invariants down to everything that is one of them.
const ROOTS: [&str; 3] = ["Element", "Extension", "DomainResource"];

/// In the package under HL7's address, but not in R4 4.0.1.
const ADDED: [&str; 1] = ["evv-1"];

pub fn compile(package: &Package, official: &Official) -> Result<String> {
    let definitions = elements::definitions(package)?;
    let inherited = inherited(&definitions);
    let (mut lines, mut handed_down) = (String::new(), BTreeSet::new());
    for definition in &definitions {
        let root = items(&definition["snapshot"], "element").first().ok_or("a snapshot has its type's own element")?;
        let is_root = ROOTS.contains(&text(definition, "name"));
        for element in std::iter::once(root).chain(official.elements(definition)) {
            let path = text(element, "path");
            for constraint in items(element, "constraint") {
                let key = text(constraint, "key");
                let is_first = is_root && path == text(definition, "name") && handed_down.insert(key.to_owned());
                if ADDED.contains(&key) || (inherited.contains(key) && !is_first) {
                    continue;
                }
                let expression = text(constraint, "expression");
                if expression.is_empty() || expression.contains(['\t', '\n']) {
                    return Err(format!("{path} {key} has no expression of one line").into());
                }
                lines += &format!("{path}\t{key}\t{}\t{expression}\n", text(constraint, "severity"));
            }
        }
    }
    Ok(lines)
}

fn inherited(definitions: &[Value]) -> BTreeSet<&str> {
    let roots = definitions.iter().filter(|definition| ROOTS.contains(&text(definition, "name")));
    let own = roots.filter_map(|definition| items(&definition["snapshot"], "element").first());
    own.flat_map(|element| items(element, "constraint")).map(|constraint| text(constraint, "key")).collect()
}

pub fn concepts(package: &Package, official: &Official) -> Result<String> {
    let mut bound = Vec::new();
    let definitions = elements::definitions(package)?;
    for definition in &definitions {
        for element in official.elements(definition) {
            let binding = &element["binding"];
            let is_code = items(element, "type").iter().any(|kind| text(kind, "code") == "code");
            if text(binding, "strength") == "required" && !is_code {
                let set = text(binding, "valueSet").split('|').next().unwrap_or_default();
                bound.push((text(element, "path"), set));
            }
        }
    }
    codes::concepts(package, &bound)
}
