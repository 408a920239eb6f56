//! The comparisons of R4 §3.1.1.4.5 as SQL, as `fhir::search::matches` has them, and where in the index to look.

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
        Prefix::Ge => (format!("({high} > ? OR ({low} >= ? AND {high} <= ?))"), vec![to.clone(), from, to]),
        Prefix::Le => (format!("({low} < ? OR ({low} >= ? AND {high} <= ?))"), vec![from.clone(), from, to]),
        Prefix::Sa => (format!("{low} >= ?"), vec![to]),
        Prefix::Eb => (format!("{high} <= ?"), vec![from]),
        Prefix::Ap => {
            let asked = asked.widened();
            (format!("{low} < ? AND {high} > ?"), vec![asked.high_us.into(), asked.low_us.into()])
        }
    }
}

/// Where those begin, both included, that are no wider than `width`.
pub fn beginnings(prefix: Prefix, asked: Interval, width: i64) -> (i64, i64) {
    let (low, high) = (asked.low_us, asked.high_us);
    // What may be of any width may begin anywhere.
    let back = |from: i64| if width == i64::MAX { i64::MIN } else { from.saturating_sub(width) };
    match prefix {
        Prefix::Eq => (low, high),
        Prefix::Ne => (i64::MIN, i64::MAX),
        Prefix::Gt => (back(high), i64::MAX),
        Prefix::Lt | Prefix::Eb => (i64::MIN, low),
        Prefix::Ge => (back(high).min(low), i64::MAX),
        Prefix::Le => (i64::MIN, high),
        Prefix::Sa => (high, i64::MAX),
        Prefix::Ap => {
            let asked = asked.widened();
            (back(asked.low_us), asked.high_us)
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

/// Where points that can match are, both ends included.
pub fn points(prefix: Prefix, asked: Bounds) -> (f64, f64) {
    match prefix {
        Prefix::Eq => (asked.low, asked.high),
        Prefix::Ne => (f64::NEG_INFINITY, f64::INFINITY),
        Prefix::Gt | Prefix::Ge | Prefix::Sa => (asked.value, f64::INFINITY),
        Prefix::Lt | Prefix::Le | Prefix::Eb => (f64::NEG_INFINITY, asked.value),
        Prefix::Ap => {
            let around = asked.around();
            (around.low, around.high)
        }
    }
}
