//! A set of items by equality (FHIRPath §6.1.1), in the order in which they came.
//!
//! Equality is not hashing's: dates may be neither equal nor unequal, numbers are equal by value. So what is hashed is
//! only what equal items surely share, and the few that share it are compared. Texts and objects, which is what large sets
//! are made of, are found at once; nobody can choose them to share a hash, since that is another each time.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use super::compare::same;
use super::evaluate::{EvaluateError, Scope};
use super::item::{Element, Form, Item, is_a};
use super::work::Work;
use crate::decimal::Decimal;
use crate::{Node, Object};

/// Fewer are compared one with another.
const HASHED_FROM: usize = 16;

#[derive(Default)]
pub struct Distinct<'r> {
    items: Vec<Item<'r>>,
    /// The places of items by their hash, once there are many.
    places: HashMap<u64, Vec<usize>>,
    state: RandomState,
}

impl<'r> Distinct<'r> {
    pub fn of(scope: &Scope<'_, 'r>, items: Vec<Item<'r>>) -> Result<Distinct<'r>, EvaluateError> {
        let mut distinct = Distinct::default();
        for item in items {
            distinct.insert(scope, item)?;
        }
        Ok(distinct)
    }

    /// Whether it was not there before.
    pub fn insert(&mut self, scope: &Scope<'_, 'r>, item: Item<'r>) -> Result<bool, EvaluateError> {
        if self.contains(scope, &item)? {
            return Ok(false);
        }
        if self.items.len() == HASHED_FROM {
            for (at, known) in self.items.iter().enumerate() {
                self.places.entry(hash(&self.state, &scope.run.work, known)).or_default().push(at);
            }
        }
        if self.items.len() >= HASHED_FROM {
            self.places.entry(hash(&self.state, &scope.run.work, &item)).or_default().push(self.items.len());
        }
        self.items.push(item);
        Ok(true)
    }

    pub fn contains(&self, scope: &Scope<'_, 'r>, item: &Item<'r>) -> Result<bool, EvaluateError> {
        if self.items.len() <= HASHED_FROM {
            scope.spend(self.items.len())?;
            return Ok(self.items.iter().any(|known| same(&scope.run.work, known, item) == Some(true)));
        }
        let Some(places) = self.places.get(&hash(&self.state, &scope.run.work, item)) else { return Ok(false) };
        scope.spend(places.len())?;
        Ok(places.iter().any(|at| same(&scope.run.work, &self.items[*at], item) == Some(true)))
    }

    pub fn into_items(self) -> Vec<Item<'r>> {
        self.items
    }
}

/// The same for objects that are equal, and different for others as surely as 64 bits tell.
pub fn key(state: &RandomState, object: &Object<'_>) -> u64 {
    object_hash(state, &Work::default(), object)
}

/// The same for all that are equal.
fn hash(state: &RandomState, work: &Work, item: &Item<'_>) -> u64 {
    let mut hasher = state.build_hasher();
    match (item.text(), item) {
        (Some(text), _) => {
            work.step_text(text.len());
            text.hash(&mut hasher);
        }
        // A Quantity may equal one of the language, in another unit.
        (None, Item::Element(Element { kind, form: Form::Object(object) })) if !is_a(kind, "Quantity") => {
            return object_hash(state, work, object);
        }
        _ => {}
    }
    hasher.finish()
}

/// Elements in any order.
fn object_hash(state: &RandomState, work: &Work, object: &Object<'_>) -> u64 {
    let mut sum = 0u64;
    for (name, node) in &object.fields {
        let mut hasher = state.build_hasher();
        name.hash(&mut hasher);
        node_hash(state, work, node, &mut hasher);
        sum = sum.wrapping_add(hasher.finish());
    }
    sum
}

fn node_hash(state: &RandomState, work: &Work, node: &Node<'_>, hasher: &mut impl Hasher) {
    work.step();
    match node {
        Node::Object(object) => object_hash(state, work, object).hash(hasher),
        Node::List(items) => items.iter().for_each(|item| node_hash(state, work, item, hasher)),
        Node::Text(text) => {
            work.step_text(text.len());
            text.hash(hasher);
        }
        Node::Bool(value) => value.hash(hasher),
        Node::Number(text) => number_hash(text, hasher),
        Node::Null => {}
    }
}

/// By value, since `1.10` equals `1.1`; what is too long to be counted with equals only what is written alike.
fn number_hash(text: &str, hasher: &mut impl Hasher) {
    let Some(mut number) = Decimal::read(text) else { return text.hash(hasher) };
    if number.mantissa == 0 {
        number.exponent = 0;
    }
    while number.mantissa != 0 && number.mantissa % 10 == 0 {
        number.mantissa /= 10;
        number.exponent += 1;
    }
    (number.mantissa, number.exponent).hash(hasher);
}
