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
pub fn until(what: &str, ask: impl Fn() -> bool) {
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

    // Whoever looks for what a source says finds the source, and her where he names her.
    assert_eq!(ids(&fhir.search("Patient?family=Abernathy")), ["n1", "s1", "s2"]);
    assert_eq!(ids(&fhir.search("Patient?identifier=urn:north|north-n1")), ["n1"]);
    let known = [("if-none-exist", "identifier=urn:north|north-n1")];
    assert_eq!(fhir.post("Patient", &known, &patient("x", "north", "Wilhelmina", "1961-07-23")).status, 200);
    assert_eq!(ids(&fhir.search("Observation?subject:Patient.family=Abernathy")), ["o1", "o2", "o3"]);

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
    assert!(known.text.contains("south-b") && known.text.contains("Patient/b"), "{}", known.text);
    assert!(!known.text.contains("north-a") && !known.text.contains("south-c"), "{}", known.text);
    assert_eq!(fhir.get("Patient/$ihe-pix?sourceIdentifier=urn:north|nobody").status, 404);
    assert_eq!(fhir.get("Patient/$ihe-pix?sourceIdentifier=urn:north|north-a&targetSystem=urn:mars").status, 403);
    assert_eq!(fhir.get("Patient/$ihe-pix?sourceIdentifier=north-a").status, 400);
}

const GIVEN: [&str; 10] = [
    "Wilhelmina",
    "Bartholomew",
    "Octavia",
    "Thaddeus",
    "Genevieve",
    "Ferdinand",
    "Rosalind",
    "Cornelius",
    "Priscilla",
    "Augustin",
];
const FAMILY: [&str; 8] =
    ["Abernathy", "Quackenbush", "Villanueva", "Oyelaran", "Strandberg", "Kowalczyk", "Takahashi", "Montefiore"];

/// One of many people, as one of many clinics registers her.
pub fn somebody(number: usize, clinic: usize) -> Value {
    json!({ "resourceType": "Patient", "id": format!("c{clinic}-p{number}"),
            "identifier": [{ "system": format!("urn:clinic:{clinic}"), "value": format!("{}", 7_000 + number) }],
            "name": [{ "family": FAMILY[number / GIVEN.len()], "given": [GIVEN[number % GIVEN.len()]] }],
            "birthDate": format!("{}-{:02}-{:02}", 1930 + number, number % 12 + 1, number % 27 + 1),
            "telecom": [{ "system": "phone", "value": format!("217-{}-{}", 300 + number, 2_000 + 53 * number) }],
            "address": [{ "line": [format!("{} Chestnut Street", 100 + 7 * number)], "city": "Springfield", "postalCode": "62704" }] })
}

/// The references of a golden Patient to its sources.
pub fn sources(of: &Value) -> Vec<String> {
    let links = of["link"].as_array().expect("links").iter();
    links.map(|link| link["other"]["reference"].as_str().expect("a source").to_owned()).collect()
}

#[test]
fn many_who_are_registered_by_many_at_one_moment_are_as_many_people() {
    const CLINICS: usize = 12;
    const PEOPLE: usize = 80;
    let hilum = Hilum::start();
    let base = hilum.fhir();
    std::thread::scope(|scope| {
        for clinic in 0..CLINICS {
            let fhir = hilum.fhir();
            // Each begins with somebody else, so that all meet all.
            scope.spawn(move || {
                (0..PEOPLE).for_each(|at| put(&fhir, &somebody((at + clinic * 7) % PEOPLE, clinic)));
            });
        }
    });
    let golden = || base.search("Patient?_tag=urn:hilum:identity|golden");
    until("all are joined", || golden().iter().map(|of| sources(of).len()).sum::<usize>() == CLINICS * PEOPLE);
    let all = golden();
    assert_eq!(all.len(), PEOPLE, "none is split, none is lost");
    for of in &all {
        let mut people: Vec<String> =
            sources(of).iter().filter_map(|id| Some(id.split_once("-p")?.1.to_owned())).collect();
        people.dedup();
        assert_eq!(people.len(), 1, "nobody is joined with somebody else: {of}");
    }
}

