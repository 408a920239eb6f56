//! What a FHIRPath collection holds: elements of the resource with their types, and values of the language itself.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::evaluate::{ENOUGH, MORE, Step};
use crate::decimal::Decimal;
use crate::schema::{self, Class, Type};
use crate::{Node, Object, Resource, ucum};

/// One item of a collection.
#[derive(Debug, Clone)]
pub enum Item<'r> {
    Element(Element<'r>),
    Scalar(Scalar<'r>),
}

/// A part of the resource.
#[derive(Debug, Clone, Copy)]
pub struct Element<'r> {
    pub kind: &'static Type,
    pub form: Form<'r>,
}

#[derive(Debug, Clone, Copy)]
pub enum Form<'r> {
    Object(&'r Object<'r>),
    /// A primitive may have a value, or id and extensions (`_birthDate`), or both.
    Primitive {
        value: Option<&'r Node<'r>>,
        extras: Option<&'r Object<'r>>,
    },
}

/// A value of a System type (FHIRPath §4.1). Dates and times are as they are written, without marks such as `@`.
#[derive(Debug, Clone)]
pub enum Scalar<'r> {
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    String(Cow<'r, str>),
    Date(Cow<'r, str>),
    DateTime(Cow<'r, str>),
    Time(Cow<'r, str>),
    /// With a UCUM unit or a calendar word such as `days`.
    Quantity(Decimal, Cow<'r, str>),
    /// What `type()` answers.
    Type {
        namespace: &'static str,
        name: &'static str,
    },
}

/// What gets items one after another, and may want no more.
pub type Visit<'v, 'r> = &'v mut dyn FnMut(&Item<'r>) -> Step;

impl<'r> Element<'r> {
    /// The whole resource; `None` where it is of no type that R4 has.
    pub fn root(resource: &'r Resource<'_>) -> Option<Element<'r>> {
        Element::resource(&resource.object)
    }

    /// A resource within another: contained, or in a Bundle.
    pub fn resource(object: &'r Object<'_>) -> Option<Element<'r>> {
        let kind = schema::r4().resource(object.str("resourceType")?)?;
        Some(Element { kind, form: Form::Object(object) })
    }

    /// The elements under a FHIRPath name, choices included.
    pub fn member(&self, name: &str, visit: Visit<'_, 'r>) -> Step {
        match self.form {
            Form::Object(object) => {
                let elements = self.kind.stem(name).as_slice();
                match elements {
                    [] => MORE,
                    [element] => each_value(object, element, visit),
                    // Of a choice one is there: what is written is shorter than what could be.
                    _ => match object.fields.iter().find_map(|(field, _)| written(self.kind, field, name)) {
                        Some(element) => each_value(object, element, visit),
                        None => MORE,
                    },
                }
            }
            Form::Primitive { extras: Some(extras), .. } => match beside_values().element(name) {
                Some(element) => each_value(extras, element, visit),
                None => MORE,
            },
            Form::Primitive { .. } => MORE,
        }
    }

    /// All elements right below, in the order in which they were written.
    pub fn children(&self, visit: Visit<'_, 'r>) -> Step {
        let (kind, object) = match self.form {
            Form::Object(object) => (self.kind, object),
            Form::Primitive { extras: Some(extras), .. } => (beside_values(), extras),
            Form::Primitive { .. } => return MORE,
        };
        for (field, _) in &object.fields {
            let beside = field.strip_prefix('_');
            // What stands beside a value was met with it.
            if beside.is_some_and(|name| object.get(name).is_some()) {
                continue;
            }
            if let Some(element) = kind.element(beside.unwrap_or(field))
                && each_value(object, element, visit)?.is_enough()
            {
                return ENOUGH;
            }
        }
        MORE
    }

    fn of(kind: &'static Type, value: Option<&'r Node<'r>>, extras: Option<&'r Node<'r>>) -> Option<Element<'r>> {
        let value = value.filter(|value| **value != Node::Null);
        let extras = extras.and_then(Node::as_object);
        if let Some(Node::Object(object)) = value {
            return match kind.class {
                // Where any resource may stand, its own name says which one does.
                Class::Abstract => Element::resource(object),
                _ => Some(Element { kind, form: Form::Object(object) }),
            };
        }
        (value.is_some() || extras.is_some()).then_some(Element { kind, form: Form::Primitive { value, extras } })
    }

    /// Whether it is a primitive with a value, not only with extensions.
    pub fn has_value(&self) -> bool {
        matches!(self.form, Form::Primitive { value: Some(_), .. })
    }

    /// The value of a primitive or a Quantity in the language's own types.
    pub fn scalar(&self) -> Option<Scalar<'r>> {
        match self.form {
            Form::Primitive { value, .. } => self.primitive(value?),
            Form::Object(object) => self.quantity(object),
        }
    }

    fn primitive(&self, value: &'r Node<'r>) -> Option<Scalar<'r>> {
        Some(match value {
            Node::Bool(value) => Scalar::Boolean(*value),
            Node::Number(text) if self.kind.name == "decimal" => Scalar::Decimal(Decimal::read(text)?),
            Node::Number(text) => Scalar::Integer(text.parse().ok()?),
            Node::Text(text) => {
                let text = Cow::Borrowed(text.as_ref());
                match self.kind.name {
                    "date" => Scalar::Date(text),
                    "dateTime" | "instant" => Scalar::DateTime(text),
                    "time" => Scalar::Time(text),
                    _ => Scalar::String(text),
                }
            }
            _ => return None,
        })
    }

    /// A Quantity with a comparator is no single amount. UCUM's years and months are the calendar's (R4 §2.9.1.7).
    fn quantity(&self, object: &'r Object<'r>) -> Option<Scalar<'r>> {
        if !is_a(self.kind, "Quantity") || object.get("comparator").is_some() {
            return None;
        }
        let Some(Node::Number(value)) = object.get("value") else { return None };
        let ucum = object.str("system") == Some(ucum::SYSTEM);
        let unit = match object.str("code") {
            Some("a") if ucum => "year",
            Some("mo") if ucum => "month",
            Some(code) => code,
            None => object.str("unit").unwrap_or("1"),
        };
        Some(Scalar::Quantity(Decimal::read(value)?, Cow::Borrowed(unit)))
    }
}

