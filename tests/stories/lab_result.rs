//! A laboratory posts results, corrects them and takes them back (safety 8).

use serde_json::json;

use crate::support::message::{adt, oru};
use crate::support::server::Hilum;

const PERSON: &str = "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F";

/// One potassium under one filler number, with the status and value given.
fn potassium(issued: &str, status: &str, value: &str) -> Vec<u8> {
    oru(
        issued,
        &format!(
            "{PERSON}
            OBR|1|P102^WARD|F102^LAB|2823-3^Potassium^LN|||202603010800|||||||||||||||{issued}||CH|{status}
            OBX|1|NM|2823-3^Potassium^LN||{value}|mmol/L^^UCUM|3.5-5.3|N|||{status}|||202603010800"
        ),
    )
}

#[test]
fn a_result_becomes_a_report_its_order_and_observations() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    line.accepted(&adt("A28", "20260301070000", PERSON));
    line.accepted(&potassium("20260301100000", "F", "4.10"));
    let fhir = hilum.fhir();
    let patient = fhir.reference("Patient?identifier=40017");
    let observation = fhir.expect(
        &format!("Observation?patient={patient}&code=http://loinc.org|2823-3"),
        &json!({
            "status": "final",
            "subject": { "reference": patient },
            "valueQuantity": { "unit": "mmol/L" },
            "referenceRange": [{ "text": "3.5-5.3" }],
            "effectiveDateTime": "2026-03-01T08:00:00+01:00",
        }),
    );
    assert_eq!(observation["valueQuantity"]["value"].to_string(), "4.10", "as the laboratory wrote it");
    let report = fhir
        .expect("DiagnosticReport?identifier=F102", &json!({ "status": "final", "subject": { "reference": patient } }));
    let result = report["result"][0]["reference"].as_str().expect("the report lists its results");
    assert_eq!(result, format!("Observation/{}", observation["id"].as_str().expect("an id")));
    fhir.expect("ServiceRequest?identifier=P102", &json!({ "intent": "order", "subject": { "reference": patient } }));
    fhir.expect("Observation?value-quantity=gt4&date=2026-03-01&status=final", &json!({ "id": observation["id"] }));
    fhir.none("Observation?value-quantity=gt5");
}

#[test]
fn corrected_beats_final_beats_preliminary_whatever_comes_first() {
    let said = [("20260301100000", "P", "4.0"), ("20260301110000", "F", "4.2"), ("20260301120000", "C", "4.4")];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let hilum = Hilum::start();
        let mut laboratory = hilum.line();
        for (issued, status, value) in order.map(|number| said[number]) {
            laboratory.accepted(&potassium(issued, status, value));
        }
        let expected = json!({ "status": "corrected", "valueQuantity": { "unit": "mmol/L" } });
        let observation = hilum.fhir().expect("Observation", &expected);
        assert_eq!(observation["valueQuantity"]["value"].to_string(), "4.4", "{order:?}");
        hilum.fhir().expect("DiagnosticReport", &json!({ "status": "corrected" }));
    }
}

#[test]
fn what_is_taken_back_leaves_the_trends() {
    for (status, expected) in [("D", "entered-in-error"), ("W", "entered-in-error"), ("X", "cancelled")] {
        let hilum = Hilum::start();
        let mut laboratory = hilum.line();
        laboratory.accepted(&potassium("20260301100000", "F", "9.9"));
        laboratory.accepted(&potassium("20260301110000", status, ""));
        let fhir = hilum.fhir();
        fhir.expect("Observation", &json!({ "status": expected }));
        fhir.none("Observation?status=final,corrected,amended,preliminary");
        // A final that comes late does not bring back what was wrong. What could not be had may yet come.
        laboratory.accepted(&potassium("20260301103000", "F", "9.9"));
        if status != "X" {
            fhir.expect("Observation", &json!({ "status": expected }));
        }
    }
}

#[test]
fn a_change_of_status_alone_keeps_the_value() {
    let hilum = Hilum::start();
    let mut laboratory = hilum.line();
    laboratory.accepted(&potassium("20260301100000", "P", "4.1"));
    laboratory.accepted(&potassium("20260301110000", "U", ""));
    let observation = hilum.fhir().expect("Observation", &json!({ "status": "final" }));
    assert_eq!(observation["valueQuantity"]["value"].to_string(), "4.1");
}

