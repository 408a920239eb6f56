//! Transactions and batches as a client meets them: all or nothing, references that follow, outcomes by entry
//! (R4 §3.1.0.11).

use std::thread;

use serde_json::{Value, json};

use crate::support::http::{Fhir, Reply};
use crate::support::server::Hilum;

fn bundle(kind: &str, entries: Vec<Value>) -> Value {
    json!({ "resourceType": "Bundle", "type": kind, "entry": entries })
}

fn post(fhir: &Fhir, bundle: &Value) -> Reply {
    fhir.post("", &[], bundle)
}

fn entry(method: &str, url: &str, full_url: &str, resource: Value) -> Value {
    let mut entry = json!({ "request": { "method": method, "url": url } });
    if !full_url.is_empty() {
        entry["fullUrl"] = json!(full_url);
    }
    if !resource.is_null() {
        entry["resource"] = resource;
    }
    entry
}

fn patient(number: &str) -> Value {
    json!({ "resourceType": "Patient", "identifier": [{ "system": "http://clinic.example/mrn", "value": number }] })
}

fn observation(subject: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "code": { "text": "weight" },
            "subject": { "reference": subject } })
}

fn statuses(reply: &Reply) -> Vec<String> {
    let entries = reply.json()["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["response"]["status"].as_str().unwrap_or_default().to_owned()).collect()
}

/// `Patient/x` of an entry's `response.location`.
fn made(reply: &Reply, at: usize) -> String {
    let location = reply.json()["entry"][at]["response"]["location"].clone();
    let location = location.as_str().unwrap_or_else(|| panic!("no location: {}", reply.text)).to_owned();
    let steps: Vec<&str> = location.split('/').collect();
    let history = steps.iter().position(|step| *step == "_history").expect("a location names its version");
    steps[history - 2..history].join("/")
}

const MOTHER: &str = "urn:uuid:0c2b9f0e-6ad3-4d3f-8f5c-3fb3c7a3b2a1";
const CHILD: &str = "urn:uuid:5a9c6b60-6b3b-4a57-9a1e-2f0fd2bb7c02";

#[test]
fn references_follow_the_ids_that_a_transaction_gives() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let mut child = patient("2");
    child["link"] = json!([{ "other": { "reference": MOTHER }, "type": "seealso" }]);
    let reply = post(
        &fhir,
        &bundle(
            "transaction",
            vec![
                entry("POST", "Observation", "", observation(CHILD)),
                entry("POST", "Patient", CHILD, child),
                entry("POST", "Patient", MOTHER, patient("1")),
                entry("GET", "Patient?identifier=1", "", Value::Null),
            ],
        ),
    );
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["type"], "transaction-response");
    assert_eq!(statuses(&reply), ["201 Created", "201 Created", "201 Created", "200 OK"]);
    let (child, mother) = (made(&reply, 1), made(&reply, 2));
    assert_eq!(fhir.get(&made(&reply, 0)).json()["subject"]["reference"], json!(child));
    assert_eq!(fhir.get(&child).json()["link"][0]["other"]["reference"], json!(mother));
    assert_eq!(reply.json()["entry"][3]["resource"]["entry"][0]["resource"]["id"], fhir.get(&mother).json()["id"]);
    let times: Vec<Value> = [&child, &mother].map(|at| fhir.get(at).json()["meta"]["lastUpdated"].clone()).to_vec();
    assert_eq!(times[0], times[1], "one transaction, one time");
}

#[test]
fn a_transaction_of_which_one_entry_cannot_be_leaves_nothing_behind() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let there = made(&post(&fhir, &bundle("transaction", vec![entry("POST", "Patient", "", patient("there"))])), 0);
    let good = || entry("POST", "Patient", MOTHER, patient("new"));
    let mut stale =
        entry("PUT", &there, "", json!({ "resourceType": "Patient", "id": there.split_once('/').expect("a key").1 }));
    stale["request"]["ifMatch"] = json!("W/\"7\"");
    let mut twice = patient("there");
    twice["id"] = json!("a");
    for (name, bad, status) in [
        ("a version that is gone", stale, 412),
        ("a urn that no entry has", entry("POST", "Observation", "", observation(CHILD)), 400),
        (
            "a reference that finds none",
            entry("POST", "Observation", "", observation("Patient?identifier=nobody")),
            412,
        ),
        ("a delete by criteria without any", entry("DELETE", "Patient?_count=3", "", Value::Null), 412),
        ("a read of nothing", entry("GET", "Patient/nobody", "", Value::Null), 404),
        ("a search that cannot be read", entry("GET", "Patient?shoe-size=3", "", Value::Null), 400),
        ("another resource type", entry("PUT", "Observation/a", "", twice.clone()), 400),
        ("another server", entry("PUT", "http://elsewhere.example/fhir/Patient/a", "", twice.clone()), 400),
        ("no such type", entry("POST", "Patience", "", patient("x")), 404),
        ("two with one fullUrl", entry("POST", "Patient", MOTHER, patient("x")), 400),
    ] {
        let reply = post(&fhir, &bundle("transaction", vec![good(), bad]));
        assert_eq!(reply.status, status, "{name}: {}", reply.text);
        let outcome = reply.json();
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{name}");
        let place = outcome["issue"][0]["expression"][0].as_str().unwrap_or_default().to_owned();
        assert!(place.starts_with("Bundle.entry[1]"), "{name}: {outcome}");
        fhir.none("Patient?identifier=new");
    }
    let same = vec![entry("PUT", "Patient/a", "", twice.clone()), entry("PUT", "Patient/a", "", twice)];
    assert_eq!(post(&fhir, &bundle("transaction", same)).status, 400, "one resource twice");
    assert_eq!(fhir.get("Patient/a").status, 404);
    assert_eq!(fhir.search("Patient").len(), 1);
}

