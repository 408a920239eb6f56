//! The elements of every type, from the snapshots of the structure definitions (R4 §2.29).
//!
//! The package's `profiles-*.json` carry additions under HL7's own addresses: `Meta.project`, R5 parts of
//! EvidenceVariable and ResearchStudy, and others. Its `dataelements.json`, HL7's list of all elements that are not
//! groups, is as published. So an element counts only if that list has it, and its facts are taken from there.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{Package, Result, codes, items, text};

pub const LEGEND: &str = "\
Types and their elements. A type: class and name; a backbone element is a type named by its path.
An element: two spaces, name, cardinality, types (with commas), and flags as in the specification:
?! for a modifier, Σ for a part of the summary. Reference(A|B) and canonical(A|B) name what may be
referred to, nothing meaning anything; code=NAME is a required binding to that line of codes.txt.";

const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// Groups that the package made looser than R4; `dataelements.json` says nothing about groups.
const CORRECTED_MIN: [(&str, u64); 1] = [("EvidenceVariable.characteristic", 1)];

pub struct Elements {
    pub text: String,
    /// The value sets that `code` elements are bound to.
    pub bound: BTreeSet<String>,
}

/// HL7's list has no element of a longer path: the id of its entry, `de-` and the path, would pass the limit of ids.
const LISTED_PATH_BYTES_MAX: usize = 61;

/// HL7's own list: each element by its path, and the paths of each type in order.
pub struct Official {
    elements: HashMap<String, Value>,
    order: HashMap<String, Vec<String>>,
}

pub fn compile(package: &Package, official: &Official) -> Result<Elements> {
    let mut compiled = Elements { text: String::new(), bound: BTreeSet::new() };
    for definition in &definitions(package)? {
        compiled.add_type(definition, official)?;
    }
    Ok(compiled)
}

/// R4's own types: datatypes, then resources, each by name.
pub fn definitions(package: &Package) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for file in ["profiles-types.json", "profiles-resources.json"] {
        let mut types = package.resources(file, "StructureDefinition")?;
        types.retain(|t| text(t, "fhirVersion") == "4.0.1" && text(t, "derivation") != "constraint");
        types.retain(|t| text(t, "kind") != "logical");
        types.sort_by(|a, b| text(a, "name").cmp(text(b, "name")));
        all.append(&mut types);
    }
    Ok(all)
}

impl Official {
    pub fn read(package: &Package) -> Result<Official> {
        let mut official = Official { elements: HashMap::new(), order: HashMap::new() };
        for definition in package.resources("dataelements.json", "StructureDefinition")? {
            let element = definition["snapshot"]["element"][0].clone();
            let path = text(&element, "path").to_owned();
            // Profiles of Quantity come later in the list and repeat its elements; the first is the type's own.
            if !official.elements.contains_key(&path) {
                let owner = path.split('.').next().unwrap_or_default().to_owned();
                official.order.entry(owner).or_default().push(path.clone());
                official.elements.insert(path, element);
            }
        }
        Ok(official)
    }

    /// The elements of a type as R4 has them, in R4's order, without the type itself.
    pub fn elements<'a>(&'a self, definition: &'a Value) -> Vec<&'a Value> {
        let snapshot = items(&definition["snapshot"], "element");
        let order = self.order.get(text(definition, "name")).map_or(&[][..], Vec::as_slice);
        let is_resource = text(definition, "kind") == "resource";
        let mut kept: Vec<&Value> = Vec::new();
        for element in snapshot.iter().skip(1) {
            let path = text(element, "path");
            let inherited = !is_resource && self.elements.contains_key(text(&element["base"], "path"));
            if let Some(known) = self.elements.get(path) {
                kept.push(known);
            } else if inherited || is_unlisted(element, order, &kept) {
                kept.push(element);
            }
        }
        self.restore(order, kept)
    }

    /// Puts back what the package took out, each behind its predecessor in HL7's list.
    fn restore<'a>(&'a self, order: &[String], mut kept: Vec<&'a Value>) -> Vec<&'a Value> {
        for pair in order.windows(2) {
            let at = |path: &str, kept: &[&Value]| kept.iter().position(|k| text(k, "path") == path);
            if let (Some(before), None) = (at(&pair[0], &kept), at(&pair[1], &kept)) {
                kept.insert(before + 1, &self.elements[&pair[1]]);
            }
        }
        kept
    }
}

