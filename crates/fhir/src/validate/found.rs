//! The issues that a walk finds, and where it ends.
//!
//! So many are listed. Then only an error is still of interest, and only where there is none yet: a resource is never
//! taken as valid because its warnings filled the list.

use super::Options;
use crate::{Issue, IssueType, Severity};

pub struct Issues {
    list: Vec<Issue>,
    least: Severity,
    max: usize,
    /// There were more than are listed.
    is_full: bool,
    has_error: bool,
}

impl Issues {
    pub fn new(options: &Options<'_>) -> Issues {
        Issues { list: Vec::new(), least: options.least, max: options.issues_max, is_full: false, has_error: false }
    }

    /// Whether an issue so heavy would change anything.
    pub fn wants(&self, severity: Severity) -> bool {
        match self.is_full {
            true => !self.has_error && severity <= Severity::Error,
            false => severity <= self.least,
        }
    }

    /// Adds what is wanted; behind the last that is listed only the first error.
    pub fn add(&mut self, issue: Issue) {
        let is_error = issue.severity <= Severity::Error;
        self.is_full |= self.list.len() >= self.max;
        if !self.is_full || (is_error && !self.has_error) {
            self.list.push(issue);
        }
        self.has_error |= is_error;
    }

    pub fn is_over(&self) -> bool {
        self.is_full && self.has_error
    }

    /// All that are listed; and a last one of the lightest weight that was asked for, where there were more.
    pub fn into_list(mut self) -> Vec<Issue> {
        if self.is_full {
            let text = format!("more than {} issues: the rest is not listed", self.max);
            self.list.push(Issue::new(self.least, IssueType::TooCostly, "", text));
        }
        self.list
    }
}
