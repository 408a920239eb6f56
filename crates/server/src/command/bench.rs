//! `hilum bench`: what this machine takes in, with the store on its disk and an fsync before each answer.
//!
//! The server's real pieces run in this process, listening on loopback; a sender on a thread of its own talks MLLP to them. Each
//! load runs twice: as fast as the answers come, then paced at a third of that, where the wait for an answer is counted
//! from the moment at which the message was due. A child process shows what a start and an idle server cost. Figures are worth
//! something only with the `dist` profile. The FHIR server has a measurement of its own, in `fhir`.

mod child;
mod fhir;
mod identity;
mod load;
mod machine;
mod micro;
mod server;
mod start;
mod stream;
mod waits;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::{Failure, Output};
use crate::terminal;
use load::Load;
use server::Server;
use stream::{Pace, Streamed};

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// End each run after so many messages
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    messages: u64,
    /// End each run after so many seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How many connections the sender has
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    connections: u16,
    /// Stream the messages of this file over and over, each time of other patients, instead of our own mix
    #[arg(long, value_name = "FILE")]
    mix: Option<PathBuf>,
    /// Where to make the store of the run, which is removed after it; the current directory otherwise
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<Output>,
}

#[derive(clap::Subcommand)]
enum What {
    /// Measure the FHIR server: transactions, reads and searches over HTTP
    Fhir(fhir::Args),
    /// Measure who is one person: registering, linking, looking up, and the index made anew
    Identity(identity::Args),
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Report {
    machine: String,
    profile: &'static str,
    connections: u16,
    runs: Vec<Run>,
    core: micro::Micro,
    start: start::Start,
}

/// One load at full rate and at a third of it.
#[derive(Debug, Serialize)]
struct Run {
    load: &'static str,
    full: Streamed,
    third: Streamed,
    resources_per_second: f64,
    bytes_per_resource: f64,
}

pub fn run(args: Args) -> Result<(), Failure> {
    match &args.what {
        Some(What::Fhir(args)) => return fhir::run(args),
        Some(What::Identity(args)) => return identity::run(args),
        None => {}
    }
    let mix = match &args.mix {
        None => Load::own_mix(),
        Some(file) => {
            Load::of_file(&fs::read(file).map_err(|why| Failure::Input(format!("{}: {why}", file.display())))?)
                .map_err(|why| Failure::Input(format!("{}: {why}", file.display())))?
        }
    };
    let directory = Scratch::new(args.data.clone().unwrap_or_else(|| ".".into()))?;
    let mut runs = Vec::new();
    for (number, load) in [mix, Load::results()].into_iter().enumerate() {
        terminal::say(format_args!(
            "{}: full rate, then a third of it, {} seconds each at most",
            load.name, args.seconds
        ));
        runs.push(measure(&args, &directory.0.join(number.to_string()), load)?);
    }
    terminal::say(format_args!("one core, then a start"));
    let core = micro::measure();
    let start = start::measure(&directory.0.join("start"))?;
    let profile = if cfg!(debug_assertions) { "with debug assertions: not for figures" } else { "optimised" };
    let report = Report { machine: machine::name(), profile, connections: args.connections, runs, core, start };
    match args.output {
        Some(Output::Json) => terminal::out(format_args!("{}", serde_json::to_string(&report).expect("plain figures"))),
        None => print(&report),
    }
    Ok(())
}

/// One load on a store of its own.
fn measure(args: &Args, data: &std::path::Path, load: Load) -> Result<Run, Failure> {
    let server = Server::start(data)?;
    let name = load.name;
    let stream = |pace, first| {
        let plan = stream::Plan {
            address: server.address,
            connections: args.connections,
            messages: args.messages,
            time: Duration::from_secs(args.seconds),
            first,
            pace,
        };
        stream::run(&plan, &load)
    };
    // The first moments pay for caches, lazy tables and a store that has no pages yet.
    stream::warm(server.address, &load)?;
    let before = server.counts()?;
    let full = stream(Pace::Full, stream::WARM_MESSAGES)?;
    let after = server.counts()?;
    let third = stream(Pace::PerSecond(full.messages_per_second / 3.0), stream::WARM_MESSAGES + full.messages)?;
    server.stop();
    let resources = after.versions.saturating_sub(before.versions);
    let bytes = after.disk_bytes.saturating_sub(before.disk_bytes);
    Ok(Run {
        load: name,
        resources_per_second: resources as f64 / full.seconds,
        bytes_per_resource: bytes as f64 / (resources.max(1)) as f64,
        full,
        third,
    })
}

fn print(report: &Report) {
    terminal::out(format_args!("{}; {}; {} connections", report.machine, report.profile, report.connections));
    let headings = [
        "load",
        "rate",
        "messages/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "cpu ms/message",
        "refused",
        "resources/s",
        "bytes/resource",
    ];
    let mut rows = Vec::new();
    for run in &report.runs {
        for (rate, streamed) in [("full", &run.full), ("third", &run.third)] {
            let mut row = vec![run.load.to_owned(), rate.to_owned(), format!("{:.0}", streamed.messages_per_second)];
            row.extend([streamed.p50_ms, streamed.p95_ms, streamed.p99_ms].map(|ms| format!("{ms:.1}")));
            row.push(format!("{:.2}", streamed.cpu_ms_per_message));
            row.push(streamed.refused.to_string());
            if rate == "full" {
                row.extend([run.resources_per_second, run.bytes_per_resource].map(|figure| format!("{figure:.0}")));
            }
            rows.push(row);
        }
    }
    terminal::table(&headings, &rows);
    let core = &report.core;
    terminal::out(format_args!(
        "one core: parse {:.0} ORU^R01 with 20 OBX a second; convert {:.0} of them, {:.0} ADT^A01 a second",
        core.parse_oru, core.convert_oru, core.convert_adt
    ));
    let start = &report.start;
    terminal::out(format_args!(
        "start: first answer after {:.0} ms; idle memory {:.1} MB",
        start.first_answer_ms, start.idle_mb
    ));
}

/// A directory of our own, gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(parent: PathBuf) -> Result<Scratch, Failure> {
        let path = parent.join(format!("hilum-bench-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|why| Failure::System(format!("cannot make {}: {why}", path.display())))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(why) = fs::remove_dir_all(&self.0) {
            terminal::say(format_args!("cannot remove {}: {why}", self.0.display()));
        }
    }
}
