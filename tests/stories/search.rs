//! Searching wherever R4 lets one search: across types, in compartments, with what is included, page by page.

use serde_json::{Value, json};

use crate::support::http::{Fhir, Reply, ask, reference};
use crate::support::server::Hilum;

/// Two patients at one organization; three results of the first, one of the second.
fn filled() -> Hilum {
    let hilum = Hilum::start();
    let result = |id: &str, patient: &str, code: &str| {
        json!({
            "resourceType": "Observation", "id": id, "status": "final", "code": { "coding": [{ "code": code }] },
            "subject": { "reference": format!("Patient/{patient}") },
        })
    };
    let patient = |id: &str, family: &str| {
        let at = json!({ "reference": "Organization/o" });
        json!({ "resourceType": "Patient", "id": id, "name": [{ "family": family }], "managingOrganization": at })
    };
    let all = [
        json!({ "resourceType": "Organization", "id": "o", "name": "North" }),
        patient("a", "Maran"),
        patient("b", "Quist"),
        result("a1", "a", "x"),
        result("a2", "a", "x"),
        result("a3", "a", "y"),
        result("b1", "b", "x"),
    ];
    for resource in all {
        let stored = hilum.fhir().put(&reference(&resource), &[], &resource);
        assert_eq!(stored.status, 201, "{}", stored.text);
    }
    hilum
}

/// The ids of what a page shows in a mode, sorted.
fn ids(reply: &Reply, mode: &str) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let entries = reply.json()["entry"].as_array().cloned().unwrap_or_default();
    let shown = entries.iter().filter(|entry| entry["search"]["mode"] == mode);
    let mut ids: Vec<String> = shown.map(|entry| entry["resource"]["id"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

fn post(fhir: &Fhir, path: &str, form: &str) -> Reply {
    let media = [("content-type", "application/x-www-form-urlencoded")];
    ask("POST", &format!("{}/{path}", fhir.base), &media, form.as_bytes())
}

fn link(reply: &Reply, relation: &str) -> Option<String> {
    let links = reply.json()["link"].as_array().cloned().unwrap_or_default();
    let link = links.into_iter().find(|link| link["relation"] == relation)?;
    link["url"].as_str().map(str::to_owned)
}

#[test]
fn all_types_are_searched_at_once() {
    let hilum = filled();
    let fhir = hilum.fhir();
    let everything = ["a", "a1", "a2", "a3", "b", "b1", "o"];
    for address in [fhir.base.clone(), format!("{}/", fhir.base)] {
        assert_eq!(ids(&ask("GET", &address, &[], &[]), "match"), everything, "{address}");
    }
    assert_eq!(ids(&post(&fhir, "_search", ""), "match"), everything);
    let asked = |query: &str| ask("GET", &format!("{}?{query}", fhir.base), &[], &[]);
    assert_eq!(ids(&asked("_type=Patient,Organization"), "match"), ["a", "b", "o"]);
    assert_eq!(ids(&asked("_id=a,o,a1"), "match"), ["a", "a1", "o"]);
    assert_eq!(ids(&post(&fhir, "_search?_type=Patient", "_id=a,o"), "match"), ["a"]);
    for query in ["family=maran", "_type=Nothing", "_type=", "colour=red"] {
        assert_eq!(asked(query).status, 400, "{query}: only what all types have can be asked of all");
    }
}

#[test]
fn a_compartment_holds_what_is_about_somebody() {
    let hilum = filled();
    let fhir = hilum.fhir();
    for (path, expected) in [
        ("Patient/a/Observation", &["a1", "a2", "a3"][..]),
        ("Patient/a/Observation?code=x", &["a1", "a2"]),
        ("Patient/b/Observation", &["b1"]),
        ("Patient/a/*", &["a", "a1", "a2", "a3"]),
        ("Patient/a/*?_type=Observation", &["a1", "a2", "a3"]),
        ("Patient/nobody/Observation", &[]),
    ] {
        let reply = fhir.get(path);
        assert_eq!(ids(&reply, "match"), expected, "{path}");
        let own = link(&reply, "self").expect("self");
        assert!(own.starts_with(&format!("{}/{}", fhir.base, path.split('?').next().expect("a path"))), "{own}");
        let (address, query) = path.split_once('?').unwrap_or((path, ""));
        assert_eq!(ids(&post(&fhir, &format!("{address}/_search"), query), "match"), expected, "{path} by form");
    }
    for path in [
        "Patient/a/Organization",
        "Organization/o/Patient",
        "Patient/a/Nothing",
        "Nothing/a/Patient",
        "Patient/a/$nothing",
    ] {
        fhir.get(path).outcome("not-supported");
        assert_eq!(fhir.get(path).status, 404, "{path}");
    }
}

#[test]
fn what_is_included_comes_with_the_matches_and_says_so() {
    let hilum = filled();
    let fhir = hilum.fhir();
    let reply = fhir.get("Observation?code=x&_include=Observation:subject&_include:iterate=Patient:organization");
    assert_eq!(
        (ids(&reply, "match"), ids(&reply, "include")),
        (vec!["a1".into(), "a2".into(), "b1".into()], vec!["a".into(), "b".into(), "o".into()])
    );
    assert_eq!(reply.json()["total"], 3, "what is included is not counted");
    let reply = fhir.get("Patient?family=maran&_revinclude=Observation:subject&_elements=name");
    assert_eq!(ids(&reply, "include"), ["a1", "a2", "a3"]);
    let entries = reply.json()["entry"].as_array().cloned().expect("entries");
    for entry in entries {
        let (resource, mode) = (&entry["resource"], entry["search"]["mode"].as_str());
        assert_eq!(resource["managingOrganization"], Value::Null, "{entry}");
        assert_eq!(resource["subject"].is_null(), mode == Some("match"), "what comes with it is whole: {entry}");
    }
    assert_eq!(fhir.get("Observation?_include=Observation:subject&_summary=text").status, 400);
}

#[test]
fn pages_lead_on_and_back_to_the_first_as_it_was() {
    let hilum = filled();
    let fhir = hilum.fhir();
    for path in ["Observation?_count=2&_sort=_id", "Patient/a/Observation?_count=1", "?_count=3"] {
        let first = ask("GET", &format!("{}/{path}", fhir.base).replace("/?", "?"), &[], &[]);
        let (mut page, mut seen) = (first, Vec::new());
        let begin = link(&page, "first").expect("there is more than a page");
        let beginning = ids(&page, "match");
        while let Some(next) = link(&page, "next") {
            seen.extend(ids(&page, "match"));
            page = ask("GET", &next, &[], &[]);
            // What comes meanwhile is not seen.
            let late = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "late" }, "subject": { "reference": "Patient/a" } });
            assert_eq!(fhir.post("Observation", &[], &late).status, 201);
        }
        seen.extend(ids(&page, "match"));
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count, "{path}: none comes twice");
        assert_eq!(ids(&ask("GET", &begin, &[], &[]), "match"), beginning, "{path}");
        assert!(link(&page, "next").is_none() && link(&page, "first").is_some(), "{path}");
        for id in fhir.search("Observation?code:text=late") {
            assert_eq!(fhir.delete(&reference(&id), &[]).status, 204);
        }
    }
}

