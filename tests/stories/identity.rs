//! One person at several providers: linked by the engine, decided by stewards, shown as one, and taken back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::http::{Fhir, Reply};
use crate::support::server::Hilum;

const PATIENCE: Duration = Duration::from_secs(60);

/// A Patient of a clinic, with all that one usually knows.
fn patient(id: &str, clinic: &str, given: &str, birth: &str) -> Value {
    json!({ "resourceType": "Patient", "id": id,
            "identifier": [{ "system": format!("urn:{clinic}"), "value": format!("{clinic}-{id}") }],
            "name": [{ "family": "Abernathy", "given": [given, "Quincy"] }], "gender": "female", "birthDate": birth,
            "telecom": [{ "system": "phone", "value": "217-544-2918" }],
            "address": [{ "line": ["418 Chestnut Street"], "city": "Springfield", "state": "IL", "postalCode": "62704" }] })
}

fn put(fhir: &Fhir, resource: &Value) {
    let id = resource["id"].as_str().expect("an id");
    let path = format!("{}/{id}", resource["resourceType"].as_str().expect("a type"));
    let reply = fhir.put(&path, &[], resource);
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
}

fn result(id: &str, patient: &str) -> Value {
    json!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "potassium" },
            "subject": { "reference": format!("Patient/{patient}") }, "valueString": "4.1" })
}

