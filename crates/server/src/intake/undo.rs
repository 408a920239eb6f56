//! Taking a merge back (`safety.md` 4): v2 has no event for it, so a person says it of the message that merged.
//!
//! The redirect ends, both Patients are again what they were but for the link, and what came for the prior in the
//! meantime is filed where it was addressed: its messages are replayed in their order.

use fhir::apply::State;
use fhir::{Node, Resource};
use gateway::{How, Merging};
use hl7v2::Message;
use record::{
    Attempt, Change, Commit, Expect, Key, MessageFilter, MessageId, Outcome, Receipt, Redirect, Replay, Write,
};

use super::{Intake, Origin};
use crate::app::now;
use crate::source::Source;

/// Messages that are filed anew after one merge was taken back.
const REFILED_MAX: usize = 10_000;

/// What taking a merge back came to.
#[derive(Debug)]
pub struct Undone {
    /// Merges that were ended.
    pub merges: usize,
    /// Messages that were filed again under the one that they name.
    pub refiled: usize,
}

impl Intake {
    /// Takes back what a message merged. `Err` says why it cannot be.
    pub async fn undo(&self, source: &std::sync::Arc<Source>, id: MessageId) -> Result<Undone, String> {
        let merges = self.merges_of(source, id).await?;
        let patients: Vec<String> = merges.iter().flat_map(|m| [m.survivor.clone(), m.prior.clone()]).collect();
        {
            let _lane = self.0.lanes.enter(&patients).await;
            let commit = self.commit_of_undo(id, &merges, source).await?;
            self.commit(commit).await.map_err(|error| error.to_string())?;
        }
        let refiled = self.refile(source, id, &merges).await?;
        tracing::info!(message.id = id.0, merges = merges.len(), refiled, "took a merge back");
        Ok(Undone { merges: merges.len(), refiled })
    }

    /// The merges of a message that still stand.
    async fn merges_of(&self, source: &Source, id: MessageId) -> Result<Vec<Merging>, String> {
        let raw = self.0.record.raw(&self.0.access, id).await.map_err(|error| error.to_string())?;
        let raw = raw.ok_or("there is no such message, or its bytes were pruned")?;
        let parsed = Message::parse(&raw, &source.options).map_err(|fault| fault.to_string())?;
        let gateway = std::sync::Arc::clone(&self.0.gateway.read().expect("no holder panics"));
        let translation = gateway.translate(&parsed.message, &source.gateway, &self.0.ids, false);
        let mut standing = Vec::new();
        for merging in translation.map_or_else(Vec::new, |translation| translation.merges) {
            let prior = Key::new(merging.kind, &merging.prior);
            let filed = self.0.record.resolve(std::slice::from_ref(&prior)).await.map_err(|error| error.to_string())?;
            if merging.how == How::Merge && filed.first().is_some_and(|filed| *filed != prior) {
                standing.push(merging);
            }
        }
        if standing.is_empty() {
            return Err("nothing that this message merged is merged now".to_owned());
        }
        Ok(standing)
    }

    async fn commit_of_undo(&self, id: MessageId, merges: &[Merging], source: &Source) -> Result<Commit, String> {
        let attempt = Attempt { outcome: Outcome::Dismissed, issues: Vec::new(), residue: Vec::new() };
        let receipt = Replay { message: id, mended: None, patients: Vec::new(), attempt };
        let mut commit = Commit { now: now(), receipt: Some(Receipt::Replay(receipt)), ..Commit::default() };
        for merging in merges {
            commit.redirects.push(Redirect::End { kind: merging.kind.to_owned(), from: merging.prior.clone() });
            for (own, other, link) in
                [(&merging.prior, &merging.survivor, "replaced-by"), (&merging.survivor, &merging.prior, "replaces")]
            {
                let write = self.without_link(merging.kind, (own, other), link, &source.name).await?;
                commit.writes.extend(write);
            }
        }
        Ok(commit)
    }

    /// The resource as it is, without the link to the other; a prior is active again.
    async fn without_link(
        &self,
        kind: &str,
        (own, other): (&str, &str),
        link: &str,
        origin: &str,
    ) -> Result<Option<Write>, String> {
        let key = Key::new(kind, own);
        let version = self.0.record.current(&self.0.access, &key).await.map_err(|error| error.to_string())?;
        let Some(version) = version else { return Ok(None) };
        let Some(body) = &version.body else { return Ok(None) };
        let mut resource = fhir::json::read(body).map_err(|_| format!("{kind}/{own} cannot be read"))?;
        let mut state = State::read(std::str::from_utf8(&version.state).unwrap_or_default());
        unlink(&mut resource, &mut state, &format!("Patient/{other}"), link);
        Ok(Some(Write {
            key,
            expect: Expect::Version(version.vid),
            change: Change::Put(self.0.record.prepare(&resource)),
            origin: origin.to_owned(),
            source_time: version.source_time,
            state: state.write().into_bytes(),
            groups: Vec::new(),
        }))
    }

    /// Files again, oldest first, what came for the priors since the merge.
    async fn refile(
        &self,
        source: &std::sync::Arc<Source>,
        merge: MessageId,
        merges: &[Merging],
    ) -> Result<usize, String> {
        let mut later: Vec<MessageId> = Vec::new();
        for merging in merges.iter().filter(|merging| merging.kind == "Patient") {
            let filter = MessageFilter {
                patient: Some(merging.prior.clone()),
                limit: record::MESSAGE_PAGE_MAX,
                ..MessageFilter::default()
            };
            let mut before = None;
            while later.len() < REFILED_MAX {
                let filter = MessageFilter { before, ..filter.clone() };
                let page = self.0.record.messages(&self.0.access, &filter).await.map_err(|error| error.to_string())?;
                later.extend(page.iter().filter(|m| m.id > merge && m.outcome() == Outcome::Applied).map(|m| m.id));
                before = page.last().map(|message| message.id);
                if before.is_none_or(|before| before <= merge) {
                    break;
                }
            }
        }
        later.sort_unstable();
        later.dedup();
        for id in &later {
            let raw = self.0.record.raw(&self.0.access, *id).await.map_err(|error| error.to_string())?;
            if let Some(raw) = raw {
                self.run(source, &raw, Origin::Refiled { id: *id }).await;
            }
        }
        Ok(later.len())
    }
}

fn unlink(resource: &mut Resource<'_>, state: &mut State, other: &str, link: &str) {
    if let Some(Node::List(items)) = resource.object.get_mut("link") {
        items.retain(|item| {
            let Some(item) = item.as_object() else { return true };
            let to = item.get("other").and_then(Node::as_object).and_then(|other| other.str("reference"));
            to != Some(other) || item.str("type") != Some(link)
        });
        if items.is_empty() {
            resource.object.remove("link");
        }
    }
    state.owners.retain(|(path, _)| path != "link");
    if link == "replaced-by" {
        resource.object.set("active", Node::Bool(true));
    }
}
