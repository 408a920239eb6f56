//! IHE's transactions of patient identity: the feed and the query of PIXm, the search and the match of PDQm. The examples of
//! IHE's guides are asked as they stand, and what is answered is held against theirs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::identity::until;
use crate::support::fsh::{self, Instances};
use crate::support::http::{Fhir, Reply, ask};
use crate::support::json::contains;
use crate::support::server::Hilum;
use crate::support::shared;

const RED: &str = "urn:oid:1.3.6.1.4.1.21367.13.20.1000";
const JSON: &str = "application/fhir+json";
const XML: &str = "application/fhir+xml";
const MAIDEN_NAME: &str = include_str!("../data/fhir/mothers-maiden-name.json");

fn patient(number: &str, given: &str) -> Value {
    json!({ "resourceType": "Patient", "identifier": [{ "system": "urn:ward", "value": number }],
            "active": true, "name": [{ "family": "Abernathy", "given": [given] }], "birthDate": "1961-07-23" })
}

/// ITI-104: `PUT Patient?identifier=system|value`.
fn feed(fhir: &Fhir, system: &str, number: &str, patient: &Value, headers: &[(&str, &str)]) -> Reply {
    fhir.put(&format!("Patient?identifier={system}%7C{number}"), headers, patient)
}

fn replaced(number: &str, other: Value) -> Value {
    let mut patient = patient(number, "Wilhelmina");
    patient["active"] = json!(false);
    patient["link"] = json!([{ "other": other, "type": "replaced-by" }]);
    patient
}

fn by_number(number: &str) -> Value {
    json!({ "identifier": { "system": "urn:ward", "value": number } })
}

fn id(reply: &Reply) -> String {
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
    reply.json()["id"].as_str().expect("an id").to_owned()
}

fn result(of: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "code": { "text": "potassium" },
            "subject": { "reference": format!("Patient/{of}") }, "valueString": "4.1" })
}

#[test]
fn a_feed_adds_revises_and_removes() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let added = feed(&fhir, "urn:ward", "1", &patient("1", "Wilhelmina"), &[]);
    assert_eq!(added.status, 201, "{}", added.text);
    let revised = feed(&fhir, "urn:ward", "1", &patient("1", "Minna"), &[]);
    assert_eq!((revised.status, id(&revised)), (200, id(&added)));
    fhir.expect("Patient?identifier=urn:ward%7C1", &json!({ "name": [{ "given": ["Minna"] }] }));
    let mut elsewhere = patient("1", "Minna");
    elsewhere["id"] = json!("of-the-source");
    assert_eq!(feed(&fhir, "urn:ward", "1", &elsewhere, &[]).status, 400, "its id is another's");
    // A number that was used again.
    let mut other = patient("1", "Bartholomew");
    (other["name"][0]["family"], other["birthDate"], other["gender"]) =
        (json!("Oyelaran"), json!("1990"), json!("male"));
    let mut known = patient("1", "Minna");
    known["gender"] = json!("female");
    assert_eq!(feed(&fhir, "urn:ward", "1", &known, &[]).status, 200);
    let refused = feed(&fhir, "urn:ward", "1", &other, &[]);
    assert!(refused.status == 422 && !refused.text.contains("Oyelaran"), "{}", refused.text);
    let request = json!({ "method": "PUT", "url": "Patient?identifier=urn:ward|1" });
    let entry = json!({ "resource": other, "request": request });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
    assert_eq!(fhir.post("", &[], &bundle).status, 422);
    for expected in [204, 204] {
        assert_eq!(fhir.delete("Patient?identifier=urn:ward%7C1", &[]).status, expected);
    }
    fhir.none("Patient?identifier=urn:ward%7C1");
}

