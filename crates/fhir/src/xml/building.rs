//! An object of the tree that is being put together from the elements of XML.
//!
//! XML repeats an element where JSON has a list, and has a primitive's id and extensions inside it where JSON has a
//! sibling; the lists of the two are kept aligned here.

use crate::node::{Node, Object};
use crate::schema::{Element, Type};
use crate::strict::{Seen, bit};

pub struct Building<'a> {
    pub kind: &'static Type,
    pub object: Object<'a>,
    pub seen: Seen,
    /// The element that was met last.
    pub last: Option<&'static Element>,
    /// An extension's url is an attribute, but comes behind extensions in the definition.
    url: Option<(&'static Element, Node<'a>)>,
    /// The items of `last` where it is a list.
    values: Vec<Node<'a>>,
    extras: Vec<Node<'a>>,
}

impl<'a> Building<'a> {
    pub fn new(kind: &'static Type, object: Object<'a>) -> Building<'a> {
        let (values, extras) = (Vec::new(), Vec::new());
        Building { kind, object, seen: Seen::none_of(kind), last: None, url: None, values, extras }
    }

    /// How many of the list there are that is being read.
    pub fn index(&self, element: &Element) -> usize {
        if self.last.is_some_and(|last| last.slot == element.slot) { self.values.len() } else { 0 }
    }

    pub fn attribute(&mut self, element: &'static Element, value: Node<'a>) {
        self.seen.values |= bit(element);
        if element.slot == 0 { self.push(element.name, value) } else { self.url = Some((element, value)) }
    }

    /// Adds what an element holds; for all but primitives that is a value without extras.
    pub fn add(&mut self, element: &'static Element, value: Option<Node<'a>>, extras: Option<Node<'a>>) {
        if self.last.is_none_or(|last| last.slot != element.slot) {
            self.finish_list();
            if self.url.as_ref().is_some_and(|(url, _)| url.slot < element.slot) {
                self.finish_url();
            }
        }
        self.last = Some(element);
        self.seen.values |= bit(element);
        if element.many {
            return self.add_item(value, extras);
        }
        if let Some(value) = value {
            self.push(element.name, value);
        }
        if let Some(extras) = extras {
            self.push(element.sibling, extras);
        }
    }

    fn add_item(&mut self, value: Option<Node<'a>>, extras: Option<Node<'a>>) {
        if extras.is_some() && self.extras.is_empty() {
            self.extras.extend((0..self.values.len()).map(|_| Node::Null));
        }
        if extras.is_some() || !self.extras.is_empty() {
            self.extras.push(extras.unwrap_or(Node::Null));
        }
        self.values.push(value.unwrap_or(Node::Null));
    }

    fn finish_list(&mut self) {
        let Some(element) = self.last.filter(|last| last.many) else { return };
        let (values, extras) = (std::mem::take(&mut self.values), std::mem::take(&mut self.extras));
        if values.iter().any(|value| *value != Node::Null) {
            self.push(element.name, Node::List(values));
        }
        if !extras.is_empty() {
            self.push(element.sibling, Node::List(extras));
        }
    }

    fn finish_url(&mut self) {
        if let Some((element, url)) = self.url.take() {
            self.push(element.name, url);
        }
    }

    fn push(&mut self, name: &'static str, node: Node<'a>) {
        self.object.fields.push((name, node));
    }

    pub fn finish(mut self) -> (Object<'a>, Seen) {
        self.finish_list();
        self.finish_url();
        (self.object, self.seen)
    }
}
