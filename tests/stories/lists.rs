//! A present repeating group is the whole list of that source; no group at all says nothing (safety 5).

use serde_json::{Value, json};

use crate::support::http::Fhir;
use crate::support::message::adt;
use crate::support::server::Hilum;

const PERSON: &str = "PID|1||40034^^^NORTH^MR||Lind^Asta||19800102|F\n";

fn visit(number: &str) -> String {
    format!("{PERSON}PV1|1|I|WEST||||||||||||||||{number}^^^NORTH\n")
}

/// The states of the coded resources of a type, by code, in order.
fn states(fhir: &Fhir, kind: &str, state: impl Fn(&Value) -> &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let found = fhir.search(kind);
    let mut states: Vec<(String, String)> =
        found.iter().map(|one| (text(&one["code"]["coding"][0]["code"]), text(state(one)))).collect();
    states.sort();
    states
}

fn clinical(resource: &Value) -> &Value {
    &resource["clinicalStatus"]["coding"][0]["code"]
}

fn verification(resource: &Value) -> &Value {
    &resource["verificationStatus"]["coding"][0]["code"]
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(code, state)| ((*code).to_owned(), (*state).to_owned())).collect()
}

#[test]
fn an_allergy_that_the_list_no_longer_has_is_inactive() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    let fhir = hilum.fhir();
    let both = "AL1|1|DA|70618^Penicillin^RXNORM\nAL1|2|FA|227493005^Cashew^SCT";
    let first = "AL1|1|DA|70618^Penicillin^RXNORM";
    for (day, allergies, expected) in [
        (10, both, &[("227493005", "active"), ("70618", "active")][..]),
        (11, first, &[("227493005", "inactive"), ("70618", "active")]),
        (12, "", &[("227493005", "inactive"), ("70618", "active")]),
        (13, both, &[("227493005", "active"), ("70618", "active")]),
    ] {
        ward.accepted(&adt("A08", &format!("202603{day}090000"), &format!("{PERSON}{allergies}")));
        assert_eq!(states(&fhir, "AllergyIntolerance", clinical), pairs(expected), "day {day}");
    }
}

#[test]
fn a_list_with_action_codes_is_no_snapshot() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    let fhir = hilum.fhir();
    let penicillin = |action: &str| format!("IAM|1|DA|70618^Penicillin^RXNORM|SV|Hives|{action}|A-1^NORTH");
    let cashew = |action: &str| format!("IAM|2|FA|227493005^Cashew^SCT|MO|Rash|{action}|A-2^NORTH");
    ward.accepted(&adt("A60", "20260310090000", &format!("{PERSON}{}\n{}", penicillin("A"), cashew("A"))));
    ward.accepted(&adt("A60", "20260311090000", &format!("{PERSON}{}", penicillin("U"))));
    let both = pairs(&[("227493005", "active"), ("70618", "active")]);
    assert_eq!(states(&fhir, "AllergyIntolerance", clinical), both, "the other was not spoken of");
    ward.accepted(&adt("A60", "20260312090000", &format!("{PERSON}{}", cashew("D"))));
    let found = states(&fhir, "AllergyIntolerance", clinical);
    assert_eq!(found.len(), 2, "nothing is deleted");
    assert_ne!(found[0].1, "active", "taken back");
    assert_eq!(found[1].1, "active");
}

#[test]
fn the_diagnoses_of_one_visit_are_not_those_of_another() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    let fhir = hilum.fhir();
    let heart = "DG1|1||I21.9^Infarction^I10||20260305|A\n";
    let lung = "DG1|2||J18.9^Pneumonia^I10||20260305|A\n";
    ward.accepted(&adt("A08", "20260310090000", &format!("{}{heart}{lung}", visit("V1"))));
    // Another visit has its own list.
    ward.accepted(&adt("A08", "20260311090000", &format!("{}DG1|1||K35.8^Appendicitis^I10||20260311|A", visit("V2"))));
    let before = states(&fhir, "Condition", verification);
    assert_eq!(before.len(), 3);
    assert!(before.iter().all(|(_, state)| state != "entered-in-error"), "{before:?}");
    ward.accepted(&adt("A08", "20260312090000", &format!("{}{heart}", visit("V1"))));
    let found = fhir.search("Condition?code=J18.9");
    assert_eq!(found.len(), 1, "never deleted");
    let gone = [clinical(&found[0]), verification(&found[0])].map(|state| state.as_str().unwrap_or("none"));
    assert!(gone != ["active", "confirmed"] && gone != ["none", "confirmed"] && gone != ["none", "none"], "{gone:?}");
    for code in ["I21.9", "K35.8"] {
        let other = fhir.one(&format!("Condition?code={code}"));
        assert_ne!(verification(&other), "entered-in-error", "{code}");
        assert_ne!(clinical(&other), "inactive", "{code}");
    }
}