#[test]
fn a_duplicate_that_a_feed_resolves_is_merged_and_stays_so() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let survivor = id(&feed(&fhir, "urn:ward", "1", &patient("1", "Wilhelmina"), &[]));
    let prior = id(&feed(&fhir, "urn:ward", "2", &patient("2", "Minna"), &[]));
    for of in [&survivor, &prior] {
        assert_eq!(fhir.post("Observation", &[], &result(of)).status, 201);
    }
    for _ in 0..2 {
        let resolved = feed(&fhir, "urn:ward", "2", &replaced("2", by_number("1")), &[]);
        assert_eq!(id(&resolved), prior);
        let link = json!({ "active": false, "link": [{ "type": "replaced-by",
            "other": { "reference": format!("Patient/{survivor}"), "identifier": { "value": "1" } } }] });
        assert!(contains(&resolved.json(), &link).is_ok(), "{}", resolved.text);
    }
    let request = json!({ "method": "PUT", "url": "Patient?identifier=urn:ward|2" });
    let entry = json!({ "resource": replaced("2", by_number("1")), "request": request });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
    assert_eq!(fhir.post("", &[], &bundle).status, 200, "what was merged before may be said anywhere");
    assert_eq!(fhir.versions(&format!("Patient/{survivor}")), 2, "said three times, merged once");
    assert_eq!(fhir.search(&format!("Observation?subject=Patient/{survivor}")).len(), 2);

    // A revision keeps what it does not know of; nothing wakes the prior.
    let revised = feed(&fhir, "urn:ward", "1", &patient("1", "Wilhelmina"), &[]);
    let kept = json!({ "link": [{ "type": "replaces", "other": { "reference": format!("Patient/{prior}") } }] });
    assert!(contains(&revised.json(), &kept).is_ok(), "{}", revised.text);
    let late = feed(&fhir, "urn:ward", "2", &patient("2", "Minna"), &[]);
    assert_eq!(late.status, 422, "{}", late.text);
    assert!(late.text.contains(&format!("Patient/{survivor}")), "{}", late.text);

    // A circle, and a second survivor.
    let circle = feed(&fhir, "urn:ward", "1", &replaced("1", by_number("2")), &[]);
    assert_eq!(circle.status, 422, "{}", circle.text);
    let third = id(&feed(&fhir, "urn:ward", "3", &patient("3", "Octavia"), &[]));
    let second = feed(&fhir, "urn:ward", "2", &replaced("2", by_number("3")), &[]);
    assert_eq!(second.status, 422, "{}", second.text);
    assert_eq!(fhir.versions(&format!("Patient/{third}")), 1);

    // It is taken back like any other, and then is a Patient that can be revised.
    let of = |name: &str, id: &str| json!({ "name": name, "valueReference": { "reference": format!("Patient/{id}") } });
    let parted = json!({ "resourceType": "Parameters",
        "parameter": [of("source-patient", &prior), of("target-patient", &survivor)] });
    assert_eq!(fhir.post("Patient/$unmerge", &[], &parted).status, 200);
    assert_eq!(fhir.search(&format!("Observation?subject=Patient/{survivor}")).len(), 1);
    assert_eq!(feed(&fhir, "urn:ward", "2", &patient("2", "Minna"), &[]).status, 200);
    let by_reference = replaced("2", json!({ "reference": format!("Patient/{third}") }));
    assert_eq!(id(&feed(&fhir, "urn:ward", "2", &by_reference, &[])), prior);
    fhir.expect(&format!("Patient?_id={third}"), &kept);
}