#[test]
fn the_examples_of_ihe_pixm_are_answered_as_ihe_has_them() {
    let Some(examples) = crate::support::shared::find("data/ihe-pixm/input/examples") else { return };
    let read = |name: &str| std::fs::read(examples.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let ids = ["Red", "Green", "Blue"].map(|colour| format!("Patient-MohrAlice-{colour}"));
    for id in &ids {
        let patient: Value = serde_json::from_slice(&read(&format!("{id}.json"))).expect("an example is JSON");
        put(&fhir, &patient);
    }
    for other in &ids[1..] {
        until("a decision", || decide(&fhir, &ids[0], other, "link").status == 200);
    }
    let source = "urn:oid:1.3.6.1.4.1.21367.13.20.1000|IHERED-994";
    let blue = "&targetSystem=urn:oid:1.3.6.1.4.1.21367.13.20.3000";
    for (target, example) in [("", "red-all"), (blue, "red-to-blue")] {
        let expected = read(&format!("pixm-response-mohralice-{example}.xml"));
        let expected = String::from_utf8(expected).expect("an example is text");
        let found = fhir.get(&format!("Patient/$ihe-pix?sourceIdentifier={source}{target}&_format=xml"));
        assert_eq!(found.status, 200, "{}", found.text);
        assert_eq!(said(&found.text), said(&expected), "{example}: {}", found.text);
    }
}

/// The references and the values of identifiers in an answer, sorted.
fn said(xml: &str) -> Vec<String> {
    let values = xml
        .split("<")
        .filter(|tag| ["reference value=", "system value=", "value value="].iter().any(|of| tag.starts_with(of)));
    let mut values: Vec<String> = values.filter_map(|tag| Some(tag.split('"').nth(1)?.to_owned())).collect();
    values.sort();
    values
}

#[test]
fn two_files_of_one_source_become_one_and_are_two_again() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let mut kept = patient("a", "north", "Wilhelmina", "1961-07-23");
    kept["active"] = json!(true);
    put(&fhir, &kept);
    put(&fhir, &patient("b", "north", "Minna", "1961-07-23"));
    put(&fhir, &result("o1", "a"));
    put(&fhir, &result("o2", "b"));
    let ask = |operation: &str, source: &str, target: &str, preview: bool| {
        let of =
            |name: &str, id: &str| json!({ "name": name, "valueReference": { "reference": format!("Patient/{id}") } });
        let preview = json!({ "name": "preview", "valueBoolean": preview });
        let body = json!({ "resourceType": "Parameters",
            "parameter": [of("source-patient", source), of("target-patient", target), preview] });
        fhir.post(&format!("Patient/{operation}"), &[], &body)
    };
    let previewed = ask("$merge", "a", "b", true);
    assert!(previewed.status == 200 && previewed.text.contains("replaces"), "{}", previewed.text);
    assert_eq!((fhir.versions("Patient/a"), fhir.versions("Patient/b")), (1, 1));
    for _ in 0..2 {
        let merged = ask("$merge", "a", "b", false);
        assert_eq!(merged.status, 200, "{}", merged.text);
        assert_eq!((fhir.versions("Patient/a"), fhir.versions("Patient/b")), (2, 2), "asked twice, done once");
    }
    let prior = fhir.get("Patient/a").json();
    assert_eq!((&prior["active"], &prior["link"][0]["type"]), (&json!(false), &json!("replaced-by")));
    assert_eq!(ids(&fhir.search("Observation?subject=Patient/b")), ["o1", "o2"]);
    assert_eq!(ask("$merge", "b", "a", false).status, 422, "the survivor cannot be merged into its prior");
    assert_eq!(ask("$merge", "a", "a", false).status, 422);
    assert_eq!(ask("$merge", "a", "nobody", false).status, 404);
    for _ in 0..2 {
        let parted = ask("$unmerge", "a", "b", false);
        assert_eq!(parted.status, 200, "{}", parted.text);
        assert_eq!((fhir.versions("Patient/a"), fhir.versions("Patient/b")), (3, 3));
    }
    let again = fhir.get("Patient/a").json();
    assert_eq!((&again["active"], &again["link"]), (&json!(true), &Value::Null));
    assert_eq!(ids(&fhir.search("Observation?subject=Patient/b")), ["o2"]);
}
