//! Operations of FHIR: `$validate`, `$meta`, `$lastn`.

use serde_json::{Value, json};

use crate::support::http::{Fhir, Reply};
use crate::support::server::Hilum;

fn result(patient: &str, code: &str, day: u8, status: &str) -> Value {
    json!({ "resourceType": "Observation", "status": status, "subject": { "reference": patient },
            "category": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory" }] }],
            "code": { "coding": [{ "system": "http://loinc.org", "code": code }] },
            "effectiveDateTime": format!("2026-03-{day:02}"), "valueString": format!("{code} {day}") })
}

fn issues(reply: &Reply) -> Vec<(String, String)> {
    let outcome = reply.json();
    assert_eq!((reply.status, &outcome["resourceType"]), (200, &json!("OperationOutcome")), "{}", reply.text);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let issues = outcome["issue"].as_array().expect("issues").iter();
    issues.map(|issue| (text(&issue["severity"]), text(&issue["expression"][0]))).collect()
}

#[test]
fn a_resource_is_judged_without_being_written() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let good = json!({ "resourceType": "Patient", "text": { "status": "generated",
        "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>" } });
    assert_eq!(issues(&fhir.post("Patient/$validate", &[], &good)), [("information".into(), String::new())]);
    // pat-1: a contact needs a name, telecom, address or organization.
    let bad = json!({ "resourceType": "Patient", "contact": [{ "gender": "male" }] });
    let wrapped = json!({ "resourceType": "Parameters", "parameter": [{ "name": "resource", "resource": bad }] });
    for body in [&bad, &wrapped] {
        let found = issues(&fhir.post("Patient/$validate", &[], body));
        assert!(found.contains(&("error".into(), "Patient.contact[0]".into())), "{found:?}");
    }
    let unreadable = json!({ "resourceType": "Patient", "birthDate": "yesterday" });
    let found = issues(&fhir.post("Patient/$validate", &[], &unreadable));
    assert_eq!(found, [("error".to_owned(), "Patient.birthDate".to_owned())]);
    assert_eq!(issues(&fhir.post("Observation/$validate", &[], &good))[0].0, "error", "it is no Observation");
    fhir.none("Patient");
    let id = fhir.post("Patient", &[], &bad).json()["id"].as_str().expect("it is taken, as the site wants").to_owned();
    assert!(issues(&fhir.get(&format!("Patient/{id}/$validate"))).iter().any(|(severity, _)| severity == "error"));
    assert_eq!(fhir.get("Patient/nobody/$validate").status, 404);
}

#[test]
fn a_site_may_judge_what_is_written() {
    let hilum = Hilum::configured("[fhir]\nvalidate = \"base\"\n");
    let fhir = hilum.fhir();
    let bad = json!({ "resourceType": "Patient", "contact": [{ "gender": "male" }] });
    let refused = fhir.post("Patient", &[], &bad);
    assert_eq!(refused.status, 422, "{}", refused.text);
    refused.outcome("invariant");
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "resource": { "resourceType": "Patient" }, "request": { "method": "POST", "url": "Patient" } },
        { "resource": bad, "request": { "method": "POST", "url": "Patient" } } ] });
    let refused = fhir.post("", &[], &bundle);
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.json()["issue"][0]["expression"][0], "Bundle.entry[1].resource.contact[0]");
    fhir.none("Patient");
}

#[test]
fn labels_are_added_and_taken_away() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let patient = json!({ "resourceType": "Patient", "id": "p", "meta": { "tag": [{ "system": "s", "code": "a" }] } });
    assert_eq!(fhir.put("Patient/p", &[], &patient).status, 201);
    let given = |codes: &[&str]| {
        let tags: Vec<Value> = codes.iter().map(|code| json!({ "system": "s", "code": code })).collect();
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "tag": tags } }] })
    };
    let tags = |fhir: &Fhir| {
        let meta = fhir.get("Patient/p/$meta").json()["parameter"][0]["valueMeta"].clone();
        let tags = meta["tag"].as_array().cloned().unwrap_or_default();
        tags.iter().map(|tag| tag["code"].as_str().expect("a code").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(fhir.post("Patient/p/$meta-add", &[], &given(&["a", "b"])).status, 200);
    assert_eq!(tags(&fhir), ["a", "b"]);
    assert_eq!(fhir.search("Patient?_tag=s|b").len(), 1);
    assert_eq!(fhir.post("Patient/p/$meta-delete", &[], &given(&["a", "b"])).status, 200);
    assert_eq!(tags(&fhir), [""; 0]);
    fhir.none("Patient?_tag=s|b");
    assert_eq!(fhir.post("Patient/p/$meta-add", &[], &patient).status, 400);
    assert_eq!(fhir.get("Patient/q/$meta").status, 404);
}

#[test]
fn the_newest_results_of_each_kind_are_found() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    for (patient, code, day, status) in [
        ("Patient/a", "2823-3", 1, "final"),
        ("Patient/a", "2823-3", 3, "final"),
        ("Patient/a", "2823-3", 2, "final"),
        ("Patient/a", "2823-3", 9, "entered-in-error"),
        ("Patient/a", "2951-2", 2, "final"),
        ("Patient/b", "2951-2", 8, "final"),
    ] {
        assert_eq!(fhir.post("Observation", &[], &result(patient, code, day, status)).status, 201);
    }
    let values = |query: &str| {
        let found = fhir.search(&format!("Observation/$lastn?{query}"));
        found.iter().map(|of| of["valueString"].as_str().expect("a value").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values("patient=Patient/a&category=laboratory"), ["2823-3 3", "2951-2 2"]);
    assert_eq!(values("patient=Patient/a&category=laboratory&max=2"), ["2823-3 3", "2823-3 2", "2951-2 2"]);
    assert_eq!(values("patient=Patient/a&code=2823-3&status=entered-in-error"), ["2823-3 9"]);
    for wrong in ["category=laboratory", "patient=Patient/a", "patient=Patient/a&code=x&max=0"] {
        assert_eq!(fhir.get(&format!("Observation/$lastn?{wrong}")).status, 400, "{wrong}");
    }
}
