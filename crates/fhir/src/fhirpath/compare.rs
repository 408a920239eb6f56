//! Equality, equivalence and order of items (FHIRPath §6.1 and §6.2).
//!
//! What is not known (dates of different precision that overlap, units that do not measure the same) is neither equal
//! nor unequal: that is an empty answer, not `false`.

use std::cmp::Ordering;

use super::evaluate::EvaluateError;
use super::item::{Form, Item, Scalar};
use super::quantity;
use super::temporal::{Moment, Order};
use super::work::Work;
use crate::decimal::Decimal;
use crate::{Node, Object};

/// Whether two collections are equal, or `None` where it cannot be known.
pub fn equal(work: &Work, left: &[Item<'_>], right: &[Item<'_>]) -> Option<bool> {
    if left.is_empty() || right.is_empty() {
        return None;
    }
    if left.len() != right.len() {
        return Some(false);
    }
    let mut answer = Some(true);
    for (left, right) in left.iter().zip(right) {
        match same(work, left, right) {
            Some(false) => return Some(false),
            None => answer = None,
            Some(true) => {}
        }
    }
    answer
}

/// Whether two items are equal.
pub fn same(work: &Work, left: &Item<'_>, right: &Item<'_>) -> Option<bool> {
    if let (Some(left), Some(right)) = (left.text(), right.text()) {
        work.step_text(left.len().min(right.len()));
        return Some(left == right);
    }
    if let (Item::Element(left), Item::Element(right)) = (left, right) {
        match (left.form, right.form) {
            (Form::Object(left), Form::Object(right)) => {
                return Some(std::ptr::eq(left, right) || same_objects(work, left, right));
            }
            (Form::Primitive { value: None, extras: left }, Form::Primitive { value: None, extras: right }) => {
                return Some(left == right);
            }
            _ => {}
        }
    }
    match (left.scalar(), right.scalar()) {
        (Some(left), Some(right)) => same_scalars(&left, &right),
        _ => Some(false),
    }
}

/// Elements in any order, as a person would read them; numbers by value.
fn same_objects(work: &Work, left: &Object<'_>, right: &Object<'_>) -> bool {
    let within = |a: &Object<'_>, b: &Object<'_>| {
        a.fields.iter().all(|(name, node)| b.get(name).is_some_and(|other| same_nodes(work, node, other)))
    };
    left.fields.len() == right.fields.len() && within(left, right)
}

fn same_nodes(work: &Work, left: &Node<'_>, right: &Node<'_>) -> bool {
    if !work.step() {
        return false;
    }
    match (left, right) {
        (Node::Text(left), Node::Text(right)) => work.step_text(left.len().min(right.len())) && left == right,
        (Node::Object(left), Node::Object(right)) => same_objects(work, left, right),
        (Node::List(left), Node::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_nodes(work, left, right))
        }
        (Node::Number(left), Node::Number(right)) => {
            left == right
                || matches!((Decimal::read(left), Decimal::read(right)), (Some(left), Some(right)) if left.compare(right).is_eq())
        }
        _ => left == right,
    }
}

fn same_scalars(left: &Scalar<'_>, right: &Scalar<'_>) -> Option<bool> {
    match (left, right) {
        (Scalar::Boolean(left), Scalar::Boolean(right)) => Some(left == right),
        (Scalar::Type { namespace, name }, Scalar::Type { namespace: other_namespace, name: other_name }) => {
            Some(namespace == other_namespace && name == other_name)
        }
        _ => match order(left, right) {
            Order::Known(ordering) => Some(ordering.is_eq()),
            Order::Unknown => None,
            Order::None => Some(false),
        },
    }
}

/// The order of two items, `None` where it is not known, or an error where there is none.
pub fn compare(work: &Work, left: &Item<'_>, right: &Item<'_>) -> Result<Option<Ordering>, EvaluateError> {
    let found = match (left.text(), right.text()) {
        (Some(left), Some(right)) => {
            work.step_text(left.len().min(right.len()));
            Order::Known(left.cmp(right))
        }
        _ => match (left.scalar(), right.scalar()) {
            (Some(left), Some(right)) => order(&left, &right),
            _ => Order::None,
        },
    };
    match found {
        Order::Known(ordering) => Ok(Some(ordering)),
        Order::Unknown => Ok(None),
        Order::None => Err(EvaluateError::new("expected two values that have an order, such as two numbers")),
    }
}

