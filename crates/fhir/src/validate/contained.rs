//! Contained resources (R4 §2.3.0.3.1, invariants dom-2 to dom-6 of DomainResource).

use std::collections::{HashMap, HashSet};

use super::walk::{Frame, Walk};
use crate::primitive::Primitive;
use crate::schema::{self, Class, Type};
use crate::{IssueType, Node, Object, Severity};

/// The types that are a Resource and no DomainResource (R4 §2.30): they contain nothing and have no narrative.
const NO_DOMAIN_RESOURCES: [&str; 3] = ["Binary", "Bundle", "Parameters"];

pub fn is_domain_resource(kind: &Type) -> bool {
    kind.class == Class::Resource && !NO_DOMAIN_RESOURCES.contains(&kind.name)
}

/// What a resource contains, by id; of several with one id the first.
pub type ById<'r> = HashMap<&'r str, &'r Object<'r>>;

pub fn by_id<'r>(root: &'r Object<'r>) -> Option<ById<'r>> {
    let contained = root.get("contained")?.items();
    let mut by_id = ById::with_capacity(contained.len());
    for object in contained.iter().filter_map(Node::as_object) {
        if let Some(id) = object.str("id") {
            by_id.entry(id).or_insert(object);
        }
    }
    Some(by_id)
}

/// What is asked of a resource for the sake of those that it contains; and whether it has a narrative. One that is
/// contained may contain none (`dom-2`), so those that it does are not looked at again.
pub fn check<'r>(walk: &mut Walk<'r, '_>, frame: &Frame<'r>) {
    if !is_domain_resource(frame.kind) || frame.is_contained() {
        return;
    }
    let contained = frame.resource.items("contained");
    if !contained.is_empty() {
        let fragments = fragments(frame.resource, frame.kind);
        let mut ids = HashSet::new();
        for (at, resource) in contained.iter().enumerate() {
            let Node::Object(resource) = resource else { continue };
            walk.path.enter("contained");
            walk.path.enter_item(at);
            one(walk, resource, &fragments);
            if resource.str("id").is_some_and(|id| !ids.insert(id)) {
                walk.error(IssueType::Duplicate, "another contained resource has this id; each needs one of its own");
            }
            walk.path.leave();
            walk.path.leave();
        }
    }
    let has_narrative = matches!(frame.resource.get("text"), Some(Node::Object(text)) if text.get("div").is_some());
    if !has_narrative {
        walk.broken("dom-6", Severity::Warning);
    }
}

fn one(walk: &mut Walk<'_, '_>, resource: &Object<'_>, fragments: &HashSet<&str>) {
    if resource.get("contained").is_some() {
        walk.broken("dom-2", Severity::Error);
    }
    match resource.str("id") {
        None => walk.error(IssueType::Required, "a contained resource must have an id, by which it is referred to"),
        Some(id) if fragments.contains(id) => {}
        Some(_) if refers_to_container(resource) => {}
        Some(_) => walk.broken("dom-3", Severity::Error),
    }
    if let Some(Node::Object(meta)) = resource.get("meta") {
        if ["versionId", "_versionId", "lastUpdated", "_lastUpdated"].iter().any(|name| meta.get(name).is_some()) {
            walk.broken("dom-4", Severity::Error);
        }
        if meta.get("security").is_some() {
            walk.broken("dom-5", Severity::Error);
        }
    }
}

/// The ids at which something in a resource, or in what it contains, points: `p1` for `#p1`.
fn fragments<'r>(resource: &'r Object<'_>, kind: &'static Type) -> HashSet<&'r str> {
    let mut found = HashSet::new();
    each_pointer(resource, kind, &mut |text| found.extend(text.strip_prefix('#')));
    found
}

fn refers_to_container(resource: &Object<'_>) -> bool {
    let Some(kind) = resource.str("resourceType").and_then(|name| schema::r4().resource(name)) else { return false };
    let mut found = false;
    each_pointer(resource, kind, &mut |text| found |= text == "#");
    found
}

/// Every value that is called `reference` or is a canonical, uri or url.
fn each_pointer<'r>(object: &'r Object<'_>, kind: &'static Type, visit: &mut dyn FnMut(&'r str)) {
    for (name, node) in &object.fields {
        let (element, inner) = match kind.element(name) {
            Some(element) => (Some(element), schema::r4().kind_of(element)),
            None => (None, schema::r4().kind("Element").expect("Element is a type of R4")), // beside a primitive
        };
        let is_pointer = element.is_some_and(|element| {
            let is_address = matches!(element.primitive, Some(Primitive::Canonical | Primitive::Uri | Primitive::Url));
            is_address || element.stem == "reference"
        });
        for item in node.items() {
            match item {
                Node::Text(text) if is_pointer => visit(text),
                Node::Object(object) => {
                    if let Some(kind) = actual(object, inner) {
                        each_pointer(object, kind, visit);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The type of an object: where any resource may stand, its own name says which.
fn actual(object: &Object<'_>, kind: &'static Type) -> Option<&'static Type> {
    match kind.class {
        Class::Abstract => object.str("resourceType").and_then(|name| schema::r4().resource(name)),
        _ => Some(kind),
    }
}
