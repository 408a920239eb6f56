//! Which Patients are one person.
#![forbid(unsafe_code)]

pub mod golden;
pub mod linkage;
pub mod people;
