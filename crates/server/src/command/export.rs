//! `hilum export`: whole records of a running server into files, by its `$export` (FHIR Bulk Data Access IG 3.0).
//!
//! A file has its name when it is whole: what broke off is left as `.part` and no program takes it for one. Links of the answer
//! are followed on the server that was asked and nowhere else.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use outbound::{Answer, Client, Request};
use serde::Deserialize;
use serde_json::json;

use super::{Failure, Output, ask};
use crate::http::{FHIR, query};
use crate::terminal;

#[derive(clap::Args)]
pub struct Args {
    /// The running server; by default the configuration's http.listen
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The configuration; `hilum.toml` where none is given and one is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the files go; made where it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only what changed since then, such as the transactionTime of the manifest before
    #[arg(long, value_name = "INSTANT")]
    since: Option<String>,
    /// Only these types, with commas
    #[arg(long = "type", value_name = "TYPE,..")]
    kinds: Option<String>,
    /// Only these patients' records
    #[arg(long, value_name = "ID", conflicts_with = "group")]
    patient: Vec<String>,
    /// Only the records of this Group's members
    #[arg(long, value_name = "ID")]
    group: Option<String>,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<Output>,
}

/// What the manifest says of the files.
#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "transactionTime")]
    moment: String,
    output: Vec<Part>,
    #[serde(default)]
    deleted: Vec<Part>,
    #[serde(default)]
    error: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    url: String,
}

/// A server that says no time is asked again after this; one that says a long one, after the second.
const WAIT: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How often it is said how far it is.
const PROGRESS: Duration = Duration::from_secs(5);

pub fn run(args: Args) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&args.out);
    made.map_err(|why| disk(&args.out, &why))?;
    if fs::read_dir(&args.out).map_err(|why| disk(&args.out, &why))?.next().is_some() {
        return Err(Failure::Usage(format!("{} is not empty; give a new or empty directory", args.out.display())));
    }
    super::runtime()?.block_on(export(&args))
}

async fn export(args: &Args) -> Result<(), Failure> {
    let client = client(args).await?;
    let begun = client.ask(kick_off(args)).await.map_err(ask::unreachable)?;
    if begun.status != 202 {
        return Err(refused(&begun));
    }
    let at = path_of(&begun.location)?;
    let answer = wait(&client, &at).await?;
    let manifest: Manifest = serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::System("the server's manifest cannot be read".to_owned()))?;
    let mut rows: Vec<(String, String, u64)> = Vec::new();
    for (what, parts) in [("", &manifest.output), ("deleted-", &manifest.deleted), ("error-", &manifest.error)] {
        for (at, part) in parts.iter().enumerate() {
            let kind = fhir::search::resource_name(&part.kind)
                .ok_or_else(|| Failure::System("the server names a type that is none of R4".to_owned()))?;
            let name = format!("{what}{kind}-{}.ndjson", at + 1);
            let bytes = fetch(&client, &path_of(&part.url)?, &args.out.join(&name)).await?;
            rows.push((name, kind.to_owned(), bytes));
        }
    }
    whole(&args.out.join("manifest.json"), &answer.body)?;
    // It is kept there until its time is over where this fails.
    let _ = client.ask(Request { method: "DELETE", path: at, headers: Vec::new(), body: Vec::new() }).await;
    if args.output.is_some() {
        let files: Vec<_> =
            rows.iter().map(|(name, kind, bytes)| json!({ "file": name, "type": kind, "bytes": bytes })).collect();
        return super::json(&json!({ "transactionTime": manifest.moment, "files": files }));
    }
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, kind, bytes)| vec![name, kind, bytes.to_string()]).collect();
    terminal::table(&["FILE", "TYPE", "BYTES"], &rows);
    terminal::say(format_args!("everything of {}; give that as --since the next time", manifest.moment));
    Ok(())
}

async fn client(args: &Args) -> Result<Client, Failure> {
    let server = args.server.as_deref().map(|url| url.trim_end_matches('/').trim_end_matches(FHIR));
    ask::client(server, args.config.as_deref()).await
}

