//! There and back: a message as FHIR, that as a message again, and what this says in FHIR is the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fhir::{Node, Object, Resource};
use gateway::{BackOptions, Gateway, IdKey, Source, Stamp};
use hl7v2::{Message, Options};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn samples(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "hl7" || ending == "out"));
    files.sort();
    let mut samples = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        for (number, message) in split(&bytes).into_iter().enumerate() {
            samples.push((format!("{name}#{number}"), message));
        }
    }
    samples
}

/// One message each: files hold several, one after the other.
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

/// What comes of a message there and back and there again: both Bundles, and the message between.
fn round(gateway: &Gateway, bytes: &[u8], source: &Source) -> Option<(Resource<'static>, Resource<'static>, gateway::Sent)> {
    let first = to_fhir(gateway, bytes, source)?;
    let parsed = Message::parse(bytes, &Options::default()).unwrap();
    let header = parsed.message.segment(0);
    let text = |field: u16| header.field(field).raw().to_owned();
    let (message, fields) = (format!("{}^{}", header.field(9).component(1).raw(), header.field(9).component(2).raw()), [3, 4, 5, 6, 7, 10, 11, 12].map(text));
    let stamp = Stamp {
        sending_application: &fields[0],
        sending_facility: &fields[1],
        receiving_application: &fields[2],
        receiving_facility: &fields[3],
        time: &fields[4],
        control_id: &fields[5],
        processing_id: &fields[6],
        version: &fields[7],
    };
    let sent = match gateway.back(&first, &BackOptions { message: Some(&message), source, stamp }) {
        Ok(sent) => sent,
        Err(issues) => panic!("{issues:?}"),
    };
    let second = to_fhir(gateway, sent.text.as_bytes(), source).expect("the same message");
    Some((first, second, sent))
}

/// Every leaf of a Bundle by where it stands; ids are those of the resources.
fn leaves(bundle: &Resource<'_>) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    for entry in bundle.object.items("entry").iter().filter_map(Node::as_object) {
        let Some(Node::Object(resource)) = entry.get("resource") else { continue };
        let name = format!("{}/{}", resource.str("resourceType").unwrap(), resource.str("id").unwrap());
        collect(&name, resource, &mut leaves);
    }
    leaves
}

fn collect(path: &str, object: &Object<'_>, leaves: &mut BTreeMap<String, String>) {
    for (name, node) in &object.fields {
        for (at, item) in node.items().iter().enumerate() {
            let path = if matches!(node, Node::List(_)) { format!("{path}.{name}[{at}]") } else { format!("{path}.{name}") };
            match item {
                Node::Object(inner) => collect(&path, inner, leaves),
                Node::Text(text) | Node::Number(text) => drop(leaves.insert(path, text.to_string())),
                Node::Bool(value) => drop(leaves.insert(path, value.to_string())),
                _ => {}
            }
        }
    }
}

#[test]
fn there_and_back() {
    let gateway = Gateway::load([]).unwrap_or_else(|faults| panic!("{faults:?}"));
    let source = Source { zone: jiff::tz::TimeZone::get("Europe/London").ok(), ..Source::convert() };
    let only = std::env::var("ONLY").unwrap_or_default();
    let (mut same, mut all) = (0, 0);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut folder = samples(&root().join("tests/data/hl7v2"));
    folder.extend(samples(&root().join("../shared/data/simhospital/docs/artifacts")));
    if let Ok(more) = std::env::var("MORE") { folder = samples(Path::new(&more)); }
    for (name, bytes) in folder {
        if !name.contains(&only) { continue; }
        let Some((first, second, sent)) = round(&gateway, &bytes, &source) else { continue };
        all += 1;
        let (a, b) = (leaves(&first), leaves(&second));
        let mut differs = Vec::new();
        for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
            if a.get(key) != b.get(key) { differs.push(format!("  {key}: {:?} -> {:?}", a.get(key), b.get(key))); }
        }
        if differs.is_empty() { same += 1; }
        for d in &differs { let k: String = d.trim().split(':').next().unwrap().split('.').enumerate().map(|(i, s)| if i == 0 { s.split('/').next().unwrap().to_string() } else { s.split('[').next().unwrap().to_owned() }).collect::<Vec<_>>().join("."); *kinds.entry(k).or_default() += 1; }
        if !only.is_empty() {
            println!("== {name}\n{}\n-- back\n{}", String::from_utf8_lossy(&bytes).replace('\r', "\n"), sent.text.replace('\r', "\n"));
            for i in &sent.issues { println!("  issue {} {}", i.path, i.text); }
            for d in differs { println!("{d}"); }
        } else if !differs.is_empty() { if !name.contains("messages.out") {println!("{name}: {} differ, {} issues", differs.len(), sent.issues.len()); }}
    }
    println!("{same} of {all}");
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    for (k, n) in kinds.iter().take(60) { println!("{n:6} {k}"); }
}
