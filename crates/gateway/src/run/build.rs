//! Putting produced values into objects, step by step.

use fhir::{Node, Object};

use crate::path::Index;
use crate::plan::{Constant, Step};

/// Puts `node` at the end of `steps`; what is missing on the way is made.
pub fn place<'a>(object: &mut Object<'a>, steps: &[Step], node: Node<'a>) {
    let Some((step, rest)) = steps.split_first() else {
        if let Node::Object(whole) = node {
            whole.fields.into_iter().for_each(|(name, value)| object.set(name, value));
        }
        return;
    };
    if !step.many {
        if rest.is_empty() {
            object.set(step.name, node);
        } else {
            place(child(object, step.name), rest, node);
        }
        return;
    }
    if !matches!(object.get(step.name), Some(Node::List(_))) {
        object.set(step.name, Node::List(Vec::new()));
    }
    let Some(Node::List(items)) = object.get_mut(step.name) else { return };
    place_in_list(items, &step.index, rest, node);
}

fn child<'o, 'a>(object: &'o mut Object<'a>, name: &'static str) -> &'o mut Object<'a> {
    if !matches!(object.get(name), Some(Node::Object(_))) {
        object.set(name, Node::Object(Object::default()));
    }
    match object.get_mut(name) {
        Some(Node::Object(child)) => child,
        _ => unreachable!("it was just made"),
    }
}

/// Puts `node` into the item that `index` names, or below it.
pub fn place_in_list<'a>(items: &mut Vec<Node<'a>>, index: &Index, rest: &[Step], node: Node<'a>) {
    let at = match index {
        Index::All => items.len(),
        Index::At(n) => (*n).min(items.len()),
        Index::None => 0,
        Index::Url(url) => {
            let with_url = |item: &Node<'_>| item.as_object().and_then(|item| item.str("url")) == Some(url);
            items.iter().position(with_url).unwrap_or(items.len())
        }
    };
    if at == items.len() {
        items.push(match index {
            Index::Url(url) => Node::Object(Object { fields: vec![("url", Node::text(url.clone()))] }),
            _ if rest.is_empty() => Node::Null,
            _ => Node::Object(Object::default()),
        });
    }
    match (&mut items[at], rest) {
        (slot, []) if !matches!(index, Index::Url(_)) => *slot = node,
        (Node::Object(item), rest) => place(item, rest, node),
        _ => {}
    }
}

pub fn constant(constant: &Constant) -> Node<'_> {
    match constant {
        Constant::Text(text) => Node::text(text.as_str()),
        Constant::Number(text) => Node::Number(text.as_str().into()),
        Constant::Bool(value) => Node::Bool(*value),
    }
}

/// Whether anything stands at the end of `steps`.
pub fn is_there(object: &Object<'_>, steps: &[Step]) -> bool {
    let mut found = Vec::new();
    find(object, steps, &mut found);
    !found.is_empty()
}

/// The nodes at the end of `steps`: several where a list is on the way and no item is named.
pub fn find<'o, 'a>(object: &'o Object<'a>, steps: &[Step], out: &mut Vec<&'o Node<'a>>) {
    let Some((step, rest)) = steps.split_first() else { return };
    let Some(node) = object.get(step.name) else { return };
    for (at, item) in node.items().iter().enumerate() {
        let wanted = match &step.index {
            Index::All | Index::None => true,
            Index::At(n) => at == *n,
            Index::Url(url) => item.as_object().and_then(|item| item.str("url")) == Some(url),
        };
        match (wanted, rest, item) {
            (false, ..) => {}
            (true, [], item) => out.push(item),
            (true, rest, Node::Object(inner)) => find(inner, rest, out),
            _ => {}
        }
    }
}
