//! Clusters under guard: the strongest link first, and none that would put two registrations together which a veto parts
//! ([`crate::Veto::parts`]).
//!
//! A chain of good links is how overlays are made: the father's registration without a birth date agrees with the father and with
//! the son. So a link joins two clusters only where no pair across them is vetoed or contradicts, and where neither cluster has
//! a rival that fits as well and cannot be the same person.

use super::Pair;
use crate::engine::{Decision, Engine};
use crate::registration::Registration;

/// The most members of a cluster. Nobody is registered more often; what is larger came of something else.
pub const MEMBERS_MAX: usize = 200;
/// Rivals that are looked at for one link.
const RIVALS_MAX: usize = 64;

/// Which registrations are together.
pub struct Clusters {
    of: Vec<u32>,
    members: Vec<Vec<u32>>,
}

impl Clusters {
    pub fn new(registrations: usize) -> Clusters {
        let each = 0..u32::try_from(registrations).expect("a file has less than four thousand million lines");
        Clusters { of: each.clone().collect(), members: each.map(|one| vec![one]).collect() }
    }

    pub fn of(&self, registration: u32) -> u32 {
        self.of[registration as usize]
    }

    pub fn members(&self, cluster: u32) -> &[u32] {
        &self.members[cluster as usize]
    }

    /// The cluster of each registration, named by its first member.
    pub fn labels(&self) -> Vec<u32> {
        let first: Vec<u32> = self.members.iter().map(|members| members.iter().copied().min().unwrap_or(0)).collect();
        self.of.iter().map(|cluster| first[*cluster as usize]).collect()
    }

    fn join(&mut self, one: u32, other: u32) {
        let (large, small) = match self.members(one).len() >= self.members(other).len() {
            true => (one, other),
            false => (other, one),
        };
        let moved = std::mem::take(&mut self.members[small as usize]);
        moved.iter().for_each(|member| self.of[*member as usize] = large);
        self.members[large as usize].extend(moved);
    }
}

/// Joins what may be joined, decides each pair, and says how many links the guard refused.
pub fn join(clusters: &mut Clusters, pairs: &mut [Pair], all: &[Registration], engine: &Engine) -> usize {
    let mut order: Vec<u32> = (0..pairs.len() as u32).collect();
    order.sort_unstable_by(|one, other| {
        let (one, other) = (&pairs[*one as usize], &pairs[*other as usize]);
        other.weight.total_cmp(&one.weight).then((one.one, one.other).cmp(&(other.one, other.other)))
    });
    let neighbours = Neighbours::of(pairs, all.len());
    let mut refused = 0;
    for at in order {
        let pair = pairs[at as usize];
        if f64::from(pair.weight) < engine.thresholds.link {
            break;
        }
        let (one, other) = (clusters.of(pair.one), clusters.of(pair.other));
        if pair.vetoed || one == other {
            continue;
        }
        let guard = Guard { clusters, pairs, neighbours: &neighbours, all, engine };
        match guard.permits(one, other, f64::from(pair.weight)) {
            true => clusters.join(one, other),
            false => refused += 1,
        }
    }
    for pair in pairs.iter_mut() {
        pair.decision = match clusters.of(pair.one) == clusters.of(pair.other) {
            true => Decision::Link,
            false if f64::from(pair.weight) >= engine.thresholds.review => Decision::Possible,
            false => Decision::None,
        };
    }
    refused
}

/// The pairs of each registration, by index.
struct Neighbours {
    begins: Vec<u32>,
    pairs: Vec<u32>,
}

impl Neighbours {
    fn of(pairs: &[Pair], registrations: usize) -> Neighbours {
        let mut begins = vec![0u32; registrations + 2];
        for pair in pairs {
            begins[pair.one as usize + 2] += 1;
            begins[pair.other as usize + 2] += 1;
        }
        (2..begins.len()).for_each(|at| begins[at] += begins[at - 1]);
        let mut list = vec![0u32; pairs.len() * 2];
        for (at, pair) in pairs.iter().enumerate() {
            for end in [pair.one, pair.other] {
                let slot = &mut begins[end as usize + 1];
                list[*slot as usize] = at as u32;
                *slot += 1;
            }
        }
        Neighbours { begins, pairs: list }
    }

    fn pairs(&self, registration: u32) -> &[u32] {
        let (begin, end) = (self.begins[registration as usize], self.begins[registration as usize + 1]);
        &self.pairs[begin as usize..end as usize]
    }
}

struct Guard<'a> {
    clusters: &'a Clusters,
    pairs: &'a [Pair],
    neighbours: &'a Neighbours,
    all: &'a [Registration],
    engine: &'a Engine,
}

impl Guard<'_> {
    fn permits(&self, one: u32, other: u32, weight: f64) -> bool {
        self.clusters.members(one).len() + self.clusters.members(other).len() <= MEMBERS_MAX
            && self.fit(one, other)
            && !self.has_rival(one, other, weight)
            && !self.has_rival(other, one, weight)
    }

    /// Whether no pair across two clusters is vetoed or contradicts.
    fn fit(&self, one: u32, other: u32) -> bool {
        let members = |cluster: u32| self.clusters.members(cluster).iter();
        let households = self.engine.model.has_households();
        members(one).all(|a| {
            members(other).all(|b| {
                let (first, second) = (*a.min(b) as usize, *a.max(b) as usize);
                let comparison = self.engine.compare(&self.all[first], &self.all[second]);
                let contradicts = households && comparison.weight < self.engine.thresholds.contradiction;
                !comparison.veto.is_some_and(|veto| veto.parts()) && !contradicts
            })
        })
    }

    /// Whether a cluster fits `of` nearly as well as `instead` does, and cannot be one person with `instead`.
    fn has_rival(&self, of: u32, instead: u32, weight: f64) -> bool {
        let mut seen: Vec<u32> = Vec::new();
        for member in self.clusters.members(of) {
            for at in self.neighbours.pairs(*member) {
                let pair = self.pairs[*at as usize];
                let end = if pair.one == *member { pair.other } else { pair.one };
                let rival = self.clusters.of(end);
                let near = f64::from(pair.weight) >= weight - self.engine.thresholds.margin;
                if !near || rival == of || rival == instead || seen.contains(&rival) {
                    continue;
                }
                if seen.len() >= RIVALS_MAX || !self.fit(rival, instead) {
                    return true;
                }
                seen.push(rival);
            }
        }
        false
    }
}
