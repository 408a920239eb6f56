//! An item as JSON: what `hilum fhirpath` prints.

use std::borrow::Cow;

use super::item::{Element, Form, Item, Scalar};
use crate::{Node, json};

impl Item<'_> {
    /// Appends the item as one JSON value: an element as the resource has it, a date or time as text, a quantity as an
    /// object of value and unit. Of a primitive that has only extensions it is the object of those.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Item::Element(Element { form: Form::Object(object), .. }) => json::write_object(object, out),
            Item::Element(Element { form: Form::Primitive { value: Some(value), .. }, .. }) => {
                json::write_node(value, out);
            }
            Item::Element(Element { form: Form::Primitive { extras: Some(extras), .. }, .. }) => {
                json::write_object(extras, out);
            }
            Item::Element(_) => out.extend_from_slice(b"null"),
            Item::Scalar(scalar) => write_scalar(scalar, out),
        }
    }
}

fn write_scalar(scalar: &Scalar<'_>, out: &mut Vec<u8>) {
    match scalar {
        Scalar::Boolean(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Scalar::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Scalar::Decimal(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Scalar::String(text) | Scalar::Date(text) | Scalar::DateTime(text) | Scalar::Time(text) => {
            write_text(text, out);
        }
        Scalar::Quantity(value, unit) => {
            out.extend_from_slice(format!("{{\"value\":{value},\"unit\":").as_bytes());
            write_text(unit, out);
            out.push(b'}');
        }
        Scalar::Type { namespace, name } => {
            out.extend_from_slice(format!("{{\"namespace\":\"{namespace}\",\"name\":\"{name}\"}}").as_bytes());
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    json::write_node(&Node::Text(Cow::Borrowed(text)), out);
}
