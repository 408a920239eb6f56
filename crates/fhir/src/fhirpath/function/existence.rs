//! Existence (FHIRPath §5.1) and boolean negation (§6.5.4).

use super::{Call, Function, Gives, give, inner, plain};
use crate::fhirpath::distinct::Distinct;
use crate::fhirpath::evaluate::{ENOUGH, EvaluateError, MORE, Step, each_of, holds, keep_truth};
use crate::fhirpath::item::{Item, Scalar, Visit};

const TRUTH: Gives = Gives::System("Boolean");

pub const FUNCTIONS: &[Function] = &[
    plain("empty", 0..=0, TRUTH, |call, visit| visit(&Item::from(!exists(call)?))),
    inner("exists", 0..=1, TRUTH, |call, visit| {
        let found = if call.arguments.is_empty() { exists(call)? } else { any(call, true)? };
        visit(&Item::from(found))
    }),
    inner("all", 1..=1, TRUTH, |call, visit| visit(&Item::from(!any(call, false)?))),
    plain("allTrue", 0..=0, TRUTH, |call, visit| booleans(call, |values| values.iter().all(|value| *value), visit)),
    plain("anyTrue", 0..=0, TRUTH, |call, visit| booleans(call, |values| values.contains(&true), visit)),
    plain("allFalse", 0..=0, TRUTH, |call, visit| booleans(call, |values| !values.contains(&true), visit)),
    plain("anyFalse", 0..=0, TRUTH, |call, visit| booleans(call, |values| values.contains(&false), visit)),
    plain("subsetOf", 1..=1, TRUTH, |call, visit| {
        let all = Distinct::of(call.scope, call.arguments(0)?)?;
        visit(&Item::from(within(call, &call.input()?, &all)?))
    }),
    plain("supersetOf", 1..=1, TRUTH, |call, visit| {
        let all = Distinct::of(call.scope, call.input()?)?;
        visit(&Item::from(within(call, &call.arguments(0)?, &all)?))
    }),
    plain("count", 0..=0, Gives::System("Integer"), |call, visit| {
        let mut count = 0i64;
        call.each_input(&mut |_| {
            count += 1;
            MORE
        })?;
        visit(&Item::from(count))
    }),
    plain("distinct", 0..=0, Gives::Input, |call, visit| {
        each_of(&Distinct::of(call.scope, call.input()?)?.into_items(), visit)
    }),
    plain("isDistinct", 0..=0, TRUTH, |call, visit| {
        let (mut known, mut distinct) = (Distinct::default(), true);
        call.each_input(&mut |item| {
            distinct = known.insert(call.scope, item.clone())?;
            if distinct { MORE } else { ENOUGH }
        })?;
        visit(&Item::from(distinct))
    }),
    plain("not", 0..=0, TRUTH, |call, visit| {
        let mut found = None;
        call.each_input(&mut |item| keep_truth(&mut found, item))?;
        give(found.map(|found| !found), visit)
    }),
];

fn exists(call: &Call<'_, '_>) -> Result<bool, EvaluateError> {
    let mut found = false;
    call.each_input(&mut |_| {
        found = true;
        ENOUGH
    })?;
    Ok(found)
}

/// Whether the criterion has this answer for any item.
fn any(call: &Call<'_, '_>, wanted: bool) -> Result<bool, EvaluateError> {
    let mut found = false;
    call.each_scope(&mut |scope, _| {
        found = holds(scope, &call.arguments[0])? == wanted;
        if found { ENOUGH } else { MORE }
    })?;
    Ok(found)
}

fn booleans<'r>(call: &Call<'_, 'r>, judge: fn(&[bool]) -> bool, visit: Visit<'_, 'r>) -> Step {
    let mut values = Vec::new();
    call.each_input(&mut |item| match item.scalar() {
        Some(Scalar::Boolean(value)) => {
            values.push(value);
            MORE
        }
        _ => Err(EvaluateError::new("expected booleans only")),
    })?;
    visit(&Item::from(judge(&values)))
}

fn within<'r>(call: &Call<'_, 'r>, items: &[Item<'r>], all: &Distinct<'r>) -> Result<bool, EvaluateError> {
    for item in items {
        if !all.contains(call.scope, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}
