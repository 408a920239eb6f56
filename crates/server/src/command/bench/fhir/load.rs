//! Transactions as fast as the server takes them, and what it then has.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::drive::Seen;
use super::known::Known;
use super::people;
use super::wire::{self, Wire};
use crate::command::Failure;
use crate::http::FHIR;
use crate::terminal;

/// The part of a load that has figures of its own: the first and the last so many resources.
const PART: u64 = 100_000;
/// Transactions in a row that are refused before it is given up.
const REFUSED_MAX: usize = 20;
/// Files of `--from`, and what they may hold together: they are kept in memory.
const FILES_MAX: usize = 10_000;
const FILES_BYTES_MAX: u64 = 4 << 30;

/// What is loaded.
pub enum Feed {
    People,
    /// What others refer to, once; then the others, over and over.
    Files {
        first: Vec<Vec<u8>>,
        again: Vec<Vec<u8>>,
    },
}

pub struct Plan {
    pub address: SocketAddr,
    pub loaders: usize,
    pub resources: u64,
}

/// How it went.
#[derive(Debug, Default, Serialize)]
pub struct Loaded {
    pub resources: u64,
    pub transactions: usize,
    pub refused: usize,
    pub seconds: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// How many resources the two rates are of.
    pub first: u64,
    pub first_per_second: f64,
    pub last: u64,
    pub last_per_second: f64,
}

impl Feed {
    pub fn new(from: Option<&Path>) -> Result<Feed, Failure> {
        let Some(from) = from else { return Ok(Feed::People) };
        let trouble =
            |path: &Path, why: std::io::Error| Failure::Input(format!("cannot read {}: {why}", path.display()));
        let entries = fs::read_dir(from).map_err(|why| trouble(from, why))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        paths.sort();
        let bytes: u64 = paths.iter().filter_map(|path| fs::metadata(path).ok()).map(|about| about.len()).sum();
        if paths.len() > FILES_MAX || bytes > FILES_BYTES_MAX {
            return Err(Failure::Input(format!("{}: too much to keep in memory; take a part of it", from.display())));
        }
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for path in paths {
            let content = fs::read(&path).map_err(|why| trouble(&path, why))?;
            let referred_to = path.to_string_lossy().contains("Information");
            if referred_to { first.push(content) } else { again.push(content) }
        }
        match again.is_empty() {
            true => Err(Failure::Input(format!("{} holds no .json file of a patient", from.display()))),
            false => Ok(Feed::Files { first, again }),
        }
    }

    fn transaction(&self, number: u64) -> Vec<u8> {
        match self {
            Feed::People => people::transaction(number),
            Feed::Files { again, .. } => again[(number % again.len() as u64) as usize].clone(),
        }
    }
}

