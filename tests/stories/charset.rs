//! Names reach the record in the letters in which they were written (bad input 26 to 31).

use serde_json::json;

use crate::support::message::control_id;
use crate::support::server::{Hilum, WARD};

/// An A28 that declares this character set and has these bytes as its name.
fn named(number: &str, charset: &str, name: &[u8]) -> Vec<u8> {
    let id = control_id();
    let head = format!(
        "MSH|^~\\&|HIS|NORTH|HILUM|HUB|20260301||ADT^A28|{id}|P|2.5.1||||||{charset}\rEVN|A28|20260301\rPID|1||{number}^^^NORTH^MR||"
    );
    [head.as_bytes(), name, b"^Ilse||19710304|F\r"].concat()
}

#[test]
fn names_are_searched_as_people_write_them() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    let cases: [(&str, &str, &[u8], &str); 9] = [
        ("26 nothing declared, Windows-1252", "", b"M\xFCller", "Müller"),
        ("27 says UTF-8, is Latin-1", "UNICODE UTF-8", b"M\xFCller", "Müller"),
        ("28 says ASCII, is UTF-8", "ASCII", "Müller".as_bytes(), "Müller"),
        ("29 Latin-1", "8859/1", b"M\xFCller", "Müller"),
        ("29 Latin-9", "8859/15", b"M\xFCller\xA4", "Müller€"),
        ("29 UTF-8", "UNICODE UTF-8", "Müller".as_bytes(), "Müller"),
        ("29 Japanese", "~ISO IR87", b"\x1B$B;3ED\x1B(B", "山田"),
        ("29 Chinese", "GB 18030-2000", b"\xCD\xF5", "王"),
        ("31 one bad byte", "UNICODE UTF-8", b"M\xC3\xBCller-Bj\xF6rk", "Müller-Björk"),
    ];
    for (number, (name, charset, bytes, family)) in cases.into_iter().enumerate() {
        let number = (200 + number).to_string();
        let answer = line.say(&named(&number, charset, bytes));
        assert_eq!(answer.code(), "AA", "{name}: {}", answer.0);
        hilum.fhir().expect(&format!("Patient?identifier={number}"), &json!({ "name": [{ "family": family }] }));
    }
    // Without its dots, and with them.
    for query in ["Patient?family=muller", "Patient?family=M%C3%BCLLER", "Patient?family:exact=M%C3%BCller"] {
        assert!(hilum.fhir().search(query).len() >= 5, "{query}");
    }
}

#[test]
fn a_source_may_have_a_set_of_its_own() {
    let hilum = Hilum::configured(&format!("{WARD}charset = \"8859/2\"\n"));
    let answer = hilum.line().say(&named("300", "", b"\xA3\xF3d\xBC"));
    assert_eq!(answer.code(), "AA", "{}", answer.0);
    hilum.fhir().expect("Patient?identifier=300", &json!({ "name": [{ "family": "Łódź" }] }));
}

#[test]
fn a_mark_at_the_beginning_beats_what_is_declared() {
    let hilum = Hilum::start();
    let message = [b"\xEF\xBB\xBF", &named("301", "8859/1", "Müller".as_bytes())[..]].concat();
    let answer = hilum.line().say(&message);
    assert_eq!(answer.code(), "AA", "{}", answer.0);
    hilum.fhir().expect("Patient?identifier=301", &json!({ "name": [{ "family": "Müller" }] }));
}
