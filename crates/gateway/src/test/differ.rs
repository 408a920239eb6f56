//! Where two Bundles say different things, by place and without the values.
//!
//! Lists may come in another order: v2 has its own, and a list of FHIR gives it no meaning.

use fhir::{Node, Object, Resource};

/// The paths at which two Bundles differ; resources are told apart by type and id.
pub fn differences(one: &Resource<'_>, other: &Resource<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for first in resources(one) {
        match resources(other).find(|second| name(second) == name(first)) {
            Some(second) => differ(&name(first), first, second, &mut found),
            None => found.push(format!("{} is gone", name(first))),
        }
    }
    let is_new = |second: &&Object<'_>| !resources(one).any(|first| name(first) == name(second));
    found.extend(resources(other).filter(is_new).map(|second| format!("{} is new", name(second))));
    found
}

fn resources<'r>(bundle: &'r Resource<'_>) -> impl Iterator<Item = &'r Object<'r>> {
    let entries = bundle.object.items("entry").iter().filter_map(Node::as_object);
    entries.filter_map(|entry| entry.get("resource")?.as_object())
}

fn name(object: &Object<'_>) -> String {
    format!("{}/{}", object.str("resourceType").unwrap_or_default(), object.str("id").unwrap_or_default())
}

fn differ(path: &str, one: &Object<'_>, other: &Object<'_>, found: &mut Vec<String>) {
    let more = other.fields.iter().filter(|(name, _)| one.get(name).is_none());
    for (name, _) in one.fields.iter().chain(more) {
        let path = format!("{path}.{name}");
        let mut left: Vec<&Node<'_>> = one.items(name).iter().collect();
        let mut right: Vec<&Node<'_>> = other.items(name).iter().collect();
        left.retain(|item| match right.iter().position(|known| same(item, known)) {
            Some(at) => {
                right.remove(at);
                false
            }
            None => true,
        });
        for at in 0..left.len().max(right.len()) {
            match (left.get(at), right.get(at)) {
                (Some(Node::Object(one)), Some(Node::Object(other))) => differ(&path, one, other, found),
                _ => found.push(path.clone()),
            }
        }
    }
}

fn same(one: &Node<'_>, other: &Node<'_>) -> bool {
    match (one, other) {
        (Node::Object(one), Node::Object(other)) => {
            let mut found = Vec::new();
            differ("", one, other, &mut found);
            found.is_empty()
        }
        (one, other) => one == other,
    }
}