#[test]
fn a_survivor_whom_nobody_knows_is_made_and_a_person_is_asked() {
    const MARKED: &str = "Patient?_tag=urn:hilum:identity%7Cunknown-survivor";
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let prior = id(&feed(&fhir, "urn:ward", "2", &patient("2", "Minna"), &[]));
    assert_eq!(fhir.post("Observation", &[], &result(&prior)).status, 201);
    let told = [("prefer", "return=OperationOutcome")];
    let resolved = feed(&fhir, "urn:ward", "2", &replaced("2", by_number("1,|$\\")), &told);
    assert_eq!(resolved.status, 200, "{}", resolved.text);
    let issues = resolved.json()["issue"].as_array().cloned().expect("issues");
    assert_eq!(issues.iter().map(|of| of["severity"].clone()).collect::<Vec<_>>(), ["information", "warning"]);
    let stub = fhir.one(MARKED);
    let expected = json!({ "identifier": [{ "system": "urn:ward", "value": "1,|$\\" }],
        "link": [{ "type": "replaces", "other": { "reference": format!("Patient/{prior}") } }] });
    assert!(contains(&stub, &expected).is_ok() && stub["name"].is_null(), "{stub}");
    let stub = stub["id"].as_str().expect("an id").to_owned();
    assert_eq!(fhir.search(&format!("Observation?subject=Patient/{stub}")).len(), 1);
    let again = feed(&fhir, "urn:ward", "2", &replaced("2", by_number("1,|$\\")), &told);
    assert!(again.status == 200 && !again.text.contains("warning"), "{}", again.text);
    assert_eq!(fhir.search("Patient").len(), 2, "no second one was made");

    // The feed tells who that is, and the mark is gone.
    let mut known = patient("1,|$\\", "Wilhelmina");
    known["identifier"][0]["value"] = json!("1,|$\\");
    let known = fhir.put("Patient?identifier=urn:ward%7C1%5C,%5C%7C%5C$%5C%5C", &[], &known);
    assert_eq!(id(&known), stub);
    assert!(contains(&known.json(), &json!({ "link": [{ "type": "replaces" }] })).is_ok(), "{}", known.text);
    fhir.none(MARKED);

    // One that is named by its id alone, and a prior that nobody knew either.
    let unheard = replaced("4", json!({ "reference": format!("{}/Patient/to-come", fhir.base) }));
    assert_eq!(feed(&fhir, "urn:ward", "4", &unheard, &[]).status, 201);
    assert_eq!(fhir.one(MARKED)["id"], "to-come");
}

