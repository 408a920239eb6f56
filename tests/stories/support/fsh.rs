//! Instances in FHIR Shorthand (FSH 3.0), as far as the examples of IHE's guides are written in it, as JSON.
//!
//! A rule is a path and a value; a deeper rule goes on where the one above it stood. A slice without a number is its first
//! element. What a slice fixes (the name of a parameter, the URL of an extension) comes of the profile, and is given here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Elements of these names are lists.
const LISTS: [&str; 11] = [
    "address",
    "entry",
    "extension",
    "given",
    "identifier",
    "issue",
    "link",
    "name",
    "parameter",
    "security",
    "telecom",
];
/// The types of the profiles that the examples are instances of.
const TYPES: [(&str, &str); 6] = [
    ("PDQmPatient", "Patient"),
    ("PDQmMatchInput", "Patient"),
    ("IHE.PDQm.MatchParametersIn", "Parameters"),
    ("IHE.PDQm.MatchParametersOut", "Bundle"),
    ("IHE.PDQm.QueryPatientResourceResponseMessage", "Bundle"),
    ("OperationOutcome", "OperationOutcome"),
];
/// The URLs of extensions by the names of their slices.
const EXTENSIONS: [(&str, &str); 2] = [
    ("MatchGrade", "http://hl7.org/fhir/StructureDefinition/match-grade"),
    ("MothersMaidenName", "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"),
];

pub type Instances = BTreeMap<String, Value>;

/// The instances of all files, which may refer to each other.
pub fn instances(files: &[String]) -> Instances {
    let mut instances = Instances::new();
    // Once more, now that all are known.
    for file in files.iter().chain(files) {
        read(file, &mut instances);
    }
    instances
}

fn read(text: &str, instances: &mut Instances) {
    let mut current: Option<(String, Value)> = None;
    let mut above: Vec<String> = Vec::new();
    for line in text.lines().chain(["Instance: end"]) {
        if let Some(name) = line.strip_prefix("Instance:") {
            instances.extend(current.take().filter(|(_, of)| of["resourceType"].is_string()));
            current = Some((name.trim().to_owned(), json!({ "id": name.trim() })));
        } else if let Some((_, of)) = &mut current {
            if let Some(profile) = line.strip_prefix("InstanceOf:") {
                let kind = TYPES.iter().find(|(profile_of, _)| *profile_of == profile.trim());
                of["resourceType"] = kind.map_or(Value::Null, |(_, kind)| json!(kind));
            } else if let Some(rule) = line.trim_start().strip_prefix("* ") {
                let depth = (line.len() - line.trim_start().len()) / 2;
                let (path, value) = rule.split_once(" = ").map_or((rule, None), |(path, value)| (path, Some(value)));
                above.truncate(depth);
                let whole = above.iter().map(String::as_str).chain([path.trim()]).collect::<Vec<_>>().join(".");
                let value = value.map(|value| read_value(value.trim(), instances));
                set(of, &whole, value);
                // What a rule begins, the rules below it go on with.
                above.push(path.trim().replace("[+]", "[=]"));
            }
        }
    }
}

fn read_value(text: &str, instances: &Instances) -> Value {
    if let Some(text) = text.strip_prefix('"') {
        return json!(text.strip_suffix('"').unwrap_or(text).replace("\\\"", "\""));
    }
    let text = text.split(" \"").next().unwrap_or(text);
    match text.split_once('#') {
        Some(("", code)) => json!(code),
        Some((system, code)) => json!({ "system": system, "code": code }),
        None => match (serde_json::from_str(text), instances.get(text)) {
            (Ok(value), _) => value,
            (_, Some(instance)) => instance.clone(),
            (_, None) => json!(text),
        },
    }
}

/// Makes the way to an element, and sets it where a value is given.
fn set(of: &mut Value, path: &str, value: Option<Value>) {
    let mut at = of;
    for step in path.split('.') {
        let (name, brackets) = step.split_once('[').map_or((step, ""), |(name, rest)| (name, rest));
        let brackets: Vec<&str> = brackets.split(['[', ']']).filter(|of| !of.is_empty()).collect();
        let next = object(at).entry(name).or_insert(Value::Null);
        at = if LISTS.contains(&name) { element(next, &brackets) } else { next };
    }
    match value {
        Some(value) => *at = value,
        None => drop(object(at)),
    }
}

fn object(at: &mut Value) -> &mut Map<String, Value> {
    if !at.is_object() {
        *at = json!({});
    }
    at.as_object_mut().expect("it was made one")
}

/// One element of a list: by number, the last, a new one, or that of a slice.
fn element<'v>(list: &'v mut Value, brackets: &[&str]) -> &'v mut Value {
    if !list.is_array() {
        *list = json!([]);
    }
    let list = list.as_array_mut().expect("it was made one");
    let is_new = brackets.last() == Some(&"+");
    let slice = brackets.first().filter(|of| of.parse::<usize>().is_err() && !["+", "="].contains(*of));
    let of_slice = |of: &Value| slice.is_none_or(|slice| of["//slice"] == *slice);
    let last = list.iter().rposition(of_slice).filter(|_| !is_new);
    let numbered = brackets.first().and_then(|of| of.parse::<usize>().ok()).filter(|at| *at < list.len());
    let at = numbered.or(last).unwrap_or_else(|| {
        list.push(slice.map_or(Value::Null, |slice| {
            let url = EXTENSIONS.iter().find(|(name, _)| name == slice);
            url.map_or(json!({ "//slice": slice }), |(_, url)| json!({ "//slice": slice, "url": url }))
        }));
        list.len() - 1
    });
    &mut list[at]
}

/// The instance as JSON of FHIR: parameters have the names of their slices.
pub fn resource(instances: &Instances, name: &str) -> Value {
    let mut of = instances.get(name).unwrap_or_else(|| panic!("no instance {name}: {:?}", instances.keys())).clone();
    finish(&mut of, None);
    of
}

fn finish(of: &mut Value, within: Option<&str>) {
    match of {
        Value::Object(fields) => {
            let slice = fields.remove("//slice");
            if let (Some(slice), Some("parameter")) = (slice, within) {
                fields.insert("name".to_owned(), slice);
            }
            fields.iter_mut().for_each(|(name, value)| finish(value, Some(name)));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| finish(item, within)),
        _ => {}
    }
}
