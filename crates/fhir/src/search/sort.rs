//! The value by which a resource is put in order (R4 §3.1.1.5.2 `_sort`).
//!
//! Of several values the least counts upwards and the greatest downwards. A date, number or quantity is put where it
//! begins; amounts are not converted, so that those of different units stand by their numbers. Strings are normalised.
//! Codes, identifiers, references and URLs go by what is written, system or base aside.

use std::cmp::Ordering;

use super::query::Sort;
use super::value::{Reference, Value};
use super::values;
use crate::Resource;

/// A value in order. Those of one parameter are of one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// Microseconds since 1970 UTC.
    Time(i64),
    /// Never NaN; the open side of a range is infinite.
    Number(f64),
    Text(String),
}

impl SortKey {
    /// Numbers before texts, for the sake of a total order.
    pub fn compare(&self, other: &SortKey) -> Ordering {
        match (self, other) {
            (SortKey::Time(left), SortKey::Time(right)) => left.cmp(right),
            (SortKey::Number(left), SortKey::Number(right)) => left.partial_cmp(right).unwrap_or(Ordering::Equal),
            (SortKey::Text(left), SortKey::Text(right)) => left.cmp(right),
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            SortKey::Time(_) => 0,
            SortKey::Number(_) => 1,
            SortKey::Text(_) => 2,
        }
    }
}

/// The resource's place by one rule; none where it has no value. The rule's parameter is of the resource's type.
pub fn sort_key(rule: &Sort, resource: &Resource<'_>) -> Option<SortKey> {
    let mut edge: Option<SortKey> = None;
    values(resource, rule.parameter, &mut |entry| {
        let Some(key) = key(&entry.value) else { return };
        let further = if rule.descending { Ordering::Greater } else { Ordering::Less };
        if edge.as_ref().is_none_or(|edge| key.compare(edge) == further) {
            edge = Some(key);
        }
    });
    edge
}

fn key(value: &Value<'_>) -> Option<SortKey> {
    Some(match value {
        Value::Token(token) => SortKey::Text(token.code.to_owned()),
        // Said already as a token.
        Value::OfType(_) => return None,
        Value::String(text) => SortKey::Text(text.normalised.clone().into_owned()),
        Value::Reference(Reference::Local { kind, id }) => SortKey::Text(format!("{kind}/{id}")),
        Value::Reference(Reference::Absolute { url } | Reference::Canonical { url, .. }) => {
            SortKey::Text((*url).to_owned())
        }
        Value::Reference(Reference::Identifier { value, .. }) => SortKey::Text((*value).to_owned()),
        Value::Date(interval) => SortKey::Time(interval.low_us),
        Value::Number(range) => SortKey::Number(range.low),
        Value::Quantity(quantity) => SortKey::Number(quantity.range.low),
        Value::Uri(uri) => SortKey::Text((*uri).to_owned()),
    })
}
