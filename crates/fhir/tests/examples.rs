//! Real resources that nobody here wrote: all that are R4 are taken, and come out as they went in.
//!
//! The data lies beside the checkout; where it is absent the tests say so and pass.

#[path = "support/shared.rs"]
mod shared;

use fhir::{Issue, Node, Resource, json};
use shared::{name, shared};

/// What is truly wrong in the official examples, with the element that says so.
const WRONG_EXAMPLES: &[(&str, &str)] = &[("Questionnaire-qs1", "Questionnaire.item[0].item[0].linkId is required")];

/// Reading what was written gives the same tree, and writing that the same bytes.
fn comes_back(resource: &Resource, file: &str) {
    let (mut once, mut twice, mut pretty) = (Vec::new(), Vec::new(), Vec::new());
    json::write(resource, &mut once);
    json::write_pretty(resource, &mut pretty);
    let again = json::read(&once).unwrap_or_else(|issues| panic!("{file}: {issues:?}"));
    json::write(&again, &mut twice);
    assert_eq!(once, twice, "{file}");
    let from_pretty = json::read(&pretty).unwrap_or_else(|issues| panic!("{file}: {issues:?}"));
    assert_eq!(from_pretty, again, "{file}");
}

/// The same values by serde_json, which has no idea of FHIR.
fn agrees_with_serde(resource: &Resource, bytes: &[u8], file: &str) {
    let mut written = Vec::new();
    json::write(resource, &mut written);
    let ours: serde_json::Value = serde_json::from_slice(&written).expect("we write JSON");
    let theirs: serde_json::Value = serde_json::from_slice(bytes.trim_ascii_start()).expect("the example is JSON");
    assert_eq!(ours, theirs, "{file}");
}

fn first(issues: &[Issue]) -> String {
    issues.iter().map(|issue| format!("{} {}", issue.path, issue.text)).next().unwrap_or_default()
}

#[test]
fn official_examples_are_taken_unless_they_are_wrong() {
    let mut refused = Vec::new();
    for path in shared("fhir-r4-examples/json", "json") {
        let bytes = std::fs::read(&path).expect("an example can be read");
        match json::read(&bytes) {
            Ok(resource) => {
                comes_back(&resource, name(&path));
                agrees_with_serde(&resource, &bytes, name(&path));
            }
            Err(issues) => refused.push((name(&path).to_owned(), first(&issues))),
        }
    }
    let unexpected: Vec<_> = refused
        .iter()
        .filter(|(file, issue)| !WRONG_EXAMPLES.iter().any(|(wrong, place)| wrong == file && issue.starts_with(place)))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

#[test]
fn synthetic_records_are_taken() {
    for path in shared("synthea-r4-smart", "json") {
        let bytes = std::fs::read(&path).expect("a record can be read");
        let bundle = json::read(&bytes).unwrap_or_else(|issues| panic!("{}: {issues:#?}", name(&path)));
        assert!(bundle.object.items("entry").iter().all(|entry| matches!(entry, Node::Object(_))));
        comes_back(&bundle, name(&path));
        agrees_with_serde(&bundle, &bytes, name(&path));
    }
}

/// Good and bad resources of the validators' test suite: nothing panics, and what is taken comes back.
#[test]
fn validator_cases_are_survived() {
    for folder in ["fhir-test-cases/validator", "fhir-test-cases/r4/examples", "fhir-test-cases/r4/graphql"] {
        for path in shared(folder, "json") {
            let bytes = std::fs::read(&path).expect("a case can be read");
            match json::read(&bytes) {
                Ok(resource) => comes_back(&resource, name(&path)),
                Err(issues) => assert!(!issues.is_empty() && issues.len() <= 50, "{}", name(&path)),
            }
        }
    }
}