fn kick_off(args: &Args) -> Request {
    let mut headers = vec![("prefer", "respond-async".to_owned()), ("accept", "application/fhir+json".to_owned())];
    let pairs = [("_since", args.since.as_deref()), ("_type", args.kinds.as_deref())];
    let asked = query(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))));
    if !args.patient.is_empty() {
        let of = |id: &String| json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{id}") } });
        let parameters: Vec<_> = args.patient.iter().map(of).collect();
        headers.push(("content-type", "application/fhir+json".to_owned()));
        let body = json!({ "resourceType": "Parameters", "parameter": parameters }).to_string().into_bytes();
        return Request { method: "POST", path: format!("{FHIR}/Patient/$export{asked}"), headers, body };
    }
    let of = args.group.as_ref().map_or(String::new(), |id| format!("/Group/{}", crate::http::encoded(id)));
    Request { method: "GET", path: format!("{FHIR}{of}/$export{asked}"), headers, body: Vec::new() }
}

/// Until the export is made.
async fn wait(client: &Client, at: &str) -> Result<Answer, Failure> {
    let (begun, mut said) = (Instant::now(), Instant::now());
    loop {
        let answer = client.get(at).await.map_err(ask::unreachable)?;
        match answer.status {
            200 => return Ok(answer),
            202 | 429 | 503 => {}
            _ => return Err(refused(&answer)),
        }
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            terminal::say(format_args!("the server works on it since {} s", begun.elapsed().as_secs()));
        }
        tokio::time::sleep(answer.retry_after.unwrap_or(WAIT).min(WAIT_MAX)).await;
    }
}

/// A file of the answer, under its name when it is whole. How many bytes it has.
async fn fetch(client: &Client, from: &str, to: &Path) -> Result<u64, Failure> {
    let mut stream = client.open(from).await.map_err(ask::unreachable)?;
    if stream.status != 200 {
        return Err(Failure::System(format!("the server answers {} for a file of the export", stream.status)));
    }
    let part = to.with_extension("part");
    let mut file = private(&part)?;
    let (mut bytes, mut said) = (0, Instant::now());
    while let Some(chunk) = stream.next().await.map_err(ask::unreachable)? {
        file.write_all(&chunk).map_err(|why| disk(&part, &why))?;
        bytes += chunk.len() as u64;
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            terminal::say(format_args!("{}: {} MiB", to.display(), bytes >> 20));
        }
    }
    named(file, &part, to)?;
    Ok(bytes)
}

fn whole(to: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let part = to.with_extension("part");
    let mut file = private(&part)?;
    file.write_all(bytes).map_err(|why| disk(&part, &why))?;
    named(file, &part, to)
}

fn private(path: &Path) -> Result<File, Failure> {
    let made = File::options().create_new(true).write(true).mode(0o600).open(path);
    made.map_err(|why| disk(path, &why))
}

fn named(file: File, part: &Path, to: &Path) -> Result<(), Failure> {
    file.sync_all().and_then(|()| fs::rename(part, to)).map_err(|why| disk(to, &why))
}

/// The path of a link, wherever it says that it leads.
fn path_of(url: &str) -> Result<String, Failure> {
    let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()));
    path.ok_or_else(|| Failure::System("the server's answer does not say where to go on".to_owned()))
}

fn refused(answer: &Answer) -> Failure {
    let outcome = fhir::json::read(&answer.body).ok();
    let issue =
        outcome.as_ref().and_then(|outcome| outcome.object.items("issue").first()?.as_object()?.str("diagnostics"));
    let text = format!("the server answers {}: {}", answer.status, issue.unwrap_or("no reason was given"));
    if answer.status < 500 { Failure::Input(text) } else { Failure::System(text) }
}

fn disk(path: &Path, why: &std::io::Error) -> Failure {
    Failure::System(format!("cannot write {}: {why}", path.display()))
}
