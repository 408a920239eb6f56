//! How the values of one type's parameters are found and read: compiled once a type.

use super::extract::Reader;
use super::table::{Parameter, ParameterClass};
use super::value::ParameterId;
use crate::fhirpath::{Expression, Path};
use crate::schema;

/// The work of indexing one resource of a type.
#[derive(Debug)]
pub struct Plan {
    /// Nearly everything: follow a path, read what is there.
    pub paths: Vec<Source>,
    /// The expressions that are no path; in R4, `Patient.deceased` alone.
    pub expressions: Vec<(ParameterId, ParameterClass, Expression)>,
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
    pub fn compile(kind: &'static str, parameters: &[Parameter]) -> Plan {
        let context = schema::r4().resource(kind).expect("the table's types are R4's");
        let mut plan = Plan { paths: Vec::new(), expressions: Vec::new() };
        for parameter in parameters.iter().filter(|parameter| parameter.is_indexed()) {
            let expression = Expression::compile(parameter.expression, context)
                .unwrap_or_else(|error| panic!("{kind} {}: {error}", parameter.code));
            match expression.paths() {
                Some(paths) => plan.paths.extend(paths.iter().filter_map(|path| source(parameter, path))),
                None => plan.expressions.push((parameter.id, parameter.class, expression)),
            }
        }
        plan
    }

    /// Whether all of a parameter's values are of types that have no system beside the code: then the system is implied
    /// by the element.
    pub fn implies_system(&self, parameter: ParameterId) -> bool {
        let mut sources = self.paths.iter().filter(|source| source.parameter == parameter);
        sources.all(|source| matches!(source.reader, Reader::PlainToken | Reader::Boolean))
    }
}

/// A type that the parameter's class cannot hold has no reader: a `Procedure.performed` that is text is no date.
fn source(parameter: &Parameter, path: &Path) -> Option<Source> {
    let reader = Reader::choose(parameter.class, path.kind)?;
    Some(Source { parameter: parameter.id, path: path.clone(), reader })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::search::table;

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
                let unread = paths.iter().filter(|path| source(parameter, path).is_none());
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
