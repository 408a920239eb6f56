//! FHIR XML (R4 §2.6.1): bytes to a checked tree, and a tree to bytes, over the same element tables and the same tree
//! as JSON.
//!
//! The reader is as strict as that of JSON, and over that wants the order of the definition. It takes the FHIR
//! namespace with or without a prefix, passes over comments, processing instructions and the root's
//! `xsi:schemaLocation`, and never follows anything. See `narrative.rs` for what becomes of a `<div>`.

mod building;
mod html;
mod locate;
mod namespace;
mod narrative;
mod opened;
mod read;
mod text;
mod token;
mod write;

pub use crate::strict::Limits;
pub use locate::locate;
pub use read::{read, read_within};
pub use write::{write, write_pretty};
