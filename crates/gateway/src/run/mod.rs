//! Running a plan over a message: what it says, as changes.

mod build;
mod convert;
mod frame;
mod group;
mod guards;
mod keys;
mod memo;
mod message;
mod references;
mod residue;
mod rules;
pub mod text;
mod view;
mod writes;

pub use frame::SEGMENTS_MAX;
pub(crate) use guards::text_holds;
pub use message::{gone_writes, translate};

use crate::plan::How;
use fhir::Issue;
use fhir::apply::Change;

/// What a message says.
#[derive(Debug, Default)]
pub struct Translation<'a> {
    /// The message profile that was used.
    pub profile: &'a str,
    pub planned: Vec<Planned<'a>>,
    pub merges: Vec<Merging>,
    pub snapshots: Vec<Snapshot<'a>>,
    /// Types of resources that the message speaks of and nothing in it names.
    pub unnamed: Vec<&'static str>,
    /// What could not be understood, by place; never a value.
    pub issues: Vec<Issue>,
    /// Places of what was sent and no rule read.
    pub residue: Vec<String>,
    /// How many values were sent; counted only with the trace.
    pub values: usize,
    /// Made when asked for: which rule made what of what.
    pub trace: Vec<Traced>,
}

/// A change, and what else the record has to know about it.
#[derive(Debug)]
pub struct Planned<'a> {
    pub change: Change<'a>,
    /// Its name in the message profile; empty for a resource that another refers to.
    pub name: &'a str,
    /// Shown by `hilum convert`, not stored.
    pub transient: bool,
    /// The reference that may never come to name another resource.
    pub same: Option<&'static str>,
    /// The profile that made it, with its hash.
    pub stamp: &'a str,
    /// The snapshot that it is a member of.
    pub scope: Option<u64>,
}

/// Two resources of one kind become one (`safety.md` 4), or one gets another identifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Merging {
    pub kind: &'static str,
    pub survivor: String,
    pub prior: String,
    pub how: How,
}

/// A list that is complete in its scope: members that are not present are gone.
#[derive(Debug)]
pub struct Snapshot<'a> {
    pub kind: &'static str,
    pub scope: u64,
    pub present: Vec<String>,
    pub profile: &'a crate::plan::Profile,
    pub time: Option<fhir::apply::EventTime>,
}

/// One step of how a message became FHIR.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    pub profile: String,
    pub rule: String,
    /// Bytes of the message's text.
    pub span: (usize, usize),
    /// Where in the message, such as `PID-5.1`.
    pub place: String,
    /// What was written, such as `Patient/x name[*].family`.
    pub element: String,
}
