//! Filtering and projection (FHIRPath §5.2), with `aggregate` (§7) and `sort`.

use std::cmp::Ordering;

use super::{Call, Function, Gives, inner};
use crate::fhirpath::compare::compare;
use crate::fhirpath::distinct::Distinct;
use crate::fhirpath::evaluate::{ENOUGH, EvaluateError, MORE, Scope, collect, each, each_of, holds, one};
use crate::fhirpath::item::Item;
use crate::fhirpath::program::Program;

pub const FUNCTIONS: &[Function] = &[
    inner("where", 1..=1, Gives::Input, |call, visit| {
        call.each_scope(&mut |scope, item| if holds(scope, &call.arguments[0])? { visit(item) } else { MORE })
    }),
    inner("select", 1..=1, Gives::Argument, |call, visit| {
        call.each_scope(&mut |scope, _| each(scope, &call.arguments[0], visit))
    }),
    inner("repeat", 1..=1, Gives::Anything, |call, visit| each_of(&repeated(call)?, visit)),
    inner("aggregate", 1..=2, Gives::Anything, |call, visit| {
        let mut total = call.arguments(1)?;
        call.each_scope(&mut |scope, _| {
            let scope = Scope { total: &total, ..*scope };
            total = collect(&scope, &call.arguments[0])?;
            MORE
        })?;
        each_of(&total, visit)
    }),
    inner("sort", 0..=8, Gives::Input, |call, visit| {
        for (item, _) in sorted(call)? {
            if visit(&item)?.is_enough() {
                return ENOUGH;
            }
        }
        MORE
    }),
];

/// What the projection finds of the input, of that, and so on: each item once, in the order in which it is found.
fn repeated<'r>(call: &Call<'_, 'r>) -> Result<Vec<Item<'r>>, EvaluateError> {
    let mut found = Distinct::default();
    let mut next = call.input()?;
    while !next.is_empty() {
        let mut new = Vec::new();
        for (index, item) in next.iter().enumerate() {
            each(&call.scope.of(item, index), &call.arguments[0], &mut |item| {
                if found.insert(call.scope, item.clone())? {
                    new.push(item.clone());
                }
                MORE
            })?;
        }
        next = new;
    }
    Ok(found.into_items())
}

type Keyed<'r> = (Item<'r>, Vec<Option<Item<'r>>>);

/// By each key in turn; a key with a minus sign before it is from the highest down. What has no key is highest.
fn sorted<'r>(call: &Call<'_, 'r>) -> Result<Vec<Keyed<'r>>, EvaluateError> {
    let keys: Vec<(bool, &Program)> = call.arguments.iter().map(direction).collect();
    let mut items: Vec<Keyed<'r>> = Vec::new();
    call.each_scope(&mut |scope, item| {
        let found = match keys.is_empty() {
            true => vec![Some(item.clone())],
            false => keys.iter().map(|(_, key)| one(scope, key)).collect::<Result<_, _>>()?,
        };
        items.push((item.clone(), found));
        MORE
    })?;
    merged(items, &|(_, left), (_, right)| {
        call.scope.spend(left.len())?;
        for (at, (left, right)) in left.iter().zip(right).enumerate() {
            let order = ordered(call, left.as_ref(), right.as_ref())?;
            let down = keys.get(at).is_some_and(|(down, _)| *down);
            if order.is_ne() {
                return Ok(if down { order.reverse() } else { order });
            }
        }
        Ok(Ordering::Equal)
    })
}

/// A merge sort that keeps the order of equal items. The standard library's may panic where an order is not total, and
/// that of dates of different precision is not.
fn merged<'r>(
    mut items: Vec<Keyed<'r>>,
    order: &dyn Fn(&Keyed<'r>, &Keyed<'r>) -> Result<Ordering, EvaluateError>,
) -> Result<Vec<Keyed<'r>>, EvaluateError> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let mut left = merged(items, order)?.into_iter().peekable();
    let mut right = merged(right, order)?.into_iter().peekable();
    let mut all = Vec::new();
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        all.extend(if order(first, second)?.is_gt() { right.next() } else { left.next() });
    }
    all.extend(left.chain(right));
    Ok(all)
}

fn direction(key: &Program) -> (bool, &Program) {
    match key {
        Program::Negative(key) => (true, key),
        key => (false, key),
    }
}

fn ordered(call: &Call<'_, '_>, left: Option<&Item<'_>>, right: Option<&Item<'_>>) -> Result<Ordering, EvaluateError> {
    match (left, right) {
        (Some(left), Some(right)) => Ok(compare(&call.scope.run.work, left, right)?.unwrap_or(Ordering::Equal)),
        (left, right) => Ok(left.is_none().cmp(&right.is_none())),
    }
}
