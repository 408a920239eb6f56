//! There and back: a message as FHIR, that as a message again, and what this says in FHIR is the same, ids included.
//!
//! Compared are whole Bundles. Lists may come in another order: v2 has its own, and FHIR gives it no meaning here.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests, which say what they skip")]

use std::path::{Path, PathBuf};

use fhir::Resource;
use gateway::{BackOptions, Gateway, IdKey, Sent, Source, Stamp};
use hl7v2::{Message, Options};

/// What may differ, by a part of its path, and why.
const ACCEPTED: &[(&str, &str)] = &[
    (".eventCoding.display", "MSH-9.3 is always written, whether or not it was sent"),
    (".activity", "MSH-9.3, in the Provenance of the message and of the event"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The messages of all files of a folder, each with a name; none where the folder is not there.
fn samples(folder: &Path, ending: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|known| known == ending));
    files.sort();
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let messages = split(&std::fs::read(path).unwrap());
        messages.into_iter().enumerate().map(move |(number, message)| (format!("{name} {number}"), message))
    };
    files.iter().flat_map(named).collect()
}

fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\r").replace('\n', "\r");
    let mut messages: Vec<String> = Vec::new();
    for line in text.split('\r').filter(|line| !line.trim().is_empty()) {
        if line.starts_with("MSH|") {
            messages.push(String::new());
        }
        if let Some(last) = messages.last_mut() {
            last.push_str(line);
            last.push('\r');
        }
    }
    messages.into_iter().map(String::into_bytes).collect()
}

fn to_fhir(gateway: &Gateway, bytes: &[u8], source: &Source) -> Option<Resource<'static>> {
    let parsed = Message::parse(bytes, &Options::default()).unwrap();
    let ids = IdKey::fixed();
    let translation = gateway.translate(&parsed.message, source, &ids, false)?;
    Some(gateway::bundle(translation).into_owned())
}

/// A Bundle as a message with the head of the one that it came from.
fn to_v2(gateway: &Gateway, bundle: &Resource<'_>, like: &[u8], source: &Source) -> Sent {
    let parsed = Message::parse(like, &Options::default()).unwrap();
    let head = parsed.message.segment(0);
    let raw = |field: u16| head.field(field).raw();
    let kind = head.field(9);
    let message = format!("{}^{}", kind.component(1).raw(), parsed.message.header().trigger);
    let stamp = Stamp {
        time: raw(7),
        control_id: raw(10),
        sending_application: raw(3),
        sending_facility: raw(4),
        receiving_application: raw(5),
        receiving_facility: raw(6),
        processing_id: raw(11),
        version: raw(12),
    };
    gateway.back(bundle, &BackOptions { message: Some(&message), source, stamp }).unwrap()
}

fn check(samples: Vec<(String, Vec<u8>)>, source: &Source) {
    let gateway = Gateway::load([]).unwrap_or_else(|faults| panic!("{faults:?}"));
    let (mut faults, mut compared) = (Vec::new(), 0);
    for (name, message) in &samples {
        let Some(first) = to_fhir(&gateway, message, source) else { continue };
        let sent = to_v2(&gateway, &first, message, source);
        let second = to_fhir(&gateway, sent.text.as_bytes(), source).expect("the same message");
        compared += 1;
        let found = gateway::differences(&first, &second);
        let found = found.into_iter().filter(|path| !ACCEPTED.iter().any(|(part, _)| path.contains(part)));
        faults.extend(found.map(|path| format!("{name}: {path}")));
    }
    assert!(faults.is_empty(), "{compared} messages, {} differences:\n{}", faults.len(), faults.join("\n"));
    eprintln!("{compared} messages there and back");
}

#[test]
fn messages_of_two_clinics() {
    let samples = samples(&root().join("tests/data/hl7v2"), "hl7");
    assert!(samples.len() > 40, "they stand in the repository");
    check(samples.clone(), &Source::convert());
    // Times without an offset belong to the clinic's zone; they go back without one.
    check(samples, &Source { zone: jiff::tz::TimeZone::get("Europe/London").ok(), ..Source::convert() });
}

