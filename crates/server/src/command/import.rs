//! `hilum import`: resources of files, a directory or an address into a running server.
//!
//! What is read is checked here as strictly as the server will, so that a bad line is told by its number and costs only
//! itself. A transaction or batch is sent as it stands. All other resources are put (`PUT Type/id`) in transactions of
//! bounded size; one that is refused is sent again as a batch, to tell what was at fault and to keep the rest.
//!
//! Files go in the order of their names, those that other files of Synthea refer to (`hospitalInformation`,
//! `practitionerInformation`) before all. Several parcels are under way at once, so two versions of one resource keep
//! their order only with `--parallel 1`.

mod parcel;
mod send;
mod source;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use outbound::{Address, Client, Limits};
use serde::Serialize;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;

use super::{Failure, Output};
use crate::config::Flags;
use crate::terminal;
use parcel::Parcel;
use send::{Sent, Stop};
use source::{Input, Made};

#[derive(clap::Args)]
pub struct Args {
    /// A file of one Bundle or resource (.json), of one resource a line (.ndjson), a directory of such files, or an http
    /// address of one
    #[arg(value_name = "URL|DIR|FILE")]
    from: String,
    /// The running server; by default the configuration's http.listen
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The configuration; `hilum.toml` where none is given and one is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How many requests are under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<Output>,
}

/// Problems that are told one by one; the others are counted.
const PROBLEMS_SHOWN_MAX: usize = 50;
/// How often it is said how far it is.
const PROGRESS: Duration = Duration::from_secs(5);
/// The largest transactions take a server a while.
const ANSWER: Duration = Duration::from_secs(600);

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Summary {
    files: usize,
    /// Resources that the server has now.
    stored: usize,
    /// Of these, those that it did not have before.
    created: usize,
    /// Resources and lines that were not taken, here or by the server.
    refused: usize,
    requests: usize,
    seconds: f64,
    resources_per_second: f64,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let inputs = source::find(&args.from)?;
    let runtime = super::runtime()?;
    let (summary, ended) = runtime.block_on(import(&args, inputs));
    // A reader that waits for its next bytes is not waited for.
    runtime.shutdown_background();
    print(&summary, args.output)?;
    match summary.refused {
        _ if ended.is_err() => ended,
        0 => Ok(()),
        refused => Err(Failure::Input(format!("{refused} resources were not taken"))),
    }
}

/// All inputs, as far as it goes.
async fn import(args: &Args, inputs: Vec<Vec<Input>>) -> (Summary, Result<(), Failure>) {
    let mut import = Import { summary: Summary::default(), problems: 0, began: Instant::now(), said: Instant::now() };
    let ended = match client(args).await {
        Err(failure) => Err(failure),
        Ok(client) => import.waves(&client, inputs, usize::from(args.parallel)).await,
    };
    (import.summed(), ended)
}

async fn client(args: &Args) -> Result<Client, Failure> {
    let url = match &args.server {
        Some(url) => url.trim_end_matches('/').trim_end_matches(crate::http::FHIR).to_owned(),
        None => {
            let config = super::config::load(&Flags { file: args.config.clone(), set: Vec::new() })?;
            format!("http://{}", config.http.listen)
        }
    };
    let address = Address::find(&url, &outbound::loopback()).await.map_err(super::ask::unreachable)?;
    Ok(Client::new(address, Limits { whole: ANSWER, ..Limits::default() }))
}

/// An import under way.
struct Import {
    summary: Summary,
    problems: usize,
    began: Instant,
    said: Instant,
}

impl Import {
    async fn waves(&mut self, client: &Client, waves: Vec<Vec<Input>>, parallel: usize) -> Result<(), Failure> {
        for inputs in waves {
            self.wave(client, inputs, parallel).await?;
        }
        Ok(())
    }

