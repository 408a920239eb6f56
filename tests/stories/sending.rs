//! `hilum send` and the peers that it meets: late, mute, confused (bad input 75 to 83).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::support::PATIENCE;
use crate::support::cli::{Ran, hilum_with};
use crate::support::message::{adt, id_of};

/// A peer that answers each message that comes with these bytes; `ID` stands for the message's control id.
fn send_to(replies: &[&[u8]], messages: &[Vec<u8>]) -> Ran {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    thread::scope(|scope| {
        // It ends with the line: the command closes it.
        scope.spawn(|| answer(listener.accept().expect("somebody calls").0, replies));
        hilum_with(&["send", &address, "-", "--timeout", "2"], &messages.concat())
    })
}

fn answer(mut line: TcpStream, replies: &[&[u8]]) {
    line.set_read_timeout(Some(PATIENCE)).expect("a socket takes a time");
    let mut replies = replies.iter();
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = line.read(&mut buffer) {
        heard.extend_from_slice(&buffer[..count]);
        while let Some(end) = heard.windows(2).position(|pair| pair == b"\x1C\r") {
            let message: Vec<u8> = heard.drain(..end + 2).collect();
            let Some(reply) = replies.next() else { return };
            let id = id_of(&message);
            let text: Vec<u8> = String::from_utf8_lossy(reply).replace("ID", &id).into_bytes();
            if line.write_all(&text).is_err() {
                return;
            }
        }
    }
}

const ACCEPTED: &[u8] = b"\x0BMSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.5\rMSA|AA|ID\r\x1C\r";
const ERROR: &[u8] = b"\x0BMSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.5\rMSA|AE|ID|bad\r\x1C\r";
const OF_ANOTHER: &[u8] = b"\x0BMSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.5\rMSA|AA|SOMEBODY\r\x1C\r";

fn person() -> Vec<u8> {
    adt("A28", "20260301", "PID|1||40017^^^NORTH^MR||Maran^Ilse")
}

#[test]
fn each_kind_of_answer_is_understood() {
    let late_then_own = [OF_ANOTHER, ACCEPTED].concat();
    let twice = [ACCEPTED, ACCEPTED].concat();
    let cases: [(&str, &[&[u8]], i32); 9] = [
        ("accepted", &[ACCEPTED], 0),
        ("79 an error", &[ERROR], 1),
        ("76 an answer to another message", &[OF_ANOTHER], 3),
        ("77, 83 a late or unsolicited one first", &[&late_then_own], 0),
        ("78 the same twice", &[&twice], 0),
        ("81 in LF", &[b"\x0BMSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.5\nMSA|AA|ID\n\x1C\r"], 0),
        ("82 a bare line end", &[b"\n"], 3),
        ("75 none at all", &[b""], 3),
        ("75 the line is closed", &[], 3),
    ];
    for (name, replies, code) in cases {
        let ran = send_to(replies, &[person()]);
        assert_eq!(ran.code, code, "{name}: {ran:?}");
        assert!(code != 3 || !ran.talk.trim().is_empty(), "{name}: it says what happened");
        assert!(!ran.talk.contains("Maran") && !ran.talk.contains("panicked"), "{name}: {ran:?}");
    }
}

#[test]
fn an_answer_of_before_is_not_taken_for_the_next() {
    // The first is accepted twice; the second is refused. The spare answer must not cover for it.
    let twice = [ACCEPTED, ACCEPTED].concat();
    let ran = send_to(&[&twice, ERROR], &[person(), person()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("MSA|AE|"), "{ran:?}");
}

#[test]
fn one_message_that_is_never_accepted_does_not_hold_up_the_others() {
    let messages = [person(), person(), person()];
    let ran = send_to(&[ACCEPTED, ERROR, ACCEPTED], &messages);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.out.matches("MSA|AA|").count(), 2, "{ran:?}");
    assert!(ran.talk.contains("1 of 3"), "it says how many: {ran:?}");
}

#[test]
fn where_no_answer_comes_the_rest_is_not_sent() {
    let messages = [person(), person(), person()];
    let ran = send_to(&[ACCEPTED, b""], &messages);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(ran.out.matches("MSA|").count(), 1, "{ran:?}");
}
