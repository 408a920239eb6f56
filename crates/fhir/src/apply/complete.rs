//! What R4 requires and a message did not say.
//!
//! A source that leaves a required element out still told us the rest. The element is then there with the
//! data-absent-reason extension (R4 §2.24.0.2), so that the resource is legal and nobody reads a guess.

use crate::schema::{self, Class, Element};
use crate::{Node, Object, Resource};

const DATA_ABSENT_REASON: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// Marks the required elements that are missing, at the resource and in what stands in it.
pub fn complete(resource: &mut Resource<'_>) {
    if let Some(kind) = schema::r4().resource(resource.kind()) {
        complete_object(&mut resource.object, kind);
    }
}

fn complete_object(object: &mut Object<'_>, kind: &'static schema::Type) {
    for (name, node) in &mut object.fields {
        let Some(element) = kind.element(name) else { continue };
        let inner = schema::r4().kind_of(element);
        // A datatype without required elements holds none that could have them, but for extensions, which bring their url.
        if inner.class != Class::Backbone && (inner.class != Class::Complex || inner.required == 0) {
            continue;
        }
        match node {
            Node::Object(item) => complete_object(item, inner),
            Node::List(items) => items.iter_mut().for_each(|item| {
                if let Node::Object(item) = item {
                    complete_object(item, inner);
                }
            }),
            _ => {}
        }
    }
    if kind.required == 0 {
        return;
    }
    let mut done = Vec::new();
    // What cannot have an extension cannot say why it is absent.
    let can_say = |element: &Element| element.primitive.is_none() || !element.sibling.is_empty();
    let missing = |element: &&Element| element.min > 0 && can_say(element) && object.get(element.name).is_none();
    let missing: Vec<&Element> = kind.elements.iter().filter(missing).collect();
    for element in missing {
        let known = |name: &str| !name.is_empty() && object.get(name).is_some();
        let there = kind.stem(element.stem).any(|other| known(other.name) || known(other.sibling));
        if !there && !done.contains(&element.stem) {
            done.push(element.stem);
            object.fields.push(absent(element));
        }
    }
}

fn absent(element: &'static Element) -> (&'static str, Node<'static>) {
    let kind = schema::r4().kind_of(element);
    if kind.class == Class::Backbone && kind.elements.iter().any(|inner| inner.min > 0) {
        let mut part = Object::default();
        complete_object(&mut part, kind);
        let part = Node::Object(part);
        return (element.name, if element.many { Node::List(vec![part]) } else { part });
    }
    let extension =
        Object { fields: vec![("url", Node::text(DATA_ABSENT_REASON)), ("valueCode", Node::text("unknown"))] };
    let holder = Node::Object(Object { fields: vec![("extension", Node::List(vec![Node::Object(extension)]))] });
    let name = if element.sibling.is_empty() { element.name } else { element.sibling };
    (name, if element.many { Node::List(vec![holder]) } else { holder })
}
