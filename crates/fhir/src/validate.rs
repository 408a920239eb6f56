//! Base validation (R4 §2.28, Validating Resources): what R4 itself asks of a resource beyond its structure.
//!
//! What was read has only known elements, of the right types, formats, cardinalities and required codes: the strict
//! readers take nothing else. Judged here are all invariants of R4; what a reference may point at, and whether it points
//! at something where that can be seen; contained resources; Bundles; narrative; required concepts, units of UCUM,
//! addresses and the sizes of attachments. A code system that R4 does not define is never judged, and nothing is fetched.
//!
//! Profiles (`meta.profile`), extensions' definitions and terminology are not judged: that is the work of a crate
//! `conformance`, still to come. A profile that is claimed is named in an information, so that nobody takes silence for a yes.
//!
//! `walk.rs` goes through the tree once and calls the others, each of which is one chapter of R4's rules.

mod address;
mod ask;
mod bundle;
mod concept;
mod contained;
mod definition;
mod found;
pub(crate) mod narrative;
mod plain;
mod questionnaire;
mod quick;
mod reference;
mod rules;
mod value;
mod walk;
mod whole;
mod words;

use crate::{Issue, Resource, Severity};

/// How far validation goes.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// Nothing lighter is looked for or given: `Error` leaves warnings and information out.
    pub least: Severity,
    /// What time it is, as a dateTime, for an expression that asks; none of R4's own does.
    pub now: Option<&'o str>,
    /// So many issues are listed. Where there are more, a last one says so; and one that is an error is looked for and
    /// listed where none of them is, so that what is not valid is never taken as valid.
    pub issues_max: usize,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { least: Severity::Information, now: None, issues_max: 100 }
    }
}

/// What is wrong with a resource, or should be better, in the order of its elements. It can be taken as valid where no
/// issue is an error. The path of an issue is a FHIRPath; [`crate::json::locate`] finds its line.
pub fn validate(resource: &Resource<'_>, options: &Options<'_>) -> Vec<Issue> {
    walk::walk(resource, options, false)
}

/// The same with every invariant evaluated as R4 has it, where [`validate`] answers the frequent ones by hand. It is
/// slow, and there for the test that holds the two against each other.
#[doc(hidden)]
pub fn validate_by_expression(resource: &Resource<'_>, options: &Options<'_>) -> Vec<Issue> {
    walk::walk(resource, options, true)
}

/// Whether there is nothing that forbids to take the resource.
pub fn is_valid(issues: &[Issue]) -> bool {
    issues.iter().all(|issue| issue.severity > Severity::Error)
}
