//! A ward transfers a patient, and takes it back.

use serde_json::{Value, json};

use crate::support::http::Fhir;
use crate::support::message::adt;
use crate::support::server::Hilum;

/// A visit at a bed.
fn at(bed: &str) -> String {
    format!("PID|1||40031^^^NORTH^MR||Lind^Asta||19800102|F\nPV1|1|I|{bed}||||||||||||||||V9002^^^NORTH")
}

/// Each place of the visit and its status.
fn places(fhir: &Fhir) -> Vec<(String, String)> {
    let encounter = fhir.one("Encounter?identifier=V9002");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = |item: &Value| {
        let bed = fhir.get(item["location"]["reference"].as_str().expect("a place")).json();
        (text(&bed["name"]), text(&item["status"]))
    };
    encounter["location"].as_array().into_iter().flatten().map(place).collect()
}

#[test]
fn a_transfer_closes_one_place_and_opens_the_next() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    let fhir = hilum.fhir();
    let place = |name: &str, status: &str| (name.to_owned(), status.to_owned());

    ward.accepted(&adt("A01", "20260310090000", &at("WEST^1^A")));
    assert_eq!(places(&fhir), [place("A", "active")]);
    ward.accepted(&adt("A02", "20260311090000", &at("EAST^7^B")));
    assert_eq!(places(&fhir), [place("A", "completed"), place("B", "active")]);
    fhir.expect("Encounter?identifier=V9002", &json!({ "status": "in-progress" }));

    // A12 restores the place before (safety 7).
    ward.accepted(&adt("A12", "20260311100000", &at("WEST^1^A")));
    assert_eq!(places(&fhir), [place("A", "active")]);
    fhir.expect("Encounter?identifier=V9002", &json!({ "status": "in-progress" }));
}

#[test]
fn a_transfer_that_comes_twice_is_one_transfer() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    ward.accepted(&adt("A01", "20260310090000", &at("WEST^1^A")));
    for _ in 0..2 {
        ward.accepted(&adt("A02", "20260311090000", &at("EAST^7^B")));
    }
    assert_eq!(places(&hilum.fhir()).len(), 2);
    let encounter = hilum.fhir().reference("Encounter?identifier=V9002");
    assert_eq!(hilum.fhir().versions(&encounter), 2);
}
