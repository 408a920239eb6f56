//! What a client asks for: `Observation?code=1234-5&date=ge2024&_count=20`, checked and ready to be planned.
//!
//! FHIR search, R4 §3.1.1. A [`Query`] is a list of clauses that must all hold, each with values of which one must hold.
//! Everything R4 can say is recognised; what is not served yet is refused by name, never ignored: an ignored filter
//! gives a clinician more than was asked for. Chaining, `_has`, includes, composites and terminology modifiers are in
//! that second group. Page links, `_format` and `_pretty` are HTTP's business, not the query's.

mod control;
mod criterion;
mod modifier;
mod parse;
mod values;

pub use control::{COUNT_DEFAULT, COUNT_MAX, Sort, Summary, Total};
pub use criterion::{Bounds, Code, Criterion, Prefix, QuantityUnit};
pub use modifier::Modifier;
pub use parse::{PAIRS_MAX, VALUE_BYTES_MAX, VALUES_MAX};

use super::Parameter;
use crate::Issue;

/// What to do with a parameter that the type does not have (`Prefer: handling=`, R4 §3.1.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handling {
    /// Refuse it. Hilum's default: a filter that is dropped in silence shows too much.
    #[default]
    Strict,
    /// Leave it out with a warning.
    Lenient,
}

/// A search on one resource type.
#[derive(Debug, Clone)]
pub struct Query {
    /// The resource type, such as `Patient`.
    pub kind: &'static str,
    /// All of these hold.
    pub clauses: Vec<Clause>,
    /// In order of weight. Empty: the caller's own order.
    pub sort: Vec<Sort>,
    /// Resources a page: 1 to [`COUNT_MAX`].
    pub count: u32,
    pub total: Total,
    pub summary: Summary,
    /// The top-level elements of `_elements`; empty: all.
    pub elements: Vec<&'static str>,
    /// What lenient handling left out.
    pub warnings: Vec<Issue>,
    /// The pairs that were used, for the self link of the answer.
    pub used: Vec<(String, String)>,
}

/// One parameter of the query: one of `values` holds.
#[derive(Debug, Clone)]
pub struct Clause {
    pub parameter: &'static Parameter,
    pub modifier: Modifier,
    /// Never empty.
    pub values: Vec<Criterion>,
}

impl Query {
    /// Reads the decoded `name=value` pairs of a search on `kind`. All that is wrong is reported at once.
    pub fn parse(kind: &str, pairs: &[(String, String)], handling: Handling) -> Result<Query, Vec<Issue>> {
        parse::query(kind, pairs, handling)
    }
}
