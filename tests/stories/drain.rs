//! SIGTERM: nothing new is taken, what is in hand is finished and answered, and the process ends well.

use std::net::TcpStream;

use crate::support::http::ask;
use crate::support::message::{adt, id_of};
use crate::support::mllp::framed;
use crate::support::server::Hilum;

fn person(number: &str) -> Vec<u8> {
    adt("A28", "20260301", &format!("PID|1||{number}^^^NORTH^MR||Maran^Ilse||19710304|F"))
}

#[test]
fn the_frame_in_hand_is_finished_and_answered() {
    let mut hilum = Hilum::start();
    let (before, during) = (person("1"), person("2"));
    let mut line = hilum.line();
    let mut idle = hilum.line();
    line.accepted(&before);
    let frame = framed(&during);
    let (head, rest) = frame.split_at(frame.len() / 2);
    line.write(head);
    hilum.has_read(framed(&before).len() + head.len());
    hilum.ask_to_stop();
    assert!(idle.is_over(), "a connection with nothing in hand is closed");
    line.write(rest);
    let answer = line.answer();
    assert_eq!((answer.code(), answer.of()), ("AA", id_of(&during).as_str()));
    assert!(line.is_over());
    let (status, log) = hilum.end();
    assert!(status.success(), "{status:?}\n{log}");
    hilum.start_again();
    for number in ["1", "2"] {
        hilum.fhir().one(&format!("Patient?identifier={number}"));
    }
}

#[test]
fn an_end_that_was_asked_for_is_a_good_end() {
    let mut hilum = Hilum::start();
    let http = hilum.http();
    assert_eq!(ask("GET", &format!("{http}/livez"), &[], &[]).status, 200);
    assert_eq!(ask("GET", &format!("{http}/readyz"), &[], &[]).status, 200);
    let mllp = hilum.mllp(0).to_owned();
    let (status, log) = hilum.stop();
    assert!(status.success(), "{status:?}\n{log}");
    assert!(TcpStream::connect(mllp).is_err(), "nobody listens any more");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_store_that_is_in_use_is_not_opened_twice() {
    let hilum = Hilum::start();
    let data = hilum.directory().join("data");
    let second = crate::support::cli::hilum(&[
        "serve",
        "--data",
        data.to_str().expect("UTF-8"),
        "--http",
        "127.0.0.1:0",
        "--mllp",
        "127.0.0.1:0",
    ]);
    assert_eq!(second.code, 3, "{second:?}");
    assert!(second.talk.contains("data"), "it names the directory: {second:?}");
    hilum.line().accepted(&person("1"));
}
