//! A start: the index and the fold of the decisions, made of what is in the log.

use fhir::search::{Handling, Query};
use record::{Version, sources_of};

use super::{Identity, State, Trouble, said};
use crate::index::Memory;
use crate::linkage::{Decision, is_decision};
use crate::people::People;

impl Identity {
    /// Makes the state of everything that is there. What of it is still to be followed is taken once more when it comes.
    pub(super) async fn warm(&self, state: &mut State) -> Result<(), Trouble> {
        (state.index, state.people) = (Memory::default(), People::default());
        let mut page = None;
        loop {
            let (patients, next) = self.page("Patient", page).await?;
            for version in &patients {
                self.know(state, version).await?;
            }
            page = next;
            if page.is_none() {
                break;
            }
        }
        loop {
            let (linkages, next) = self.page("Linkage", page).await?;
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
        tracing::info!(registrations = state.index.size(), "identity has read what was decided before");
        state.warm = true;
        Ok(())
    }

    async fn know(&self, state: &mut State, version: &Version) -> Result<(), Trouble> {
        if version.key.is_golden() {
            let resource = version.body.as_deref().and_then(|body| fhir::json::read(body).ok());
            let sources = resource.map(|golden| sources_of(&golden)).unwrap_or_default();
            state.people.remember_group(version.key.clone(), sources);
            return Ok(());
        }
        let Some(registration) = said(version) else { return Ok(()) };
        let first = match version.vid {
            1 => version.position,
            _ => self.first(&version.key).await?.unwrap_or(version.position),
        };
        let keys = state.engine.keys(&registration);
        state.index.put(registration, keys, first);
        Ok(())
    }

    /// A page of what is there now of a type, and where to go on.
    async fn page(&self, kind: &str, page: Option<String>) -> Result<(Vec<Version>, Option<String>), Trouble> {
        let pairs = [("_count".to_owned(), "1000".to_owned()), ("_total".to_owned(), "none".to_owned())];
        let query = Query::parse(kind, &pairs, Handling::Strict).expect("these parameters are R4's");
        let found = self.0.record.search(&self.0.access, &query, page.as_deref()).await?;
        Ok((found.versions, found.next))
    }
}
