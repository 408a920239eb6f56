//! A store from empty to a million versions, by transactions of one person's whole record each, and what small
//! transactions cost beside and after it.
//!
//! ```text
//! SYNTHEA=dir  Bundles of Synthea as .json, one person each; without it, invented ones of the same shape
//! RESOURCES=n  how many to write (100,000)        CALLERS=n   how many Bundles at once (4)
//! DIR=dir      where the store is made, left, and taken up again; without it, in the temporary directory
//! WORDS=1      the index of words follows at the end
//! taskset -c 1 cargo bench -p record --bench bulk          callers, writer and readers on one core
//! ```
//! A caller's work is what a server's would be: read the entry's JSON, prepare it, commit the whole.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and stops at what it cannot do")]

#[path = "../../examples/dictionary/invented.rs"]
mod invented;
mod small;
mod source;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use consent::Policy;
use record::{Change, Commit, Expect, Key, Options, Record, Time, Write, prepare};
use source::Source;

/// A transaction's resources as JSON.
pub type Bundle = Vec<(Key, String)>;

const STEP: usize = 100_000;
pub const NOW: Time = Time(1_767_225_600_000_000);

fn main() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (resources, callers) = (number("RESOURCES", STEP), number("CALLERS", 4));
    let source = Arc::new(Source::load());
    println!("{} bytes of JSON a resource", source.bytes_a_resource());
    let kept = std::env::var_os("DIR").map(std::path::PathBuf::from);
    let dir = kept.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("hilum-bulk-{}", std::process::id())));
    let record = Record::open(&dir, Options::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let next = Arc::new(AtomicUsize::new(0));
    let mut done = usize::try_from(runtime.block_on(record.counts()).unwrap().versions).unwrap();
    next.store(done / 100, Ordering::Relaxed);
    while done < resources {
        done += step(&runtime, &record, &source, &next, callers, done);
    }
    if std::env::var_os("WORDS").is_some() {
        words(&runtime, &record);
    }
    small::run(&runtime, &record);
    drop(record);
    println!("after closing: {} bytes of disk a version", disk(&dir) / done as u64);
    if kept.is_none() {
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

/// Writes a step's worth of Bundles, tells how it went, and how many resources they held.
fn step(
    runtime: &tokio::runtime::Runtime,
    record: &Record,
    source: &Arc<Source>,
    next: &Arc<AtomicUsize>,
    callers: usize,
    before: usize,
) -> usize {
    // Making the texts is the client's work: a bounded pile of them at a time, and not on the clock.
    const PILE: usize = 10_000;
    let (mut written, mut took, mut cpu) = (0, Duration::ZERO, [Duration::ZERO; 4]);
    while written < STEP {
        let mut pile: Vec<Bundle> = Vec::new();
        while pile.iter().map(Vec::len).sum::<usize>() < PILE {
            pile.push(source.bundle(next.fetch_add(1, Ordering::Relaxed)));
        }
        written += pile.iter().map(Vec::len).sum::<usize>();
        let pile = Arc::new(Mutex::new(pile));
        let (begin, was) = (Instant::now(), threads());
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..callers {
                tasks.spawn(caller(record.clone(), Arc::clone(&pile)));
            }
            tasks.join_all().await;
        });
        took += begin.elapsed();
        for ((total, is), was) in cpu.iter_mut().zip(threads()).zip(was) {
            *total += is - was;
        }
    }
    let each = |time: Duration| time.as_nanos() as f64 / written as f64 / 1_000.0;
    let counts = runtime.block_on(record.counts()).unwrap();
    println!(
        "{:>9}: {:>6.0} resources/s; CPU a resource: {:.1} us, of it callers {:.1}, writer {:.1}, checkpoint {:.1}; \
         {} bytes of disk a version",
        before + written,
        written as f64 / took.as_secs_f64(),
        each(cpu.iter().sum()),
        each(cpu[0]),
        each(cpu[1]),
        each(cpu[2]),
        counts.disk_bytes / counts.versions,
    );
    written
}

/// Lets the index of words catch up.
fn words(runtime: &tokio::runtime::Runtime, record: &Record) {
    let (begin, was, before) = (Instant::now(), threads(), runtime.block_on(record.counts()).unwrap());
    let mut passed = 0;
    loop {
        match runtime.block_on(record.follow_text(200)).unwrap() {
            0 => break,
            some => passed += some as u64,
        }
    }
    let each = |at: usize| (threads()[at] - was[at]).as_nanos() as f64 / passed as f64 / 1e3;
    let bytes = runtime.block_on(record.counts()).unwrap().disk_bytes - before.disk_bytes;
    println!(
        "words: {:.0} versions/s; CPU a version: reader {:.1} us, writer {:.1}; {} bytes a version",
        passed as f64 / begin.elapsed().as_secs_f64(),
        each(3),
        each(1),
        bytes / passed
    );
}

async fn caller(record: Record, pile: Arc<Mutex<Vec<Bundle>>>) {
    let access = Policy::site().intake();
    loop {
        let Some(bundle) = pile.lock().unwrap().pop() else { return };
        let commit = commit(&bundle);
        record.commit(&access, commit).await.unwrap();
    }
}

pub fn commit(bundle: &[(Key, String)]) -> Commit {
    let writes = bundle.iter().map(|(key, json)| {
        let resource = fhir::json::read(json.as_bytes()).unwrap();
        Write {
            key: key.clone(),
            expect: Expect::Absent,
            change: Change::Put(prepare(&resource, &Arc::default())),
            origin: "bulk".into(),
            source_time: None,
            state: Vec::new(),
            groups: Vec::new(),
        }
    });
    Commit { now: NOW, writes: writes.collect(), ..Commit::default() }
}

/// What threads have used of a core, by the kernel's count: callers, writer, checkpointer, readers.
pub fn threads() -> [Duration; 4] {
    let mut used = [Duration::ZERO; 4];
    for thread in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file| std::fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        let at = match read("comm").trim() {
            "record-writer" => 1,
            name if name.starts_with("record-check") => 2,
            name if name.starts_with("record-reader") => 3,
            _ => 0,
        };
        let nanoseconds = read("schedstat").split(' ').next().and_then(|time| time.parse().ok()).unwrap_or(0);
        used[at] += Duration::from_nanos(nanoseconds);
    }
    used
}

fn disk(dir: &std::path::Path) -> u64 {
    std::fs::read_dir(dir).unwrap().flatten().map(|file| file.metadata().unwrap().len()).sum()
}
