//! How fast commits become durable: 16 callers, transactions of 3 and of 22 laboratory results, prepared beforehand so
//! that the writer is measured and not the callers. Runs with `cargo bench -p record`; `ROUNDS=n` makes it longer.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and stops at what it cannot do")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use consent::Policy;
use fhir::search::{Handling, Query};
use record::{Change, Commit, Expect, Key, Options, Prepared, Record, Time, Write, prepare};

const CALLERS: usize = 16;

fn main() {
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    preparation();
    for (size, transactions) in [(3, 8_000), (22, 2_000)] {
        let dir = std::env::temp_dir().join(format!("hilum-bench-{}-{size}", std::process::id()));
        let record = Record::open(&dir, Options::default()).unwrap();
        for round in 0..rounds {
            run(&record, size, transactions, round);
        }
        searches(&record, transactions);
        let versions = record_versions(&record);
        drop(record);
        let bytes = std::fs::metadata(dir.join("record.db")).unwrap().len();
        println!("  {versions} versions, {} bytes of file a version after closing", bytes / versions);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

/// One patient's results by code, newest first: what a chart asks all day.
fn searches(record: &Record, transactions: usize) {
    const SEARCHES: usize = 500;
    let access = Policy::site().feed();
    let mut times: Vec<Duration> = Vec::with_capacity(SEARCHES);
    for number in 0..SEARCHES {
        let (number, patient) = (number * 7 % transactions, mix((number * 7 % transactions) as u64 / 8));
        let pairs = [
            ("patient".to_owned(), format!("{patient:016x}{patient:016x}")),
            ("code".to_owned(), format!("http://loinc.org|{}-4", 1000 + number * 22 % 300)),
        ];
        let query = Query::parse("Observation", &pairs, Handling::Strict).unwrap();
        let begin = Instant::now();
        let page = runtime().block_on(record.search(&access, &query, None)).unwrap();
        times.push(begin.elapsed());
        assert!(page.total != Some(0), "{pairs:?}");
    }
    times.sort();
    println!("  search by patient and code: p50 {} us", times[SEARCHES / 2].as_micros());
}

fn record_versions(record: &Record) -> u64 {
    runtime().block_on(record.counts()).unwrap().versions
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// One core's work before the writer.
fn preparation() {
    let json: Vec<String> =
        (0..20_000).map(|number| observation(&format!("o{number}"), number / 22, number % 22)).collect();
    let begin = Instant::now();
    let read: Vec<_> = json.iter().map(|json| fhir::json::read(json.as_bytes()).unwrap()).collect();
    let reading = begin.elapsed();
    let begin = Instant::now();
    let prepared: Vec<Prepared> = read.iter().map(|resource| prepare(resource, &Arc::default())).collect();
    let preparing = begin.elapsed();
    let each = |time: Duration| time.as_nanos() / prepared.len() as u128;
    println!("{} bytes of JSON; read {} ns, prepare {} ns a resource", json[7].len(), each(reading), each(preparing));
}

fn run(record: &Record, size: usize, transactions: usize, round: usize) {
    let mut batches: Vec<Vec<Commit>> = (0..CALLERS).map(|_| Vec::new()).collect();
    for number in 0..transactions {
        batches[number % CALLERS].push(transaction(round * transactions + number, size));
    }
    let (begin, before) = (Instant::now(), writer_cpu());
    let mut latencies = runtime().block_on(async {
        let callers: Vec<_> = batches.into_iter().map(|batch| caller(record.clone(), batch)).collect();
        let mut all = Vec::new();
        let mut set = tokio::task::JoinSet::new();
        for caller in callers {
            set.spawn(caller);
        }
        while let Some(done) = set.join_next().await {
            all.extend(done.unwrap());
        }
        all
    });
    let seconds = begin.elapsed().as_secs_f64();
    let writer = (writer_cpu() - before).as_secs_f64();
    latencies.sort();
    let at = |share: usize| latencies[latencies.len() * share / 100].as_micros();
    println!(
        "{CALLERS} callers, {size} resources each: {:.0} transactions/s, {:.0} resources/s, p50 {} us, p99 {} us; \
         writer thread {:.1} us of CPU a resource",
        transactions as f64 / seconds,
        (transactions * size) as f64 / seconds,
        at(50),
        at(99),
        writer * 1e6 / (transactions * size) as f64
    );
}

/// What the writer's thread has used of a core, by the kernel's count; zero where there is none.
fn writer_cpu() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    for thread in threads {
        let read = |file| std::fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        if read("comm").trim() == "record-writer" {
            let nanoseconds = read("schedstat").split(' ').next().and_then(|time| time.parse().ok());
            return Duration::from_nanos(nanoseconds.unwrap_or(0));
        }
    }
    Duration::ZERO
}

async fn caller(record: Record, batch: Vec<Commit>) -> Vec<Duration> {
    let access = Policy::site().intake();
    let mut latencies = Vec::with_capacity(batch.len());
    for commit in batch {
        let begin = Instant::now();
        record.commit(&access, commit).await.unwrap();
        latencies.push(begin.elapsed());
    }
    latencies
}

fn transaction(number: usize, size: usize) -> Commit {
    let writes = (0..size).map(|at| {
        let id = format!("{:016x}{:016x}", mix(number as u64), mix((number * 64 + at) as u64 ^ 0xffff_0000));
        let json = observation(&id, number, at);
        let resource = fhir::json::read(json.as_bytes()).unwrap();
        Write {
            key: Key::new("Observation", id),
            expect: Expect::Absent,
            change: Change::Put(prepare(&resource, &Arc::default())),
            origin: "lab".into(),
            source_time: Some(Time(1_767_225_600_000_000)),
            state: br#"{"status":1767225600000000,"value":1767225600000000}"#.to_vec(),
            groups: Vec::new(),
        }
    });
    Commit { now: Time(1_767_225_600_000_000), writes: writes.collect(), ..Commit::default() }
}

/// Spreads numbers as the keyed hashes of ids do.
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// The result `at` of message `number`: one patient, encounter and time a message, as a laboratory sends it.
fn observation(id: &str, number: usize, at: usize) -> String {
    let (patient, encounter) = (mix(number as u64 / 8), mix(number as u64 / 4));
    let (code, value) = (1000 + (number * 22 + at) % 300, ((number * 22 + at) * 7 % 400) as f64 / 10.0);
    let (day, hour, minute) = (1 + number / 1440 % 28, number / 60 % 24, number % 60);
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","meta":{{"source":"urn:hilum:source:lab"}},"identifier":[{{"system":"urn:hilum:authority:LAB","value":"F{number}-{code}"}}],"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}-4","display":"Analyte {code} [Mass/volume] in Serum or Plasma"}}],"text":"Analyte {code}"}},"subject":{{"reference":"Patient/{patient:016x}{patient:016x}"}},"encounter":{{"reference":"Encounter/{encounter:016x}{encounter:016x}"}},"effectiveDateTime":"2026-01-{day:02}T{hour:02}:{minute:02}:00+01:00","issued":"2026-01-{day:02}T{hour:02}:{minute:02}:30.000+01:00","performer":[{{"reference":"Organization/{:016x}"}}],"valueQuantity":{{"value":{value:.1},"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}},"interpretation":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N","display":"Normal"}}]}}],"referenceRange":[{{"low":{{"value":7.0,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}},"high":{{"value":20.0,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}},"text":"7.0-20.0"}}]}}"#,
        mix(number as u64 % 3),
    )
}
