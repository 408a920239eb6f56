//! Records travel between servers: both ways, each once, across a kill, past a record that is refused; and come to rest.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::directory::Directory;
use crate::support::http::ask;
use crate::support::server::Hilum;

/// A node at a port that it keeps when it is started again.
fn node() -> Hilum {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let http = format!("127.0.0.1:{port}");
    let data = ["--mllp", "127.0.0.1:0", "--data", "data"];
    Hilum::with_arguments(Directory::new(), &[&["serve", "--demo=quiet", "--http", &http][..], &data].concat())
}

fn pair(one: &Hilum, other: &Hilum) {
    let added = one.command(&["peer", "add", &format!("{}/fhir", other.http())]);
    assert_eq!(added.code, 0, "{added:?}");
    assert!(added.out.contains("hilum"), "{added:?}");
}

/// Asks until it is so.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "never: {what}");
        thread::yield_now();
    }
}

/// The one resource that this search finds; none where there is none yet.
fn one(hilum: &Hilum, search: &str) -> Option<Value> {
    let found = hilum.fhir().get(search).json();
    let entries = found["entry"].as_array().cloned().unwrap_or_default();
    assert!(entries.len() < 2, "{search} finds several: {found}");
    entries.into_iter().next().map(|entry| entry["resource"].clone())
}

fn total(hilum: &Hilum, search: &str) -> u64 {
    hilum.fhir().get(&format!("{search}&_summary=count&_total=accurate")).json()["total"].as_u64().unwrap_or_default()
}

