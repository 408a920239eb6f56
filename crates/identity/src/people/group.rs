//! Links to groups: the strongest first, and none that would join two who cannot be one person, directly or by a chain.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use record::SOURCES_MAX;

use super::{Judge, Judged};
use crate::linkage::{By, Decision, Pair, Verdict};

/// Bits by which one link has to be better than another to somebody else, for the record to belong to the one.
const TELLING: f64 = 6.0;

pub struct Grouping<'j, J: Judge> {
    judge: &'j J,
    judged: RefCell<HashMap<Pair, Option<Judged>>>,
    decisions: BTreeMap<Pair, Decision>,
    /// Pairs of which one is not there, or not in use.
    absent: BTreeSet<Pair>,
}

impl<'j, J: Judge> Grouping<'j, J> {
    pub fn new(judge: &'j J) -> Grouping<'j, J> {
        Grouping { judge, judged: RefCell::default(), decisions: BTreeMap::new(), absent: BTreeSet::new() }
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

    /// The groups that the links make. A link that is not followed becomes a question for a person.
    pub fn groups(&mut self) -> Vec<BTreeSet<String>> {
        loop {
            let (groups, torn) = self.pass();
            if torn.is_empty() {
                return groups;
            }
            for decision in self.decisions.values_mut() {
                let of_torn = torn.contains(&decision.pair.a) || torn.contains(&decision.pair.b);
                if of_torn && decision.verdict == Verdict::Link && !decision.is_persons() {
                    hold(decision, "one of the two fits somebody else as well");
                }
            }
        }
    }

    /// Joins what can be joined. Also those who have equal claims on two groups that cannot be one.
    fn pass(&mut self) -> (Vec<BTreeSet<String>>, BTreeSet<String>) {
        let mut links: Vec<(bool, f64, Pair)> = self.links();
        links.sort_by(|left, right| right.0.cmp(&left.0).then(right.1.total_cmp(&left.1)).then(left.2.cmp(&right.2)));
        let mut groups: Vec<BTreeSet<String>> = Vec::new();
        let mut best: HashMap<String, f64> = HashMap::new();
        let mut torn = BTreeSet::new();
        for (by_person, weight, pair) in links {
            let one = take(&mut groups, &pair.a);
            if one.contains(&pair.b) {
                groups.push(one);
                continue;
            }
            let other = take(&mut groups, &pair.b);
            if self.can_join(&one, &other, by_person) {
                groups.push(one.into_iter().chain(other).collect());
                if !by_person {
                    for id in [&pair.a, &pair.b] {
                        best.entry(id.clone()).or_insert(weight);
                    }
                }
                continue;
            }
            groups.extend([one, other]);
            for id in [&pair.a, &pair.b] {
                if best.get(id).is_some_and(|best| best - weight < TELLING) {
                    torn.insert(id.clone());
                }
            }
            if let Some(decision) = self.decisions.get_mut(&pair).filter(|decision| !decision.is_persons()) {
                hold(decision, "it would join records that cannot be of one person");
            }
        }
        (groups, torn)
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

/// The group that somebody is in, taken out; alone where there is none.
fn take(groups: &mut Vec<BTreeSet<String>>, id: &str) -> BTreeSet<String> {
    match groups.iter().position(|group| group.contains(id)) {
        Some(at) => groups.swap_remove(at),
        None => BTreeSet::from([id.to_owned()]),
    }
}

fn hold(decision: &mut Decision, why: &str) {
    decision.verdict = Verdict::Possible;
    decision.reasons.insert(0, format!("held back: {why}"));
}
