//! A visit ends, and ends are taken back: the status follows the trigger, never PV1 alone (safety 7).

use serde_json::{Value, json};

use crate::support::message::adt;
use crate::support::server::Hilum;

const VISIT: &str = "
    PID|1||40030^^^NORTH^MR||Lind^Asta||19800102|F
    PV1|1|I|WEST^1^A||||||||||||||||V9001^^^NORTH";
const WITH_START: &str = "
    PID|1||40030^^^NORTH^MR||Lind^Asta||19800102|F
    PV1|1|I|WEST^1^A||||||||||||||||V9001^^^NORTH|||||||||||||||||||||||||202603100900";
const WITH_END: &str = "
    PID|1||40030^^^NORTH^MR||Lind^Asta||19800102|F
    PV1|1|I|WEST^1^A||||||||||||||||V9001^^^NORTH|||||||||||||||||||||||||202603100900|202603121000";

/// Triggers, each with its segments.
type Events = &'static [(&'static str, &'static str)];

#[test]
fn each_event_leaves_the_visit_in_its_state() {
    let opened = json!({ "status": "in-progress", "period": { "start": "2026-03-10T09:00:00+01:00", "end": null } });
    let ended = json!({ "status": "finished", "period": { "end": "2026-03-12T10:00:00+01:00" } });
    // Each story: events with their PV1, and what the visit is in the end.
    let stories: [(&str, Events, Value); 9] = [
        ("admitted", &[("A01", WITH_START)], opened.clone()),
        ("registered", &[("A04", WITH_START)], opened.clone()),
        ("discharged, with the time", &[("A01", WITH_START), ("A03", WITH_END)], ended.clone()),
        ("discharged, without the time", &[("A01", WITH_START), ("A03", VISIT)], json!({ "status": "finished" })),
        ("updated after the discharge", &[("A01", WITH_START), ("A03", WITH_END), ("A08", VISIT)], ended.clone()),
        ("a person updated after the discharge", &[("A01", WITH_START), ("A03", WITH_END), ("A31", VISIT)], ended),
        ("the discharge cancelled", &[("A01", WITH_START), ("A03", WITH_END), ("A13", VISIT)], opened),
        ("the admission cancelled", &[("A01", WITH_START), ("A11", VISIT)], json!({ "status": "cancelled" })),
        (
            "updated after the cancellation",
            &[("A01", WITH_START), ("A11", VISIT), ("A08", WITH_START)],
            json!({ "status": "cancelled" }),
        ),
    ];
    for (name, events, expected) in stories {
        let hilum = Hilum::start();
        let mut ward = hilum.line();
        for (hour, (trigger, segments)) in events.iter().enumerate() {
            ward.accepted(&adt(trigger, &format!("2026031{}090000", hour + 2), segments));
        }
        let found = hilum.fhir().one("Encounter?identifier=V9001");
        if let Err(fault) = crate::support::json::contains(&found, &expected) {
            panic!("{name}: {fault}\n{found:#}");
        }
    }
}

#[test]
fn a_discharge_before_its_admission_still_ends_the_visit() {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    ward.accepted(&adt("A03", "20260312100000", WITH_END));
    // It comes later and says what was earlier: it fills the start and opens nothing (69).
    ward.accepted(&adt("A01", "20260310090000", WITH_START));
    hilum.fhir().expect(
        "Encounter?identifier=V9001",
        &json!({ "status": "finished", "period": { "start": "2026-03-10T09:00:00+01:00", "end": "2026-03-12T10:00:00+01:00" } }),
    );
}
