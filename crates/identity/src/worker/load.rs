//! A start: the index and the fold of the decisions, made of what is in the log.

use std::sync::Arc;

use fhir::search::{Handling, Query};
use record::{Position, Time, Version, sources_of};

use super::{Identity, STEP, State, Trouble, said};
use crate::golden::{TAG_GOLDEN, TAG_SYSTEM};
use crate::index::{Found, Log, Put};
use crate::key::{self, Secret};
use crate::linkage::{Decision, is_decision};
use crate::people::People;

/// Registrations that are put into an empty index at once, some 30 MB of them: of many, more lie in one hash of Redis.
const PART: usize = 25_000;

/// What is to be put into an empty index, and where to read on.
struct Part {
    puts: Vec<Put>,
    next: Option<String>,
}

impl Identity {
    /// Makes the state of everything that is there. What of it is still to be followed is taken once more when it comes. Of an
    /// index that outlived the worker only the rest is made, from where it is whole.
    pub(super) async fn warm(&self, state: &mut State, cursor: Position, now: Time) -> Result<(), Trouble> {
        if state.lease == 0 {
            state.lease = now.0.max(1);
        }
        let expected = self.patients().await?;
        let log = Log { epoch: self.0.record.epoch().to_owned(), lease: state.lease, cursor, expected };
        let whole = state.index.begin(&log).await?;
        tracing::info!(whole = whole.is_some(), expected, "identity reads what was decided before");
        state.people = People::default();
        self.read_groups(state).await?;
        if whole.is_none() {
            self.read_registrations(state, expected).await?;
        }
        let mut page = None;
        loop {
            let (linkages, next) = self.page("Linkage", None, page).await?;
            for version in linkages.iter().filter(|version| is_decision(&version.key)) {
                let resource = version.body.as_deref().and_then(|body| fhir::json::read(body).ok());
                if let Some(decision) = resource.as_ref().and_then(Decision::read) {
                    state.people.remember(&decision);
                }
            }
            page = next;
            if page.is_none() {
                break;
            }
        }
        if let Some(whole) = whole {
            self.catch_up(state, whole, cursor).await?;
        }
        state.index.mark_whole(cursor).await?;
        let registrations = state.index.size().await?;
        tracing::info!(registrations, "identity has read what was decided before");
        state.warm = true;
        Ok(())
    }

    /// The golden Patients, and whom they stand over.
    async fn read_groups(&self, state: &mut State) -> Result<(), Trouble> {
        let golden = format!("{TAG_SYSTEM}|{TAG_GOLDEN}");
        let mut page = None;
        loop {
            let (found, next) = self.page("Patient", Some(("_tag", &golden)), page).await?;
            for version in found.iter().filter(|version| version.key.is_golden()) {
                let resource = version.body.as_deref().and_then(|body| fhir::json::read(body).ok());
                let sources = resource.map(|golden| sources_of(&golden)).unwrap_or_default();
                state.people.remember_group(version.key.clone(), sources);
            }
            page = next;
            if page.is_none() {
                return Ok(());
            }
        }
    }

    /// What all sources say, for an index that is empty: while one part is put into it the next is read, on another core.
    async fn read_registrations(&self, state: &mut State, expected: usize) -> Result<(), Trouble> {
        let secret = state.engine.secret;
        let mut read = 0;
        let mut part = self.read_part(secret, None).await?;
        loop {
            read += part.puts.len();
            tracing::info!(read, expected, "identity reads what was decided before");
            let Some(page) = part.next else { return state.index.put(part.puts).await };
            let reader = self.clone();
            let next = tokio::spawn(async move { reader.read_part(secret, Some(page)).await });
            state.index.put(part.puts).await?;
            part = next.await.expect("reading does not panic")?;
        }
    }

    async fn read_part(&self, secret: Secret, mut page: Option<String>) -> Result<Part, Trouble> {
        let mut puts = Vec::with_capacity(PART);
        loop {
            let (patients, next) = self.page("Patient", None, page).await?;
            for version in &patients {
                let Some(registration) = said(version) else { continue };
                let first = match version.vid {
                    1 => version.position,
                    _ => self.first(&version.key).await?.unwrap_or(version.position),
                };
                let keys = key::keys(&registration, secret);
                puts.push(Put { found: Arc::new(Found { registration, first }), keys });
            }
            page = next;
            if page.is_none() || puts.len() >= PART {
                return Ok(Part { puts, next: page });
            }
        }
    }

    /// Brings an index that was whole up to `from` to the cursor. Everything up to there was decided on: nothing is decided.
    async fn catch_up(&self, state: &mut State, mut from: Position, cursor: Position) -> Result<(), Trouble> {
        while from < cursor {
            let (versions, to) = self.0.record.log(&self.0.access, from, STEP).await?;
            let until = to.min(cursor);
            let (mut desk, arrivals) = self.lay_out(state, &versions).await?;
            arrivals.iter().filter(|arrival| arrival.position <= cursor).for_each(|arrival| desk.take(arrival));
            state.tell(desk).await?;
            state.index.mark_whole(until).await?;
            if to == from {
                break;
            }
            from = to;
        }
        Ok(())
    }

    /// How many Patients there are.
    async fn patients(&self) -> Result<usize, Trouble> {
        let pairs = [("_summary".to_owned(), "count".to_owned())];
        let query = Query::parse("Patient", &pairs, Handling::Strict).expect("these parameters are R4's");
        let found = self.0.record.search(&self.0.access, &query, None).await?;
        Ok(found.total.and_then(|total| usize::try_from(total).ok()).unwrap_or_default())
    }

    /// A page of what is there now of a type, and where to go on. Golden Patients are there where they are named.
    async fn page(
        &self,
        kind: &str,
        named: Option<(&str, &str)>,
        page: Option<String>,
    ) -> Result<(Vec<Version>, Option<String>), Trouble> {
        let pairs = [Some(("_count", "1000")), Some(("_total", "none")), named];
        let pairs = pairs.into_iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let pairs: Vec<(String, String)> = pairs.collect();
        let query = Query::parse(kind, &pairs, Handling::Strict).expect("these parameters are R4's");
        let found = self.0.record.search(&self.0.access, &query, page.as_deref()).await?;
        Ok((found.versions, found.next))
    }
}
