//! Regular expressions: `matches`, `matchesFull`, `replaceMatches` (FHIRPath §5.6).
//!
//! The library's matching takes time in proportion to the text and to the size of the compiled pattern, whatever they
//! are; both are counted here. FHIRPath has patterns of one line: a dot is any character.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

use crate::fhirpath::evaluate::{EvaluateError, Scope};

/// The longest pattern. R4's own have up to 130 bytes.
pub const PATTERN_BYTES_MAX: usize = 1024;
/// How large a compiled pattern may be, with what a byte of text costs then in the steps of an evaluation.
const SIZES: [(usize, usize); 3] = [(32 * 1024, 1), (256 * 1024, 8), (1024 * 1024, 32)];
/// How deep its groups may be nested.
const NESTING_MAX: u32 = 32;
/// How many compiled patterns a thread remembers; it begins anew when there are more.
const REMEMBERED_MAX: usize = 256;
/// What it costs to compile one, in the steps of an evaluation.
const COMPILING_STEPS: usize = 2_000;

/// Why a pattern cannot be used.
pub fn check(pattern: &str) -> Result<(), String> {
    compile(pattern).map(drop)
}

/// A compiled pattern, and what a byte of text costs.
struct Compiled {
    regex: Regex,
    cost: usize,
}

/// Calls `with` with a compiled pattern that is going to be asked of this text.
pub fn matching<T>(
    scope: &Scope<'_, '_>,
    pattern: &str,
    text: &str,
    with: impl FnOnce(&Regex) -> T,
) -> Result<T, EvaluateError> {
    thread_local! {
        static REMEMBERED: RefCell<HashMap<Box<str>, Compiled>> = RefCell::new(HashMap::new());
    }
    REMEMBERED.with_borrow_mut(|remembered| {
        if !remembered.contains_key(pattern) {
            scope.spend(COMPILING_STEPS)?;
            let compiled = compile(pattern).map_err(EvaluateError::new)?;
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
            remembered.insert(pattern.into(), compiled);
        }
        let known = &remembered[pattern];
        scope.spend(text.len().saturating_mul(known.cost))?;
        Ok(with(&known.regex))
    })
}

/// The same for a pattern that must match the whole text.
pub fn whole(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

fn compile(pattern: &str) -> Result<Compiled, String> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!("a pattern longer than {PATTERN_BYTES_MAX} bytes"));
    }
    for (bytes, cost) in SIZES {
        let mut builder = RegexBuilder::new(pattern);
        builder.dot_matches_new_line(true).size_limit(bytes).nest_limit(NESTING_MAX);
        match builder.build() {
            Ok(regex) => return Ok(Compiled { regex, cost }),
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(_) => {
                return Err("a pattern that is no regular expression, or has a reference back or a look around, \
                            which are not served"
                    .to_owned());
            }
        }
    }
    Err("a pattern that is too large when compiled".to_owned())
}