/// Sends until the server has as many resources as are asked for.
pub async fn load(plan: &Plan, feed: Feed) -> Result<(Loaded, Known), Failure> {
    let lost = |why: std::io::Error| Failure::System(format!("{}: {why}", plan.address));
    if let Feed::Files { first, .. } = &feed {
        let mut wire = Wire::connect(plan.address).await.map_err(lost)?;
        for transaction in first {
            let answer = wire.ask(&wire::post(plan.address, FHIR, transaction)).await.map_err(lost)?;
            if answer.status >= 300 {
                let text = "what the other files refer to was not taken";
                return Err(Failure::System(format!("{text}: the server answers {}", answer.status)));
            }
        }
    }
    let (feed, next, stored) = (Arc::new(feed), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let mut loading = JoinSet::new();
    for _ in 0..plan.loaders {
        let loader = Loader {
            wire: Wire::connect(plan.address).await.map_err(lost)?,
            address: plan.address,
            feed: Arc::clone(&feed),
            next: Arc::clone(&next),
            stored: Arc::clone(&stored),
            resources: plan.resources,
            began,
        };
        loading.spawn(loader.run());
    }
    let (mut seen, mut steps, mut known) = (Seen::default(), Vec::new(), Known::default());
    while let Some(ended) = loading.join_next().await {
        let part = ended.expect("a loader does not panic").map_err(lost)?;
        seen.add(part.seen);
        steps.extend(part.steps);
        known.add(part.known);
    }
    if stored.load(Relaxed) == 0 {
        let status = seen.refused_status.map_or_else(String::new, |status| format!(" and answers {status}"));
        return Err(Failure::System(format!("the server takes no transaction{status}: nothing can be measured")));
    }
    Ok((loaded(seen, steps, began.elapsed()), known))
}

/// When a transaction was answered, and the resources that it made.
type Step = (Duration, u64);

struct Loader {
    wire: Wire,
    address: SocketAddr,
    feed: Arc<Feed>,
    next: Arc<AtomicU64>,
    stored: Arc<AtomicU64>,
    resources: u64,
    began: Instant,
}

#[derive(Default)]
struct Part {
    seen: Seen,
    steps: Vec<Step>,
    known: Known,
}

impl Loader {
    async fn run(mut self) -> std::io::Result<Part> {
        let (mut part, mut refused) = (Part::default(), 0);
        while self.stored.load(Relaxed) < self.resources && refused < REFUSED_MAX {
            let transaction = self.feed.transaction(self.next.fetch_add(1, Relaxed));
            let request = wire::post(self.address, FHIR, &transaction);
            let sent = Instant::now();
            let answer = self.wire.ask(&request).await?;
            part.seen.note(sent.elapsed(), answer.status);
            if answer.status >= 300 {
                refused += 1;
                continue;
            }
            refused = 0;
            let made = part.known.read(&answer.body);
            part.steps.push((self.began.elapsed(), made));
            let before = self.stored.fetch_add(made, Relaxed);
            if before / PART != (before + made) / PART {
                let seconds = self.began.elapsed().as_secs_f64();
                terminal::say(format_args!("  {} after {seconds:.0} s", before + made));
            }
        }
        Ok(part)
    }
}

fn loaded(seen: Seen, mut steps: Vec<Step>, took: Duration) -> Loaded {
    steps.sort_unstable();
    let resources: u64 = steps.iter().map(|(_, made)| made).sum();
    let (first, first_seconds) = until(&steps, PART);
    // The last part is counted from the answer before it.
    let (before, before_seconds) = until(&steps, resources.saturating_sub(PART));
    let rate = |count: u64, seconds: f64| count as f64 / seconds.max(1e-9);
    let refused = seen.refused;
    let row = seen.row("load", 0, took);
    Loaded {
        resources,
        transactions: row.count,
        refused,
        seconds: took.as_secs_f64(),
        p50_ms: row.p50_ms,
        p99_ms: row.p99_ms,
        first,
        first_per_second: rate(first, first_seconds),
        last: resources - before,
        last_per_second: rate(resources - before, took.as_secs_f64() - before_seconds),
    }
}

/// When there were so many resources, and how many there were then.
fn until(steps: &[Step], count: u64) -> (u64, f64) {
    let mut sum = (0, 0.0);
    for (time, made) in steps {
        if sum.0 >= count {
            break;
        }
        sum = (sum.0 + made, time.as_secs_f64());
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_has_the_rates_of_its_first_and_last_part() {
        // Ten thousand a second at first, five thousand in the end.
        let step = |second: u64| (Duration::from_secs(second), if second <= 15 { 10_000 } else { 5_000 });
        let steps: Vec<Step> = (1..=45).rev().map(step).collect();
        let mut seen = Seen::default();
        (0..45).for_each(|_| seen.note(Duration::from_millis(7), 200));
        seen.note(Duration::from_millis(7), 422);
        let loaded = loaded(seen, steps, Duration::from_secs(45));
        assert_eq!((loaded.resources, loaded.transactions, loaded.refused), (300_000, 46, 1));
        assert_eq!((loaded.first, loaded.first_per_second), (100_000, 10_000.0));
        assert_eq!((loaded.last, loaded.last_per_second), (100_000, 5_000.0));
    }

    #[test]
    fn a_short_load_is_its_own_first_and_last_part() {
        let loaded = loaded(Seen::default(), vec![(Duration::from_secs(2), 50)], Duration::from_secs(2));
        assert_eq!((loaded.first, loaded.first_per_second, loaded.last, loaded.last_per_second), (50, 25.0, 50, 25.0));
    }
}
