//! A number that was reused or mistyped is a person's business, not a rewrite (safety 1 to 3).

use serde_json::json;

use crate::support::message::{adt, oru};
use crate::support::server::{Hilum, WARD};

const KNOWN: &str = "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F|||Quay 9^^Norden";
const SOMEBODY_ELSE: &str = "PID|1||40017^^^NORTH^MR||Quist^Tore||19880101|M|||Hill 2^^Bergen";

#[test]
fn a_number_under_which_everything_disagrees_is_parked() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    ward.accepted(&adt("A28", "20260301090000", KNOWN));
    // We have taken responsibility: AA, and an alert.
    ward.accepted(&adt("A31", "20260302090000", SOMEBODY_ELSE));
    hilum.fhir().expect(
        "Patient?identifier=40017",
        &json!({ "name": [{ "family": "Maran" }], "birthDate": "1971-03-04", "gender": "female", "address": [{ "city": "Norden" }] }),
    );
    hilum.fhir().none("Patient?family=Quist");
    assert_eq!(hilum.parked().len(), 1);
}

#[test]
fn one_thing_that_agrees_is_enough() {
    for (name, told) in [
        ("the name", "PID|1||40017^^^NORTH^MR||Maran^Ilse||19880101|M"),
        ("the birth date", "PID|1||40017^^^NORTH^MR||Quist^Tore||19710304|M"),
        ("the sex", "PID|1||40017^^^NORTH^MR||Quist^Tora||19880101|F"),
    ] {
        let hilum = Hilum::start();
        let mut ward = hilum.line();
        ward.accepted(&adt("A28", "20260301090000", KNOWN));
        ward.accepted(&adt("A31", "20260302090000", told));
        assert_eq!(hilum.parked().len(), 0, "{name}");
        assert_eq!(hilum.fhir().versions(&hilum.fhir().reference("Patient?identifier=40017")), 2, "{name}");
    }
}

#[test]
fn a_source_that_wants_to_know_is_told() {
    let hilum = Hilum::configured(&format!("{WARD}on_park = \"error\"\n"));
    let mut ward = hilum.line();
    ward.accepted(&adt("A28", "20260301090000", KNOWN));
    let answer = ward.say(&adt("A31", "20260302090000", SOMEBODY_ELSE));
    assert_eq!(answer.code(), "AE", "{}", answer.0);
    for secret in ["Quist", "Tore", "19880101", "40017", "Maran"] {
        assert!(!answer.0.contains(secret), "the answer repeats {secret}: {}", answer.0);
    }
}

#[test]
fn a_result_makes_a_stub_and_never_overwrites_what_admission_said() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    let result = |person: &str| {
        format!(
            "{person}\nOBR|1||F1^LAB|NA^Sodium^L|||202603010800||||||||||||||||||F\nOBX|1|NM|NA^Sodium^L||140|mmol/L|||||F"
        )
    };
    ward.accepted(&oru("20260301100000", &result("PID|1||40017^^^NORTH^MR||Marran^Ilsa||19710305|F")));
    hilum.fhir().expect("Patient?identifier=40017", &json!({ "name": [{ "family": "Marran" }] }));
    // Admission speaks, even of an earlier hour: what the laboratory wrote goes.
    ward.accepted(&adt("A28", "20260301090000", KNOWN));
    let known = json!({ "name": [{ "family": "Maran", "given": ["Ilse"] }], "birthDate": "1971-03-04" });
    hilum.fhir().expect("Patient?identifier=40017", &known);
    // And the laboratory again.
    ward.accepted(&oru(
        "20260303100000",
        &result("PID|1||40017^^^NORTH^MR||Marran^Ilsa||19710305|F|||Elsewhere^^Oslo"),
    ));
    let patient = hilum.fhir().expect("Patient?identifier=40017", &known);
    assert_eq!(patient["name"].as_array().map(Vec::len), Some(1), "{patient:#}");
    assert_eq!(hilum.fhir().one_of("Observation", "40017")["status"], "final");
}

#[test]
fn the_key_is_the_configured_type_of_an_authority_and_not_the_first_repetition() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    ward.accepted(&adt("A28", "20260301090000", "PID|1||40017^^^NORTH^MR~77^^^NORTH^PI||Maran^Ilse||19710304|F"));
    ward.accepted(&adt("A31", "20260302090000", "PID|1||77^^^NORTH^PI~40017^^^NORTH^MR||Maran^Ilse||19710304|F"));
    hilum.fhir().one("Patient?family=Maran");
    // The same number of another authority is another person.
    ward.accepted(&adt("A28", "20260301090000", "PID|1||40017^^^SOUTH^MR||Quist^Tore||19880101|M"));
    assert_eq!(hilum.fhir().search("Patient?identifier=40017").len(), 2);
}

#[test]
fn a_different_number_without_a_change_message_is_a_different_patient() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    ward.accepted(&adt("A28", "20260301090000", KNOWN));
    ward.accepted(&adt("A31", "20260302090000", &KNOWN.replace("40017", "40099")));
    hilum.fhir().one("Patient?identifier=40017");
    hilum.fhir().one("Patient?identifier=40099");
    assert_eq!(hilum.fhir().search("Patient?family=Maran").len(), 2);
}

#[test]
fn a_message_that_names_nobody_is_parked_and_says_where() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    // Only a number of a type that names nobody at this source, and numbers that are everybody's.
    ward.accepted(&adt("A28", "20260301090000", "PID|1||999999999^^^USA^SS||Doe^John||19710304|M"));
    hilum.fhir().none("Patient");
    let shown = hilum.newest();
    assert_eq!(shown["outcome"], "parked", "{shown}");
    assert!(shown.to_string().contains("PID-3"), "{shown}");
}
