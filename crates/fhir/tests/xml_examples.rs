//! Real resources that nobody here wrote, through XML and back: nothing is lost, and XML from elsewhere is taken.
//!
//! The data lies beside the checkout; where it is absent the tests say so and pass.

#[path = "support/said.rs"]
mod said;
#[path = "support/shared.rs"]
mod shared;

use std::path::Path;

use fhir::{Issue, Node, Resource, json, xml};
use said::{said, said_by};
use shared::{name, shared};

fn read_xml<'a>(bytes: &'a [u8], file: &str) -> Resource<'a> {
    xml::read(bytes).unwrap_or_else(|issues| panic!("{file}: {issues:#?}\n{}", String::from_utf8_lossy(bytes)))
}

/// JSON, XML, JSON: the same; XML, written again: the same bytes; pretty or not.
fn goes_through_xml(resource: &Resource, file: &str) {
    let (mut once, mut twice, mut pretty) = (Vec::new(), Vec::new(), Vec::new());
    xml::write(resource, &mut once);
    xml::write_pretty(resource, &mut pretty);
    let again = read_xml(&once, file);
    assert_eq!(said_by(&again.object), said_by(&resource.object), "{file}");
    xml::write(&again, &mut twice);
    assert_eq!(String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice), "{file}");
    assert_eq!(read_xml(&pretty, file), again, "{file}");

    let mut back = Vec::new();
    json::write(&again, &mut back);
    let back = json::read(&back).unwrap_or_else(|issues| panic!("{file}: {issues:#?}"));
    assert_eq!(said_by(&back.object), said_by(&resource.object), "{file}");
}

#[test]
fn json_goes_through_xml_without_a_change() {
    let folders =
        ["fhir-r4-examples/json", "fhir-r4-examples/json-extra", "fhir-test-cases/r4/examples", "synthea-r4-smart"];
    for folder in folders {
        for path in shared(folder, "json") {
            let bytes = std::fs::read(&path).expect("an example can be read");
            // What is wrong in them is the business of the tests of JSON.
            if let Ok(resource) = json::read(&bytes) {
                goes_through_xml(&resource, name(&path));
            }
        }
    }
}

/// What others keep of a resource: no narrative, and numbers by their value.
fn kept_by_others(node: &mut Node) {
    match node {
        Node::Object(object) => {
            object.fields.retain(|(_, node)| node.as_object().is_none_or(|narrative| narrative.get("div").is_none()));
            object.fields.iter_mut().for_each(|(_, node)| kept_by_others(node));
        }
        Node::List(items) => items.iter_mut().for_each(kept_by_others),
        Node::Number(number) => {
            let value: f64 = number.parse().expect("what was read as a number is one");
            *number = value.to_string().into();
        }
        _ => {}
    }
}

/// Derived from the JSON by another's converter.
#[test]
fn xml_made_by_others_says_what_its_json_says() {
    for path in shared("fhir-r4-examples/xml-derived", "xml") {
        let json = path.parent().and_then(Path::parent).expect("in its folder").join("json").join(name(&path));
        let Ok(other) = std::fs::read(json.with_extension("json")) else { continue };
        let Ok(other) = json::read(&other) else { continue };
        let bytes = std::fs::read(&path).expect("an example can be read");
        let mut ours = Node::Object(read_xml(&bytes, name(&path)).object);
        let mut other = Node::Object(other.object);
        kept_by_others(&mut ours);
        kept_by_others(&mut other);
        assert_eq!(said(&ours), said(&other), "{}", name(&path));
    }
}

/// What is not R4, with the element that says so: one is of an earlier FHIR, one has its elements in another order.
const NOT_R4: &[(&str, &str)] = &[
    ("myconsent-ext", "StructureDefinition.contextType"),
    ("observation-example", "Observation.extension stands after status"),
];

#[test]
fn xml_of_the_test_suite_is_taken_where_it_is_r4() {
    for folder in ["fhir-test-cases/r4", "fhir-test-cases/r4/examples"] {
        let mut refused = Vec::new();
        for path in shared(folder, "xml") {
            let bytes = std::fs::read(&path).expect("a case can be read");
            match xml::read(&bytes) {
                Ok(resource) => goes_through_xml(&resource, name(&path)),
                Err(issues) => refused.push((name(&path).to_owned(), first(&issues))),
            }
        }
        refused.retain(|(file, why)| !NOT_R4.iter().any(|(name, place)| name == file && why.starts_with(place)));
        assert_eq!(refused, [], "{folder}");
    }
}

/// Good and bad resources of the validators' test suite: nothing panics, and what is taken comes back.
#[test]
fn validator_cases_are_survived() {
    for path in shared("fhir-test-cases/validator", "xml") {
        let bytes = std::fs::read(&path).expect("a case can be read");
        match xml::read(&bytes) {
            Ok(resource) => goes_through_xml(&resource, name(&path)),
            Err(issues) => assert!(!issues.is_empty() && issues.len() <= 50, "{}", name(&path)),
        }
    }
}

fn first(issues: &[Issue]) -> String {
    issues.iter().map(|issue| format!("{} {}", issue.path, issue.text)).next().unwrap_or_default()
}
