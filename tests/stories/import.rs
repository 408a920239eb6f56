//! A site brings its old records: files of Bundles and of a resource a line, into a server that runs.

use serde_json::json;

use crate::support::cli::hilum;
use crate::support::directory::Directory;
use crate::support::server::Hilum;

const LINES: &str = r#"{"resourceType":"Patient","id":"old-1","name":[{"family":"Maran"}]}
{"resourceType":"Patient","id":"old-2","birthDate":"31.12.1970"}
{"resourceType":"Observation","id":"old-3","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/old-1"},"valueQuantity":{"value":71.50,"unit":"kg"}}
"#;

#[test]
fn files_of_a_directory_are_in_the_record_and_a_bad_line_costs_only_itself() {
    let server = Hilum::start();
    let files = Directory::new();
    let record = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "fullUrl": "urn:uuid:6f1f4d2a-0a6e-4c57-9f0e-0d0c3b1a2f01", "resource": { "resourceType": "Patient",
          "identifier": [{ "system": "urn:oid:1.2.3", "value": "77" }] }, "request": { "method": "POST", "url": "Patient" } },
        { "resource": { "resourceType": "Condition", "code": { "text": "asthma" },
          "subject": { "reference": "urn:uuid:6f1f4d2a-0a6e-4c57-9f0e-0d0c3b1a2f01" } },
          "request": { "method": "POST", "url": "Condition" } },
    ]});
    files.write("a/record.json", record.to_string());
    files.write("b.ndjson", LINES);
    files.write("readme.txt", "not for import");
    let from = files.path().to_str().expect("UTF-8");
    let http = server.http();
    let import = || hilum(&["import", from, "--server", &http, "-o", "json"]);

    let first = import();
    assert_eq!(first.code, 1, "{first:?}");
    assert!(first.talk.contains("b.ndjson:2: Patient.birthDate must be a date"), "{first:?}");
    assert!(!first.talk.contains("1970"), "no value is repeated: {first:?}");
    let summary = first.json();
    assert_eq!((&summary["files"], &summary["stored"]), (&json!(2), &json!(4)), "{summary}");
    assert_eq!((&summary["created"], &summary["refused"]), (&json!(4), &json!(1)), "{summary}");

    let fhir = server.fhir();
    assert!(fhir.get("Observation/old-3").text.contains("71.50"), "numbers are as they were written");
    let patient = fhir.get("Patient?identifier=urn:oid:1.2.3|77").json()["entry"][0]["resource"]["id"].clone();
    let conditions = fhir.get("Condition");
    let subject = format!("Patient/{}", patient.as_str().expect("an id"));
    assert_eq!(conditions.json()["entry"][0]["resource"]["subject"]["reference"], json!(subject));

    // What is put is put again; what a transaction creates it creates again.
    let second = import().json();
    assert_eq!((&second["stored"], &second["created"]), (&json!(4), &json!(2)), "{second}");
}

#[test]
fn an_import_that_cannot_be_says_whose_fault_that_is() {
    let files = Directory::new();
    let file = files.write("a.ndjson", LINES);
    let file = file.to_str().expect("UTF-8");
    let empty = Directory::new();
    for (from, server, code) in [
        (file, "http://127.0.0.1:1", 3),
        (file, "http://10.1.2.3", 2),
        (file, "ftp://127.0.0.1", 2),
        ("/no/such/file", "http://127.0.0.1:1", 1),
        (empty.path().to_str().expect("UTF-8"), "http://127.0.0.1:1", 1),
        ("https://127.0.0.1/a.ndjson", "http://127.0.0.1:1", 2),
    ] {
        let ran = hilum(&["import", from, "--server", server]);
        assert_eq!(ran.code, code, "{from} {server}: {ran:?}");
        assert!(ran.talk.contains("hilum: "), "{ran:?}");
    }
}
