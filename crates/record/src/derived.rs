//! Parameters that have no rows of their own, or few, because others find the same.
//!
//! `combo-code` of an Observation is `Observation.code | Observation.component.code`: the union of `code` and
//! `component-code`. Its rows would say everything twice, in other pages of the index, for every laboratory result
//! there is. So nothing is stored for it, and a search by it is a search by its parts. Only tokens and quantities: their
//! values depend on the expression alone, not on the parameter's targets or name.
//!
//! `patient` is `Observation.subject.where(resolve() is Patient)`: those of `subject` that are Patients. A reference such as
//! `Patient/17` says so itself, so that a search by it is one by `subject`, and only what says it otherwise (a URL with a type
//! beside it) is stored under `patient`.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use fhir::search::{self, Parameter, ParameterClass, ParameterId, Reference, Value};

static DERIVED: LazyLock<HashMap<ParameterId, Vec<u16>>> = LazyLock::new(derive);
static FILTERED: LazyLock<HashMap<ParameterId, Filtered>> = LazyLock::new(filtered);

/// A parameter that finds those references of another one that are to one type.
struct Filtered {
    of: u16,
    kind: &'static str,
}

/// Whether a value has a row of its own.
pub fn is_stored(parameter: ParameterId, value: &Value<'_>) -> bool {
    match (FILTERED.get(&parameter), value) {
        (Some(filtered), Value::Reference(Reference::Local { kind, .. })) => *kind != filtered.kind,
        _ => !DERIVED.contains_key(&parameter),
    }
}

/// The parameters whose rows answer for this one: itself, or its parts, or for references to its type another one before
/// itself.
pub fn parts(parameter: &Parameter) -> Vec<u16> {
    match FILTERED.get(&parameter.id) {
        Some(filtered) => vec![filtered.of, parameter.id.0],
        None => DERIVED.get(&parameter.id).cloned().unwrap_or_else(|| vec![parameter.id.0]),
    }
}

/// Where references to a type and id stand, that the parameter finds.
pub fn local(parameter: &Parameter) -> u16 {
    FILTERED.get(&parameter.id).map_or(parameter.id.0, |filtered| filtered.of)
}

/// Whether the rows of the parameter's own are not all that it finds.
pub fn is_filtered(parameter: &Parameter) -> bool {
    FILTERED.contains_key(&parameter.id)
}

fn filtered() -> HashMap<ParameterId, Filtered> {
    let mut filtered = HashMap::new();
    for kind in search::table().kinds() {
        let parameters = search::table().parameters(kind);
        let references = || parameters.iter().filter(|parameter| parameter.class == ParameterClass::Reference);
        for parameter in references() {
            let Some((whole, rest)) = parameter.expression.split_once(".where(resolve() is ") else { continue };
            let of = references().find(|other| other.expression == whole);
            let kind = rest.strip_suffix(')').and_then(search::resource_name);
            if let (Some(of), Some(kind)) = (of, kind) {
                filtered.insert(parameter.id, Filtered { of: of.id.0, kind });
            }
        }
    }
    filtered
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
                if !DERIVED.contains_key(&parameter.id) {
                    assert!(is_filtered(parameter) || parts == [parameter.id.0]);
                    continue;
                }
                assert!(
                    !parts.iter().any(|part| DERIVED.contains_key(&ParameterId(*part))),
                    "{kind} {}",
                    parameter.code
                );
                let names = parts.iter().filter_map(|part| search::table().get(ParameterId(*part)));
                let names: Vec<&str> = names.map(|part| part.code).collect();
                found.push(format!("{kind} {} = {}", parameter.code, names.join(" | ")));
            }
        }
        assert_eq!(found, EXPECTED);
    }

    /// What stands for another is stored, and may refer to its type.
    #[test]
    fn the_patients_among_the_subjects_are_found() {
        assert!(FILTERED.len() > 30, "{}", FILTERED.len());
        for (id, filtered) in FILTERED.iter() {
            let parameter = search::table().get(*id).unwrap();
            let of = search::table().get(ParameterId(filtered.of)).unwrap();
            assert_eq!(parameter.kind, of.kind);
            assert!(!is_filtered(of) && parameter.targets().all(|target| target == filtered.kind));
            assert!(of.targets().any(|target| target == filtered.kind), "{} {}", of.kind, of.code);
        }
        let patient = search::table().find("Observation", "patient").unwrap();
        assert_eq!(local(patient), search::table().find("Observation", "subject").unwrap().id.0);
    }

    const EXPECTED: [&str; 4] = [
        "Observation combo-code = code | component-code",
        "Observation combo-data-absent-reason = component-data-absent-reason | data-absent-reason",
        "Observation combo-value-concept = component-value-concept | value-concept",
        "Observation combo-value-quantity = component-value-quantity | value-quantity",
    ];
}