#[test]
fn deletes_come_first_and_updates_find_what_is_there() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let first = post(
        &fhir,
        &bundle(
            "transaction",
            vec![entry("POST", "Patient", "", patient("1")), entry("POST", "Patient", "", patient("2"))],
        ),
    );
    let (one, two) = (made(&first, 0), made(&first, 1));
    let mut changed = patient("2");
    changed["active"] = json!(true);
    let mut unless = entry("POST", "Patient", MOTHER, patient("1"));
    unless["request"]["ifNoneExist"] = json!("identifier=http://clinic.example/mrn|3");
    let mut again = unless.clone();
    again["fullUrl"] = json!(CHILD);
    let reply = post(
        &fhir,
        &bundle(
            "transaction",
            vec![
                entry("PUT", "Patient?identifier=http://clinic.example/mrn|2", "", changed),
                unless,
                again,
                entry("DELETE", &one, "", Value::Null),
                entry("DELETE", "Patient?identifier=nobody", "", Value::Null),
                entry("POST", "Observation", "", observation(CHILD)),
                entry("POST", "Observation", "", observation("Patient?active=true")),
            ],
        ),
    );
    assert_eq!(reply.status, 200, "{}", reply.text);
    let expected =
        ["200 OK", "201 Created", "200 OK", "204 No Content", "204 No Content", "201 Created", "201 Created"];
    assert_eq!(statuses(&reply), expected);
    assert_eq!(fhir.get(&one).status, 410);
    assert_eq!((fhir.versions(&two), &fhir.get(&two).json()["active"]), (2, &json!(true)));
    assert_eq!(made(&reply, 1), made(&reply, 2), "the same condition means the same resource");
    assert_eq!(fhir.get(&made(&reply, 5)).json()["subject"]["reference"], json!(made(&reply, 1)));
    assert_eq!(fhir.get(&made(&reply, 6)).json()["subject"]["reference"], json!(two));
}

#[test]
fn each_entry_of_a_batch_has_its_own_outcome() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let reply = post(
        &fhir,
        &bundle(
            "batch",
            vec![
                entry("POST", "Patient", "", patient("1")),
                entry("GET", "Patient/nobody", "", Value::Null),
                entry("POST", "Patience", "", patient("1")),
                entry("DELETE", "Patient/nobody", "", Value::Null),
                entry("GET", "Patient/_history", "", Value::Null),
            ],
        ),
    );
    assert_eq!((reply.status, &reply.json()["type"]), (200, &json!("batch-response")), "{}", reply.text);
    let expected = ["201 Created", "404 Not Found", "404 Not Found", "204 No Content", "200 OK"];
    assert_eq!(statuses(&reply), expected);
    assert_eq!(reply.json()["entry"][1]["response"]["outcome"]["issue"][0]["code"], "not-found");
    assert_eq!(fhir.search("Patient").len(), 1);
    for (text, status) in [
        (json!({ "resourceType": "Bundle", "type": "collection" }), 400),
        (json!({ "resourceType": "Patient" }), 400),
        (json!({ "resourceType": "Bundle", "type": "batch" }), 200),
    ] {
        assert_eq!(post(&fhir, &text).status, status, "{text}");
    }
}

