//! The power fails, again and again, while eight senders stream: what was acknowledged is there, once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Condvar, Mutex};
use std::thread;

use serde_json::Value;

use crate::support::PATIENCE;
use crate::support::http::{Fhir, ask};
use crate::support::message::{adt, id_of, oru};
use crate::support::mllp::{connect, framed};
use crate::support::random::Random;
use crate::support::server::Hilum;

const SENDERS: usize = 8;
/// Messages of a sender: an admission and a result for each of its patients.
const PATIENTS: usize = 30;

/// How often the power fails; `tests/soak` asks for more.
fn kills() -> usize {
    std::env::var("HILUM_KILLS").map_or(5, |kills| kills.parse().expect("HILUM_KILLS is a number"))
}

fn stream_of(sender: usize) -> Vec<Vec<u8>> {
    let person =
        |number: usize| format!("PID|1||K{sender}-{number}^^^NORTH^MR||Maran{sender}^Ilse{number}||19710304|F");
    (0..PATIENTS)
        .flat_map(|number| {
            let admission = format!("{}\nPV1|1|I|WEST||||||||||||||||V{sender}-{number}^^^NORTH", person(number));
            let result = format!(
                "{}\nOBR|1||F{sender}-{number}^LAB|NA^Sodium^L|||20260301||||||||||||||||||F\nOBX|1|NM|NA^Sodium^L||{}|mmol/L|||||F",
                person(number),
                130 + number
            );
            [adt("A01", "20260301090000", &admission), oru("20260301100000", &result)]
        })
        .collect()
}

/// Where the server listens now; none while it is dead.
struct Address {
    now: Mutex<Option<String>>,
    changed: Condvar,
}

impl Address {
    fn set(&self, address: Option<&str>) {
        *self.now.lock().expect("no holder panics") = address.map(str::to_owned);
        self.changed.notify_all();
    }

    fn wait(&self) -> String {
        let now = self.now.lock().expect("no holder panics");
        let (now, late) =
            self.changed.wait_timeout_while(now, PATIENCE, |now| now.is_none()).expect("no holder panics");
        assert!(!late.timed_out(), "the server does not come back");
        now.clone().expect("it was waited for")
    }
}

/// Sends each message until it is acknowledged, and says which was.
fn send_all(messages: &[Vec<u8>], address: &Address, acknowledged: &Sender<String>) {
    let mut line: Option<TcpStream> = None;
    for message in messages {
        loop {
            // The address may be that of a server which died just now.
            let open = || {
                TcpStream::connect(address.wait())
                    .ok()
                    .map(|stream| (stream.set_read_timeout(Some(PATIENCE)), stream).1)
            };
            line = line.take().or_else(open);
            let Some(stream) = &mut line else {
                thread::yield_now();
                continue;
            };
            match exchange(stream, message) {
                Some(answer) if answer.contains(&format!("MSA|AA|{}", id_of(message))) => break,
                Some(answer) => panic!("not accepted: {answer}"),
                None => line = None,
            }
        }
        acknowledged.send(id_of(message)).expect("the story listens");
    }
}

/// The answer, or none where the line broke.
fn exchange(stream: &mut TcpStream, message: &[u8]) -> Option<String> {
    stream.write_all(&framed(message)).ok()?;
    let mut heard = Vec::new();
    let mut buffer = [0; 1024];
    while !heard.ends_with(b"\x1C\r") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => heard.extend_from_slice(&buffer[..count]),
        }
    }
    String::from_utf8(heard).ok()
}

/// Every version in the log: type, id, number.
fn versions(fhir: &Fhir) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut next = Some(format!("{}/_history?_count=1000", fhir.base));
    while let Some(url) = next {
        let reply = ask("GET", &url, &[], &[]);
        assert_eq!(reply.status, 200, "{}", reply.text);
        let page = reply.json();
        for entry in page["entry"].as_array().into_iter().flatten() {
            let resource = &entry["resource"];
            let name = |key: &str| resource[key].as_str().expect("a version has type and id").to_owned();
            let version = format!("{}/{}/{}", name("resourceType"), name("id"), resource["meta"]["versionId"]);
            assert!(found.insert(version.clone()), "{version} is there twice");
        }
        let links = page["link"].as_array().into_iter().flatten();
        next = links.filter(|link| link["relation"] == "next").find_map(|link| link["url"].as_str().map(str::to_owned));
    }
    found
}

