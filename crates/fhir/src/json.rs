//! FHIR JSON (R4 §2.6.2): bytes to a checked tree, and a tree to bytes.
//!
//! There is one strictness. What is read has only known elements, of the right types and formats, each once, with
//! nothing required missing; so everything behind the reader may rely on it. Invariants, profiles, slices and
//! terminology other than required codes are not judged here.

mod key;
mod locate;
mod read;
mod value;
mod write;

pub use crate::strict::Limits;
pub use locate::locate;
pub use read::{read, read_within};
pub use write::{write, write_node, write_object, write_pretty};
