//! Who is one person, as far as it was decided: a fold of the decisions, small enough to be kept in memory, and what follows
//! of a new registration or a new decision.
//!
//! Nothing is looked up here and nothing is written: the worker brings the registrations that may matter, and commits what
//! comes out. A person's decision stands whatever the engine says; the engine's own are made anew whenever one of the two
//! registrations, or one of the people around them, changes.

mod group;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use record::{Key, Position};
use sha2::{Digest, Sha256};

use crate::linkage::{By, Decision, Pair, Verdict};
use group::{Grouping, Proposed};

/// What the engine says of two registrations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// `Link`, `Possible` or `Apart`.
    pub verdict: Verdict,
    pub weight: f64,
    /// Whether the two are two people for certain, so that no chain of others may join them either.
    pub veto: bool,
}

/// The engine, and the registrations that it was given.
pub trait Judge {
    /// None where one of them is not known, or not in use any more.
    fn judge(&self, pair: &Pair) -> Option<Judged>;
    /// Why, field by field in words without values.
    fn reasons(&self, pair: &Pair) -> Vec<String>;
    /// The version of its model.
    fn model(&self) -> &str;
    /// Bits by which a link has to be better than what fits somebody else.
    fn margin(&self) -> f64;
    /// Where in the log the Patient was first written; none where that is not known.
    fn first(&self, id: &str) -> Option<Position>;
}

/// What is kept of a decision; its reasons are in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    verdict: Verdict,
    /// Somebody decided, and who: a person, or a source. Never the engine.
    said: Option<By>,
    /// It was taken back: whatever the engine says now has to be written.
    taken_back: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct People {
    decisions: HashMap<Pair, Kept>,
    /// With whom a Patient was ever compared closely.
    near: HashMap<String, BTreeSet<String>>,
    /// The golden Patient of each that is not alone.
    golden_of: HashMap<String, Key>,
    groups: HashMap<Key, BTreeSet<String>>,
    counts: Counts,
}

/// How many pairs stand decided, by verdict and by whether a person said so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([[usize; 2]; Verdict::ALL.len()]);

impl Counts {
    pub fn of(&self, verdict: Verdict, by_person: bool) -> usize {
        self.0[verdict as usize][usize::from(by_person)]
    }

    fn slot(&mut self, kept: &Kept) -> &mut usize {
        &mut self.0[kept.verdict as usize][usize::from(matches!(kept.said, Some(By::Person(_))))]
    }
}

/// What has to be written.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    pub decisions: Vec<Decision>,
    /// Golden Patients with their sources; none left: it ends.
    pub golden: BTreeMap<String, BTreeSet<String>>,
}

impl People {
    /// Takes a decision of the log into account. What it means for groups is told by [`People::settle`].
    pub fn remember(&mut self, decision: &Decision) {
        let said = (!matches!(decision.by, By::Machine(_))).then(|| decision.by.clone());
        let Pair { a, b } = &decision.pair;
        self.near.entry(a.clone()).or_default().insert(b.clone());
        self.near.entry(b.clone()).or_default().insert(a.clone());
        self.keep(decision.pair.clone(), Kept { verdict: decision.verdict, said, taken_back: false });
    }

    fn keep(&mut self, pair: Pair, kept: Kept) {
        *self.counts.slot(&kept) += 1;
        if let Some(before) = self.decisions.insert(pair, kept) {
            *self.counts.slot(&before) -= 1;
        }
    }

    /// Takes back what a person or a source decided of two.
    pub fn take_back(&mut self, pair: &Pair) {
        if let Some(kept) = self.decisions.get(pair).filter(|kept| kept.said.is_some()) {
            let kept = Kept { verdict: kept.verdict, said: None, taken_back: true };
            self.keep(pair.clone(), kept);
        }
    }

    /// What a person or a source has said of two, and who.
    pub fn said(&self, pair: &Pair) -> Option<(Verdict, &By)> {
        let kept = self.decisions.get(pair)?;
        Some((kept.verdict, kept.said.as_ref()?))
    }

    /// Who near to these is one person with whom, by a person's word.
    pub fn joined_by_persons(&self, ids: &BTreeSet<String>) -> Vec<Pair> {
        let by_person = |pair: &Pair| matches!(self.said(pair), Some((Verdict::Link, By::Person(_))));
        let stands = |pair: &Pair| self.golden_of(&pair.a).is_some_and(|one| self.golden_of(&pair.b) == Some(one));
        let mut pairs = BTreeSet::new();
        for id in self.around(ids) {
            pairs.extend(self.near.get(&id).into_iter().flatten().filter_map(|other| Pair::of(&id, other)));
        }
        pairs.into_iter().filter(|pair| by_person(pair) && stands(pair)).collect()
    }

    /// What is kept of a decision, for [`People::put_back`].
    pub fn kept(&self, pair: &Pair) -> Option<Kept> {
        self.decisions.get(pair).cloned()
    }

