//! References: what they may point at, and whether they point at something where that can be seen (R4 §2.3.0).
//!
//! Seen are the resources that are contained and, inside a Bundle, its entries. Everything else is left to who can ask
//! a server.

use super::bundle::Found;
use super::walk::{Frame, Walk};
use crate::reference::{self, Literal, has_scheme};
use crate::schema::{self, Element};
use crate::{IssueType, Object};

pub fn check(walk: &mut Walk<'_, '_>, frame: &Frame<'_>, element: &Element, object: &Object<'_>) {
    let told = told_type(walk, object);
    let Some(text) = object.str("reference") else {
        return told.into_iter().for_each(|kind| must_be_target(walk, element, kind));
    };
    let Some(literal) = reference::literal(text) else { return not_literal(walk, frame, text) };
    let said = match literal {
        Literal::Local { kind, .. } | Literal::Absolute { kind: Some(kind), .. } => Some(kind),
        _ => None,
    };
    if let (Some(said), Some(told)) = (said, told)
        && said != told
    {
        walk.error(IssueType::Value, format!("the reference is to a {said}, and its type says {told}"));
    }
    let found = match literal {
        Literal::Contained(id) => contained(frame, id),
        _ => in_bundle(walk, frame, text, said),
    };
    if let Some(kind) = found.or(said).or(told) {
        must_be_target(walk, element, kind);
    }
}

/// `Reference.type`, where it names a resource of R4.
fn told_type(walk: &mut Walk<'_, '_>, object: &Object<'_>) -> Option<&'static str> {
    let told = object.str("type")?;
    let name = told.strip_prefix(super::address::CORE).unwrap_or(told);
    let kind = schema::r4().resource(name).map(|kind| kind.name);
    if kind.is_none() && !has_scheme(told) {
        walk.error(IssueType::Value, "the type of a reference must be a resource of R4, or an absolute address");
    }
    kind
}

fn must_be_target(walk: &mut Walk<'_, '_>, element: &Element, kind: &str) {
    if !element.targets.is_empty() && !element.targets.contains(&kind) {
        let targets = element.targets.join(", ");
        walk.error(IssueType::Value, format!("must not refer to a {kind}; it may to {targets}"));
    }
}

/// A reference that is no address may be a search, in what a server is told to do.
fn not_literal(walk: &mut Walk<'_, '_>, frame: &Frame<'_>, text: &str) {
    let is_search = text.split_once('?').is_some_and(|(kind, _)| schema::r4().resource(kind).is_some());
    let is_told = frame.bundle.as_ref().is_some_and(|(bundle, _)| bundle.kind == "transaction");
    if is_search && is_told {
        return;
    }
    let text = match is_search {
        true => "a search is a reference only in a transaction",
        false => "must be Type/id, #id of a contained resource, or an absolute address",
    };
    walk.error(IssueType::Value, text);
}

/// The type of the contained resource with this id, or of the resource around it for `#`.
fn contained(frame: &Frame<'_>, id: &str) -> Option<&'static str> {
    let object = if id.is_empty() { frame.root } else { frame.contained(id)? };
    schema::r4().resource(object.str("resourceType")?).map(|kind| kind.name)
}

/// The type of the resource that a reference means, where it is contained or in the Bundle.
pub fn at_hand(frame: &Frame<'_>, reference: &Object<'_>) -> Option<&'static str> {
    let text = reference.str("reference")?;
    if let Literal::Contained(id) = reference::literal(text)? {
        return contained(frame, id);
    }
    let (bundle, entry) = frame.bundle.as_ref()?;
    match bundle.find(text, *entry) {
        Found::One(entry) => bundle.entries[entry].kind,
        _ => None,
    }
}

/// The type of the entry that is meant, where the resource is in a Bundle.
fn in_bundle(walk: &mut Walk<'_, '_>, frame: &Frame<'_>, text: &str, said: Option<&str>) -> Option<&'static str> {
    let (bundle, entry) = frame.bundle.as_ref()?;
    match bundle.find(text, *entry) {
        Found::One(entry) => {
            let kind = bundle.entries[entry].kind?;
            if let Some(said) = said.filter(|said| *said != kind) {
                walk.error(
                    IssueType::Value,
                    format!("the reference is to a {said}, and the entry that it means is a {kind}"),
                );
            }
            Some(kind)
        }
        Found::Several => {
            walk.error(IssueType::Value, "several entries of the Bundle are meant; say which version");
            None
        }
        Found::Unnamed => {
            let text =
                "a relative reference in an entry without fullUrl, so that nobody can tell what it is relative to";
            walk.error(IssueType::Value, text);
            None
        }
        Found::None => {
            if text.starts_with("urn:") {
                walk.warning(IssueType::NotFound, "no entry of the Bundle has this as its fullUrl");
            }
            None
        }
    }
}
