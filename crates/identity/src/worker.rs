//! The one worker that says who is one person: it follows the log in order, so that a registration meets those before it and no
//! two can miss each other, and commits what it decides together with how far it has come.
//!
//! What it keeps (the index of registrations, in memory or in Redis, and the fold of the decisions) is made of the log: at
//! every start, and whenever a commit failed or Redis is not what it was. Until that is done it is "warming", and says nothing
//! of anybody; whoever writes Patients does not notice. Stewards' decisions go through it too, one at a time.
//!
//! The log is first and the index second: the index is said to be whole up to a position when what was decided up to there is committed.

mod desk;
mod golden;
mod load;
mod said;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use consent::Access;
use fhir::Resource;
use record::{Change, Commit, CommitError, Expect, Key, Position, ReadError, Record, Time, Version, Write};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, MutexGuard};

use crate::engine::{Decision as Decided, Engine};
use crate::golden::{Rules, is_active};
use crate::index::{self, Asked, Index, Memory, Redis, RedisSettings};
use crate::key::Secret;
use crate::linkage::{Decision, Pair, Verdict};
use crate::people::{Judged, Outcome, People};
use crate::registration::Registration;
pub use standing::Standing;

/// Its cursor in the log, and its name as the writer of what it decides.
pub const FOLLOWER: &str = "identity";
/// Registrations that a site is taken to have at least: with fewer, any two who agree would seem to be one person.
pub const FEW: usize = 10_000;
/// The secret of the block keys, made of the record's.
pub fn secret(id_key: &[u8; 32]) -> Secret {
    let hash = Sha256::new().chain_update(b"block keys of identity").chain_update(id_key).finalize();
    let half = |at: usize| u64::from_le_bytes(hash[at..at + 8].try_into().expect("eight bytes of a hash"));
    Secret([half(0), half(8)])
}

/// Versions of the log that one step takes.
const STEP: usize = 2_000;

/// Who is one person, for one node. Clones share it.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    record: Record,
    access: Access,
    rules: Rules,
    state: Mutex<State>,
    /// The state is being made anew: whoever asks is told so, and does not wait for it.
    warming: AtomicBool,
    standing: std::sync::Mutex<Standing>,
}

struct State {
    engine: Engine,
    index: Index,
    people: People,
    /// Of the index: when this worker began, so that of two the later has the larger one. 0: it has not begun.
    lease: i64,
    /// The whole of what was followed so far is in it.
    warm: bool,
    /// All golden Patients are by the rules that are in force.
    by_rules: bool,
}

/// Why nothing is said or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The index is not whole yet, or not any more: ask again soon.
    Warming,
    /// What is asked cannot be.
    Refused(String),
    Read(ReadError),
    Commit(CommitError),
}

/// Somebody who may be meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub id: String,
    /// The golden Patient over it.
    pub golden: Option<Key>,
    pub verdict: Verdict,
    pub weight: f64,
    /// From 0 to 1.
    pub probability: f64,
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Trouble {
        Trouble::Read(error)
    }
}

impl From<CommitError> for Trouble {
    fn from(error: CommitError) -> Trouble {
        Trouble::Commit(error)
    }
}

fn judged(engine: &Engine, one: &Registration, other: &Registration) -> Judged {
    let comparison = engine.compare(one, other);
    let verdict = match engine.decide(&comparison) {
        Decided::Link => Verdict::Link,
        Decided::Possible => Verdict::Possible,
        Decided::None => Verdict::Apart,
    };
    let contradicts = engine.model.has_households() && comparison.weight < engine.thresholds.contradiction;
    let veto = contradicts || comparison.veto.is_some_and(|veto| veto.parts());
    Judged { verdict, weight: comparison.weight, veto }
}

/// Why, field by field in words.
fn reasons(engine: &Engine, one: &Registration, other: &Registration) -> Vec<String> {
    let comparison = engine.compare(one, other);
    let reasons = comparison.reasons();
    let reasons = reasons.iter().map(|of| format!("{}: {} ({:+.1} bits)", of.field, of.says, of.bits));
    reasons.chain(comparison.veto.map(|veto| format!("not for a machine: {}", veto.words()))).collect()
}

