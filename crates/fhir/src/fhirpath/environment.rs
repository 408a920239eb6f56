//! What an evaluation is told beside the item that it is asked of (FHIRPath §8, R4 §2.9.1.2).

use super::item::Element;
use crate::{Object, Resource};

/// `%resource`, `%rootResource`, the Bundle in which references are looked up, and the time. Nothing is fetched, and no
/// clock is read: who calls knows what time it is.
#[derive(Clone, Copy)]
pub struct Environment<'e, 'r> {
    /// The resource that the item is in; a contained one for an item in that.
    pub resource: Element<'r>,
    /// The resource that contains it, or itself.
    pub root: Element<'r>,
    /// Where `resolve()` finds the entry with a `fullUrl`.
    pub bundle: Option<&'r Object<'r>>,
    /// The time as a FHIR instant with its zone, `2024-05-06T07:08:09.123+02:00`: what `now()`, `today()` and
    /// `timeOfDay()` answer. Without it they are an error.
    pub now: Option<&'e str>,
}

impl<'e, 'r> Environment<'e, 'r> {
    /// For a resource by itself; `None` where it is of no type that R4 has.
    pub fn of(resource: &'r Resource<'_>) -> Option<Environment<'e, 'r>> {
        Some(Environment::around(Element::root(resource)?))
    }

    /// The same for a resource in another place: an entry of a Bundle.
    pub fn around(resource: Element<'r>) -> Environment<'e, 'r> {
        let bundle = match resource.form {
            super::Form::Object(object) if resource.kind.name == "Bundle" => Some(object),
            _ => None,
        };
        Environment { resource, root: resource, bundle, now: None }
    }

    pub fn at(self, now: &'e str) -> Environment<'e, 'r> {
        Environment { now: Some(now), ..self }
    }
}