/// What a primitive has beside its value: id and extensions.
fn beside_values() -> &'static Type {
    static ELEMENT: LazyLock<&Type> = LazyLock::new(|| schema::r4().kind("Element").expect("R4 has Element"));
    &ELEMENT
}

/// The element that a field (`valueString`, `_valueString`) is, where it is of this choice.
fn written(kind: &'static Type, field: &str, stem: &str) -> Option<&'static schema::Element> {
    let field = field.strip_prefix('_').unwrap_or(field);
    if !field.starts_with(stem) {
        return None;
    }
    kind.element(field).filter(|element| element.stem == stem)
}

fn each_value<'r>(object: &'r Object<'r>, element: &'static schema::Element, visit: Visit<'_, 'r>) -> Step {
    let kind = schema::r4().kind_of(element);
    let values = object.items(element.name);
    let extras = if element.sibling.is_empty() { &[] } else { object.items(element.sibling) };
    for at in 0..values.len().max(extras.len()) {
        if let Some(found) = Element::of(kind, values.get(at), extras.get(at))
            && visit(&Item::Element(found))?.is_enough()
        {
            return ENOUGH;
        }
    }
    MORE
}

impl<'r> Item<'r> {
    pub fn scalar(&self) -> Option<Scalar<'r>> {
        match self {
            Item::Element(element) => element.scalar(),
            Item::Scalar(scalar) => Some(scalar.clone()),
        }
    }

    /// The text of a string, code or another primitive that is written as text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Item::Element(Element { kind, form: Form::Primitive { value: Some(Node::Text(text)), .. } }) => {
                (!matches!(kind.name, "date" | "dateTime" | "instant" | "time")).then_some(text.as_ref())
            }
            Item::Scalar(Scalar::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The items under a FHIRPath name.
    pub fn member(&self, name: &str, visit: Visit<'_, 'r>) -> Step {
        match self {
            Item::Element(element) => element.member(name, visit),
            Item::Scalar(Scalar::Type { namespace, .. }) if name == "namespace" => visit(&Item::from(*namespace)),
            Item::Scalar(Scalar::Type { name: of, .. }) if name == "name" => visit(&Item::from(*of)),
            Item::Scalar(Scalar::Quantity(value, _)) if name == "value" => {
                visit(&Item::Scalar(Scalar::Decimal(*value)))
            }
            Item::Scalar(Scalar::Quantity(_, unit)) if name == "unit" => {
                visit(&Item::Scalar(Scalar::String(unit.clone())))
            }
            Item::Scalar(_) => MORE,
        }
    }
}

