//! Two rules must not write one element unless it is plain that they never do so at once.

use super::{Direction, Guard, Op, Rule, Slot};
use crate::path::Index;

/// The names of two rules that may write one element, if there are such.
pub fn two_writers(rules: &[Rule]) -> Option<(usize, usize)> {
    for (at, rule) in rules.iter().enumerate() {
        for (before, other) in rules[..at].iter().enumerate() {
            if same_element(rule, other) && !exclusive(rule, other, before) {
                return Some((before, at));
            }
        }
    }
    None
}

fn same_element(a: &Rule, b: &Rule) -> bool {
    if a.direction == Direction::FromFhir || b.direction == Direction::FromFhir {
        return false;
    }
    let (a, b) = (&a.place.steps, &b.place.steps);
    let one_item = |step: &super::Step| !matches!(step.index, Index::All);
    !a.is_empty() && a == b && a.iter().all(one_item)
}

fn exclusive(rule: &Rule, other: &Rule, other_index: usize) -> bool {
    let passive = |rule: &Rule| matches!(rule.op, Op::Fill | Op::Journal(_));
    let both_clear = rule.op == Op::Clear && other.op == Op::Clear;
    both_clear
        || passive(rule)
        || passive(other)
        || rule.unless.contains(&other_index)
        || guards_exclude(&rule.guards, &other.guards)
}

/// Whether no message satisfies both.
fn guards_exclude(a: &[(Slot, Guard)], b: &[(Slot, Guard)]) -> bool {
    a.iter().any(|(slot, guard)| {
        b.iter().any(|(other_slot, other)| {
            (slot == other_slot && excludes(guard, other))
                || (is_within(slot, other_slot) && says_nothing(other) && says_something(guard))
                || (is_within(other_slot, slot) && says_nothing(guard) && says_something(other))
        })
    })
}

/// Whether the first is a component of the second: it says nothing where that says nothing.
fn is_within(part: &Slot, whole: &Slot) -> bool {
    match (part, whole) {
        (
            Slot::Field { segment: a, field: n, component, .. },
            Slot::Field { segment: b, field: m, component: 0, .. },
        ) => a == b && n == m && *component > 0,
        _ => false,
    }
}

fn says_nothing(guard: &Guard) -> bool {
    matches!(guard, Guard::Empty | Guard::Null)
}

fn says_something(guard: &Guard) -> bool {
    !says_nothing(guard) && !matches!(guard, Guard::NoneOf(_))
}

fn excludes(a: &Guard, b: &Guard) -> bool {
    match (a, b) {
        (Guard::OneOf(a), Guard::OneOf(b)) => !a.iter().any(|code| b.contains(code)),
        (Guard::OneOf(one), Guard::NoneOf(none)) | (Guard::NoneOf(none), Guard::OneOf(one)) => {
            one.iter().all(|code| none.contains(code))
        }
        (Guard::Empty | Guard::Null, other) | (other, Guard::Empty | Guard::Null) => {
            a != b && !matches!(other, Guard::NoneOf(_))
        }
        (Guard::Decimal, Guard::Compared) | (Guard::Compared, Guard::Decimal) => true,
        _ => false,
    }
}
