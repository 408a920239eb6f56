//! Invariants that are answered without FHIRPath, because nearly everything is asked them, or because their expression
//! would look through all for each (`whole.rs`).
//!
//! A [`Quick`] check is asked first; where it cannot tell, the expression is evaluated. So it can be no more lenient
//! than R4. `tests/invariants.rs` evaluates every one of them on real resources beside these.

use super::walk::Frame;
use super::whole;
use crate::{Node, Object};

/// Whether the invariant holds for an object, where that is sure.
pub type Quick = for<'r> fn(&Frame<'r>, &'r Object<'r>) -> Option<bool>;

/// Answered by the walk itself (`ele-1`, `ext-1`, `eld-19`), by `contained.rs` and by `narrative.rs`.
pub fn is_by_hand(key: &str) -> bool {
    const KEYS: [&str; 10] =
        ["ele-1", "ext-1", "eld-19", "dom-2", "dom-3", "dom-4", "dom-5", "dom-6", "txt-1", "txt-2"];
    KEYS.contains(&key)
}

pub fn of(key: &str) -> Option<Quick> {
    Some(match key {
        "per-1" => |_, period| yes(in_order(period)),
        "qty-3" => |_, quantity| yes(quantity.get("code").is_none() || quantity.get("system").is_some()),
        "cpt-2" => |_, point| yes(lacks(point, "value") || point.get("system").is_some()),
        "att-1" => |_, attachment| yes(lacks(attachment, "data") || attachment.get("contentType").is_some()),
        "obs-3" => |_, range| yes(["low", "high", "text"].iter().any(|name| range.get(name).is_some())),
        "obs-6" => |_, observation| yes(observation.get("dataAbsentReason").is_none()),
        "rng-2" => |_, range| yes(range.get("low").is_none() || range.get("high").is_none()),
        "tim-1" => |_, repeat| yes(lacks(repeat, "duration")),
        "tim-2" => |_, repeat| yes(lacks(repeat, "period")),
        "con-4" => |_, condition| yes(ABATEMENT.iter().all(|name| lacks(condition, name))),
        _ => return whole::of(key),
    })
}

/// Only the yes is sure.
fn yes(holds: bool) -> Option<bool> {
    holds.then_some(true)
}

const ABATEMENT: [&str; 5] =
    ["abatementDateTime", "abatementAge", "abatementPeriod", "abatementRange", "abatementString"];

/// Whether there is neither the element nor its extensions.
pub fn lacks(object: &Object<'_>, name: &str) -> bool {
    object.fields.iter().all(|(field, _)| field.strip_prefix('_').unwrap_or(field) != name)
}

/// Times of one length and one zone have the order of their letters.
fn in_order(period: &Object<'_>) -> bool {
    let zone = |text: &str| text.find('T').map(|at| text[at..].find(['Z', '+', '-']).map(|zone| at + zone));
    match (period.get("start"), period.get("end")) {
        (Some(Node::Text(start)), Some(Node::Text(end))) => {
            let cut = match (zone(start), zone(end)) {
                (None, None) => start.len(),
                (Some(Some(at)), Some(Some(other))) if at == other && start[at..] == end[at..] => at,
                _ => return false,
            };
            start.len() == end.len() && start[..cut] <= end[..cut]
        }
        (Some(_), Some(_)) => false,
        _ => true,
    }
}

/// `ele-1` of an element that is an object: something beside its id.
pub fn has_content(object: &Object<'_>) -> bool {
    object.fields.iter().any(|(name, _)| !matches!(*name, "id" | "_id"))
}

/// `ext-1`: a value or extensions, one of the two.
pub fn is_either(extension: &Object<'_>) -> bool {
    let has_value =
        extension.fields.iter().any(|(name, _)| name.strip_prefix('_').unwrap_or(name).starts_with("value"));
    has_value != extension.get("extension").is_some()
}

/// `eld-19`: steps of 1 to 64 characters other than blanks and most punctuation, each with `[x]` or a slice behind it.
/// R4's pattern for it is too large for a library that bounds what a pattern may cost.
pub fn is_element_path(path: &str) -> bool {
    let is_name = |name: &str| (1..=64).contains(&name.chars().count()) && !name.contains(is_apart);
    path.split('.').enumerate().all(|(at, step)| {
        let (step, slice) = match step.split_once(':') {
            Some((step, slice)) => (step, Some(slice)),
            None => (step, None),
        };
        let name = step.strip_suffix("[x]").unwrap_or(step);
        let is_sliced = slice.is_some_and(|slice| !slice.is_empty() && !slice.contains(char::is_whitespace));
        is_name(name) && (at > 0 || name.len() == step.len()) && (slice.is_none() || (is_sliced && at > 0))
    })
}

fn is_apart(c: char) -> bool {
    c.is_whitespace() || ".,:;'\"/|?!@#$%&*()[]{}".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_elements() {
        for path in ["Patient", "Patient.name", "Observation.value[x]", "Observation.value[x]:quantity", "A.b:c/d.e"] {
            assert!(is_element_path(path), "{path}");
        }
        let long = format!("Patient.{}", "a".repeat(65));
        for path in ["", "Patient.", "Patient..name", "Patient.a b", "Patient[x]", "Patient.name:", "A.b(c)", &long] {
            assert!(!is_element_path(path), "{path}");
        }
    }

    #[test]
    fn only_a_sure_order_is_an_order() {
        let holds = |start: &str, end: &str| {
            let fields = vec![("start", Node::text(start.to_owned())), ("end", Node::text(end.to_owned()))];
            in_order(&Object { fields })
        };
        for (start, end, sure) in [
            ("2020", "2021", true),
            ("2020-01-01", "2020-01-01", true),
            ("2020-01-02", "2020-01-01", false),
            ("2020", "2020-01-01", false),
            ("2020-01-01T10:00:00Z", "2020-01-01T11:00:00Z", true),
            ("2020-01-01T10:00:00+01:00", "2020-01-01T11:00:00+01:00", true),
            ("2020-01-01T10:00:00+02:00", "2020-01-01T11:00:00+01:00", false),
            ("2020-01-01T10:00:00.5Z", "2020-01-01T11:00:00Z", false),
            ("2020-01-01T10:00:00-05:00", "2020-01-01T10:00:00-05:00", true),
        ] {
            assert_eq!(holds(start, end), sure, "{start} {end}");
        }
    }
}
