//! Transactions: all entries of a Bundle happen together, or none does (R4 §3.1.0.11.2).
//!
//! Everything is decided first and written last. Each entry becomes a [`Slot`]: which resource it is about, what becomes
//! of it. References follow the ids that were decided on, and then one commit carries all changes with what they rest on:
//! the version of every resource that is replaced, and a condition for every search that was asked. When
//! somebody else was quicker the writer refuses the whole, and it is decided anew. So a transaction either sees
//! nothing of others or all of them, and the order of its entries is no matter: deletes, creates, updates, and
//! reads at the end, as R4 has it.

mod references;
mod slot;

use actix_web::http::StatusCode;
use record::{Change, Commit, CommitError, Condition, Key, Prepared, Write};

use super::answer::{Answer, Stamp};
use super::batch;
use super::bundle::Bundle;
use super::call::{Call, Deed};
use super::{create, update, write};
use crate::app;
use crate::http::{Ask, Failure, Kind};
use slot::{Fate, Slot};

/// Resources from which on preparing them is given a thread of its own.
const BLOCKING_RESOURCES: usize = 8;

/// What a decided transaction rests on.
type Conditions = Vec<Condition>;

pub async fn run(ask: &Ask, calls: Vec<Call>) -> Result<Answer, Failure> {
    slot::check_questions(ask, &calls)?;
    for _ in 0..write::TRIES {
        let mut conditions = Conditions::new();
        let mut slots = slot::decide(ask, &calls, &mut conditions).await?;
        references::settle(ask, &calls, &mut slots, &mut conditions).await?;
        let prepared = prepare(&mut slots).await?;
        let (writes, places) = writes(ask, &slots, &prepared);
        if writes.is_empty() {
            return answer(ask, calls, slots, prepared, &[]).await;
        }
        match write::commit(ask, Commit { now: app::now(), writes, conditions, ..Commit::default() }).await {
            Ok(committed) => {
                let mut stamps = vec![None; slots.len()];
                for (place, made) in places.into_iter().zip(committed.versions) {
                    stamps[place] = Some(Stamp { vid: made.vid, time: committed.time });
                }
                return answer(ask, calls, slots, prepared, &stamps).await;
            }
            Err(CommitError::Stale(key)) if expected(&calls, &slots, &key).is_some() => {
                let at = expected(&calls, &slots, &key).expect("the guard found it");
                return Err(update::stale().of_entry(at));
            }
            Err(CommitError::Stale(_) | CommitError::Moved) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(update::crowd())
}

/// JSON, compression and index rows of everything that is put, away from the threads that answer.
async fn prepare(slots: &mut [Slot]) -> Result<Vec<Option<Prepared>>, Failure> {
    let resources: Vec<_> = slots.iter_mut().map(|slot| slot.resource.take()).collect();
    let work = move || resources.into_iter().map(|resource| resource.map(|resource| record::prepare(&resource)));
    if slots.len() < BLOCKING_RESOURCES {
        return Ok(work().collect());
    }
    let prepared = tokio::task::spawn_blocking(move || work().collect()).await;
    prepared.map_err(|_| Failure::new(Kind::Broken, "the entries could not be prepared; the log says why"))
}

/// The changes in R4's order, and of each the entry that it is of.
fn writes(ask: &Ask, slots: &[Slot], prepared: &[Option<Prepared>]) -> (Vec<Write>, Vec<usize>) {
    let mut writes = Vec::with_capacity(slots.len());
    let mut places = Vec::with_capacity(slots.len());
    for round in [Fate::Delete, Fate::Create, Fate::Update] {
        for (place, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.fate == round) {
            let change = match &prepared[place] {
                Some(prepared) => Change::Put(prepared.clone()),
                None => Change::Delete,
            };
            writes.push(write::write(ask, &slot.key, change, slot.current.as_ref()));
            places.push(place);
        }
    }
    (writes, places)
}

/// The entry that wanted this resource at a version which it no longer has.
fn expected(calls: &[Call], slots: &[Slot], key: &Key) -> Option<usize> {
    slots.iter().position(|slot| slot.key == *key).filter(|at| calls[*at].if_match.is_some())
}

/// The outcomes in the order of the entries. Nothing in here can fail: what could was looked at before the commit.
async fn answer(
    ask: &Ask,
    calls: Vec<Call>,
    slots: Vec<Slot>,
    prepared: Vec<Option<Prepared>>,
    stamps: &[Option<Stamp>],
) -> Result<Answer, Failure> {
    let mut bundle = Bundle::begin("transaction-response", None, &[]);
    // A Bundle of a thousand entries answers with what was done, and with the resources where the client asks for them.
    let ask = &Ask { form: ask.form.of_entries(), ..ask.clone() };
    for (at, (call, slot)) in calls.into_iter().zip(slots).enumerate() {
        let stamp = stamps.get(at).cloned().flatten();
        let answer = match (slot.fate, call.deed, stamp) {
            (_, Deed::Ask(question), _) => batch::answer(ask, question, call.if_none_match).await,
            (Fate::Stay, _, _) => Ok(match slot.current {
                Some(version) => create::there(ask, version),
                None => Answer::empty(StatusCode::NO_CONTENT),
            }),
            (Fate::Same(first), _, _) => {
                let stamp = stamps.get(first).cloned().flatten();
                let at = stamp.as_ref().map(|stamp| write::address(ask, &slot.key, stamp.vid));
                Ok(Answer { version: stamp, location: at, ..Answer::empty(StatusCode::OK) })
            }
            (Fate::Delete, _, stamp) => Ok(Answer { version: stamp, ..Answer::empty(StatusCode::NO_CONTENT) }),
            (_, _, Some(stamp)) => {
                let prepared = prepared[at].as_ref().expect("what was put was prepared");
                let there = slot.current.is_some_and(|version| !version.is_deleted());
                Ok(write::shown(ask, prepared, stamp, !there))
            }
            (_, _, None) => unreachable!("what was put has its version"),
        };
        bundle.answered(answer.as_ref());
    }
    Ok(Answer::of_resource(StatusCode::OK, bundle.end()))
}
