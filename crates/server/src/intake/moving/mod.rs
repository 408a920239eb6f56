//! What was filed under the wrong patient is moved to the right one (`safety.md` 14), by a person: a message with all its results, or one
//! result.
//!
//! Nothing changes its owner. Under the old patient the resource becomes entered-in-error (a type that has no such word is deleted),
//! or again what it was before the message; under the new one it is made anew, with a new id and a Provenance that names who did it and
//! where it was. All of that is one commit, and the retraction is the newest version of the old id: so every follower of the log,
//! whatever it skips, takes back what it had, and never has to see the other patient for that.
//!
//! From then on the old id stands for the new one: what comes for the same order later follows (`follow.rs`). What was moved
//! wrongly is moved back in the same way.
//!
//! Not moved: who somebody is, and lists that a source sends as a whole (allergies, insurance): their source says them again.

mod remade;
mod set;

use std::collections::BTreeMap;

use consent::Access;
use fhir::{Issue, IssueType};
use record::{
    Attempt, Change, Commit, CommitError, Expect, Key, MessageId, Outcome, ReadError, Receipt, Redirect, Replay,
    Version, Why, Write,
};

use super::{Intake, RACES_MAX, answer};
use crate::app::now;
pub use remade::is_movable;
use set::{Before, Member, Set};

/// What is to be moved, and to whom.
pub struct Order {
    pub what: What,
    pub to: Key,
    /// Says what would be done, and does nothing.
    pub preview: bool,
}

#[derive(Clone)]
pub enum What {
    /// All that a message made for one patient.
    Message(MessageId),
    /// A resource, with the results that it reports.
    Resource(Key),
}

/// What was done, or would be.
#[derive(Debug)]
pub struct Moved {
    /// The patient under whom it was; none where there is nothing to move.
    pub from: Option<Key>,
    pub to: Key,
    pub items: Vec<Item>,
    /// What stays as it is, and why.
    pub stays: Vec<(Key, &'static str)>,
}

#[derive(Debug)]
pub struct Item {
    pub old: Key,
    /// None for what is only taken back.
    pub new: Option<Key>,
    /// What becomes of the old one: `entered-in-error`, `deleted` or `restored`.
    pub becomes: &'static str,
}

/// Why nothing was moved.
#[derive(Debug)]
pub enum Trouble {
    Unknown(String),
    Refused(String),
    Read(ReadError),
    Commit(CommitError),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Trouble {
        Trouble::Read(error)
    }
}

impl Intake {
    /// Moves it, as `access` may. Moved to whom it belongs already, nothing is done.
    pub async fn move_to(&self, access: &Access, order: &Order) -> Result<Moved, Trouble> {
        for _ in 0..RACES_MAX {
            let set = Set::of(&self.0.record, access, order).await?;
            let patients = set.from.iter().chain([&order.to]).map(|key| key.id.clone()).collect::<Vec<_>>();
            let _lane = self.0.lanes.enter(&patients).await;
            let (commit, moved) = self.planned(access, order, set).await?;
            if order.preview || moved.items.is_empty() {
                return Ok(moved);
            }
            match self.0.record.commit(access, commit).await {
                Ok(_) => {
                    // Of whom, the Provenance says: a client may have made a Patient's id of a number.
                    let count = moved.items.len();
                    tracing::info!(who = access.who(), count, "moved what was filed under the wrong patient");
                    return Ok(moved);
                }
                Err(CommitError::Stale(_) | CommitError::Moved) => {}
                Err(error) => return Err(Trouble::Commit(error)),
            }
        }
        Err(Trouble::Refused("others write to the same resources all the time: try again later".to_owned()))
    }