#[test]
fn the_statement_says_what_can_be_asked() {
    let hilum = Hilum::start();
    let statement = hilum.fhir().get("metadata").json();
    let rest = &statement["rest"][0];
    let texts = |of: &Value, list: &str, name: &str| {
        let items = of[list].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .map(|item| item[name].as_str().or(item.as_str()).unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    for code in ["transaction", "batch", "search-system", "history-system"] {
        assert!(texts(rest, "interaction", "code").contains(&code.to_owned()), "{code}");
    }
    assert!(texts(rest, "compartment", "").contains(&"http://hl7.org/fhir/CompartmentDefinition/patient".to_owned()));
    let kinds = rest["resource"].as_array().expect("types");
    assert_eq!(kinds.len(), 146);
    let observation = kinds.iter().find(|kind| kind["type"] == "Observation").expect("Observation");
    for (list, name, expected) in [
        ("interaction", "code", "patch"),
        ("searchParam", "name", "code-value-quantity"),
        ("searchParam", "definition", "http://hl7.org/fhir/SearchParameter/clinical-code"),
        ("searchInclude", "", "Observation:subject"),
        ("searchRevInclude", "", "DiagnosticReport:result"),
        ("operation", "name", "lastn"),
    ] {
        assert!(texts(observation, list, name).contains(&expected.to_owned()), "{list} {expected}");
    }
    assert!(texts(&statement, "patchFormat", "").contains(&"application/json-patch+json".to_owned()));
    // Every parameter that it names can be asked for.
    let fhir = hilum.fhir();
    for kind in ["Observation", "Patient", "Encounter", "Bundle"] {
        let of = kinds.iter().find(|of| of["type"] == kind).expect("a type");
        for name in texts(of, "searchParam", "name") {
            let reply = fhir.get(&format!("{kind}?{name}:missing=false"));
            // A search for words, or by two values at once, cannot be for none.
            assert!([200, 400].contains(&reply.status), "{kind} {name}: {}", reply.text);
            assert!(!reply.text.contains("no such search parameter"), "{kind} {name}: {}", reply.text);
        }
    }
}
