//! Regular expressions: `matches`, `matchesFull`, `replaceMatches` (FHIRPath §5.6).
//!
//! The library's matching takes time in proportion to pattern and text, whatever they are; what a pattern may cost to
//! compile is bounded here. FHIRPath has patterns of one line: a dot is any character.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

use crate::fhirpath::evaluate::{EvaluateError, Scope};

/// The longest pattern. R4's own have up to 130 bytes.
pub const PATTERN_BYTES_MAX: usize = 1024;
/// What a compiled pattern may take, and how deep its groups may be nested.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;
const NESTING_MAX: u32 = 32;
/// How many compiled patterns a thread remembers; it begins anew when there are more.
const REMEMBERED_MAX: usize = 256;
/// What it costs to compile one, in the steps of an evaluation.
const COMPILING_STEPS: usize = 2_000;

/// Why a pattern cannot be used.
pub fn check(pattern: &str) -> Result<(), String> {
    compile(pattern).map(drop)
}

/// Calls `with` with a compiled pattern.
pub fn matching<T>(scope: &Scope<'_, '_>, pattern: &str, with: impl FnOnce(&Regex) -> T) -> Result<T, EvaluateError> {
    thread_local! {
        static REMEMBERED: RefCell<HashMap<Box<str>, Regex>> = RefCell::new(HashMap::new());
    }
    REMEMBERED.with_borrow_mut(|remembered| {
        if let Some(known) = remembered.get(pattern) {
            return Ok(with(known));
        }
        scope.spend(COMPILING_STEPS)?;
        let compiled = compile(pattern).map_err(EvaluateError::new)?;
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        Ok(with(remembered.entry(pattern.into()).or_insert(compiled)))
    })
}

/// The same for a pattern that must match the whole text.
pub fn whole(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!("a pattern longer than {PATTERN_BYTES_MAX} bytes"));
    }
    let mut builder = RegexBuilder::new(pattern);
    builder.dot_matches_new_line(true).size_limit(COMPILED_BYTES_MAX).nest_limit(NESTING_MAX);
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "a pattern that is too large when compiled".to_owned(),
        _ => "a pattern that is no regular expression, or has a reference back or a look around, which are not served"
            .to_owned(),
    })
}
