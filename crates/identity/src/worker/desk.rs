//! What one step needs of the index, fetched before anything is decided, and what it will put into it.
//!
//! The index is asked once for a whole step; those who arrive in one step find each other here, in the order of the log.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use record::{Position, Version};

use super::{Identity, State, Trouble, judged, reasons, said};
use crate::engine::Engine;
use crate::index::{Asked, Found, Memory, Put};
use crate::linkage::{Pair, Verdict};
use crate::people::{Judge, Judged, Outcome};
use crate::registration::Registration;

/// Registrations at hand.
#[derive(Default)]
pub struct Desk {
    /// What is held of an id; `None`: it is known that there is nothing.
    held: HashMap<String, Option<Arc<Found>>>,
    /// What arrived in this step so far.
    fresh: Memory,
    /// What becomes of the ids that arrived.
    changes: HashMap<String, Option<Put>>,
}

/// What a source says now; `None`: it says nothing any more.
pub struct Arrival {
    pub position: Position,
    pub asked: Asked,
    said: Option<Arc<Found>>,
    /// Who shared a key with it before this step.
    like: Vec<Arc<Found>>,
}

/// The engine over what is at hand.
struct Bench<'s> {
    engine: &'s Engine,
    desk: &'s Desk,
}

impl Bench<'_> {
    fn get(&self, id: &str) -> Option<&Found> {
        self.desk.held.get(id)?.as_deref()
    }
}

impl Judge for Bench<'_> {
    fn judge(&self, pair: &Pair) -> Option<Judged> {
        Some(judged(self.engine, &self.get(&pair.a)?.registration, &self.get(&pair.b)?.registration))
    }

    fn reasons(&self, pair: &Pair) -> Vec<String> {
        let (Some(one), Some(other)) = (self.get(&pair.a), self.get(&pair.b)) else { return Vec::new() };
        reasons(self.engine, &one.registration, &other.registration)
    }

    fn margin(&self) -> f64 {
        self.engine.thresholds.margin
    }

    fn model(&self) -> &str {
        &self.engine.model.version
    }

    fn first(&self, id: &str) -> Option<Position> {
        self.get(id).map(|found| found.first)
    }
}

impl Desk {
    /// Takes an arrival into account for those after it.
    pub fn take(&mut self, arrival: &Arrival) {
        let Asked { id, keys } = &arrival.asked;
        let put = arrival.said.as_ref().map(|found| Put { found: found.clone(), keys: keys.clone() });
        match &put {
            None => self.fresh.remove(id),
            Some(put) => self.fresh.put(put.clone()),
        }
        self.held.insert(id.clone(), arrival.said.clone());
        self.changes.insert(id.clone(), put);
    }

    /// Who shares a key with an arrival now; they are at hand from then on.
    fn like(&mut self, arrival: &Arrival, block_max: usize) -> Vec<String> {
        let fresh = self.fresh.look_up(&arrival.asked, block_max);
        let before = arrival.like.iter().filter(|found| !self.changes.contains_key(&found.registration.id));
        let like: Vec<Arc<Found>> = before.cloned().chain(fresh).collect();
        let mut ids = Vec::with_capacity(like.len());
        for found in like {
            ids.push(found.registration.id.clone());
            self.held.entry(found.registration.id.clone()).or_insert(Some(found));
        }
        ids
    }
}

impl State {
    /// What the index holds of these.
    pub(super) async fn got(&mut self, ids: &[&str]) -> Result<Vec<Option<Arc<Found>>>, Trouble> {
        self.index.get(ids).await
    }

    /// All that may be touched by what becomes of these, at hand.
    pub(super) async fn around(&mut self, ids: &BTreeSet<String>) -> Result<Desk, Trouble> {
        let mut desk = Desk::default();
        self.fetch(&mut desk, ids).await?;
        Ok(desk)
    }