fn metric(hilum: &Hilum, name: &str) -> u64 {
    let metrics = ask("GET", &format!("{}/metrics", hilum.http()), &[], &[]).text;
    let lines = metrics.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

fn peers(hilum: &Hilum) -> Vec<Value> {
    let listed = hilum.command(&["peer", "list", "-o", "json"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    let listing: Value = serde_json::from_str(&listed.out).expect("JSON");
    listing["peers"].as_array().expect("a list").clone()
}

/// Waits until nothing is left to be sent.
fn at_rest(hilum: &Hilum) {
    until("at rest", || {
        let end = metric(hilum, "hilum_log_position");
        let names = ["behind", "pending", "late", "parked"];
        let left: u64 = names.iter().map(|name| metric(hilum, &format!("hilum_sync_{name}"))).sum();
        (left == 0 && end == metric(hilum, "hilum_log_position")).then_some(())
    });
}

fn patient(number: u64) -> Value {
    json!({ "resourceType": "Patient", "id": format!("p{number}"), "active": true,
        "identifier": [{ "system": "urn:example:sync", "value": number.to_string() }] })
}

fn by_number(number: u64) -> String {
    format!("Patient?identifier=urn:example:sync|{number}")
}

fn put(hilum: &Hilum, resource: &Value) {
    let path =
        format!("{}/{}", resource["resourceType"].as_str().expect("a type"), resource["id"].as_str().expect("an id"));
    let reply = hilum.fhir().put(&path, &[], resource);
    assert!(reply.status < 300, "{reply:?}");
}

#[test]
fn records_travel_both_ways_and_come_to_rest() {
    let (a, b) = (node(), node());
    pair(&a, &b);
    assert_eq!((peers(&a).len(), peers(&b).len()), (1, 1), "one command pairs both");

    put(&a, &patient(1));
    put(
        &a,
        &json!({ "resourceType": "Observation", "id": "o1", "status": "final", "code": { "text": "pulse" },
        "subject": { "reference": "Patient/p1" } }),
    );
    let replica = until("the patient at b", || one(&b, &by_number(1)));
    let at_b = format!("Patient/{}", replica["id"].as_str().expect("an id"));
    assert!(replica["meta"]["source"].as_str().is_some_and(|source| source.ends_with(":Patient:p1:1")), "{replica}");
    let pulse = until("the observation at b", || one(&b, "Observation?code:text=pulse"));
    assert_eq!(pulse["subject"]["reference"], at_b.as_str(), "references lead to what is there");

    // What is written at b about the replica leads home to a's own patient.
    put(
        &b,
        &json!({ "resourceType": "Observation", "id": "o2", "status": "final", "code": { "text": "weight" },
        "subject": { "reference": at_b.as_str() } }),
    );
    let weight = until("the observation at a", || one(&a, "Observation?code:text=weight"));
    assert_eq!(weight["subject"]["reference"], "Patient/p1");

    // Only its home advances it, and nobody takes another's name.
    let (name, home) = (peers(&b)[0]["name"].clone(), replica["meta"]["source"].as_str().expect("a source"));
    let sender = [("x-hilum-node", name.as_str().expect("a name"))];
    for (source, status) in [
        (home.replace(":p1:1", ":p2:2"), 422),
        (home.replace(name.as_str().expect("a name"), "00112233445566aa"), 422),
        ("urn:example:other".to_owned(), 422),
        (home.to_owned(), 200),
    ] {
        let mut claimed = replica.clone();
        (claimed["meta"]["source"], claimed["active"]) = (json!(source), json!(false));
        assert_eq!(b.fhir().put(&at_b, &sender, &claimed).status, status, "{source}");
    }
    assert_eq!(one(&b, &by_number(1)).expect("it is there")["active"], true, "what comes twice changes nothing");

    let setting = json!({ "resourceType": "Subscription", "id": replica["id"], "status": "requested", "reason": "x",
        "criteria": "Patient?", "channel": { "type": "rest-hook", "endpoint": "http://127.0.0.1:9/" } });
    let at = at_b.replace("Patient/", "Subscription/");
    assert_eq!(b.fhir().put(&at, &sender, &setting).status, 422, "settings of a node do not travel");

    // A replica is read-only where it is a replica.
    let mut edited = replica.clone();
    edited["active"] = json!(false);
    assert_eq!(b.fhir().put(&at_b, &[], &edited).status, 400);
    assert_eq!(b.fhir().delete(&at_b, &[]).status, 400);

    let mut second = patient(1);
    second["active"] = json!(false);
    put(&a, &second);
    until("the update at b", || (one(&b, &by_number(1))?["active"] == false).then_some(()));
    assert_eq!(a.fhir().delete("Observation/o1", &[]).status, 204);
    until("the delete at b", || one(&b, "Observation?code:text=pulse").is_none().then_some(()));

    at_rest(&a);
    at_rest(&b);
    // Two of the patient, two of the one observation, one of the other; the same at both: nothing was echoed.
    assert_eq!((metric(&a, "hilum_log_position"), metric(&b, "hilum_log_position")), (5, 5));
    let status = a.command(&["sync", "status"]);
    assert!(status.code == 0 && status.out.contains("well"), "{status:?}");
}

#[test]
fn three_nodes_come_to_rest_with_the_same_records() {
    let nodes = [node(), node(), node()];
    for (one, other) in [(0, 1), (1, 2), (2, 0)] {
        pair(&nodes[one], &nodes[other]);
    }
    for (number, node) in (0..).zip(&nodes) {
        for more in 0..5 {
            put(node, &patient(10 * number + more));
        }
    }
    for node in &nodes {
        until("all at each", || (total(node, "Patient?active=true") == 15).then_some(()));
    }
    for node in &nodes {
        at_rest(node);
        assert_eq!(metric(node, "hilum_log_position"), 15, "each resource once");
    }
}

#[test]
fn a_node_that_is_killed_loses_and_doubles_nothing() {
    const COUNT: u64 = 120;
    let (mut a, mut b) = (node(), node());
    pair(&a, &b);
    for number in 0..COUNT {
        put(&a, &patient(number));
        match number {
            40 => b.kill(),
            80 => {
                a.kill();
                a.start_again();
                b.start_again();
            }
            _ => {}
        }
    }
    until("all at b", || (total(&b, "Patient?active=true") == COUNT).then_some(()));
    at_rest(&a);
    assert_eq!((metric(&a, "hilum_log_position"), metric(&b, "hilum_log_position")), (COUNT, COUNT));
    assert_eq!((peers(&a).len(), peers(&b).len()), (1, 1), "peers survive");
}

#[test]
fn what_a_peer_refuses_is_parked_with_its_words_and_delivered_when_redriven() {
    let stock = Stock::start();
    let a = node();
    let added = a.command(&["peer", "add", &stock.base]);
    assert!(added.code == 0 && added.out.contains("stock"), "{added:?}");
    stock.refuse("\"value\":\"13\"");
    for number in 11..16 {
        put(&a, &patient(number));
    }
    until("the others there", || (stock.held().len() == 4).then_some(()));
    until("the one parked", || (metric(&a, "hilum_sync_parked") == 1).then_some(()));
    let shown = a.command(&["peer", "show", &stock.base]);
    assert!(shown.out.contains("Patient/p13") && shown.out.contains("not to our taste"), "{shown:?}");

    // It stays parked over a restart, and the peer was not asked again and again.
    let asked = stock.refused();
    assert_eq!(asked, 3);
    let mut a = a;
    a.kill();
    a.start_again();
    until("parked still", || (metric(&a, "hilum_sync_parked") == 1).then_some(()));
    assert_eq!(stock.refused(), asked);

    stock.refuse("nothing at all");
    let redriven = a.command(&["peer", "redrive", &stock.base]);
    assert_eq!(redriven.code, 0, "{redriven:?}");
    until("all there", || (stock.held().len() == 5).then_some(()));
    at_rest(&a);

    let paused = a.command(&["peer", "pause", &stock.base]);
    assert_eq!(paused.code, 0, "{paused:?}");
    put(&a, &patient(16));
    assert_eq!(a.fhir().delete("Patient/p11", &[]).status, 204);
    assert_eq!(stock.held().len(), 5);
    assert_eq!(a.command(&["peer", "resume", &stock.base]).code, 0);
    at_rest(&a);
    let held = stock.held();
    assert!(held.len() == 5 && held.values().any(|body| body.contains("\"value\":\"16\"")), "{held:?}");
    assert!(!held.values().any(|body| body.contains("\"value\":\"11\"")), "the delete came too");

    assert_eq!(a.command(&["peer", "remove", &stock.base]).code, 0);
    assert!(peers(&a).is_empty());
}

#[test]
fn only_permitted_addresses_become_peers() {
    let a = node();
    for (url, text) in [
        ("http://169.254.169.254/fhir", "sync.networks"),
        ("http://10.1.2.3:8080/fhir", "sync.networks"),
        ("file:///etc/passwd", "http"),
        ("http://user:secret@127.0.0.1/fhir", "no user"),
        (&format!("{}/fhir", a.http()), "the server itself"),
        (&format!("{}/livez", a.http()), "CapabilityStatement"),
        ("http://127.0.0.1:1/fhir", "nobody answers"),
    ] {
        let added = a.command(&["peer", "add", url]);
        assert!(added.code == 1 && added.talk.contains(text) && !added.talk.contains("secret"), "{url}: {added:?}");
    }
    assert!(peers(&a).is_empty());
    // Who is no peer is not believed to be a node.
    let sender = [("x-hilum-node", "00112233445566aa")];
    assert_eq!(a.fhir().put("Patient/p1", &sender, &patient(1)).status, 403);
    assert_eq!(a.fhir().put("Patient/p1", &[("x-hilum-node", "me")], &patient(1)).status, 400);
    let replica = "h-00112233445566778899aabbccddeeff00112233";
    let mut called = patient(1);
    called["id"] = json!(replica);
    assert_eq!(a.fhir().put(&format!("Patient/{replica}"), &[], &called).status, 400, "that name is others'");
}

/// A FHIR server of another make: takes updates under our ids, and refuses what it is told to.
struct Stock {
    base: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    held: BTreeMap<String, String>,
    refuse: String,
    refused: u64,
    /// Requests so far; the first ones are answered as servers do that are only just up.
    asked: u64,
}

impl Stock {
    fn start() -> Stock {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}/fhir", listener.local_addr().expect("bound"));
        let state = Arc::new(Mutex::new(State { refuse: "nothing at all".to_owned(), ..State::default() }));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), state) = (stream, shared.clone()) else { return };
                thread::spawn(move || Stock::serve(stream, &state));
            }
        });
        Stock { base, state }
    }

    fn serve(stream: TcpStream, state: &Mutex<State>) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let (mut first, mut length) = (String::new(), 0);
        reader.read_line(&mut first).ok()?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (status, media, answer) =
            state.lock().expect("no other panics").answer(&first, String::from_utf8(body).ok()?);
        let length = answer.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        (&stream).write_all(format!("{head}{answer}").as_bytes()).ok()
    }

    fn held(&self) -> BTreeMap<String, String> {
        self.state.lock().expect("no other panics").held.clone()
    }

    fn refused(&self) -> u64 {
        self.state.lock().expect("no other panics").refused
    }

    fn refuse(&self, what: &str) {
        self.state.lock().expect("no other panics").refuse = what.to_owned();
    }
}

