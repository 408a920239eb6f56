//! Concepts of elements whose binding is required (`profiles/r4/concepts.txt`; R4 §4.1.5.1).
//!
//! Plain codes are the readers' business. A system that stands in a binding without codes allows all of its own.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::walk::Walk;
use crate::schema::{Element, Type};
use crate::{IssueType, Node, Object};

const CONCEPTS: &str = include_str!("../../../../profiles/r4/concepts.txt");

/// A system and the codes that are allowed of it.
struct Allowed {
    system: &'static str,
    codes: Vec<&'static str>,
}

/// By type, then by element.
type Bindings = HashMap<&'static str, Vec<(&'static str, Vec<Allowed>)>>;

static BINDINGS: LazyLock<Bindings> = LazyLock::new(|| {
    let mut bindings = Bindings::new();
    for line in CONCEPTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let mut column = || columns.next().expect("a concept's line has an element and a system");
        let (owner, name) = column().rsplit_once('.').expect("an element has an owner");
        let system = column();
        let allowed = Allowed { system, codes: columns.collect() };
        let elements = bindings.entry(owner).or_default();
        match elements.iter_mut().find(|(known, _)| *known == name) {
            Some((_, systems)) => systems.push(allowed),
            None => elements.push((name, vec![allowed])),
        }
    }
    bindings
});

pub fn check(walk: &mut Walk<'_, '_>, owner: &Type, element: &Element, concept: &Object<'_>) {
    let Some(elements) = BINDINGS.get(owner.name) else { return };
    let Some((_, allowed)) = elements.iter().find(|(name, _)| *name == element.stem) else { return };
    let codings = concept.items("coding").iter().filter_map(Node::as_object);
    if !codings.into_iter().any(|coding| is_allowed(allowed, coding)) {
        let systems: Vec<&str> = allowed.iter().map(|allowed| allowed.system).collect();
        let text = format!("must have a coding of those that R4 requires here, of {}", systems.join(" or "));
        walk.error(IssueType::CodeInvalid, text);
    }
}

fn is_allowed(allowed: &[Allowed], coding: &Object<'_>) -> bool {
    let (Some(system), Some(code)) = (coding.str("system"), coding.str("code")) else { return false };
    allowed.iter().any(|one| one.system == system && (one.codes.is_empty() || one.codes.contains(&code)))
}
