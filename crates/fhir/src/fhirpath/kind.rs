//! Types: names to types, and whether an item is of one (FHIRPath §6.3, §9, R4 §2.9.1.1).

use super::ast::{Ast, Form, TypeName};
use super::item::{Item, Scalar, casts, is_a};
use super::program::Kind;
use crate::schema;

const SYSTEM: [&str; 8] = ["Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity"];

/// The type that a name stands for; `None` where there is none.
pub fn find(of: &TypeName) -> Option<Kind> {
    let fhir = schema::r4().kind(&of.name);
    let system = SYSTEM.into_iter().find(|name| *name == of.name);
    match (of.namespace.as_deref(), fhir, system) {
        (None, Some(kind), Some(name)) => Some(Kind::Either(kind, name)),
        (None | Some("FHIR"), Some(kind), _) => Some(Kind::Fhir(kind)),
        (None | Some("System"), _, Some(name)) => Some(Kind::System(name)),
        (Some("System"), Some(_), None) => Some(Kind::Nothing),
        _ => None,
    }
}

/// The type that an argument of `as`, `is` or `ofType` names: `Quantity`, `FHIR.Quantity`.
pub fn named(argument: &Ast) -> Option<TypeName> {
    match &argument.form {
        Form::Name(name) => Some(TypeName { namespace: None, name: name.clone() }),
        Form::Member(on, name) => match &on.form {
            Form::Name(namespace) => Some(TypeName { namespace: Some(namespace.clone()), name: name.clone() }),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the item is of the FHIR type with this name.
pub fn is_of(item: &Item<'_>, name: &str) -> bool {
    matches!(item, Item::Element(element) if is_a(element.kind, name))
}

pub fn is(item: &Item<'_>, of: Kind) -> bool {
    match (item, of) {
        (Item::Element(element), Kind::Fhir(kind) | Kind::Either(kind, _)) => is_a(element.kind, kind.name),
        (Item::Scalar(scalar), Kind::System(name) | Kind::Either(_, name)) => scalar.kind() == name,
        _ => false,
    }
}

/// Whether `as` and `ofType` let the item through.
pub fn casts_to(item: &Item<'_>, to: Kind) -> bool {
    match (item, to) {
        (Item::Element(element), Kind::Fhir(kind) | Kind::Either(kind, _)) => casts(element.kind, kind),
        _ => is(item, to),
    }
}

/// What `type()` answers.
pub fn described<'r>(item: &Item<'_>) -> Item<'r> {
    let (namespace, name) = match item {
        Item::Element(element) => ("FHIR", element.kind.name),
        Item::Scalar(scalar) => ("System", scalar.kind()),
    };
    Item::Scalar(Scalar::Type { namespace, name })
}
