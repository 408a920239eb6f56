//! Subsetting (FHIRPath §5.3) and combining (§5.4).

use super::{Call, Function, Gives, give, plain};
use crate::fhirpath::distinct::Distinct;
use crate::fhirpath::evaluate::{ENOUGH, Flow, MORE, Step, each, each_of};
use crate::fhirpath::item::Visit;

pub const FUNCTIONS: &[Function] = &[
    plain("single", 0..=0, Gives::Input, |call, visit| give(call.one()?, visit)),
    plain("first", 0..=0, Gives::Input, |call, visit| from_to(call, 0, 1, visit)),
    plain("last", 0..=0, Gives::Input, |call, visit| {
        let mut last = None;
        call.each_input(&mut |item| {
            last = Some(item.clone());
            MORE
        })?;
        give(last, visit)
    }),
    plain("tail", 0..=0, Gives::Input, |call, visit| from_to(call, 1, i64::MAX, visit)),
    plain("skip", 1..=1, Gives::Input, |call, visit| match call.integer_argument(0)? {
        Some(count) => from_to(call, count.max(0), i64::MAX, visit),
        None => MORE,
    }),
    plain("take", 1..=1, Gives::Input, |call, visit| match call.integer_argument(0)? {
        Some(count) if count > 0 => from_to(call, 0, count, visit),
        _ => MORE,
    }),
    plain("intersect", 1..=1, Gives::Input, |call, visit| {
        let (other, mut given) = (Distinct::of(call.scope, call.arguments(0)?)?, Distinct::default());
        call.each_input(&mut |item| {
            let both = other.contains(call.scope, item)? && given.insert(call.scope, item.clone())?;
            if both { visit(item) } else { MORE }
        })
    }),
    plain("exclude", 1..=1, Gives::Input, |call, visit| {
        let other = Distinct::of(call.scope, call.arguments(0)?)?;
        call.each_input(&mut |item| if other.contains(call.scope, item)? { MORE } else { visit(item) })
    }),
    plain("union", 1..=1, Gives::Both, |call, visit| {
        let mut all = Distinct::of(call.scope, call.input()?)?;
        each(call.scope, &call.arguments[0], &mut |item| all.insert(call.scope, item.clone()).map(|_| Flow::More))?;
        each_of(&all.into_items(), visit)
    }),
    plain("combine", 1..=1, Gives::Both, |call, visit| {
        if call.each_input(visit)?.is_enough() {
            return ENOUGH;
        }
        each(call.scope, &call.arguments[0], visit)
    }),
];

/// The items from one place to before another.
fn from_to<'r>(call: &Call<'_, 'r>, from: i64, to: i64, visit: Visit<'_, 'r>) -> Step {
    let (mut at, mut wanted) = (0i64, MORE);
    call.each_input(&mut |item| {
        at += 1;
        if at > from {
            wanted = visit(item);
        }
        match wanted {
            Ok(Flow::More) if at < to => MORE,
            _ => ENOUGH,
        }
    })?;
    wanted
}
