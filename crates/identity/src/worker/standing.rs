//! How things stand with who is one person, for whoever watches the node: told after each step, so that nobody who asks waits for one.

use std::sync::atomic::Ordering;

use fhir::search::{Handling, Query};
use record::{Position, ReadError, Time};

use super::{Identity, State, Trouble};
use crate::golden::TAG_SYSTEM;
use crate::linkage::Verdict;
use crate::people::Counts;

/// How things stand.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Standing {
    /// The index is being made: nobody is told anything.
    pub warming: bool,
    /// Sources in use.
    pub registrations: usize,
    /// People with more than one source.
    pub joined: usize,
    pub decisions: Counts,
    /// Links that a person took back since this node started: two people had been one.
    pub undone: u64,
    /// The log is followed up to here.
    pub followed: Position,
}

impl Identity {
    pub fn standing(&self) -> Standing {
        let standing = *self.0.standing.lock().expect("no holder panics");
        Standing { warming: self.0.warming.load(Ordering::Relaxed), ..standing }
    }

    /// Since when the oldest pair waits for a person; none where no pair does.
    pub async fn oldest_review(&self) -> Result<Option<Time>, ReadError> {
        let pairs = [
            ("_tag", format!("{TAG_SYSTEM}|{}", Verdict::Possible.code())),
            ("_sort", "_lastUpdated".to_owned()),
            ("_count", "1".to_owned()),
            ("_total", "none".to_owned()),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
        let query = Query::parse("Linkage", &pairs, Handling::Strict).expect("these parameters are R4's");
        let found = self.0.record.search(&self.0.access, &query, None).await?;
        Ok(found.versions.first().map(|version| version.time))
    }

    /// Says how things stand after a part of the log, or a decision of a person.
    pub(super) async fn stand(&self, state: &mut State, followed: Position, undone: u64) -> Result<(), Trouble> {
        let registrations = state.index.size().await?;
        let (joined, decisions) = (state.people.joined(), state.people.counts());
        let mut standing = self.0.standing.lock().expect("no holder panics");
        let undone = standing.undone + undone;
        *standing = Standing { warming: false, registrations, joined, decisions, undone, followed };
        Ok(())
    }
}
