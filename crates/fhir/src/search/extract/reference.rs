//! References and canonicals (R4 §3.1.1.5.9).

use super::Emit;
use crate::Object;
use crate::reference::{Literal, literal};
use crate::schema;
use crate::search::value::{Reference, Value};

/// The literal and the identifier, whichever are there. A text that is no reference is not indexed.
pub fn reference<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    match object.str("reference").and_then(literal) {
        Some(Literal::Local { kind, id, .. }) => emit(Value::Reference(Reference::Local { kind, id })),
        Some(Literal::Absolute { url, .. }) => emit(Value::Reference(Reference::Absolute { url })),
        Some(Literal::Contained(_)) | None => {}
    }
    let Some(identifier) = object.get("identifier").and_then(|node| node.as_object()) else { return };
    if let Some(value) = identifier.str("value") {
        emit(Value::Reference(Reference::Identifier { system: identifier.str("system"), value }));
    }
}

/// `url|version#fragment`; the fragment is within what is named and is dropped.
pub fn canonical<'r>(text: &'r str, emit: Emit<'_, 'r>) {
    let whole = text.split_once('#').map_or(text, |(whole, _)| whole);
    let (url, version) = match whole.split_once('|') {
        Some((url, version)) => (url, Some(version)),
        None => (whole, None),
    };
    if !url.is_empty() {
        emit(Value::Reference(Reference::Canonical { url, version }));
    }
}

/// A resource that is itself there, as the first entry of a document is, counts as referred to by type and id.
pub fn resource<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    let kind = object.str("resourceType").and_then(|kind| schema::r4().resource(kind));
    if let (Some(kind), Some(id)) = (kind, object.str("id")) {
        emit(Value::Reference(Reference::Local { kind: kind.name, id }));
    }
}
