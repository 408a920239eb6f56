//! Conversion (FHIRPath §5.5): `iif`, and `toX` and `convertsToX` of each System type.

use super::{Call, Function, Gives, give, inner, plain};
use crate::decimal::Decimal;
use crate::fhirpath::evaluate::{EvaluateError, MORE, Scope, Step, each, keep_one, keep_truth};
use crate::fhirpath::item::{Item, Scalar, Visit};
use crate::fhirpath::temporal::{Moment, Unit};

const TRUTH: Gives = Gives::System("Boolean");

pub const FUNCTIONS: &[Function] = &[
    inner("iif", 2..=3, Gives::Anything, iif),
    plain("toBoolean", 0..=0, TRUTH, |call, visit| to(call, boolean, visit)),
    plain("toInteger", 0..=0, Gives::System("Integer"), |call, visit| to(call, integer, visit)),
    plain("toDecimal", 0..=0, Gives::System("Decimal"), |call, visit| to(call, decimal, visit)),
    plain("toString", 0..=0, Gives::System("String"), |call, visit| to(call, string, visit)),
    plain("toDate", 0..=0, Gives::System("Date"), |call, visit| to(call, date, visit)),
    plain("toDateTime", 0..=0, Gives::System("DateTime"), |call, visit| to(call, date_time, visit)),
    plain("toTime", 0..=0, Gives::System("Time"), |call, visit| to(call, time, visit)),
    plain("toQuantity", 0..=1, Gives::System("Quantity"), |call, visit| give(to_quantity(call)?.flatten(), visit)),
    plain("convertsToBoolean", 0..=0, TRUTH, |call, visit| converts(call, boolean, visit)),
    plain("convertsToInteger", 0..=0, TRUTH, |call, visit| converts(call, integer, visit)),
    plain("convertsToDecimal", 0..=0, TRUTH, |call, visit| converts(call, decimal, visit)),
    plain("convertsToString", 0..=0, TRUTH, |call, visit| converts(call, string, visit)),
    plain("convertsToDate", 0..=0, TRUTH, |call, visit| converts(call, date, visit)),
    plain("convertsToDateTime", 0..=0, TRUTH, |call, visit| converts(call, date_time, visit)),
    plain("convertsToTime", 0..=0, TRUTH, |call, visit| converts(call, time, visit)),
    plain("convertsToQuantity", 0..=1, TRUTH, |call, visit| {
        give(to_quantity(call)?.map(|found| found.is_some()), visit)
    }),
];

/// Its input is one item or none, and `$this` in its arguments. Only the side that is chosen is evaluated.
fn iif<'r>(call: &Call<'_, 'r>, visit: Visit<'_, 'r>) -> Step {
    let input = call.one()?;
    let scope = Scope { this: input.as_slice(), index: call.scope.index, ..*call.scope };
    let mut criterion = None;
    each(&scope, &call.arguments[0], &mut |item| match item.scalar() {
        Some(Scalar::Boolean(_)) => keep_truth(&mut criterion, item),
        _ => Err(EvaluateError::new("the first argument of iif() must be true or false")),
    })?;
    match (criterion, call.arguments.get(2)) {
        (Some(true), _) => each(&scope, &call.arguments[1], visit),
        (_, Some(otherwise)) => each(&scope, otherwise, visit),
        _ => MORE,
    }
}

type Convert = for<'r> fn(&Scalar<'r>) -> Option<Scalar<'r>>;

fn to<'r>(call: &Call<'_, 'r>, convert: Convert, visit: Visit<'_, 'r>) -> Step {
    give(scalar(call)?.and_then(|value| convert(&value?)), visit)
}

fn converts<'r>(call: &Call<'_, 'r>, convert: Convert, visit: Visit<'_, 'r>) -> Step {
    give(scalar(call)?.map(|value| value.is_some_and(|value| convert(&value).is_some())), visit)
}

/// The value of the one item, and that there is an item though it has none.
fn scalar<'r>(call: &Call<'_, 'r>) -> Result<Option<Option<Scalar<'r>>>, EvaluateError> {
    let mut found = None;
    call.each_input(&mut |item| keep_one(&mut found, item))?;
    Ok(found.map(|item: Item<'r>| item.scalar()))
}

fn boolean<'r>(value: &Scalar<'r>) -> Option<Scalar<'r>> {
    let found = match value {
        Scalar::Boolean(value) => *value,
        Scalar::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => true,
            "false" | "f" | "no" | "n" | "0" | "0.0" => false,
            _ => return None,
        },
        _ => match value.decimal()?.whole()? {
            1 => true,
            0 => false,
            _ => return None,
        },
    };
    Some(Scalar::Boolean(found))
}

