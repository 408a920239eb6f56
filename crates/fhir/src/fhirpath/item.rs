//! What a FHIRPath collection holds: elements of the resource with their types, and values of the language itself.

use std::borrow::Cow;

use crate::decimal::Decimal;
use crate::schema::{self, Class, Type};
use crate::{Node, Object, Resource};

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

/// A value of a System type (FHIRPath §4.1).
#[derive(Debug, Clone)]
pub enum Scalar<'r> {
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    String(Cow<'r, str>),
    Date(Cow<'r, str>),
    DateTime(Cow<'r, str>),
    Time(Cow<'r, str>),
    Quantity(Decimal, Cow<'r, str>),
}

impl<'r> Element<'r> {
    /// The whole resource; `None` where it is of no type that R4 has.
    pub fn root(resource: &'r Resource<'_>) -> Option<Element<'r>> {
        let kind = schema::r4().resource(resource.kind())?;
        Some(Element { kind, form: Form::Object(&resource.object) })
    }

    /// The items under a FHIRPath name, choices included.
    pub fn children(&self, name: &str, found: &mut Vec<Item<'r>>) {
        match self.form {
            Form::Object(object) => {
                for element in self.kind.stem(name) {
                    let (values, extras) = (object.items(element.name), object.items(element.sibling));
                    let kind = schema::r4().kind_of(element);
                    for at in 0..values.len().max(extras.len()) {
                        found.extend(Element::of(kind, values.get(at), extras.get(at)).map(Item::Element));
                    }
                }
            }
            Form::Primitive { extras: Some(extras), .. } if matches!(name, "extension" | "id") => {
                let kind = if name == "id" { "string" } else { "Extension" };
                let kind = schema::r4().kind(kind).expect("R4 has string and Extension");
                let items = extras.items(name).iter();
                found.extend(items.filter_map(|item| Element::of(kind, Some(item), None)).map(Item::Element));
            }
            Form::Primitive { .. } => {}
        }
    }

    fn of(kind: &'static Type, value: Option<&'r Node<'r>>, extras: Option<&'r Node<'r>>) -> Option<Element<'r>> {
        let value = value.filter(|value| **value != Node::Null);
        let extras = extras.and_then(Node::as_object);
        if let Some(Node::Object(object)) = value {
            // Where any resource may stand, its own name says which one does.
            let kind = match kind.class {
                Class::Abstract => object.str("resourceType").and_then(|name| schema::r4().resource(name))?,
                _ => kind,
            };
            return Some(Element { kind, form: Form::Object(object) });
        }
        (value.is_some() || extras.is_some()).then_some(Element { kind, form: Form::Primitive { value, extras } })
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

    /// A Quantity with a comparator is no single amount.
    fn quantity(&self, object: &'r Object<'r>) -> Option<Scalar<'r>> {
        if !is_a(self.kind, "Quantity") || object.get("comparator").is_some() {
            return None;
        }
        let Some(Node::Number(value)) = object.get("value") else { return None };
        let unit = object.str("code").or_else(|| object.str("unit")).unwrap_or("1");
        Some(Scalar::Quantity(Decimal::read(value)?, Cow::Borrowed(unit)))
    }
}

impl<'r> Item<'r> {
    pub fn scalar(&self) -> Option<Scalar<'r>> {
        match self {
            Item::Element(element) => element.scalar(),
            Item::Scalar(scalar) => Some(scalar.clone()),
        }
    }

    pub fn children(&self, name: &str, found: &mut Vec<Item<'r>>) {
        if let Item::Element(element) = self {
            element.children(name, found);
        }
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
        }
    }

    /// A number, whole or not.
    pub fn decimal(&self) -> Option<Decimal> {
        match self {
            Scalar::Integer(value) => Some(Decimal { mantissa: i128::from(*value), exponent: 0 }),
            Scalar::Decimal(value) => Some(*value),
            _ => None,
        }
    }
}
