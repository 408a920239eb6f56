//! Golden Patients as they are in the log: written where what they show has changed.

use std::collections::BTreeSet;

use fhir::search::{Handling, Query};
use record::{Change, Commit, Key, SOURCES_MAX, Time, Version, Write, sources_of};

use super::{Identity, State, Trouble, write};
use crate::golden::{self, RULES_SYSTEM, Source, TAG_GOLDEN, TAG_SYSTEM};

/// Golden Patients that are brought to other rules at once.
const STEP: usize = 200;

impl Identity {
    /// Brings golden Patients that were put together by other rules, of a configuration before this one, to those in force: some
    /// at a time, while there is nothing else to do. False: there are none.
    pub(super) async fn bring_on(&self, state: &mut State, now: Time) -> Result<bool, Trouble> {
        if state.by_rules {
            return Ok(false);
        }
        let pairs = [
            ("_tag", format!("{TAG_SYSTEM}|{TAG_GOLDEN}")),
            ("_tag:not", format!("{RULES_SYSTEM}|{}", self.0.rules.version())),
            ("_count", STEP.to_string()),
            ("_total", "none".to_owned()),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
        let query = Query::parse("Patient", &pairs, Handling::Strict).expect("these parameters are R4's");
        let found = self.0.record.search(&self.0.access, &query, None).await?.versions;
        let mut writes = Vec::with_capacity(found.len());
        for version in found.iter().filter(|version| version.key.is_golden()) {
            let resource = version.body.as_deref().and_then(|body| fhir::json::read(body).ok());
            let sources = resource.map(|golden| sources_of(&golden)).unwrap_or_default();
            writes.extend(self.golden(&version.key, &sources.into_iter().collect()).await?);
        }
        state.by_rules = writes.is_empty();
        if !state.by_rules {
            let commit = Commit { now, writes, ..Commit::default() };
            self.0.record.commit(&self.0.access, commit).await?;
        }
        Ok(!state.by_rules)
    }

    /// The write of a golden Patient; none where it is there as it should be.
    pub(super) async fn golden(&self, golden: &Key, sources: &BTreeSet<String>) -> Result<Option<Write>, Trouble> {
        let record = &self.0.record;
        let there = record.current(&self.0.access, golden).await?;
        let keys: Vec<Key> = sources.iter().take(SOURCES_MAX).map(|id| Key::new("Patient", id.as_str())).collect();
        let versions: Vec<Version> = record.current_many(&self.0.access, &keys).await?.into_iter().flatten().collect();
        let read = |version: &Version| {
            let resource = version.body.as_deref().and_then(|body| fhir::json::read(body).ok())?;
            Some((version.key.id.clone(), version.time, resource.into_owned()))
        };
        let read: Vec<_> = versions.iter().filter_map(read).collect();
        if read.len() < 2 {
            let is_there = there.is_some_and(|there| !there.is_deleted());
            return Ok(is_there.then(|| write(golden.clone(), Change::Delete)));
        }
        let said: Vec<Source<'_>> =
            read.iter().map(|(id, time, resource)| Source { id, time: *time, resource }).collect();
        let write = self.put(&golden::compose(golden, &said, &self.0.rules));
        let same = |there: &Version| match &write.change {
            Change::Put(prepared) => there.body.as_deref() == Some(&prepared.shown(there.vid, there.time)[..]),
            Change::Delete => false,
        };
        Ok((!there.as_ref().is_some_and(same)).then_some(write))
    }
}
