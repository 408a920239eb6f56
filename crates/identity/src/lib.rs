//! Which Patients are one person: what each says, what they have in common, what that is worth, and who is asked.
//!
//! This crate compares; it changes no Patient, does no I/O and reads no clock. An overlay (two people in one record) is the
//! dangerous fault, a duplicate the dear one: so what is in doubt goes to a person, and a veto beats any weight.
//!
//! The way of a registration: [`Registration::read`] takes what can be compared from a Patient (`normal`); [`Engine::keys`]
//! says with whom it is to be compared; [`Engine::compare`] weighs a pair by a [`Model`]; [`Engine::decide`] says what
//! follows; `batch` does all of it for a file, and joins clusters under guard.
#![forbid(unsafe_code)]

pub mod batch;
pub mod compare;
pub mod engine;
pub mod golden;
pub mod index;
pub mod key;
pub mod learn;
pub mod line;
pub mod linkage;
pub mod model;
pub mod normal;
pub mod pack;
pub mod people;
pub mod registration;
mod sound;
pub mod veto;
pub mod worker;

pub use engine::{Comparison, Decision, Engine, Reason, Thresholds};
pub use key::Secret;
pub use model::Model;
pub use registration::Registration;
pub use veto::Veto;
