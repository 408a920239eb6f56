//! Bundles (R4 §2.36): the full URLs of entries, what they resolve to, and what each type of Bundle asks for beyond its
//! invariants.

mod document;
mod search;

use std::collections::HashMap;

use super::walk::Walk;
use crate::reference::{self, Literal, has_scheme};
use crate::schema;
use crate::{IssueType, Node, Object};

/// The entries of a Bundle, by what they are called.
pub struct Index<'r> {
    pub bundle: &'r Object<'r>,
    /// The type: `document`, `transaction`, …
    pub kind: &'r str,
    pub entries: Vec<Entry<'r>>,
    by_url: HashMap<&'r str, Vec<usize>>,
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
        let mut index = Index {
            bundle,
            kind: bundle.str("type").unwrap_or_default(),
            entries: Vec::with_capacity(bundle.items("entry").len()),
            by_url: HashMap::new(),
        };
        for (at, entry) in bundle.items("entry").iter().enumerate() {
            let entry = entry.as_object();
            let url = entry.and_then(|entry| entry.str("fullUrl"));
            let resource = entry.and_then(|entry| entry.get("resource")).and_then(Node::as_object);
            let kind = resource.and_then(|resource| schema::r4().resource(resource.str("resourceType")?));
            if let (Some(url), Some(_)) = (url, kind) {
                index.by_url.entry(url).or_default().push(at);
            }
            index.entries.push(Entry { url, resource, kind: kind.map(|kind| kind.name) });
        }
        index
    }

    /// What a reference in the resource of an entry means.
    pub fn find(&self, text: &str, from: usize) -> Found {
        let (mut count, mut first) = (0, 0);
        let is_named = self.each_meant(text, from, &mut |entry| {
            first = if count == 0 { entry } else { first };
            count += 1;
        });
        match count {
            0 if !is_named => Found::Unnamed,
            0 => Found::None,
            1 => Found::One(first),
            _ => Found::Several,
        }
    }

    /// Gives every entry that a reference may mean; `false` where it is relative to nothing.
    fn each_meant(&self, text: &str, from: usize, visit: &mut dyn FnMut(usize)) -> bool {
        match reference::literal(text) {
            Some(Literal::Absolute { url, .. }) => self.each_at(url, visit),
            Some(Literal::Local { kind, id, version }) => {
                let Some(url) = self.entries.get(from).and_then(|entry| entry.url) else {
                    return !needs_url(self.kind);
                };
                let suffix = version.map_or_else(String::new, |version| format!("/_history/{version}"));
                match base(url) {
                    Some("urn:uuid:") => self.each_at(&format!("urn:uuid:{id}{suffix}"), visit),
                    Some(base) => self.each_at(&format!("{base}{kind}/{id}{suffix}"), visit),
                    None => {}
                }
            }
            _ => {}
        }
        true
    }

    /// The entries with this address, which may name a version.
    fn each_at(&self, url: &str, visit: &mut dyn FnMut(usize)) {
        let (url, version) = match url.split_once("/_history/") {
            Some((url, version)) => (url, Some(version)),
            None => (url.split('#').next().unwrap_or_default(), None),
        };
        let entries = self.by_url.get(url).map_or(&[][..], Vec::as_slice);
        let meant = entries.iter().filter(|entry| version.is_none() || self.version(**entry) == version);
        meant.for_each(|entry| visit(*entry));
    }

    fn version(&self, entry: usize) -> Option<&'r str> {
        let meta = self.entries[entry].resource?.get("meta")?;
        meta.as_object()?.str("versionId")
    }
}

/// What a relative reference is relative to: the server in `http://a.org/fhir/Patient/1`.
fn base(url: &str) -> Option<&str> {
    match reference::literal(url)? {
        Literal::Absolute { kind: Some(kind), .. } => {
            let end = url.rfind(&format!("/{kind}/"))?;
            Some(&url[..=end])
        }
        _ => url.starts_with("urn:uuid:").then_some("urn:uuid:"),
    }
}

/// Whether every resource of such a Bundle has to have a fullUrl.
fn needs_url(kind: &str) -> bool {
    matches!(kind, "document" | "message" | "collection" | "searchset" | "history")
}

pub fn check<'r>(walk: &mut Walk<'r, '_>, bundle: &'r Object<'r>, index: &Index<'r>) {
    search::links(walk, bundle);
    for at in 0..index.entries.len() {
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
