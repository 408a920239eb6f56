//! `hilum bench fhir`: what the FHIR server stores and answers, over HTTP, with an fsync before each answer to a write.
//!
//! The server is this program once more, on a core of its own and on an empty store of its own; the client keeps to a
//! second core, speaks over connections that it keeps, and has its requests ready before it asks. First invented
//! patients in the shape of Synthea's (or Synthea's own, `--from`) are sent as transactions; then small transactions,
//! reads and searches are measured on what is there, each for some seconds. Figures are worth something only with the
//! `dist` profile, and on a machine that does nothing else.

mod drive;
mod known;
mod load;
mod people;
mod questions;
mod wire;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::child::Server;
use super::{Scratch, machine};
use crate::command::{Failure, Output};
use crate::terminal;
use drive::{Row, drive};
use known::Known;
use load::{Feed, Loaded};

#[derive(clap::Args)]
pub struct Args {
    /// Load so many resources before anything is asked
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    resources: u64,
    /// Ask each kind of question for so many seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Measure this server on this machine, such as http://127.0.0.1:8080, instead of one of its own; what is loaded stays
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    server: Option<String>,
    /// Load the transactions of this directory (*.json), over and over, instead of invented patients
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// How many connections load
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    loaders: u16,
    /// Where to make the store of the run, which is removed after it; the current directory otherwise
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<Output>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Report {
    machine: String,
    profile: &'static str,
    /// Whether server and client had a core each.
    own_cores: bool,
    load: Loaded,
    /// Of the disk, where the store is ours to look at.
    bytes_per_resource: Option<f64>,
    rows: Vec<Row>,
    /// Resident memory of the server at the end, and processor time that it used, where it is our own.
    server_mb: Option<f64>,
    server_cpu_seconds: Option<f64>,
}

/// Whom to ask.
struct Peer {
    address: SocketAddr,
    own: Option<(Server, Scratch)>,
    own_cores: bool,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let feed = Feed::new(args.from.as_deref())?;
    // Its cores are counted before this thread keeps to one of them.
    let machine = machine::name();
    let peer = Peer::find(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Failure::System(format!("cannot start the client: {why}")))?;
    let report = runtime.block_on(measure(args, &peer, feed, machine))?;
    match args.output {
        Some(Output::Json) => super::super::json(&report),
        None => {
            print(&report);
            Ok(())
        }
    }
}

impl Peer {
    fn find(args: &Args) -> Result<Peer, Failure> {
        if let Some(url) = &args.server {
            return Ok(Peer { address: here(url)?, own: None, own_cores: false });
        }
        let scratch = Scratch::new(args.data.clone().unwrap_or_else(|| ".".into()))?;
        let cores = machine::two_cores();
        // A process begins on the cores of the thread that starts it.
        if let Some((servers, _)) = cores {
            machine::keep_to(servers);
        }
        let server = Server::start(&scratch.0.join("fhir"));
        if let Some((_, ours)) = cores {
            machine::keep_to(ours);
        }
        let server = server.map_err(|why| Failure::System(format!("cannot start a server: {why}")))?;
        Ok(Peer { address: server.address, own: Some((server, scratch)), own_cores: cores.is_some() })
    }

