//! One person's record: `$everything`, compartments, and what hangs together in a search (includes, chains, `_has`).

use serde_json::{Value, json};

use crate::support::http::{Fhir, ask};
use crate::support::server::Hilum;

/// Two patients of one practitioner, each with an encounter and two results; and an organization.
fn filled() -> Hilum {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let mut entries = Vec::new();
    let mut put = |resource: Value| {
        let url = format!(
            "{}/{}",
            resource["resourceType"].as_str().expect("a type"),
            resource["id"].as_str().expect("an id")
        );
        entries.push(json!({ "resource": resource, "request": { "method": "PUT", "url": url } }));
    };
    put(json!({ "resourceType": "Organization", "id": "org", "name": "North clinic" }));
    put(json!({ "resourceType": "Practitioner", "id": "dr", "name": [{ "family": "Okafor" }] }));
    for (patient, family) in [("a", "Maran"), ("b", "Quist")] {
        put(json!({ "resourceType": "Patient", "id": patient, "name": [{ "family": family }],
                    "managingOrganization": { "reference": "Organization/org" } }));
        let subject = json!({ "reference": format!("Patient/{patient}") });
        put(json!({ "resourceType": "Encounter", "id": format!("e{patient}"), "status": "finished",
                    "class": { "code": "AMB" }, "subject": subject, "period": { "start": "2025-01-01", "end": "2025-01-02" },
                    "participant": [{ "individual": { "reference": "Practitioner/dr" } }] }));
        for (number, code, day) in [(1, "2823-3", "2024-03-01"), (2, "2951-2", "2026-03-01")] {
            put(json!({ "resourceType": "Observation", "id": format!("o{patient}{number}"), "status": "final",
                        "subject": subject, "performer": [{ "reference": "Practitioner/dr" }],
                        "code": { "coding": [{ "system": "http://loinc.org", "code": code }] },
                        "effectiveDateTime": day, "valueQuantity": { "value": 140, "unit": "mmol/L",
                        "system": "http://unitsofmeasure.org", "code": "mmol/L" } }));
        }
    }
    let reply = fhir.post("", &[], &json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries }));
    assert_eq!(reply.status, 200, "{}", reply.text);
    hilum
}

/// `Type/id` of what a search finds, and of what it brings, sorted.
fn found(fhir: &Fhir, query: &str) -> (Vec<String>, Vec<String>) {
    let (mut matches, mut included) = (Vec::new(), Vec::new());
    let mut next = Some(format!("{}/{query}", fhir.base));
    while let Some(url) = next {
        let reply = ask("GET", &url, &[], &[]);
        assert_eq!(reply.status, 200, "{url}: {}", reply.text);
        let bundle = reply.json();
        for entry in bundle["entry"].as_array().into_iter().flatten() {
            let key = || crate::support::http::reference(&entry["resource"]);
            match entry["search"]["mode"].as_str() {
                Some("match") => matches.push(key()),
                Some("include") => included.push(key()),
                // What there is to say beside them, such as that the index of words is behind.
                Some("outcome") => {}
                mode => panic!("{mode:?}: {entry}"),
            }
        }
        let links = bundle["link"].as_array().expect("links").iter();
        next = links
            .filter(|link| link["relation"] == "next")
            .map(|link| link["url"].as_str().expect("a url").to_owned())
            .next();
    }
    matches.sort();
    included.sort();
    included.dedup();
    (matches, included)
}

#[test]
fn a_persons_whole_record_is_read_page_by_page() {
    let hilum = filled();
    let fhir = hilum.fhir();
    let all = ["Encounter/ea", "Observation/oa1", "Observation/oa2", "Patient/a"];
    let others = ["Organization/org", "Practitioner/dr"];
    for query in ["Patient/a/$everything", "Patient/a/$everything?_count=1"] {
        let (matches, included) = found(&fhir, query);
        assert_eq!(
            (matches, included),
            (all.map(str::to_owned).to_vec(), others.map(str::to_owned).to_vec()),
            "{query}"
        );
    }
    let (matches, _) = found(&fhir, "Patient/a/$everything?start=2025-01-01&end=2025-12-31");
    assert_eq!(matches, ["Encounter/ea", "Patient/a"], "what says no date of care is shown");
    // A page is as long as it is asked to be, though what is passed over stands between its resources, and no total is told
    // that counts what is not shown.
    assert_eq!(found(&fhir, "Patient/a/$everything?start=2025-01-01&end=2025-12-31&_count=1").0, matches);
    for (count, entries, goes_on) in [(1, 1, true), (2, 2, false)] {
        let path = format!(
            "Patient/a/$everything?start=2025-01-01&end=2025-12-31&_type=Encounter,Observation,Patient&_count={count}"
        );
        let page = fhir.get(&path).json();
        assert_eq!(page["entry"].as_array().map(Vec::len), Some(entries), "{page}");
        assert_eq!((page["total"].is_null(), page["link"].to_string().contains("next")), (true, goes_on), "{page}");
    }
    assert_eq!(found(&fhir, "Patient/a/$everything?_type=Observation").0, ["Observation/oa1", "Observation/oa2"]);
    assert_eq!(found(&fhir, "Patient/a/$everything?_since=2999-01-01T00:00:00Z").0, [""; 0]);
    assert_eq!(fhir.get("Patient/nobody/$everything").status, 404);
    assert_eq!(fhir.get("Patient/a/$everything?shoe-size=3").status, 400);
}

