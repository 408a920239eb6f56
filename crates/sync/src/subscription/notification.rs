//! What a subscriber of a topic is sent: a Bundle of type history whose first entry is a Parameters as the guide's
//! SubscriptionStatus for R4 (profiles backport-subscription-notification-r4 and backport-subscription-status-r4).

use fhir::{Node, Object, Resource};

use super::GUIDE;
use super::channel::Content;

/// The type of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Handshake,
    Heartbeat,
    Event,
    /// The answer to `$status`, and to `$events`.
    QueryStatus,
    QueryEvent,
}

/// What stands above the events.
#[derive(Debug, Clone, Copy)]
pub struct Head<'h> {
    pub kind: Kind,
    /// Our own address, without a `/` at its end.
    pub base: &'h str,
    pub subscription: &'h str,
    pub topic: Option<&'h str>,
    /// `Subscription.status`.
    pub status: &'h str,
    /// Events since it began.
    pub events: u64,
    /// Why nothing is taken; empty where all is well.
    pub error: &'h str,
    /// Now, as an instant, and a UUID that nobody has.
    pub now: &'h str,
    pub uuid: &'h str,
}

/// An event that is told.
#[derive(Debug)]
pub struct Told {
    pub number: u64,
    /// None where the subscriber may not see any more what happened: the number is told alone.
    pub what: Option<What>,
}

#[derive(Debug)]
pub struct What {
    /// An instant.
    pub time: String,
    pub kind: String,
    pub id: String,
    /// `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// None of a delete.
    pub resource: Option<Resource<'static>>,
}