    /// What the store takes of the disk.
    fn disk_bytes(&self) -> Option<u64> {
        self.own.as_ref().map(|(_, scratch)| size(&scratch.0))
    }
}

/// An address of this machine.
fn here(url: &str) -> Result<SocketAddr, Failure> {
    let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/').trim_end_matches(crate::http::FHIR));
    let address =
        host.and_then(|host| host.to_socket_addrs().ok()?.next()).filter(|address| address.ip().is_loopback());
    address
        .ok_or_else(|| Failure::Usage(format!("{url}: give a server on this machine, such as http://127.0.0.1:8080")))
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

async fn measure(args: &Args, peer: &Peer, feed: Feed, machine: String) -> Result<Report, Failure> {
    let address = peer.address;
    let lost = |why: std::io::Error| Failure::System(format!("{address}: {why}"));
    terminal::say(format_args!("loading {} resources", args.resources));
    let before = peer.disk_bytes();
    let plan = load::Plan { address, loaders: usize::from(args.loaders), resources: args.resources };
    let (loaded, mut known) = load::load(&plan, feed).await?;
    let taken = peer.disk_bytes().zip(before).map(|(after, before)| after.saturating_sub(before));
    known.look_up(address).await.map_err(lost)?;
    let rows = Asking { address, known: &known, time: Duration::from_secs(args.seconds) }.all().await.map_err(lost)?;
    let own = peer.own.as_ref().map(|(server, _)| server);
    Ok(Report {
        machine,
        profile: if cfg!(debug_assertions) { "with debug assertions: not for figures" } else { "optimised" },
        own_cores: peer.own_cores,
        bytes_per_resource: taken.map(|bytes| bytes as f64 / loaded.resources.max(1) as f64),
        load: loaded,
        rows,
        server_mb: own.map(Server::resident_mb),
        server_cpu_seconds: own.map(Server::cpu_seconds),
    })
}

/// The questions, one kind after the other.
struct Asking<'k> {
    address: SocketAddr,
    known: &'k Known,
    time: Duration,
}

/// Clients of a throughput; latencies are measured with one.
const MANY: usize = 16;
/// Entries of the transaction beside which small ones must not wait.
const LARGE: usize = 3_000;

impl Asking<'_> {
    async fn all(&self) -> std::io::Result<Vec<Row>> {
        let mut rows = Vec::new();
        let small = Arc::new(questions::small_transactions(self.address, self.known));
        for clients in [1, 8, 64] {
            rows.push(self.ask("transaction of 3", clients, &small).await?);
        }
        rows.extend(self.beside_large(&small).await?);
        for (what, clients, requests) in questions::questions(self.address, self.known, MANY) {
            rows.push(self.ask(what, clients, &Arc::new(requests)).await?);
        }
        Ok(rows)
    }

    async fn ask(&self, what: &str, clients: usize, requests: &Arc<Vec<Vec<u8>>>) -> std::io::Result<Row> {
        terminal::say(format_args!("{what}, {clients} clients"));
        drive(what, self.address, clients, requests, self.time).await
    }

    /// Small transactions while large ones are stored.
    async fn beside_large(&self, small: &Arc<Vec<Vec<u8>>>) -> std::io::Result<[Row; 2]> {
        let large = Arc::new(questions::large_transactions(self.address, self.known, LARGE));
        terminal::say(format_args!("transactions of 3 beside transactions of {LARGE}"));
        let (small, large) = tokio::join!(
            drive("transaction of 3 beside 3,000", self.address, 8, small, self.time),
            drive("transaction of 3,000", self.address, 1, &large, self.time),
        );
        Ok([small?, large?])
    }
}

fn print(report: &Report) {
    let cores = if report.own_cores { "a core for the server and one for the client" } else { "cores shared" };
    terminal::out(format_args!("{}; {}; {cores}", report.machine, report.profile));
    let load = &report.load;
    terminal::out(format_args!(
        "load: {} resources in {:.1} s; the first {} at {:.0} a second, the last {} at {:.0}; {:.0} transactions, p99 {:.0} ms, {} refused",
        load.resources,
        load.seconds,
        load.first,
        load.first_per_second,
        load.last,
        load.last_per_second,
        load.transactions,
        load.p99_ms,
        load.refused
    ));
    let figure =
        |value: Option<f64>, unit: &str| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0} {unit}"));
    terminal::out(format_args!(
        "disk: {}; server: {} of memory, {} of processor",
        figure(report.bytes_per_resource, "bytes a resource"),
        figure(report.server_mb, "MB"),
        figure(report.server_cpu_seconds, "s"),
    ));
    let rows = report.rows.iter().map(|row| {
        let refused = match row.refused_status {
            Some(status) => format!("{} ({status})", row.refused),
            None => "0".to_owned(),
        };
        let mut cells =
            vec![row.what.clone(), row.clients.to_string(), row.count.to_string(), format!("{:.0}", row.per_second)];
        cells.extend([row.p50_ms, row.p99_ms, row.max_ms].map(|ms| format!("{ms:.2}")));
        cells.push(refused);
        cells
    });
    let headings = ["what", "clients", "count", "a second", "p50 ms", "p99 ms", "max ms", "refused"];
    terminal::table(&headings, &rows.collect::<Vec<_>>());
}
