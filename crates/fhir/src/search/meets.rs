//! Whether one stored value meets one that is asked for (R4 §3.1.1.4.5, §3.1.1.5).

use super::query::{Bounds, Code, Criterion, InBase, Modifier, Prefix, QuantityUnit};
use super::value::{Interval, Quantity, Range, Reference, Value};

pub fn meets(criterion: &Criterion, modifier: Modifier, value: &Value<'_>) -> bool {
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
        (Criterion::Quantity { prefix, bounds, unit, in_base }, Value::Quantity(stored)) => {
            quantity_meets(*prefix, *bounds, unit, in_base.as_ref(), stored)
        }
        (Criterion::Uri(asked), Value::Uri(stored)) => match modifier {
            Modifier::Below => is_under(stored, asked),
            Modifier::Above => is_under(asked, stored),
            _ => asked == stored,
        },
        _ => false,
    }
}

/// Whether a URL is the other one, or begins with all of its segments.
fn is_under(url: &str, top: &str) -> bool {
    let top = top.strip_suffix('/').unwrap_or(top);
    url.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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

/// In the unit that is asked for as it stands; in another unit of UCUM that measures the same thing, in base units.
fn quantity_meets(
    prefix: Prefix,
    bounds: Bounds,
    unit: &QuantityUnit,
    in_base: Option<&InBase>,
    stored: &Quantity<'_>,
) -> bool {
    let same = match unit {
        QuantityUnit::Any => true,
        QuantityUnit::CodeOrUnit(unit) => stored.code == Some(unit) || stored.unit == Some(unit),
        QuantityUnit::Coded { system, code } => stored.system == Some(system) && stored.code == Some(code),
    };
    if same {
        return range_meets(prefix, bounds, stored.range);
    }
    match (in_base, stored.in_base()) {
        (Some(asked), Some((range, unit))) => asked.unit == unit && range_meets(prefix, asked.bounds, range),
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