#[test]
fn identical_conditional_creates_at_one_moment_make_one_resource() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    for round in 0..4 {
        let number = format!("n{round}");
        let criteria = format!("identifier=http://clinic.example/mrn|{number}");
        let replies: Vec<Reply> = thread::scope(|scope| {
            let clients: Vec<_> = (0..16)
                .map(|client| {
                    let (fhir, number, criteria) = (&fhir, &number, &criteria);
                    scope.spawn(move || match client % 2 {
                        0 => fhir.post("Patient", &[("if-none-exist", criteria)], &patient(number)),
                        _ => {
                            let mut create = entry("POST", "Patient", MOTHER, patient(number));
                            create["request"]["ifNoneExist"] = json!(criteria);
                            let about = entry("POST", "Observation", "", observation(MOTHER));
                            post(fhir, &bundle("transaction", vec![create, about]))
                        }
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().expect("a client ends")).collect()
        });
        for reply in &replies {
            assert!([200, 201].contains(&reply.status), "{}", reply.text);
        }
        let found = fhir.search(&format!("Patient?{criteria}"));
        assert_eq!(found.len(), 1, "{found:#?}");
        let id = found[0]["id"].as_str().expect("an id");
        assert_eq!(fhir.versions(&format!("Patient/{id}")), 1);
        assert_eq!(fhir.search(&format!("Observation?subject=Patient/{id}")).len(), 8, "all refer to the one");
    }
}

#[test]
fn updates_at_one_moment_are_versions_one_after_another() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    thread::scope(|scope| {
        for client in 0..8 {
            let fhir = &fhir;
            scope.spawn(move || {
                for round in 0..4 {
                    let mut resource = patient(&format!("{client}-{round}"));
                    resource["id"] = json!("shared");
                    let reply = fhir.put("Patient/shared", &[], &resource);
                    assert!([200, 201].contains(&reply.status), "{}", reply.text);
                }
            });
        }
    });
    assert_eq!(fhir.versions("Patient/shared"), 32);
}

/// Two patients change together, over and over, while somebody reads both in one transaction: they always agree.
#[test]
fn what_a_transaction_reads_is_of_one_moment() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let twin = |id: &str, round: usize| {
        let resource = json!({ "resourceType": "Patient", "id": id, "name": [{ "family": format!("round{round}") }] });
        entry("PUT", &format!("Patient/{id}"), "", resource)
    };
    let write = |round: usize| post(&fhir, &bundle("transaction", vec![twin("a", round), twin("b", round)]));
    assert_eq!(statuses(&write(0)), ["201 Created", "201 Created"]);
    let get = |url: &str| entry("GET", url, "", Value::Null);
    let reads = || ["Patient/a", "Patient?_id=b", "Patient/b", "Patient/a/_history?_count=1"].map(get).to_vec();
    let rounds_seen = |reply: &Reply| {
        assert_eq!(reply.status, 200, "{}", reply.text);
        let entries = reply.json()["entry"].as_array().expect("entries").clone();
        let family = |resource: &Value| resource["name"][0]["family"].as_str().expect("a name").to_owned();
        let shown = entries.iter().map(|entry| &entry["resource"]).filter(|resource| resource.is_object());
        shown
            .map(|resource| match resource["resourceType"].as_str() {
                Some("Bundle") => family(&resource["entry"][0]["resource"]),
                _ => family(resource),
            })
            .collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let writer = scope.spawn(|| (1..=150).for_each(|round| assert_eq!(write(round).status, 200)));
        let mut made = 0;
        while !writer.is_finished() {
            let seen = rounds_seen(&post(&fhir, &bundle("transaction", reads())));
            assert!(seen.len() == 4 && seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
            let mut entries =
                vec![entry("POST", "Observation", "", observation("Patient/a")), get("Observation?_summary=count")];
            entries.extend(reads());
            let reply = post(&fhir, &bundle("transaction", entries));
            made += 1;
            // Reads see what the transaction itself wrote.
            assert_eq!(reply.json()["entry"][1]["resource"]["total"], made, "{}", reply.text);
        }
    });
    // What is deleted beside them is read as deleted, and fails the whole.
    let entries = vec![entry("DELETE", "Patient/b", "", Value::Null), get("Patient/b")];
    assert_eq!(post(&fhir, &bundle("transaction", entries)).status, 404);
    let entries = vec![entry("DELETE", "Patient/b", "", Value::Null), get("Patient?_id=a,b&_total=accurate")];
    assert_eq!(post(&fhir, &bundle("transaction", entries)).json()["entry"][1]["resource"]["total"], 1);
}

/// Somebody deletes and restores what a transaction reads beside its write: it finds it, or all of it fails.
#[test]
fn a_transaction_that_reads_what_is_deleted_meanwhile_is_done_whole_or_not_at_all() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let there = json!({ "resourceType": "Patient", "id": "c" });
    assert_eq!(fhir.put("Patient/c", &[], &there).status, 201);
    let entries =
        vec![entry("POST", "Observation", "", observation("Patient/c")), entry("GET", "Patient/c", "", Value::Null)];
    let both = bundle("transaction", entries);
    let (mut done, mut refused) = (0, 0);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            for _ in 0..150 {
                assert_eq!(fhir.delete("Patient/c", &[]).status, 204);
                assert_eq!(fhir.put("Patient/c", &[], &there).status, 201);
            }
        });
        while !other.is_finished() {
            let reply = post(&fhir, &both);
            match reply.status {
                200 => {
                    assert_eq!(statuses(&reply), ["201 Created", "200 OK"], "{}", reply.text);
                    done += 1;
                }
                404 => refused += 1,
                _ => panic!("{}", reply.text),
            }
        }
    });
    assert!(done + refused > 0);
    assert_eq!(fhir.get("Observation?_summary=count").json()["total"], done);
}
