//! Asking an invariant of an element.

use super::rules::Rule;
use crate::fhirpath::{Element, Environment, Form, Item, Scalar};
use crate::schema::Type;
use crate::{Node, Object};

/// What became of an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Holds,
    Broken,
    /// Two times or amounts are not known well enough to compare them.
    Untold,
    /// The expression cannot be applied to what is there, and why.
    Failed(String),
}

/// An empty answer is no yes. But these compare two times or amounts, and empty says that their precision or their units
/// do not allow that: `2023-06-21` may be before 6 o'clock of that day, or after.
const COMPARES: [&str; 4] = ["per-1", "rng-2", "mdd-1", "inv-1"];

/// And these are about a value that need not be there.
const NEEDS_A_VALUE: [&str; 3] = ["ref-1", "ras-2", "md-1"];

/// So is the name of a definition, which most of them need not have: `vsd-0`, `sdf-0`, …
const OF_A_NAME: &str = "-0";

impl Answer {
    /// The answer to a condition.
    pub fn of(holds: bool) -> Answer {
        if holds { Answer::Holds } else { Answer::Broken }
    }
}

/// Asks it of an element that is an object.
pub fn of_object<'r>(
    rule: &Rule,
    environment: &Environment<'_, 'r>,
    kind: &'static Type,
    object: &'r Object<'r>,
) -> Answer {
    of(rule, environment, Element { kind, form: Form::Object(object) })
}

/// Asks it of a primitive.
pub fn of_primitive<'r>(
    rule: &Rule,
    environment: &Environment<'_, 'r>,
    kind: &'static Type,
    value: Option<&'r Node<'r>>,
    extras: Option<&'r Object<'r>>,
) -> Answer {
    of(rule, environment, Element { kind, form: Form::Primitive { value, extras } })
}

pub fn of<'r>(rule: &Rule, environment: &Environment<'_, 'r>, element: Element<'r>) -> Answer {
    match rule.program.evaluate_in(environment, Item::Element(element)) {
        Err(error) => Answer::Failed(error.text),
        Ok(items) => match items.as_slice() {
            [] if COMPARES.contains(&rule.key) => Answer::Untold,
            [] if NEEDS_A_VALUE.contains(&rule.key) || rule.key.ends_with(OF_A_NAME) => Answer::Holds,
            [] => Answer::Broken,
            [item] if matches!(item.scalar(), Some(Scalar::Boolean(false))) => Answer::Broken,
            _ => Answer::Holds,
        },
    }
}