/// The Bundle of a notification.
pub fn bundle(head: &Head<'_>, told: Vec<Told>, content: Content) -> Resource<'static> {
    let mut bundle = Resource::new("Bundle");
    bundle.object.set("id", Node::text(head.uuid.to_owned()));
    bundle.object.set("meta", meta("backport-subscription-notification-r4"));
    bundle.object.set("type", Node::text("history"));
    bundle.object.set("timestamp", Node::text(head.now.to_owned()));
    let about = format!("{}/Subscription/{}/$status", head.base, head.subscription);
    let mut first = Object::default();
    first.set("fullUrl", Node::text(format!("urn:uuid:{}", head.uuid)));
    first.set("resource", Node::Object(status(head, &told, content).object));
    first.set("request", object([("method", Node::text("GET")), ("url", Node::text(about))]));
    first.set("response", object([("status", Node::text("200"))]));
    bundle.object.push("entry", Node::Object(first));
    if content == Content::Full {
        told.into_iter().filter_map(|told| told.what).for_each(|what| bundle.object.push("entry", entry(head, what)));
    }
    bundle
}

fn entry(head: &Head<'_>, what: What) -> Node<'static> {
    let key = format!("{}/{}", what.kind, what.id);
    let (url, status) = match what.method {
        "POST" => (what.kind, "201"),
        "DELETE" => (key.clone(), "204"),
        _ => (key.clone(), "200"),
    };
    let mut entry = Object::default();
    entry.set("fullUrl", Node::text(format!("{}/{key}", head.base)));
    if let Some(resource) = what.resource {
        entry.set("resource", Node::Object(resource.object));
    }
    entry.set("request", object([("method", Node::text(what.method)), ("url", Node::text(url))]));
    entry.set("response", object([("status", Node::text(status))]));
    Node::Object(entry)
}

/// The Parameters that say how the subscription stands and which events are told.
pub fn status(head: &Head<'_>, told: &[Told], content: Content) -> Resource<'static> {
    let mut status = Resource::new("Parameters");
    status.object.set("id", Node::text(head.uuid.to_owned()));
    status.object.set("meta", meta("backport-subscription-status-r4"));
    let mut add = |parameter: Node<'static>| status.object.push("parameter", parameter);
    let reference = format!("{}/Subscription/{}", head.base, head.subscription);
    add(named("subscription", "valueReference", object([("reference", Node::text(reference))])));
    // Who asked for nothing but the number is not told of what it is.
    if let Some(topic) = head.topic.filter(|_| content != Content::Empty) {
        add(named("topic", "valueCanonical", Node::text(topic.to_owned())));
    }
    add(named("status", "valueCode", Node::text(head.status.to_owned())));
    add(named("type", "valueCode", Node::text(head.kind.code())));
    add(named("events-since-subscription-start", "valueString", Node::text(head.events.to_string())));
    told.iter().for_each(|told| add(event(head, told, content)));
    if !head.error.is_empty() {
        add(named("error", "valueCodeableConcept", object([("text", Node::text(head.error.to_owned()))])));
    }
    status
}

fn event(head: &Head<'_>, told: &Told, content: Content) -> Node<'static> {
    let mut parts = vec![named("event-number", "valueString", Node::text(told.number.to_string()))];
    if let Some(what) = &told.what {
        parts.push(named("timestamp", "valueInstant", Node::text(what.time.clone())));
        if content != Content::Empty {
            let reference = format!("{}/{}/{}", head.base, what.kind, what.id);
            parts.push(named("focus", "valueReference", object([("reference", Node::text(reference))])));
        }
    }
    object([("name", Node::text("notification-event")), ("part", Node::List(parts))])
}

fn meta(profile: &str) -> Node<'static> {
    object([("profile", Node::List(vec![Node::text(format!("{GUIDE}/{profile}"))]))])
}

fn named(name: &'static str, of: &'static str, value: Node<'static>) -> Node<'static> {
    object([("name", Node::text(name)), (of, value)])
}

fn object<const N: usize>(fields: [(&'static str, Node<'static>); N]) -> Node<'static> {
    Node::Object(Object { fields: Vec::from(fields) })
}

/// A UUID of random bytes (RFC 9562 §5.4).
pub fn uuid(mut random: [u8; 16]) -> String {
    random[6] = (random[6] & 0x0F) | 0x40;
    random[8] = (random[8] & 0x3F) | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in random.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

impl Kind {
    pub fn code(self) -> &'static str {
        match self {
            Kind::Handshake => "handshake",
            Kind::Heartbeat => "heartbeat",
            Kind::Event => "event-notification",
            Kind::QueryStatus => "query-status",
            Kind::QueryEvent => "query-event",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(content: Content) -> String {
        let resource =
            fhir::json::read(br#"{"resourceType":"Encounter","id":"e","status":"arrived","class":{"code":"AMB"}}"#);
        let resource = resource.map(Resource::into_owned).expect("an Encounter");
        let head = Head {
            kind: Kind::Event,
            base: "http://x/fhir",
            subscription: "s",
            topic: Some("urn:t"),
            status: "active",
            events: 8,
            error: "",
            now: "2026-01-01T00:00:00Z",
            uuid: &uuid([0xAB; 16]),
        };
        let what = What {
            time: "2026-01-01T00:00:00Z".to_owned(),
            kind: "Encounter".to_owned(),
            id: "e".to_owned(),
            method: "POST",
            resource: Some(resource),
        };
        let told = vec![Told { number: 7, what: Some(what) }, Told { number: 8, what: None }];
        let mut json = Vec::new();
        fhir::json::write(&bundle(&head, told, content), &mut json);
        fhir::json::read(&json).unwrap_or_else(|issues| panic!("{issues:?}"));
        String::from_utf8(json).expect("JSON is UTF-8")
    }

    #[test]
    fn no_more_is_told_than_was_asked_for() {
        for (content, focus, class, topic) in [
            (Content::Empty, false, false, false),
            (Content::IdOnly, true, false, true),
            (Content::Full, true, true, true),
        ] {
            let shown = shown(content);
            let has = |text: &str| shown.contains(text);
            assert_eq!((has("Encounter/e"), has("AMB"), has("urn:t")), (focus, class, topic), "{shown}");
            assert!(has(r#""name":"event-number","valueString":"8""#), "{shown}");
        }
    }

    #[test]
    fn uuids_are_of_version_4() {
        assert_eq!(uuid([0xFF; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
