//! Parameters that have no rows of their own, because they find exactly what others together find.
//!
//! `combo-code` of an Observation is `Observation.code | Observation.component.code`: the union of `code` and
//! `component-code`. Its rows would say everything twice, in other pages of the index, for every laboratory result
//! there is. So nothing is stored for it, and a search by it is a search by its parts.
//!
//! Only tokens and quantities: their values depend on the expression alone, not on the parameter's targets or name.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use fhir::search::{self, Parameter, ParameterClass, ParameterId};

static DERIVED: LazyLock<HashMap<ParameterId, Vec<u16>>> = LazyLock::new(derive);

/// Whether the parameter has rows of its own.
pub fn is_stored(parameter: ParameterId) -> bool {
    !DERIVED.contains_key(&parameter)
}

/// The parameters whose rows answer for this one: itself, or its parts.
pub fn parts(parameter: &Parameter) -> Vec<u16> {
    DERIVED.get(&parameter.id).cloned().unwrap_or_else(|| vec![parameter.id.0])
}

fn derive() -> HashMap<ParameterId, Vec<u16>> {
    let mut derived = HashMap::new();
    for kind in search::table().kinds() {
        for class in [ParameterClass::Token, ParameterClass::Quantity] {
            let parameters: Vec<&Parameter> =
                search::table().parameters(kind).iter().filter(|parameter| parameter.class == class).collect();
            for parameter in &parameters {
                let parts = parts_among(parameter, &parameters);
                derived.extend((!parts.is_empty()).then_some((parameter.id, parts)));
            }
        }
    }
    derived
}

/// The parameters whose alternatives are each but a part of this one's, if together they are all of them.
fn parts_among(whole: &Parameter, others: &[&Parameter]) -> Vec<u16> {
    let all = alternatives(whole.expression);
    let mut covered = BTreeSet::new();
    let mut parts = Vec::new();
    for other in others {
        let part = alternatives(other.expression);
        if part.len() < all.len() && part.is_subset(&all) && !part.is_subset(&covered) {
            covered.extend(part);
            parts.push(other.id.0);
        }
    }
    if covered == all { parts } else { Vec::new() }
}

/// What stands between the `|` of an expression outside parentheses.
fn alternatives(expression: &str) -> BTreeSet<&str> {
    let mut depth = 0;
    let split = |character| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == '|' && depth == 0
    };
    expression.split(split).map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of all R4, these and no others; what a part is made of is stored.
    #[test]
    fn the_unions_of_r4_are_found() {
        let mut found = Vec::new();
        for kind in search::table().kinds() {
            for parameter in search::table().parameters(kind) {
                let parts = parts(parameter);
                if is_stored(parameter.id) {
                    assert_eq!(parts, [parameter.id.0]);
                    continue;
                }
                assert!(parts.iter().all(|part| is_stored(ParameterId(*part))), "{kind} {}", parameter.code);
                let names = parts.iter().filter_map(|part| search::table().get(ParameterId(*part)));
                let names: Vec<&str> = names.map(|part| part.code).collect();
                found.push(format!("{kind} {} = {}", parameter.code, names.join(" | ")));
            }
        }
        assert_eq!(found, EXPECTED);
    }

    const EXPECTED: [&str; 4] = [
        "Observation combo-code = code | component-code",
        "Observation combo-data-absent-reason = component-data-absent-reason | data-absent-reason",
        "Observation combo-value-concept = component-value-concept | value-concept",
        "Observation combo-value-quantity = component-value-quantity | value-quantity",
    ];
}