#[test]
fn a_diagnosis_with_the_action_delete_was_an_error_and_others_stay() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    let diagnosis =
        |number: &str, code: &str, action: &str| format!("DG1|{number}||{code}|||A|||||||||||||||{action}\n");
    let (heart, lung) = ("I21.9^Infarction^I10", "J18.9^Pneumonia^I10");
    ward.accepted(&adt(
        "A08",
        "20260310090000",
        &format!("{}{}{}", visit("V1"), diagnosis("1", heart, "A"), diagnosis("2", lung, "A")),
    ));
    ward.accepted(&adt("A08", "20260311090000", &format!("{}{}", visit("V1"), diagnosis("1", heart, "D"))));
    let state = |code: &str| verification(&hilum.fhir().one(&format!("Condition?code={code}"))).clone();
    assert_eq!(state("I21.9"), "entered-in-error");
    assert_ne!(state("J18.9"), "entered-in-error");
}

#[test]
fn next_of_kin_and_insurance_are_lists_too() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    let fhir = hilum.fhir();
    let runa = "NK1|1|Quist^Runa|SPO^Spouse^HL70063\n";
    let tore = "NK1|2|Quist^Tore|CHD^Child^HL70063\n";
    let gold = "IN1|1|GOLD^Gold plan|880^^^PAYERS|Nordic Mutual||||G7||||||||Lind^Asta|SEL|||||||||||||||||||P-771\n";
    let iron = "IN1|2|IRON^Iron plan|881^^^PAYERS|Southern Mutual||||G8||||||||Lind^Asta|SEL|||||||||||||||||||P-772\n";
    ward.accepted(&adt("A08", "20260310090000", &format!("{PERSON}{runa}{tore}{gold}{iron}")));
    assert_eq!(fhir.search("RelatedPerson").len(), 2);
    fhir.expect("Coverage?identifier=P-772", &json!({ "status": "active" }));

    ward.accepted(&adt("A08", "20260311090000", &format!("{PERSON}{runa}{gold}")));
    fhir.expect("RelatedPerson?name=Runa", &json!({ "active": true }));
    fhir.expect("RelatedPerson?name=Tore", &json!({ "active": false }));
    fhir.expect("Coverage?identifier=P-771", &json!({ "status": "active" }));
    let gone = fhir.one("Coverage?identifier=P-772");
    assert_ne!(gone["status"], "active", "superseded, not deleted");

    ward.accepted(&adt("A08", "20260312090000", PERSON));
    fhir.expect("RelatedPerson?name=Runa", &json!({ "active": true }));
    fhir.expect("Coverage?identifier=P-771", &json!({ "status": "active" }));
}

#[test]
fn a_number_that_is_no_longer_listed_is_kept_and_reported() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    ward.accepted(&adt("A28", "20260310090000", "PID|1||40034^^^NORTH^MR~S-1^^^NATION^PI||Lind^Asta||19800102|F"));
    ward.accepted(&adt("A31", "20260311090000", "PID|1||40034^^^NORTH^MR||Lind^Asta||19800102|F"));
    hilum
        .fhir()
        .expect("Patient?identifier=40034", &json!({ "identifier": [{ "value": "40034" }, { "value": "S-1" }] }));
    let shown = hilum.newest().to_string();
    assert!(shown.contains("PID-3") || shown.contains("identifier"), "it is said: {shown}");
    assert!(!hilum.log().contains("S-1"), "but not which");
}
