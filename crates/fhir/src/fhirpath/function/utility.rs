//! The time (FHIRPath §5.9.2), `trace`, `type` and `comparable`.

use std::borrow::Cow;

use super::{Call, Function, Gives, give, inner, plain};
use crate::fhirpath::evaluate::{EvaluateError, MORE};
use crate::fhirpath::item::Scalar;
use crate::fhirpath::{kind, quantity};

pub const FUNCTIONS: &[Function] = &[
    // Nothing is written down: a library knows no log, and what is traced may be a patient's.
    inner("trace", 1..=2, Gives::Input, |call, visit| call.each_input(visit)),
    plain("now", 0..=0, Gives::System("DateTime"), |call, visit| {
        give(Some(Scalar::DateTime(Cow::Owned(now(call)?.to_owned()))), visit)
    }),
    plain("today", 0..=0, Gives::System("Date"), |call, visit| {
        let day = now(call)?.split('T').next().unwrap_or_default();
        give(Some(Scalar::Date(Cow::Owned(day.to_owned()))), visit)
    }),
    plain("timeOfDay", 0..=0, Gives::System("Time"), |call, visit| {
        let clock = now(call)?.split('T').nth(1).unwrap_or_default();
        let time = clock.split(['Z', '+', '-']).next().unwrap_or_default();
        give(Some(Scalar::Time(Cow::Owned(time.to_owned()))), visit)
    }),
    plain("type", 0..=0, Gives::Anything, |call, visit| call.each_input(&mut |item| visit(&kind::described(item)))),
    plain("comparable", 1..=1, Gives::System("Boolean"), |call, visit| {
        let other = call.argument(0)?.and_then(|item| item.scalar());
        match (call.scalar()?, other) {
            (Some(Scalar::Quantity(_, unit)), Some(Scalar::Quantity(_, other))) => {
                give(Some(quantity::comparable(&unit, &other)), visit)
            }
            (None, _) | (_, None) => MORE,
            _ => Err(EvaluateError::new("comparable() is asked of two quantities")),
        }
    }),
];

fn now<'c>(call: &Call<'c, '_>) -> Result<&'c str, EvaluateError> {
    call.scope
        .run
        .environment
        .now
        .ok_or_else(|| EvaluateError::new("the time is not known here: nothing reads a clock"))
}
