//! `hilum identity link|explain|tune`: which Patients of a file are one person, without a server; and what a steward asks and says
//! of those of a running server, in `desk`.
//!
//! The engine is the server's own (`crates/identity`). Where a file has enough Patients, what agreement is worth is learned from
//! them first; `--model` takes a model as it is.

mod desk;
mod file;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Subcommand;
use identity::batch::{self, LEARNED_FROM, Linked, Registrations};
use identity::{Decision, Engine, Model, learn};

use super::{Failure, Output};
use crate::app::model;
use crate::terminal;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Put the Patients of a file into clusters: a cluster is a person
    Link(Link),
    /// Say field by field why two Patients are one person, or are not, or are for a person to look at
    Explain(Explain),
    /// Learn what agreement is worth, and show what that would change
    Tune(Tune),
    /// The pairs that wait for a person, the longest waiting first
    Review(desk::Review),
    /// Say whether two Patients of a running server are one person
    Decide(desk::Decide),
    /// Say that a Patient of a running server is none of those whom it is linked with
    Split(desk::Split),
}

#[derive(clap::Args)]
struct Patients {
    /// Patients, one a line
    #[arg(long, value_name = "FILE.ndjson")]
    patients: PathBuf,
    /// A model to begin with, as `tune` writes it; the shipped one by default
    #[arg(long, value_name = "FILE.json")]
    model: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Link {
    #[command(flatten)]
    from: Patients,
    /// Where the clusters go: record_id,cluster_id
    #[arg(long, value_name = "CLUSTERS.csv")]
    out: PathBuf,
    /// Where the pairs go: a,b,score,decision (auto, or review for a person)
    #[arg(long, value_name = "PAIRS.csv")]
    pairs: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Explain {
    /// Patients, one a line; without it the running server is asked
    #[arg(long, value_name = "FILE.ndjson")]
    patients: Option<PathBuf>,
    /// A model to begin with, as `tune` writes it; the shipped one by default
    #[arg(long, value_name = "FILE.json", requires = "patients")]
    model: Option<PathBuf>,
    /// The logical id of one
    a: String,
    /// The logical id of the other
    b: String,
    #[command(flatten)]
    place: super::ask::Where,
}

#[derive(clap::Args)]
struct Tune {
    #[command(flatten)]
    from: Patients,
    /// Where the learned model goes
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<Output>,
}

/// How often it is said how far it is.
const PROGRESS: Duration = Duration::from_secs(2);

pub fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Link(args) => link(&args),
        What::Explain(Explain { patients: None, a, b, place, .. }) => {
            super::runtime()?.block_on(desk::explain(&a, &b, &place))
        }
        What::Explain(Explain { patients: Some(patients), model, a, b, place }) => {
            explain(&Patients { patients, model }, &a, &b, place.output)
        }
        What::Tune(args) => tune(&args),
        What::Review(args) => super::runtime()?.block_on(desk::review(&args)),
        What::Decide(args) => super::runtime()?.block_on(desk::decide(&args)),
        What::Split(args) => super::runtime()?.block_on(desk::split(&args)),
    }
}

fn link(args: &Link) -> Result<(), Failure> {
    let began = Instant::now();
    let (registrations, bad_lines) = file::read(&args.from.patients)?;
    let engine = engine(&args.from, &registrations)?;
    let linked = batch::link(&registrations, &engine, &Progress::new().told());
    write(&args.out, "record_id,cluster_id", |out| clusters(out, &registrations, &linked))?;
    if let Some(path) = &args.pairs {
        write(path, "a,b,score,decision", |out| pairs(out, &registrations, &linked))?;
    }
    let (auto, review) = counts(&linked);
    terminal::say(format_args!(
        "{} registrations, {} people, {auto} links, {review} pairs for review, {} links refused by the guard, {} blocks too large; \
         model {}; {:.1} s",
        registrations.all().len(),
        people(&linked),
        linked.refused,
        linked.blocks_skipped,
        engine.model.version,
        began.elapsed().as_secs_f64()
    ));
    match bad_lines {
        0 => Ok(()),
        lines => Err(Failure::Input(format!("{lines} lines were left out, because they could not be read"))),
    }
}

/// The model of the file itself where it has enough to learn from, else the one that was given or shipped.
fn engine(from: &Patients, registrations: &Registrations) -> Result<Engine, Failure> {
    let count = registrations.all().len();
    let model = match &from.model {
        Some(path) => model(path).map_err(Failure::Input)?,
        None if count >= LEARNED_FROM => {
            terminal::say(format_args!("learning from {count} registrations"));
            learned(registrations, &Model::default())
        }
        None => Model::default(),
    };
    Ok(Engine::new(model, count))
}

fn learned(registrations: &Registrations, prior: &Model) -> Model {
    let count = registrations.all().len();
    let version = format!("{}+{count}", prior.version);
    learn::learn(registrations, prior, &version, &format!("{count} registrations, after {}", prior.source))
}

fn clusters(out: &mut dyn Write, registrations: &Registrations, linked: &Linked) -> std::io::Result<()> {
    let all = registrations.all();
    all.iter()
        .zip(&linked.clusters)
        .try_for_each(|(of, cluster)| writeln!(out, "{},{}", of.id, all[*cluster as usize].id))
}