#[test]
fn a_simulated_hospital() {
    // Its times have no offset, and its visits no number: with a zone their times come back whole, and so do their ids.
    let source = Source { zone: jiff::tz::TimeZone::get("Europe/London").ok(), ..Source::convert() };
    check(samples(&root().join("../shared/data/simhospital/docs/artifacts"), "out"), &source);
}

/// What is sent of a Bundle of these resources, in the form of their JSON: the message, and the places not in it.
fn sent(message: Option<&str>, resources: &[&str]) -> Result<(String, String), String> {
    let gateway = Gateway::load([]).unwrap_or_else(|faults| panic!("{faults:?}"));
    let entries: Vec<String> = resources.iter().map(|resource| format!(r#"{{"resource":{resource}}}"#)).collect();
    let json = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(","));
    let bundle = fhir::json::read(json.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}"));
    let source = Source::named("clinic");
    let stamp = Stamp { time: "20260301", control_id: "1", sending_facility: "HUB", ..Stamp::default() };
    let paths = |issues: &[fhir::Issue]| issues.iter().map(|issue| issue.path.as_str()).collect::<Vec<_>>().join(" ");
    match gateway.back(&bundle, &BackOptions { message, source: &source, stamp }) {
        Ok(sent) => Ok((sent.text, paths(&sent.issues))),
        Err(issues) => Err(issues.iter().map(|issue| issue.text.as_str()).collect::<Vec<_>>().join(" ")),
    }
}

const ANNA: &str = r#"{"resourceType":"Patient","id":"a","identifier":[{"system":"urn:oid:2.999.1","value":"1"}],"name":[{"family":"Berg"}]}"#;
const BRITA: &str = r#"{"resourceType":"Patient","id":"b","identifier":[{"system":"urn:oid:2.999.1","value":"2"}],"name":[{"family":"Dahl"}]}"#;

#[test]
fn the_bundle_says_which_message() {
    let visit = |status: &str| {
        format!(
            r#"{{"resourceType":"Encounter","id":"e","status":"{status}","class":{{"code":"IMP"}},"subject":{{"reference":"Patient/a"}},"identifier":[{{"value":"V1"}}]}}"#
        )
    };
    let result = r#"{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"code":"K"}]},"subject":{"reference":"Patient/a"},"valueQuantity":{"value":4.10}}"#;
    for (status, expected) in [
        ("in-progress", "|ADT^A08^ADT_A01|"),
        ("planned", "|ADT^A05^ADT_A05|"),
        ("finished", "|ADT^A03^ADT_A03|"),
        ("cancelled", "|ADT^A11^ADT_A09|"),
    ] {
        let (text, issues) = sent(None, &[ANNA, &visit(status)]).unwrap();
        assert!(text.contains(expected) && text.contains("\rPV1|1|I"), "{status}: {text} {issues}");
    }
    assert!(sent(None, &[ANNA]).unwrap().0.contains("|ADT^A31^ADT_A05|"));
    let (text, _) = sent(None, &[ANNA, result]).unwrap();
    assert!(text.contains("|ORU^R01^ORU_R01|") && text.contains("\rOBX|1|NM|K||4.10||||||F"), "{text}");
}

#[test]
fn nothing_is_said_of_another_patient() {
    for subject in ["Patient/b", "Patient/elsewhere"] {
        let result = format!(
            r#"{{"resourceType":"Observation","id":"o","status":"final","code":{{"coding":[{{"code":"K"}}]}},"subject":{{"reference":"{subject}"}},"valueString":"7"}}"#
        );
        let (text, issues) = sent(Some("ORU^R01"), &[ANNA, &result]).unwrap();
        assert!(!text.contains("OBX") && issues.contains("Observation/o"), "{subject}: {text}");
    }
    let of_brita = r#"{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"code":"K"}]},"subject":{"reference":"Patient/b"},"valueString":"7"}"#;
    let (text, _) = sent(Some("ORU^R01"), &[ANNA, BRITA, of_brita]).unwrap();
    let order: Vec<&str> = text.split('\r').map(|segment| segment.split('|').next().unwrap()).collect();
    assert_eq!(order, ["MSH", "PID", "PID", "OBX", ""], "{text}");
    assert!(text.find("Dahl") < text.find("OBX") && text.find("Berg") < text.find("Dahl"), "{text}");
    assert!(sent(Some("ORU^R01"), &[of_brita]).unwrap_err().contains("of nobody"));
}

#[test]
fn what_changes_the_meaning_and_cannot_be_said_keeps_the_resource_back() {
    let allergy = |more: &str| {
        format!(
            r#"{{"resourceType":"AllergyIntolerance","id":"x","patient":{{"reference":"Patient/a"}},"code":{{"coding":[{{"code":"P"}}]}}{more}}}"#
        )
    };
    let status = |code: &str| {
        format!(
            r#","clinicalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"{code}"}}]}}"#
        )
    };
    let unknown = r#","modifierExtension":[{"url":"https://a.example/not","valueBoolean":true}]"#;
    for (more, written) in
        [("", true), (status("active").as_str(), true), (status("resolved").as_str(), false), (unknown, false)]
    {
        let (text, issues) = sent(Some("ADT^A08"), &[ANNA, &allergy(more)]).unwrap();
        assert_eq!(text.contains("\rAL1|") || text.contains("\rIAM|"), written, "{more}: {text}");
        assert_eq!(issues.contains("AllergyIntolerance/x"), !written, "{more}: {issues}");
    }
    let (text, _) = sent(Some("ADT^A08"), &[ANNA, &allergy(&status("active"))]).unwrap();
    assert!(!text.contains("IAM"), "active is not confirmed: {text}");
    let gone = ANNA.replace(r#""id":"a""#, r#""id":"a","active":false"#);
    assert!(sent(Some("ADT^A31"), &[&gone]).is_err());
    let there = ANNA.replace(r#""id":"a""#, r#""id":"a","active":true"#);
    assert!(sent(Some("ADT^A31"), &[&there]).unwrap().0.contains("PID|1||1^"));
    let not_to_be_done = r#"{"resourceType":"ServiceRequest","id":"s","status":"active","intent":"order","doNotPerform":true,"subject":{"reference":"Patient/a"},"identifier":[{"value":"7","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"PLAC"}]}}]}"#;
    let (text, issues) = sent(Some("ORU^R01"), &[ANNA, not_to_be_done]).unwrap();
    assert!(!text.contains("OBR") && issues.contains("ServiceRequest/s"), "{text}");
}

#[test]
fn what_no_rule_says_is_reported() {
    let patient = r#"{"resourceType":"Patient","id":"a","name":[{"family":"Berg","text":"Anna | Berg"}],"photo":[{"url":"https://a.example/1"}]}"#;
    let device = r#"{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"text":"x"},"subject":{"reference":"Patient/a"}}"#;
    let (text, issues) = sent(Some("ADT^A31"), &[patient, device]).unwrap();
    assert!(text.contains("\rPID|1||||Berg"), "{text}");
    assert_eq!(issues, "Patient/a.name[0].text Patient/a.photo[0] Goal/g");
}

#[test]
fn a_local_time_goes_back_as_the_receiver_writes_it() {
    let gateway = Gateway::load([]).unwrap_or_else(|faults| panic!("{faults:?}"));
    let patient = r#"{"resourceType":"Patient","id":"a","name":[{"family":"Berg"}],"deceasedDateTime":"2020-10-25T01:30:00+00:00"}"#;
    let bundle = fhir::json::read(patient.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}"));
    for (zone, expected) in [("Europe/London", "|20201025013000+0000|"), ("Atlantic/Reykjavik", "|20201025013000|")] {
        let source = Source { zone: jiff::tz::TimeZone::get(zone).ok(), ..Source::named("clinic") };
        let stamp = Stamp { time: "20260301", control_id: "1", ..Stamp::default() };
        let sent = gateway.back(&bundle, &BackOptions { message: None, source: &source, stamp }).unwrap();
        assert!(format!("{}|", sent.text).replace('\r', "|").contains(expected), "{zone}: {}", sent.text);
    }
}
