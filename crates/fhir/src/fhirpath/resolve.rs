//! `resolve()`: what a reference points at, as far as it is at hand (R4 §2.9.1.3).
//!
//! Contained resources and the other entries of a Bundle are at hand; nothing is ever fetched. The type of a resource
//! that is elsewhere is read from the reference's own text, so that `resolve() is Patient` has an answer.

use super::environment::Environment;
use super::item::{Element, Form, Item};
use crate::reference::{self, Literal};
use crate::{Node, Object};

/// How deep a resource is searched for the place of a reference; what is read is never deeper.
const DEPTH_MAX: usize = 64;

/// The resource itself, where it is at hand.
pub fn find<'r>(environment: &Environment<'_, 'r>, item: &Item<'r>) -> Option<Element<'r>> {
    let text = text(item)?;
    match reference::literal(text)? {
        Literal::Contained("") => container(environment, item).and_then(Element::resource),
        Literal::Contained(id) => contained(container(environment, item)?, id),
        literal => entry(environment.bundle?, text, literal),
    }
}

/// The type of what an item refers to; a resource that was resolved is of its own type.
pub fn kind(environment: &Environment<'_, '_>, item: &Item<'_>) -> Option<&'static str> {
    if let Some(found) = find_kind(environment, item) {
        return Some(found);
    }
    match item {
        Item::Element(Element { form: Form::Object(object), .. }) => {
            reference::kind(object).and_then(|kind| crate::schema::r4().resource(kind)).map(|kind| kind.name)
        }
        _ => match reference::literal(item.text()?)? {
            Literal::Local { kind, .. } => Some(kind),
            Literal::Absolute { kind, .. } => kind,
            Literal::Contained(_) => None,
        },
    }
}

/// Only what is at hand and whose reference does not say the type by itself.
fn find_kind(environment: &Environment<'_, '_>, item: &Item<'_>) -> Option<&'static str> {
    match reference::literal(text(item)?)? {
        Literal::Local { .. } | Literal::Absolute { kind: Some(_), .. } => None,
        _ => find(environment, item).map(|element| element.kind.name),
    }
}

/// A Reference's text, or that of a canonical or uri.
fn text<'i>(item: &'i Item<'_>) -> Option<&'i str> {
    match item {
        Item::Element(Element { form: Form::Object(object), .. }) => object.str("reference"),
        _ => item.text(),
    }
}

/// A contained resource of a resource.
pub fn contained<'r>(container: &'r Object<'_>, id: &str) -> Option<Element<'r>> {
    let objects = container.items("contained").iter().filter_map(Node::as_object);
    objects.filter(|object| object.str("id") == Some(id)).find_map(Element::resource)
}

/// The resource whose contained resources a reference means: of a Bundle the entry that it stands in.
fn container<'r>(environment: &Environment<'_, 'r>, item: &Item<'r>) -> Option<&'r Object<'r>> {
    let Form::Object(root) = environment.root.form else { return None };
    let (true, Item::Element(element)) = (environment.root.kind.name == "Bundle", item) else { return Some(root) };
    let place = match element.form {
        Form::Object(object) => Place::Object(object),
        Form::Primitive { value, .. } => Place::Value(value?),
    };
    entries(root).map(|(_, resource)| resource).find(|resource| holds(resource, place, DEPTH_MAX))
}

#[derive(Clone, Copy)]
enum Place<'p> {
    Object(&'p Object<'p>),
    Value(&'p Node<'p>),
}

/// Whether something stands within an object: by where it is, not by what it says.
fn holds(object: &Object<'_>, place: Place<'_>, depth: usize) -> bool {
    if matches!(place, Place::Object(wanted) if std::ptr::eq(std::ptr::from_ref(wanted).cast::<()>(), std::ptr::from_ref(object).cast()))
    {
        return true;
    }
    depth > 0
        && object.fields.iter().flat_map(|(_, node)| node.items()).any(|node| match node {
            Node::Object(object) => holds(object, place, depth - 1),
            _ => matches!(place, Place::Value(wanted) if std::ptr::eq(std::ptr::from_ref(wanted).cast::<()>(), std::ptr::from_ref(node).cast())),
        })
}

/// The resource of an entry by its `fullUrl`, or by type and id where the reference is relative.
fn entry<'r>(bundle: &'r Object<'r>, text: &str, literal: Literal<'_>) -> Option<Element<'r>> {
    let fits = |full_url: Option<&str>, resource: &Object<'_>| match literal {
        Literal::Local { kind, id, .. } => {
            resource.str("resourceType") == Some(kind)
                && match full_url.and_then(reference::literal) {
                    Some(Literal::Absolute { kind: Some(_), .. }) => {
                        full_url.is_some_and(|url| url.ends_with(&format!("/{kind}/{id}")))
                    }
                    _ => resource.str("id") == Some(id),
                }
        }
        _ => full_url == Some(text),
    };
    entries(bundle)
        .find(|(full_url, resource)| fits(*full_url, resource))
        .and_then(|(_, object)| Element::resource(object))
}

fn entries<'r>(bundle: &'r Object<'r>) -> impl Iterator<Item = (Option<&'r str>, &'r Object<'r>)> {
    let entries = bundle.items("entry").iter().filter_map(Node::as_object);
    entries.filter_map(|entry| Some((entry.str("fullUrl"), entry.get("resource")?.as_object()?)))
}