    /// Everything of these inputs, read on a thread of its own and sent by a bounded number of tasks. It is over when the
    /// last answer is in.
    async fn wave(&mut self, client: &Client, inputs: Vec<Input>, parallel: usize) -> Result<(), Failure> {
        let (made, mut parcels) = mpsc::channel(1);
        let handle = tokio::runtime::Handle::current();
        let reader = tokio::task::spawn_blocking(move || source::read(&inputs, &handle, &made));
        let mut under_way = JoinSet::new();
        self.send(client, &mut parcels, &mut under_way, parallel).await?;
        while let Some(sent) = under_way.join_next().await {
            self.sent(sent.expect("a sender does not panic"))?;
        }
        reader.await.expect("a reader does not panic");
        Ok(())
    }

    async fn send(
        &mut self,
        client: &Client,
        parcels: &mut Receiver<Made>,
        under_way: &mut JoinSet<Result<Sent, Stop>>,
        parallel: usize,
    ) -> Result<(), Failure> {
        while let Some(made) = parcels.recv().await {
            match made {
                Made::Parcel(parcel) => self.post(client, parcel, under_way, parallel).await?,
                Made::Problem { text, resources } => {
                    self.summary.refused += resources;
                    self.problem(&text);
                }
                Made::FileDone => self.summary.files += 1,
                Made::Stop(failure) => return Err(failure),
            }
            self.progress();
        }
        Ok(())
    }

    async fn post(
        &mut self,
        client: &Client,
        parcel: Parcel,
        under_way: &mut JoinSet<Result<Sent, Stop>>,
        parallel: usize,
    ) -> Result<(), Failure> {
        while under_way.len() >= parallel {
            let sent = under_way.join_next().await.expect("there is one under way");
            self.sent(sent.expect("a sender does not panic"))?;
        }
        let client = client.clone();
        under_way.spawn(async move { send::send(&client, &parcel).await });
        Ok(())
    }

    fn sent(&mut self, sent: Result<Sent, Stop>) -> Result<(), Failure> {
        let sent = sent.map_err(|Stop(failure)| failure)?;
        self.summary.stored += sent.stored;
        self.summary.created += sent.created;
        self.summary.refused += sent.refused;
        self.summary.requests += sent.requests;
        sent.problems.iter().for_each(|problem| self.problem(problem));
        self.progress();
        Ok(())
    }

    fn problem(&mut self, text: &str) {
        self.problems += 1;
        if self.problems <= PROBLEMS_SHOWN_MAX {
            terminal::say(format_args!("{text}"));
        } else if self.problems == PROBLEMS_SHOWN_MAX + 1 {
            terminal::say(format_args!("there are more problems, which are only counted"));
        }
    }

    fn progress(&mut self) {
        if self.said.elapsed() < PROGRESS {
            return;
        }
        self.said = Instant::now();
        let (stored, refused) = (self.summary.stored, self.summary.refused);
        let rate = stored as f64 / self.began.elapsed().as_secs_f64();
        terminal::say(format_args!("{stored} stored, {refused} refused, {rate:.0} a second"));
    }

    fn summed(self) -> Summary {
        let seconds = self.began.elapsed().as_secs_f64();
        Summary { seconds, resources_per_second: self.summary.stored as f64 / seconds.max(1e-9), ..self.summary }
    }
}

fn print(summary: &Summary, output: Option<Output>) -> Result<(), Failure> {
    if output.is_some() {
        return super::json(summary);
    }
    let headings = ["FILES", "STORED", "CREATED", "REFUSED", "REQUESTS", "SECONDS", "A SECOND"];
    let counts = [summary.files, summary.stored, summary.created, summary.refused, summary.requests];
    let mut row: Vec<String> = counts.map(|count| count.to_string()).to_vec();
    row.extend([format!("{:.1}", summary.seconds), format!("{:.0}", summary.resources_per_second)]);
    terminal::table(&headings, &[row]);
    Ok(())
}

#[cfg(test)]
mod tests;
