//! Equality and order of items (FHIRPath §6.1 and §6.2).
//!
//! Dates and times of different precision are neither equal nor unequal where they overlap: that is an empty answer, not
//! `false`. Quantities compare only in the same unit; nothing is converted.

use std::cmp::Ordering;

use super::evaluate::EvaluateError;
use super::item::{Form, Item, Scalar};
use crate::interval::Interval;
use crate::{Node, Object};

const SECOND_US: i64 = 1_000_000;

/// Whether two collections are equal, or `None` where it cannot be known.
pub fn equal(left: &[Item<'_>], right: &[Item<'_>]) -> Option<bool> {
    if left.is_empty() || right.is_empty() {
        return None;
    }
    if left.len() != right.len() {
        return Some(false);
    }
    let mut answer = Some(true);
    for (left, right) in left.iter().zip(right) {
        match same(left, right) {
            Some(false) => return Some(false),
            None => answer = None,
            Some(true) => {}
        }
    }
    answer
}

fn same(left: &Item<'_>, right: &Item<'_>) -> Option<bool> {
    if let (Item::Element(left), Item::Element(right)) = (left, right) {
        match (left.form, right.form) {
            (Form::Object(left), Form::Object(right)) => return Some(same_objects(left, right)),
            (Form::Primitive { value: None, .. }, Form::Primitive { value: None, .. }) => return Some(false),
            _ => {}
        }
    }
    match (left.scalar(), right.scalar()) {
        (Some(left), Some(right)) => same_scalars(&left, &right),
        _ => Some(false),
    }
}

/// Elements in any order, as a person would read them; numbers by value.
fn same_objects(left: &Object<'_>, right: &Object<'_>) -> bool {
    let within = |a: &Object<'_>, b: &Object<'_>| {
        a.fields.iter().all(|(name, node)| b.get(name).is_some_and(|other| same_nodes(node, other)))
    };
    left.fields.len() == right.fields.len() && within(left, right)
}

fn same_nodes(left: &Node<'_>, right: &Node<'_>) -> bool {
    match (left, right) {
        (Node::Object(left), Node::Object(right)) => same_objects(left, right),
        (Node::List(left), Node::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_nodes(left, right))
        }
        (Node::Number(left), Node::Number(right)) => {
            let read = crate::decimal::Decimal::read;
            matches!((read(left), read(right)), (Some(left), Some(right)) if left.compare(right).is_eq())
        }
        _ => left == right,
    }
}

fn same_scalars(left: &Scalar<'_>, right: &Scalar<'_>) -> Option<bool> {
    match (left, right) {
        (Scalar::Boolean(left), Scalar::Boolean(right)) => Some(left == right),
        (Scalar::String(left), Scalar::String(right)) => Some(left == right),
        (Scalar::Quantity(left, unit), Scalar::Quantity(right, other)) => {
            if unit != other {
                return None;
            }
            Some(left.compare(*right).is_eq())
        }
        _ => match order(left, right) {
            Order::Known(ordering) => Some(ordering.is_eq()),
            Order::Unknown => None,
            Order::None => Some(false),
        },
    }
}

/// The order of two items, `None` where precision hides it, or an error where there is none.
pub fn compare(left: &Item<'_>, right: &Item<'_>) -> Result<Option<Ordering>, EvaluateError> {
    let found = match (left.scalar(), right.scalar()) {
        (Some(Scalar::String(left)), Some(Scalar::String(right))) => Order::Known(left.cmp(&right)),
        (Some(Scalar::Quantity(left, unit)), Some(Scalar::Quantity(right, other))) => {
            if unit == other {
                Order::Known(left.compare(right))
            } else {
                Order::Unknown
            }
        }
        (Some(left), Some(right)) => order(&left, &right),
        _ => Order::None,
    };
    match found {
        Order::Known(ordering) => Ok(Some(ordering)),
        Order::Unknown => Ok(None),
        Order::None => Err(EvaluateError::new("expected two values that have an order, such as two numbers")),
    }
}

enum Order {
    Known(Ordering),
    /// They overlap, or their units differ.
    Unknown,
    /// They are of kinds that have no order together.
    None,
}

/// Numbers and times.
fn order(left: &Scalar<'_>, right: &Scalar<'_>) -> Order {
    if let (Some(left), Some(right)) = (left.decimal(), right.decimal()) {
        return Order::Known(left.compare(right));
    }
    match (left, right) {
        (Scalar::Time(left), Scalar::Time(right)) => {
            intervals(&format!("1970-01-01T{left}"), &format!("1970-01-01T{right}"))
        }
        (Scalar::Date(left) | Scalar::DateTime(left), Scalar::Date(right) | Scalar::DateTime(right)) => {
            // A literal `@2024T` is a dateTime known to the year.
            intervals(left.trim_end_matches('T'), right.trim_end_matches('T'))
        }
        _ => Order::None,
    }
}

fn intervals(left: &str, right: &str) -> Order {
    let (Some(first), Some(second)) = (Interval::read(left), Interval::read(right)) else { return Order::None };
    if zoned(left).is_some_and(|zone| zoned(right).is_some_and(|other| other != zone)) {
        return Order::Unknown;
    }
    // Seconds with and without a fraction are of one precision (FHIRPath §6.1.1).
    let precise = |interval: Interval| interval.high_us.saturating_sub(interval.low_us) <= SECOND_US;
    if first == second || (precise(first) && precise(second)) {
        Order::Known(first.low_us.cmp(&second.low_us))
    } else if first.high_us <= second.low_us {
        Order::Known(Ordering::Less)
    } else if first.low_us >= second.high_us {
        Order::Known(Ordering::Greater)
    } else {
        Order::Unknown
    }
}

/// Whether a time says its zone; nothing to say where there is no time. Two of which one does not are not compared.
fn zoned(text: &str) -> Option<bool> {
    let (_, time) = text.split_once('T')?;
    Some(time.contains(['Z', '+', '-']))
}
