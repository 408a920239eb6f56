//! The FHIR API as a client meets it: R4 §3.1.0 and what it says when something is wrong.

use serde_json::{Value, json};

use crate::support::http::{Fhir, ask, reference};
use crate::support::message::adt;
use crate::support::server::{Hilum, WARD};

fn patient(family: &str) -> Value {
    json!({ "resourceType": "Patient", "active": true, "name": [{ "family": family }], "birthDate": "1971-03-04" })
}

fn created(fhir: &Fhir, resource: &Value) -> Value {
    let kind = resource["resourceType"].as_str().expect("a type");
    let reply = fhir.post(kind, &[], resource);
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json()
}

#[test]
fn what_is_created_is_read_with_its_version() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let reply = fhir.post("Patient", &[], &patient("Maran"));
    assert_eq!(reply.status, 201, "{}", reply.text);
    let stored = reply.json();
    let at = reference(&stored);
    assert_eq!(reply.header("etag"), "W/\"1\"");
    assert_eq!(reply.header("location"), format!("{}/{at}/_history/1", fhir.base));
    assert_eq!(stored["meta"]["versionId"], "1");

    let read = fhir.get(&at);
    assert_eq!((read.status, read.header("etag")), (200, "W/\"1\""));
    assert!(read.header("content-type").starts_with("application/fhir+json"), "{read:?}");
    assert_eq!(read.json(), stored);
    assert!(!read.header("last-modified").is_empty());
    let known = ask("GET", &format!("{}/{at}", fhir.base), &[("if-none-match", "W/\"1\"")], &[]);
    assert_eq!(known.status, 304);
}

#[test]
fn each_change_is_a_version_and_a_delete_is_one_too() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let mut resource = created(&fhir, &patient("Maran"));
    let at = reference(&resource);
    resource["name"][0]["family"] = json!("Quist");
    let updated = fhir.put(&at, &[("if-match", "W/\"1\"")], &resource);
    assert_eq!((updated.status, updated.header("etag")), (200, "W/\"2\""), "{}", updated.text);

    let stale = fhir.put(&at, &[("if-match", "W/\"1\"")], &resource);
    assert_eq!(stale.status, 412, "{}", stale.text);
    stale.outcome("conflict");
    assert_eq!(fhir.delete(&at, &[("if-match", "W/\"1\"")]).status, 412);

    let deleted = fhir.delete(&at, &[]);
    assert!([200, 204].contains(&deleted.status), "{deleted:?}");
    let gone = fhir.get(&at);
    assert_eq!(gone.status, 410, "{}", gone.text);
    gone.outcome("deleted");
    assert_eq!(fhir.get(&format!("{at}/_history/1")).json()["name"][0]["family"], "Maran");
    assert_eq!(fhir.get(&format!("{at}/_history/2")).json()["name"][0]["family"], "Quist");
    assert_eq!(fhir.get(&format!("{at}/_history/3")).status, 410);
    assert_eq!(fhir.get(&format!("{at}/_history/9")).status, 404);
    let methods: Vec<Value> = fhir.history(&at).iter().map(|entry| entry["request"]["method"].clone()).collect();
    assert_eq!(methods, ["DELETE", "PUT", "POST"]);
    fhir.none("Patient?family=Quist");
    // It may be made again, and its history goes on.
    let again = fhir.put(&at, &[], &resource);
    assert_eq!((again.status, again.header("etag")), (201, "W/\"4\""), "{}", again.text);
}

#[test]
fn a_client_may_choose_the_id() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let mut resource = patient("Maran");
    resource["id"] = json!("my-own.1");
    assert_eq!(fhir.put("Patient/my-own.1", &[], &resource).status, 201);
    assert_eq!(fhir.put("Patient/other", &[], &resource).status, 400, "the id in the body is another");
    assert_eq!(fhir.put("Patient/my-own.2", &[("if-match", "W/\"1\"")], &resource).status, 400);
    assert_eq!(fhir.put("Observation/my-own.1", &[], &resource).status, 400, "the type is another");
}