impl Identity {
    /// With an index in memory.
    pub fn new(record: Record, access: Access, engine: Engine, rules: Rules) -> Identity {
        Identity::over(Index::Memory(Memory::default()), record, access, engine, rules)
    }

    /// With an index in Redis, which need not be there yet. The fault is one of the settings.
    pub fn with_redis(
        record: Record,
        access: Access,
        engine: Engine,
        rules: Rules,
        settings: RedisSettings,
    ) -> Result<Identity, String> {
        if engine.thresholds.block_max > index::MEMBERS_MAX {
            return Err(format!("block_max: redis keeps blocks of at most {}", index::MEMBERS_MAX));
        }
        let redis = Redis::new(settings, record.id_key(), engine.secret)?;
        Ok(Identity::over(Index::Redis(Box::new(redis)), record, access, engine, rules))
    }

    fn over(index: Index, record: Record, access: Access, engine: Engine, rules: Rules) -> Identity {
        let state = State { engine, index, people: People::default(), lease: 0, warm: false, by_rules: false };
        let (state, warming) = (Mutex::new(state), AtomicBool::new(true));
        Identity(Arc::new(Inner { record, access, rules, state, warming, standing: Default::default() }))
    }

    /// Follows the log by one part. False: there is nothing new. The first call makes the index of what was followed before.
    pub async fn step(&self, now: Time) -> Result<bool, Trouble> {
        let mut state = self.0.state.lock().await;
        let from = self.0.record.cursor(FOLLOWER).await?;
        // Why it is not, beginning again says.
        state.warm = state.warm && state.index.is_whole().await.unwrap_or(false);
        if !state.warm {
            self.0.warming.store(true, Ordering::Relaxed);
            self.warm(&mut state, from, now).await?;
            self.0.warming.store(false, Ordering::Relaxed);
            self.stand(&mut state, from, 0).await?;
        }
        let (versions, to) = self.0.record.log(&self.0.access, from, STEP).await?;
        if to == from {
            return self.bring_on(&mut state, now).await;
        }
        state.engine.registrations = state.index.size().await?.max(FEW);
        let (mut desk, arrivals) = self.lay_out(&mut state, &versions).await?;
        // From here on memory is ahead of the log, until what was decided is in it.
        state.warm = false;
        let mut all = Outcome::default();
        for arrival in &arrivals {
            merge(&mut all, state.arrive(&mut desk, arrival).await?);
        }
        // What a source says now is shown by the golden Patient over it, whoever it is over.
        for arrival in &arrivals {
            if let Some(golden) = state.people.golden_of(&arrival.asked.id) {
                all.golden.entry(golden.id.clone()).or_insert_with(|| state.people.same(&arrival.asked.id));
            }
        }
        // What the index is told is in the log already; that it is whole up to here it is told after the decisions are, too.
        let cursor = vec![(FOLLOWER.to_owned(), to)];
        let (written, told) = tokio::join!(self.write(all, now, cursor), state.tell(desk));
        written?;
        told?;
        state.index.mark_whole(to).await?;
        state.warm = true;
        self.stand(&mut state, to, 0).await?;
        Ok(true)
    }

