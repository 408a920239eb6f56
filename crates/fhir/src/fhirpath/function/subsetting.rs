//! Subsetting (FHIRPath §5.3).

use super::Function;
use crate::fhirpath::evaluate::single;

pub const FUNCTIONS: &[Function] = &[
    Function { name: "first", arguments: 0..=0, run: |_, input, _| Ok(input.into_iter().take(1).collect()) },
    Function {
        name: "last",
        arguments: 0..=0,
        run: |_, input, _| Ok(input.into_iter().next_back().into_iter().collect()),
    },
    Function { name: "tail", arguments: 0..=0, run: |_, input, _| Ok(input.into_iter().skip(1).collect()) },
    Function { name: "single", arguments: 0..=0, run: |_, input, _| Ok(single(input)?.into_iter().collect()) },
];