#[test]
fn what_is_no_resource_of_r4_is_refused_with_its_path() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let url = format!("{}/Patient", fhir.base);
    for (name, body, place) in [
        ("no JSON", "{\"resourceType\":", ""),
        ("an unknown element", r#"{"resourceType":"Patient","nome":"x"}"#, "Patient.nome"),
        ("a wrong type", r#"{"resourceType":"Patient","active":"true"}"#, "Patient.active"),
        ("an empty list", r#"{"resourceType":"Patient","name":[]}"#, "Patient.name"),
        ("a duplicate key", r#"{"resourceType":"Patient","active":true,"active":false}"#, "Patient.active"),
        ("a bad date", r#"{"resourceType":"Patient","birthDate":"2024-02-30"}"#, "Patient.birthDate"),
        ("a bad code", r#"{"resourceType":"Patient","gender":"f"}"#, "Patient.gender"),
        ("trailing bytes", r#"{"resourceType":"Patient"} x"#, ""),
        ("another type", r#"{"resourceType":"Observation","status":"final","code":{"text":"x"}}"#, ""),
        ("no such type", r#"{"resourceType":"Person2"}"#, ""),
    ] {
        let reply = ask("POST", &url, &[("content-type", "application/fhir+json")], body.as_bytes());
        assert_eq!(reply.status, 400, "{name}: {}", reply.text);
        let outcome = reply.json();
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{name}");
        let places = outcome["issue"][0]["expression"].to_string();
        assert!(places.contains(place), "{name}: {outcome}");
    }
    fhir.none("Patient");
}

#[test]
fn each_thing_that_cannot_be_done_has_its_status() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let json = ("content-type", "application/fhir+json");
    for (method, path, headers, body, status) in [
        ("GET", "Patient/nobody", &[][..], "", 404),
        ("GET", "Patience/x", &[], "", 404),
        ("GET", "patient/x", &[], "", 404),
        ("DELETE", "Patient", &[], "", 412),
        ("POST", "Patient", &[("content-type", "text/html")], "<p>", 415),
        ("POST", "", &[json], r#"{"resourceType":"Bundle","type":"searchset"}"#, 400),
        ("PATCH", "Patient/x", &[("content-type", "application/json-patch+json")], "[]", 404),
        ("GET", "Patient?colour=red", &[], "", 400),
        ("GET", "Patient?birthdate=yesterday", &[], "", 400),
        ("GET", "Patient?_count=-1", &[], "", 400),
        ("GET", "Patient?_format=ttl", &[], "", 406),
        ("GET", "Patient", &[("accept", "text/turtle")], "", 406),
        ("PUT", "Patient/x", &[json, ("if-match", "three")], r#"{"resourceType":"Patient","id":"x"}"#, 400),
    ] {
        let url = format!("{}/{path}", fhir.base);
        let reply = ask(method, url.trim_end_matches('/'), headers, body.as_bytes());
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
        assert_eq!(reply.json()["resourceType"], "OperationOutcome", "{method} {path}: {}", reply.text);
    }
    // A parameter that nobody knows is passed over only where the client says so.
    let lenient = ask("GET", &format!("{}/Patient?colour=red", fhir.base), &[("prefer", "handling=lenient")], &[]);
    assert_eq!(lenient.status, 200, "{}", lenient.text);
    assert!(ask("GET", &format!("{}/nothing", hilum.http()), &[], &[]).status == 404);
}

#[test]
fn pages_of_one_search_see_one_moment() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    for number in 0..25 {
        created(&fhir, &patient(&format!("Maran{number:02}")));
    }
    let first = fhir.get("Patient?family=maran&_count=10&_sort=family").json();
    assert_eq!(first["total"], 25, "{first:#}");
    // What comes and goes meanwhile is not seen.
    let gone = reference(&fhir.one("Patient?family=Maran24"));
    fhir.delete(&gone, &[]);
    created(&fhir, &patient("Maran99"));
    let (mut page, mut names) = (first, Vec::new());
    loop {
        names.extend(
            page["entry"]
                .as_array()
                .expect("entries")
                .iter()
                .map(|entry| entry["resource"]["name"][0]["family"].clone()),
        );
        let next = page["link"].as_array().expect("links").iter().find(|link| link["relation"] == "next");
        let Some(next) = next else { break };
        page = ask("GET", next["url"].as_str().expect("an address"), &[], &[]).json();
    }
    let expected: Vec<String> = (0..25).map(|number| format!("Maran{number:02}")).collect();
    assert_eq!(names, expected);
}

#[test]
fn the_usual_searches_find_what_messages_made() {
    let hilum = Hilum::start();
    hilum.line().accepted(&adt(
        "A01",
        "20260301101500",
        "PID|1||40017^^^NORTH&2.999.7.1&ISO^MR||Maran^Ilse||19710304|F||||||||||77001^^^NORTH
        PV1|1|I|WEST^12^A^NORTH|E|||301^Okoro^Ben^^^Dr.^^^NORTH||||||||||||V8801^^^NORTH|||||||||||||||||||||||||202603011005
        AL1|1|DA|70618^Penicillin^RXNORM
        DG1|1||I21.9^Infarction^I10||20260305|A
        PR1|1||44950^Appendectomy^C4||20260306
        IN1|1|GOLD^Gold plan|880^^^PAYERS|Nordic Mutual||||||||||||Maran^Ilse|SEL|||||||||||||||||||P-771",
    ));
    let fhir = hilum.fhir();
    let patient = fhir.reference("Patient?identifier=40017");
    for query in [
        format!("Encounter?patient={patient}&class=IMP"),
        format!("Encounter?subject={patient}&date=ge2026-03-01&date=lt2026-03-02"),
        format!("AllergyIntolerance?patient={patient}&code=70618"),
        format!("Condition?patient={patient}&code=http://hl7.org/fhir/sid/icd-10|I21.9"),
        format!("Procedure?patient={patient}&date=2026-03-06"),
        format!("Coverage?beneficiary={patient}&status=active"),
        "Practitioner?family=Okoro".to_owned(),
        "Organization?name=nordic".to_owned(),
        "Location?name=WEST".to_owned(),
        "Patient?_id=".to_owned() + patient.trim_start_matches("Patient/"),
        "Patient?name=ilse&birthdate=lt1980".to_owned(),
    ] {
        let bundle = fhir.get(&query).json();
        assert_eq!(bundle["type"], "searchset", "{query}: {bundle}");
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        let matches = entries.iter().filter(|entry| entry["search"]["mode"] == "match").count();
        assert_eq!(matches, 1, "{query}: {bundle:#}");
    }
    let form = ask(
        "POST",
        &format!("{}/Patient/_search", fhir.base),
        &[("content-type", "application/x-www-form-urlencoded")],
        b"family=maran&gender=female",
    );
    assert_eq!(form.json()["total"], 1, "{}", form.text);
    let counted = fhir.get("Patient?_summary=count").json();
    assert_eq!((counted["total"].clone(), counted["entry"].clone()), (json!(1), Value::Null));
}

#[test]
fn the_server_says_what_it_can() {
    let hilum = Hilum::start();
    let statement = hilum.fhir().get("metadata").json();
    assert_eq!(statement["resourceType"], "CapabilityStatement");
    assert_eq!(statement["fhirVersion"], "4.0.1");
    let resources = statement["rest"][0]["resource"].as_array().expect("resources");
    for kind in [
        "Patient",
        "Encounter",
        "Observation",
        "DiagnosticReport",
        "ServiceRequest",
        "Condition",
        "AllergyIntolerance",
        "Procedure",
        "Coverage",
        "Practitioner",
        "Organization",
        "Location",
    ] {
        assert!(resources.iter().any(|resource| resource["type"] == kind), "{kind}");
    }
    let metrics = ask("GET", &format!("{}/metrics", hilum.http()), &[], &[]);
    assert!(metrics.text.contains("# TYPE hilum_"), "{}", metrics.text);
    assert_eq!(ask("GET", &format!("{}/readyz", hilum.http()), &[], &[]).json()["ready"], true);
}

#[test]
fn nobody_is_served_who_proved_nothing() {
    let directory = crate::support::directory::Directory::new();
    let data = directory.join("data").display().to_string();
    let file =
        directory.write("hilum.toml", format!("[http]\nlisten = \"127.0.0.1:0\"\n[store]\ndata = {data:?}\n{WARD}"));
    let closed = Hilum::with_arguments(directory, &["serve", "--config", file.to_str().expect("UTF-8")]);
    closed.line().accepted(&adt("A28", "20260301", "PID|1||40017^^^NORTH^MR||Maran^Ilse"));
    for path in ["fhir/Patient", "fhir/Patient/x", "fhir/_history", "hilum/messages", "hilum/messages/1/raw"] {
        let reply = ask("GET", &format!("{}/{path}", closed.http()), &[], &[]);
        assert_eq!(reply.status, 401, "{path}: {}", reply.text);
        assert!(!reply.text.contains("Maran"), "{path}");
    }
    assert_eq!(ask("GET", &format!("{}/fhir/metadata", closed.http()), &[], &[]).status, 200);

    // Open on this machine is not open to a page in its browser, nor to what a proxy brings.
    let open = Hilum::start();
    for header in [("origin", "https://evil.example"), ("x-forwarded-for", "10.0.0.1"), ("host", "evil.example")] {
        let reply = ask("GET", &format!("{}/fhir/Patient", open.http()), &[header], &[]);
        assert_eq!(reply.status, 401, "{header:?}: {}", reply.text);
    }
}

#[test]
fn a_change_by_hand_and_a_message_go_together() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let mut line = hilum.line();
    let person = "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F|||Quay 9^^Norden";
    line.accepted(&adt("A28", "20260301", person));
    let mut resource = fhir.one("Patient?identifier=40017");
    resource["photo"] = json!([{ "title": "at the door" }]);
    assert_eq!(fhir.put(&reference(&resource), &[], &resource).status, 200);
    // An update by message changes only what it says.
    line.accepted(&adt("A31", "20260302", &person.replace("Quay 9", "Quay 10")));
    fhir.expect(
        "Patient?identifier=40017",
        &json!({ "photo": [{ "title": "at the door" }], "address": [{ "line": ["Quay 10"] }] }),
    );
}