#[test]
fn a_compartment_holds_what_is_about_its_resource() {
    let hilum = filled();
    let fhir = hilum.fhir();
    assert_eq!(found(&fhir, "Patient/b/Observation").0, ["Observation/ob1", "Observation/ob2"]);
    assert_eq!(found(&fhir, "Patient/b/Observation?code=2823-3").0, ["Observation/ob1"]);
    assert_eq!(found(&fhir, "Patient/b/*").0.len(), 4);
    assert_eq!(found(&fhir, "Practitioner/dr/Observation").0.len(), 4);
    assert_eq!(fhir.get("Patient/b/Medication").status, 404, "never in a patient's compartment");
    assert_eq!(found(&fhir, "?_type=Patient,Organization").0, ["Organization/org", "Patient/a", "Patient/b"]);
    assert_eq!(found(&fhir, "?_id=a,org&_type=Patient,Organization").0, ["Organization/org", "Patient/a"]);
}

#[test]
fn what_hangs_together_is_searched_together() {
    let hilum = filled();
    let fhir = hilum.fhir();
    for (query, matches, included) in [
        ("Observation?subject:Patient.name=maran&code=2823-3", &["Observation/oa1"][..], &[][..]),
        ("Observation?patient.organization.name=north&code=2823-3", &["Observation/oa1", "Observation/ob1"], &[]),
        ("Patient?_has:Observation:patient:code=2951-2&family=quist", &["Patient/b"], &[]),
        ("Observation?_id=oa1&_include=Observation:subject", &["Observation/oa1"], &["Patient/a"]),
        (
            "Observation?_id=oa1&_include=Observation:subject&_include:iterate=Patient:organization",
            &["Observation/oa1"],
            &["Organization/org", "Patient/a"],
        ),
        ("Patient?_id=a&_revinclude=Encounter:subject", &["Patient/a"], &["Encounter/ea"]),
        ("Observation?code-value-quantity=2823-3$gt100&subject=Patient/a", &["Observation/oa1"], &[]),
        (
            "Observation?value-quantity=0.14|http://unitsofmeasure.org|mol/L&subject=Patient/a",
            &["Observation/oa1", "Observation/oa2"],
            &[],
        ),
        ("Observation?code:not=2823-3&subject=Patient/a", &["Observation/oa2"], &[]),
        ("Patient?name:missing=true", &[], &[]),
    ] {
        let (found_matches, found_included) = found(&fhir, query);
        assert_eq!(found_matches, matches, "{query}");
        assert_eq!(found_included, included, "{query}");
    }
    for query in [
        "Observation?subject:Patient.shoe-size=3",
        "Observation?subject.a.b.c.d.e.f=1",
        "Patient?_has:Observation=1",
        "Patient?_include=nothing",
        "Patient?_filter=x",
    ] {
        assert_eq!(fhir.get(query).status, 400, "{query}");
    }
}

#[test]
fn words_are_found_soon_after_they_were_written() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let note = |id: &str, text: &str, div: &str| {
        json!({ "resourceType": "Condition", "id": id, "subject": { "reference": "Patient/a" }, "note": [{ "text": text }],
                "text": { "status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{div}</div>") } })
    };
    for (id, text, div) in [("one", "wheezing at night", "asthma"), ("two", "nothing", "no <b>asthmatic</b> signs")] {
        assert_eq!(fhir.put(&format!("Condition/{id}"), &[], &note(id, text, div)).status, 201);
    }
    // The answer says while the index of words is behind.
    let begun = std::time::Instant::now();
    while fhir.get("Condition?_content=wheezing").text.contains("\"outcome\"") {
        assert!(begun.elapsed() < crate::support::PATIENCE, "the index of words does not come");
    }
    assert_eq!(found(&fhir, "Condition?_content=wheezing").0, ["Condition/one"]);
    assert_eq!(found(&fhir, "Condition?_text=asthma").0, ["Condition/one"]);
    assert_eq!(found(&fhir, "Condition?_text=asthma%20OR%20signs").0, ["Condition/one", "Condition/two"]);
    assert_eq!(found(&fhir, "Condition?_text=wheezing").0, [""; 0], "it is not in the narrative");
    assert_eq!(fhir.delete("Condition/one", &[]).status, 204);
    assert_eq!(found(&fhir, "Condition?_content=asthma").0, [""; 0]);
}
