//! A client is told what changes: R4 criteria and the topics of the Backport guide, over rest-hook. Nothing is lost, whatever
//! the receiver does and whenever the power fails; nothing is told that was not asked for.

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::http::{Fhir, Reply};
use crate::support::receiver::{self, Manner, Receiver, Sent};
use crate::support::server::{Hilum, WARD};
use crate::support::shared;

const GUIDE: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition";
/// Everything of this machine may be notified.
const HERE: &str = "[subscriptions]\nnetworks = [\"127.0.0.0/8\"]\n";

fn hilum() -> Hilum {
    Hilum::configured(&format!("{HERE}{WARD}"))
}

/// Of R4's kind.
pub fn classic(criteria: &str, channel: Value) -> Value {
    json!({ "resourceType": "Subscription", "status": "requested", "reason": "a story", "criteria": criteria, "channel": channel })
}

/// Of the guide's kind.
pub fn topical(topic: &str, filters: &[&str], content: &str, mut channel: Value) -> Value {
    channel["payload"] = json!("application/fhir+json");
    channel["_payload"] =
        json!({ "extension": [{ "url": format!("{GUIDE}/backport-payload-content"), "valueCode": content }] });
    let mut subscription = classic(&format!("urn:hilum:topic:{topic}"), channel);
    let filter = |text: &&str| json!({ "url": format!("{GUIDE}/backport-filter-criteria"), "valueString": text });
    if !filters.is_empty() {
        subscription["_criteria"] = json!({ "extension": filters.iter().map(filter).collect::<Vec<_>>() });
    }
    subscription
}

fn hook(receiver: &Receiver) -> Value {
    json!({ "type": "rest-hook", "endpoint": receiver.url("/hook") })
}

pub fn observation(id: &str, status: &str) -> Value {
    json!({ "resourceType": "Observation", "id": id, "status": status, "code": { "text": "sodium" } })
}

fn put(fhir: &Fhir, resource: &Value) {
    let (kind, id) = (resource["resourceType"].as_str().expect("a type"), resource["id"].as_str().expect("an id"));
    let reply = fhir.put(&format!("{kind}/{id}"), &[], resource);
    assert!(matches!(reply.status, 200 | 201), "{reply:?}");
}

/// The id of a subscription that was taken.
pub fn subscribed(fhir: &Fhir, subscription: &Value) -> String {
    let reply = fhir.post("Subscription", &[], subscription);
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.json()["status"], "requested", "the server makes it active");
    reply.json()["id"].as_str().expect("an id").to_owned()
}

/// Waits until a subscription says this of itself.
pub fn until_status(fhir: &Fhir, id: &str, status: &str) -> Value {
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let found = fhir.get(&format!("Subscription/{id}")).json();
        if found["status"] == status {
            return found;
        }
        assert!(std::time::Instant::now() < end, "it never became {status}: {found}");
    }
}

/// The numbers of what was taken, until there are so many.
fn numbers(receiver: &Receiver, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        numbers.extend(receiver.taken().numbers());
    }
    numbers
}

fn is_kind(sent: &Sent, kind: &str) {
    assert_eq!(sent.parameter("type"), kind, "{sent:?}");
}