/// How often each control id is in the message store, and that it was applied.
fn stored(hilum: &Hilum) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut before = i64::MAX.to_string();
    loop {
        let page = hilum.messages(&format!("before={before}"));
        let Some(last) = page.last() else { return counts };
        before = last["id"].to_string();
        for message in page {
            assert_eq!(message["outcome"], "applied", "{message}");
            *counts.entry(message["control_id"].as_str().expect("all have one").to_owned()).or_default() += 1;
        }
    }
}

#[test]
fn what_was_acknowledged_survives_sigkill_once() {
    let mut random = Random::seeded("kill");
    let mut hilum = Hilum::start();
    let streams: Vec<Vec<Vec<u8>>> = (0..SENDERS).map(stream_of).collect();
    let total: usize = streams.iter().map(Vec::len).sum();
    let address = Address { now: Mutex::new(None), changed: Condvar::new() };
    address.set(Some(hilum.mllp(0)));
    let (tell, told) = channel();
    let mut acknowledged = BTreeSet::new();

    thread::scope(|scope| {
        for stream in &streams {
            let (tell, address) = (tell.clone(), &address);
            scope.spawn(move || send_all(stream, address, &tell));
        }
        drop(tell);
        // After so many acknowledgements the power fails; others are on their way at that moment.
        let mut moments: Vec<usize> = (0..kills()).map(|_| 1 + random.below(total - 1)).collect();
        moments.sort_unstable_by(|one, other| other.cmp(one));
        loop {
            match told.recv_timeout(PATIENCE) {
                Ok(id) => acknowledged.insert(id),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("nobody gets an answer any more"),
            };
            if moments.last().is_some_and(|moment| acknowledged.len() >= *moment) {
                moments.pop();
                address.set(None);
                hilum.kill();
                hilum.start_again();
                address.set(Some(hilum.mllp(0)));
            }
        }
    });

    assert_eq!(acknowledged.len(), total, "every message was acknowledged in the end");
    let stored_once = stored(&hilum);
    assert_eq!(stored_once.keys().cloned().collect::<BTreeSet<_>>(), acknowledged);
    assert!(stored_once.values().all(|count| *count == 1), "one is there twice");
    let fhir = hilum.fhir();
    let count = |query: &str| fhir.search(query).len();
    assert_eq!(count("Patient"), SENDERS * PATIENTS);
    assert_eq!(count("Encounter"), SENDERS * PATIENTS);
    assert_eq!(count("Observation"), SENDERS * PATIENTS);
    for (sender, number) in [(0, 0), (3, 7), (7, PATIENTS - 1)] {
        let found = fhir.one_of("Observation", &format!("K{sender}-{number}"));
        assert_eq!(found["valueQuantity"]["value"].to_string(), (130 + number).to_string());
    }

    // The whole stream again makes no new version.
    let before = versions(&fhir);
    thread::scope(|scope| {
        let (tell, told) = channel();
        for stream in &streams {
            let (tell, address) = (tell.clone(), &address);
            scope.spawn(move || send_all(stream, address, &tell));
        }
        drop(tell);
        assert_eq!(told.iter().count(), total);
    });
    assert_eq!(versions(&fhir), before);
    assert_eq!(stored(&hilum), stored_once);
}

#[test]
fn half_a_message_on_the_line_leaves_nothing_behind() {
    let mut hilum = Hilum::start();
    let message = &stream_of(0)[0];
    let frame = framed(message);
    let mut socket = connect(hilum.mllp(0));
    socket.write_all(&frame[..frame.len() - 20]).expect("written");
    hilum.kill();
    hilum.start_again();
    hilum.fhir().none("Patient");
    assert_eq!(hilum.messages("").iter().collect::<Vec<&Value>>(), Vec::<&Value>::new());
    hilum.line().accepted(message);
    hilum.fhir().one("Patient?identifier=K0-0");
}
