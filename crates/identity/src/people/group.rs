//! Links to groups: the strongest first, and none that would join two who cannot be one person, directly or by a chain.
//!
//! Somebody who is registered five hundred times makes a hundred thousand pairs, so whoever is looked at has a number here, and a
//! group knows the best link to each of its neighbours.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use record::SOURCES_MAX;

use super::{Judge, Judged};
use crate::linkage::{By, Pair, Verdict};

type Ends = (usize, usize);

/// What becomes of a pair.
pub struct Proposed {
    pub pair: Pair,
    pub verdict: Verdict,
    pub by: By,
    pub weight: f64,
    /// Why it is not what the engine says of the two alone.
    pub because: Option<&'static str>,
    ends: Ends,
    /// One of them is not there, or not in use.
    absent: bool,
}

pub struct Grouping<'j, J: Judge> {
    judge: &'j J,
    names: Vec<String>,
    numbers: HashMap<String, usize>,
    judged: RefCell<HashMap<Ends, Option<Judged>>>,
    /// In the order of their pairs.
    proposed: Vec<Proposed>,
    /// What persons and sources said.
    persons: HashMap<Ends, Verdict>,
    groups: Vec<Vec<usize>>,
    /// The group of each number.
    of: Vec<usize>,
    /// The best weight between a group and each that it has pairs with.
    near: Vec<HashMap<usize, f64>>,
}