#[test]
fn a_hook_of_r4_is_told_of_what_meets_the_criteria_and_of_nothing_else() {
    let (hilum, receiver) = (hilum(), Receiver::start());
    let fhir = hilum.fhir();
    let mut channel = hook(&receiver);
    channel["header"] = json!(["Authorization: Bearer secret-of-the-receiver"]);
    let id = subscribed(&fhir, &classic("Observation?status=final", channel.clone()));
    until_status(&fhir, &id, "active");
    put(&fhir, &observation("a", "preliminary"));
    put(&fhir, &observation("a", "final"));
    let sent = receiver.next();
    assert_eq!((sent.method.as_str(), sent.path.as_str(), sent.body.as_str()), ("POST", "/hook", ""));
    assert_eq!(sent.header("authorization"), "Bearer secret-of-the-receiver");
    // It meets them no more; it is gone; and then another does.
    put(&fhir, &observation("a", "preliminary"));
    assert_eq!(fhir.delete("Observation/a", &[]).status, 204);
    channel["payload"] = json!("application/fhir+json");
    channel["endpoint"] = json!(receiver.url("/whole?key=1"));
    let whole = subscribed(&fhir, &classic("Observation?status=final", channel));
    until_status(&fhir, &whole, "active");
    put(&fhir, &observation("b", "final"));
    let mut sent = [receiver.next(), receiver.next()];
    sent.sort_by(|one, other| one.path.cmp(&other.path));
    assert_eq!((sent[0].method.as_str(), sent[0].path.as_str()), ("POST", "/hook"));
    assert_eq!((sent[1].method.as_str(), sent[1].path.as_str()), ("PUT", "/whole/Observation/b?key=1"));
    assert_eq!((sent[1].header("content-type"), &sent[1].json()["id"]), ("application/fhir+json", &json!("b")));
    // Off is off.
    for id in [&id, &whole] {
        let mut subscription = fhir.get(&format!("Subscription/{id}")).json();
        subscription["status"] = json!("off");
        put(&fhir, &subscription);
    }
    let (marker, marked) = (Receiver::start(), topical("resource-change", &["Observation?"], "empty", json!({})));
    let mut marked = marked;
    marked["channel"]["type"] = json!("rest-hook");
    marked["channel"]["endpoint"] = json!(marker.url("/"));
    subscribed(&fhir, &marked);
    is_kind(&marker.next(), "handshake");
    put(&fhir, &observation("c", "final"));
    assert_eq!(marker.next().numbers(), [1], "another was told meanwhile");
    assert!(receiver.rest().is_empty());
    assert!(!hilum.log().contains("secret-of-the-receiver"), "{}", hilum.log());
}

