//! Another health plan asks for its new member: `Patient/$member-match` of Da Vinci HRex, one person or none.

use serde_json::{Value, json};

use crate::identity::until;
use crate::support::http::{Fhir, Reply};
use crate::support::server::Hilum;

fn patient(id: &str, clinic: &str, given: &str, birth: &str) -> Value {
    let coded = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB" }] });
    json!({ "resourceType": "Patient", "id": id,
            "identifier": [{ "system": format!("urn:{clinic}"), "value": format!("{clinic}-{id}") },
                           { "type": coded, "system": format!("urn:{clinic}:member"), "value": format!("M-{id}") }],
            "name": [{ "family": "Abernathy", "given": [given, "Quincy"] }], "gender": "female", "birthDate": birth,
            "telecom": [{ "system": "phone", "value": "217-544-2918" }],
            "address": [{ "line": ["418 Chestnut Street"], "city": "Springfield", "state": "IL", "postalCode": "62704" }] })
}

fn put(fhir: &Fhir, resource: &Value) {
    let reply = fhir.put(&format!("Patient/{}", resource["id"].as_str().expect("an id")), &[], resource);
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
}

/// What the other plan knows, as it sends it.
fn asked(given: &str, birth: &str) -> Value {
    let mut member = patient("1", "plan", given, birth);
    member["identifier"] = json!([{ "system": "urn:plan", "value": "55" }]);
    let coverage = json!({ "resourceType": "Coverage", "status": "active", "beneficiary": { "reference": "Patient/1" },
        "payor": [{ "display": "the old plan" }], "subscriberId": "97531" });
    let consent = json!({ "resourceType": "Consent", "status": "active",
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IDSCL" }] }],
        "patient": { "reference": "Patient/1" }, "provision": { "type": "permit" },
        "policy": [{ "uri": "http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#regular" }] });
    json!({ "resourceType": "Parameters", "parameter": [
        { "name": "MemberPatient", "resource": member },
        { "name": "Consent", "resource": consent },
        { "name": "CoverageToMatch", "resource": coverage },
        { "name": "CoverageToLink", "resource": coverage }] })
}

fn ask(fhir: &Fhir, body: &Value) -> Reply {
    fhir.post("Patient/$member-match", &[], body)
}

#[test]
fn a_member_is_one_person_or_none_and_nobody_learns_which() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    put(&fhir, &patient("a", "north", "Wilhelmina", "1961-07-23"));
    put(&fhir, &patient("c", "south", "Bartholomew", "1990-02-11"));
    until("the index", || ask(&fhir, &asked("Wilhelmina", "1961-07-23")).status == 200);
    let found = ask(&fhir, &asked("Wilhelmina", "1961-07-23"));
    let parameters = found.json()["parameter"].clone();
    assert_eq!(parameters[0]["name"], "MemberIdentifier");
    assert_eq!(parameters[0]["valueIdentifier"]["value"], "M-a", "a member's number before any other: {parameters}");
    assert_eq!(parameters[1], json!({ "name": "MemberId", "valueReference": { "reference": "Patient/a" } }));

    let none = ask(&fhir, &asked("Octavia", "1944-12-01"));
    assert_eq!(none.status, 422, "{}", none.text);
    // Two sources of one person are one person; two whom a steward holds apart are many.
    put(&fhir, &patient("b", "south", "Wilhelmina", "1961-07-23"));
    until("a golden Patient", || !fhir.search("Patient?link=Patient/b").is_empty());
    assert_eq!(ask(&fhir, &asked("Wilhelmina", "1961-07-23")).status, 200);
    let patient = |id: &str| json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{id}") } });
    let apart = json!({ "resourceType": "Parameters",
        "parameter": [patient("a"), patient("b"), { "name": "decision", "valueCode": "not-same" }] });
    assert_eq!(fhir.post("Patient/$identity-decide", &[], &apart).status, 200);
    let many = ask(&fhir, &asked("Wilhelmina", "1961-07-23"));
    assert_eq!(many.status, 422, "{}", many.text);
    assert_eq!(many.text, none.text, "none and many are told alike");
    fhir.none("Consent");
    fhir.none("Coverage");
}

#[test]
fn what_is_missing_or_of_somebody_else_is_refused_before_anybody_is_looked_for() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    put(&fhir, &patient("a", "north", "Wilhelmina", "1961-07-23"));
    until("the index", || ask(&fhir, &asked("Wilhelmina", "1961-07-23")).status == 200);
    let with = |at: &str, value: Value| {
        let mut body = asked("Wilhelmina", "1961-07-23");
        *body.pointer_mut(at).expect("it is there") = value;
        body
    };
    let without = |at: usize| {
        let mut body = asked("Wilhelmina", "1961-07-23");
        body["parameter"].as_array_mut().expect("a list").remove(at);
        body
    };
    let nobody = json!({ "resourceType": "Patient", "id": "1" });
    for (body, status) in [
        (without(0), 400),
        (without(1), 400),
        (without(2), 400),
        (without(3), 200),
        (with("/parameter/0/resource", nobody.clone()), 422),
        (with("/parameter/0/resource/resourceType", json!("Person")), 400),
        (with("/parameter/2/resource", nobody), 400),
        (with("/parameter/1/resource/status", json!("inactive")), 422),
        (with("/parameter/1/resource/status", json!("rejected")), 422),
        (with("/parameter/1/resource/patient", json!({ "reference": "Patient/2" })), 422),
        (with("/parameter/1/resource/patient", json!({ "display": "she" })), 422),
        (with("/parameter/1/resource/provision/type", json!("deny")), 422),
        (with("/parameter/1/resource/provision", json!({ "period": { "end": "2001" } })), 422),
        (with("/parameter/2/resource/beneficiary/reference", json!("Patient/2")), 422),
        (with("/parameter/3/resource/beneficiary/reference", json!("Patient/2")), 422),
        (json!({ "resourceType": "Parameters" }), 400),
        (patient("a", "north", "Wilhelmina", "1961-07-23"), 400),
    ] {
        let reply = ask(&fhir, &body);
        assert_eq!(reply.status, status, "{body}: {}", reply.text);
        assert!(status == 200 || !reply.text.contains("Abernathy"), "{}", reply.text);
    }
    assert_eq!(fhir.get("Patient/$member-match").status, 405);
}
