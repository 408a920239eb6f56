//! `resolve()`: what a reference points at, as far as it is at hand (R4 §2.9.1.3).
//!
//! Contained resources and the other entries of a Bundle are at hand; nothing is ever fetched. The type of a resource
//! that is elsewhere is read from the reference's own text, so that `resolve() is Patient` has an answer.

use std::borrow::Cow;
use std::collections::HashMap;

use super::evaluate::Run;
use super::item::{Element, Form, Item};
use crate::reference::{self, Literal};
use crate::{Node, Object, schema};

/// How deep a resource is searched for the place of a reference; what is read is never deeper.
const DEPTH_MAX: usize = 128;

/// The resources of a Bundle by `fullUrl`, and by type and id.
pub type Entries<'r> = HashMap<Cow<'r, str>, Element<'r>>;

/// The resource itself, where it is at hand.
pub fn find<'r>(run: &Run<'_, 'r>, item: &Item<'r>) -> Option<Element<'r>> {
    let text = text(item)?;
    match reference::literal(text)? {
        Literal::Contained(id) => container(run, item, id),
        Literal::Local { kind, id, .. } => {
            entries(run)?.get(text).or_else(|| entries(run)?.get(format!("{kind}/{id}").as_str())).copied()
        }
        Literal::Absolute { .. } => entries(run)?.get(text).copied(),
    }
}

/// The type of what an item refers to: what its text says, or what is found.
pub fn kind<'r>(run: &Run<'_, 'r>, item: &Item<'r>) -> Option<&'static str> {
    let told = match item {
        Item::Element(Element { form: Form::Object(object), .. }) => reference::kind(object),
        _ => item.text().and_then(reference::literal).and_then(|literal| match literal {
            Literal::Local { kind, .. } => Some(kind),
            Literal::Absolute { kind, .. } => kind,
            Literal::Contained(_) => None,
        }),
    };
    let contained = text(item).is_some_and(|text| text.starts_with('#'));
    let found = (contained || told.is_none()).then(|| find(run, item)).flatten().map(|found| found.kind.name);
    found.or_else(|| told.and_then(|kind| schema::r4().resource(kind)).map(|kind| kind.name))
}

/// A Reference's text, or that of a canonical or uri.
fn text<'i>(item: &'i Item<'_>) -> Option<&'i str> {
    match item {
        Item::Element(Element { form: Form::Object(object), .. }) => object.str("reference"),
        _ => item.text(),
    }
}

/// A contained resource of a resource; with an empty id the resource itself.
pub fn contained<'r>(container: &'r Object<'_>, id: &str) -> Option<Element<'r>> {
    if id.is_empty() {
        return Element::resource(container);
    }
    let objects = container.items("contained").iter().filter_map(Node::as_object);
    objects.filter(|object| object.str("id") == Some(id)).find_map(Element::resource)
}

/// What a reference means that stands in the root; of a Bundle in that entry which the reference stands in.
fn container<'r>(run: &Run<'_, 'r>, item: &Item<'r>, id: &str) -> Option<Element<'r>> {
    let Form::Object(root) = run.environment.root.form else { return None };
    let Item::Element(element) = item else { return contained(root, id) };
    if run.environment.root.kind.name != "Bundle" {
        return contained(root, id);
    }
    let place = match element.form {
        Form::Object(object) => std::ptr::from_ref(object).addr(),
        Form::Primitive { value, .. } => std::ptr::from_ref(value?).addr(),
    };
    resources(root).find_map(|(_, resource)| {
        let found = contained(resource, id)?;
        holds(run, resource, place, DEPTH_MAX).then_some(found)
    })
}

/// Whether something stands within an object: by where it is, not by what it says.
fn holds(run: &Run<'_, '_>, object: &Object<'_>, place: usize, depth: usize) -> bool {
    if depth == 0 || !run.work.step() {
        return false;
    }
    std::ptr::from_ref(object).addr() == place
        || object.fields.iter().flat_map(|(_, node)| node.items()).any(|node| match node {
            Node::Object(object) => holds(run, object, place, depth - 1),
            _ => std::ptr::from_ref(node).addr() == place,
        })
}

/// An entry that says its `fullUrl` is found by that, and by what that ends in; another by its own type and id.
fn entries<'s, 'r>(run: &'s Run<'_, 'r>) -> Option<&'s Entries<'r>> {
    let bundle = run.environment.bundle?;
    Some(run.entries.get_or_init(|| {
        let mut found = Entries::new();
        for (full_url, resource) in resources(bundle) {
            run.work.step();
            let Some(element) = Element::resource(resource) else { continue };
            let own = resource.str("id").map(|id| Cow::Owned(format!("{}/{id}", element.kind.name)));
            let relative = match full_url.map(|url| (url, reference::literal(url))) {
                Some((url, Some(Literal::Absolute { kind: Some(kind), .. }))) => {
                    url.rfind(&format!("/{kind}/")).map(|at| Cow::Borrowed(&url[at + 1..]))
                }
                _ => own,
            };
            for key in full_url.map(Cow::Borrowed).into_iter().chain(relative) {
                found.entry(key).or_insert(element);
            }
        }
        found
    }))
}

fn resources<'r>(bundle: &'r Object<'r>) -> impl Iterator<Item = (Option<&'r str>, &'r Object<'r>)> {
    let entries = bundle.items("entry").iter().filter_map(Node::as_object);
    entries.filter_map(|entry| Some((entry.str("fullUrl"), entry.get("resource")?.as_object()?)))
}
