//! What a sender is told: which answers, which code, and where the fault is (safety 9).

use serde_json::json;

use crate::support::message::{adt, control_id, header, message};
use crate::support::server::{Hilum, WARD};

const PERSON: &str = "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F";

/// An A28 whose MSH ends with these fields from MSH-9 on; `ID` stands for a fresh control id.
fn with_header(from_9: &str) -> (String, Vec<u8>) {
    let id = control_id();
    let text =
        format!("MSH|^~\\&|HIS|NORTH|HILUM|HUB|20260301||{}\nEVN|A28|20260301\n{PERSON}", from_9.replace("ID", &id));
    (id, message(&text))
}

#[test]
fn each_header_has_its_answers() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    // MSH-9 onwards; the answers; what ERR points at.
    let cases: [(&str, &[&str], &str); 21] = [
        ("ADT^A28^ADT_A05|ID|P|2.5.1", &["AA"], ""),
        ("ADT^A28|ID|P|2.3", &["AA"], ""),
        ("ADT^A28^ADT_A28|ID|P|2.5.1", &["AA"], ""),
        ("ADT^A28|ID|P|2.5.1^USA", &["AA"], ""),
        ("ADT^A28|ID|P|V2.3", &["AA"], ""),
        ("ADT^A28|ID|P|2.9", &["AA"], ""),
        ("ADT^A28|ID|P|2.5.1|||AL|AL", &["CA", "AA"], ""),
        ("ADT^A28|ID|P|2.5.1|||AL|NE", &["CA"], ""),
        ("ADT^A28|ID|P|2.5.1|||NE|AL", &["AA"], ""),
        ("ADT^A28|ID|P|2.5.1|||NE|NE", &[], ""),
        ("ADT^A28|ID|P|2.5.1|||ER|ER", &[], ""),
        ("ADT^A28|ID|P|2.5.1|||SU|SU", &["CA", "AA"], ""),
        // 40: a test message into a production source.
        ("ADT^A28|ID|T|2.5.1", &["AR"], "MSH^1^11"),
        ("ADT^A28|ID|D|2.5.1", &["AR"], "MSH^1^11"),
        ("ADT^A28|ID|D|2.5.1|||AL|AL", &["CR", "AR"], "MSH^1^11"),
        // What we do not take.
        ("XYZ^Z99|ID|P|2.5.1", &["AR"], "MSH^1^9"),
        ("XYZ^Z99|ID|P|2.5.1|||AL|NE", &["CR"], "MSH^1^9"),
        ("|ID|P|2.5.1", &["AR"], "MSH^1^9"),
        ("ADT^A28|ID|P|9.9", &["AR"], "MSH^1^12"),
        // 38: no control id, so no way to know it again.
        ("ADT^A28||P|2.5.1", &["AE"], "MSH^1^10"),
        ("ADT^A28||P|2.5.1|||AL|NE", &["CE"], "MSH^1^10"),
    ];
    for (header, expected, place) in cases {
        let (id, bytes) = with_header(header);
        let id = if header.contains("||P") { "" } else { &id };
        line.write(&crate::support::mllp::framed(&bytes));
        for code in expected {
            let answer = line.answer();
            assert_eq!((answer.code(), answer.of()), (*code, id), "{header}: {}", answer.0);
            assert!(answer.field("ERR", 2).starts_with(place), "{header}: {}", answer.0);
            assert_eq!(answer.field("ERR", 2).is_empty(), place.is_empty(), "{header}: {}", answer.0);
            assert_eq!(answer.field("MSH", 5), "HIS", "{header}: it goes back to whoever sent");
        }
        // The next answer is the next message's: there were no more, and the connection lives.
        let (next, bytes) = with_header("ADT^A28|ID|P|2.5.1");
        let answer = line.say(&bytes);
        assert_eq!((answer.code(), answer.of()), ("AA", next.as_str()), "after {header}");
    }
    hilum.fhir().one("Patient?identifier=40017");
}

#[test]
fn a_fault_is_shown_where_it_is_and_never_what_it_says() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    // 41 and 42: no MSH, PID before MSH.
    for text in ["PID|1||40017^^^NORTH^MR||Maran^Ilse", "PID|1||40017^^^NORTH^MR||Maran^Ilse\nMSH|^~\\&|HIS|NORTH"] {
        let answer = line.say(&message(text));
        assert!(["AE", "AR"].contains(&answer.code()), "{}", answer.0);
        assert!(!answer.field("ERR", 3).is_empty(), "{}", answer.0);
        assert!(!answer.0.contains("Maran") && !answer.0.contains("40017"), "{}", answer.0);
    }
    // 34: what may be missing is missing.
    let answer = line.say(&message(&format!("MSH|^~\\&|||||||ADT^A28|{}\n{PERSON}", control_id())));
    assert!(["AA", "AR", "AE"].contains(&answer.code()), "{}", answer.0);
    line.accepted(&adt("A28", "20260301", PERSON));
}

#[test]
fn a_duplicate_is_answered_again_and_not_run_again() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    let first = adt("A28", "20260301", PERSON);
    let later = adt("A31", "20260301", &PERSON.replace("Ilse", "Ilsa"));
    for message in [&first, &later, &first, &first] {
        line.accepted(message);
    }
    // 68: the same from another connection, whose answer was lost.
    hilum.line().accepted(&first);
    let patient = hilum.fhir().expect("Patient?identifier=40017", &json!({ "name": [{ "given": ["Ilsa"] }] }));
    assert_eq!(patient["meta"]["versionId"], "2", "the first did not run again");
    assert_eq!(hilum.messages("").len(), 2);
}

#[test]
fn the_same_control_id_with_other_bytes_is_another_message() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    let first = adt("A28", "20260301", PERSON);
    let text = String::from_utf8(first.clone()).expect("ASCII");
    // 66 and 67: the counter of the sender began again.
    let reused = text.replace("40017", "40018").replace("Maran^Ilse", "Quist^Tore");
    line.accepted(&first);
    line.accepted(reused.as_bytes());
    line.accepted(&first);
    hilum.fhir().one("Patient?identifier=40017");
    hilum.fhir().one("Patient?identifier=40018");
}

#[test]
fn blank_control_ids_are_never_taken_for_one_another() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    for (number, family) in [("40017", "Maran"), ("40018", "Quist")] {
        let header = header("ADT^A28", "20260301");
        let blank = header.split('|').enumerate().map(|(at, field)| if at == 9 { "" } else { field });
        let header = blank.collect::<Vec<_>>().join("|");
        let answer = line.say(&message(&format!("{header}\nPID|1||{number}^^^NORTH^MR||{family}^X||19710304|F")));
        assert_eq!(answer.code(), "AE", "{}", answer.0);
    }
    assert_eq!(hilum.messages("").len(), 2, "both are kept as evidence");
}

#[test]
fn a_test_source_takes_no_production_messages() {
    let hilum = Hilum::configured(&format!("{WARD}production = false\n"));
    let mut line = hilum.line();
    for (processing, code) in [("T", "AA"), ("D", "AA"), ("P", "AR")] {
        let (_, bytes) = with_header(&format!("ADT^A28|ID|{processing}|2.5.1"));
        assert_eq!(line.say(&bytes).code(), code, "{processing}");
    }
}
