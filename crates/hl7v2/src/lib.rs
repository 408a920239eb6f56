//! HL7 v2: bytes to messages and back (HL7 v2.1 to v2.9, chapter 2; MLLP release 1).
//!
//! A message is read once into a flat index over its text: three arrays of offsets, nothing copied. Values are found by
//! position and unescaped when somebody asks. What real interfaces get wrong is read anyway and said as an [`Issue`];
//! only what cannot be read at all is a [`Fault`]. Neither ever holds a value of the message.
//!
//! This crate knows nothing of FHIR, opens no socket and reads no clock: bytes, times and control ids are arguments.
//!
//! Numbers: fields, components and subcomponents count from 1 as the standard's do; repetitions and segments from 0.
#![forbid(unsafe_code)]

pub mod ack;
pub mod batch;
mod charset;
mod draft;
mod escape;
mod header;
mod index;
mod issue;
mod lines;
mod message;
pub mod mllp;
mod options;
mod separators;
mod structure;
mod timestamp;
mod value;

pub use charset::Charset;
pub use draft::{Draft, DraftSegment};
pub use escape::{escape, unescape};
pub use header::{AckCondition, Hd, Header, ProcessingId, Version};
pub use issue::{ErrorCode, Fault, Issue, Kind, Place, SegmentId, Severity};
pub use message::{Message, Parsed};
pub use options::{Limits, Options};
pub use separators::Separators;
pub use structure::structure;
pub use timestamp::{BadTime, Precision, Timestamp};
pub use value::{Component, Field, Repetition, RepetitionId, Segment, Value};