#[test]
fn each_status_of_table_0085_is_decided() {
    for (status, expected) in [
        ("A", "amended"),
        ("B", "amended"),
        ("C", "corrected"),
        ("F", "final"),
        ("I", "registered"),
        ("N", "cancelled"),
        ("O", "registered"),
        ("P", "preliminary"),
        ("R", "preliminary"),
        ("S", "preliminary"),
        ("V", "final"),
    ] {
        let hilum = Hilum::start();
        hilum.line().accepted(&potassium("20260301100000", status, "4.1"));
        hilum.fhir().expect("Observation", &json!({ "status": expected }));
    }
}

#[test]
fn a_result_before_its_order_and_before_its_patient_is_filed() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    line.accepted(&potassium("20260301100000", "F", "4.1"));
    let before = hilum.fhir().reference("Patient?identifier=40017");
    line.accepted(&adt("A28", "20260301070000", PERSON));
    assert_eq!(hilum.fhir().reference("Patient?identifier=40017"), before);
    hilum.fhir().expect("Observation", &json!({ "subject": { "reference": before } }));
}

#[test]
fn two_patients_in_one_message_keep_their_results_apart() {
    let hilum = Hilum::start();
    hilum.line().accepted(&oru(
        "20260301100000",
        "PID|1||40017^^^NORTH^MR||Maran^Ilse
        OBR|1||F110^LAB|NA^Sodium^L|||20260301||||||||||||||||||F
        OBX|1|NM|NA^Sodium^L||140|mmol/L|||||F
        PID|2||40018^^^NORTH^MR||Quist^Tore
        OBR|1||F111^LAB|NA^Sodium^L|||20260301||||||||||||||||||F
        OBX|1|NM|NA^Sodium^L||131|mmol/L|||||F",
    ));
    for (number, value) in [("40017", "140"), ("40018", "131")] {
        let found = hilum.fhir().one_of("Observation", number);
        assert_eq!(found["valueQuantity"]["value"].to_string(), value);
    }
}

#[test]
fn an_order_number_that_comes_again_for_another_patient_is_parked() {
    let hilum = Hilum::start();
    let mut laboratory = hilum.line();
    laboratory.accepted(&potassium("20260301100000", "F", "4.1"));
    let reused = String::from_utf8(potassium("20260302100000", "F", "6.6")).expect("ASCII");
    laboratory.accepted(reused.replace("40017", "40018").replace("Maran^Ilse", "Quist^Tore").as_bytes());
    let found: Vec<String> =
        hilum.fhir().search("Observation").iter().map(|one| one["valueQuantity"]["value"].to_string()).collect();
    assert!(found.iter().all(|value| value == "4.1"), "{found:?}");
    assert_eq!(hilum.parked().len(), 1);
}

#[test]
fn values_that_are_not_what_they_are_called_lose_nothing() {
    let hilum = Hilum::start();
    let report = "JVBERi0xLjQK";
    hilum.line().accepted(&oru(
        "20260301100000",
        &format!(
            "PID|1||40017^^^NORTH^MR||Maran^Ilse
            OBR|1||F113^LAB|MIX^Mixed^L|||20260301||||||||||||||||||F
            NTE|1||of the order
            OBX|1|NM|A^A^L||<5|mg/L|||||F
            NTE|1||of A
            OBX|2|NM|B^B^L||1,2|mg/L|||||F
            OBX|3|NM|C^C^L||POS||||||F
            OBX|4||D^D^L||28|%|||||F
            OBX|5|TX|E^E^L||one||||||F
            OBX|6|TX|E^E^L||two||||||F
            OBX|7|ST|F^F^L||Smith \\T\\ Sons \\F\\ \\E\\||||||F
            OBX|8|FT|G^G^L||first\\.br\\second||||||F
            OBX|9|ED|PDF^Report^L||^application^PDF^Base64^{report}||||||F
            OBX|10|ST|H^H^L||<b>bold</b>||||||F"
        ),
    ));
    let fhir = hilum.fhir();
    for (code, expected) in [
        ("A", json!({ "valueQuantity": { "comparator": "<" }, "note": [{ "text": "of A" }] })),
        ("B", json!({ "valueString": "1,2", "note": null })),
        ("C", json!({ "valueString": "POS" })),
        ("D", json!({ "valueQuantity": { "unit": "%" } })),
        ("E", json!({ "valueString": "one\ntwo" })),
        ("F", json!({ "valueString": "Smith & Sons | \\" })),
        ("G", json!({ "valueString": "first\nsecond" })),
        ("H", json!({ "valueString": "<b>bold</b>" })),
    ] {
        fhir.expect(&format!("Observation?code={code}"), &expected);
    }
    let forms = json!({ "presentedForm": [{ "contentType": "application/pdf", "data": report }] });
    fhir.expect("DiagnosticReport", &forms);
}
