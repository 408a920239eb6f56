//! Batches and files: the good part goes through, the bad part is told (bad input 84).

use crate::support::cli::hilum_with;
use crate::support::message::{adt, id_of};
use crate::support::mllp::framed;
use crate::support::server::Hilum;

fn person(number: &str) -> Vec<u8> {
    adt("A28", "20260301090000", &format!("PID|1||{number}^^^NORTH^MR||Maran^Ilse||19710304|F"))
}

const HEAD: &[u8] = b"FHS|^~\\&|HIS|NORTH\rBHS|^~\\&|HIS|NORTH\r";

#[test]
fn every_message_of_a_batch_has_its_answer() {
    let hilum = Hilum::start();
    let (first, second) = (person("1"), person("2"));
    for (name, tail) in [("whole", &b"BTS|2\rFTS|1\r"[..]), ("wrong counts", b"BTS|7\rFTS|3\r"), ("no trailers", b"")] {
        let mut line = hilum.line();
        line.write(&framed(&[HEAD, &first, &second, tail].concat()));
        for message in [&first, &second] {
            let answer = line.answer();
            assert_eq!((answer.code(), answer.of()), ("AA", id_of(message).as_str()), "{name}");
        }
    }
    let fhir = hilum.fhir();
    assert_eq!(fhir.search("Patient?family=Maran").len(), 2, "three times the same file makes two people");
    for number in ["1", "2"] {
        assert_eq!(fhir.versions(&fhir.reference(&format!("Patient?identifier={number}"))), 1);
    }
}

#[test]
fn one_bad_message_among_good_ones_is_the_only_one_refused() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    let (first, third) = (person("1"), person("3"));
    let bad = b"MSH|^^^^|HIS|NORTH\rPID|1||2^^^NORTH^MR\r";
    line.write(&framed(&[HEAD, &first, bad, &third, b"BTS|3\rFTS|1\r"].concat()));
    let codes: Vec<String> = (0..3).map(|_| line.answer().code().to_owned()).collect();
    assert_eq!((codes[0].as_str(), codes[2].as_str()), ("AA", "AA"));
    assert!(["AE", "AR"].contains(&codes[1].as_str()), "{codes:?}");
    assert_eq!(hilum.fhir().search("Patient").len(), 2);
    line.accepted(&person("4"));
}

#[test]
fn messages_one_after_the_other_without_an_envelope_are_a_batch() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    let (first, second) = (person("1"), person("2"));
    line.write(&framed(&[&first[..], &second].concat()));
    assert_eq!([line.answer(), line.answer()].map(|answer| answer.of().to_owned()), [id_of(&first), id_of(&second)]);
}

#[test]
fn files_that_hold_no_message_are_the_inputs_fault() {
    for (name, bytes) in [
        ("zero bytes", &b""[..]),
        ("blank lines", b"\r\n\r\n"),
        ("an archive", b"PK\x03\x04\x14\0\0\0\x08\0"),
        ("an envelope alone", b"FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r"),
    ] {
        let ran = hilum_with(&["convert", "-"], bytes);
        assert_eq!(ran.code, 1, "{name}: {ran:?}");
        assert!(!ran.talk.trim().is_empty(), "{name}: it says why");
        assert!(!ran.talk.contains("panicked"), "{name}: {ran:?}");
    }
}

#[test]
fn a_mark_at_the_head_of_a_file_is_no_part_of_it() {
    let bytes = [b"\xEF\xBB\xBF", HEAD, &person("1"), b"BTS|1\rFTS|1\r"].concat();
    let ran = hilum_with(&["convert", "-"], &bytes).done();
    assert!(ran.out.contains("Maran"), "{ran:?}");
}