#[test]
fn a_burst_is_told_in_order_without_gaps_and_no_more_than_was_asked_for() {
    let hilum = hilum();
    let fhir = hilum.fhir();
    let contents = ["empty", "id-only", "full-resource"];
    let receivers = contents.map(|_| Receiver::start());
    for (content, receiver) in contents.iter().zip(&receivers) {
        subscribed(&fhir, &topical("result", &["Observation?code:text=sodium"], content, hook(receiver)));
        let handshake = receiver.next();
        is_kind(&handshake, "handshake");
        assert_eq!(handshake.parameter("events-since-subscription-start"), "0");
        assert_eq!(handshake.parameter("status"), "requested");
    }
    for number in 0..60 {
        put(&fhir, &observation(&format!("o{number}"), if number % 2 == 0 { "final" } else { "preliminary" }));
    }
    for (content, receiver) in contents.iter().zip(&receivers) {
        let (mut numbers, mut told) = (Vec::new(), Vec::new());
        while numbers.len() < 30 {
            let sent = receiver.taken();
            is_kind(&sent, "event-notification");
            numbers.extend(sent.numbers());
            assert_eq!(sent.body.contains("Observation/o"), *content != "empty", "{}", sent.body);
            assert_eq!(sent.body.contains("sodium"), *content == "full-resource", "{}", sent.body);
            let bundle = sent.json();
            let entries = bundle["entry"].as_array().expect("entries")[1..].iter();
            told.extend(entries.map(|entry| entry["resource"]["id"].as_str().expect("an id").to_owned()));
        }
        assert_eq!(numbers, (1..=30).collect::<Vec<u64>>(), "{content}");
        if *content == "full-resource" {
            assert_eq!(told, (0..30).map(|number| format!("o{}", 2 * number)).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_receiver_that_fails_and_comes_back_gets_all_in_order_and_delays_nobody() {
    let (hilum, bad, good) = (hilum(), Receiver::start(), Receiver::start());
    let fhir = hilum.fhir();
    let mut channel = hook(&bad);
    channel["extension"] = json!([
        { "url": format!("{GUIDE}/backport-timeout"), "valueUnsignedInt": 1 },
        { "url": format!("{GUIDE}/backport-max-count"), "valuePositiveInt": 2 },
    ]);
    let id = subscribed(&fhir, &topical("result", &[], "id-only", channel));
    subscribed(&fhir, &topical("result", &[], "id-only", hook(&good)));
    is_kind(&bad.next(), "handshake");
    is_kind(&good.next(), "handshake");
    let mut expected = Vec::new();
    let faults = [
        Manner::Answers(500),
        Manner::HangsUp,
        Manner::Floods,
        Manner::IsSilent,
        Manner::Redirects,
        Manner::Answers(429),
    ];
    for (at, fault) in faults.into_iter().enumerate() {
        bad.behave(fault);
        for number in 0..3 {
            put(&fhir, &observation(&format!("o{at}-{number}"), "final"));
        }
        expected.extend(3 * at as u64 + 1..=3 * at as u64 + 3);
        assert_eq!(numbers(&good, 3), expected[3 * at..], "{fault:?} at another");
        if at == 0 {
            let found = until_status(&fhir, &id, "error");
            assert!(found["error"].as_str().is_some_and(|error| error.contains("answered 500")), "{found}");
        }
        while bad.next().manner != fault {}
        bad.behave(Manner::Takes);
        assert_eq!(numbers(&bad, 3), expected[3 * at..], "after {fault:?}");
    }
    let found = until_status(&fhir, &id, "active");
    assert!(found.get("error").is_none(), "{found}");
}

#[test]
fn what_was_pending_when_the_power_failed_is_told_with_the_same_numbers() {
    let (mut hilum, receiver) = (hilum(), Receiver::start());
    let id = subscribed(&hilum.fhir(), &topical("resource-change", &["Observation?"], "id-only", hook(&receiver)));
    is_kind(&receiver.next(), "handshake");
    let mut all: Vec<(u64, String)> = Vec::new();
    for round in 0..3 {
        for number in 0..10 {
            put(&hilum.fhir(), &observation(&format!("r{round}-{number}"), "final"));
        }
        // Some were told, some were not.
        all.extend(told(&receiver.taken()));
        hilum.kill();
        hilum.start_again();
    }
    while all.iter().map(|(number, _)| number).max() < Some(&30) {
        all.extend(told(&receiver.taken()));
    }
    let mut first = 0;
    for (number, _) in &all {
        assert!(*number <= first + 1, "in order, none left out: {all:?}");
        first = first.max(*number);
    }
    all.sort();
    all.dedup();
    let expected: Vec<(u64, String)> =
        (0..30).map(|at| (at + 1, format!("Observation/r{}-{}", at / 10, at % 10))).collect();
    assert_eq!(all, expected, "each event has one number for ever");
    until_status(&hilum.fhir(), &id, "active");
}

/// Numbers and focuses of a notification, without the base.
fn told(sent: &Sent) -> Vec<(u64, String)> {
    let bundle = sent.json();
    let parameters = bundle["entry"][0]["resource"]["parameter"].as_array().expect("a status").clone();
    let focus = |event: &Value| {
        let parts = event["part"].as_array().expect("parts").iter();
        let focus =
            parts.filter(|part| part["name"] == "focus").map(|part| &part["valueReference"]["reference"]).next();
        let focus = focus.and_then(Value::as_str).expect("a reference");
        focus.split("/fhir/").nth(1).expect("a base").to_owned()
    };
    let events = parameters.iter().filter(|of| of["name"] == "notification-event").map(focus);
    sent.numbers().into_iter().zip(events).collect()
}

#[test]
fn what_was_missed_can_be_asked_for_and_how_it_stands() {
    let (hilum, receiver) = (hilum(), Receiver::start());
    let fhir = hilum.fhir();
    let id = subscribed(&fhir, &topical("result", &[], "id-only", hook(&receiver)));
    is_kind(&receiver.next(), "handshake");
    for number in 0..5 {
        put(&fhir, &observation(&format!("o{number}"), "final"));
    }
    assert_eq!(numbers(&receiver, 5), [1, 2, 3, 4, 5]);
    for (query, expected) in [
        ("", &[1, 2, 3, 4, 5][..]),
        ("?eventsSinceNumber=2&eventsUntilNumber=4", &[2, 3, 4]),
        ("?eventsSinceNumber=5", &[5]),
        ("?eventsSinceNumber=6", &[]),
        ("?eventsUntilNumber=99&eventsSinceNumber=4", &[4, 5]),
    ] {
        let events = fhir.get(&format!("Subscription/{id}/$events{query}"));
        assert_eq!(events.status, 200, "{events:?}");
        assert_eq!(receiver::numbers(&events.json()), expected, "{query}");
        assert_eq!(receiver::parameter(&events.json(), "type"), "query-event");
    }
    let whole =
        fhir.get(&format!("Subscription/{id}/$events?eventsSinceNumber=3&eventsUntilNumber=3&content=full-resource"));
    assert_eq!(whole.json()["entry"][1]["resource"]["id"], "o2", "{}", whole.text);
    for (path, status) in [
        (format!("Subscription/{id}/$events?eventsSinceNumber=x"), 400),
        (format!("Subscription/{id}/$events?content=all"), 400),
        (format!("Subscription/{id}/$events?since=1"), 400),
        ("Subscription/nobody/$events".to_owned(), 404),
        ("Subscription/nobody/$status".to_owned(), 404),
    ] {
        assert_eq!(fhir.get(&path).status, status, "{path}");
    }
    for path in [format!("Subscription/{id}/$status"), format!("Subscription/$status?id={id}&status=active")] {
        let status = fhir.get(&path).json();
        assert_eq!((&status["type"], &status["total"]), (&json!("searchset"), &json!(1)), "{path}: {status}");
        assert_eq!(receiver::parameter(&status, "events-since-subscription-start"), "5");
        assert_eq!(receiver::parameter(&status, "type"), "query-status");
    }
    assert_eq!(fhir.get("Subscription/$status?status=error").json()["total"], 0);
}

#[test]
fn a_silent_subscription_beats_and_its_end_comes() {
    let (hilum, receiver) = (hilum(), Receiver::start());
    let fhir = hilum.fhir();
    let mut channel = hook(&receiver);
    channel["extension"] = json!([{ "url": format!("{GUIDE}/backport-heartbeat-period"), "valueUnsignedInt": 1 }]);
    let id = subscribed(&fhir, &topical("result", &[], "empty", channel));
    is_kind(&receiver.next(), "handshake");
    for _ in 0..2 {
        let beat = receiver.next();
        is_kind(&beat, "heartbeat");
        assert_eq!(beat.parameter("events-since-subscription-start"), "0");
    }
    let mut subscription = fhir.get(&format!("Subscription/{id}")).json();
    subscription["end"] = json!("2020-01-01T00:00:00Z");
    put(&fhir, &subscription);
    until_status(&fhir, &id, "off");
}

#[test]
fn what_is_not_understood_or_not_permitted_is_refused() {
    let (hilum, receiver) = (hilum(), Receiver::start());
    let fhir = hilum.fhir();
    let refused = |subscription: &Value, status: u16, why: &str| {
        let reply: Reply = fhir.post("Subscription", &[], subscription);
        assert_eq!(reply.status, status, "{subscription}: {}", reply.text);
        assert!(reply.text.contains(why), "{why}: {}", reply.text);
        let entry = json!({ "resource": subscription, "request": { "method": "POST", "url": "Subscription" } });
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
        assert_eq!(fhir.post("", &[], &bundle).status, status, "in a transaction: {subscription}");
    };
    for (criteria, why) in [
        ("Observation?colour=red", "no such search parameter"),
        ("Observation?subject:Patient.name=x", "chain"),
        ("Patient?_has:Observation:patient:code=x", "_has"),
        ("http://example.org/topic", "topic"),
        ("Subscription?status=active", "secrets"),
        ("everything", "one type"),
    ] {
        refused(&classic(criteria, hook(&receiver)), 422, why);
    }
    for header in ["Host: elsewhere", "X: a\r\nY: b", "no colon", "Transfer-Encoding: chunked"] {
        let mut channel = hook(&receiver);
        channel["header"] = json!([header]);
        let reply = fhir.post("Subscription", &[], &classic("Patient", channel));
        assert!(matches!(reply.status, 400 | 422), "{header}: {}", reply.text);
    }
    for endpoint in [
        "http://10.1.2.3/hook",
        "http://169.254.169.254/latest",
        "http://[::ffff:10.1.2.3]/",
        "http://0x0a010203/",
        "http://10.1/",
    ] {
        refused(&classic("Patient", json!({ "type": "rest-hook", "endpoint": endpoint })), 422, "networks");
    }
    for endpoint in ["file:///etc/passwd", "gopher://127.0.0.1/", "http://peer.example@127.0.0.1/", "/hook"] {
        refused(&classic("Patient", json!({ "type": "rest-hook", "endpoint": endpoint })), 422, "address");
    }
    let itself = format!("{}/fhir", hilum.http());
    refused(&classic("Patient", json!({ "type": "rest-hook", "endpoint": itself })), 422, "itself");
    fhir.none("Subscription");
    // By default nobody may be told.
    let closed = Hilum::start();
    let reply = closed.fhir().post("Subscription", &[], &classic("Patient", hook(&receiver)));
    assert_eq!(reply.status, 422, "{}", reply.text);
    // And there is an end to how many there may be.
    let few = Hilum::configured(&format!("{HERE}max = 1\n{WARD}"));
    let id = subscribed(&few.fhir(), &classic("Patient", hook(&receiver)));
    until_status(&few.fhir(), &id, "active");
    assert_eq!(few.fhir().post("Subscription", &[], &classic("Patient", hook(&receiver))).status, 422);
}

/// The guide's examples: the Subscription is taken, and what is sent has what the example has, where it has it.
#[test]
fn the_examples_of_the_guide_are_served_in_their_shape() {
    let Some(guide) = shared::find("data/subscription-backport/input/fsh") else { return };
    let text = std::fs::read_to_string(guide.join("BackportNotificationR4.fsh")).expect("the guide's notifications");
    // The parts of an example's status are in its rule sets, by the names that are compared here.
    let names: std::collections::BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("* parameter[")?.split_once("].name = \""))
        .filter_map(|(_, name)| name.split('"').next())
        .collect();
    let (hilum, receiver) = (hilum(), Receiver::start());
    let fhir = hilum.fhir();
    subscribed(&fhir, &topical("patient-admit", &["Encounter?patient=Patient/123"], "full-resource", hook(&receiver)));
    let encounter = |id: &str, patient: &str| {
        json!({ "resourceType": "Encounter", "id": id, "status": "in-progress", "class": { "code": "VR" },
                "subject": { "reference": format!("Patient/{patient}") } })
    };
    put(&fhir, &encounter("other", "456"));
    put(&fhir, &encounter("e", "123"));
    let (handshake, event) = (receiver.next(), receiver.next());
    for sent in [&handshake, &event] {
        let bundle = sent.json();
        assert_eq!((&bundle["resourceType"], &bundle["type"]), (&json!("Bundle"), &json!("history")));
        assert!(bundle["timestamp"].is_string() && bundle["id"].is_string());
        let entry = &bundle["entry"][0];
        assert!(entry["fullUrl"].as_str().is_some_and(|url| url.starts_with("urn:uuid:")), "{bundle}");
        assert_eq!((&entry["request"]["method"], &entry["response"]["status"]), (&json!("GET"), &json!("200")));
        assert!(entry["request"]["url"].as_str().is_some_and(|url| url.ends_with("/$status")), "{bundle}");
        assert_eq!(entry["resource"]["meta"]["profile"][0], format!("{GUIDE}/backport-subscription-status-r4"));
        let said = entry["resource"]["parameter"].as_array().expect("parameters").iter();
        let said: Vec<&str> = said.filter_map(|of| of["name"].as_str()).collect();
        assert!(said.iter().all(|name| names.contains(name)), "{said:?} of {names:?}");
        assert!(
            ["subscription", "topic", "status", "type", "events-since-subscription-start"]
                .iter()
                .all(|name| said.contains(name))
        );
        assert!(fhir::json::read(sent.body.as_bytes()).is_ok());
    }
    assert_eq!(event.numbers(), [1]);
    let entry = &event.json()["entry"][1];
    assert_eq!(entry["request"], json!({ "method": "POST", "url": "Encounter" }));
    assert_eq!((&entry["response"]["status"], &entry["resource"]["id"]), (&json!("201"), &json!("e")));
}