impl Elements {
    fn add_type(&mut self, definition: &Value, official: &Official) -> Result<()> {
        let name = text(definition, "name");
        let class = match (text(definition, "kind"), definition["abstract"].as_bool()) {
            ("primitive-type", _) => "primitive",
            ("complex-type", _) => "complex",
            (_, Some(true)) => "abstract",
            _ => "resource",
        };
        self.text += &format!("{class} {name}\n");
        if class != "primitive" {
            let elements = official.elements(definition);
            self.add_elements(name, &elements)?;
        }
        Ok(())
    }

    /// The elements right under `path`, then each group among them as a type of its own.
    fn add_elements(&mut self, path: &str, elements: &[&Value]) -> Result<()> {
        let children: Vec<&&Value> = elements.iter().filter(|e| parent(text(e, "path")) == path).collect();
        for element in &children {
            let line = self.element(element, elements)?;
            self.text += &line;
        }
        for group in children.iter().map(|e| text(e, "path")).filter(|p| is_group(p, elements)) {
            self.text += &format!("backbone {group}\n");
            self.add_elements(group, elements)?;
        }
        Ok(())
    }

    fn element(&mut self, element: &Value, elements: &[&Value]) -> Result<String> {
        let path = text(element, "path");
        let name = path.rsplit('.').next().unwrap_or_default();
        let corrected = CORRECTED_MIN.iter().find(|(corrected, _)| *corrected == path);
        let min = corrected.map(|(_, min)| *min).or(element["min"].as_u64()).ok_or("an element has a min")?;
        let mut line = format!("  {name} {min}..{} ", text(element, "max"));
        line += &match text(element, "contentReference").strip_prefix('#') {
            Some(same) => same.to_owned(),
            None if is_group(path, elements) => path.to_owned(),
            None => items(element, "type").iter().map(|t| self.kind(element, t)).collect::<Vec<_>>().join(","),
        };
        line += if element["isModifier"] == true { " ?!" } else { "" };
        line += if element["isSummary"] == true { " Σ" } else { "" };
        Ok(line + "\n")
    }

    /// One type of an element, with its targets or its code list.
    fn kind(&mut self, element: &Value, kind: &Value) -> String {
        let code = text(kind, "code");
        let binding = &element["binding"];
        let targets: Vec<&str> = items(kind, "targetProfile").iter().filter_map(Value::as_str).collect();
        let targets: Vec<&str> = targets.iter().filter_map(|url| url.strip_prefix(CORE)).collect();
        if code.starts_with("http://hl7.org/fhirpath/") {
            // R4 calls a resource's id a string by mistake; unlike an element's id, it is not an attribute in XML.
            let is_attribute = !items(element, "representation").is_empty();
            if is_attribute { text(&kind["extension"][0], "valueUrl").to_owned() } else { "id".to_owned() }
        } else if code == "code" && text(binding, "strength") == "required" {
            let set = text(binding, "valueSet").split('|').next().unwrap_or_default();
            self.bound.insert(set.to_owned());
            format!("code={}", codes::name(set))
        } else if targets.is_empty() || targets == ["Resource"] {
            code.to_owned()
        } else {
            format!("{code}({})", targets.join("|"))
        }
    }
}

/// Whether an element is R4's although HL7's list cannot have it: a group with listed elements, the repetition of
/// another group, or a path too long for the list; the last two only inside what is R4's.
fn is_unlisted(element: &Value, order: &[String], kept: &[&Value]) -> bool {
    let path = text(element, "path");
    let parent = parent(path);
    if element["contentReference"].is_string() || path.len() > LISTED_PATH_BYTES_MAX {
        return !parent.contains('.') || kept.iter().any(|k| text(k, "path") == parent);
    }
    order.iter().any(|known| known.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn is_group(path: &str, elements: &[&Value]) -> bool {
    elements.iter().any(|element| parent(text(element, "path")) == path)
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}
