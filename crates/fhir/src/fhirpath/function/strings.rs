//! Text (FHIRPath §5.6): the tests that filters use.

use std::borrow::Cow;

use super::Function;
use crate::fhirpath::evaluate::{Collection, Scope, boolean, evaluate, integer, text};
use crate::fhirpath::item::{Item, Scalar};
use crate::fhirpath::program::Program;

pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "startsWith",
        arguments: 1..=1,
        run: |scope, input, arguments| test(scope, input, &arguments[0], |text, part| text.starts_with(part)),
    },
    Function {
        name: "endsWith",
        arguments: 1..=1,
        run: |scope, input, arguments| test(scope, input, &arguments[0], |text, part| text.ends_with(part)),
    },
    Function {
        name: "contains",
        arguments: 1..=1,
        run: |scope, input, arguments| test(scope, input, &arguments[0], |text, part| text.contains(part)),
    },
    Function { name: "lower", arguments: 0..=0, run: |_, input, _| mapped(input, |text| text.to_lowercase()) },
    Function { name: "upper", arguments: 0..=0, run: |_, input, _| mapped(input, |text| text.to_uppercase()) },
    Function {
        name: "length",
        arguments: 0..=0,
        run: |_, input, _| Ok(text(input)?.map_or_else(Vec::new, |text| integer(text.chars().count()))),
    },
];

fn test<'r>(
    scope: &Scope<'_, 'r>,
    input: Vec<Item<'r>>,
    argument: &Program,
    holds: fn(&str, &str) -> bool,
) -> Collection<'r> {
    match (text(input)?, text(evaluate(scope, argument)?)?) {
        (Some(text), Some(part)) => Ok(boolean(holds(&text, &part))),
        _ => Ok(Vec::new()),
    }
}

fn mapped<'r>(input: Vec<Item<'r>>, change: fn(&str) -> String) -> Collection<'r> {
    let changed = text(input)?.map(|text| Item::Scalar(Scalar::String(Cow::Owned(change(&text)))));
    Ok(changed.into_iter().collect())
}
