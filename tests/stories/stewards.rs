//! A steward works through what waits for a person: at the command line, with figures for whoever watches the node, and with a site's own
//! rules of what a golden Patient shows.

use serde_json::{Value, json};

use crate::identity::until;
use crate::support::http::{Fhir, ask};
use crate::support::server::Hilum;

fn patient(id: &str, clinic: &str, given: &str, birth: Option<&str>) -> Value {
    let mut patient = json!({ "resourceType": "Patient", "id": id,
        "identifier": [{ "system": format!("urn:{clinic}"), "value": id }],
        "name": [{ "family": "Abernathy", "given": [given] }], "gender": "female",
        "telecom": [{ "system": "phone", "value": "217-544-2918" }],
        "address": [{ "line": ["418 Chestnut Street"], "city": "Springfield", "state": "IL", "postalCode": "62704" }] });
    if let Some(birth) = birth {
        patient["birthDate"] = json!(birth);
    }
    patient
}

fn put(fhir: &Fhir, patient: &Value) {
    let reply = fhir.put(&format!("Patient/{}", patient["id"].as_str().expect("an id")), &[], patient);
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
}

fn golden(fhir: &Fhir, source: &str) -> Option<Value> {
    fhir.search(&format!("Patient?link=Patient/{source}&_tag=urn:hilum:identity|golden")).into_iter().next()
}