    async fn fetch(&mut self, desk: &mut Desk, ids: &BTreeSet<String>) -> Result<(), Trouble> {
        let scope = self.people.scope(ids);
        let missing: Vec<&str> = scope.iter().map(String::as_str).filter(|id| !desk.held.contains_key(*id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = self.index.get(&missing).await?;
        desk.held.extend(missing.into_iter().map(str::to_owned).zip(found));
        Ok(())
    }

    /// Takes what a source says now, or that it says nothing any more, and decides what follows.
    pub(super) async fn arrive(&mut self, desk: &mut Desk, arrival: &Arrival) -> Result<Outcome, Trouble> {
        let id = arrival.asked.id.as_str();
        let like = match arrival.said {
            None => Vec::new(),
            Some(_) => desk.like(arrival, self.engine.thresholds.block_max),
        };
        desk.take(arrival);
        let bench = Bench { engine: &self.engine, desk };
        let close = |pair: &Pair| bench.judge(pair).is_some_and(|judged| judged.verdict != Verdict::Apart);
        let new: Vec<Pair> = like.iter().filter_map(|other| Pair::of(id, other)).filter(close).collect();
        let mut ids: BTreeSet<String> = new.iter().map(|pair| pair.other(id).to_owned()).collect();
        ids.insert(id.to_owned());
        self.fetch(desk, &ids).await?;
        Ok(self.settle(desk, &ids, &new))
    }

    /// Decides about these and all around them; they are on the desk.
    pub(super) fn settle(&mut self, desk: &Desk, ids: &BTreeSet<String>, new: &[Pair]) -> Outcome {
        self.people.settle(ids, new, &Bench { engine: &self.engine, desk })
    }

    /// Brings the index to what the step left.
    pub(super) async fn tell(&mut self, desk: Desk) -> Result<(), Trouble> {
        let (mut puts, mut gone) = (Vec::new(), Vec::new());
        for (id, change) in desk.changes {
            match change {
                Some(put) => puts.push(put),
                None => gone.push(id),
            }
        }
        let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
        if !gone.is_empty() {
            self.index.remove(&gone).await?;
        }
        if !puts.is_empty() {
            self.index.put(puts).await?;
        }
        Ok(())
    }
}

impl Identity {
    /// What arrives by these versions, and what the index has of it and of its likes.
    pub(super) async fn lay_out(
        &self,
        state: &mut State,
        versions: &[Version],
    ) -> Result<(Desk, Vec<Arrival>), Trouble> {
        let sources = versions.iter().filter(|version| version.key.kind == "Patient" && !version.key.is_golden());
        let arrived: Vec<(&Version, Option<Registration>)> = sources.map(|version| (version, said(version))).collect();
        let unique: BTreeSet<&str> = arrived.iter().map(|(version, _)| version.key.id.as_str()).collect();
        let ids: Vec<&str> = unique.into_iter().collect();
        let mut desk = Desk::default();
        let found = state.index.get(&ids).await?;
        desk.held.extend(ids.into_iter().map(str::to_owned).zip(found));
        let mut asked = Vec::with_capacity(arrived.len());
        for (version, said) in &arrived {
            let keys = said.as_ref().map(|said| state.engine.keys(said)).unwrap_or_default();
            asked.push(Asked { id: version.key.id.clone(), keys });
        }
        let likes = state.index.look_up(&asked, state.engine.thresholds.block_max).await?;
        let mut firsts: HashMap<&str, Position> = HashMap::new();
        let mut arrivals = Vec::with_capacity(arrived.len());
        for (((version, said), asked), like) in arrived.into_iter().zip(asked).zip(likes) {
            let held = desk.held.get(&asked.id).and_then(Option::as_deref).map(|found| found.first);
            let said = match said {
                None => None,
                Some(registration) => {
                    let first = match held.or_else(|| firsts.get(version.key.id.as_str()).copied()) {
                        Some(first) => first,
                        None => self.first(&version.key).await?.unwrap_or(version.position),
                    };
                    firsts.insert(&version.key.id, first);
                    Some(Arc::new(Found { registration, first }))
                }
            };
            arrivals.push(Arrival { position: version.position, asked, said, like });
        }
        Ok((desk, arrivals))
    }
}
