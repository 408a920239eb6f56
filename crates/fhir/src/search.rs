//! FHIR search without a store (R4 §3.1.1): which parameters a type has, what a resource has under each of them, what a
//! client asked for, and whether the two meet.
//!
//! A store keeps what `extract` gives and turns a [`Query`] into its own plan; [`matches()`] says what the right answer
//! is, for tests and for one resource at a time. Composite parameters are known but not served: a value of theirs joins
//! the values of one element, which an [`Entry`] does not tell (see [`Parameter::components`]).

mod extract;
mod matches;
mod normalise;
mod plan;
mod query;
mod table;
mod value;

pub use extract::{each, each_of, extract};
pub use matches::matches;
pub use normalise::normalise;
pub use query::{
    Bounds, COUNT_DEFAULT, COUNT_MAX, Clause, Code, Criterion, Handling, Modifier, PAIRS_MAX, Prefix, QuantityUnit,
    Query, Sort, Summary, Total, VALUE_BYTES_MAX, VALUES_MAX,
};
pub use table::{Parameter, ParameterClass, Table, resource_name, table};
pub use value::{Entry, Interval, OfType, ParameterId, Quantity, Range, Reference, Text, Token, Value};
