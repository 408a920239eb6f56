//! The one worker that says who is one person: it follows the log in order, so that a registration meets those before it and no
//! two can miss each other, and commits what it decides together with how far it has come.
//!
//! What it keeps in memory (the index of registrations, the fold of the decisions) is made again of the log at every start;
//! until that is done it is "warming", and says nothing of anybody. Stewards' decisions go through it too, one at a
//! time.

mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use consent::Access;
use fhir::Resource;
use record::{
    Change, Commit, CommitError, Expect, Key, Position, ReadError, Record, SOURCES_MAX, Time, Version, Write,
};
use tokio::sync::Mutex;

use crate::engine::{Decision as Decided, Engine};
use crate::golden::{self, Rules, Source, is_active};
use crate::index::Memory;
use crate::linkage::{By, Decision, Pair, Verdict};
use crate::people::{Judge, Judged, Outcome, People};
use crate::registration::Registration;

/// Its cursor in the log, and its name as the writer of what it decides.
pub const FOLLOWER: &str = "identity";
/// Registrations that a site is taken to have at least: with fewer, any two who agree would seem to be one person.
pub const FEW: usize = 10_000;
/// Versions of the log that one step takes.
const STEP: usize = 500;

/// Who is one person, for one node. Clones share it.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    record: Record,
    access: Access,
    rules: Rules,
    state: Mutex<State>,
}

struct State {
    engine: Engine,
    index: Memory,
    people: People,
    /// The whole of what was followed so far is in it.
    warm: bool,
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

/// The engine over what the index holds.
struct Bench<'s> {
    engine: &'s Engine,
    index: &'s Memory,
}

impl Judge for Bench<'_> {
    fn judge(&self, pair: &Pair) -> Option<Judged> {
        let (one, other) = (self.index.get(&pair.a)?, self.index.get(&pair.b)?);
        Some(judged(self.engine, one, other))
    }

    fn margin(&self) -> f64 {
        self.engine.thresholds.margin
    }

    fn model(&self) -> &str {
        &self.engine.model.version
    }

    fn first(&self, id: &str) -> Option<Position> {
        self.index.first(id)
    }
}

fn judged(engine: &Engine, one: &Registration, other: &Registration) -> Judged {
    let comparison = engine.compare(one, other);
    let verdict = match engine.decide(&comparison) {
        Decided::Link => Verdict::Link,
        Decided::Possible => Verdict::Possible,
        Decided::None => Verdict::Apart,
    };
    let reasons = comparison.reasons();
    let mut reasons: Vec<String> =
        reasons.iter().map(|of| format!("{}: {} ({:+.1} bits)", of.field, of.says, of.bits)).collect();
    reasons.extend(comparison.veto.map(|veto| format!("not for a machine: {}", veto.words())));
    let contradicts = engine.model.has_households() && comparison.weight < engine.thresholds.contradiction;
    let veto = contradicts || comparison.veto.is_some_and(|veto| veto.parts());
    Judged { verdict, weight: comparison.weight, veto, reasons }
}

impl State {
    /// Takes what a source says now, or that it says nothing any more, and decides what follows.
    fn arrive(&mut self, id: &str, said: Option<(Registration, Position)>) -> Outcome {
        let mut new = Vec::new();
        match said {
            None => self.index.remove(id),
            Some((registration, first)) => {
                let keys = self.engine.keys(&registration);
                let found = self.index.candidates(id, &keys, self.engine.thresholds.block_max);
                self.index.put(registration, keys, first);
                let bench = Bench { engine: &self.engine, index: &self.index };
                let close = |pair: &Pair| bench.judge(pair).is_some_and(|judged| judged.verdict != Verdict::Apart);
                new = found.iter().filter_map(|other| Pair::of(id, other)).filter(close).collect();
            }
        }
        let mut ids: BTreeSet<String> = new.iter().map(|pair| pair.other(id).to_owned()).collect();
        ids.insert(id.to_owned());
        self.settle(&ids, &new)
    }

    fn settle(&mut self, ids: &BTreeSet<String>, new: &[Pair]) -> Outcome {
        self.people.settle(ids, new, &Bench { engine: &self.engine, index: &self.index })
    }
}

impl Identity {
    pub fn new(record: Record, access: Access, engine: Engine, rules: Rules) -> Identity {
        let state = State { engine, index: Memory::default(), people: People::default(), warm: false };
        Identity(Arc::new(Inner { record, access, rules, state: Mutex::new(state) }))
    }