/// Asks until the answer is as it should be: the worker follows the log.
fn until(what: &str, ask: impl Fn() -> bool) {
    let begin = Instant::now();
    while !ask() {
        assert!(begin.elapsed() < PATIENCE, "never came: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The golden Patient over a source.
fn golden(fhir: &Fhir, source: &str) -> Option<Value> {
    fhir.search(&format!("Patient?link=Patient/{source}&_tag=urn:hilum:identity|golden")).into_iter().next()
}

fn decide(fhir: &Fhir, one: &str, other: &str, decision: &str) -> Reply {
    let patient = |id: &str| json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{id}") } });
    let decision = json!({ "name": "decision", "valueCode": decision });
    let body = json!({ "resourceType": "Parameters", "parameter": [patient(one), patient(other), decision] });
    fhir.post("Patient/$identity-decide", &[], &body)
}

fn ids(found: &[Value]) -> Vec<&str> {
    let mut ids: Vec<&str> = found.iter().filter_map(|resource| resource["id"].as_str()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn who_is_registered_twice_is_found_as_one_and_everything_of_her_with_her() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    put(&fhir, &patient("n1", "north", "Wilhelmina", "1961-07-23"));
    put(&fhir, &patient("s1", "south", "Wilhelmina", "1961-07-23"));
    put(&fhir, &patient("s2", "south", "Bartholomew", "1990-02-11"));
    for (id, of) in [("o1", "n1"), ("o2", "s1"), ("o3", "s2")] {
        put(&fhir, &result(id, of));
    }
    until("a golden Patient", || golden(&fhir, "n1").is_some());
    let whole = golden(&fhir, "n1").expect("it is there");
    let id = whole["id"].as_str().expect("an id").to_owned();
    assert_eq!(golden(&fhir, "s1").map(|of| of["id"].clone()), Some(json!(id)));
    assert!(golden(&fhir, "s2").is_none());
    assert_eq!(whole["identifier"].as_array().map(Vec::len), Some(2), "{whole}");

    // What names her names all of her sources.
    assert_eq!(ids(&fhir.search(&format!("Observation?subject=Patient/{id}"))), ["o1", "o2"]);
    assert_eq!(ids(&fhir.search(&format!("Patient/{id}/Observation?"))), ["o1", "o2"]);
    let everything = fhir.get(&format!("Patient/{id}/$everything")).json();
    let entries = everything["entry"].as_array().expect("entries");
    let all: Vec<Value> = entries.iter().map(|entry| entry["resource"].clone()).collect();
    assert!(["n1", "s1", "o1", "o2"].iter().all(|id| ids(&all).contains(id)), "{all:?}");
    assert!(!ids(&all).contains(&"o3") && !ids(&all).contains(&"s2"));

    // Nobody writes her but by her sources.
    let refused = fhir.put(&format!("Patient/{id}"), &[], &json!({ "resourceType": "Patient", "id": id }));
    assert_eq!(refused.status, 405, "{}", refused.text);
    assert!(refused.text.contains("Patient/n1") && refused.text.contains("Patient/s1"), "{}", refused.text);
    assert_eq!(fhir.delete(&format!("Patient/{id}"), &[]).status, 405);
    let mut moved = patient("n1", "north", "Wilhelmina", "1961-07-23");
    moved["telecom"] = json!([{ "system": "phone", "value": "217-544-9999" }]);
    put(&fhir, &moved);
    until("the new phone", || golden(&fhir, "n1").is_some_and(|of| of.to_string().contains("9999")));
}

#[test]
fn a_steward_decides_for_ever_and_everything_can_be_taken_back() {
    let mut hilum = Hilum::start();
    let fhir = hilum.fhir();
    put(&fhir, &patient("a", "north", "Wilhelmina", "1961-07-23"));
    put(&fhir, &patient("b", "south", "Wilhelmina", "1961-07-23"));
    put(&fhir, &patient("c", "south", "Bartholomew", "1990-02-11"));
    until("a golden Patient", || golden(&fhir, "a").is_some());
    let plain = |mut of: Value| {
        of["meta"].as_object_mut().expect("meta").retain(|name, _| name == "tag");
        of.to_string()
    };
    let before = plain(golden(&fhir, "a").expect("it is there"));

    let apart = decide(&fhir, "b", "a", "not-same");
    assert_eq!(apart.status, 200, "{}", apart.text);
    assert!(golden(&fhir, "a").is_none(), "it is done when it is answered");
    put(&fhir, &patient("b", "south", "Wilhelmina", "1961-07-23"));
    let later = decide(&fhir, "c", "b", "link");
    assert_eq!(later.status, 200, "{}", later.text);
    assert!(golden(&fhir, "c").is_some() && golden(&fhir, "a").is_none(), "a person's word stands");
    assert_eq!(decide(&fhir, "a", "b", "link").status, 200, "a person may take his own word back");
    assert_eq!(decide(&fhir, "c", "b", "undo").status, 200);
    assert_eq!(decide(&fhir, "a", "b", "undo").status, 200);
    assert_eq!(plain(golden(&fhir, "a").expect("the engine's link is back")), before);
    assert!(golden(&fhir, "c").is_none());

    // All of it is in the log, and a new process knows it.
    let decisions = fhir.search("Linkage?_tag=urn:hilum:identity|link");
    assert_eq!(decisions.len(), 1, "{decisions:?}");
    assert!(fhir.history(&format!("Linkage/{}", decisions[0]["id"].as_str().expect("an id"))).len() >= 3);
    hilum.stop();
    hilum.start_again();
    let fhir = hilum.fhir();
    until("the index", || fhir.get("Patient/$identity-explain?patient=a&patient=b").status == 200);
    let explained = fhir.get("Patient/$identity-explain?patient=Patient/a&patient=Patient/b");
    assert!(explained.text.contains(r#""onePerson","valueBoolean":true"#), "{}", explained.text);
    assert!(explained.text.contains("bits"), "{}", explained.text);
    assert_eq!(decide(&fhir, "a", "nobody", "link").status, 422);
    assert_eq!(decide(&fhir, "a", "a", "link").status, 400);
}

#[test]
fn others_ask_who_is_meant_and_by_what_else_she_is_known() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    put(&fhir, &patient("a", "north", "Wilhelmina", "1961-07-23"));
    put(&fhir, &patient("b", "south", "Wilhelmina", "1961-07-23"));
    put(&fhir, &patient("c", "south", "Bartholomew", "1990-02-11"));
    until("a golden Patient", || golden(&fhir, "a").is_some());
    let mut asked = patient("x", "west", "Wilhelmina", "1961-07-23");
    asked.as_object_mut().expect("an object").remove("id");
    let ask = |certain: bool, count: i64| {
        json!({ "resourceType": "Parameters", "parameter": [
            { "name": "resource", "resource": asked }, { "name": "onlyCertainMatches", "valueBoolean": certain },
            { "name": "count", "valueInteger": count } ] })
    };
    let found = fhir.post("Patient/$match", &[], &ask(true, 5));
    assert_eq!(found.status, 200, "{}", found.text);
    let entries = found.json()["entry"].as_array().cloned().expect("two sources of her");
    assert_eq!(ids(&entries.iter().map(|of| of["resource"].clone()).collect::<Vec<_>>()), ["a", "b"]);
    assert_eq!(entries[0]["search"]["extension"][0]["valueCode"], "certain");
    assert!(entries[0]["search"]["score"].as_f64().is_some_and(|score| score > 0.9 && score <= 1.0));
    assert_eq!(fhir.post("Patient/$match", &[], &ask(false, 1)).json()["total"], 1);
    assert_eq!(fhir.post("Patient/$match", &[], &ask(false, 0)).status, 400);
    let stranger = json!({ "resourceType": "Patient", "name": [{ "family": "Nobody", "given": ["Known"] }] });
    assert_eq!(fhir.post("Patient/$match", &[], &stranger).json()["total"], 0);

    let known = fhir.get("Patient/$ihe-pix?sourceIdentifier=urn:north|north-a&targetSystem=urn:south");
    assert_eq!(known.status, 200, "{}", known.text);
    assert!(known.text.contains("south-b") && known.text.contains("/Patient/b"), "{}", known.text);
    assert!(!known.text.contains("north-a") && !known.text.contains("south-c"), "{}", known.text);
    assert_eq!(fhir.get("Patient/$ihe-pix?sourceIdentifier=urn:north|nobody").status, 404);
    assert_eq!(fhir.get("Patient/$ihe-pix?sourceIdentifier=urn:north|north-a&targetSystem=urn:mars").status, 403);
    assert_eq!(fhir.get("Patient/$ihe-pix?sourceIdentifier=north-a").status, 400);
}
