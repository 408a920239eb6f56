//! Resources that define others: what R4 says of them in words, and an invariant cannot (R4 §5.3, §3.1.1.2, §4.8).

use super::walk::{Frame, Walk};
use crate::schema::{self, Class, Type};
use crate::search::{self, Parameter, ParameterClass};
use crate::{IssueType, Node, Object, Severity};

pub fn check(walk: &mut Walk<'_, '_>, frame: &Frame<'_>) {
    match frame.kind.name {
        "SearchParameter" => search_parameter(walk, frame.resource),
        "CapabilityStatement" => capabilities(walk, frame.resource),
        "StructureDefinition" => structure(walk, frame.resource),
        "CodeSystem" => code_system(walk, frame.resource),
        _ => {}
    }
}

/// R4 §3.1.1.2: what is derived from another parameter narrows it.
fn search_parameter(walk: &mut Walk<'_, '_>, parameter: &Object<'_>) {
    if parameter.str("type") == Some("composite") && parameter.items("component").len() < 2 {
        walk.error(IssueType::BusinessRule, "a composite parameter must have two components or more");
    }
    let Some(origin) = parameter.str("derivedFrom").and_then(published) else { return };
    if parameter.str("type").and_then(ParameterClass::read).is_some_and(|class| class != origin.class) {
        let text = "is not the type of the parameter that this one is derived from";
        walk.note_at("type", Severity::Error, IssueType::BusinessRule, text);
    }
    for (at, base) in parameter.items("base").iter().filter_map(Node::as_str).enumerate() {
        if base != origin.kind {
            let text = "is not the base of the parameter that this one is derived from";
            walk.note_at(&format!("base[{at}]"), Severity::Error, IssueType::BusinessRule, text);
        }
    }
}

/// The parameter of R4 with this address, where it is one of a single type: `…/SearchParameter/Organization-name`.
fn published(url: &str) -> Option<&'static Parameter> {
    let name = url.split('|').next()?.strip_prefix("http://hl7.org/fhir/SearchParameter/")?;
    let (kind, code) = name.split_once('-')?;
    search::table().find(kind, code)
}

/// R4 §5.2: a parameter that a server says it has from R4 is of R4's type.
fn capabilities(walk: &mut Walk<'_, '_>, statement: &Object<'_>) {
    for (rest_at, rest) in statement.items("rest").iter().filter_map(Node::as_object).enumerate() {
        for (at, resource) in rest.items("resource").iter().filter_map(Node::as_object).enumerate() {
            for (parameter_at, parameter) in
                resource.items("searchParam").iter().filter_map(Node::as_object).enumerate()
            {
                let origin = parameter.str("definition").and_then(published);
                let class = parameter.str("type").and_then(ParameterClass::read);
                if origin.is_some_and(|origin| Some(origin.class) != class) {
                    let place = format!("rest[{rest_at}].resource[{at}].searchParam[{parameter_at}].type");
                    let text = "is not the type of the parameter that its definition names";
                    walk.note_at(&place, Severity::Error, IssueType::BusinessRule, text);
                }
            }
        }
    }
}

/// R4 §5.3: a profile of a type of R4 is about the elements of that type.
fn structure(walk: &mut Walk<'_, '_>, definition: &Object<'_>) {
    let kind = definition.str("type").and_then(|name| schema::r4().kind(name));
    let Some(kind) = kind.filter(|_| definition.str("derivation") == Some("constraint")) else { return };
    for part in ["snapshot", "differential"] {
        let Some(Node::Object(elements)) = definition.get(part) else { continue };
        for (at, element) in elements.items("element").iter().enumerate() {
            let path = element.as_object().and_then(|element| element.str("path"));
            if path.is_some_and(|path| !has(kind, path)) {
                let place = format!("{part}.element[{at}].path");
                walk.note_at(&place, Severity::Error, IssueType::BusinessRule, "is no element of the type in R4");
            }
        }
    }
}

/// Whether a path leads to an element, as definitions write it: `Observation.value[x]`, `Observation.valueQuantity`.
fn has(kind: &'static Type, path: &str) -> bool {
    let mut steps = path.split('.');
    if steps.next() != Some(kind.name) {
        return false;
    }
    let mut kind = kind;
    for step in steps {
        // What any resource or any type may have in it is not known here.
        if kind.class == Class::Abstract || kind.name == "Element" {
            return true;
        }
        let element = match step.strip_suffix("[x]") {
            Some(stem) => kind.stem(stem).next().filter(|element| element.choice),
            None => kind.element(step),
        };
        let Some(element) = element else {
            return kind.class == Class::Primitive && matches!(step, "id" | "extension" | "value");
        };
        let is_open = element.choice && step.ends_with("[x]");
        kind = if is_open { schema::r4().kind("Element").expect("R4 has it") } else { schema::r4().kind_of(element) };
    }
    true
}

/// R4 §4.8.13: `count` is how many concepts a complete code system defines.
fn code_system(walk: &mut Walk<'_, '_>, system: &Object<'_>) {
    let Some(Node::Number(count)) = system.get("count") else { return };
    if system.str("content") == Some("complete") && count.parse() != Ok(concepts(system)) {
        walk.note_at("count", Severity::Error, IssueType::BusinessRule, "is not how many concepts the code system has");
    }
}

fn concepts(of: &Object<'_>) -> usize {
    let concepts = of.items("concept").iter().filter_map(Node::as_object);
    concepts.map(|concept| 1 + self::concepts(concept)).sum()
}
