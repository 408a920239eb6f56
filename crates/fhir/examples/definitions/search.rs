//! Search parameters and compartments (R4 §3.1.1 and §2.36).

use std::collections::HashMap;

use serde_json::Value;

use super::{Package, Result, items, text};

pub const LEGEND: &str = "\
Search parameters, one for each type that it can be asked of. Columns, separated by tabs:
type, name, kind, expression, reference targets (with commas), components of a composite, url.
A union over several types is split: each type has only its own alternatives. A component is
name=expression, relative to the parameter's expression; components are separated by `; `.";

pub const COMPARTMENT_LEGEND: &str = "\
Compartments: compartment, type, the search parameters (with commas) by which a resource of that
type is in the compartment; `{def}` is the resource that the compartment is of. Separated by tabs.";

/// In the package's R4 bundle under HL7's address, but not in R4 4.0.1.
const ADDED: [&str; 3] = ["DetectedIssue-status", "DeviceDefinition-classification", "ServiceRequest-order-detail"];

const HOME: &str = "http://hl7.org/fhir/SearchParameter/";

pub fn parameters(package: &Package) -> Result<String> {
    let parameters = package.resources("search-parameters.json", "SearchParameter")?;
    let names: HashMap<&str, &str> = parameters.iter().map(|p| (text(p, "url"), text(p, "code"))).collect();
    let mut lines = Vec::new();
    for parameter in &parameters {
        let official = text(parameter, "url").strip_prefix(HOME).is_some_and(|id| !ADDED.contains(&id));
        if official {
            for base in items(parameter, "base").iter().filter_map(Value::as_str) {
                lines.push(line(parameter, base, &names)?);
            }
        }
    }
    lines.sort();
    Ok(lines.concat())
}

fn line(parameter: &Value, base: &str, names: &HashMap<&str, &str>) -> Result<String> {
    let mut components = Vec::new();
    for component in items(parameter, "component") {
        let definition = text(component, "definition");
        let name = names.get(definition).ok_or_else(|| format!("component {definition} is not defined"))?;
        components.push(format!("{name}={}", text(component, "expression")));
    }
    let mut targets: Vec<&str> = items(parameter, "target").iter().filter_map(Value::as_str).collect();
    targets.sort();
    let columns = [
        base,
        text(parameter, "code"),
        text(parameter, "type"),
        &alternatives(text(parameter, "expression"), base).join(" | "),
        &targets.join(","),
        &components.join("; "),
        text(parameter, "url"),
    ];
    Ok(columns.join("\t") + "\n")
}

/// The alternatives of a union that start at the type, or (in one parameter of R4) at no type at all.
fn alternatives<'a>(expression: &'a str, base: &str) -> Vec<&'a str> {
    let belongs = |alternative: &&str| {
        let head = alternative.trim_start_matches('(').split(|c: char| !c.is_alphanumeric()).next();
        head.is_some_and(|head| head == base || head.starts_with(char::is_lowercase))
    };
    unions(expression).into_iter().filter(belongs).collect()
}

/// Splits at each `|` that is in no parentheses and in no text.
fn unions(expression: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0, false);
    for (at, character) in expression.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            '|' if !quoted && depth == 0 => {
                parts.push(expression[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(expression[start..].trim());
    parts
}

pub fn compartments(package: &Package) -> Result<String> {
    let mut lines = Vec::new();
    for compartment in package.resources("profiles-resources.json", "CompartmentDefinition")? {
        for member in items(&compartment, "resource") {
            let parameters: Vec<&str> = items(member, "param").iter().filter_map(Value::as_str).collect();
            if !parameters.is_empty() {
                let (of, kind) = (text(&compartment, "code"), text(member, "code"));
                lines.push(format!("{of}\t{kind}\t{}\n", parameters.join(",")));
            }
        }
    }
    lines.sort();
    Ok(lines.concat())
}
