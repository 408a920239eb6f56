//! Numbers (FHIRPath §5.7). What has no answer (the root of a negative number, a result that is too large) is nothing.

use super::{Call, Function, Gives, give, plain};
use crate::decimal::Decimal;
use crate::fhirpath::evaluate::{EvaluateError, MORE, Step};
use crate::fhirpath::item::{Scalar, Visit};

const NUMBER: Gives = Gives::System("Decimal");
const INTEGER: Gives = Gives::System("Integer");

pub const FUNCTIONS: &[Function] = &[
    plain("abs", 0..=0, Gives::Anything, |call, visit| {
        let found = match call.scalar()? {
            Some(Scalar::Integer(value)) => value.checked_abs().map(Scalar::Integer),
            Some(Scalar::Quantity(value, unit)) => Some(Scalar::Quantity(value.abs(), unit)),
            value => number(value)?.map(|value| Scalar::Decimal(value.abs())),
        };
        give(found, visit)
    }),
    plain("ceiling", 0..=0, INTEGER, |call, visit| whole(call, |value| value.ceiling(0), visit)),
    plain("floor", 0..=0, INTEGER, |call, visit| whole(call, |value| value.floor(0), visit)),
    plain("truncate", 0..=0, INTEGER, |call, visit| whole(call, |value| value.truncate(0), visit)),
    plain("round", 0..=1, NUMBER, |call, visit| {
        let places = match call.arguments.is_empty() {
            true => Some(0),
            false => call.integer_argument(0)?,
        };
        let (Some(value), Some(places)) = (number(call.scalar()?)?, places) else { return MORE };
        let places =
            u32::try_from(places).map_err(|_| EvaluateError::new("round() takes no negative number of digits"))?;
        give(Some(Scalar::Decimal(value.round(places))), visit)
    }),
    plain("exp", 0..=0, NUMBER, |call, visit| real(call, f64::exp, visit)),
    plain("ln", 0..=0, NUMBER, |call, visit| real(call, f64::ln, visit)),
    plain("sqrt", 0..=0, NUMBER, |call, visit| real(call, f64::sqrt, visit)),
    plain("log", 1..=1, NUMBER, |call, visit| {
        let (Some(value), Some(base)) = (number(call.scalar()?)?, call.number_argument(0)?) else { return MORE };
        let (value, base) = (value.to_f64(), base.to_f64());
        give(if base > 0.0 && base != 1.0 { double(value.log(base)) } else { None }, visit)
    }),
    plain("power", 1..=1, Gives::Anything, power),
];

fn number(value: Option<Scalar<'_>>) -> Result<Option<Decimal>, EvaluateError> {
    let Some(value) = value else { return Ok(None) };
    value.decimal().map(Some).ok_or_else(|| EvaluateError::new("expected a number"))
}

fn whole<'r>(call: &Call<'_, 'r>, cut: fn(Decimal) -> Decimal, visit: Visit<'_, 'r>) -> Step {
    give(number(call.scalar()?)?.and_then(|value| cut(value).whole()), visit)
}

fn real<'r>(call: &Call<'_, 'r>, of: fn(f64) -> f64, visit: Visit<'_, 'r>) -> Step {
    give(number(call.scalar()?)?.and_then(|value| double(of(value.to_f64()))), visit)
}

fn double(value: f64) -> Option<Scalar<'static>> {
    Decimal::from_f64(value).map(Scalar::Decimal)
}

/// An integer's power by an integer is an integer.
fn power<'r>(call: &Call<'_, 'r>, visit: Visit<'_, 'r>) -> Step {
    let (Some(base), Some(item)) = (call.scalar()?, call.argument(0)?) else { return MORE };
    let exponent = item.scalar();
    if let (Scalar::Integer(base), Some(Scalar::Integer(exponent))) = (&base, &exponent)
        && let Ok(exponent) = u32::try_from(*exponent)
    {
        return give(base.checked_pow(exponent), visit);
    }
    let (Some(base), Some(exponent)) = (number(Some(base))?, number(exponent)?) else { return MORE };
    give(double(base.to_f64().powf(exponent.to_f64())), visit)
}
