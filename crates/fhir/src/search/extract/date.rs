//! Dates, times and periods as intervals (R4 §3.1.1.5.7).

use super::Emit;
use crate::search::value::{Interval, Value};
use crate::{Node, Object};

/// A date, dateTime or instant covers what its precision leaves open.
pub fn moment(text: &str, emit: Emit<'_, '_>) {
    Interval::read(text).into_iter().for_each(|interval| emit(Value::Date(interval)));
}

/// From the beginning of its start to the end of its end; a side that is absent is open.
pub fn period(object: &Object<'_>, emit: Emit<'_, '_>) {
    period_interval(object).into_iter().for_each(|interval| emit(Value::Date(interval)));
}

/// Only its outer bounds count: the events that are listed, and the period in which it repeats.
pub fn timing(object: &Object<'_>, emit: Emit<'_, '_>) {
    let events = object.items("event").iter().filter_map(Node::as_str).filter_map(Interval::read);
    let repeat = object.get("repeat").and_then(Node::as_object);
    let bounds = repeat.and_then(|repeat| repeat.get("boundsPeriod")).and_then(Node::as_object);
    let outer = events.chain(bounds.and_then(period_interval)).reduce(|outer, interval| Interval {
        low_us: outer.low_us.min(interval.low_us),
        high_us: outer.high_us.max(interval.high_us),
    });
    outer.into_iter().for_each(|interval| emit(Value::Date(interval)));
}

fn period_interval(object: &Object<'_>) -> Option<Interval> {
    let start = object.str("start").and_then(Interval::read);
    let end = object.str("end").and_then(Interval::read);
    if start.is_none() && end.is_none() {
        return None;
    }
    Some(Interval {
        low_us: start.map_or(i64::MIN, |start| start.low_us),
        high_us: end.map_or(i64::MAX, |end| end.high_us),
    })
}