impl<'j, J: Judge> Grouping<'j, J> {
    /// `given` are groups that stand, and may be joined with others.
    pub fn new(judge: &'j J, given: Vec<BTreeSet<String>>) -> Grouping<'j, J> {
        let mut grouping = Grouping {
            judge,
            names: Vec::new(),
            numbers: HashMap::new(),
            judged: RefCell::default(),
            proposed: Vec::new(),
            persons: HashMap::new(),
            groups: Vec::new(),
            of: Vec::new(),
            near: Vec::new(),
        };
        for group in given {
            let numbers: Vec<usize> = group.into_iter().map(|id| grouping.number(&id)).collect();
            for number in &numbers[1..] {
                grouping.join(grouping.of[numbers[0]], grouping.of[*number]);
            }
        }
        grouping
    }

    /// Takes a pair into account: as a person or a source decided it, or as the engine does. Pairs come in their order.
    pub fn propose(&mut self, pair: Pair, said: Option<(Verdict, By)>) {
        let ends = (self.number(&pair.a), self.number(&pair.b));
        let judged = self.judged(ends);
        // Of who is no longer in use the machine decides nothing, and a person's word waits for him to come back.
        let Judged { verdict, weight, .. } =
            judged.unwrap_or(Judged { verdict: Verdict::Apart, weight: 0.0, veto: false });
        let (verdict, by) = match said {
            Some((verdict, by)) => {
                self.persons.insert(sorted(ends), verdict);
                (verdict, by)
            }
            None => (verdict, By::Machine(self.judge.model().to_owned())),
        };
        self.proposed.push(Proposed { pair, verdict, by, weight, because: None, ends, absent: judged.is_none() });
        let (one, other) = (self.of[ends.0], self.of[ends.1]);
        if one != other {
            self.know(one, other, weight);
        }
    }

    /// The groups that the links make, and what becomes of each pair. A link that is not followed becomes a question for a
    /// person; what is answered by others is none any more.
    pub fn groups(mut self) -> (Vec<BTreeSet<String>>, Vec<Proposed>) {
        let followed = |of: &Proposed| of.verdict == Verdict::Link && !of.absent;
        let mut links: Vec<usize> = (0..self.proposed.len()).filter(|at| followed(&self.proposed[*at])).collect();
        let place = |at: &usize| (rank(&self.proposed[*at].by), self.proposed[*at].weight);
        links.sort_by(|left, right| {
            let (left, right) = (place(left), place(right));
            right.0.cmp(&left.0).then(right.1.total_cmp(&left.1))
        });
        for at in links {
            let Proposed { ends, weight, by, .. } = &self.proposed[at];
            let (by_person, weight) = (rank(by) > 0, *weight);
            let (one, other) = (self.of[ends.0], self.of[ends.1]);
            let joined = one != other
                && self.can_join(one, other, by_person)
                && (by_person || !self.has_rival(one, other, weight) && !self.has_rival(other, one, weight));
            if joined {
                self.join(one, other);
            }
        }
        for proposed in self.proposed.iter_mut().filter(|of| matches!(of.by, By::Machine(_))) {
            let together = self.of[proposed.ends.0] == self.of[proposed.ends.1];
            let (verdict, because) = match (proposed.verdict, together) {
                (Verdict::Link, false) => {
                    (Verdict::Possible, "held back: others fit as well, or cannot be the same person")
                }
                (Verdict::Possible, true) => (Verdict::Link, "one person by what others say"),
                _ => continue,
            };
            (proposed.verdict, proposed.because) = (verdict, Some(because));
        }
        let names = |group: &Vec<usize>| group.iter().map(|number| self.names[*number].clone()).collect();
        (self.groups.iter().filter(|group| !group.is_empty()).map(names).collect(), self.proposed)
    }

    /// Somebody's number; who is new is alone.
    fn number(&mut self, id: &str) -> usize {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.names.len();
        self.names.push(id.to_owned());
        self.numbers.insert(id.to_owned(), number);
        self.of.push(self.groups.len());
        self.groups.push(vec![number]);
        self.near.push(HashMap::new());
        number
    }

    fn know(&mut self, one: usize, other: usize, weight: f64) {
        for (from, to) in [(one, other), (other, one)] {
            let best = self.near[from].entry(to).or_insert(weight);
            *best = best.max(weight);
        }
    }

    fn join(&mut self, one: usize, other: usize) {
        let moved = std::mem::take(&mut self.groups[other]);
        moved.iter().for_each(|number| self.of[*number] = one);
        self.groups[one].extend(moved);
        for (neighbour, weight) in std::mem::take(&mut self.near[other]) {
            self.near[neighbour].remove(&other);
            if neighbour != one {
                self.know(one, neighbour, weight);
            }
        }
    }

    /// Whether somebody fits one group nearly as well as the other group does, and cannot be one person with that.
    fn has_rival(&self, of: usize, instead: usize, weight: f64) -> bool {
        let least = weight - self.judge.margin();
        let near = self.near[of].iter().filter(|(rival, best)| **rival != instead && **best >= least);
        // Of whom a person says that he is nobody of this group, he is no rival for it.
        let mut rivals = near.filter(|(rival, _)| !self.are_told_apart(of, **rival));
        rivals.any(|(rival, _)| !self.can_join(*rival, instead, false))
    }

    /// Whether a person has said of somebody of the one and somebody of the other that they are two people.
    fn are_told_apart(&self, one: usize, other: usize) -> bool {
        let pairs =
            self.groups[one].iter().flat_map(|left| self.groups[other].iter().map(move |right| (*left, *right)));
        !self.persons.is_empty() && pairs.map(sorted).any(|ends| self.persons.get(&ends) == Some(&Verdict::NotSame))
    }

    /// Whether nobody of the one and nobody of the other are known to be two people. Where a person says that they are one,
    /// only another person's word stands against it.
    fn can_join(&self, one: usize, other: usize, by_person: bool) -> bool {
        let (one, other) = (&self.groups[one], &self.groups[other]);
        one.len() + other.len() <= SOURCES_MAX
            && one.iter().all(|left| {
                other.iter().all(|right| match self.persons.get(&sorted((*left, *right))) {
                    Some(Verdict::NotSame) => false,
                    Some(Verdict::Link) => true,
                    _ => by_person || !self.judged((*left, *right)).is_some_and(|judged| judged.veto),
                })
            })
    }

    fn judged(&self, ends: Ends) -> Option<Judged> {
        let ends = sorted(ends);
        *self.judged.borrow_mut().entry(ends).or_insert_with(|| {
            let pair = Pair::of(&self.names[ends.0], &self.names[ends.1])?;
            self.judge.judge(&pair)
        })
    }
}

/// Whose word is followed first: a person's, then a source's, then the engine's.
fn rank(by: &By) -> u8 {
    match by {
        By::Machine(_) => 0,
        By::Source(_) => 1,
        By::Person(_) => 2,
    }
}

fn sorted((one, other): Ends) -> Ends {
    (one.min(other), one.max(other))
}
