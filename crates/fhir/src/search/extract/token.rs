//! Tokens: codes, identifiers and truths (R4 §3.1.1.5.10).

use super::Emit;
use crate::Object;
use crate::search::value::{OfType, Token, Value};

/// Its own code, in its own system.
pub fn coding<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    if let Some(code) = object.str("code") {
        emit(Value::Token(Token { system: object.str("system"), code }));
    }
}

/// Any of its codings.
pub fn codeable_concept<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    object.items("coding").iter().filter_map(|node| node.as_object()).for_each(|object| coding(object, emit));
}

/// The value in its system, and again for `:of-type` by each code of the identifier's type.
pub fn identifier<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    let Some(value) = object.str("value") else { return };
    emit(Value::Token(Token { system: object.str("system"), code: value }));
    let Some(kind) = object.get("type").and_then(|node| node.as_object()) else { return };
    codeable_concept(kind, &mut |token| {
        if let Value::Token(Token { system, code }) = token {
            emit(Value::OfType(OfType { system, code, value }));
        }
    });
}

/// The number or address as written; R4 leaves special handling of punctuation to the server, and there is none.
pub fn contact_point<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    object.str("value").into_iter().for_each(|value| plain(value, emit));
}

pub fn plain<'r>(code: &'r str, emit: Emit<'_, 'r>) {
    emit(Value::Token(Token { system: None, code }));
}

pub fn boolean(value: bool, emit: Emit<'_, '_>) {
    plain(if value { "true" } else { "false" }, emit);
}

/// What the concept is called: its text, and each coding's display.
pub fn words<'r>(concept: &'r Object<'_>, visit: &mut dyn FnMut(&'r str)) {
    let displays = concept.items("coding").iter().filter_map(|node| node.as_object()?.str("display"));
    concept.str("text").into_iter().chain(displays).for_each(visit);
}
