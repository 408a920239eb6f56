//! `hilum validate`: a file in, an OperationOutcome out; the exit code says whether it is valid.

use std::fs;

use serde_json::{Value, json};

use crate::support::cli::{Ran, hilum, hilum_with};
use crate::support::directory::Directory;

const NARRATIVE: &str = r#""text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}"#;

/// Severity, element and line of each issue.
fn issues(ran: &Ran) -> Vec<(String, String, u64)> {
    let outcome = ran.json();
    assert_eq!(outcome["resourceType"], json!("OperationOutcome"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |issue: &Value| issue["extension"][0]["valueInteger"].as_u64().unwrap_or_default();
    let issues = outcome["issue"].as_array().expect("issues").iter();
    issues.map(|issue| (text(&issue["severity"]), text(&issue["expression"][0]), line(issue))).collect()
}

fn issue(severity: &str, element: &str, line: u64) -> (String, String, u64) {
    (severity.to_owned(), element.to_owned(), line)
}

#[test]
fn a_valid_resource_is_told_so() {
    let patient = format!(r#"{{"resourceType":"Patient",{NARRATIVE}}}"#);
    let ran = hilum_with(&["validate", "-"], patient.as_bytes()).done();
    assert_eq!(issues(&ran), [issue("information", "", 0)]);
}

#[test]
fn what_is_wrong_is_told_with_its_element_and_its_line() {
    let patient = format!("{{\"resourceType\":\"Patient\",\n{NARRATIVE},\n\"contact\":[\n{{\"gender\":\"male\"}}]}}");
    let ran = hilum_with(&["validate", "-"], patient.as_bytes());
    assert_eq!((ran.code, issues(&ran)), (1, vec![issue("error", "Patient.contact[0]", 4)]), "{ran:?}");
    let unreadable = hilum_with(&["validate", "-"], b"{\"resourceType\":\"Patient\",\n\"birthDate\":\"yesterday\"}");
    assert_eq!((unreadable.code, issues(&unreadable)), (1, vec![issue("error", "Patient.birthDate", 2)]));
    let broken = hilum_with(&["validate", "-"], b"{\"resourceType\":\"Patient\",\n");
    assert_eq!((broken.code, issues(&broken)[0].0.as_str()), (1, "fatal"), "{broken:?}");
}

#[test]
fn xml_and_lines_of_json_are_read_too() {
    let xml = "<Patient xmlns=\"http://hl7.org/fhir\">\n<contact>\n<gender value=\"male\"/></contact></Patient>";
    let ran = hilum_with(&["validate", "-"], xml.as_bytes());
    assert!(ran.code == 1 && issues(&ran).contains(&issue("error", "Patient.contact[0]", 2)), "{ran:?}");
    let folder = Directory::new();
    let file = folder.path().join("patients.ndjson");
    let good = format!("{{\"resourceType\":\"Patient\",{NARRATIVE}}}\n");
    fs::write(
        &file,
        format!("{good}\n{{\"resourceType\":\"Patient\",{NARRATIVE},\"contact\":[{{\"gender\":\"male\"}}]}}\n{good}"),
    )
    .expect("the folder is ours");
    let ran = hilum(&["validate", file.to_str().expect("UTF-8")]);
    assert_eq!((ran.code, issues(&ran)), (1, vec![issue("error", "Patient.contact[0]", 3)]), "{ran:?}");
}

#[test]
fn a_file_that_is_not_there_is_the_inputs_fault() {
    let ran = hilum(&["validate", "/nowhere/patient.json"]);
    assert!(ran.code == 1 && ran.talk.contains("/nowhere/patient.json") && ran.out.is_empty(), "{ran:?}");
}
