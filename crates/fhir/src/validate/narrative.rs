//! The narrative of a resource, where the walk is (invariants txt-1 and txt-2).

use super::walk::Walk;
use crate::narrative::{Fault, check};
use crate::{IssueType, Object, Severity};

/// Judges a Narrative where the walk is.
pub fn judge<'r>(walk: &mut Walk<'r, '_>, narrative: &'r Object<'_>) {
    let Some(div) = narrative.str("div") else { return };
    match check(div) {
        Err(Fault::Content(text)) => {
            walk.note_at("div", Severity::Error, IssueType::Invariant, format!("txt-1: the narrative {text}"));
        }
        Err(Fault::Empty) => {
            let text = "txt-2: the narrative must have something to read; leave it out instead";
            walk.note_at("div", Severity::Error, IssueType::Invariant, text);
        }
        Ok(seen) => seen.ids.into_iter().for_each(|id| walk.narrative_id(id)),
    }
}
