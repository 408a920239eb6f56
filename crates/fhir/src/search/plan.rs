//! How the values of one type's parameters are found and read: compiled once a type.

use super::composite::Composite;
use super::extract::Reader;
use super::registry::OWN_FIRST;
use super::table::{Parameter, ParameterClass};
use super::value::ParameterId;
use crate::fhirpath::{Expression, Path};
use crate::schema::{self, Type};

/// The work of indexing one resource of a type.
#[derive(Debug)]
pub struct Plan {
    /// Nearly everything: follow a path, read what is there.
    pub paths: Vec<Source>,
    /// The expressions that are no path; in R4, `Patient.deceased` alone.
    pub expressions: Vec<(ParameterId, ParameterClass, Expression)>,
    pub composites: Vec<(ParameterId, Composite)>,
    /// The parameters that find at most one element.
    pub singles: Vec<ParameterId>,
}

/// Where some of the values of a parameter are.
#[derive(Debug)]
pub struct Source {
    pub parameter: ParameterId,
    pub path: Path,
    pub reader: Reader,
}

impl Plan {
    /// R4's own expressions are part of the program, so one that does not compile is a broken build; a test compiles
    /// them all.
    pub fn compile(kind: &'static str, parameters: &'static [Parameter]) -> Plan {
        let context = schema::r4().resource(kind).expect("the table's types are R4's");
        let mut plan = Plan { paths: Vec::new(), expressions: Vec::new(), composites: Vec::new(), singles: Vec::new() };
        for parameter in parameters.iter().filter(|parameter| parameter.is_indexed()) {
            let expression = Expression::compile(parameter.expression, context)
                .unwrap_or_else(|error| panic!("{kind} {}: {error}", parameter.code));
            match expression.paths() {
                Some(paths) => {
                    plan.paths.extend(paths.iter().filter_map(|path| source(parameter.id, parameter.class, path)))
                }
                None => plan.expressions.push((parameter.id, parameter.class, expression)),
            }
        }
        let composites = parameters.iter().filter(|parameter| parameter.class == ParameterClass::Composite);
        plan.composites =
            composites.map(|parameter| (parameter.id, Composite::compile(parameter, parameters))).collect();
        let singles = parameters.iter().filter(|parameter| is_single(parameter.expression, context));
        plan.singles = singles.map(|parameter| parameter.id).collect();
        plan
    }

    /// The work of one parameter that a site defines itself.
    pub fn of_one(id: ParameterId, class: ParameterClass, expression: Expression) -> Plan {
        let mut plan = Plan { paths: Vec::new(), expressions: Vec::new(), composites: Vec::new(), singles: Vec::new() };
        match expression.paths() {
            Some(paths) => plan.paths.extend(paths.iter().filter_map(|path| source(id, class, path))),
            None => plan.expressions.push((id, class, expression)),
        }
        plan
    }

    /// Whether all of a parameter's values are of types that have no system beside the code: then the system is implied
    /// by the element.
    pub fn implies_system(&self, parameter: ParameterId) -> bool {
        let mut sources = self.paths.iter().filter(|source| source.parameter == parameter);
        // R4's one expression that is no path makes truths; a site's own may find anything.
        let is_open = parameter.0 >= OWN_FIRST && self.paths.is_empty();
        !is_open && sources.all(|source| matches!(source.reader, Reader::PlainToken | Reader::Boolean))
    }
}

/// Whether an expression is plain names, each of an element that does not repeat, with alternatives only of one choice.
fn is_single(expression: &str, context: &'static Type) -> bool {
    let alternative = |text: &str| {
        let text = text.trim_matches(['(', ')', ' ']);
        let (text, _) = text.split_once(" as ").or_else(|| text.split_once(".as(")).unwrap_or((text, ""));
        text.trim().to_owned()
    };
    let mut alternatives = expression.split('|').map(alternative);
    let Some(first) = alternatives.next().filter(|first| !first.is_empty()) else { return false };
    if alternatives.any(|other| other != first) {
        return false;
    }
    let mut kinds = vec![context];
    first.split('.').skip(1).all(|name| {
        let elements: Vec<_> = kinds.iter().flat_map(|kind| kind.stem(name)).collect();
        kinds = elements.iter().map(|element| schema::r4().kind_of(element)).collect();
        !elements.is_empty() && elements.iter().all(|element| !element.many)
    })
}

/// A type that the parameter's class cannot hold has no reader: a `Procedure.performed` that is text is no date.
fn source(parameter: ParameterId, class: ParameterClass, path: &Path) -> Option<Source> {
    let reader = Reader::choose(class, path.kind)?;
    Some(Source { parameter, path: path.clone(), reader })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::search::table;

    #[test]
    fn what_finds_one_element_at_most_is_known() {
        let single = |kind: &str, code: &str| table().find(kind, code).expect(code).is_single();
        for (kind, code, expected) in [
            ("Observation", "date", true),
            ("Observation", "value-quantity", true),
            ("Observation", "component-value-quantity", false),
            ("Observation", "combo-value-quantity", false),
            ("Encounter", "date", true),
            ("Encounter", "location-period", false),
            ("Patient", "birthdate", true),
            ("Patient", "name", false),
            ("Patient", "deceased", false),
            ("Condition", "onset-date", true),
            ("MedicationRequest", "date", false),
            ("Observation", "_lastUpdated", true),
        ] {
            assert_eq!(single(kind, code), expected, "{kind} {code}");
        }
    }

    /// What R4's expressions lead to and their class of parameter cannot hold (choices that are not cast). A pair that is
    /// new here is a reader that is missing.
    #[test]
    fn the_types_that_are_passed_over_are_known() {
        let mut passed_over = BTreeSet::new();
        for kind in table().kinds() {
            let context = schema::r4().resource(kind).expect("R4");
            for parameter in table().parameters(kind).iter().filter(|parameter| parameter.is_indexed()) {
                let expression = Expression::compile(parameter.expression, context).expect("compiles");
                let paths = expression.paths().unwrap_or_default();
                let unread = paths.iter().filter(|path| source(parameter.id, parameter.class, path).is_none());
                passed_over
                    .extend(unread.map(|p| format!("{kind} {} {:?} {}", parameter.code, parameter.class, p.kind)));
            }
        }
        let known = [
            "CarePlan activity-date Date string",
            "Consent source-reference Reference Attachment",
            "Immunization date Date string",
            "Procedure date Date Age",
            "Procedure date Date Range",
            "Procedure date Date string",
        ];
        assert_eq!(passed_over.into_iter().collect::<Vec<_>>(), known);
    }
}
