//! How precise a value is, and the least and the most that it may mean (FHIRPath 2.1).
//!
//! A boundary that is told with fewer digits than the value has goes outward, so that the value stays between its two
//! boundaries.

use super::{Call, Function, Gives, give, plain};
use crate::decimal::Decimal;
use crate::fhirpath::compare::moment;
use crate::fhirpath::evaluate::{EvaluateError, Step};
use crate::fhirpath::item::{Item, Scalar, Visit};

pub const FUNCTIONS: &[Function] = &[
    plain("lowBoundary", 0..=1, Gives::Anything, |call, visit| boundary(call, Side::Low, visit)),
    plain("highBoundary", 0..=1, Gives::Anything, |call, visit| boundary(call, Side::High, visit)),
    plain("precision", 0..=0, Gives::System("Integer"), |call, visit| {
        let Some(value) = call.scalar()? else { return give(None::<bool>, visit) };
        let digits = match &value {
            Scalar::Integer(_) => Some(0),
            Scalar::Decimal(value) | Scalar::Quantity(value, _) => Some(i64::from(value.places())),
            _ => moment(&value).map(|moment| moment.digits()),
        };
        give(Some(digits.ok_or_else(unfit)?), visit)
    }),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Low,
    High,
}

/// Digits after the point without another wish, and the most that are told.
const PLACES: i64 = 8;
const PLACES_MAX: u32 = 28;

fn unfit() -> EvaluateError {
    EvaluateError::new("expected a number, a quantity, a date or a time")
}

fn boundary<'r>(call: &Call<'_, 'r>, side: Side, visit: Visit<'_, 'r>) -> Step {
    let wish = call.integer_argument(0)?;
    let found = match call.scalar()? {
        None => None,
        Some(Scalar::Quantity(value, unit)) => number(value, side, wish).map(|value| Scalar::Quantity(value, unit)),
        Some(value) => match value.decimal() {
            Some(value) => number(value, side, wish).map(Scalar::Decimal),
            None => time(&value, side, wish)?,
        },
    };
    give(found.map(Item::Scalar), visit)
}

fn number(value: Decimal, side: Side, places: Option<i64>) -> Option<Decimal> {
    let places = u32::try_from(places.unwrap_or(PLACES)).ok().filter(|places| *places <= PLACES_MAX)?;
    let told = match side {
        Side::Low => value.half_unit(-1).floor(places),
        Side::High => value.half_unit(1).ceiling(places),
    };
    told.with_places(places)
}

fn time<'r>(value: &Scalar<'r>, side: Side, digits: Option<i64>) -> Result<Option<Scalar<'r>>, EvaluateError> {
    let moment = moment(value).ok_or_else(unfit)?;
    let finest = moment.finest_digits(matches!(value, Scalar::DateTime(_)));
    let digits = digits.unwrap_or(finest);
    if digits > finest {
        return Ok(None);
    }
    let found = match side {
        Side::Low => moment.low(digits),
        Side::High => moment.high(digits),
    };
    Ok(found.map(|found| {
        let text = found.to_string().into();
        match value {
            Scalar::Date(_) => Scalar::Date(text),
            Scalar::Time(_) => Scalar::Time(text),
            _ => Scalar::DateTime(text),
        }
    }))
}
