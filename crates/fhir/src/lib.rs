//! FHIR R4 as data: reading, checking, writing, searching and changing resources.
//!
//! A resource is a tree of [`Node`]s in the shape of its JSON, whether it was read from JSON or XML, checked against the
//! element tables compiled from the R4 definitions, borrowing from the bytes that it was read from. Nothing here does
//! I/O, reads a clock, or knows HTTP or storage.
#![forbid(unsafe_code)]

pub mod apply;
pub mod compartment;
mod decimal;
pub mod fhirpath;
mod interval;
pub mod issue;
pub mod json;
pub mod links;
mod narrative;
pub mod ndjson;
pub mod node;
pub mod outcome;
pub mod patch;
pub mod primitive;
pub mod reference;
mod scan;
pub mod schema;
pub mod search;
mod strict;
pub mod ucum;
pub mod validate;
pub mod xml;

pub use issue::{Issue, IssueType, Place, Severity};
pub use node::{Node, Object, Resource};
pub use outcome::outcome;
