//! The record from outside, in one binary: what a user of the crate may rely on, a file a subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]

mod backup;
mod commit;
mod concurrency;
mod crash;
mod erasure;
mod invent;
mod messages;
mod oracle;
mod own;
mod paging;
mod redirects;
mod store;
mod versions;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use consent::{Access, Policy};
use fhir::search::{Handling, Query};
use record::{Change, Commit, Committed, Expect, Key, Options, Record, Time, Write, prepare};

/// An hour of the tests' clock, in microseconds.
const HOUR_US: i64 = 3_600_000_000;
/// 2026-01-01T00:00:00Z.
const NEW_YEAR: Time = Time(1_767_225_600_000_000);

/// A directory of its own for one test, gone at its end.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hilum-record-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        Place(dir)
    }

    fn open(&self) -> Record {
        open(&self.0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left behind in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(dir: &Path) -> Record {
    Record::open(dir, Options::default()).unwrap()
}

fn all() -> Access {
    Policy::site().intake()
}

fn put(json: &str, expect: Expect) -> Write {
    let resource = fhir::json::read(json.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?} in {json}"));
    write(Key::new(resource.kind(), resource.id().unwrap()), Change::Put(prepare(&resource, &Arc::default())), expect)
}

fn delete(kind: &str, id: &str, version: u64) -> Write {
    write(Key::new(kind, id), Change::Delete, Expect::Version(version))
}

fn write(key: Key, change: Change, expect: Expect) -> Write {
    Write { key, expect, change, origin: "test".into(), source_time: None, state: Vec::new(), groups: Vec::new() }
}

fn writes(writes: Vec<Write>) -> Commit {
    Commit { now: NEW_YEAR, writes, ..Commit::default() }
}

async fn commit(record: &Record, list: Vec<Write>) -> Committed {
    record.commit(&all(), writes(list)).await.unwrap()
}

fn patient(id: &str, family: &str) -> String {
    format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"{family}"}}]}}"#)
}

fn observation(id: &str, patient: &str, code: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},"subject":{{"reference":"Patient/{patient}"}}}}"#
    )
}

fn query(kind: &str, pairs: &[(&str, &str)]) -> Query {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Query::parse(kind, &pairs, Handling::Strict).unwrap_or_else(|issues| panic!("{issues:?} in {pairs:?}"))
}

async fn found(record: &Record, kind: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    let page = record.search(&all(), &query(kind, pairs), None).await.unwrap();
    let mut ids: Vec<String> = page.versions.into_iter().map(|version| version.key.id).collect();
    ids.sort();
    ids
}

/// A small generator of numbers from a printed seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}
