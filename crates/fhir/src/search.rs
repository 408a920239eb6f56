//! FHIR search without a store (R4 §3.1.1): which parameters a type has, what a resource has under each of them, what a
//! client asked for, and whether the two meet.
//!
//! A store keeps what `extract` gives and turns a [`Query`] into its own plan; [`matches_among()`] says what the right
//! answer is, for tests and for one resource at a time.

mod composite;
mod extract;
mod matches;
mod meets;
mod normalise;
mod plan;
mod query;
mod registry;
mod resolve;
mod sort;
mod table;
mod value;
mod words;

pub use extract::{each, each_of, extract, texts, values};
pub use matches::{items, matches, matches_among, matches_clause, matches_filter};
pub use normalise::normalise;
pub use query::{
    ACROSS, Bounds, COUNT_DEFAULT, COUNT_MAX, Clause, Code, Context, Criterion, Direction, Filter, Handling, InBase,
    Include, Limits, Modifier, Prefix, QuantityUnit, Query, Relation, Sort, Summary, Total, Words,
};
pub use registry::{Definition, Found, OWN_FIRST, OWN_MAX, Own, Registry};
pub use resolve::{MEANT_MAX, Others, hierarchical, resolve};
pub use sort::{SortKey, sort_key};
pub use table::{Parameter, ParameterClass, Table, resource_name, table};
pub use value::{Entry, Interval, OfType, ParameterId, Quantity, Range, Reference, Text, Token, UCUM, Value};
pub use words::{Said, said};
