//! Where in a resource an element stands that an expression selected.
//!
//! Expressions select elements by borrowing them, so an element is found again by its address: the tree is walked with
//! its types until the very same node is met.

use crate::fhirpath::{Element as Selected, Form};
use crate::node::{Node, Object, Resource};
use crate::schema::{self, Class, Element, Type};

/// One step down: an item of an element, or what stands beside it under its sibling (`_birthDate`).
#[derive(Clone, Copy)]
pub struct Step {
    /// The type that has the element.
    pub owner: &'static Type,
    pub element: &'static Element,
    pub index: usize,
    pub beside: bool,
}

/// The way to what was selected, if it lies in this resource; no steps for the resource itself.
pub fn way(resource: &Resource<'_>, selected: &Selected<'_>) -> Option<Vec<Step>> {
    let kind = schema::r4().resource(resource.kind())?;
    if matches!(selected.form, Form::Object(object) if same(object, &resource.object)) {
        return Some(Vec::new());
    }
    let mut way = Vec::new();
    seek(&resource.object, kind, selected, &mut way).then_some(way)
}

/// Looks through an object; where the element is in it, `way` leads there.
fn seek(object: &Object<'_>, owner: &'static Type, selected: &Selected<'_>, way: &mut Vec<Step>) -> bool {
    for (name, node) in &object.fields {
        let plain = name.strip_prefix('_');
        let Some(element) = owner.element(plain.unwrap_or(name)) else { continue };
        for (index, item) in node.items().iter().enumerate() {
            if is_selected(item, selected) {
                // A primitive is one with what stands beside it.
                way.push(Step { owner, element, index, beside: false });
                return true;
            }
            let Node::Object(inner) = item else { continue };
            let step = Step { owner, element, index, beside: plain.is_some() };
            way.push(step);
            if step.leads_to(inner).is_some_and(|kind| seek(inner, kind, selected, way)) {
                return true;
            }
            way.pop();
        }
    }
    false
}

fn is_selected(item: &Node<'_>, selected: &Selected<'_>) -> bool {
    match (selected.form, item) {
        (Form::Object(object), Node::Object(inner)) => same(object, inner),
        (Form::Primitive { extras: Some(extras), .. }, Node::Object(inner)) => same(extras, inner),
        (Form::Primitive { value: Some(value), .. }, item) => same(value, item),
        _ => false,
    }
}

/// Whether two borrows are of the same thing; how long they last does not matter to that.
fn same<A, B>(one: &A, other: &B) -> bool {
    std::ptr::addr_eq(one, other)
}

impl Step {
    fn name(&self) -> &'static str {
        if self.beside { self.element.sibling } else { self.element.name }
    }

    /// The type of the object that it leads to: where any resource may stand, its own name says which.
    fn leads_to(&self, object: &Object<'_>) -> Option<&'static Type> {
        if self.beside {
            return schema::r4().kind("Element");
        }
        match schema::r4().kind_of(self.element) {
            kind if kind.class == Class::Abstract => schema::r4().resource(object.str("resourceType")?),
            kind => Some(kind),
        }
    }
}

/// The object at the end of a way.
pub fn object_at<'o, 'a>(object: &'o mut Object<'a>, way: &[Step]) -> Option<&'o mut Object<'a>> {
    let mut inner = object;
    for step in way {
        let node = match inner.get_mut(step.name())? {
            Node::List(items) => items.get_mut(step.index)?,
            single => single,
        };
        let Node::Object(object) = node else { return None };
        inner = object;
    }
    Some(inner)
}

/// Whether the ways end in items of one element of one object.
pub fn are_neighbours(one: &[Step], other: &[Step]) -> bool {
    let same = |(one, other): (&Step, &Step)| std::ptr::eq(one.element, other.element) && one.beside == other.beside;
    let (Some((_, above)), Some((_, other_above))) = (one.split_last(), other.split_last()) else { return false };
    one.len() == other.len()
        && one.iter().zip(other).all(same)
        && above.iter().zip(other_above).all(|(one, other)| one.index == other.index)
}
