//! Small transactions on a full store: alone, many at once, and beside one of 3,000 entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use consent::Policy;
use record::{Key, Record};
use tokio::runtime::Runtime;

use crate::{commit, threads};

static NEXT: AtomicUsize = AtomicUsize::new(0);

pub fn run(runtime: &Runtime, record: &Record) {
    let versions = runtime.block_on(record.counts()).unwrap().versions;
    NEXT.store(usize::try_from(versions).unwrap(), Ordering::Relaxed);
    for (clients, transactions) in [(1, 1_000), (64, 8_000)] {
        let was = threads();
        let (rate, latencies) = runtime.block_on(clients_at_once(record, clients, transactions));
        tell(&format!("3-resource transactions, {clients} clients: {rate:.0}/s"), latencies);
        let each = |at: usize| (threads()[at] - was[at]).as_micros() / transactions as u128;
        println!("  us of CPU a transaction: callers {}, writer {}, checkpoint {}", each(0), each(1), each(2));
    }
    beside(runtime, record);
}

fn tell(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort();
    let at = |share: usize| latencies[(latencies.len() * share / 1000).min(latencies.len() - 1)].as_secs_f64() * 1e3;
    println!("{what}; p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms", at(500), at(990), at(1000));
}

async fn clients_at_once(record: &Record, clients: usize, transactions: usize) -> (f64, Vec<Duration>) {
    let left = Arc::new(AtomicUsize::new(transactions));
    let mut tasks = tokio::task::JoinSet::new();
    let begin = Instant::now();
    for _ in 0..clients {
        let (record, left) = (record.clone(), Arc::clone(&left));
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                latencies.push(one(&record, 3).await);
            }
            latencies
        });
    }
    let latencies: Vec<Duration> = tasks.join_all().await.concat();
    (latencies.len() as f64 / begin.elapsed().as_secs_f64(), latencies)
}

/// Eight clients write small transactions while another writes ones of 3,000 entries.
fn beside(runtime: &Runtime, record: &Record) {
    let over = Arc::new(AtomicBool::new(false));
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (record, over) = (record.clone(), Arc::clone(&over));
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    latencies.push(one(&record, 3).await);
                }
                latencies
            });
        }
        let mut large = Vec::new();
        for _ in 0..10 {
            large.push(one(record, 3_000).await);
        }
        over.store(true, Ordering::Relaxed);
        tell("3-resource transactions beside those of 3,000 entries", tasks.join_all().await.concat());
        tell("those of 3,000 entries", large);
    });
}

async fn one(record: &Record, size: usize) -> Duration {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let bundle: Vec<(Key, String)> = (0..size)
        .map(|at| {
            let id = format!("small-{number}-{at}");
            let json = result(&id, number, at);
            (Key::new("Observation", id), json)
        })
        .collect();
    let begin = Instant::now();
    record.commit(&Policy::site().intake(), commit(&bundle)).await.unwrap();
    begin.elapsed()
}

/// A laboratory's result of one of 100,000 patients.
fn result(id: &str, number: usize, at: usize) -> String {
    let patient = number.wrapping_mul(2_654_435_761) % 100_000;
    let (code, value) = (1_000 + (number * 7 + at) % 300, (number * 31 + at) % 400);
    let (day, hour, minute) = (1 + number / 1440 % 28, number / 60 % 24, number % 60);
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","identifier":[{{"system":"urn:hilum:authority:LAB","value":"F{number}-{at}"}}],"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}-4","display":"Analyte {code} [Mass/volume] in Serum or Plasma"}}],"text":"Analyte {code}"}},"subject":{{"reference":"Patient/small-{patient}"}},"encounter":{{"reference":"Encounter/small-{number}"}},"effectiveDateTime":"2026-01-{day:02}T{hour:02}:{minute:02}:00+01:00","issued":"2026-01-{day:02}T{hour:02}:{minute:02}:30.000+01:00","performer":[{{"reference":"Organization/small-{}"}}],"valueQuantity":{{"value":{}.{},"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}}}"#,
        number % 3,
        value / 10,
        value % 10,
    )
}