fn order(left: &Scalar<'_>, right: &Scalar<'_>) -> Order {
    if let (Some(left), Some(right)) = (left.decimal(), right.decimal()) {
        return Order::Known(left.compare(right));
    }
    if let (Scalar::String(left), Scalar::String(right)) = (left, right) {
        return Order::Known(left.cmp(right));
    }
    if let (Some(left), Some(right)) = (amount(left), amount(right)) {
        return quantity::compare(left, right);
    }
    match (moment(left), moment(right)) {
        (Some(left), Some(right)) => left.compare(&right),
        _ => Order::None,
    }
}

/// A quantity, or a number as one without a unit where it stands beside a quantity (FHIRPath §5.5.7).
fn amount<'s>(scalar: &'s Scalar<'_>) -> Option<quantity::Amount<'s>> {
    match scalar {
        Scalar::Quantity(value, unit) => Some((*value, unit)),
        _ => scalar.decimal().map(|value| (value, "1")),
    }
}

/// A date or a time read; `None` for anything else.
pub fn moment(scalar: &Scalar<'_>) -> Option<Moment> {
    match scalar {
        Scalar::Date(text) => Moment::date(text),
        Scalar::DateTime(text) => Moment::date_time(text),
        Scalar::Time(text) => Moment::time(text),
        _ => None,
    }
}

/// Whether two collections say the same in any order, as far as the less precise goes (FHIRPath §6.1.2). The work
/// may be as much as both multiplied.
pub fn equivalent(work: &Work, left: &[Item<'_>], right: &[Item<'_>]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut taken = vec![false; right.len()];
    left.iter().all(|item| {
        let found = (0..right.len()).find(|at| work.step() && !taken[*at] && alike(work, item, &right[*at]));
        found.map(|at| taken[at] = true).is_some()
    })
}

fn alike(work: &Work, left: &Item<'_>, right: &Item<'_>) -> bool {
    if !work.step() {
        return false;
    }
    if let (Some(left), Some(right)) = (left.text(), right.text()) {
        return alike_texts(work, left, right);
    }
    if let (Item::Element(left), Item::Element(right)) = (left, right)
        && let (Form::Object(left), Form::Object(right)) = (left.form, right.form)
        && (std::ptr::eq(left, right) || alike_objects(work, left, right))
    {
        return true;
    }
    match (left.scalar(), right.scalar()) {
        (Some(left), Some(right)) => alike_scalars(&left, &right),
        _ => same(work, left, right) == Some(true),
    }
}

fn alike_scalars(left: &Scalar<'_>, right: &Scalar<'_>) -> bool {
    match (left, right) {
        (Scalar::Quantity(value, unit), Scalar::Quantity(other, of)) => {
            quantity::equivalent((*value, unit), (*other, of))
        }
        _ => match (left.decimal(), right.decimal()) {
            (Some(left), Some(right)) => alike_numbers(left, right),
            _ => same_scalars(left, right) == Some(true),
        },
    }
}

/// Equal when both are rounded to as many digits as the less precise has.
fn alike_numbers(left: Decimal, right: Decimal) -> bool {
    let places = left.trimmed().places().min(right.trimmed().places());
    left.round(places).compare(right.round(places)).is_eq()
}

/// Equal without regard to case, and to how much white space there is.
fn alike_texts(work: &Work, left: &str, right: &str) -> bool {
    fn folded(text: &str) -> impl Iterator<Item = String> {
        text.split_whitespace().map(str::to_lowercase)
    }
    work.step_text(left.len() * 16) && (left == right || folded(left).eq(folded(right)))
}

fn alike_objects(work: &Work, left: &Object<'_>, right: &Object<'_>) -> bool {
    let counted = |object: &Object<'_>| object.fields.iter().filter(|(name, _)| *name != "id").count();
    counted(left) == counted(right)
        && left
            .fields
            .iter()
            .filter(|(name, _)| *name != "id")
            .all(|(name, node)| right.get(name).is_some_and(|other| alike_nodes(work, node, other)))
}

fn alike_nodes(work: &Work, left: &Node<'_>, right: &Node<'_>) -> bool {
    if !work.step() {
        return false;
    }
    match (left, right) {
        (Node::Text(left), Node::Text(right)) => alike_texts(work, left, right),
        (Node::Object(left), Node::Object(right)) => alike_objects(work, left, right),
        (Node::List(left), Node::List(right)) => {
            left.len() == right.len()
                && left.iter().all(|node| right.iter().any(|other| alike_nodes(work, node, other)))
        }
        (Node::Number(left), Node::Number(right)) => match (Decimal::read(left), Decimal::read(right)) {
            (Some(left), Some(right)) => alike_numbers(left, right),
            _ => left == right,
        },
        _ => left == right,
    }
}
