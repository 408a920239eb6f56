//! What real senders make of the MLLP envelope, against the running listener (bad input 1 to 17).

use std::io::Write;
use std::net::TcpListener;
use std::time::Instant;

use crate::support::PATIENCE;
use crate::support::message::{adt, id_of, message};
use crate::support::mllp::{Line, connect, framed};
use crate::support::server::{Hilum, WARD};

fn person(number: &str) -> Vec<u8> {
    adt("A28", "20260301090000", &format!("PID|1||{number}^^^NORTH^MR||Maran^Ilse||19710304|F"))
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A name, what is written, and the messages that are answered.
type Case<'m> = (&'m str, Vec<u8>, Vec<&'m [u8]>);

#[test]
fn messages_are_found_in_what_comes() {
    let hilum = Hilum::start();
    let (first, second) = (person("1"), person("2"));
    let long = "x".repeat(300_000);
    let note = adt("A28", "20260301090000", &format!("PID|1||3^^^NORTH^MR||Maran^Ilse||19710304|F\nNTE|1||{long}"));
    let with_fs = adt("A28", "20260301090000", "PID|1||4^^^NORTH^MR||Maran^Il\u{1C}se||19710304|F");
    let cases: [Case<'_>; 10] = [
        ("2 two frames in one read", joined(&[&framed(&first), &framed(&second)]), vec![&first, &second]),
        ("3 VT missing", joined(&[&first, b"\x1C\r"]), vec![&first]),
        ("4 FS without CR", joined(&[b"\x0B", &first, b"\x1C"]), vec![&first]),
        ("4 FS without CR, and the next", joined(&[b"\x0B", &first, b"\x1C", &framed(&second)]), vec![&first, &second]),
        ("6 doubled VT and FS CR", joined(&[b"\x0B\x0B", &first, b"\x1C\r\x1C\r"]), vec![&first]),
        ("7 BOM before VT", joined(&[b"\xEF\xBB\xBF", &framed(&first)]), vec![&first]),
        ("7 BOM after VT", joined(&[b"\x0B\xEF\xBB\xBF", &first, b"\x1C\r"]), vec![&first]),
        (
            "8 garbage between frames",
            joined(&[&framed(&first), b"\r\n--\r\n", &framed(&second)]),
            vec![&first, &second],
        ),
        ("15 no envelope at all", first.clone(), vec![&first]),
        ("a frame over many reads", framed(&note), vec![&note]),
    ];
    for (name, bytes, expected) in cases {
        let mut line = hilum.line();
        line.write(&bytes);
        for message in expected {
            let answer = line.answer();
            assert_eq!((answer.code(), answer.of()), ("AA", id_of(message).as_str()), "{name}: {}", answer.0);
        }
    }
    // 16: FS within a value is not the end.
    let mut line = hilum.line();
    assert_eq!(line.say(&with_fs).of(), id_of(&with_fs));
    line.accepted(&second);
}

#[test]
fn a_frame_may_come_byte_by_byte_and_cut_anywhere() {
    let hilum = Hilum::start();
    let message = person("1");
    let frame = framed(&message);
    let mut line = hilum.line();
    for byte in &frame {
        line.write(std::slice::from_ref(byte));
    }
    assert_eq!(line.answer().of(), id_of(&message));
    // 5: FS and CR come apart.
    line.write(&frame[..frame.len() - 1]);
    line.write(&frame[frame.len() - 1..]);
    assert_eq!(line.answer().of(), id_of(&message));
}

#[test]
fn a_frame_over_the_limit_is_refused_and_the_connection_lives() {
    let hilum = Hilum::configured(&format!("{WARD}message_bytes_max = 2000\n"));
    let mut line = hilum.line();
    let long = adt("A28", "20260301090000", &format!("PID|1||9^^^NORTH^MR||Maran^{}", "x".repeat(5000)));
    let answer = line.say(&long);
    assert_eq!((answer.code(), answer.of()), ("AR", id_of(&long).as_str()), "{}", answer.0);
    assert!(!answer.field("ERR", 8).is_empty() || !answer.field("MSA", 3).is_empty(), "{}", answer.0);
    line.accepted(&person("1"));
    hilum.fhir().none("Patient?identifier=9");
}

#[test]
fn half_a_frame_is_waited_for_only_so_long() {
    let hilum = Hilum::configured(&format!("{WARD}frame_seconds = 1\nidle_seconds = 2\n"));
    let began = Instant::now();
    let mut slow = hilum.line();
    slow.write(&framed(&person("1"))[..40]);
    let mut idle = hilum.line();
    idle.accepted(&person("2"));
    while let Some(answer) = slow.hear() {
        assert!(["AR", "AE", "CE"].contains(&answer.code()), "half a message is not accepted: {}", answer.0);
    }
    assert!(idle.is_over(), "and silence between frames has an end too");
    assert!(began.elapsed().as_secs() < 20);
    hilum.fhir().none("Patient?identifier=1");
}

#[test]
fn a_sender_that_leaves_before_its_answer_finds_its_message_filed_once() {
    let hilum = Hilum::start();
    let message = person("1");
    // 11: it is gone as soon as the last byte is written.
    let mut socket = connect(hilum.mllp(0));
    socket.write_all(&framed(&message)).expect("written");
    drop(socket);
    // 68: it comes back and sends it again.
    hilum.line().accepted(&message);
    let fhir = hilum.fhir();
    assert_eq!(fhir.versions(&fhir.reference("Patient?identifier=1")), 1);
}

#[test]
fn what_is_no_hl7_is_told_so() {
    let hilum = Hilum::start();
    // 12: two bytes a character.
    let wide: Vec<u8> = framed(&person("1")).into_iter().flat_map(|byte| [byte, 0]).collect();
    for (name, bytes) in [("UTF-16", wide), ("HTTP", framed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))] {
        let mut line = hilum.line();
        line.write(&bytes);
        if let Some(answer) = line.hear() {
            assert!(["AR", "AE"].contains(&answer.code()), "{name}: {}", answer.0);
        }
    }
    // Whatever those did, the listener takes the next one.
    hilum.line().accepted(&person("2"));
    hilum.fhir().none("Patient?identifier=1");
}

