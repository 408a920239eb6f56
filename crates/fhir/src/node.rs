//! The tree that a resource is: the shape of its JSON, with names from the element tables.
//!
//! Text and numbers borrow from the bytes that were read wherever they can; a number is kept as it was written, because
//! `1.10` and `1.1` say different things about a measurement. A primitive's extensions stay beside it under `_name`,
//! as JSON has them.

use std::borrow::Cow;

/// One value of a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    Object(Object<'a>),
    List(Vec<Node<'a>>),
    /// Any primitive that JSON writes in quotes, unescaped.
    Text(Cow<'a, str>),
    /// A decimal or integer exactly as written.
    Number(Cow<'a, str>),
    Bool(bool),
    /// Only in a list of primitives (or of their extensions), to keep the two lists aligned.
    Null,
}

/// The elements of a resource or datatype, in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a> {
    pub fields: Vec<(&'static str, Node<'a>)>,
}

/// A whole resource. `resourceType` is its first element.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource<'a> {
    pub object: Object<'a>,
}

impl<'a> Node<'a> {
    pub fn text(value: impl Into<Cow<'a, str>>) -> Self {
        Node::Text(value.into())
    }

    pub fn number(value: impl std::fmt::Display) -> Self {
        Node::Number(Cow::Owned(value.to_string()))
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The items of a list; a single value is a list of one, so that callers need not tell `max=1` from `max=*`.
    pub fn items(&self) -> &[Node<'a>] {
        match self {
            Node::List(items) => items,
            other => std::slice::from_ref(other),
        }
    }

    pub fn into_owned(self) -> Node<'static> {
        match self {
            Node::Object(object) => Node::Object(object.into_owned()),
            Node::List(items) => Node::List(items.into_iter().map(Node::into_owned).collect()),
            Node::Text(text) => Node::Text(Cow::Owned(text.into_owned())),
            Node::Number(text) => Node::Number(Cow::Owned(text.into_owned())),
            Node::Bool(value) => Node::Bool(value),
            Node::Null => Node::Null,
        }
    }
}

impl<'a> Object<'a> {
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.fields.iter().find(|(n, _)| *n == name).map(|(_, node)| node)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Node<'a>> {
        self.fields.iter_mut().find(|(n, _)| *n == name).map(|(_, node)| node)
    }

    pub fn str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Node::as_str)
    }

    /// The items under `name`; none where the element is absent.
    pub fn items(&self, name: &str) -> &[Node<'a>] {
        self.get(name).map_or(&[], Node::items)
    }

    /// Puts `node` under `name`, in place of what was there.
    pub fn set(&mut self, name: &'static str, node: Node<'a>) {
        match self.get_mut(name) {
            Some(slot) => *slot = node,
            None => self.fields.push((name, node)),
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<Node<'a>> {
        let at = self.fields.iter().position(|(n, _)| *n == name)?;
        Some(self.fields.remove(at).1)
    }

    /// Adds an item to the list under `name`, which is begun where it is absent.
    pub fn push(&mut self, name: &'static str, item: Node<'a>) {
        match self.get_mut(name) {
            Some(Node::List(items)) => items.push(item),
            Some(single) => {
                let first = std::mem::replace(single, Node::Null);
                *single = Node::List(vec![first, item]);
            }
            None => self.fields.push((name, Node::List(vec![item]))),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn into_owned(self) -> Object<'static> {
        Object { fields: self.fields.into_iter().map(|(name, node)| (name, node.into_owned())).collect() }
    }
}

impl<'a> Resource<'a> {
    pub fn new(kind: &'static str) -> Self {
        Resource { object: Object { fields: vec![("resourceType", Node::Text(Cow::Borrowed(kind)))] } }
    }

    /// The resource's type, such as `Patient`.
    pub fn kind(&self) -> &str {
        self.object.str("resourceType").unwrap_or_default()
    }

    pub fn id(&self) -> Option<&str> {
        self.object.str("id")
    }

    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.object.get(name)
    }

    pub fn str(&self, name: &str) -> Option<&str> {
        self.object.str(name)
    }

    pub fn into_owned(self) -> Resource<'static> {
        Resource { object: self.object.into_owned() }
    }
}
