//! Documents and messages (R4 §3.3.1, §2.36.7): one entry is about the others.
//!
//! What a Composition refers to directly is in its document, and every entry of a document can be reached from the
//! Composition, forwards or backwards. A message may leave out what it refers to, so there it is only a warning.

use super::{Found, Index, Meaning};
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
    for path in BELONG {
        belongs(walk, index, composition, path, path[0].to_owned());
    }
    sections(walk, index, composition, "");
}

fn sections(walk: &mut Walk<'_, '_>, index: &Index<'_>, object: &Object<'_>, path: &str) {
    for (at, section) in object.items("section").iter().enumerate() {
        let Node::Object(section) = section else { continue };
        let path = format!("{path}section[{at}]");
        for name in BELONG_OF_SECTION {
            belongs(walk, index, section, &[name], format!("{path}.{name}"));
        }
        sections(walk, index, section, &format!("{path}."));
    }
}

fn belongs(walk: &mut Walk<'_, '_>, index: &Index<'_>, object: &Object<'_>, steps: &[&str], path: String) {
    let Some((name, rest)) = steps.split_first() else { return };
    let is_list = matches!(object.get(name), Some(Node::List(_)));
    for (at, node) in object.items(name).iter().enumerate() {
        let Node::Object(next) = node else { continue };
        let path = if is_list { format!("{path}[{at}]") } else { path.clone() };
        match rest.first() {
            Some(name) => belongs(walk, index, next, rest, format!("{path}.{name}")),
            None => {
                let reference = next.str("reference").filter(|text| !text.starts_with('#'));
                if reference.is_some_and(|text| index.find(text, 0) == Found::None) {
                    let text = "the document lacks the resource that this refers to: no entry has it as its fullUrl";
                    walk.note_at(&format!("entry[0].resource.{path}"), Severity::Error, IssueType::NotFound, text);
                }
            }
        }
    }
}

/// Which entries hang together with the first. An address is a knot between the entries that refer to it and those that
/// it means, so that there are no more threads than references and entries.
fn reached(index: &Index<'_>) -> Vec<bool> {
    let mut references = Vec::new();
    for (from, entry) in index.entries.iter().enumerate() {
        let Some(resource) = entry.resource else { continue };
        each_reference(resource, &mut |text| {
            if let Meaning::Address(address) = index.meaning(text, from) {
                references.push((from, address));
            }
        });
    }
    let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); index.entries.len() + index.addresses()];
    for (from, address) in references {
        let knot = index.entries.len() + address;
        if neighbours[knot].is_empty() {
            for to in index.entries_at(address) {
                neighbours[knot].push(*to);
                neighbours[*to].push(knot);
            }
        }
        neighbours[knot].push(from);
        neighbours[from].push(knot);
    }
    let mut reached = vec![false; neighbours.len()];
    let mut next = vec![0];
    while let Some(at) = next.pop() {
        if !std::mem::replace(&mut reached[at], true) {
            next.extend(&neighbours[at]);
        }
    }
    reached.truncate(index.entries.len());
    reached
}

/// Every text that may be a reference, in whatever is in the resource but for Bundles, which have addresses of their own.
fn each_reference<'r>(object: &'r Object<'_>, visit: &mut dyn FnMut(&'r str)) {
    for (name, node) in &object.fields {
        for item in node.items() {
            match item {
                Node::Object(object) if object.str("resourceType") != Some("Bundle") => each_reference(object, visit),
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
