//! `hilum bench identity`: how quickly people are registered, linked, looked up, and their index made anew.
//!
//! The record and the worker that says who is one person run in this process, on a store of their own. Writers register the Patients of
//! a file, each in a commit that is on the disk before the next (`--at-once` in one); the worker follows meanwhile as it does in a
//! server. Then a second worker makes the whole index from the log, and Patients of the file are looked for one by one.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use consent::{Access, Policy};
use identity::worker::{Identity, Trouble};
use record::{Change, Commit, Expect, Prepared, Record, Write};
use serde::Serialize;

use super::waits::Waits;
use super::{Scratch, machine};
use crate::app::{self, App};
use crate::command::{Failure, Output};
use crate::config::Config;
use crate::terminal;

#[derive(clap::Args)]
pub struct Args {
    /// Register the Patients of this file, one a line
    #[arg(long, value_name = "FILE.ndjson")]
    patients: PathBuf,
    /// Hold the index in this Redis, which is there for nothing else, such as redis://127.0.0.1:6379/0; in memory otherwise
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// How many register at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    writers: u16,
    /// How many Patients each of them writes in one commit
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    at_once: u16,
    /// Register first and link nobody: for the index alone, of many
    #[arg(long)]
    unlinked: bool,
    /// How many are looked for
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    look_ups: u32,
    /// Where to make the store of the run, which is removed after it; the current directory otherwise
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<Output>,
}

/// Everything that was measured. What is wanted of it stands in the README of the crate `identity`.
#[derive(Debug, Serialize)]
struct Report {
    machine: String,
    profile: &'static str,
    index: &'static str,
    registrations: u64,
    /// From the first until all were on the disk.
    stored_seconds: f64,
    /// From the first until all were decided on, and that was on the disk.
    linked_seconds: Option<f64>,
    look_up_p50_ms: f64,
    look_up_p99_ms: f64,
    /// Until a worker that begins with no index has it again.
    rebuild_seconds: f64,
}

/// Lines at hand between two looks at the file.
const AT_ONCE: usize = 256;
/// The worker, where it found nothing new.
const PAUSE: Duration = Duration::from_millis(5);
/// The index of the run, and the one that is made anew of the same log.
const PREFIXES: [&str; 2] = ["{hilum-bench}", "{hilum-bench-anew}"];
/// One in so many Patients is looked for, so that they are of the whole file.
const APART: usize = 89;

pub fn run(args: &Args) -> Result<(), Failure> {
    let file = File::open(&args.patients)
        .map_err(|why| Failure::Input(format!("cannot read {}: {why}", args.patients.display())))?;
    let directory = Scratch::new(args.data.clone().unwrap_or_else(|| ".".into()))?;
    let mut config = Config::default();
    config.store.data = directory.0.clone();
    (config.identity.redis, config.identity.redis_prefix) = (args.redis.clone(), PREFIXES[0].to_owned());
    let app = App::open(config.clone(), Vec::new(), Policy::site())?;
    config.identity.redis_prefix = PREFIXES[1].to_owned();
    let anew = app::who_is_who(&config, &app.record, app.policy.identity())?;
    let report = crate::command::runtime()?.block_on(measure(args, file, &app, &anew))?;
    match args.output {
        Some(Output::Json) => terminal::out(format_args!("{}", serde_json::to_string(&report).expect("plain figures"))),
        None => print(&report),
    }
    Ok(())
}

async fn measure(args: &Args, file: File, app: &App, anew: &Identity) -> Result<Report, Failure> {
    let feed = Arc::new(Mutex::new(BufReader::new(file).lines()));
    let (began, mut writers) = (Instant::now(), tokio::task::JoinSet::new());
    for _ in 0..args.writers {
        writers.spawn(register(feed.clone(), app.record.clone(), app.policy.intake(), args.at_once.into()));
    }
    let stored = async {
        let mut stored = 0;
        while let Some(done) = writers.join_next().await {
            stored += done.expect("writers do not panic")?;
        }
        Ok::<_, Failure>((stored, began.elapsed()))
    };
    let (told, ended) = tokio::sync::watch::channel(args.unlinked);
    let store = async {
        let stored = stored.await;
        // Whoever follows is told even where storing failed, and is not there where nobody is linked.
        let _ = told.send(true);
        stored
    };
    let follow = async { if args.unlinked { Ok(()) } else { follow(&app.identity, ended).await } };
    let (stored, followed) = tokio::join!(store, follow);
    followed?;
    let ((registrations, stored), linked) = (stored?, began.elapsed());
    terminal::say(format_args!("{registrations} registered; now the index is made anew"));
    let begun = Instant::now();
    anew.step(app::now()).await.map_err(failure)?;
    let rebuilt = begun.elapsed();
    terminal::say(format_args!("now {} are looked for", args.look_ups));
    let waits = look_up(args, anew).await?;
    let profile = if cfg!(debug_assertions) { "with debug assertions: not for figures" } else { "optimised" };
    Ok(Report {
        machine: machine::name(),
        profile,
        index: if args.redis.is_some() { "redis" } else { "memory" },
        registrations,
        stored_seconds: stored.as_secs_f64(),
        linked_seconds: (!args.unlinked).then_some(linked.as_secs_f64()),
        look_up_p50_ms: waits.ms(0.5),
        look_up_p99_ms: waits.ms(0.99),
        rebuild_seconds: rebuilt.as_secs_f64(),
    })
}

