//! What happened when decides, not what arrived when (safety 6).

use serde_json::json;

use crate::support::message::{adt, control_id, message};
use crate::support::server::Hilum;

fn person(rest: &str) -> String {
    format!("PID|1||40033^^^NORTH^MR||Lind^{rest}")
}

#[test]
fn what_is_older_fills_only_what_was_never_set() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    ward.accepted(&adt("A31", "20260311090000", &person("Asta||19800102|F")));
    ward.accepted(&adt("A31", "20260310090000", &person("Astra||19800101|F|||Ford 1^^Narvik")));
    hilum.fhir().expect(
        "Patient?identifier=40033",
        &json!({ "name": [{ "given": ["Asta"] }], "birthDate": "1980-01-02", "address": [{ "city": "Narvik" }] }),
    );
}

#[test]
fn what_is_older_is_kept_and_listed() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    ward.accepted(&adt("A31", "20260311090000", &person("Asta||19800102|F")));
    let late = adt("A31", "20260310090000", &person("Astra||19800101|F"));
    ward.accepted(&late);
    let shown = hilum.newest();
    assert_eq!(shown["control_id"], crate::support::message::id_of(&late).as_str());
    let shown = shown.to_string();
    assert!(shown.contains("older") || shown.contains("later"), "it is said of the message: {shown}");
}

#[test]
fn the_event_decides_and_not_when_the_message_was_made() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    let at = |made: &str, happened: &str, name: &str| {
        message(&format!(
            "MSH|^~\\&|HIS|NORTH|HILUM|HUB|{made}||ADT^A31|{}|P|2.5.1
            EVN|A31|{happened}
            PID|1||40033^^^NORTH^MR||Lind^{name}||19800102|F",
            control_id()
        ))
    };
    ward.accepted(&at("20260311090000", "20260311090000", "Asta"));
    ward.accepted(&at("20260312090000", "20260310090000", "Astra"));
    hilum.fhir().expect("Patient?identifier=40033", &json!({ "name": [{ "given": ["Asta"] }] }));
}

#[test]
fn a_tie_is_decided_by_arrival() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    for name in ["Asta", "Astra"] {
        ward.accepted(&adt("A31", "20260311090000", &person(&format!("{name}||19800102|F"))));
    }
    hilum.fhir().expect("Patient?identifier=40033", &json!({ "name": [{ "given": ["Astra"] }] }));
    // The hour that comes twice when the clock is set back: half past two may be either.
    for name in ["First", "Second"] {
        ward.accepted(&adt("A31", "20261025023000", &person(&format!("{name}||19800102|F"))));
    }
    hilum.fhir().expect("Patient?identifier=40033", &json!({ "name": [{ "given": ["Second"] }] }));
}

#[test]
fn one_patients_messages_keep_their_order_across_connections() {
    let hilum = Hilum::start();
    let mut lines: Vec<_> = (0..4).map(|_| hilum.line()).collect();
    // Each is answered before the next is sent; whoever carries it, the last one is what the record says.
    for (number, minute) in (10..50).enumerate() {
        let segments = person(&format!("Asta{minute}||19800102|F"));
        lines[number % 4].accepted(&adt("A31", "20260311090000", &segments));
    }
    hilum.fhir().expect("Patient?identifier=40033", &json!({ "name": [{ "given": ["Asta49"] }] }));
}
