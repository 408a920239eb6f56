//! fhirbolt's typed values of the resources that code reads by name, made only from what `fhir` accepted.
//!
//! This crate is a glass door. Any typed parse instantiates fhirbolt's whole model (over a minute of compiling), so it
//! happens here once, behind functions without generics, in strict mode only: fhirbolt's other modes can hang on an
//! unknown field, and an empty array panics it, which `fhir`'s reader refuses before. It has no tests of its own for the
//! same reason; the stories test it through its users. Nothing here goes back from typed values to JSON.
#![forbid(unsafe_code)]

use fhir::Resource;
use fhirbolt::json::from_slice;
use fhirbolt::serde::{DeserializationConfig, DeserializationMode};

pub use fhirbolt::model::r4::resources::Patient;
pub use fhirbolt::model::r4::types::HumanName;

/// A resource that `fhir` accepted and fhirbolt does not take: a fault of ours, or of fhirbolt's.
#[derive(Debug)]
pub struct Untyped(String);

impl std::fmt::Display for Untyped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the typed model does not take this {}", self.0)
    }
}

impl std::error::Error for Untyped {}

pub fn patient(resource: &Resource<'_>) -> Result<Patient, Untyped> {
    from_slice(&json(resource), strict()).map_err(|_| Untyped("Patient".to_owned()))
}

fn json(resource: &Resource<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    fhir::json::write(resource, &mut bytes);
    bytes
}

fn strict() -> Option<DeserializationConfig> {
    Some(DeserializationConfig { mode: DeserializationMode::Strict })
}