/// Stores Patients until there are none left; how many they were.
async fn register(
    feed: Arc<Mutex<Lines<BufReader<File>>>>,
    record: Record,
    access: Access,
    at_once: usize,
) -> Result<u64, Failure> {
    let mut stored = 0;
    loop {
        let lines: Result<Vec<String>, _> = feed.lock().expect("no holder panics").by_ref().take(AT_ONCE).collect();
        let lines = lines.map_err(|why| Failure::Input(format!("the patients cannot be read: {why}")))?;
        if lines.is_empty() {
            return Ok(stored);
        }
        for lines in lines.chunks(at_once) {
            let read = lines.iter().filter_map(|line| patient(line));
            let writes: Vec<Write> = read.map(|patient| write(record.prepare(&patient))).collect();
            let count = writes.len() as u64;
            let commit = Commit { now: app::now(), writes, ..Commit::default() };
            let committed = record.commit(&access, commit).await;
            committed.map_err(|why| Failure::System(format!("cannot store patients: {why}")))?;
            stored += count;
        }
    }
}

fn write(prepared: Prepared) -> Write {
    let key = prepared.key().clone();
    let (expect, change, origin) = (Expect::Any, Change::Put(prepared), "bench".to_owned());
    Write { key, expect, change, origin, source_time: None, state: Vec::new(), groups: Vec::new() }
}

/// Follows the log until its end, once it has one.
async fn follow(identity: &Identity, ended: tokio::sync::watch::Receiver<bool>) -> Result<(), Failure> {
    loop {
        let ended = *ended.borrow();
        let more = identity.step(app::now()).await.map_err(failure)?;
        if ended && !more {
            return Ok(());
        }
        if !more {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Looks for some of the file, one after the other.
async fn look_up(args: &Args, identity: &Identity) -> Result<Waits, Failure> {
    let file = File::open(&args.patients).map_err(|why| Failure::Input(why.to_string()))?;
    let mut waits = Vec::with_capacity(args.look_ups as usize);
    for line in BufReader::new(file).lines().step_by(APART).take(args.look_ups as usize) {
        let line = line.map_err(|why| Failure::Input(why.to_string()))?;
        let Some(patient) = patient(&line) else { continue };
        let begun = Instant::now();
        let found = identity.find(&patient, 10).await.map_err(failure)?;
        waits.push(begun.elapsed());
        if found.is_empty() && waits.len() == 1 {
            terminal::say(format_args!("the first who was looked for is not found: does the file say who they are?"));
        }
    }
    Ok(Waits::of(waits))
}

/// None where the server would not take it: somebody's invented dates are of no calendar.
fn patient(line: &str) -> Option<fhir::Resource<'_>> {
    fhir::json::read(line.as_bytes()).ok()
}

fn failure(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Refused(why) => Failure::System(why),
        trouble => Failure::System(format!("who is one person cannot be said: {trouble:?}")),
    }
}

fn print(report: &Report) {
    terminal::out(format_args!("{}; {}; index in {}", report.machine, report.profile, report.index));
    let rows = [
        ("registrations", format!("{}", report.registrations)),
        ("stored, seconds", format!("{:.1}", report.stored_seconds)),
        ("stored and decided, seconds", report.linked_seconds.map_or("-".to_owned(), |s| format!("{s:.1}"))),
        (
            "stored and decided a second",
            report.linked_seconds.map_or("-".to_owned(), |s| format!("{:.0}", report.registrations as f64 / s)),
        ),
        ("look-up, p50 ms", format!("{:.3}", report.look_up_p50_ms)),
        ("look-up, p99 ms", format!("{:.3}", report.look_up_p99_ms)),
        ("index made anew, seconds", format!("{:.1}", report.rebuild_seconds)),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(what, figure)| vec![what.to_owned(), figure]).collect();
    terminal::table(&["what", "figure"], &rows);
}
