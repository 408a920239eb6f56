//! Strings, and the parts of names and addresses, each on its own (R4 §3.1.1.5.8).

use super::Emit;
use crate::search::normalise;
use crate::search::value::{Text, Value};
use crate::{Node, Object};

/// Text of white space alone says nothing.
pub fn text<'r>(exact: &'r str, emit: Emit<'_, 'r>) {
    let normalised = normalise(exact);
    if !normalised.is_empty() {
        emit(Value::String(Text { normalised, exact }));
    }
}

pub fn human_name<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    parts(object, &["family", "given", "prefix", "suffix", "text"], emit);
}

pub fn address<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    parts(object, &["line", "city", "district", "state", "postalCode", "country", "text"], emit);
}

fn parts<'r>(object: &'r Object<'_>, names: &[&str], emit: Emit<'_, 'r>) {
    for name in names {
        object.items(name).iter().filter_map(Node::as_str).for_each(|part| text(part, emit));
    }
}