fn integer<'r>(value: &Scalar<'r>) -> Option<Scalar<'r>> {
    Some(Scalar::Integer(match value {
        Scalar::Integer(value) => *value,
        Scalar::Boolean(value) => i64::from(*value),
        Scalar::String(text) => text.parse().ok()?,
        _ => return None,
    }))
}

fn decimal<'r>(value: &Scalar<'r>) -> Option<Scalar<'r>> {
    Some(Scalar::Decimal(match value {
        Scalar::Boolean(value) => Decimal::from(i64::from(*value)),
        Scalar::String(text) if !text.contains(['e', 'E']) => Decimal::read(text)?,
        _ => value.decimal()?,
    }))
}

fn string<'r>(value: &Scalar<'r>) -> Option<Scalar<'r>> {
    Some(Scalar::String(match value {
        Scalar::String(text) | Scalar::Date(text) | Scalar::DateTime(text) | Scalar::Time(text) => text.clone(),
        Scalar::Boolean(value) => value.to_string().into(),
        Scalar::Integer(value) => value.to_string().into(),
        Scalar::Decimal(value) => value.to_string().into(),
        Scalar::Quantity(value, unit) if Unit::calendar(unit).is_some() => format!("{value} {unit}").into(),
        Scalar::Quantity(value, unit) => format!("{value} '{unit}'").into(),
        Scalar::Type { .. } => return None,
    }))
}

fn date<'r>(value: &Scalar<'r>) -> Option<Scalar<'r>> {
    match value {
        Scalar::Date(_) => Some(value.clone()),
        Scalar::DateTime(text) | Scalar::String(text) => {
            let day = Moment::date_time(text).map(|_| text.split('T').next().unwrap_or_default().to_owned())?;
            Some(Scalar::Date(day.into()))
        }
        _ => None,
    }
}

fn date_time<'r>(value: &Scalar<'r>) -> Option<Scalar<'r>> {
    match value {
        Scalar::DateTime(_) => Some(value.clone()),
        Scalar::Date(text) | Scalar::String(text) => Moment::date_time(text).map(|_| Scalar::DateTime(text.clone())),
        _ => None,
    }
}

fn time<'r>(value: &Scalar<'r>) -> Option<Scalar<'r>> {
    match value {
        Scalar::Time(_) => Some(value.clone()),
        Scalar::String(text) => Moment::time(text).map(|_| Scalar::Time(text.clone())),
        _ => None,
    }
}

/// With a unit as its argument, only what can be told in that.
fn to_quantity<'r>(call: &Call<'_, 'r>) -> Result<Option<Option<Scalar<'r>>>, EvaluateError> {
    let Some(value) = scalar(call)? else { return Ok(None) };
    let found = value.as_ref().and_then(quantity);
    let (Some(unit), Some(Scalar::Quantity(amount, from))) = (call.text_argument(0)?, &found) else {
        return Ok(Some(found));
    };
    let told = crate::ucum::convert(amount.to_f64(), from, &unit).and_then(Decimal::from_f64);
    Ok(Some(told.map(|told| Scalar::Quantity(told, unit.into_owned().into()))))
}

/// A text is a number, and a UCUM unit in quotes or the word of a calendar without.
fn quantity<'r>(value: &Scalar<'r>) -> Option<Scalar<'r>> {
    match value {
        Scalar::Quantity(..) => Some(value.clone()),
        Scalar::Boolean(value) => Some(Scalar::Quantity(Decimal::from(i64::from(*value)), "1".into())),
        Scalar::String(text) => {
            let (number, unit) = text.split_once(char::is_whitespace).unwrap_or((text, "'1'"));
            let unit = unit.trim();
            let quoted =
                unit.strip_prefix('\'').and_then(|unit| unit.strip_suffix('\'')).filter(|unit| !unit.is_empty());
            let unit = quoted.or_else(|| Unit::calendar(unit).map(|_| unit))?;
            Some(Scalar::Quantity(Decimal::read(number)?, unit.to_owned().into()))
        }
        _ => Some(Scalar::Quantity(value.decimal()?, "1".into())),
    }
}
