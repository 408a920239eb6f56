//! A client is told over a WebSocket: R4's `bind ID`, and the Backport guide's token. What is no word of either is said so, and
//! a client that goes away leaves nothing behind.

use std::net::TcpStream;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::subscription::{classic, observation, subscribed, topical, until_status};
use crate::support::PATIENCE;
use crate::support::http::ask;
use crate::support::receiver::{numbers, parameter};
use crate::support::server::{Hilum, WARD};

struct Socket(WebSocket<TcpStream>);

impl Socket {
    fn open(hilum: &Hilum) -> Socket {
        Socket::open_from(hilum, "http://localhost")
    }

    /// As the page of a site.
    fn open_from(hilum: &Hilum, origin: &str) -> Socket {
        let host = hilum.http().replace("http://", "");
        let stream = TcpStream::connect(&host).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let mut request = format!("ws://{host}/websocket").into_client_request().expect("an address");
        request.headers_mut().insert("origin", origin.parse().expect("a header"));
        let opened = tungstenite::client(request, stream);
        Socket(opened.unwrap_or_else(|fault| panic!("no socket: {fault}")).0)
    }

    fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("it is open");
    }

    fn hear(&mut self) -> String {
        loop {
            match self.0.read().expect("it is open") {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn hear_json(&mut self) -> Value {
        let text = self.hear();
        serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault}: {text}"))
    }
}

fn change(hilum: &Hilum, id: &str) {
    let reply = hilum.fhir().put(&format!("Observation/{id}"), &[], &observation(id, "final"));
    assert_eq!(reply.status, 201, "{reply:?}");
}

#[test]
fn who_binds_by_id_is_pinged() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let id = subscribed(&fhir, &classic("Observation?status=final", json!({ "type": "websocket" })));
    until_status(&fhir, &id, "active");
    let mut socket = Socket::open(&hilum);
    for (said, heard) in [
        ("hello", "error say".to_owned()),
        ("bind nobody", "error no such subscription".to_owned()),
        (format!("bind {id}").as_str(), format!("bound {id}")),
    ] {
        socket.say(said);
        let answer = socket.hear();
        assert!(answer.starts_with(&heard), "{said}: {answer}");
    }
    change(&hilum, "a");
    change(&hilum, "b");
    assert_eq!((socket.hear(), socket.hear()), (format!("ping {id}"), format!("ping {id}")));
    // A page of another site speaks for nobody.
    let mut foreign = Socket::open_from(&hilum, "https://evil.example");
    foreign.say(&format!("bind {id}"));
    assert!(foreign.hear().starts_with("error no such subscription"));
    let reply = ask("GET", &format!("{}/websocket", hilum.http()), &[], &[]);
    assert_eq!(reply.status, 400, "{}", reply.text);
}

#[test]
fn who_binds_by_token_gets_the_notifications() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let id = subscribed(&fhir, &topical("result", &[], "id-only", json!({ "type": "websocket" })));
    until_status(&fhir, &id, "active");
    change(&hilum, "before");
    let end = std::time::Instant::now() + PATIENCE;
    while parameter(&fhir.get(&format!("Subscription/{id}/$status")).json(), "events-since-subscription-start") != "1" {
        assert!(std::time::Instant::now() < end, "the event was never counted");
    }
    let answer = fhir.get(&format!("Subscription/{id}/$get-ws-binding-token")).json();
    let value = |name: &str, of: &str| {
        let parameters = answer["parameter"].as_array().expect("parameters").iter();
        let found =
            parameters.filter(|parameter| parameter["name"] == name).map(|parameter| parameter[of].clone()).next();
        found.unwrap_or_else(|| panic!("no {name}: {answer}")).as_str().expect("a text").to_owned()
    };
    assert!(value("websocket-url", "valueUrl").starts_with("ws://"), "{answer}");
    assert_eq!(value("subscription", "valueString"), id);
    let token = value("token", "valueString");
    let mut socket = Socket::open(&hilum);
    socket.say(&format!("bind-with-token {}00", &token[..token.len() - 2]));
    assert!(socket.hear().starts_with("error the token"));
    socket.say(&format!("bind-with-token {token}"));
    let handshake = socket.hear_json();
    assert_eq!(parameter(&handshake, "type"), "handshake");
    assert_eq!(parameter(&handshake, "events-since-subscription-start"), "1", "what was missed is for $events");
    for number in 0..5 {
        change(&hilum, &format!("o{number}"));
    }
    let mut told = Vec::new();
    while told.len() < 5 {
        let notification = socket.hear_json();
        assert_eq!(parameter(&notification, "type"), "event-notification");
        told.extend(numbers(&notification));
    }
    assert_eq!(told, [2, 3, 4, 5, 6]);
    let missed = fhir.get(&format!("Subscription/{id}/$events?eventsUntilNumber=1"));
    assert_eq!(numbers(&missed.json()), [1]);
}

#[test]
fn sockets_are_bounded_and_free_when_their_clients_go() {
    let hilum = Hilum::configured(&format!("[subscriptions]\nsockets_max = 1\n{WARD}"));
    let upgrade = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let address = format!("{}/websocket", hilum.http());
    let mut first = Socket::open(&hilum);
    assert_eq!(ask("GET", &address, &upgrade, &[]).status, 503);
    first.0.send(Message::text("x".repeat(5_000))).expect("it is open");
    // A message that is too long ends the socket.
    while !matches!(first.0.read(), Ok(Message::Close(_)) | Err(_)) {}
    drop(first);
    let end = std::time::Instant::now() + PATIENCE;
    while ask("GET", &address, &[], &[]).status == 503 {
        assert!(std::time::Instant::now() < end, "its place is never free");
    }
    Socket::open(&hilum).say("bind nobody");
}
