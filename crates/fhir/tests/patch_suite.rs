//! The patch suites of HL7's test cases, which lie beside the checkout; where they are absent the tests say so and pass.
//!
//! The cases of JSON Patch are RFC 6902's own and of no resource, so they are run without FHIR's rules.

use std::path::Path;

use fhir::{Resource, json, patch, xml};
use serde_json::Value;

fn suite(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fhir-test-cases/r4/patch").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        #[expect(clippy::print_stderr, reason = "a skipped test is seen")]
        {
            eprintln!("skipped: {} is not here", path.display());
        }
    }
    text
}

#[test]
fn json_patch_does_what_its_suite_says() {
    let Some(text) = suite("json-patch-tests.json") else { return };
    let cases: Vec<Value> = serde_json::from_str(&text).expect("the suite is JSON");
    assert!(cases.len() >= 16, "the suite has its cases");
    for case in &cases {
        let bytes = |name: &str| case[name].to_string().into_bytes();
        let found = patch::json_patch_any(&bytes("doc"), &bytes("patch"));
        match (found, case.get("expected")) {
            (Ok(found), Some(expected)) => {
                let found: Value = serde_json::from_slice(&found).expect("JSON is written");
                assert_eq!(found, *expected, "{}", case["comment"]);
            }
            (Err(error), None) => assert!(case.get("error").is_some(), "{}: {error}", case["comment"]),
            (found, _) => panic!("{}: {found:?}", case["comment"]),
        }
    }
}

/// What stands in this element of a case; the suite's own elements are not FHIR, so that its text is cut.
fn inside<'c>(case: &'c str, name: &str) -> Option<&'c str> {
    let (_, rest) = case.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside.trim())
}

fn resource(case: &str, name: &str) -> Option<Resource<'static>> {
    let text = inside(case, name)?;
    // A case may have a comment before the resource.
    let text = &text[text.find("<P").expect("a Patient or Parameters")..];
    let read = xml::read(text.as_bytes()).unwrap_or_else(|issues| panic!("{name}: {issues:?}\n{text}"));
    Some(read.into_owned())
}

/// We keep the bytes of a narrative. The case "Full Resource" compares one that has `&quot;` and the line ends of its file
/// with one that came out of an attribute, where both were resolved; so they are here.
fn written(resource: &Resource<'_>) -> Value {
    let mut bytes = Vec::new();
    json::write(resource, &mut bytes);
    let mut value: Value = serde_json::from_slice(&bytes).expect("JSON is written");
    if let Some(Value::String(div)) = value.pointer_mut("/text/div") {
        *div = div.replace("&quot;", "\"").replace("\r\n", "\n");
    }
    value
}

#[test]
fn fhirpath_patch_does_what_its_suite_says() {
    let Some(text) = suite("fhir-patch-tests.xml") else { return };
    let cases: Vec<&str> = text.split("<case ").skip(1).collect();
    assert!(cases.len() >= 33, "the suite has its cases");
    for case in cases {
        let name = case.split('"').nth(1).unwrap_or_default();
        let before = resource(case, "input").expect("a case has an input");
        let parameters = resource(case, "diff").expect("a case has a patch");
        match (patch::fhirpath_patch(&before, &parameters), resource(case, "output")) {
            (Ok(after), Some(expected)) => assert_eq!(written(&after), written(&expected), "{name}"),
            (Err(error), None) => assert!(case.contains("<error "), "{name}: {error}"),
            (found, _) => panic!("{name}: {found:?}"),
        }
    }
}
