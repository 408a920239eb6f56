//! Links to groups: the strongest first, and none that would join two who cannot be one person, directly or by a chain.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use record::SOURCES_MAX;

use super::{Judge, Judged};
use crate::linkage::{By, Decision, Pair, Verdict};

pub struct Grouping<'j, J: Judge> {
    judge: &'j J,
    judged: RefCell<HashMap<Pair, Option<Judged>>>,
    decisions: BTreeMap<Pair, Decision>,
    /// Pairs of which one is not there, or not in use.
    absent: BTreeSet<Pair>,
    groups: Vec<BTreeSet<String>>,
    /// The group of each; who is in none is alone.
    of: HashMap<String, usize>,
}

impl<'j, J: Judge> Grouping<'j, J> {
    /// `given` are groups that stand, and may be joined with others.
    pub fn new(judge: &'j J, given: Vec<BTreeSet<String>>) -> Grouping<'j, J> {
        let of =
            given.iter().enumerate().flat_map(|(at, group)| group.iter().map(move |id| (id.clone(), at))).collect();
        let (judged, decisions, absent) = (RefCell::default(), BTreeMap::new(), BTreeSet::new());
        Grouping { judge, judged, decisions, absent, groups: given, of }
    }

    /// Takes a pair into account: as a person decided it, or as the engine does.
    pub fn propose(&mut self, pair: Pair, person: Option<(Verdict, String)>) {
        let judged = self.judged(&pair);
        if judged.is_none() {
            self.absent.insert(pair.clone());
        }
        // Of who is no longer in use the machine decides nothing, and a person's word waits for him to come back.
        let judged =
            judged.unwrap_or(Judged { verdict: Verdict::Apart, weight: 0.0, veto: false, reasons: Vec::new() });
        let (verdict, by) = match person {
            Some((verdict, name)) => (verdict, By::Person(name)),
            None => (judged.verdict, By::Machine(self.judge.model().to_owned())),
        };
        let decision = Decision { pair: pair.clone(), verdict, by, weight: judged.weight, reasons: judged.reasons };
        self.decisions.insert(pair, decision);
    }

    pub fn decisions(self) -> impl Iterator<Item = Decision> {
        self.decisions.into_values()
    }

    /// The groups that the links make. A link that is not followed becomes a question for a person; what is answered by
    /// others is none any more.
    pub fn groups(&mut self) -> Vec<BTreeSet<String>> {
        let mut links: Vec<(bool, f64, Pair)> = self.links();
        links.sort_by(|left, right| right.0.cmp(&left.0).then(right.1.total_cmp(&left.1)).then(left.2.cmp(&right.2)));
        for (by_person, weight, pair) in links {
            let (one, other) = (self.place(&pair.a), self.place(&pair.b));
            if one == other {
                continue;
            }
            let free = by_person || !self.has_rival(one, other, weight) && !self.has_rival(other, one, weight);
            if free && self.can_join(&self.groups[one], &self.groups[other], by_person) {
                self.join(one, other);
            }
        }
        let together = |pair: &Pair| self.of.get(&pair.a).is_some_and(|one| self.of.get(&pair.b) == Some(one));
        for decision in self.decisions.values_mut().filter(|decision| !decision.is_persons()) {
            match (decision.verdict, together(&decision.pair)) {
                (Verdict::Link, false) => {
                    decision.verdict = Verdict::Possible;
                    decision
                        .reasons
                        .insert(0, "held back: others fit as well, or cannot be the same person".to_owned());
                }
                (Verdict::Possible, true) => {
                    decision.verdict = Verdict::Link;
                    decision.reasons.insert(0, "one person by what others say".to_owned());
                }
                _ => {}
            }
        }
        std::mem::take(&mut self.groups).into_iter().filter(|group| !group.is_empty()).collect()
    }

    /// Where somebody's group is.
    fn place(&mut self, id: &str) -> usize {
        if let Some(at) = self.of.get(id) {
            return *at;
        }
        self.groups.push(BTreeSet::from([id.to_owned()]));
        self.of.insert(id.to_owned(), self.groups.len() - 1);
        self.groups.len() - 1
    }

    fn join(&mut self, one: usize, other: usize) {
        let moved = std::mem::take(&mut self.groups[other]);
        self.of.extend(moved.iter().map(|id| (id.clone(), one)));
        self.groups[one].extend(moved);
    }

    /// Whether somebody fits one group nearly as well as the other group does, and cannot be one person with that.
    fn has_rival(&mut self, of: usize, instead: usize, weight: f64) -> bool {
        let near = |decision: &&Decision| decision.weight >= weight - self.judge.margin();
        let ends = |decision: &Decision| [decision.pair.a.clone(), decision.pair.b.clone()];
        let rivals: Vec<[String; 2]> = self.decisions.values().filter(near).map(ends).collect();
        let mut seen = BTreeSet::from([of, instead]);
        for [a, b] in rivals {
            let (one, other) = (self.place(&a), self.place(&b));
            let rival = if one == of {
                other
            } else if other == of {
                one
            } else {
                continue;
            };
            if seen.insert(rival) && !self.can_join(&self.groups[rival], &self.groups[instead], false) {
                return true;
            }
        }
        false
    }

    fn links(&self) -> Vec<(bool, f64, Pair)> {
        let followed =
            |decision: &&Decision| decision.verdict == Verdict::Link && !self.absent.contains(&decision.pair);
        let links = self.decisions.values().filter(followed);
        links.map(|decision| (decision.is_persons(), decision.weight, decision.pair.clone())).collect()
    }

    /// Whether nobody of the one and nobody of the other are known to be two people. Where a person says that they are one,
    /// only another person's word stands against it.
    fn can_join(&self, one: &BTreeSet<String>, other: &BTreeSet<String>, by_person: bool) -> bool {
        if one.len() + other.len() > SOURCES_MAX {
            return false;
        }
        let pairs = one.iter().flat_map(|left| other.iter().filter_map(move |right| Pair::of(left, right)));
        pairs.into_iter().all(|pair| {
            let decided = self.decisions.get(&pair).filter(|decision| decision.is_persons());
            match decided.map(|decision| decision.verdict) {
                Some(Verdict::NotSame) => false,
                Some(Verdict::Link) => true,
                _ => by_person || !self.judged(&pair).is_some_and(|judged| judged.veto),
            }
        })
    }

    fn judged(&self, pair: &Pair) -> Option<Judged> {
        if let Some(known) = self.judged.borrow().get(pair) {
            return known.clone();
        }
        let judged = self.judge.judge(pair);
        self.judged.borrow_mut().insert(pair.clone(), judged.clone());
        judged
    }
}
