//! There and back: a message as FHIR, that as a message again, and what this says in FHIR is the same, ids included.
//!
//! Compared are whole Bundles. Lists may come in another order: v2 has its own, and FHIR gives it no meaning here.

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
        if std::env::var("SHOW").is_ok_and(|only| name.contains(&only)) {
            println!(
                "{}\n---\n{}\n{:#?}",
                String::from_utf8_lossy(message).replace('\r', "\n"),
                sent.text.replace('\r', "\n"),
                sent.issues.iter().map(|i| format!("{} {}", i.path, i.text)).collect::<Vec<_>>()
            );
        }
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
#[test]
fn more() {
    let Ok(more) = std::env::var("MORE") else { return };
    let source = Source { zone: jiff::tz::TimeZone::get("Europe/London").ok(), ..Source::convert() };
    check(samples(Path::new(&more), "hl7"), &source);
}
