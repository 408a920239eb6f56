//! A whole file at once: blocks, comparison on all cores, clusters.
//!
//! The order in which registrations come does not matter: they are put in the order of their ids first.

mod block;
pub mod cluster;

use crate::engine::{Comparison, Decision, Engine};
use crate::registration::Registration;

pub use cluster::Clusters;

/// Threads that work at once.
pub const THREADS_MAX: usize = 8;
/// A file with at least so many registrations is learned from.
pub const LEARNED_FROM: usize = 1_000;

/// Registrations in the order of their ids.
pub struct Registrations(Vec<Registration>);

impl Registrations {
    pub fn new(mut registrations: Vec<Registration>) -> Registrations {
        registrations.sort_by(|one, other| one.id.cmp(&other.id));
        Registrations(registrations)
    }

    pub fn all(&self) -> &[Registration] {
        &self.0
    }
}

/// A pair that is linked or for a person to look at. `one < other`: indices into the registrations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    pub one: u32,
    pub other: u32,
    pub weight: f32,
    pub vetoed: bool,
    /// [`Decision::Link`] where the two are in one cluster, [`Decision::Possible`] where a person is asked.
    pub decision: Decision,
}

/// What was found.
pub struct Linked {
    /// The cluster of each registration: the index of its first member.
    pub clusters: Vec<u32>,
    pub pairs: Vec<Pair>,
    pub candidates: usize,
    /// Blocks that were not used because too many shared the key.
    pub blocks_skipped: usize,
    /// Links that the guard refused.
    pub refused: usize,
}

/// How far it is: what is done, how much of how much.
pub type Progress<'a> = &'a (dyn Fn(&str, usize, usize) + Sync);

/// Links a file.
pub fn link(registrations: &Registrations, engine: &Engine, progress: Progress) -> Linked {
    let all = registrations.all();
    let blocks = block::candidates(all, engine, progress);
    let candidates = blocks.pairs.len();
    let mut pairs = compare_all(all, &blocks.pairs, engine, progress);
    drop(blocks.pairs);
    progress("clusters", 0, 1);
    let mut clusters = Clusters::new(all.len());
    let refused = cluster::join(&mut clusters, &mut pairs, all, engine);
    pairs.retain(|pair| pair.decision != Decision::None);
    progress("clusters", 1, 1);
    Linked { clusters: clusters.labels(), pairs, candidates, blocks_skipped: blocks.skipped, refused }
}

/// Candidates to learn from, at most about `pairs_max`, and which part of all they are.
pub fn sample(engine: &Engine, registrations: &Registrations, pairs_max: usize) -> (Vec<(usize, usize)>, f64) {
    let blocks = block::candidates(registrations.all(), engine, &|_, _, _| {});
    let step = blocks.pairs.len().div_ceil(pairs_max).max(1);
    let drawn = |pair: &u64| ((pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as usize).is_multiple_of(step);
    let pairs = blocks.pairs.iter().filter(|pair| drawn(pair)).map(|pair| block::ends(*pair));
    (pairs.collect(), 1.0 / step as f64)
}

/// The comparisons that matter, in the order of the pairs.
fn compare_all(all: &[Registration], pairs: &[u64], engine: &Engine, progress: Progress) -> Vec<Pair> {
    let done = std::sync::atomic::AtomicUsize::new(0);
    let part = |pairs: &[u64]| -> Vec<Pair> {
        let mut found = Vec::new();
        for chunk in pairs.chunks(50_000) {
            for pair in chunk {
                let (one, other) = block::ends(*pair);
                if engine.is_hopeless(&all[one], &all[other]) {
                    continue;
                }
                let comparison = engine.compare(&all[one], &all[other]);
                if comparison.weight >= engine.thresholds.review.min(0.0) {
                    found.push(Pair::of(one, other, &comparison));
                }
            }
            let before = done.fetch_add(chunk.len(), std::sync::atomic::Ordering::Relaxed);
            progress("comparisons", before + chunk.len(), pairs_all(pairs.len()));
        }
        found
    };
    let size = pairs.len().div_ceil(threads()).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = pairs.chunks(size).map(|chunk| scope.spawn(move || part(chunk))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("comparing does not panic")).collect()
    })
}

fn pairs_all(part: usize) -> usize {
    part * threads()
}

/// As many threads as there are cores, within reason.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX)
}

impl Pair {
    fn of(one: usize, other: usize, comparison: &Comparison) -> Pair {
        Pair {
            one: one as u32,
            other: other as u32,
            weight: comparison.weight as f32,
            vetoed: comparison.veto.is_some(),
            decision: Decision::None,
        }
    }
}
