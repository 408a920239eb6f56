//! Transactions: all entries of a Bundle happen together, or none does (R4 §3.1.0.11.2).
//!
//! Everything is decided first and written last. Each entry becomes a [`Slot`]: which resource it is about, what becomes
//! of it. References follow the ids that were decided on, and then one commit carries all changes with what they rest on:
//! the version of every resource that is replaced, and a condition for every search that was asked. When
//! somebody else was quicker the writer refuses the whole, and it is decided anew. So a transaction either sees
//! nothing of others or all of them, and the order of its entries is no matter: deletes, creates, updates, and
//! reads at the end, as R4 has it. All that is read is of one moment: that of the commit, or where nothing is written that at
//! which the transaction was decided.

mod references;
mod slot;

use actix_web::http::StatusCode;
use fhir::Resource;
use record::{Change, Commit, CommitError, Condition, Key, Prepared, Write};

use super::answer::{Answer, Stamp};
use super::batch;
use super::bundle::Bundle;
use super::call::Call;
use super::{create, update, write};
use crate::app;
use crate::http::{Ask, Failure, Kind, Return};
use crate::subscription;
use slot::{Fate, Slot};

/// Resources from which on preparing them is given a thread of its own.
const BLOCKING_RESOURCES: usize = 8;

/// What a decided transaction rests on.
type Conditions = Vec<Condition>;

pub async fn run(ask: &Ask, mut calls: Vec<Call>) -> Result<Answer, Failure> {
    slot::check_questions(ask, &calls)?;
    // A Bundle of a thousand entries answers with what was done, and with the resources where the client asks for them.
    let ask = &Ask { form: ask.form.of_entries(), ..ask.clone() };
    let may_race = calls.iter().any(|call| call.deed.may_race());
    for _ in 0..write::TRIES {
        let calls = if may_race { calls.clone() } else { std::mem::take(&mut calls) };
        let mut conditions = Conditions::new();
        let ask = &Ask { at: Some(ask.app.record.position().await?), ..ask.clone() };
        let mut slots = slot::decide(ask, calls, &mut conditions).await?;
        for slot in slots.iter().filter(|slot| slot.fate == Fate::Update) {
            write::not_moved(ask, slot.current.as_ref()).await?;
        }
        references::settle(ask, &mut slots, &mut conditions).await?;
        let prepared = prepare(ask, &mut slots).await?;
        let Writes { writes, places, kept } = Writes::of(ask, &slots, prepared);
        let mut stamps = vec![None; slots.len()];
        if writes.is_empty() {
            return answer(ask, slots, kept, stamps).await;
        }
        subscription::admit(ask, &writes).await?;
        match write::commit(ask, Commit { now: app::now(), writes, conditions, ..Commit::default() }).await {
            Ok(committed) => {
                for (place, made) in places.into_iter().zip(committed.versions) {
                    stamps[place] = Some(Stamp { vid: made.vid, time: committed.time });
                }
                return answer(&Ask { at: Some(committed.position), ..ask.clone() }, slots, kept, stamps).await;
            }
            Err(CommitError::Stale(key)) if expected(&slots, &key).is_some() => {
                let at = expected(&slots, &key).expect("the guard found it");
                return Err(update::stale().of_entry(at));
            }
            Err(CommitError::Stale(_) | CommitError::Moved) if may_race => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(update::crowd())
}

/// JSON, compression and index rows of everything that is put, away from the threads that answer.
async fn prepare(ask: &Ask, slots: &mut [Slot]) -> Result<Vec<Option<Prepared>>, Failure> {
    let resources: Vec<_> = slots.iter_mut().map(|slot| slot.resource.take()).collect();
    let (level, record) = (ask.app.config.fhir.validate, ask.app.record.clone());
    let one = move |(at, resource): (usize, Option<Resource<'static>>)| {
        let Some(resource) = resource else { return Ok(None) };
        write::validated(&resource, level).map_err(|failure| failure.of_entry(at))?;
        Ok(Some(record.prepare(&resource)))
    };
    let work = move || resources.into_iter().enumerate().map(one).collect();
    if slots.len() < BLOCKING_RESOURCES {
        return work();
    }
    let prepared = tokio::task::spawn_blocking(work).await;
    prepared.unwrap_or_else(|_| Err(Failure::new(Kind::Broken, "the entries could not be prepared; the log says why")))
}

/// The changes in R4's order.
struct Writes {
    writes: Vec<Write>,
    /// Of each change, the entry that it is of.
    places: Vec<usize>,
    /// By entry, what is shown in the answer, where resources are wanted in it.
    kept: Vec<Option<Prepared>>,
}

impl Writes {
    fn of(ask: &Ask, slots: &[Slot], mut prepared: Vec<Option<Prepared>>) -> Writes {
        let kept = match ask.form.wanted() {
            Return::Representation => prepared.clone(),
            Return::Minimal | Return::OperationOutcome => vec![None; slots.len()],
        };
        let mut all = Writes { writes: Vec::with_capacity(slots.len()), places: Vec::with_capacity(slots.len()), kept };
        for round in [Fate::Delete, Fate::Create, Fate::Update] {
            for (place, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.fate == round) {
                let change = prepared[place].take().map_or(Change::Delete, Change::Put);
                all.writes.push(write::write(ask, &slot.key, change, slot.current.as_ref()));
                all.places.push(place);
            }
        }
        all
    }
}

/// The entry that wanted this resource at a version which it no longer has.
fn expected(slots: &[Slot], key: &Key) -> Option<usize> {
    slots.iter().position(|slot| slot.key == *key && slot.wanted)
}

/// The outcomes in the order of the entries. Nothing in here can fail: what could was looked at before the commit.
async fn answer(
    ask: &Ask,
    slots: Vec<Slot>,
    kept: Vec<Option<Prepared>>,
    stamps: Vec<Option<Stamp>>,
) -> Result<Answer, Failure> {
    let mut bundle = Bundle::begin("transaction-response", None, &[]);
    for (at, slot) in slots.into_iter().enumerate() {
        let stamp = stamps[at].clone();
        let answer = match (slot.fate, slot.question, stamp) {
            (_, Some((question, known)), _) => batch::answer(ask, question, known).await,
            (Fate::Stay, _, _) => Ok(match slot.current {
                Some(version) => create::there(ask, version),
                None => Answer::empty(StatusCode::NO_CONTENT),
            }),
            (Fate::Same(first), _, _) => {
                let stamp = stamps[first].clone();
                let at = stamp.as_ref().map(|stamp| write::address(ask, &slot.key, stamp.vid));
                Ok(Answer { version: stamp, location: at, ..Answer::empty(StatusCode::OK) })
            }
            (Fate::Delete, _, stamp) => Ok(Answer { version: stamp, ..Answer::empty(StatusCode::NO_CONTENT) }),
            (_, _, Some(stamp)) => {
                let there = slot.current.is_some_and(|version| !version.is_deleted());
                Ok(write::shown(ask, &slot.key, kept[at].as_ref(), stamp, !there))
            }
            (_, _, None) => unreachable!("what was put has its version"),
        };
        bundle.answered(answer.as_ref());
    }
    Ok(Answer::of_resource(StatusCode::OK, bundle.end()))
}
