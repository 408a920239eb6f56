//! What could not be filed waits for a person, who lists it, looks at it, mends it and tries it again.

use serde_json::Value;

use crate::support::http::ask;
use crate::support::message::adt;
use crate::support::server::{Hilum, WARD};

const KNOWN: &str = "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F";
const MISTYPED: &str = "PID|1||40017^^^NORTH^MR||Quist^Tore||19880101|M";

/// A ward in which one message is parked, and that message as it was sent.
fn with_one_parked() -> (Hilum, Vec<u8>) {
    let hilum = Hilum::start();
    let mut ward = hilum.line();
    ward.accepted(&adt("A28", "20260301090000", KNOWN));
    let mistyped = adt("A28", "20260302090000", MISTYPED);
    ward.accepted(&mistyped);
    (hilum, mistyped)
}

fn id_of_parked(hilum: &Hilum) -> String {
    let parked = hilum.parked();
    assert_eq!(parked.len(), 1, "{parked:?}");
    parked[0]["id"].to_string()
}

#[test]
fn a_parked_message_is_listed_shown_mended_and_replayed() {
    let (hilum, mistyped) = with_one_parked();
    let id = id_of_parked(&hilum);

    let listed = hilum.command(&["message", "list", "--outcome", "parked"]).done();
    assert!(listed.out.contains(&id) && listed.out.contains("ward") && listed.out.contains("parked"), "{}", listed.out);
    let listed = hilum.command(&["message", "list", "--outcome", "parked", "-o", "json"]).done().json();
    assert_eq!(listed["messages"][0]["id"].to_string(), id);

    let shown = hilum.command(&["message", "show", &id]).done();
    assert!(shown.out.contains("disagree"), "it says why: {}", shown.out);
    for secret in ["Quist", "Tore", "Maran", "40017"] {
        assert!(!shown.out.contains(secret), "and not who: {}", shown.out);
    }
    let raw = hilum.command(&["message", "show", &id, "--raw"]).done();
    assert_eq!(raw.out.as_bytes(), mistyped, "byte for byte, where it is asked for");

    let mended = String::from_utf8(mistyped).expect("ASCII").replace("40017", "40018");
    let file = hilum.directory().write("mended.hl7", mended);
    hilum.command(&["message", "replay", &id, "--edited", file.to_str().expect("UTF-8")]).done();
    assert_eq!(hilum.parked().len(), 0);
    hilum.fhir().one("Patient?identifier=40018&family=Quist");
    hilum.fhir().one("Patient?identifier=40017&family=Maran");
    let shown = hilum.command(&["message", "show", &id, "-o", "json"]).done().json();
    assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(shown["outcome"], "applied");
}

#[test]
fn replaying_without_mending_parks_again_and_loses_nothing() {
    let (hilum, _) = with_one_parked();
    let id = id_of_parked(&hilum);
    hilum.command(&["message", "replay", &id]);
    assert_eq!(id_of_parked(&hilum), id);
    hilum.fhir().one("Patient?identifier=40017&family=Maran");
}

#[test]
fn the_same_by_http() {
    let (hilum, mistyped) = with_one_parked();
    let at = |rest: &str| format!("{}/hilum/messages/{}{rest}", hilum.http(), id_of_parked(&hilum));
    assert_eq!(ask("GET", &at("/raw"), &[], &[]).text.as_bytes(), mistyped);
    let shown = ask("GET", &at("?trace=true"), &[], &[]).json();
    assert_eq!(shown["type"], "ADT^A28", "{shown}");
    let mended = String::from_utf8(mistyped).expect("ASCII").replace("40017", "40018");
    let replayed = ask("POST", &at("/replay"), &[], mended.as_bytes()).json();
    assert_eq!(replayed["outcome"], "applied", "{replayed}");
    hilum.fhir().one("Patient?identifier=40018");
}

#[test]
fn a_replay_asks_first_where_the_sender_sends_again_itself() {
    let hilum = Hilum::configured(&format!("{WARD}on_park = \"error\"\n"));
    let mut ward = hilum.line();
    ward.accepted(&adt("A28", "20260301090000", KNOWN));
    assert_eq!(ward.say(&adt("A28", "20260302090000", MISTYPED)).code(), "AE");
    let id = id_of_parked(&hilum);
    let refused = ask("POST", &format!("{}/hilum/messages/{id}/replay", hilum.http()), &[], &[]);
    assert_eq!(refused.status, 409, "{}", refused.text);
    let confirmed = ask("POST", &format!("{}/hilum/messages/{id}/replay?confirm=true", hilum.http()), &[], &[]);
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
}

#[test]
fn messages_are_found_by_what_is_known_of_them() {
    let (hilum, mistyped) = with_one_parked();
    let control_id = crate::support::message::id_of(&mistyped);
    let count = |query: &str| hilum.messages(query).len();
    for (query, expected) in [
        ("source=ward", 2),
        ("source=other", 0),
        ("type=ADT", 2),
        ("type=ORU", 0),
        ("outcome=applied", 1),
        ("outcome=refused", 0),
        (&format!("control_id={control_id}"), 1),
        ("from=2020-01-01", 2),
        ("to=2020-01-01", 0),
    ] {
        assert_eq!(count(query), expected, "{query}");
    }
    let patient = hilum.fhir().one("Patient?identifier=40017")["id"].clone();
    assert!(count(&format!("patient={}", patient.as_str().expect("an id"))) >= 1);
    let wrong = ask("GET", &format!("{}/hilum/messages?outcome=lost", hilum.http()), &[], &[]);
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    assert_eq!(ask("GET", &format!("{}/hilum/messages/999999", hilum.http()), &[], &[]).status, 404);
    let code = hilum.command(&["message", "show", "999999"]);
    assert_eq!(code.code, 1, "{code:?}");
}

#[test]
fn parked_messages_are_counted_for_an_alert() {
    let (hilum, _) = with_one_parked();
    let metrics = ask("GET", &format!("{}/metrics", hilum.http()), &[], &[]).text;
    let line = metrics.lines().find(|line| line.contains("parked") && !line.starts_with('#'));
    assert!(line.is_some_and(|line| line.ends_with(" 1")), "{metrics}");
    assert!(hilum.log().contains("parked"), "and the log says so");
}

#[test]
fn what_was_parked_outlives_the_server() {
    let (mut hilum, mistyped) = with_one_parked();
    hilum.kill();
    hilum.start_again();
    let id = id_of_parked(&hilum);
    let raw = ask("GET", &format!("{}/hilum/messages/{id}/raw", hilum.http()), &[], &[]);
    assert_eq!(raw.text.as_bytes(), mistyped);
    // The sender asks again: it is known, and answered as before.
    hilum.line().accepted(&mistyped);
    assert_eq!(
        hilum.messages("").iter().map(|message| &message["outcome"]).collect::<Vec<&Value>>(),
        ["parked", "applied"]
    );
}