#[test]
fn what_a_feed_cannot_mean_is_refused_and_nothing_is_written() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let prior = id(&feed(&fhir, "urn:ward", "2", &patient("2", "Minna"), &[]));
    for number in ["7", "8"] {
        let mut shared = patient(number, "Octavia");
        shared["identifier"].as_array_mut().expect("a list").push(json!({ "system": "urn:ward", "value": "both" }));
        assert_eq!(feed(&fhir, "urn:ward", number, &shared, &[]).status, 201);
    }
    let gone = id(&feed(&fhir, "urn:ward", "9", &patient("9", "Octavia"), &[]));
    assert_eq!(fhir.delete(&format!("Patient/{gone}"), &[]).status, 204);
    let mut active = replaced("2", by_number("1"));
    active["active"] = json!(true);
    let mut two = replaced("2", by_number("1"));
    two["link"].as_array_mut().expect("a list").push(json!({ "other": by_number("3"), "type": "replaced-by" }));
    let reference = |text: &str| replaced("2", json!({ "reference": text }));
    for wrong in [
        active,
        two,
        replaced("2", json!({ "display": "the other one" })),
        replaced("2", json!({ "identifier": { "value": "1" } })),
        replaced("2", by_number("both")),
        reference("https://elsewhere.example/fhir/Patient/1"),
        reference("RelatedPerson/1"),
        reference(&format!("Patient/{prior}")),
        reference(&format!("Patient/{gone}")),
        reference("Patient/golden-0123456789abcdef0123456789abcdef"),
    ] {
        let refused = feed(&fhir, "urn:ward", "2", &wrong, &[]);
        assert!(refused.status == 422, "{wrong}: {} {}", refused.status, refused.text);
    }
    let stale = feed(&fhir, "urn:ward", "2", &replaced("2", by_number("7")), &[("if-match", "W/\"9\"")]);
    assert_eq!(stale.status, 412, "{}", stale.text);
    let request = json!({ "method": "PUT", "url": "Patient?identifier=urn:ward|2" });
    let entry = json!({ "resource": replaced("2", by_number("7")), "request": request });
    let mut bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
    assert_eq!(fhir.post("", &[], &bundle).status, 422, "a merge is no part of a transaction");
    assert_eq!(fhir.versions(&format!("Patient/{prior}")), 1);
    assert_eq!(fhir.search("Patient").len(), 3);
    bundle["type"] = json!("batch");
    assert_eq!(fhir.post("", &[], &bundle).json()["entry"][0]["response"]["status"], "200 OK");
    assert_eq!(fhir.versions(&format!("Patient/{prior}")), 2);
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn read_json(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&read(folder, name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// An example without the id that it has in the guide.
fn anonymous(mut patient: Value) -> Value {
    patient.as_object_mut().expect("a resource").remove("id");
    patient
}

#[test]
fn the_examples_of_pixm_are_fed_and_asked() {
    let Some(guide) = shared::find("data/ihe-pixm/input") else { return };
    let examples = guide.join("examples");
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let feed_example = |name: &str| {
        let patient = anonymous(read_json(&examples, name));
        let identifier = &patient["identifier"][0];
        let of = |name: &str| identifier[name].as_str().expect("a text").to_owned();
        let reply = feed(&fhir, &of("system"), &of("value"), &patient, &[]);
        (reply.status, id(&reply))
    };
    let (created, red) = feed_example("Patient-MohrAlice-Red.json");
    assert_eq!(created, 201);
    assert_eq!(feed_example("Patient-MohrAlissa-Red.json"), (200, red.clone()), "a revised name");
    fhir.expect(&format!("Patient?identifier={RED}%7CIHERED-994"), &json!({ "name": [{ "given": ["ALISSA"] }] }));
    assert_eq!(feed_example("Patient-MohrAlice-Red.json"), (200, red.clone()));
    let (created, maiden) = feed_example("Patient-MaidenAlice-Red.json");
    assert_eq!(created, 201);
    assert_eq!(feed_example("Patient-MohrMaidenResolvedByMohrMalice-Red.json"), (200, maiden.clone()));
    let resolved = json!({ "active": false, "link": [{ "type": "replaced-by", "other": {
        "reference": format!("Patient/{red}"), "identifier": { "system": RED, "value": "IHERED-994" } } }] });
    fhir.expect(&format!("Patient?_id={maiden}"), &resolved);

    let others = ["Blue", "Green"].map(|colour| feed_example(&format!("Patient-MohrAlice-{colour}.json")).1);
    let patient = |id: &str| json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{id}") } });
    for other in &others {
        let link = json!({ "name": "decision", "valueCode": "link" });
        let body = json!({ "resourceType": "Parameters", "parameter": [patient(&red), patient(other), link] });
        until("a decision", || fhir.post("Patient/$identity-decide", &[], &body).status == 200);
    }
    // Each request as it stands. The answer to the narrower one leaves out Green, whose domain its request names; we do not.
    for (name, also) in [("red-all", None), ("red-to-blue", Some("IHEGREEN-994"))] {
        let request = read(&examples, &format!("pixm-request-mohralice-{name}.xml"));
        let media = [("content-type", XML), ("accept", XML)];
        let answer = ask("POST", &format!("{}/Patient/$ihe-pix", fhir.base), &media, request.as_bytes());
        assert_eq!(
            (answer.status, answer.header("content-type").split(';').next()),
            (200, Some(XML)),
            "{}",
            answer.text
        );
        let expected = read(&examples, &format!("pixm-response-mohralice-{name}.xml"));
        let mut wanted: Vec<String> = values(&expected);
        wanted.extend(also.map(str::to_owned));
        wanted.sort();
        assert_eq!(values(&answer.text), wanted, "{name}: {}", answer.text);
    }
    // The body alone may say in which format it wants the answer.
    let request = read(&examples, "pixm-request-mohralice-red-to-blue.xml");
    let url = format!("{}/Patient/$ihe-pix", fhir.base);
    let answer = ask("POST", &url, &[("content-type", XML), ("accept", JSON)], request.as_bytes());
    assert!(answer.header("content-type").starts_with(XML), "{answer:?}");

    // What is not known: status and code as in IHE's example.
    let mut instances = Instances::new();
    instances.extend(fsh::instances(&[read(&guide.join("fsh"), "ex-error-not-found.fsh")]));
    let expected = fsh::resource(&instances, "pixm-response-error-not-found");
    let answer = fhir.get(&format!("Patient/$ihe-pix?sourceIdentifier={RED}%7Cnobody"));
    assert_eq!((answer.status, &answer.json()["issue"][0]["code"]), (404, &expected["issue"][0]["code"]));
    assert_eq!(answer.json()["issue"][0]["severity"], expected["issue"][0]["severity"]);

    // All of her at once: her golden Patient has the identifiers of the example that has all.
    let whole = read_json(&examples, "Patient-MohrAlice.json");
    let golden = fhir.one(&format!("Patient?link=Patient/{red}&_tag=urn:hilum:identity%7Cgolden"));
    let numbers = |of: &Value| {
        let all = of["identifier"].as_array().cloned().unwrap_or_default();
        let mut all: Vec<String> = all.iter().map(|of| format!("{}{}", of["system"], of["value"])).collect();
        all.sort();
        all
    };
    assert_eq!(numbers(&golden), numbers(&whole));
    assert_eq!((&golden["birthDate"], &golden["gender"]), (&whole["birthDate"], &whole["gender"]));
}

/// The values of the identifiers in an answer, sorted.
fn values(xml: &str) -> Vec<String> {
    let values = xml.split('<').filter(|tag| tag.starts_with("value value="));
    let mut values: Vec<String> = values.filter_map(|tag| Some(tag.split('"').nth(1)?.to_owned())).collect();
    values.sort();
    values
}

/// The examples of PDQm, all that there are.
fn pdqm() -> Option<(std::path::PathBuf, Instances)> {
    let folder = shared::find("data/ihe-pdqm/input/fsh")?;
    let files = [
        "ex-pdqm-patient.fsh",
        "ex-match-input-patient.fsh",
        "ex-match-input.fsh",
        "ex-operation-outcome.fsh",
        "ex-match-output.fsh",
        "ex-search-response.fsh",
    ];
    let instances = fsh::instances(&files.map(|name| read(&folder, name)));
    Some((folder, instances))
}

fn put(fhir: &Fhir, resource: &Value) {
    let path =
        format!("{}/{}", resource["resourceType"].as_str().expect("a type"), resource["id"].as_str().expect("an id"));
    let reply = fhir.put(&path, &[], resource);
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
}

/// Puts PDQm's own search parameter in force.
fn with_maiden_names(fhir: &Fhir) {
    put(fhir, &serde_json::from_str(MAIDEN_NAME).expect("a SearchParameter"));
    assert_eq!(fhir.post("$reindex", &[], &json!({ "resourceType": "Parameters" })).status, 200);
    until("the parameter", || fhir.get("$reindex").text.contains("\"ready\""));
}

#[test]
fn the_examples_of_pdqm_are_searched_and_matched() {
    let Some((folder, instances)) = pdqm() else { return };
    let example = |name: &str| fsh::resource(&instances, name);
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let match_example = |name: &str| fhir.post("Patient/$match", &[], &example(name));
    // A server that has just begun does not say "nobody" before it knows.
    until("the index", || match_example("ex-match-input-patient-only").status != 503);
    let empty = match_example("ex-match-input-patient-only").json();
    let expected = example("ex-match-output-empty");
    assert_eq!(
        (&empty["type"], &empty["total"], &empty["entry"]),
        (&json!("searchset"), &expected["total"], &Value::Null)
    );

    let (first, second) = (example("ex-patient"), example("ex-patient-mothers-maiden-name"));
    put(&fhir, &first);
    put(&fhir, &second);
    // ITI-78: the query is the one in the example's own link.
    let expected = example("ex-QueryPatientResourceResponseMessage");
    let link = expected["link"][0]["url"].as_str().expect("a link");
    let found = fhir.get(link.split_once("/fhir/").expect("its path").1).json();
    assert_eq!((&found["type"], &found["total"]), (&expected["type"], &expected["total"]));
    assert_eq!(found["entry"][0]["fullUrl"], format!("{}/Patient/ex-patient", fhir.base));
    assert!(found["link"][0]["relation"] == "self", "{found}");
    assert_eq!(contains(&found["entry"][0]["resource"], &first), Ok(()));
    // The query of the example of an audited search, with its Accept.
    let audited = read(&folder, "ex-audit-78.fsh");
    let query =
        audited.lines().find_map(|line| line.strip_prefix("GET https://server.example.com/fhir/")).expect("a GET");
    let accept = audited.lines().find_map(|line| line.strip_prefix("Accept: ")).expect("an Accept");
    let found = ask("GET", &format!("{}/{query}", fhir.base), &[("accept", accept)], &[]);
    assert_eq!((found.status, &found.json()["total"]), (200, &json!(0)), "{}", found.text);

    // ITI-119.
    until("the index", || match_example("ex-match-input-patient-only").json()["total"] != 0);
    let expected = example("ex-match-output");
    for name in ["ex-match-input-patient-only", "ex-match-input-onlyCertainMatches", "ex-match-input-count"] {
        let found = match_example(name);
        assert_eq!(found.status, 200, "{name}: {}", found.text);
        let found = found.json();
        assert_eq!((&found["type"], &found["total"]), (&json!("searchset"), &expected["total"]), "{name}: {found}");
        let (entry, wanted) = (&found["entry"][0], &expected["entry"][0]);
        assert_eq!(contains(&entry["resource"], &wanted["resource"]), Ok(()), "{name}: a whole record");
        assert_eq!(entry["search"]["mode"], "match");
        assert_eq!(entry["search"]["extension"], wanted["search"]["extension"], "{name}");
        let score = |of: &Value| of["search"]["score"].as_f64().expect("a score");
        assert!((score(wanted)..=1.0).contains(&score(entry)), "{name}: {entry}");
    }
    let alone = fhir.post("Patient/$match", &[], &example("ex-match-input-patient"));
    assert_eq!(alone.json()["total"], 1, "a Patient alone is asked like the Parameters: {}", alone.text);
}

#[test]
fn all_that_pdqm_wants_to_be_searched_by_is() {
    let Some((folder, instances)) = pdqm() else { return };
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let claims = |what: &str| fhir.get("metadata?_elements=instantiates").text.contains(what);
    assert!(claims("IHE.PIXm.Manager") && !claims("PatientDemographicsSupplier"));
    let early = fhir.get("Patient?mothersMaidenName=Doe");
    assert_eq!(early.status, 400, "{}", early.text);
    with_maiden_names(&fhir);
    assert!(claims("PatientDemographicsSupplierMatch"));
    let mut second = fsh::resource(&instances, "ex-patient-mothers-maiden-name");
    second["active"] = json!(true);
    second["telecom"] = json!([{ "system": "phone", "value": "608-555-0100" }]);
    second["address"] = json!([{ "city": "Madison", "postalCode": "53703", "state": "WI", "country": "USA" }]);
    put(&fhir, &second);
    let value = |name: &str| match name {
        "_lastUpdated" => "gt2020",
        "_id" => "ex-patient-mothers-maiden-name",
        "active" => "true",
        "family" | "family:exact" => "Schmit",
        "given" | "given:exact" => "John",
        "identifier" => "http://example.org/exampleSystem%7C90210",
        "telecom" => "608-555-0100",
        "birthdate" => "1932-07-25",
        "address" | "address:exact" | "address-city" | "address-city:exact" => "Madison",
        "address-country" | "address-country:exact" => "USA",
        "address-postalcode" | "address-postalcode:exact" => "53703",
        "address-state" | "address-state:exact" => "WI",
        "gender" => "male",
        "mothersMaidenName" | "mothersMaidenName:exact" => "Doe",
        other => panic!("PDQm names a parameter that this story does not know: {other}"),
    };
    let capability = read(&folder, "capability.fsh");
    let supplier =
        capability.split("Instance: ").find(|of| of.starts_with("IHE.PDQm.PatientDemographicsSupplierMatch"));
    let supplier = supplier.expect("the supplier").split("searchParam[+]").skip(1);
    let names: Vec<&str> = supplier.filter_map(|of| of.split("name = \"").nth(1)?.split('"').next()).collect();
    assert!(names.len() > 20, "{names:?}");
    let offered = fhir.get("metadata").json();
    let kinds = offered["rest"][0]["resource"].as_array().cloned().expect("types");
    let patient = kinds.iter().find(|of| of["type"] == "Patient").expect("Patient");
    for name in names {
        let found = fhir.search(&format!("Patient?{name}={}", value(name)));
        assert_eq!(found.len(), 1, "{name}");
        fhir.none(&format!("Patient?{name}={}", nobody(name)));
        let plain = name.split(':').next().expect("a name");
        let said = patient["searchParam"].as_array().expect("parameters").iter().any(|of| of["name"] == plain);
        assert!(said, "the CapabilityStatement lacks {plain}");
    }
    // What PIXm asks of its manager, as the CapabilityStatement has it.
    let expected = json!({ "conditionalUpdate": true, "conditionalDelete": "single", "operation": [{ "name": "ihe-pix",
        "definition": "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix" }] });
    assert_eq!(contains(patient, &expected), Ok(()));
}

/// A value that nobody has.
fn nobody(name: &str) -> &'static str {
    match name {
        "_lastUpdated" => "lt2020",
        "active" => "false",
        "gender" => "other",
        "birthdate" => "1901-01-01",
        _ => "nobody",
    }
}

#[test]
fn our_own_operations_are_defined_where_the_capability_statement_says() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let statement = fhir.get("metadata").json();
    let mut operations = statement["rest"][0]["operation"].as_array().cloned().expect("operations");
    for kind in statement["rest"][0]["resource"].as_array().expect("types") {
        operations.extend(kind["operation"].as_array().cloned().unwrap_or_default());
    }
    let own = |of: &&Value| of["definition"].as_str().is_some_and(|at| at.starts_with(&fhir.base));
    let mut names = Vec::new();
    for operation in operations.iter().filter(own) {
        let at = operation["definition"].as_str().expect("a canonical");
        let reply = ask("GET", at, &[], &[]);
        assert_eq!(reply.status, 200, "{at}: {}", reply.text);
        let definition = reply.json();
        assert_eq!((&definition["url"], &definition["code"]), (&json!(at), &operation["name"]));
        let judged = fhir.post("OperationDefinition/$validate", &[], &definition);
        assert!(!judged.text.contains("\"error\""), "{at}: {}", judged.text);
        assert_eq!(fhir.put(at.split_once("/fhir/").expect("its path").1, &[], &definition).status, 405);
        names.push(operation["name"].as_str().expect("a name").to_owned());
    }
    names.sort();
    names.dedup();
    assert_eq!(names, ["identity-decide", "identity-explain", "import", "merge", "move", "reindex", "unmerge"]);
    assert_eq!(fhir.get("OperationDefinition/hilum-nothing").status, 404);
    assert!(!statement.to_string().contains("urn:hilum:here"), "no place stands for another");
}
