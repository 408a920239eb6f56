//! Bundles (R4 §2.36): the full URLs of entries, what they resolve to, and what each type of Bundle asks for beyond its
//! invariants.

mod addresses;
mod document;
mod search;

use addresses::{Addresses, Meaning};

use super::walk::Walk;
use crate::reference::{self, Literal, has_scheme};
use crate::schema;
use crate::{IssueType, Node, Object};

/// The entries of a Bundle. Their addresses are kept apart, in `addresses.rs`.
pub struct Index<'r> {
    pub bundle: &'r Object<'r>,
    /// The type: `document`, `transaction`, …
    pub kind: &'r str,
    pub entries: Vec<Entry<'r>>,
    addresses: Addresses<'r>,
}

pub struct Entry<'r> {
    url: Option<&'r str>,
    resource: Option<&'r Object<'r>>,
    /// The type of its resource.
    pub kind: Option<&'static str>,
}

/// What a reference means inside a Bundle (R4 §2.36.4, Resolving references in Bundles).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    One(usize),
    Several,
    None,
    /// It is relative, and the entry that it is in does not say to what.
    Unnamed,
}

impl<'r> Index<'r> {
    pub fn of(bundle: &'r Object<'r>) -> Index<'r> {
        let entry = |entry: &'r Node<'r>| {
            let entry = entry.as_object();
            let url = entry.and_then(|entry| entry.str("fullUrl"));
            let resource = entry.and_then(|entry| entry.get("resource")).and_then(Node::as_object);
            let kind = resource.and_then(|resource| schema::r4().resource(resource.str("resourceType")?));
            Entry { url, resource, kind: kind.map(|kind| kind.name) }
        };
        let entries: Vec<Entry<'r>> = bundle.items("entry").iter().map(entry).collect();
        let addresses = Addresses::of(&entries);
        Index { bundle, kind: bundle.str("type").unwrap_or_default(), entries, addresses }
    }

    /// What a reference in the resource of an entry means.
    pub fn find(&self, text: &str, from: usize) -> Found {
        match self.meaning(text, from) {
            Meaning::Unnamed => Found::Unnamed,
            Meaning::Nothing => Found::None,
            Meaning::Address(address) => match self.entries_at(address) {
                [] => Found::None,
                [entry] => Found::One(*entry),
                _ => Found::Several,
            },
        }
    }

    fn meaning(&self, text: &str, from: usize) -> Meaning {
        match reference::literal(text) {
            Some(Literal::Absolute { url, .. }) => self.addresses.absolute(&self.entries, url),
            Some(Literal::Local { kind, id, version }) => match self.entries.get(from).and_then(|entry| entry.url) {
                Some(_) => self.addresses.relative(&self.entries, from, (kind, id), version),
                None if needs_url(self.kind) => Meaning::Unnamed,
                None => Meaning::Nothing,
            },
            _ => Meaning::Nothing,
        }
    }

    /// The entries that an address means.
    fn entries_at(&self, address: usize) -> &[usize] {
        self.addresses.entries(address)
    }

    /// How many addresses there are.
    fn addresses(&self) -> usize {
        self.addresses.count()
    }
}

/// Whether every resource of such a Bundle has to have a fullUrl.
fn needs_url(kind: &str) -> bool {
    matches!(kind, "document" | "message" | "collection" | "searchset" | "history")
}

pub fn check<'r>(walk: &mut Walk<'r, '_>, bundle: &'r Object<'r>, index: &Index<'r>) {
    search::links(walk, bundle);
    for at in 0..index.entries.len() {
        if walk.is_over() {
            return;
        }
        walk.path.enter("entry");
        walk.path.enter_item(at);
        entry(walk, index, at);
        walk.path.leave();
        walk.path.leave();
    }
    match index.kind {
        "document" | "message" => document::check(walk, index),
        "searchset" => search::check(walk, bundle, index),
        _ => {}
    }
}

fn entry(walk: &mut Walk<'_, '_>, index: &Index<'_>, at: usize) {
    let entry = &index.entries[at];
    let Some(resource) = entry.resource else { return };
    let Some(url) = entry.url else {
        // What an operation or a search answers beside its matches need not be known by an address.
        let is_known = resource.get("id").is_some() || matches!(index.kind, "document" | "message");
        if needs_url(index.kind) && is_known && entry.kind != Some("OperationOutcome") {
            walk.error(IssueType::Required, format!("an entry of a {} must have a fullUrl", index.kind));
        }
        return;
    };
    if !has_scheme(url) {
        let text = "must be an absolute address, such as https://… or urn:uuid:…";
        walk.note_at("fullUrl", crate::Severity::Error, IssueType::Value, text);
        return;
    }
    let Some(Literal::Absolute { kind: Some(said), .. }) = reference::literal(url) else { return };
    let is_id = resource.str("id").is_none_or(|id| url.rsplit('/').next() == Some(id));
    if entry.kind.is_some_and(|kind| kind != said) || (!is_id && !url.contains("/_history/")) {
        let text = "does not end in the type and id of the resource of its entry";
        walk.note_at("fullUrl", crate::Severity::Error, IssueType::Value, text);
    }
}
