//! Measures the engine against the truth of invented patients, for those who tune it.
//!
//!     measure [--prior begin|FILE] [--learn] [--save FILE] [--link B] [--review B] [--margin B] [--contradiction B] [--show N] DIR...
//!
//! A DIR has `patients.ndjson` and `truth.csv` (record_id, person_id, tags). With `--learn` each directory's model is learned
//! from its own patients first; `--save` learns one from all directories together and writes it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool of developers, who read what it prints")]

mod score;

use std::collections::HashMap;
use std::time::Instant;

use identity::batch::{self, Registrations};
use identity::{Engine, Model, Registration, Thresholds, learn};
use score::{Score, Truth};

#[derive(Default)]
struct Args {
    prior: Option<String>,
    learn: bool,
    save: Option<String>,
    version: Option<String>,
    source: Option<String>,
    show: usize,
    thresholds: Thresholds,
    dirs: Vec<String>,
}

fn main() {
    let args = args();
    let prior = match args.prior.as_deref() {
        None => Model::default(),
        Some("begin") => learn::begin(),
        Some(file) => {
            Model::from_json(&std::fs::read_to_string(file).expect("the model can be read")).expect("a model")
        }
    };
    if let Some(file) = &args.save {
        let all: Vec<Registration> = args.dirs.iter().enumerate().flat_map(|(at, dir)| renamed(dir, at)).collect();
        let (version, source) = (args.version.as_deref().unwrap_or("1"), args.source.as_deref().unwrap_or(""));
        let model = learn::learn(&Registrations::new(all), &prior, version, source);
        std::fs::write(file, model.to_json()).expect("the model can be written");
        return;
    }
    let mut total = Score::default();
    for dir in &args.dirs {
        total.add(measure(dir, &prior, &args));
    }
    total.print("ALL");
}

fn measure(dir: &str, prior: &Model, args: &Args) -> Score {
    let began = Instant::now();
    let registrations = Registrations::new(read(dir));
    let read = began.elapsed();
    let all = registrations.all();
    let model = match args.learn {
        true => learn::learn(&registrations, prior, "own", dir),
        false => prior.clone(),
    };
    let learned = began.elapsed();
    eprintln!("  pairs {:.4?}", model.pairs);
    let mut engine = Engine::new(model, all.len());
    engine.thresholds = args.thresholds.clone();
    let stage = std::sync::Mutex::new(String::new());
    let progress = |what: &str, _, _| {
        let mut stage = stage.lock().expect("nobody panics");
        if *stage != what {
            *stage = what.to_owned();
            eprintln!("  {:.1?} {what}", began.elapsed());
        }
    };
    let linked = batch::link(&registrations, &engine, &progress);
    let keys: usize = all.iter().map(|of| engine.keys(of).len()).sum();
    let packed: usize = all.iter().map(|of| identity::pack::pack(of).len()).sum();
    let mean = |sum: usize| sum as f64 / all.len() as f64;
    eprintln!("  {:.1} keys, {:.0} bytes packed a registration", mean(keys), mean(packed));
    let truth = Truth::read(dir, all);
    let score = Score::of(all, &linked, &engine, &truth, args.show);
    score.print(dir);
    eprintln!(
        "  read {read:.1?}, learned {:.1?}, linked {:.1?}; {} candidates, {} blocks skipped, {} links refused",
        learned - read,
        began.elapsed() - learned,
        linked.candidates,
        linked.blocks_skipped,
        linked.refused
    );
    score
}

fn read(dir: &str) -> Vec<Registration> {
    let bytes = std::fs::read(format!("{dir}/patients.ndjson")).expect("patients can be read");
    let lines = fhir::ndjson::lines(&bytes).map(|line| line.expect("a line").bytes);
    lines.map(|line| identity::line::read(line).expect("a Patient")).collect()
}

fn renamed(dir: &str, at: usize) -> Vec<Registration> {
    let mut all = read(dir);
    all.iter_mut().for_each(|of| of.id = format!("{at}-{}", of.id));
    all
}

fn args() -> Args {
    let mut args = Args::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a value behind the flag");
        let mut bits: HashMap<&str, &mut f64> = HashMap::new();
        let thresholds = &mut args.thresholds;
        bits.insert("--link", &mut thresholds.link);
        bits.insert("--review", &mut thresholds.review);
        bits.insert("--margin", &mut thresholds.margin);
        bits.insert("--contradiction", &mut thresholds.contradiction);
        match word.as_str() {
            "--prior" => args.prior = Some(value()),
            "--learn" => args.learn = true,
            "--save" => args.save = Some(value()),
            "--version" => args.version = Some(value()),
            "--source" => args.source = Some(value()),
            "--show" => args.show = value().parse().expect("a number"),
            flag if bits.contains_key(flag) => {
                **bits.get_mut(flag).expect("it is there") = value().parse().expect("bits")
            }
            dir => args.dirs.push(dir.to_owned()),
        }
    }
    args
}
