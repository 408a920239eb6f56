//! Who may see or change what, for which purpose.
//!
//! A [`Policy`] decides and an [`Access`] is its decision: a value that nobody else can make, that every clinical read
//! and write of `record` asks for, and that lowers to a [`Reach`] put into the one query plan before anything is
//! counted. The default is no.
//!
//! Deliberately absent: I/O, clocks, and any way to widen an `Access` once it is made. Consents, labels, compartments
//! and scopes come later; they will narrow what [`Reach`] can say, not go around it.
#![forbid(unsafe_code)]

mod access;
mod policy;

pub use access::{Access, Reach};
pub use policy::{Policy, Purpose, Requester};
