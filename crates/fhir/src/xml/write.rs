//! Writing FHIR XML (R4 §2.6.1): the elements in the order of the definition, values as they were written.
//!
//! The tree is one that the readers take. What no element table knows, or is of another form than its element, is not
//! written: XML has no place for it.

use super::{narrative, text};
use crate::node::{Node, Object, Resource};
use crate::primitive::Primitive;
use crate::schema::{self, Class, Element, Schema, Type};

const DECLARATION: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
const NAMESPACE: &[u8] = b" xmlns=\"http://hl7.org/fhir\"";

/// Appends the resource without blanks.
pub fn write(resource: &Resource<'_>, out: &mut Vec<u8>) {
    Writer::new(out, false).document(resource);
}

/// Appends the resource for people: a line for each element, two spaces a level; narrative as it is.
pub fn write_pretty(resource: &Resource<'_>, out: &mut Vec<u8>) {
    Writer::new(out, true).document(resource);
}

struct Writer<'n, 'o> {
    out: &'o mut Vec<u8>,
    schema: &'static Schema,
    /// What a primitive is with its id and extensions.
    beside: &'static Type,
    pretty: bool,
    level: usize,
    /// The fields of the objects that are being written, innermost last: one list, so that none is made for each.
    fields: Vec<Field<'n>>,
}

#[derive(Clone, Copy)]
struct Field<'n> {
    element: &'static Element,
    node: &'n Node<'n>,
    /// Whether it stands beside its element, as `_birthDate` does.
    beside: bool,
}

impl<'n, 'o> Writer<'n, 'o> {
    fn new(out: &'o mut Vec<u8>, pretty: bool) -> Writer<'n, 'o> {
        let schema = schema::r4();
        let beside = schema.kind("Element").expect("Element is a type of R4");
        Writer { out, schema, beside, pretty, level: 0, fields: Vec::new() }
    }

    fn document(&mut self, resource: &'n Resource<'n>) {
        self.out.extend_from_slice(DECLARATION);
        self.resource(&resource.object, NAMESPACE);
    }

    fn resource(&mut self, object: &'n Object<'n>, namespace: &[u8]) {
        let Some(kind) = object.str("resourceType").and_then(|name| self.schema.resource(name)) else { return };
        self.open(kind.name);
        self.out.extend_from_slice(namespace);
        self.object(kind.name, kind, object);
    }

    /// The attributes and elements of an object whose tag has been begun, and its end.
    fn object(&mut self, name: &str, kind: &'static Type, object: &'n Object<'n>) {
        let first = self.fields.len();
        self.gather(kind, object);
        if kind.class != Class::Resource {
            self.attributes(first);
        }
        let end = self.fields.len();
        if first == end {
            self.out.extend_from_slice(b"/>");
        } else {
            self.out.push(b'>');
            self.children(first, end);
            self.close(name);
        }
        self.fields.truncate(first);
    }

    /// The elements of an object's fields, in the order of the definition.
    fn gather(&mut self, kind: &'static Type, object: &'n Object<'n>) {
        let first = self.fields.len();
        for (name, node) in &object.fields {
            let field = match kind.element(name) {
                Some(element) => Some(Field { element, node, beside: false }),
                None => name.strip_prefix('_').and_then(|name| kind.element(name)).map(|element| Field {
                    element,
                    node,
                    beside: true,
                }),
            };
            self.fields.extend(field);
        }
        let fields = &mut self.fields[first..];
        let place = |field: &Field| (field.element.slot, field.beside);
        if !fields.is_sorted_by_key(place) {
            fields.sort_by_key(place);
        }
    }

    /// Writes the fields that are attributes and takes them from the list.
    fn attributes(&mut self, first: usize) {
        let mut kept = first;
        for at in first..self.fields.len() {
            let field = self.fields[at];
            if field.element.is_attribute() {
                self.attribute(field.element.name, field.node);
            } else {
                self.fields[kept] = field;
                kept += 1;
            }
        }
        self.fields.truncate(kept);
    }

    fn children(&mut self, first: usize, end: usize) {
        self.level += 1;
        let mut at = first;
        while at < end {
            let field = self.fields[at];
            let next = self.fields.get(at + 1).filter(|next| at + 1 < end && next.element.name == field.element.name);
            let extras = next.filter(|next| next.beside && !field.beside).map(|next| next.node);
            at += 1 + usize::from(extras.is_some());
            let (value, extras) = if field.beside { (None, Some(field.node)) } else { (Some(field.node), extras) };
            self.element(field.element, value, extras);
        }
        self.level -= 1;
    }

    fn element(&mut self, element: &'static Element, value: Option<&'n Node<'n>>, extras: Option<&'n Node<'n>>) {
        if !element.many {
            return self.item(element, value, extras);
        }
        let (values, extras) = (value.map_or(&[][..], Node::items), extras.map_or(&[][..], Node::items));
        for at in 0..values.len().max(extras.len()) {
            self.item(element, values.get(at), extras.get(at));
        }
    }

    fn item(&mut self, element: &'static Element, value: Option<&'n Node<'n>>, extras: Option<&'n Node<'n>>) {
        let extras = extras.and_then(Node::as_object);
        match (element.primitive, value) {
            (Some(Primitive::Xhtml), Some(Node::Text(div))) => {
                self.line();
                self.out.extend_from_slice(narrative::written(div).as_bytes());
            }
            (Some(Primitive::Xhtml), _) => {}
            (Some(_), value) => {
                let value = value.filter(|value| matches!(value, Node::Text(_) | Node::Number(_) | Node::Bool(_)));
                if value.is_some() || extras.is_some() {
                    self.primitive(element, value, extras);
                }
            }
            (None, Some(Node::Object(object))) => self.complex(element, object),
            (None, _) => {}
        }
    }

    fn primitive(&mut self, element: &Element, value: Option<&Node>, extras: Option<&'n Object<'n>>) {
        self.open(element.name);
        if let Some(value) = value {
            self.attribute("value", value);
        }
        match extras {
            None => self.out.extend_from_slice(b"/>"),
            Some(extras) => self.object(element.name, self.beside, extras),
        }
    }

    fn complex(&mut self, element: &'static Element, object: &'n Object<'n>) {
        let kind = self.schema.kind_of(element);
        self.open(element.name);
        if kind.class != Class::Abstract {
            return self.object(element.name, kind, object);
        }
        self.out.push(b'>');
        self.level += 1;
        self.resource(object, b"");
        self.level -= 1;
        self.close(element.name);
    }

    /// `<name`
    #[inline]
    fn open(&mut self, name: &str) {
        self.line();
        self.out.reserve(name.len() + 16);
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
    }

    /// `</name>`
    #[inline]
    fn close(&mut self, name: &str) {
        self.line();
        self.out.reserve(name.len() + 3);
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    #[inline]
    fn attribute(&mut self, name: &str, value: &Node) {
        self.out.push(b' ');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"=\"");
        match value {
            Node::Text(text) => text::write(text, self.out),
            Node::Number(number) => self.out.extend_from_slice(number.as_bytes()),
            Node::Bool(true) => self.out.extend_from_slice(b"true"),
            Node::Bool(false) => self.out.extend_from_slice(b"false"),
            Node::Object(_) | Node::List(_) | Node::Null => {}
        }
        self.out.push(b'"');
    }

    fn line(&mut self) {
        if self.pretty {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b' ', self.level * 2));
        }
    }
}
