//! Documents and messages (R4 §3.3.1, §2.36.7): one entry is about the others.
//!
//! What a Composition refers to directly is in its document, and every entry of a document can be reached from the
//! Composition, forwards or backwards. A message may leave out what it refers to, so there it is only a warning.

use std::collections::VecDeque;

use super::{Found, Index};
use crate::validate::walk::Walk;
use crate::{IssueType, Node, Object, Severity};

/// Elements of a Composition whose resource belongs into the document (R4 §3.3.1).
const BELONG: [&[&str]; 6] =
    [&["subject"], &["encounter"], &["author"], &["attester", "party"], &["custodian"], &["event", "detail"]];
const BELONG_OF_SECTION: [&str; 3] = ["author", "focus", "entry"];

pub fn check<'r>(walk: &mut Walk<'r, '_>, index: &Index<'r>) {
    let Some(first) = index.entries.first() else { return };
    let is_document = index.kind == "document";
    match (is_document, first.kind, first.resource) {
        (true, Some("Composition"), Some(composition)) => complete(walk, index, composition),
        (false, Some("MessageHeader"), _) => {}
        _ => return, // as bdl-11 and bdl-12 say
    }
    let severity = if is_document { Severity::Error } else { Severity::Warning };
    for (at, _) in reached(index).iter().enumerate().filter(|(_, reached)| !**reached) {
        let text = "nothing leads here from the first entry, nor from here to what it leads to; leave the entry out";
        walk.note_at(&format!("entry[{at}]"), severity, IssueType::BusinessRule, text);
    }
}

fn complete(walk: &mut Walk<'_, '_>, index: &Index<'_>, composition: &Object<'_>) {
    let mut missing = Vec::new();
    for path in BELONG {
        belongs(index, composition, path, path[0].to_owned(), &mut missing);
    }
    sections(index, composition, "", &mut missing);
    for path in missing {
        let text = "the document lacks the resource that this refers to: no entry has it as its fullUrl";
        walk.note_at(&format!("entry[0].resource.{path}"), Severity::Error, IssueType::NotFound, text);
    }
}

fn sections(index: &Index<'_>, object: &Object<'_>, path: &str, missing: &mut Vec<String>) {
    for (at, section) in object.items("section").iter().enumerate() {
        let Node::Object(section) = section else { continue };
        let path = format!("{path}section[{at}]");
        for name in BELONG_OF_SECTION {
            belongs(index, section, &[name], format!("{path}.{name}"), missing);
        }
        sections(index, section, &format!("{path}."), missing);
    }
}

fn belongs(index: &Index<'_>, object: &Object<'_>, steps: &[&str], path: String, missing: &mut Vec<String>) {
    let Some((name, rest)) = steps.split_first() else { return };
    let is_list = matches!(object.get(name), Some(Node::List(_)));
    for (at, node) in object.items(name).iter().enumerate() {
        let Node::Object(next) = node else { continue };
        let path = if is_list { format!("{path}[{at}]") } else { path.clone() };
        match rest.first() {
            Some(name) => belongs(index, next, rest, format!("{path}.{name}"), missing),
            None => {
                let reference = next.str("reference").filter(|text| !text.starts_with('#'));
                if reference.is_some_and(|text| index.find(text, 0) == Found::None) {
                    missing.push(path);
                }
            }
        }
    }
}

/// Which entries hang together with the first.
fn reached(index: &Index<'_>) -> Vec<bool> {
    let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); index.entries.len()];
    for (from, entry) in index.entries.iter().enumerate() {
        let Some(resource) = entry.resource else { continue };
        each_reference(resource, &mut |text| {
            index.each_meant(text, from, &mut |to| {
                neighbours[from].push(to);
                neighbours[to].push(from);
            });
        });
    }
    let mut reached = vec![false; index.entries.len()];
    let mut next = VecDeque::from([0]);
    while let Some(at) = next.pop_front() {
        if !std::mem::replace(&mut reached[at], true) {
            next.extend(&neighbours[at]);
        }
    }
    reached
}

/// Every text that may be a reference, in whatever is in the resource.
fn each_reference<'r>(object: &'r Object<'_>, visit: &mut dyn FnMut(&'r str)) {
    for (name, node) in &object.fields {
        for item in node.items() {
            match item {
                Node::Object(object) => each_reference(object, visit),
                Node::Text(text)
                    if *name == "reference" || name.starts_with("valueU") || name.starts_with("valueC") =>
                {
                    visit(text);
                }
                _ => {}
            }
        }
    }
}
