//! The patch suites of HL7's test cases, which lie beside the checkout; where they are absent the tests say so and pass.
//!
//! The cases of JSON Patch are RFC 6902's own and of no resource, so they are run without FHIR's rules.

use std::path::Path;

use fhir::patch;
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
