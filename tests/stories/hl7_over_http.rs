//! Messages by `POST /hl7v2`: the acknowledgement is the answer.

use crate::support::http::{Reply, ask};
use crate::support::message::{adt, header, id_of, message};
use crate::support::mllp::{Ack, framed};
use crate::support::server::{Hilum, WARD};

const MEDIA: (&str, &str) = ("content-type", "x-application/hl7-v2+er7");

fn person(number: &str) -> Vec<u8> {
    adt("A28", "20260301", &format!("PID|1||{number}^^^NORTH^MR||Maran^Ilse||19710304|F"))
}

fn post(hilum: &Hilum, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    ask("POST", &format!("{}/hl7v2", hilum.http()), headers, body)
}

#[test]
fn a_message_is_filed_before_it_is_answered() {
    let hilum = Hilum::start();
    let message = person("1");
    let reply = post(&hilum, &[MEDIA], &message);
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(reply.header("content-type").starts_with("x-application/hl7-v2+er7"), "{reply:?}");
    let ack = Ack(reply.text);
    assert_eq!((ack.code(), ack.of()), ("AA", id_of(&message).as_str()));
    hilum.fhir().one("Patient?identifier=1");
    // The same over MLLP: one source, one message.
    hilum.line().accepted(&message);
    assert_eq!(hilum.messages("").len(), 1);
}

#[test]
fn refusals_are_acknowledgements_too() {
    let hilum = Hilum::start();
    let unknown = message(&header("XYZ^Z99", "20260301"));
    let reply = post(&hilum, &[MEDIA], &unknown);
    assert_eq!((reply.status, Ack(reply.text.clone()).code()), (200, "AR"), "{}", reply.text);
    let reply = post(&hilum, &[MEDIA], b"not HL7 at all");
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(["AE", "AR"].contains(&Ack(reply.text.clone()).code()), "{}", reply.text);
}

#[test]
fn frames_and_batches_are_understood() {
    let hilum = Hilum::start();
    let reply = post(&hilum, &[MEDIA], &framed(&person("1")));
    assert!(reply.text.starts_with('\u{0B}') && reply.text.contains("MSA|AA|"), "{}", reply.text);
    let batch = [&b"FHS|^~\\&\rBHS|^~\\&\r"[..], &person("2"), &person("3"), b"BTS|2\rFTS|1\r"].concat();
    let reply = post(&hilum, &[MEDIA], &batch);
    assert_eq!(reply.text.matches("MSA|AA|").count(), 2, "{}", reply.text);
    assert_eq!(hilum.fhir().search("Patient").len(), 3);
}

#[test]
fn what_is_sent_wrongly_is_not_looked_at() {
    let hilum = Hilum::configured(&format!(
        "{WARD}\n[[source]]\nname = \"far\"\nhttp = true\npeers = [\"192.0.2.1/32\"]\nfacilities = [\"*\"]\n"
    ));
    for (name, headers, status) in [
        ("another media type", &[("content-type", "application/json")][..], 415),
        ("no media type", &[], 415),
        ("from a web page", &[MEDIA, ("origin", "https://evil.example")], 403),
    ] {
        let reply = post(&hilum, headers, &person("1"));
        assert_eq!(reply.status, status, "{name}: {}", reply.text);
        assert!(reply.text.contains("OperationOutcome"), "{name}: {}", reply.text);
    }
    let url = format!("{}/hl7v2", hilum.http());
    assert_eq!(ask("GET", &url, &[], &[]).status, 405);
    hilum.fhir().none("Patient");
}

#[test]
fn an_address_without_a_source_is_refused() {
    let hilum = Hilum::configured(&WARD.replace("http = true", ""));
    let reply = post(&hilum, &[MEDIA], &person("1"));
    assert_eq!(reply.status, 403, "{}", reply.text);
    hilum.fhir().none("Patient");
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let hilum = Hilum::configured(WARD);
    let long = "x".repeat(17 << 20);
    let reply = post(&hilum, &[MEDIA], &adt("A28", "20260301", &format!("PID|1||1^^^NORTH^MR||Maran^{long}")));
    assert_eq!(reply.status, 413, "{}", reply.text);
    hilum.fhir().none("Patient");
}