impl<'r> From<Scalar<'r>> for Item<'r> {
    fn from(scalar: Scalar<'r>) -> Item<'r> {
        Item::Scalar(scalar)
    }
}

impl From<bool> for Item<'_> {
    fn from(value: bool) -> Self {
        Item::Scalar(Scalar::Boolean(value))
    }
}

impl From<i64> for Item<'_> {
    fn from(value: i64) -> Self {
        Item::Scalar(Scalar::Integer(value))
    }
}

impl<'r> From<&'r str> for Item<'r> {
    fn from(text: &'r str) -> Self {
        Item::Scalar(Scalar::String(Cow::Borrowed(text)))
    }
}

impl From<String> for Item<'_> {
    fn from(text: String) -> Self {
        Item::Scalar(Scalar::String(Cow::Owned(text)))
    }
}

/// Whether a FHIR type is another or is derived from it (R4 §2.24). The tables do not say, so this does.
pub fn is_a(kind: &Type, name: &str) -> bool {
    let derived: &[&str] = match name {
        "Element" => return !matches!(kind.class, Class::Resource | Class::Abstract),
        "BackboneElement" => return kind.class == Class::Backbone || matches!(kind.name, "Dosage" | "Timing"),
        "Resource" => return matches!(kind.class, Class::Resource | Class::Abstract),
        "DomainResource" => {
            return kind.class == Class::Resource && !matches!(kind.name, "Bundle" | "Binary" | "Parameters");
        }
        "Quantity" => &["Age", "Count", "Distance", "Duration"],
        "string" => &["code", "id", "markdown"],
        "uri" => &["canonical", "oid", "url", "uuid"],
        "integer" => &["positiveInt", "unsignedInt"],
        _ => &[],
    };
    kind.name == name || derived.contains(&kind.name)
}

/// Whether `as` and `ofType` let a type through as another. A code is a string, but what is a code is not to be had as
/// a string: for primitives it must be the very type, as HL7's test-suite has it.
pub fn casts(kind: &Type, to: &Type) -> bool {
    kind.name == to.name || (to.class != Class::Primitive && is_a(kind, to.name))
}

impl Scalar<'_> {
    /// The name of its System type.
    pub fn kind(&self) -> &'static str {
        match self {
            Scalar::Boolean(_) => "Boolean",
            Scalar::Integer(_) => "Integer",
            Scalar::Decimal(_) => "Decimal",
            Scalar::String(_) => "String",
            Scalar::Date(_) => "Date",
            Scalar::DateTime(_) => "DateTime",
            Scalar::Time(_) => "Time",
            Scalar::Quantity(..) => "Quantity",
            Scalar::Type { .. } => "ClassInfo",
        }
    }

    /// A number, whole or not.
    pub fn decimal(&self) -> Option<Decimal> {
        match self {
            Scalar::Integer(value) => Some(Decimal::from(*value)),
            Scalar::Decimal(value) => Some(*value),
            _ => None,
        }
    }
}
