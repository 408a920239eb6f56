//! Who is one person, with the index in a real Redis that is emptied and killed while clinics register people.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::identity::{somebody, sources, until};
use crate::support::http::Fhir;
use crate::support::server::Hilum;

const CLINICS: usize = 4;
const PEOPLE: usize = 40;

/// A Redis that keeps nothing, ended with the test.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    /// None, and it says so, where there is none on this machine.
    fn start(port: Option<u16>) -> Option<Redis> {
        let free = || TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port();
        let port = port.unwrap_or_else(free);
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--hash-max-listpack-value",
            "1024",
        ]);
        let Ok(mut child) = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            writeln!(std::io::stderr(), "skipped: no redis-server on this machine").expect("stderr takes it");
            return None;
        };
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        while !line.contains("Ready to accept connections") {
            line.clear();
            assert!(lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0), "redis-server ended before it was ready");
        }
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Some(Redis { child, port })
    }

    fn ask(&self, command: &str) {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        connection.write_all(format!("{command}\r\n").as_bytes()).expect("it reads");
        let mut answer = String::new();
        BufReader::new(connection).read_line(&mut answer).expect("it answers");
        assert!(answer.starts_with('+'), "{answer}");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may be ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn register(fhir: &Fhir, people: std::ops::Range<usize>) {
    for number in people {
        for clinic in 0..CLINICS {
            let patient = somebody(number, clinic);
            let id = patient["id"].as_str().expect("an id");
            let reply = fhir.put(&format!("Patient/{id}"), &[], &patient);
            assert_eq!(reply.status, 201, "no registration is refused, whatever becomes of Redis: {}", reply.text);
        }
    }
}

fn all_are_joined(fhir: &Fhir, people: usize) {
    let golden = || fhir.search("Patient?_tag=urn:hilum:identity|golden");
    until("all are joined", || golden().iter().map(|of| sources(of).len()).sum::<usize>() == CLINICS * people);
    let all = golden();
    assert_eq!(all.len(), people, "none is split, none is lost");
    for of in &all {
        let people: std::collections::BTreeSet<String> =
            sources(of).iter().filter_map(|id| Some(id.split_once("-p")?.1.to_owned())).collect();
        assert_eq!(people.len(), 1, "nobody is joined with somebody else: {of}");
    }
}

/// While it is not known who is one person, what is known is shown, and that it may not be all (`safety.md` 13).
fn incomplete_is_said(fhir: &Fhir) {
    let golden = fhir.search("Patient?_tag=urn:hilum:identity|golden");
    let id = golden[0]["id"].as_str().expect("an id").to_owned();
    until("a warning", || !fhir.get(&format!("Patient/{id}")).header("warning").is_empty());
    let read = fhir.get(&format!("Patient/{id}"));
    assert!(read.status == 200 && read.header("warning").contains("may be incomplete"), "{}", read.text);
    for query in
        [format!("Observation?subject=Patient/{id}"), format!("Patient/{id}/$everything"), format!("Patient?_id={id}")]
    {
        let found = fhir.get(&query).json();
        let entries = found["entry"].as_array().expect("entries");
        let outcome = entries.iter().find(|entry| entry["search"]["mode"] == "outcome");
        let issue = &outcome.expect("an outcome")["resource"]["issue"][0];
        assert_eq!(
            (issue["severity"].as_str(), issue["code"].as_str()),
            (Some("warning"), Some("transient")),
            "{query}"
        );
    }
    let other = fhir.get("Patient?_count=1").json();
    assert!(!other.to_string().contains("incomplete"), "what is nobody's whole record is as ever");
    let asked = fhir.post("Patient/$match", &[], &somebody(1, 0));
    assert_eq!(asked.status, 503, "never nobody: {}", asked.text);
    assert!(!asked.header("retry-after").is_empty());
}

#[test]
fn a_redis_that_is_emptied_or_killed_costs_nobody_his_place() {
    let Some(mut redis) = Redis::start(None) else { return };
    let mut hilum = Hilum::configured(&format!("[identity]\nredis = \"redis://127.0.0.1:{}/0\"\n", redis.port));
    register(&hilum.fhir(), 0..10);
    all_are_joined(&hilum.fhir(), 10);

    redis.ask("FLUSHALL");
    register(&hilum.fhir(), 10..20);
    all_are_joined(&hilum.fhir(), 20);

    redis.child.kill().expect("it runs");
    redis.child.wait().expect("it ends");
    register(&hilum.fhir(), 20..25);
    incomplete_is_said(&hilum.fhir());
    hilum.kill();
    redis = Redis::start(Some(redis.port)).expect("it was here before");
    hilum.start_again();
    register(&hilum.fhir(), 25..PEOPLE);
    all_are_joined(&hilum.fhir(), PEOPLE);
    let log = hilum.log();
    assert!(!log.contains("Abernathy") && !log.contains("Chestnut"), "{log}");
    drop(redis);
}