#[test]
fn a_source_may_end_its_frames_otherwise() {
    for (trailer, end) in [("nul", &b"\x1C\0"[..]), ("none", b"\x1C")] {
        let hilum = Hilum::configured(&format!("{WARD}trailer = \"{trailer}\"\n"));
        let mut socket = connect(hilum.mllp(0));
        let message = person("1");
        socket.write_all(&[b"\x0B", &message[..], end].concat()).expect("written");
        // Our own answer ends in the source's way: read until FS.
        let mut heard = Vec::new();
        let mut byte = [0];
        while heard.last() != Some(&0x1C) {
            std::io::Read::read_exact(&mut socket, &mut byte).expect("an answer");
            heard.push(byte[0]);
        }
        let text = String::from_utf8(heard).expect("ASCII");
        assert!(text.contains(&format!("MSA|AA|{}", id_of(&message))), "{trailer}: {text}");
    }
}

#[test]
fn more_connections_than_permitted_are_turned_away_and_the_others_live() {
    let hilum = Hilum::configured(&format!("{WARD}connections_max = 2\n"));
    let mut lines = [hilum.line(), hilum.line()];
    for line in &mut lines {
        line.accepted(&person("1"));
    }
    let mut third = hilum.line();
    assert!(third.is_over(), "there is no room for it");
    for line in &mut lines {
        line.accepted(&person("2"));
    }
}

#[test]
fn a_sender_that_listens_is_called() {
    // 14: reverse MLLP.
    let sender = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = sender.local_addr().expect("bound");
    let source = WARD.replace("mllp = \"127.0.0.1:0\"", &format!("connect = \"{address}\""));
    let hilum = Hilum::configured(&source);
    for number in ["1", "2"] {
        let (called, _) = sender.accept().expect("we are called, again after the line has ended");
        called.set_read_timeout(Some(PATIENCE)).expect("a socket takes a time");
        Line::over(called).accepted(&person(number));
        hilum.fhir().one(&format!("Patient?identifier={number}"));
    }
}

#[test]
fn lines_may_end_as_they_like() {
    let hilum = Hilum::start();
    let whole = person("1");
    let text = String::from_utf8(whole).expect("ASCII");
    let mut line = hilum.line();
    for (name, number, ended) in [
        ("18 LF only", "18", text.replace('\r', "\n")),
        ("19 CRLF", "19", text.replace('\r', "\r\n")),
        ("20 mixed", "20", text.replacen('\r', "\n", 1)),
        ("24 blank lines and indentation", "24", text.replace('\r', "\r\r  ")),
        ("25 no end of the last", "25", text.trim_end().to_owned()),
    ] {
        let id = crate::support::message::control_id();
        let own = text.split('|').nth(9).expect("MSH-10");
        let message = ended.replace(own, &id).replace("||1^^^NORTH", &format!("||{number}^^^NORTH"));
        let answer = line.say(message.as_bytes());
        assert_eq!((answer.code(), answer.of()), ("AA", id.as_str()), "{name}: {}", answer.0);
        hilum.fhir().one(&format!("Patient?identifier={number}&family=Maran&birthdate=1971-03-04"));
    }
}

#[test]
fn a_conversation_with_nothing_in_it_harms_nobody() {
    let hilum = Hilum::start();
    for bytes in [&b""[..], b"\x0B\x1C\r", b"\r\n\r\n", b"\x1C\r", &[0; 5000]] {
        let mut line = Line::connect(hilum.mllp(0));
        line.write(bytes);
    }
    hilum.line().accepted(&message(&String::from_utf8(person("1")).expect("ASCII").replace('\r', "\n")));
}
