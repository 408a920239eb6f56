//! Asking an invariant of an element.

use super::rules::Rule;
use crate::fhirpath::{Element, Environment, Form, Item, Scalar};
use crate::schema::Type;
use crate::{Node, Object};

/// What became of an invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Holds,
    Broken,
    /// The expression cannot be applied to what is there, or does not compile.
    Untold,
}

/// An answer that is empty is no yes (R4 §2.29, ElementDefinition.constraint.expression), but in these invariants it only
/// says that there is nothing to compare, or that two times or amounts are not known well enough.
const MAY_BE_EMPTY: [&str; 7] = ["per-1", "rng-2", "mdd-1", "inv-1", "ref-1", "ras-2", "md-1"];

/// The same of the name of a definition, which most of them need not have: `vsd-0`, `sdf-0`, …
const OF_A_NAME: &str = "-0";

/// Asks it of an element that is an object.
pub fn of_object<'r>(
    rule: &Rule,
    environment: &Environment<'_, 'r>,
    kind: &'static Type,
    object: &'r Object<'r>,
) -> Answer {
    if rule.quick.is_some_and(|holds| holds(object)) {
        return Answer::Holds;
    }
    of(rule, environment, Element { kind, form: Form::Object(object) })
}

/// Asks it of a primitive with a value.
pub fn of_primitive<'r>(
    rule: &Rule,
    environment: &Environment<'_, 'r>,
    kind: &'static Type,
    value: &'r Node<'r>,
) -> Answer {
    of(rule, environment, Element { kind, form: Form::Primitive { value: Some(value), extras: None } })
}

fn of<'r>(rule: &Rule, environment: &Environment<'_, 'r>, element: Element<'r>) -> Answer {
    let Some(program) = &rule.program else { return Answer::Untold };
    match program.evaluate_in(environment, Item::Element(element)) {
        Err(_) => Answer::Untold,
        Ok(items) => match items.as_slice() {
            [] if MAY_BE_EMPTY.contains(&rule.key) || rule.key.ends_with(OF_A_NAME) => Answer::Holds,
            [] => Answer::Broken,
            [item] if matches!(item.scalar(), Some(Scalar::Boolean(false))) => Answer::Broken,
            _ => Answer::Holds,
        },
    }
}