impl State {
    fn answer(&mut self, first: &str, body: String) -> (&'static str, &'static str, String) {
        let json = "application/fhir+json";
        let (method, path) = first.split_once(' ').unwrap_or_default();
        let path = path.split(' ').next().unwrap_or_default().to_owned();
        if path.ends_with("/metadata") {
            let statement = json!({ "resourceType": "CapabilityStatement", "status": "active", "date": "2026-01-01",
                "kind": "instance", "fhirVersion": "4.0.1", "format": ["json"],
                "rest": [{ "mode": "server", "resource": [{ "type": "Patient", "updateCreate": true }] }] });
            return ("200 OK", json, statement.to_string());
        }
        self.asked += 1;
        match (self.asked, method) {
            (1, _) => return ("503 Service Unavailable", "text/html", "<html>starting</html>".to_owned()),
            (2, _) => return ("200 OK", "text/html", "<html>please log in</html>".to_owned()),
            (3, _) => return ("302 Found", "text/html", String::new()),
            (_, "DELETE") => {
                self.held.remove(&path);
                return ("204 No Content", json, String::new());
            }
            _ => {}
        }
        if body.contains(&self.refuse) {
            self.refused += 1;
            let outcome = json!({ "resourceType": "OperationOutcome", "issue": [{ "severity": "error",
                "code": "business-rule", "diagnostics": "this one is not to our taste" }] });
            return ("422 Unprocessable Entity", json, outcome.to_string());
        }
        self.held.insert(path, body);
        // Created, and no Location.
        ("201 Created", json, String::new())
    }
}
