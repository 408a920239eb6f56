//! Numbers and quantities (R4 §3.1.1.5.6 and §3.1.1.5.11).
//!
//! They are indexed as doubles: fifteen digits tell apart all that a laboratory measures, and the resource keeps what
//! was written. No unit is converted.

use super::Emit;
use crate::search::value::{Quantity, Range, Value};
use crate::{Node, Object};

pub fn number(text: &str, emit: Emit<'_, '_>) {
    double(text).into_iter().for_each(|value| emit(Value::Number(Range { low: value, high: value })));
}

/// A comparator opens one side: `<5` is anything up to 5.
pub fn quantity<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    let Some(value) = value(object) else { return };
    let range = match object.str("comparator") {
        Some("<" | "<=") => Range { low: f64::NEG_INFINITY, high: value },
        Some(">" | ">=") => Range { low: value, high: f64::INFINITY },
        _ => Range { low: value, high: value },
    };
    emit(with_unit(range, object));
}

/// The currency is the unit (ISO 4217).
pub fn money<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    let Some(value) = value(object) else { return };
    let code = object.str("currency");
    let system = code.map(|_| "urn:iso:std:iso:4217");
    emit(Value::Quantity(Quantity { range: Range { low: value, high: value }, system, code, unit: None }));
}

/// From low to high; a side that is absent is open.
pub fn range<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    if let Some((range, unit)) = sides(object) {
        emit(with_unit(range, unit));
    }
}

/// The same of a number without a unit, a probability.
pub fn number_range(object: &Object<'_>, emit: Emit<'_, '_>) {
    sides(object).into_iter().for_each(|(range, _)| emit(Value::Number(range)));
}

/// What a Range covers, and the side that has the unit.
fn sides<'r, 'a>(object: &'r Object<'a>) -> Option<(Range, &'r Object<'a>)> {
    let (low, high) = (object.get("low").and_then(Node::as_object), object.get("high").and_then(Node::as_object));
    let unit = low.or(high)?;
    let low = low.map_or(Some(f64::NEG_INFINITY), value)?;
    let high = high.map_or(Some(f64::INFINITY), value)?;
    Some((Range { low, high }, unit))
}

/// From the smallest to the largest sample, in the unit of the origin. `E`, `U` and `L` are no numbers.
pub fn sampled_data<'r>(object: &'r Object<'_>, emit: Emit<'_, 'r>) {
    let Some(origin) = object.get("origin").and_then(Node::as_object) else { return };
    let Some(zero) = value(origin) else { return };
    let factor = number_of(object, "factor").unwrap_or(1.0);
    let samples = object.str("data").unwrap_or_default().split(' ').filter_map(double).map(|s| zero + s * factor);
    let around = samples.fold(None, |range: Option<Range>, sample| {
        let Range { low, high } = range.unwrap_or(Range { low: sample, high: sample });
        Some(Range { low: low.min(sample), high: high.max(sample) })
    });
    around.into_iter().for_each(|range| emit(with_unit(range, origin)));
}

fn with_unit<'r>(range: Range, object: &'r Object<'_>) -> Value<'r> {
    let (system, code, unit) = (object.str("system"), object.str("code"), object.str("unit"));
    Value::Quantity(Quantity { range, system, code, unit })
}

fn value(object: &Object<'_>) -> Option<f64> {
    number_of(object, "value")
}

fn number_of(object: &Object<'_>, name: &str) -> Option<f64> {
    match object.get(name) {
        Some(Node::Number(text)) => double(text),
        _ => None,
    }
}

/// What is too large for a double is not a number that can be searched.
fn double(text: &str) -> Option<f64> {
    // `parse` would also take `inf` and `nan`.
    if !text.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}