    /// The state, where it is whole.
    async fn warm_state(&self) -> Result<MutexGuard<'_, State>, Trouble> {
        if self.0.warming.load(Ordering::Relaxed) {
            return Err(Trouble::Warming);
        }
        let state = self.0.state.lock().await;
        if state.warm { Ok(state) } else { Err(Trouble::Warming) }
    }

    /// Follows the log until it is past `position`, by at most this many steps. False: it is further behind than that.
    pub async fn reach(&self, position: Position, steps: usize, now: Time) -> Result<bool, Trouble> {
        for _ in 0..steps {
            drop(self.warm_state().await?);
            if self.0.record.cursor(FOLLOWER).await? >= position {
                return Ok(true);
            }
            self.step(now).await?;
        }
        Ok(self.0.record.cursor(FOLLOWER).await? >= position)
    }

    /// Who may be meant by what is said of somebody, the likeliest first.
    pub async fn find(&self, patient: &Resource<'_>, most: usize) -> Result<Vec<Candidate>, Trouble> {
        let Some(asked) = Registration::read(patient) else { return Ok(Vec::new()) };
        let mut state = self.warm_state().await?;
        let block_max = state.engine.thresholds.block_max;
        let like = [Asked { id: String::new(), keys: state.engine.keys(&asked) }];
        let found = state.index.look_up(&like, block_max).await?.pop().unwrap_or_default();
        let mut candidates: Vec<Candidate> = Vec::new();
        for found in found {
            let judged = judged(&state.engine, &asked, &found.registration);
            if judged.verdict == Verdict::Apart {
                continue;
            }
            let id = found.registration.id.clone();
            let golden = state.people.golden_of(&id).cloned();
            let odds = judged.weight.exp2();
            let probability = if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 };
            candidates.push(Candidate { id, golden, verdict: judged.verdict, weight: judged.weight, probability });
        }
        candidates.sort_by(|left, right| right.weight.total_cmp(&left.weight).then_with(|| left.id.cmp(&right.id)));
        candidates.truncate(most);
        Ok(candidates)
    }

    /// The sources of the same person, this one too, and the golden Patient over them.
    pub async fn same(&self, id: &str) -> Result<(BTreeSet<String>, Option<Key>), Trouble> {
        let state = self.warm_state().await?;
        Ok((state.people.same(id), state.people.golden_of(id).cloned()))
    }

    /// How the engine compares two Patients that it knows, and why.
    pub async fn explain(&self, pair: &Pair) -> Result<Option<(Judged, Vec<String>)>, Trouble> {
        let mut state = self.warm_state().await?;
        let found = state.got(&[&pair.a, &pair.b]).await?;
        let [Some(one), Some(other)] = &found[..] else { return Ok(None) };
        let (one, other) = (&one.registration, &other.registration);
        Ok(Some((judged(&state.engine, one, other), reasons(&state.engine, one, other))))
    }

    /// Commits what was decided. Where that fails, memory is ahead of the log, and is to be made anew of it.
    async fn write(&self, outcome: Outcome, now: Time, cursors: Vec<(String, Position)>) -> Result<(), Trouble> {
        let mut writes = Vec::with_capacity(outcome.decisions.len() + outcome.golden.len());
        for decision in &outcome.decisions {
            writes.push(self.put(&decision.resource()));
        }
        for (id, sources) in &outcome.golden {
            writes.extend(self.golden(&Key::new("Patient", id.as_str()), sources).await?);
        }
        let commit = Commit { now, writes, cursors, ..Commit::default() };
        self.0.record.commit(&self.0.access, commit).await?;
        Ok(())
    }

    fn put(&self, resource: &Resource<'_>) -> Write {
        let prepared = self.0.record.prepare(resource);
        write(prepared.key().clone(), Change::Put(prepared))
    }

    async fn first(&self, key: &Key) -> Result<Option<Position>, Trouble> {
        Ok(self.0.record.vread(&self.0.access, key, 1).await?.map(|version| version.position))
    }
}

/// What a version of a source says of a person; none where it is deleted, merged into another, or out of use.
fn said(version: &Version) -> Option<Registration> {
    let resource = fhir::json::read(version.body.as_deref()?).ok()?;
    is_active(&resource).then(|| Registration::read(&resource)).flatten()
}

fn write(key: Key, change: Change) -> Write {
    let origin = FOLLOWER.to_owned();
    Write { key, expect: Expect::Any, change, origin, source_time: None, state: Vec::new(), groups: Vec::new() }
}

/// The later outcome on top of the earlier.
fn merge(all: &mut Outcome, later: Outcome) {
    let mut decisions: BTreeMap<Pair, Decision> =
        std::mem::take(&mut all.decisions).into_iter().map(|decision| (decision.pair.clone(), decision)).collect();
    decisions.extend(later.decisions.into_iter().map(|decision| (decision.pair.clone(), decision)));
    all.decisions = decisions.into_values().collect();
    all.golden.extend(later.golden);
}
