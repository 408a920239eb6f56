//! The interactions of the RESTful API (R4 §3.1.0), a file each, named as R4 names them.
//!
//! A read goes to the record with the requester's access and shows what comes back; what lies outside the access looks
//! like what is not there. A write is checked by `fhir::json::read`, prepared here and committed with the version that
//! it expects. Nothing is answered before it is on disk.

mod answer;
pub mod batch;
mod bounds;
mod bundle;
mod call;
pub mod capabilities;
pub mod conditional;
pub mod create;
pub mod delete;
pub mod history;
mod identifier;
pub mod patch;
pub mod read;
pub mod search;
mod subset;
mod transaction;
pub mod update;
pub mod vread;
pub mod write;

pub use answer::{Answer, INCOMPLETE};
pub use bundle::Bundle;
use fhir::{Issue, IssueType};
use record::Key;
pub use subset::View;

use crate::http::{Failure, Kind};

/// The name of a resource type as R4 has it.
pub fn kind_of(name: &str) -> Result<&'static str, Failure> {
    let issue = || Issue::error(IssueType::NotSupported, "", "no such resource type in R4; names are as in Patient");
    fhir::search::resource_name(name).ok_or_else(|| Failure::of(Kind::NotFound, vec![issue()]))
}

/// The key in a path such as `/fhir/Patient/x`.
pub fn key_of(path: &(String, String)) -> Result<Key, Failure> {
    let (kind, id) = path;
    let kind = kind_of(kind)?;
    if id.starts_with('$') {
        return Err(no_operation());
    }
    if !is_id(id) {
        return Err(Failure::new(Kind::Invalid, "no id: ids are 1 to 64 letters, digits, hyphens and dots"));
    }
    Ok(Key::new(kind, id.as_str()))
}

/// For an operation that is not there.
pub fn no_operation() -> Failure {
    let text = "no such operation at this address; /fhir/metadata lists those that there are";
    Failure::of(Kind::NotFound, vec![Issue::error(IssueType::NotSupported, "", text)])
}

/// R4 §2.24.0.1 id; not `.` or `..`, which mean something else in an address.
fn is_id(id: &str) -> bool {
    !matches!(id, "." | "..")
        && (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

pub fn not_found(key: &Key) -> Failure {
    Failure::new(Kind::NotFound, format!("{key} is not known here"))
}

pub fn gone(key: &Key) -> Failure {
    Failure::new(Kind::Gone, format!("{key} was deleted; its history tells of it"))
}

fn erased(key: &Key) -> Failure {
    Failure::new(Kind::Gone, format!("the content of {key} was erased"))
}
