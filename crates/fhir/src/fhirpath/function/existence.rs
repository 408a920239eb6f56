//! Existence (FHIRPath §5.1) and boolean negation (§6.5.4).

use super::Function;
use crate::fhirpath::evaluate::{boolean, holds, integer, truth};

pub const FUNCTIONS: &[Function] = &[
    Function { name: "empty", arguments: 0..=0, run: |_, input, _| Ok(boolean(input.is_empty())) },
    Function {
        name: "exists",
        arguments: 0..=1,
        run: |scope, input, arguments| {
            let Some(criterion) = arguments.first() else { return Ok(boolean(!input.is_empty())) };
            for (index, item) in input.into_iter().enumerate() {
                if holds(&scope.of(item, index), criterion)? {
                    return Ok(boolean(true));
                }
            }
            Ok(boolean(false))
        },
    },
    Function {
        name: "all",
        arguments: 1..=1,
        run: |scope, input, arguments| {
            for (index, item) in input.into_iter().enumerate() {
                if !holds(&scope.of(item, index), &arguments[0])? {
                    return Ok(boolean(false));
                }
            }
            Ok(boolean(true))
        },
    },
    Function { name: "count", arguments: 0..=0, run: |_, input, _| Ok(integer(input.len())) },
    Function {
        name: "not",
        arguments: 0..=0,
        run: |_, input, _| Ok(truth(&input)?.map_or_else(Vec::new, |value| boolean(!value))),
    },
];
