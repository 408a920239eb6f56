//! Whether a resource meets a query, by what is extracted from it: slow, plain, and what every store's plan must agree
//! with (R4 §3.1.1.4.5).

use super::extract;
use super::query::{Bounds, Clause, Code, Criterion, Modifier, Prefix, QuantityUnit, Query};
use super::value::{Entry, Interval, Range, Reference, Value};
use crate::Resource;

/// Whether the resource is of the query's type and every clause holds. Order, page and total are no business of this.
pub fn matches(query: &Query, resource: &Resource<'_>) -> bool {
    if resource.kind() != query.kind {
        return false;
    }
    let entries = extract(resource);
    query.clauses.iter().all(|clause| holds(clause, &entries))
}

fn holds(clause: &Clause, entries: &[Entry<'_>]) -> bool {
    let mut own = entries.iter().filter(|entry| entry.parameter == clause.parameter.id);
    if clause.modifier == Modifier::Missing {
        return clause.values.contains(&Criterion::Missing(own.next().is_none()));
    }
    let found = own.any(|entry| clause.values.iter().any(|criterion| meets(criterion, clause.modifier, &entry.value)));
    found != (clause.modifier == Modifier::Not)
}

fn meets(criterion: &Criterion, modifier: Modifier, value: &Value<'_>) -> bool {
    match (criterion, value) {
        (Criterion::Token(code), Value::Token(token)) => code_meets(code, token.system, token.code),
        (Criterion::OfType { system, code, value }, Value::OfType(stored)) => {
            stored.code == code && stored.value == value && (system.is_none() || stored.system == system.as_deref())
        }
        (Criterion::String { normalised, exact }, Value::String(text)) => match modifier {
            Modifier::Exact => text.exact == exact,
            Modifier::Contains => text.normalised.contains(normalised.as_str()),
            _ => text.normalised.starts_with(normalised.as_str()),
        },
        (Criterion::Identifier(code), Value::Reference(Reference::Identifier { system, value })) => {
            code_meets(code, *system, value)
        }
        (_, Value::Reference(reference)) => reference_meets(criterion, reference),
        (Criterion::Date { prefix, interval }, Value::Date(stored)) => interval_meets(*prefix, *interval, *stored),
        (Criterion::Number { prefix, bounds }, Value::Number(stored)) => range_meets(*prefix, *bounds, *stored),
        (Criterion::Quantity { prefix, bounds, unit }, Value::Quantity(stored)) => {
            let unit = match unit {
                QuantityUnit::Any => true,
                QuantityUnit::CodeOrUnit(unit) => stored.code == Some(unit) || stored.unit == Some(unit),
                QuantityUnit::Coded { system, code } => stored.system == Some(system) && stored.code == Some(code),
            };
            unit && range_meets(*prefix, *bounds, stored.range)
        }
        (Criterion::Uri(asked), Value::Uri(stored)) => asked == stored,
        _ => false,
    }
}

fn code_meets(asked: &Code, system: Option<&str>, code: &str) -> bool {
    match asked {
        Code::AnySystem(asked) => asked == code,
        Code::InSystem { system: within, code: asked } => asked == code && system == Some(within),
        Code::NoSystem(asked) => asked == code && system.is_none(),
        Code::System(within) => system == Some(within),
    }
}

fn reference_meets(criterion: &Criterion, stored: &Reference<'_>) -> bool {
    match (criterion, stored) {
        (Criterion::Reference { kind, id }, Reference::Local { kind: stored, id: of }) => {
            id == of && kind.is_none_or(|kind| kind == *stored)
        }
        (Criterion::Url { url, version: None }, Reference::Absolute { url: stored }) => url == stored,
        (Criterion::Url { url, version }, Reference::Canonical { url: stored, version: of }) => {
            url == stored && version.as_deref().is_none_or(|version| Some(version) == *of)
        }
        _ => false,
    }
}

/// Both are half-open: what is asked by its precision, what is stored by its precision or as a period.
fn interval_meets(prefix: Prefix, asked: Interval, stored: Interval) -> bool {
    let within = asked.low_us <= stored.low_us && stored.high_us <= asked.high_us;
    match prefix {
        Prefix::Eq => within,
        Prefix::Ne => !within,
        Prefix::Gt => stored.high_us > asked.high_us,
        Prefix::Lt => stored.low_us < asked.low_us,
        Prefix::Ge => within || stored.high_us > asked.high_us,
        Prefix::Le => within || stored.low_us < asked.low_us,
        Prefix::Sa => stored.low_us >= asked.high_us,
        Prefix::Eb => stored.high_us <= asked.low_us,
        Prefix::Ap => {
            let asked = asked.widened();
            stored.low_us < asked.high_us && asked.low_us < stored.high_us
        }
    }
}

/// The precision of what is asked counts for `eq` and `ne` alone (R4 §3.1.1.4.5).
fn range_meets(prefix: Prefix, asked: Bounds, stored: Range) -> bool {
    let within = asked.low <= stored.low && stored.high < asked.high;
    match prefix {
        Prefix::Eq => within,
        Prefix::Ne => !within,
        Prefix::Gt => stored.high > asked.value,
        Prefix::Lt => stored.low < asked.value,
        Prefix::Ge => stored.high >= asked.value,
        Prefix::Le => stored.low <= asked.value,
        Prefix::Sa => stored.low > asked.value,
        Prefix::Eb => stored.high < asked.value,
        Prefix::Ap => {
            let around = asked.around();
            stored.low <= around.high && around.low <= stored.high
        }
    }
}
