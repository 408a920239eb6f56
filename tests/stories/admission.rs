//! A ward admits a patient, and anybody can read it as FHIR.

use serde_json::json;

use crate::support::http::reference;
use crate::support::message::{adt, header, message};
use crate::support::server::{Hilum, WARD};

const ADMISSION: &str = "
    PID|1||40017^^^NORTH&2.999.7.1&ISO^MR||Maran^Ilse^Greta||19710304|F|||Quay 9^^Norden^^26506^DE^H||+49 4931 111^PRN^PH
    PV1|1|I|WEST^12^A^NORTH|E|||301^Okoro^Ben^^^Dr.^^^NORTH||||||||||||V8801^^^NORTH|||||||||||||||||||||||||202603011005
";

#[test]
fn an_admission_becomes_a_patient_and_an_encounter() {
    let hilum = Hilum::start();
    hilum.line().accepted(&adt("A01", "20260301101500", ADMISSION));

    let fhir = hilum.fhir();
    let patient = fhir.expect(
        "Patient?identifier=urn:oid:2.999.7.1|40017",
        &json!({
            "name": [{ "family": "Maran", "given": ["Ilse", "Greta"] }],
            "birthDate": "1971-03-04",
            "gender": "female",
            "address": [{ "line": ["Quay 9"], "city": "Norden", "postalCode": "26506" }],
            "telecom": [{ "value": "+49 4931 111", "use": "home" }],
        }),
    );
    let encounter = json!({
        "status": "in-progress",
        "class": { "code": "IMP" },
        "subject": { "reference": reference(&patient) },
        "period": { "start": "2026-03-01T10:05:00+01:00" },
        "location": [{ "status": "active" }],
    });
    for query in [
        "Encounter?identifier=V8801".to_owned(),
        format!("Encounter?patient={}", reference(&patient)),
        "Encounter?status=in-progress&class=IMP".to_owned(),
        "Encounter?date=ge2026-03-01".to_owned(),
    ] {
        fhir.expect(&query, &encounter);
    }
    fhir.expect("Patient?family=mara&birthdate=1971-03-04&gender=female", &json!({ "id": patient["id"] }));
    fhir.none("Encounter?date=lt2026-03-01");
    fhir.none("Patient?birthdate=1971-03-05");
    // Ids cannot be turned back into a number (safety 10).
    assert!(!patient["id"].as_str().expect("an id").contains("40017"));
}

#[test]
fn the_same_message_twice_makes_one_version() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    let admission = adt("A01", "20260301101500", ADMISSION);
    ward.accepted(&admission);
    ward.accepted(&admission);
    // Another control id, the same content.
    ward.accepted(&adt("A01", "20260301101500", ADMISSION));
    let fhir = hilum.fhir();
    for query in ["Patient?identifier=40017", "Encounter?identifier=V8801"] {
        assert_eq!(fhir.versions(&fhir.reference(query)), 1, "{query}");
    }
}

#[test]
fn a_registration_without_a_visit_makes_no_encounter() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    ward.accepted(&adt("A28", "20260301101500", "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F"));
    // No visit number: the configured fallback, or no Encounter; never one a message (safety 7).
    for _ in 0..2 {
        ward.accepted(&adt(
            "A01",
            "20260301101500",
            "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F\nPV1|1|I|WEST^12^A",
        ));
    }
    hilum.fhir().one("Patient?identifier=40017");
    hilum.fhir().none("Encounter");
}

#[test]
fn an_account_stands_for_a_visit_where_the_source_says_so() {
    let hilum = Hilum::configured(&format!("{WARD}visit = [\"account\"]\n"));
    let mut ward = hilum.line();
    let visit = "
        PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F||||||||||AC-1^^^NORTH
        PV1|1|I|WEST^12^A";
    ward.accepted(&adt("A01", "20260301101500", visit));
    ward.accepted(&adt("A08", "20260301111500", visit));
    hilum.fhir().expect("Encounter", &json!({ "status": "in-progress" }));
}

#[test]
fn an_empty_field_changes_nothing_and_two_quotes_delete() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    let person = "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F|||Quay 9^^Norden||+49 4931 111|+49 4931 222||M";
    ward.accepted(&adt("A28", "20260301101500", person));
    ward.accepted(&adt("A31", "20260302101500", "PID|1||40017^^^NORTH^MR||Maran^Ilse|||||||||\"\"||\"\""));
    hilum.fhir().expect(
        "Patient?identifier=40017",
        &json!({
            "birthDate": "1971-03-04",
            "gender": "female",
            "address": [{ "city": "Norden" }],
            "telecom": [{ "value": "+49 4931 111" }],
            "maritalStatus": null,
        }),
    );
    let text = hilum.fhir().one("Patient?identifier=40017").to_string();
    assert!(!text.contains("+49 4931 222"), "a deleted telephone number stays: {text}");
    assert!(!text.contains("\\\"\\\""), "two quotes are no value: {text}");
}

#[test]
fn a_time_without_a_zone_is_cut_to_its_date() {
    let without_zone = WARD.replace("zone = \"Europe/Berlin\"", "");
    let hilum = Hilum::configured(&without_zone);
    hilum.line().accepted(&adt("A01", "20260301101500", ADMISSION));
    hilum.fhir().expect("Encounter?identifier=V8801", &json!({ "period": { "start": "2026-03-01" } }));
    hilum.fhir().expect("Patient?identifier=40017", &json!({ "birthDate": "1971-03-04" }));
}

#[test]
fn what_cannot_be_read_of_a_message_does_not_stop_the_rest() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    // 61: impossible times; 45: repeats where none are allowed and empty ones; 46: components nobody knows; 51: Z and unknown
    // segments anywhere; 64: a birth date in the future; 73: a number without authority.
    ward.accepted(&message(&format!(
        "{}
        ZHD|before|anything
        EVN|A01|20260301101500
        PID|1||40020^^^NORTH^MR^^^^^^^^^^^extra||Quist^Tore~~||20240230|M~F|||~~Hill 2^^Bergen~||||||||||||||||||||||||||||||extra
        ZPI|1|own
        QQQ|1|nobody knows this
        PV1|1|I|WEST||||||||||||||||V8820^^^NORTH|||||||||||||||||||||||||20260301240000",
        header("ADT^A01", "20260301101500")
    )));
    ward.accepted(&adt("A28", "20260301101500", "PID|1||40021^^^^MR||Future^Ann||20990101|F"));
    let fhir = hilum.fhir();
    fhir.expect(
        "Patient?identifier=40020",
        &json!({ "name": [{ "family": "Quist" }], "birthDate": null, "gender": "male", "address": [{ "city": "Bergen" }] }),
    );
    fhir.expect("Encounter?identifier=V8820", &json!({ "status": "in-progress", "period": null }));
    fhir.expect("Patient?identifier=40021", &json!({ "name": [{ "family": "Future" }] }));
}
