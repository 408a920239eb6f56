//! References to a resource that messages are filed elsewhere for.

use std::collections::HashMap;

use fhir::Node;
use fhir::apply::{Op, Write};

/// From `Type/id` to `Type/id`.
pub type Redirected = HashMap<String, String>;

/// Lets what is written refer to where things are filed now.
pub fn rewrite(writes: &mut [Write<'_>], redirected: &Redirected) {
    if redirected.is_empty() {
        return;
    }
    for write in writes {
        match &mut write.op {
            Op::Set(node) | Op::Fill(node) | Op::Journal(_, Some(node)) => rewrite_node(node, redirected),
            Op::Keep(nodes) => nodes.iter_mut().for_each(|node| rewrite_node(node, redirected)),
            Op::Clear | Op::Journal(_, None) => {}
        }
    }
}

/// The references in what is written.
pub fn references(writes: &[Write<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for write in writes {
        match &write.op {
            Op::Set(node) | Op::Fill(node) | Op::Journal(_, Some(node)) => note_references(node, &mut found),
            Op::Keep(nodes) => nodes.iter().for_each(|node| note_references(node, &mut found)),
            Op::Clear | Op::Journal(_, None) => {}
        }
    }
    found
}

fn note_references(node: &Node<'_>, found: &mut Vec<String>) {
    match node {
        Node::List(items) => items.iter().for_each(|item| note_references(item, found)),
        Node::Object(object) => {
            found.extend(object.str("reference").map(str::to_owned));
            object.fields.iter().for_each(|(_, inner)| note_references(inner, found));
        }
        _ => {}
    }
}

fn rewrite_node(node: &mut Node<'_>, redirected: &Redirected) {
    match node {
        Node::List(items) => items.iter_mut().for_each(|item| rewrite_node(item, redirected)),
        Node::Object(object) => {
            for (name, inner) in &mut object.fields {
                let to =
                    inner.as_str().filter(|_| *name == "reference").and_then(|reference| redirected.get(reference));
                match to {
                    Some(to) => *inner = Node::text(to.clone()),
                    None => rewrite_node(inner, redirected),
                }
            }
        }
        _ => {}
    }
}
