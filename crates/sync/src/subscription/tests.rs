//! Which Subscriptions are understood, and what they are told.

use fhir::Resource;
use fhir::search::Context;

use super::criteria::Event;
use super::{Channel, Style, Terms};

const HOOK: &str = r#"{"type":"rest-hook","endpoint":"http://127.0.0.1:9/hook"}"#;

fn read(text: &str) -> Result<Terms, String> {
    let subscription = fhir::json::read(text.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?} in {text}"));
    Terms::read(Context::default(), &subscription).map_err(|issues| issues[0].text.clone())
}

fn subscription(criteria: &str, channel: &str) -> Result<Terms, String> {
    read(&format!(
        r#"{{"resourceType":"Subscription","status":"requested","reason":"x","criteria":"{criteria}","channel":{channel}}}"#
    ))
}

fn topic(topic: &str, filters: &[&str]) -> Result<Terms, String> {
    let filters = filters.iter().map(|filter| {
        format!(
            r#"{{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria","valueString":"{filter}"}}"#
        )
    });
    let filters = filters.collect::<Vec<_>>().join(",");
    let beside =
        if filters.is_empty() { String::new() } else { format!(r#""_criteria":{{"extension":[{filters}]}},"#) };
    read(&format!(
        r#"{{"resourceType":"Subscription","status":"requested","reason":"x","criteria":"urn:hilum:topic:{topic}",{beside}
        "channel":{{"type":"rest-hook","endpoint":"http://127.0.0.1:9/","payload":"application/fhir+json","_payload":{{"extension":[
        {{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content","valueCode":"id-only"}}]}}}}}}"#
    ))
}

#[test]
fn what_is_not_understood_is_refused_with_the_reason() {
    for (criteria, channel, why) in [
        ("Observation?code=http://loinc.org|1234-5&status=final", HOOK, ""),
        ("Observation", HOOK, ""),
        ("Observation?code=a%7Cb", HOOK, ""),
        ("Observation?colour=red", HOOK, "no such search parameter"),
        ("Observation?subject.name=x", HOOK, "chain"),
        ("Patient?_has:Observation:patient:code=x", HOOK, "chain"),
        ("Patient?_list=x", HOOK, "_list"),
        ("Observation?code:in=http://x/vs", HOOK, "value set"),
        ("Patient?_content=x", HOOK, "words"),
        ("Patient?_sort=name", HOOK, "_sort"),
        ("Patient?_include=Patient:organization", HOOK, "_include"),
        ("Subscription?status=active", HOOK, "secrets"),
        ("Patience?x=y", HOOK, "one type"),
        ("http://hl7.org/SubscriptionTopic/admission", HOOK, "no such topic"),
        ("urn:hilum:topic:result", HOOK, "backport-payload-content"),
        ("Patient", r#"{"type":"email","endpoint":"mailto:a@b"}"#, "only rest-hook"),
        ("Patient", r#"{"type":"rest-hook"}"#, "address"),
        ("Patient", r#"{"type":"rest-hook","endpoint":"file:///etc/passwd"}"#, "address"),
        ("Patient", r#"{"type":"rest-hook","endpoint":"http://u:p@127.0.0.1/"}"#, "address"),
        (
            "Patient",
            r#"{"type":"rest-hook","endpoint":"http://127.0.0.1/","payload":"text/plain"}"#,
            "application/fhir+json",
        ),
        ("Patient", r#"{"type":"rest-hook","endpoint":"http://127.0.0.1/","header":["Host: x"]}"#, "Name: value"),
        ("Patient", r#"{"type":"rest-hook","endpoint":"http://127.0.0.1/","header":["no colon"]}"#, "Name: value"),
        ("Patient", r#"{"type":"websocket","payload":"application/fhir+xml"}"#, ""),
    ] {
        match subscription(criteria, channel) {
            Ok(_) => assert_eq!(why, "", "{criteria} {channel} must be refused"),
            Err(text) => assert!(!why.is_empty() && text.contains(why), "{criteria} {channel}: {text}"),
        }
    }
}

#[test]
fn headers_and_channels_are_read() {
    let channel = r#"{"type":"rest-hook","endpoint":"http://127.0.0.1:9/hook","header":["Authorization: Bearer a:b"]}"#;
    let terms = subscription("Patient", channel).expect("it is sound");
    let headers = vec![("authorization".to_owned(), "Bearer a:b".to_owned())];
    assert_eq!(terms.channel, Channel::RestHook { endpoint: "http://127.0.0.1:9/hook".to_owned(), headers });
    assert_eq!((terms.style, terms.pace.count_max, terms.shakes_hands()), (Style::Classic(None), 1, false));
    assert!(topic("result", &[]).expect("a topic").shakes_hands());
}

#[test]
fn filters_belong_to_their_topic() {
    for (of, filters, why) in [
        ("patient-admit", &["Encounter?patient=Patient/1"][..], ""),
        ("patient-admit", &["patient=Patient/1"], ""),
        ("patient-admit", &["Observation?code=x"], "not about"),
        ("result", &["Observation?code=x", "DiagnosticReport?code=y"], ""),
        ("result", &["code=x"], "one type"),
        ("resource-change", &["Patient?", "Observation?status=final"], ""),
        ("resource-change", &["Patient?name=x&colour=red"], "no such search parameter"),
    ] {
        let read = topic(of, filters);
        assert_eq!(read.is_ok(), why.is_empty(), "{of} {filters:?}: {:?}", read.as_ref().err());
        assert!(read.is_ok() || read.is_err_and(|text| text.contains(why)), "{of} {filters:?}");
    }
}

fn parsed(text: &str) -> Option<Resource<'_>> {
    (!text.is_empty())
        .then(|| fhir::json::read(text.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?} in {text}")))
}

#[test]
fn versions_are_told_that_were_asked_for() {
    let arrived = r#"{"resourceType":"Encounter","id":"e","status":"arrived","class":{"code":"AMB"},"subject":{"reference":"Patient/1"}}"#;
    let planned = &arrived.replace("arrived", "planned");
    let started = &arrived.replace("arrived", "in-progress");
    let of_two = &arrived.replace("Patient/1", "Patient/2");
    let end = &arrived.replace("arrived", "finished");
    let result = r#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"}}"#;
    let early = &result.replace("final", "preliminary");
    let withdrawn = &result.replace("final", "entered-in-error");
    let search = |text: &str| subscription(text, HOOK).expect(text);
    let about = |of: &str, filters: &[&str]| topic(of, filters).expect(of);
    let cases = [
        (search("Encounter?status=arrived"), arrived, "", true),
        (search("Encounter?status=arrived"), started, arrived, false),
        (search("Encounter"), "", arrived, false),
        (search("Observation"), arrived, "", false),
        (about("patient-admit", &[]), arrived, "", true),
        (about("patient-admit", &[]), arrived, planned, true),
        (about("patient-admit", &[]), started, arrived, false),
        (about("patient-admit", &["patient=Patient/1"]), arrived, "", true),
        (about("patient-admit", &["patient=Patient/1"]), of_two, "", false),
        (about("patient-discharge", &[]), end, started, true),
        (about("patient-discharge", &[]), end, end, false),
        (about("result", &[]), result, early, true),
        (about("result", &[]), early, "", false),
        (about("result", &[]), withdrawn, result, true),
        (about("result", &["DiagnosticReport?status=final"]), result, "", false),
        (about("resource-change", &[]), result, "", true),
        (about("resource-change", &[]), "", result, true),
        (about("resource-change", &["Encounter?patient=Patient/1"]), "", arrived, true),
        (about("resource-change", &["Encounter?patient=Patient/1"]), "", of_two, false),
        (about("resource-change", &["Encounter?patient=Patient/1"]), result, "", false),
    ];
    for (at, (terms, now, before, told)) in cases.into_iter().enumerate() {
        let (resource, former) = (parsed(now), parsed(before));
        let kind = resource.as_ref().or(former.as_ref()).expect("one of them").kind().to_owned();
        let event = Event { kind: &kind, resource: resource.as_ref(), before: former.as_ref() };
        assert_eq!(terms.criteria.tells(&event), told, "case {at}");
    }
}
