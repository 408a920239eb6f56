//! Patches (R4 §3.1.0.6): JSON Patch (RFC 6902) and FHIRPath Patch (R4 §3.1.0.6.1), each a resource in and a resource
//! out. XML Patch is not served.
//!
//! A patch is applied whole or not at all, to a copy; on the way the resource may be illegal, in the end it is checked
//! as strictly as what comes over the wire. Neither form changes what the resource is: a patch after which
//! `resourceType` or `id` differ is refused. `meta.versionId` and `meta.lastUpdated` are the caller's to set again.
//!
//! FHIR has no empty lists and objects, so what a patch emptied by taking out the last item is left out of the result,
//! and its parent too if that leaves nothing. An empty list that the patch itself wrote is the patch's error.

mod content;
mod fhirpath;
mod json;
mod locate;
mod narrative;
mod operation;
mod pointer;
mod value;

use crate::issue::{Issue, IssueType};
use crate::{Resource, json as wire};

pub use narrative::without_stale_narrative;

/// Operations that one JSON Patch may have.
pub const JSON_OPERATIONS_MAX: usize = 1_000;
/// Operations that one FHIRPath Patch may have. Each may touch as many items as an expression may.
pub const FHIRPATH_OPERATIONS_MAX: usize = 250;
/// What all the `copy` operations of a patch may add together, in bytes: ten of them could otherwise make a resource a
/// thousand times as large.
pub const COPIED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Values that all the operations of a JSON Patch together may look at or move.
pub const STEPS_MAX: usize = 10_000_000;

/// Why a patch was refused. The resource is as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchError {
    pub reason: Reason,
    /// At least one. They name the operation and the path, never a value.
    pub issues: Vec<Issue>,
}

/// Whose fault it is that a patch was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The patch is no patch, whatever it is applied to (HTTP 400).
    Malformed,
    /// The patch has more operations, or makes more of them, than the bounds above allow (413).
    TooLarge,
    /// An operation asks for what this resource does not have (422).
    Inapplicable,
    /// A `test` says what is not so (422).
    TestFailed,
    /// The result is not legal R4, or another resource (422).
    Illegal,
}

/// RFC 6902 on the JSON form of a resource.
pub fn json_patch(resource: &Resource<'_>, patch: &[u8]) -> Result<Resource<'static>, PatchError> {
    let operations = json::read(patch)?;
    let mut bytes = Vec::new();
    wire::write(resource, &mut bytes);
    let mut document = value::Value::read(&bytes).expect("what is written here is JSON");
    json::apply(&mut document, operations, resource.kind())?;
    document.drop_emptied();
    let mut patched = Vec::with_capacity(bytes.len());
    document.write(&mut patched);
    checked(resource, &patched)
}

/// RFC 6902 on any JSON document, with none of FHIR's rules: what [`json_patch`] does between writing and reading.
/// A document that is no JSON is [`Reason::Inapplicable`].
pub fn json_patch_any(document: &[u8], patch: &[u8]) -> Result<Vec<u8>, PatchError> {
    let operations = json::read(patch)?;
    let mut document = value::Value::read(document).map_err(|fault| {
        let issue = Issue::error(IssueType::Structure, "", format!("the document is not JSON: {fault}"));
        PatchError { reason: Reason::Inapplicable, issues: vec![issue] }
    })?;
    json::apply(&mut document, operations, "")?;
    let mut patched = Vec::new();
    document.write(&mut patched);
    Ok(patched)
}

/// FHIRPath Patch: a Parameters with a parameter `operation` for each operation, which has the parts `type`, `path`,
/// `name`, `value`, `index`, `source` and `destination`.
pub fn fhirpath_patch(resource: &Resource<'_>, parameters: &Resource<'_>) -> Result<Resource<'static>, PatchError> {
    let operations = operation::read(parameters)?;
    let mut patched = resource.clone().into_owned();
    fhirpath::apply(&mut patched, &operations)?;
    let mut bytes = Vec::new();
    wire::write(&patched, &mut bytes);
    checked(resource, &bytes)
}

/// The result as a resource, if it is one and still the same one.
fn checked(before: &Resource<'_>, patched: &[u8]) -> Result<Resource<'static>, PatchError> {
    let illegal = |issues| PatchError { reason: Reason::Illegal, issues };
    let after = wire::read(patched).map_err(|mut issues| {
        issues.iter_mut().for_each(|issue| issue.text.insert_str(0, "after the patch: "));
        illegal(issues)
    })?;
    for (name, same) in [("resourceType", after.kind() == before.kind()), ("id", after.id() == before.id())] {
        if !same {
            let path = format!("{}.{name}", before.kind());
            let text = "a patch cannot change it: create another resource instead";
            return Err(illegal(vec![Issue::error(IssueType::BusinessRule, path, text)]));
        }
    }
    Ok(after.into_owned())
}

/// One thing that is wrong with an operation, before it is known which operation.
struct Fault {
    reason: Reason,
    code: IssueType,
    text: String,
}

impl Fault {
    fn malformed(text: impl Into<String>) -> Fault {
        Fault { reason: Reason::Malformed, code: IssueType::Structure, text: text.into() }
    }

    fn inapplicable(text: impl Into<String>) -> Fault {
        Fault { reason: Reason::Inapplicable, code: IssueType::Processing, text: text.into() }
    }

    fn too_large(text: impl Into<String>) -> Fault {
        Fault { reason: Reason::TooLarge, code: IssueType::TooCostly, text: text.into() }
    }

    /// The fault of an operation, or of the whole patch.
    fn at(self, path: impl Into<String>, operation: &str) -> PatchError {
        let text = if operation.is_empty() { self.text } else { format!("{operation}: {}", self.text) };
        PatchError { reason: self.reason, issues: vec![Issue::error(self.code, path, text)] }
    }
}

impl std::fmt::Display for PatchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = self.issues.first().map_or("", |issue| issue.text.as_str());
        f.write_str(first)
    }
}

impl std::error::Error for PatchError {}
