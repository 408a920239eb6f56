//! Candidates of a whole file: the pairs that have a key in common.

use super::{Progress, threads};
use crate::engine::Engine;
use crate::registration::Registration;

/// Candidates and what was left out.
pub struct Blocks {
    /// Two indices in one number, the smaller in front; in order, each once.
    pub pairs: Vec<u64>,
    pub skipped: usize,
}

/// The two indices of a pair.
pub fn ends(pair: u64) -> (usize, usize) {
    ((pair >> 32) as usize, (pair & 0xffff_ffff) as usize)
}

/// All pairs with a key in common, but for keys that too many share.
pub fn candidates(all: &[Registration], engine: &Engine, progress: Progress) -> Blocks {
    let count = threads();
    progress("keys", 0, all.len());
    // Keys go to the thread of their hash, so that each thread has whole blocks.
    let size = all.len().div_ceil(count).max(1);
    let made: Vec<Vec<Vec<(u64, u32)>>> = std::thread::scope(|scope| {
        let part = |chunk: &[Registration], begin: usize| {
            let mut shares: Vec<Vec<(u64, u32)>> = vec![Vec::new(); count];
            for (registration, index) in chunk.iter().zip(begin..) {
                for key in engine.keys(registration) {
                    shares[key as usize % count].push((key, index as u32));
                }
            }
            shares
        };
        let chunks = all.chunks(size).enumerate();
        let running: Vec<_> = chunks.map(|(at, chunk)| scope.spawn(move || part(chunk, at * size))).collect();
        running.into_iter().map(|part| part.join().expect("making keys does not panic")).collect()
    });
    progress("keys", all.len(), all.len());
    let mut shares: Vec<Vec<(u64, u32)>> = vec![Vec::new(); count];
    for part in made {
        for (share, more) in shares.iter_mut().zip(part) {
            share.extend(more);
        }
    }
    let found: Vec<(Vec<u64>, usize)> = std::thread::scope(|scope| {
        let block_max = engine.thresholds.block_max;
        let running: Vec<_> = shares.into_iter().map(|share| scope.spawn(move || pairs(share, block_max))).collect();
        running.into_iter().map(|part| part.join().expect("pairing does not panic")).collect()
    });
    let skipped = found.iter().map(|(_, skipped)| skipped).sum();
    let mut lists = found.into_iter().map(|(pairs, _)| pairs);
    let first = lists.next().unwrap_or_default();
    Blocks { pairs: lists.fold(first, |one, other| merged(&one, &other)), skipped }
}

/// The pairs of some blocks, in order, each once.
fn pairs(mut keys: Vec<(u64, u32)>, block_max: usize) -> (Vec<u64>, usize) {
    keys.sort_unstable();
    let (mut pairs, mut skipped) = (Vec::new(), 0);
    for block in keys.chunk_by(|one, other| one.0 == other.0) {
        if block.len() > block_max {
            skipped += 1;
            continue;
        }
        for (at, one) in block.iter().enumerate() {
            pairs.extend(block[at + 1..].iter().map(|other| (u64::from(one.1) << 32) | u64::from(other.1)));
        }
    }
    drop(keys);
    pairs.sort_unstable();
    pairs.dedup();
    (pairs, skipped)
}

fn merged(one: &[u64], other: &[u64]) -> Vec<u64> {
    let mut merged = Vec::with_capacity(one.len() + other.len());
    let (mut i, mut j) = (0, 0);
    while i < one.len() && j < other.len() {
        let next = one[i].min(other[j]);
        i += usize::from(one[i] == next);
        j += usize::from(other[j] == next);
        merged.push(next);
    }
    merged.extend_from_slice(&one[i..]);
    merged.extend_from_slice(&other[j..]);
    merged
}