    /// Undoes what was remembered last of a pair.
    pub fn put_back(&mut self, pair: &Pair, kept: Option<Kept>) {
        match kept {
            Some(kept) => self.keep(pair.clone(), kept),
            None => {
                if let Some(before) = self.decisions.remove(pair) {
                    *self.counts.slot(&before) -= 1;
                }
            }
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many people have more than one source.
    pub fn joined(&self) -> usize {
        self.groups.len()
    }

    /// The sources of a golden Patient, as the log has them.
    pub fn remember_group(&mut self, golden: Key, sources: impl IntoIterator<Item = String>) {
        let sources: BTreeSet<String> = sources.into_iter().collect();
        self.golden_of.extend(sources.iter().map(|id| (id.clone(), golden.clone())));
        self.groups.insert(golden, sources);
    }

    /// The golden Patient over this one.
    pub fn golden_of(&self, id: &str) -> Option<&Key> {
        self.golden_of.get(id)
    }

    /// All sources of the same person, this one too.
    pub fn same(&self, id: &str) -> BTreeSet<String> {
        match self.golden_of.get(id).and_then(|golden| self.groups.get(golden)) {
            Some(sources) => sources.clone(),
            None => BTreeSet::from([id.to_owned()]),
        }
    }

    pub fn verdict(&self, pair: &Pair) -> Option<Verdict> {
        self.decisions.get(pair).map(|kept| kept.verdict)
    }

    /// Who may be touched by what becomes of these: they, those near to them, and all of the same people.
    pub fn around(&self, ids: &BTreeSet<String>) -> BTreeSet<String> {
        let mut around = ids.clone();
        for id in ids {
            around.extend(self.near.get(id).into_iter().flatten().cloned());
        }
        let groups: Vec<BTreeSet<String>> = around.iter().map(|id| self.same(id)).collect();
        around.extend(groups.into_iter().flatten());
        around
    }

    /// All who have a say in what becomes of these: those around them, and those around those.
    pub fn scope(&self, ids: &BTreeSet<String>) -> BTreeSet<String> {
        self.around(&self.around(ids))
    }

    /// Decides anew about everybody around `ids`, and about these new pairs, and says what changed. Groups beyond stay as they
    /// are, unless one is joined.
    pub fn settle(&mut self, ids: &BTreeSet<String>, new: &[Pair], judge: &impl Judge) -> Outcome {
        let (core, scope) = (self.around(ids), self.scope(ids));
        let mut pairs: BTreeSet<Pair> = new.iter().cloned().collect();
        for id in &core {
            pairs.extend(self.near.get(id).into_iter().flatten().filter_map(|other| Pair::of(id, other)));
        }
        let beyond: BTreeSet<&Key> = scope.difference(&core).filter_map(|id| self.golden_of.get(id)).collect();
        let given = beyond.into_iter().filter_map(|golden| self.groups.get(golden).cloned());
        let mut grouping = Grouping::new(judge, given.collect());
        for pair in pairs {
            let kept = self.decisions.get(&pair);
            let said = kept.and_then(|kept| Some((kept.verdict, kept.said.clone()?)));
            grouping.propose(pair, said);
        }
        let (groups, proposed) = grouping.groups();
        let mut outcome = Outcome::default();
        for Proposed { pair, verdict, by, weight, because, .. } in proposed {
            let known = self.decisions.get(&pair);
            let is_new = known.is_none_or(|known| known.verdict != verdict || known.taken_back);
            if is_new && !(known.is_none() && verdict == Verdict::Apart) {
                let reasons = because.map(str::to_owned).into_iter().chain(judge.reasons(&pair)).collect();
                let decision = Decision { pair, verdict, by, weight, reasons };
                self.remember(&decision);
                outcome.decisions.push(decision);
            }
        }
        self.regroup(&scope, groups, judge, &mut outcome);
        outcome
    }

    /// Puts the groups of the scope in the place of those that were.
    fn regroup(
        &mut self,
        scope: &BTreeSet<String>,
        groups: Vec<BTreeSet<String>>,
        judge: &impl Judge,
        outcome: &mut Outcome,
    ) {
        let mut before: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for id in scope {
            if let Some(golden) = self.golden_of.remove(id)
                && let Some(sources) = self.groups.remove(&golden)
            {
                before.insert(golden.id, sources);
            }
        }
        for sources in groups.into_iter().filter(|sources| sources.len() > 1) {
            let golden = name(&sources, judge);
            if before.remove(&golden.id).as_ref() != Some(&sources) {
                outcome.golden.insert(golden.id.clone(), sources.clone());
            }
            self.remember_group(golden, sources);
        }
        outcome.golden.extend(before.into_keys().map(|gone| (gone, BTreeSet::new())));
    }
}

/// A person is named by who of the sources was there first, so that what is joined again has its name again.
fn name(sources: &BTreeSet<String>, judge: &impl Judge) -> Key {
    let begin = |id: &&String| (judge.first(id).is_none(), judge.first(id), (*id).clone());
    let first = sources.iter().min_by_key(begin).expect("a group has members");
    let hash = Sha256::digest(format!("golden {first}"));
    Key::golden(hash[..16].try_into().expect("a hash has more than 16 bytes"))
}

#[cfg(test)]
mod tests;