fn pairs(out: &mut dyn Write, registrations: &Registrations, linked: &Linked) -> std::io::Result<()> {
    let id = |at: u32| &registrations.all()[at as usize].id;
    linked.pairs.iter().try_for_each(|pair| {
        let score = 1.0 / (1.0 + (-f64::from(pair.weight)).exp2());
        let decision = if pair.decision == Decision::Link { "auto" } else { "review" };
        writeln!(out, "{},{},{score:.6},{decision}", id(pair.one), id(pair.other))
    })
}

fn write(path: &Path, heading: &str, rows: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Failure> {
    let written = fs::File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        writeln!(out, "{heading}")?;
        rows(&mut out)?;
        out.flush()
    });
    written.map_err(|why| Failure::System(format!("cannot write {}: {why}", path.display())))
}

fn counts(linked: &Linked) -> (usize, usize) {
    let auto = linked.pairs.iter().filter(|pair| pair.decision == Decision::Link).count();
    (auto, linked.pairs.len() - auto)
}

fn people(linked: &Linked) -> usize {
    linked.clusters.iter().enumerate().filter(|(at, cluster)| *at == **cluster as usize).count()
}

fn explain(from: &Patients, a: &str, b: &str, output: Option<Output>) -> Result<(), Failure> {
    let (registrations, _) = file::read(&from.patients)?;
    let find = |id: &str| {
        let found = registrations.all().iter().find(|of| of.id == id);
        found.ok_or_else(|| Failure::Usage(format!("{} has no Patient {id}", from.patients.display())))
    };
    let (one, other) = (find(a)?, find(b)?);
    let engine = engine(from, &registrations)?;
    let comparison = engine.compare(one, other);
    let decision = engine.decide(&comparison);
    if output.is_some() {
        return super::json(&serde_json::json!({
            "decision": decision,
            "weight": comparison.weight,
            "probability": comparison.probability,
            "veto": comparison.veto.map(|veto| veto.words()),
            "reasons": comparison.reasons(),
            "model": engine.model.version,
        }));
    }
    let rows = comparison.reasons().into_iter();
    let rows = rows.map(|reason| vec![reason.field.to_owned(), format!("{:+.1}", reason.bits), reason.says.to_owned()]);
    let mut rows: Vec<Vec<String>> = rows.collect();
    rows.push(vec!["sum".to_owned(), format!("{:+.1}", comparison.weight), told(decision).to_owned()]);
    rows.extend(comparison.veto.map(|veto| vec!["veto".to_owned(), String::new(), veto.words().to_owned()]));
    terminal::table(&["FIELD", "BITS", "SAYS"], &rows);
    Ok(())
}

fn told(decision: Decision) -> &'static str {
    match decision {
        Decision::Link => "link",
        Decision::Possible => "possible: a person is asked",
        Decision::None => "none",
    }
}

fn tune(args: &Tune) -> Result<(), Failure> {
    let (registrations, _) = file::read(&args.from.patients)?;
    let before = match &args.from.model {
        Some(path) => model(path).map_err(Failure::Input)?,
        None => Model::default(),
    };
    let after = learned(&registrations, &before);
    let count = registrations.all().len();
    let mut rows = Vec::new();
    let mut found = Vec::new();
    for (name, model) in [("before", &before), ("after", &after)] {
        let linked = batch::link(&registrations, &Engine::new(model.clone(), count), &Progress::new().told());
        let (auto, review) = counts(&linked);
        let numbers = [people(&linked), auto, review, linked.refused];
        rows.push([vec![name.to_owned(), model.version.clone()], numbers.map(|n| n.to_string()).to_vec()].concat());
        found.push(linked);
    }
    let changed = changed(&found[0], &found[1]);
    if let Some(path) = &args.out {
        let written = fs::write(path, after.to_json());
        written.map_err(|why| Failure::System(format!("cannot write {}: {why}", path.display())))?;
    }
    if args.output.is_some() {
        return super::json(&serde_json::json!({ "models": rows, "linked": changed.0, "parted": changed.1 }));
    }
    terminal::table(&["", "MODEL", "PEOPLE", "LINKS", "FOR REVIEW", "REFUSED"], &rows);
    terminal::out(format_args!("{} pairs would be linked that were not, {} would be no more", changed.0, changed.1));
    Ok(())
}

/// Links that come, and links that go.
fn changed(before: &Linked, after: &Linked) -> (usize, usize) {
    let links = |linked: &Linked| -> std::collections::HashSet<(u32, u32)> {
        let auto = linked.pairs.iter().filter(|pair| pair.decision == Decision::Link);
        auto.map(|pair| (pair.one, pair.other)).collect()
    };
    let (before, after) = (links(before), links(after));
    (after.difference(&before).count(), before.difference(&after).count())
}

/// Says now and then how far it is.
struct Progress {
    said: Mutex<Instant>,
}

impl Progress {
    fn new() -> Progress {
        Progress { said: Mutex::new(Instant::now()) }
    }

    fn told(self) -> impl Fn(&str, usize, usize) + Sync {
        move |what, done, all| {
            let mut said = self.said.lock().expect("nobody panics while he talks");
            if said.elapsed() >= PROGRESS {
                *said = Instant::now();
                terminal::say(format_args!("{what}: {} of {all}", done.min(all)));
            }
        }
    }
}