/// The figure of this line of `/metrics`.
fn figure(hilum: &Hilum, line: &str) -> f64 {
    let text = ask("GET", &format!("{}/metrics", hilum.http()), &[], b"").text;
    let found = text.lines().find_map(|of| of.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no {line} in {text}"))
}

#[test]
fn what_waits_for_a_person_is_listed_explained_and_decided() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    // Nothing tells a mother from a daughter of her name where one of them has no birth date.
    put(&fhir, &patient("a", "north", "Wilhelmina", Some("1961-07-23")));
    put(&fhir, &patient("b", "south", "Wilhelmina", None));
    until("a question", || !fhir.search("Linkage?_tag=urn:hilum:identity|possible").is_empty());

    let listed = hilum.command(&["identity", "review", "-o", "json"]).done().json();
    let pairs = listed.as_array().expect("a list");
    assert_eq!(pairs.len(), 1, "{listed}");
    assert_eq!(pairs[0]["patients"], json!(["Patient/a", "Patient/b"]));
    let reasons = pairs[0]["reasons"].to_string();
    assert!(reasons.contains("family: same") && reasons.contains("not for a machine"), "{reasons}");
    let table = hilum.command(&["identity", "review"]).done().out;
    assert!(table.contains("Patient/b") && table.contains("not for a machine"), "{table}");
    for none in [&["--patient", "nobody"][..], &["--before", "2020-01-01"], &["--decision", "link"]] {
        let found = hilum.command(&[&["identity", "review", "-o", "json"], none].concat()).done().json();
        assert_eq!(found, json!([]), "{none:?}");
    }
    let explained = hilum.command(&["identity", "explain", "a", "b"]).done().out;
    assert!(explained.contains("onePerson") && explained.contains("bits"), "{explained}");

    assert_eq!(figure(&hilum, r#"hilum_identity_decisions{by="machine",decision="possible"}"#), 1.0);
    assert_eq!(figure(&hilum, "hilum_identity_joined"), 0.0);
    hilum.command(&["identity", "decide", "a", "b", "link"]).done();
    assert!(golden(&fhir, "a").is_some());
    assert_eq!(figure(&hilum, r#"hilum_identity_decisions{by="person",decision="link"}"#), 1.0);
    assert_eq!(figure(&hilum, r#"hilum_identity_decisions{by="machine",decision="possible"}"#), 0.0);
    assert_eq!(figure(&hilum, "hilum_identity_joined"), 1.0);
    assert_eq!(figure(&hilum, "hilum_identity_registrations"), 2.0);
    assert_eq!(figure(&hilum, "hilum_identity_review_oldest_seconds"), 0.0);

    hilum.command(&["identity", "decide", "a", "b", "undo"]).done();
    assert!(golden(&fhir, "a").is_none());
    assert_eq!(figure(&hilum, "hilum_identity_links_undone_total"), 1.0);
    for wrong in [&["decide", "a", "nobody", "link"][..], &["split", "a"], &["explain", "a", "nobody"]] {
        let ran = hilum.command(&[&["identity"], wrong].concat());
        assert_eq!(ran.code, 1, "{wrong:?}: {}", ran.talk);
    }
}

#[test]
fn who_was_joined_wrongly_is_split_off_at_once_and_stays_apart() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    for (id, clinic) in [("a", "north"), ("c", "west")] {
        put(&fhir, &patient(id, clinic, "Wilhelmina", Some("1961-07-23")));
    }
    // Her namesake of the same day, who lives elsewhere: what a machine cannot know.
    let mut other = patient("b", "south", "Wilhelmina", Some("1961-07-23"));
    other["telecom"][0]["value"] = json!("303-555-0199");
    other["address"] = json!([{ "line": ["9 Harbor Road"], "city": "Portland", "state": "ME", "postalCode": "04101" }]);
    put(&fhir, &other);
    until("three are one", || golden(&fhir, "c").is_some_and(|of| of["link"].as_array().map(Vec::len) == Some(3)));
    let split = hilum.command(&["identity", "split", "b", "-o", "json"]).done().json();
    assert_eq!(split["parameter"].as_array().map(Vec::len), Some(2), "{split}");
    assert!(golden(&fhir, "b").is_none());
    assert_eq!(golden(&fhir, "a").map(|of| of["link"].as_array().map(Vec::len)), Some(Some(2)));
    other["maritalStatus"] = json!({ "text": "married" });
    put(&fhir, &other);
    put(&fhir, &patient("d", "east", "Wilhelmina", Some("1961-07-23")));
    until("the fourth is decided on", || {
        golden(&fhir, "d").is_some() || figure(&hilum, "hilum_identity_registrations") == 4.0
    });
    assert!(golden(&fhir, "b").is_none_or(|of| !of.to_string().contains("Patient/a")), "a person's word stands");
    let undone = figure(&hilum, "hilum_identity_links_undone_total");
    assert_eq!(undone, 2.0);
}

#[test]
fn a_site_says_which_source_a_golden_patient_shows() {
    let mut hilum = Hilum::start();
    let fhir = hilum.fhir();
    let mut registry = patient("a", "registry", "Wilhelmina", Some("1961-07-23"));
    registry["maritalStatus"] = json!({ "text": "married" });
    put(&fhir, &registry);
    let mut clinic = patient("b", "south", "Wilhelmina", Some("1961-07-23"));
    clinic["maritalStatus"] = json!({ "text": "widowed" });
    put(&fhir, &clinic);
    until("they are one", || golden(&fhir, "a").is_some());
    let status = |fhir: &Fhir| golden(fhir, "a").map(|of| of["maritalStatus"]["text"].clone());
    assert_eq!(status(&fhir), Some(json!("widowed")), "the newest source");
    hilum.stop();
    let file = hilum.directory().join("hilum.toml");
    let before = std::fs::read_to_string(&file).expect("its configuration");
    let rules = "\n[identity]\nsurvivorship = { maritalStatus = \"trusted\" }\ntrusted = [\"urn:registry\"]\n";
    std::fs::write(&file, before.clone() + rules).expect("its configuration");
    hilum.start_again();
    let fhir = hilum.fhir();
    until("it is put together anew", || status(&fhir) == Some(json!("married")));
    hilum.stop();
    for (wrong, said) in [
        ("survivorship = { birthDate = \"all\" }", "identity.survivorship.birthDate"),
        ("survivorship = { photo = \"all\" }", "a golden Patient has"),
        ("model_file = \"/nowhere/model.json\"", "/nowhere/model.json"),
    ] {
        std::fs::write(&file, format!("{before}\n[identity]\n{wrong}\n")).expect("its configuration");
        let checked = crate::support::cli::hilum(&["config", "check", "--config", file.to_str().expect("UTF-8")]);
        assert!(checked.code != 0 && checked.talk.contains(said), "{wrong}: {}", checked.talk);
    }
}
