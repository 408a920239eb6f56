//! What two trees say, whatever the order of their elements; lists keep theirs.

use std::collections::BTreeMap;

use fhir::{Node, Object};

/// What a node says. A list of nulls says nothing that the list beside it does not say.
#[derive(Debug, PartialEq)]
pub enum Said<'n> {
    Object(BTreeMap<&'static str, Said<'n>>),
    List(Vec<Said<'n>>),
    Value(&'n Node<'n>),
}

pub fn said<'n>(node: &'n Node<'n>) -> Said<'n> {
    match node {
        Node::Object(object) => said_by(object),
        Node::List(items) => Said::List(items.iter().map(said).collect()),
        value => Said::Value(value),
    }
}

pub fn said_by<'n>(object: &'n Object<'n>) -> Said<'n> {
    let nulls = |node: &Node| matches!(node, Node::List(items) if items.iter().all(|item| *item == Node::Null));
    let fields = object.fields.iter().filter(|(_, node)| !nulls(node));
    Said::Object(fields.map(|(name, node)| (*name, said(node))).collect())
}