    /// Follows the log by one part. False: there is nothing new. The first call makes the index of what was followed before.
    pub async fn step(&self, now: Time) -> Result<bool, Trouble> {
        let mut state = self.0.state.lock().await;
        let from = self.0.record.cursor(FOLLOWER).await?;
        if !state.warm {
            self.warm(&mut state).await?;
        }
        let (versions, to) = self.0.record.log(&self.0.access, from, STEP).await?;
        if to == from {
            return Ok(false);
        }
        state.engine.registrations = state.index.size().max(FEW);
        let mut all = Outcome::default();
        let mut changed = BTreeSet::new();
        for version in &versions {
            if version.key.kind != "Patient" || version.key.is_golden() {
                continue;
            }
            let id = &version.key.id;
            let said = said(version);
            let first = match (&said, state.index.first(id)) {
                (None, _) => Position::START,
                (Some(_), Some(first)) => first,
                (Some(_), None) => self.first(&version.key).await?.unwrap_or(version.position),
            };
            merge(&mut all, state.arrive(id, said.map(|said| (said, first))));
            changed.insert(id.clone());
        }
        // What a source says now is shown by the golden Patient over it, whoever it is over.
        for id in &changed {
            if let Some(golden) = state.people.golden_of(id) {
                all.golden.entry(golden.id.clone()).or_insert_with(|| state.people.same(id));
            }
        }
        let cursors = vec![(FOLLOWER.to_owned(), to)];
        self.write(&mut state, all, now, cursors).await?;
        Ok(true)
    }

    /// What a person decides of two Patients; `None` takes back what a person had decided.
    pub async fn decide(&self, pair: &Pair, verdict: Option<Verdict>, who: &str, now: Time) -> Result<(), Trouble> {
        let mut state = self.0.state.lock().await;
        if !state.warm {
            return Err(Trouble::Warming);
        }
        for id in [&pair.a, &pair.b] {
            let key = Key::new("Patient", id.as_str());
            let known = !key.is_golden() && state.index.get(id).is_some();
            if !known {
                return Err(Trouble::Refused(format!("{key} is not known here as a source that is in use")));
            }
        }
        let before = state.people.kept(pair);
        let mut outcome = Outcome::default();
        match verdict {
            Some(verdict) => {
                let by = By::Person(who.to_owned());
                let reasons = vec!["a person has decided".to_owned()];
                let decision = Decision { pair: pair.clone(), verdict, by, weight: 0.0, reasons };
                state.people.remember(&decision);
                outcome.decisions.push(decision);
            }
            None => state.people.take_back(pair),
        }
        let ids = BTreeSet::from([pair.a.clone(), pair.b.clone()]);
        merge(&mut outcome, state.settle(&ids, &[]));
        if verdict == Some(Verdict::Link) && !state.people.same(&pair.a).contains(&pair.b) {
            state.people.put_back(pair, before);
            state.settle(&ids, &[]);
            let text = "a person has said that somebody of the one and somebody of the other are two people: take that back first";
            return Err(Trouble::Refused(text.to_owned()));
        }
        self.write(&mut state, outcome, now, Vec::new()).await
    }

    /// Who may be meant by what is said of somebody, the likeliest first.
    pub async fn find(&self, patient: &Resource<'_>, most: usize) -> Result<Vec<Candidate>, Trouble> {
        let Some(asked) = Registration::read(patient) else { return Ok(Vec::new()) };
        let state = self.0.state.lock().await;
        if !state.warm {
            return Err(Trouble::Warming);
        }
        let engine = &state.engine;
        let found = state.index.candidates("", &engine.keys(&asked), engine.thresholds.block_max);
        let mut candidates: Vec<Candidate> = Vec::new();
        for id in found {
            let Some(other) = state.index.get(&id) else { continue };
            let judged = judged(engine, &asked, other);
            if judged.verdict == Verdict::Apart {
                continue;
            }
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
        let state = self.0.state.lock().await;
        if !state.warm {
            return Err(Trouble::Warming);
        }
        Ok((state.people.same(id), state.people.golden_of(id).cloned()))
    }

    /// How the engine compares two Patients that it knows.
    pub async fn explain(&self, pair: &Pair) -> Result<Option<Judged>, Trouble> {
        let state = self.0.state.lock().await;
        if !state.warm {
            return Err(Trouble::Warming);
        }
        Ok(Bench { engine: &state.engine, index: &state.index }.judge(pair))
    }

    /// Commits what was decided. Where that fails, memory is ahead of the log, and is made anew of it.
    async fn write(
        &self,
        state: &mut State,
        outcome: Outcome,
        now: Time,
        cursors: Vec<(String, Position)>,
    ) -> Result<(), Trouble> {
        let written = async {
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
        };
        let written = written.await;
        state.warm = written.is_ok();
        written
    }

    /// The write of a golden Patient; none where it is there as it should be.
    async fn golden(&self, golden: &Key, sources: &BTreeSet<String>) -> Result<Option<Write>, Trouble> {
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
