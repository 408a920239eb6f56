//! Measures the index in a Redis that is there for nothing else: bytes of a registration, and how long a look-up takes.
//!
//!     redis URL PATIENTS.ndjson PROBES.ndjson [MOST]
//!
//! It empties the index under the prefix `{hilum}`, and puts in at most MOST of the patients.
#![allow(clippy::print_stdout, reason = "a tool of developers, who read what it prints")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::index::{Asked, Found, Index, Log, Memory, Put, Redis, RedisSettings};
use identity::{Registration, Secret, Thresholds, key};
use record::Position;

/// Registrations that one step of the worker brings.
const STEP: usize = 500;

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, patients, probes, ..] = &args[..] else { panic!("give URL, PATIENTS.ndjson and PROBES.ndjson") };
    let most = args.get(3).map_or(usize::MAX, |most| most.parse().expect("MOST is a number"));
    let puts: Vec<Put> = read(patients).take(most).map(put).collect();
    let keys: usize = puts.iter().map(|put| put.keys.len()).sum();
    println!("{} registrations, {:.2} keys each", puts.len(), keys as f64 / puts.len() as f64);
    let asked: Vec<Asked> = read(probes).map(|of| Asked { id: String::new(), keys: put(of).keys }).collect();
    let settings = RedisSettings { url: url.clone(), ..RedisSettings::default() };
    let client = redis::Client::open(url.as_str()).expect("the url is a Redis url");
    let mut client = client.get_connection().expect("redis is there");
    let redis = Redis::new(settings, &[7; 32], Secret::default()).expect("the settings are right");
    for (name, index) in [("redis", Index::Redis(Box::new(redis))), ("memory", Index::Memory(Memory::default()))] {
        println!("{name}:");
        measure(index, &puts, &asked, &mut client).await;
    }
}

async fn measure(mut index: Index, puts: &[Put], asked: &[Asked], client: &mut redis::Connection) {
    let position: Position = "1".parse().expect("a position");
    let lease = i64::from(std::process::id()) + i64::MAX / 4_096;
    let log = Log { epoch: "measure".to_owned(), lease, cursor: Position::START, expected: puts.len() };
    redis::cmd("DEL").arg("{hilum}meta").exec(client).expect("redis takes it");
    index.begin(&log).await.expect("redis is there");
    let before = used(client);
    let began = Instant::now();
    for part in puts.chunks(STEP) {
        index.put(part.to_vec()).await.expect("redis takes it");
    }
    index.mark_whole(position).await.expect("redis takes it");
    let took = began.elapsed();
    let each = used(client).saturating_sub(before) as f64 / puts.len() as f64;
    println!(
        "  put in {took:.2?}, {:.0} a second; {each:.0} bytes each in redis",
        puts.len() as f64 / took.as_secs_f64()
    );
    let most = Thresholds::default().block_max;
    let (mut times, mut found) = (Vec::with_capacity(asked.len()), Vec::with_capacity(asked.len()));
    for asked in asked {
        let began = Instant::now();
        let like = index.look_up(std::slice::from_ref(asked), most).await.expect("it is whole")[0].len();
        times.push(began.elapsed());
        found.push(like);
    }
    times.sort_unstable();
    found.sort_unstable();
    let of = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    let [p50, p95, p99, max]: [Duration; 4] = [of(0.5), of(0.95), of(0.99), of(1.0)];
    let found = [0.5, 0.95, 0.99].map(|part| found[((found.len() - 1) as f64 * part) as usize]);
    println!("  one look-up p50 {p50:.1?} p95 {p95:.1?} p99 {p99:.1?} max {max:.1?}; p50, p95, p99 of found {found:?}");
    let began = Instant::now();
    for asked in asked.chunks(STEP) {
        index.look_up(asked, most).await.expect("it is whole");
    }
    println!("  look-ups by {STEP}: {:.1?} each", began.elapsed() / asked.len() as u32);
}

fn used(client: &mut redis::Connection) -> u64 {
    let said: String = redis::cmd("INFO").arg("memory").query(client).expect("redis says it");
    let used = said.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("redis says it");
    used.parse().expect("a number of bytes")
}

fn put(registration: Registration) -> Put {
    let keys = key::keys(&registration, Secret::default());
    Put { found: Arc::new(Found { registration, first: "123456789".parse().expect("a position") }), keys }
}

fn read(file: &str) -> impl Iterator<Item = Registration> {
    let lines = BufReader::new(File::open(file).expect("the file is there")).lines();
    lines.map(|line| {
        let line = line.expect("the file can be read");
        Registration::read(&fhir::json::read(line.as_bytes()).expect("a Patient")).expect("a Patient")
    })
}
