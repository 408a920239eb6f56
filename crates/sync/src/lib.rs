//! Sync: what others get of the record, and when.
//!
//! What decides stands apart from what connects: it is given what happened, the time and a random number, and says what is
//! to be done. The server does it.
#![forbid(unsafe_code)]

pub mod subscription;
