//! Filtering and projection (FHIRPath §5.2).

use super::Function;
use crate::fhirpath::evaluate::{evaluate, holds};

pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "where",
        arguments: 1..=1,
        run: |scope, input, arguments| {
            let mut kept = Vec::new();
            for (index, item) in input.into_iter().enumerate() {
                if holds(&scope.of(item.clone(), index), &arguments[0])? {
                    kept.push(item);
                }
            }
            Ok(kept)
        },
    },
    Function {
        name: "select",
        arguments: 1..=1,
        run: |scope, input, arguments| {
            let mut found = Vec::new();
            for (index, item) in input.into_iter().enumerate() {
                found.append(&mut evaluate(&scope.of(item, index), &arguments[0])?);
            }
            Ok(found)
        },
    },
];
