//! The invariants that are answered by hand, evaluated as R4 has them instead: slow, and only for the test that holds the
//! two against each other.

use super::rules;
use super::walk::{Frame, Walk};
use super::{ask, contained};
use crate::fhirpath::{Element, Form};
use crate::schema::Type;
use crate::{Node, Object};

/// What is asked of an object by hand: of `Element`, and of its own type.
pub fn object<'r>(walk: &mut Walk<'r, '_>, frame: &Frame<'r>, kind: &'static Type, object: &'r Object<'r>) {
    let element = Element { kind, form: Form::Object(object) };
    ask(walk, frame, &["Element", kind.name], element);
}

pub fn primitive<'r>(
    walk: &mut Walk<'r, '_>,
    frame: &Frame<'r>,
    kind: &'static Type,
    value: Option<&'r Node<'r>>,
    extras: Option<&'r Object<'r>>,
) {
    let path = if kind.name == "xhtml" { "Narrative.div" } else { "Element" };
    ask(walk, frame, &[path], Element { kind, form: Form::Primitive { value, extras } });
}

pub fn resource<'r>(walk: &mut Walk<'r, '_>, frame: &Frame<'r>) {
    if contained::is_domain_resource(frame.kind) {
        ask(walk, frame, &["DomainResource"], Element { kind: frame.kind, form: Form::Object(frame.resource) });
    }
}

fn ask<'r>(walk: &mut Walk<'r, '_>, frame: &Frame<'r>, paths: &[&str], element: Element<'r>) {
    let environment = frame.environment(None);
    for (path, rule) in rules::by_hand() {
        if paths.contains(path) && !(rule.key == "dom-6" && frame.is_contained()) {
            let answer = ask::of(rule, &environment, element);
            walk.answered(rule, answer);
        }
    }
}
