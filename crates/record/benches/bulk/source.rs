//! Where the Bundles come from: files of Synthea beside the checkout, or invented ones of the same shape.
//!
//! A Bundle is cut at its UUIDs, once. Each copy gets ids as a server gives them, in the order of time, and every other
//! UUID a new one, so that copies differ as records of different persons do.

use std::collections::HashMap;
use std::fmt::Write;

use record::Key;

use crate::Bundle;
use crate::invented::Invented;

const UUID: usize = 36;

pub enum Source {
    Files(Vec<Vec<Template>>),
    Invented(Box<Invented>),
}

/// One entry's resource, in pieces between its UUIDs.
pub struct Template {
    kind: String,
    id: usize,
    pieces: Vec<(String, Gap)>,
    rest: String,
}

enum Gap {
    /// The id of an entry of the Bundle, or a reference to it, by the entry's number.
    Id(usize),
    Reference(usize),
    Other(String),
}

impl Source {
    pub fn load() -> Source {
        let Some(dir) = std::env::var_os("SYNTHEA") else { return Source::Invented(Box::new(Invented::read())) };
        let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let bundles: Vec<Vec<Template>> =
            files.iter().map(|file| cut(&std::fs::read_to_string(file).unwrap())).collect();
        assert!(bundles.iter().all(|bundle| !bundle.is_empty()));
        Source::Files(bundles)
    }

    pub fn bytes_a_resource(&self) -> usize {
        let all: Vec<(Key, String)> = (0..22).flat_map(|number| self.bundle(number)).collect();
        all.iter().map(|(_, json)| json.len()).sum::<usize>() / all.len()
    }

    /// The Bundle of this number, as often as one asks for the next.
    pub fn bundle(&self, number: usize) -> Bundle {
        match self {
            Source::Files(bundles) => {
                let templates = &bundles[number % bundles.len()];
                templates.iter().map(|template| template.fill(templates, number)).collect()
            }
            Source::Invented(invented) => invented.person(number as u64, 10 + number * 7 % 50),
        }
    }
}

impl Template {
    fn fill(&self, all: &[Template], number: usize) -> (Key, String) {
        let mut json = String::with_capacity(2_048);
        for (text, gap) in &self.pieces {
            json.push_str(text);
            match gap {
                Gap::Id(entry) => json.push_str(&id(number, *entry)),
                Gap::Reference(entry) => write!(json, "{}/{}", all[*entry].kind, id(number, *entry)).unwrap(),
                Gap::Other(uuid) => {
                    let first = u32::from_str_radix(&uuid[..8], 16).unwrap();
                    write!(json, "{:08x}{}", first ^ (number as u32).wrapping_mul(0x9e37_79b9), &uuid[8..]).unwrap();
                }
            }
        }
        json.push_str(&self.rest);
        (Key::new(&self.kind, id(number, self.id)), json)
    }
}

/// A millisecond and random bits, in 26 characters, as the server makes them.
fn id(number: usize, entry: usize) -> String {
    let random = ((number * 4_096 + entry) as u64).wrapping_add(0x9e37).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    format!("01kd{number:06x}{:016x}", random ^ (random >> 29))
}

/// The entries of a Bundle that are resources with a UUID of their own.
fn cut(text: &str) -> Vec<Template> {
    let bundle = fhir::json::read(text.as_bytes()).unwrap();
    let Some(fhir::Node::List(entries)) = bundle.object.get("entry") else { panic!("a Bundle has entries") };
    let mut found = Vec::new();
    for entry in entries {
        let fhir::Node::Object(entry) = entry else { continue };
        let Some(fhir::Node::Object(resource)) = entry.get("resource") else { continue };
        let resource = fhir::Resource { object: resource.clone() };
        let mut json = Vec::new();
        fhir::json::write(&resource, &mut json);
        let id = resource.id().unwrap().to_owned();
        found.push((resource.kind().to_owned(), id, resolved(&String::from_utf8(json).unwrap())));
    }
    let numbers: HashMap<String, usize> = found.iter().enumerate().map(|(at, (_, id, _))| (id.clone(), at)).collect();
    let template = |(at, (kind, _, json)): (usize, (String, String, String))| {
        let (pieces, rest) = pieces(&json, &numbers);
        Template { kind, id: at, pieces, rest }
    };
    found.into_iter().enumerate().map(template).collect()
}

fn pieces(json: &str, numbers: &HashMap<String, usize>) -> (Vec<(String, Gap)>, String) {
    let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
    while at + UUID <= json.len() {
        let Some(word) = json.get(at..at + UUID).filter(|word| is_uuid(word)) else {
            at += 1;
            continue;
        };
        let before = &json[from..at];
        let (before, gap) = match (numbers.get(word), before.strip_suffix("urn:uuid:")) {
            (Some(entry), Some(before)) => (before, Gap::Reference(*entry)),
            (Some(entry), None) => (before, Gap::Id(*entry)),
            (None, _) => (before, Gap::Other(word.to_owned())),
        };
        pieces.push((before.to_owned(), gap));
        at += UUID;
        from = at;
    }
    (pieces, json[from..].to_owned())
}

/// Conditional references (`Practitioner?identifier=…`), as a server resolves them.
fn resolved(json: &str) -> String {
    const ASKED: &str = "?identifier=";
    let (mut out, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find(ASKED) {
        let end = at + rest[at..].find('"').unwrap();
        let hash =
            rest[at..end].bytes().fold(7_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        write!(out, "{}/01kc000000{hash:016x}", &rest[..at]).unwrap();
        rest = &rest[end..];
    }
    out + rest
}

fn is_uuid(word: &str) -> bool {
    word.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}