    async fn planned(&self, access: &Access, order: &Order, set: Set) -> Result<(Commit, Moved), Trouble> {
        let mut moved = Moved { from: set.from.clone(), to: order.to.clone(), items: Vec::new(), stays: set.stays };
        let Some(from) = set.from else { return Ok((Commit::default(), moved)) };
        let ids = &self.0.ids;
        let named: BTreeMap<Key, Key> = set
            .members
            .iter()
            .filter(|member| member.moves)
            .map(|member| {
                let key = &member.version.key;
                (key.clone(), Key::new(&key.kind, ids.id(["moved", &key.kind, &key.id, &order.to.id])))
            })
            .collect();
        let left = set::left_behind(&self.0.record, access, &set.members, &named, &from).await?;
        moved.stays.extend(
            left.iter().map(|key| (key.clone(), "belongs to the old patient: what is moved no longer refers to it")),
        );
        let remake = remade::Remake { from: &from, aliases: &set.aliases, to: &order.to, named: &named, left: &left };
        let mut commit = Commit { now: now(), ..Commit::default() };
        for member in &set.members {
            let key = member.version.key.clone();
            let new = named.get(&key);
            let (change, becomes) = self.taken_back(member)?;
            if let Some(change) = change {
                let state = match &member.before {
                    Before::Version(before) => before.state.clone(),
                    Before::Nothing => member.version.state.clone(),
                };
                commit.writes.push(write(access, key.clone(), Expect::Version(member.version.vid), change, state));
            }
            if let Some(new) = new {
                let copy = self.0.record.prepare(&remake.copy(&read(&member.version)?, new));
                let state = member.version.state.clone();
                commit.writes.push(write(access, new.clone(), Expect::Absent, Change::Put(copy), state));
                let (kind, from, to) = (key.kind.clone(), key.id.clone(), new.id.clone());
                commit.redirects.push(Redirect::Begin { kind, from, to, why: Why::Alias });
            }
            moved.items.push(Item { old: key, new: new.cloned(), becomes });
        }
        let provenance = remade::provenance(ids, access.who(), &moved, commit.now);
        let key = Key::new("Provenance", provenance.id().expect("it was given one"));
        let provenance = Change::Put(self.0.record.prepare(&provenance));
        commit.writes.push(write(access, key, Expect::Any, provenance, Vec::new()));
        commit.receipt = receipt(order, &moved, access.who());
        Ok((commit, moved))
    }

    /// What is written to the old one (none where it is so already), and the word for it.
    fn taken_back(&self, member: &Member) -> Result<(Option<Change>, &'static str), Trouble> {
        if let Before::Version(before) = &member.before {
            return Ok(match before.body {
                Some(_) => (Some(Change::Put(self.0.record.prepare(&read(before)?))), "restored"),
                None => (Some(Change::Delete), "deleted"),
            });
        }
        let resource = read(&member.version)?;
        Ok(match remade::retracted(resource.clone()) {
            Some(retracted) if retracted == resource => (None, "entered-in-error"),
            Some(retracted) => (Some(Change::Put(self.0.record.prepare(&retracted))), "entered-in-error"),
            None => (Some(Change::Delete), "deleted"),
        })
    }
}

fn write(access: &Access, key: Key, expect: Expect, change: Change, state: Vec<u8>) -> Write {
    Write { key, expect, change, origin: access.who().to_owned(), source_time: None, state, groups: Vec::new() }
}

fn read(version: &Version) -> Result<fhir::Resource<'static>, Trouble> {
    let read = version.body.as_deref().and_then(|body| fhir::json::read(body).ok());
    let read = read.ok_or_else(|| Trouble::Refused(format!("{} cannot be read", version.key)))?;
    Ok(read.into_owned())
}

/// The message remembers that it was moved, by whom and where to.
fn receipt(order: &Order, moved: &Moved, who: &str) -> Option<Receipt> {
    let What::Message(message) = order.what else { return None };
    let from = moved.from.as_ref()?;
    let text = format!("moved by {who} from {from} to {}: {} resources", moved.to, moved.items.len());
    let issue = Issue::information(IssueType::Informational, moved.to.to_string(), text);
    let attempt = Attempt { outcome: Outcome::Applied, issues: answer::outcome_json(&[issue]), residue: Vec::new() };
    let patients = vec![from.id.clone(), moved.to.id.clone()];
    Some(Receipt::Replay(Replay { message, mended: None, patients, attempt }))
}
