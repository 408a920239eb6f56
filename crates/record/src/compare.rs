//! The comparisons of R4 §3.1.1.4.5 as SQL, as `fhir::search::matches` has them.

use fhir::search::{Bounds, Interval, Prefix};
use rusqlite::types::Value;

/// A stored interval `[low, high)` against the asked one.
pub fn date(prefix: Prefix, asked: Interval, low: &str, high: &str) -> (String, Vec<Value>) {
    let (from, to) = (Value::from(asked.low_us), Value::from(asked.high_us));
    match prefix {
        Prefix::Eq => (format!("{low} >= ? AND {high} <= ?"), vec![from, to]),
        Prefix::Ne => (format!("NOT ({low} >= ? AND {high} <= ?)"), vec![from, to]),
        Prefix::Gt => (format!("{high} > ?"), vec![to]),
        Prefix::Lt => (format!("{low} < ?"), vec![from]),
        Prefix::Ge => (format!("{high} > ? OR ({low} >= ? AND {high} <= ?)"), vec![to.clone(), from, to]),
        Prefix::Le => (format!("{low} < ? OR ({low} >= ? AND {high} <= ?)"), vec![from.clone(), from, to]),
        Prefix::Sa => (format!("{low} >= ?"), vec![to]),
        Prefix::Eb => (format!("{high} <= ?"), vec![from]),
        Prefix::Ap => {
            let asked = asked.widened();
            (format!("{low} < ? AND {high} > ?"), vec![asked.high_us.into(), asked.low_us.into()])
        }
    }
}

/// A stored range `[low, high]` against the asked number.
pub fn number(prefix: Prefix, asked: Bounds) -> (String, Vec<Value>) {
    let value = || Value::from(asked.value);
    let (from, to) = (Value::from(asked.low), Value::from(asked.high));
    match prefix {
        Prefix::Eq => ("low >= ? AND high < ?".to_owned(), vec![from, to]),
        Prefix::Ne => ("NOT (low >= ? AND high < ?)".to_owned(), vec![from, to]),
        Prefix::Gt => ("high > ?".to_owned(), vec![value()]),
        Prefix::Lt => ("low < ?".to_owned(), vec![value()]),
        Prefix::Ge => ("high >= ?".to_owned(), vec![value()]),
        Prefix::Le => ("low <= ?".to_owned(), vec![value()]),
        Prefix::Sa => ("low > ?".to_owned(), vec![value()]),
        Prefix::Eb => ("high < ?".to_owned(), vec![value()]),
        Prefix::Ap => {
            let around = asked.around();
            ("low <= ? AND high >= ?".to_owned(), vec![around.high.into(), around.low.into()])
        }
    }
}
