//! A site's own search parameters: SearchParameter resources and `$reindex`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::http::{Fhir, Reply};
use crate::support::server::Hilum;

const PATIENCE: Duration = Duration::from_secs(60);

fn parameter(code: &str, class: &str, expression: &str) -> Value {
    json!({ "resourceType": "SearchParameter", "id": code, "url": format!("http://clinic.example/{code}"), "name": code,
            "status": "active", "description": "of this site", "code": code, "base": ["Patient"], "type": class,
            "target": ["Practitioner"], "expression": expression })
}

fn patient(id: &str, ward: &str) -> Value {
    json!({ "resourceType": "Patient", "id": id,
            "extension": [{ "url": "http://clinic.example/ward", "valueCoding": { "system": "http://w", "code": ward, "display": "Ward" } }],
            "generalPractitioner": [{ "reference": "Practitioner/p" }] })
}

fn put(fhir: &Fhir, resource: &Value) {
    let path =
        format!("{}/{}", resource["resourceType"].as_str().expect("a type"), resource["id"].as_str().expect("an id"));
    let reply = fhir.put(&path, &[], resource);
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
}

/// The values of the named parts of each parameter of a name.
fn parts(reply: &Reply, name: &str, wanted: &[&str]) -> Vec<String> {
    let parameters = reply.json()["parameter"].as_array().cloned().unwrap_or_default();
    let of_name = parameters.iter().filter(|of| of["name"] == name);
    let value = |part: &Value| {
        let values = part.as_object().expect("a part").iter().filter(|(name, _)| name.starts_with("value"));
        values.map(|(_, value)| value.as_str().unwrap_or_default().to_owned()).collect::<String>()
    };
    let said = |of: &Value| {
        let parts = of["part"].as_array().cloned().unwrap_or_default();
        let of_part = |name: &&str| parts.iter().find(|part| part["name"] == **name).map(value).unwrap_or_default();
        wanted.iter().map(of_part).collect::<Vec<_>>().join(" ")
    };
    let mut all: Vec<String> = of_name.map(said).collect();
    all.sort();
    all
}

fn ready(fhir: &Fhir) -> Reply {
    let begin = Instant::now();
    loop {
        let reply = fhir.get("$reindex");
        assert_eq!(reply.status, 200, "{}", reply.text);
        if parts(&reply, "searchParameter", &["state"]).iter().all(|state| state == "ready") {
            return reply;
        }
        assert!(begin.elapsed() < PATIENCE, "{}", reply.text);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_a_site_defines_can_be_asked_for_when_all_that_is_stored_was_looked_through() {
    let mut hilum = Hilum::start();
    let fhir = hilum.fhir();
    put(&fhir, &json!({ "resourceType": "Practitioner", "id": "p", "name": [{ "family": "Quist" }] }));
    for (id, ward) in [("a", "north"), ("b", "south"), ("c", "north")] {
        put(&fhir, &patient(id, ward));
    }
    put(&fhir, &parameter("ward", "token", "Patient.extension('http://clinic.example/ward').value"));
    put(&fhir, &parameter("doctor", "reference", "Patient.generalPractitioner"));
    put(&fhir, &parameter("name", "string", "Patient.name.given"));
    let mut draft = parameter("draft", "string", "Patient.name.given");
    draft["status"] = json!("draft");
    put(&fhir, &draft);

    // Written, and nothing has changed yet.
    assert!(fhir.get("Patient?ward=north").outcome("not-supported").contains("no such search parameter"));
    let begun = fhir.post("$reindex", &[], &json!({ "resourceType": "Parameters" }));
    assert_eq!(begun.status, 200, "{}", begun.text);
    assert_eq!(parts(&begun, "searchParameter", &["type", "code"]), ["Patient doctor", "Patient ward"]);
    let left_out = parts(&begun, "leftOut", &["definition", "why"]);
    assert!(left_out.len() == 1 && left_out[0].contains("/name") && left_out[0].contains("in R4"), "{left_out:?}");
    ready(&fhir);

    for (query, expected) in [
        ("Patient?ward=http://w|north&_sort=_id", "a c"),
        ("Patient?ward:not=north", "b"),
        ("Patient?ward:text=ward&_sort=-ward,_id", "b a c"),
        ("Patient?doctor=Practitioner/p&ward=south", "b"),
        ("Patient?doctor.name=quist&ward=south", "b"),
        ("Practitioner?_has:Patient:doctor:ward=south", "p"),
    ] {
        let found = fhir.search(query);
        let ids: Vec<&str> = found.iter().filter_map(|resource| resource["id"].as_str()).collect();
        assert_eq!(ids.join(" "), expected, "{query}");
    }
    let included = fhir.get("Patient?ward=south&_include=Patient:doctor").json();
    assert_eq!(included["entry"].as_array().map(Vec::len), Some(2));

    // Of identical conditional creates by it, one makes the resource.
    let new = |id: &str| {
        let mut new = patient(id, "east");
        new.as_object_mut().expect("an object").remove("id");
        new
    };
    let statuses = [0, 1].map(|_| fhir.post("Patient", &[("if-none-exist", "ward=east")], &new("x")).status);
    assert_eq!(statuses, [201, 200]);

    let said = fhir.get("metadata").json();
    let kinds = said["rest"][0]["resource"].as_array().expect("types");
    let of_patient = kinds.iter().find(|of| of["type"] == "Patient").expect("Patient");
    let of_ward = of_patient["searchParam"].as_array().expect("parameters").iter().find(|of| of["name"] == "ward");
    assert_eq!(of_ward, Some(&json!({ "name": "ward", "definition": "http://clinic.example/ward", "type": "token" })));

    // It outlives the process; it ends when it is retired and the site says so.
    hilum.stop();
    hilum.start_again();
    let fhir = hilum.fhir();
    assert_eq!(fhir.search("Patient?ward=north").len(), 2);
    let mut retired = parameter("ward", "token", "Patient.extension('http://clinic.example/ward').value");
    retired["status"] = json!("retired");
    put(&fhir, &retired);
    assert_eq!(fhir.search("Patient?ward=north").len(), 2);
    fhir.post("$reindex", &[], &json!({ "resourceType": "Parameters" }));
    assert_eq!(parts(&ready(&fhir), "searchParameter", &["code"]), ["doctor"]);
    assert!(fhir.get("Patient?ward=north").outcome("not-supported").contains("no such search parameter"));
}
