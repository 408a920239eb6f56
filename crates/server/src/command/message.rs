//! `hilum message list|show|replay|undo|move`: what came in, what became of it, a second try, a merge taken back, what was filed
//! under the wrong patient moved to the right one.
//!
//! It asks the running server, or opens the store itself (`--data`) while none runs. Both answer the same JSON.

use std::io::Read;
use std::path::PathBuf;

use clap::Subcommand;
use consent::{Access, Purpose, Requester};
use outbound::Client;
use record::MessageId;
use serde_json::Value;

use super::ask::{self, answer, text, value};
use super::{Failure, Output};
use crate::app::{self, App};
use crate::config::Flags;
use crate::operation::inbox;
use crate::{http, log, terminal};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The messages that came in, newest first
    List(List),
    /// One message: what became of it, and what it made
    Show(Show),
    /// Try a message again, as it came or mended
    Replay(Replay),
    /// Take back what a message merged, and file again what came since then
    Undo(Undo),
    /// Move what a message made to the patient whom it is about, and take it back where it was
    Move(Move),
}

/// Whom to ask.
#[derive(clap::Args)]
struct Where {
    /// The running server; by default the configuration's http.listen
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    server: Option<String>,
    /// The directory of a record that no server has open
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration; `hilum.toml` where none is given and one is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<Output>,
}

#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    place: Where,
    /// Of this source
    #[arg(long)]
    source: Option<String>,
    /// Of this type or its beginning, such as ADT or ADT^A01
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// applied, parked, refused or dismissed
    #[arg(long)]
    outcome: Option<String>,
    /// With this MSH-10
    #[arg(long, value_name = "ID")]
    control_id: Option<String>,
    /// That speak of this Patient, by logical id
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// Received from this day or instant on
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Received before this day or instant
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Before this message: the last of the page before
    #[arg(long, value_name = "NUMBER")]
    before: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<String>,
}

#[derive(clap::Args)]
struct Show {
    number: String,
    /// The message itself, byte for byte, and nothing else
    #[arg(long)]
    raw: bool,
    /// Which rule made what of what
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(clap::Args)]
struct Replay {
    number: String,
    /// The message as it was mended, instead of as it came
    #[arg(long, value_name = "FILE|-")]
    edited: Option<PathBuf>,
    /// Also where the source was told AE and sends the message again itself
    #[arg(long)]
    confirm: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(clap::Args)]
struct Undo {
    number: String,
    #[command(flatten)]
    place: Where,
}

#[derive(clap::Args)]
struct Move {
    number: String,
    /// To whom it belongs
    #[arg(long, value_name = "Patient/ID")]
    to: String,
    /// Say what would be done, and do nothing
    #[arg(long)]
    preview: bool,
    #[command(flatten)]
    place: Where,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let runtime = super::runtime()?;
    match args.what {
        What::List(args) => runtime.block_on(list(args)),
        What::Show(args) => runtime.block_on(show(args)),
        What::Replay(args) => runtime.block_on(replay(args)),
        What::Undo(args) => runtime.block_on(undo(args)),
        What::Move(args) => runtime.block_on(move_to(args)),
    }
}

/// Who answers: the server, or the store itself.
enum Inbox {
    Server(Client),
    Store(Box<App>, Access),
}

impl Inbox {
    async fn open(place: &Where) -> Result<Inbox, Failure> {
        let set = place.data.iter().map(|data| ("store.data", data.display().to_string())).collect();
        let config = super::config::load(&Flags { file: place.config.clone(), set })?;
        if place.data.is_some() {
            log::start(&config.log);
            let sources = app::sources(&config).map_err(|faults| Failure::Usage(faults.join("\n")))?;
            let policy = consent::Policy::site();
            // Whoever may open the store's files has proved to the system who he is.
            let requester = Requester::Authenticated { client: "command line".to_owned() };
            let access = policy.access(&requester, Purpose::Operations);
            return Ok(Inbox::Store(Box::new(App::open(config, sources, policy)?), access));
        }
        Ok(Inbox::Server(ask::client(place.server.as_deref(), place.config.as_deref()).await?))
    }

    async fn list(&self, pairs: &[(String, String)]) -> Result<Value, Failure> {
        match self {
            Inbox::Server(client) => {
                let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", http::encoded(value)));
                let query = pairs.collect::<Vec<_>>().join("&");
                answer(client.get(&format!("/hilum/messages?{query}")).await).and_then(value)
            }
            Inbox::Store(app, access) => json(inbox::list(app, access, pairs).await),
        }
    }

    async fn show(&self, id: MessageId, trace: bool) -> Result<Value, Failure> {
        match self {
            Inbox::Server(client) => {
                answer(client.get(&format!("/hilum/messages/{}?trace={trace}", id.0)).await).and_then(value)
            }
            Inbox::Store(app, access) => json(inbox::show(app, access, id, trace).await),
        }
    }

    async fn raw(&self, id: MessageId) -> Result<Vec<u8>, Failure> {
        match self {
            Inbox::Server(client) => answer(client.get(&format!("/hilum/messages/{}/raw", id.0)).await),
            Inbox::Store(app, access) => inbox::raw(app, access, id).await.map_err(refused),
        }
    }

    async fn replay(&self, id: MessageId, mended: Option<Vec<u8>>, confirmed: bool) -> Result<Value, Failure> {
        match self {
            Inbox::Server(client) => {
                let path = format!("/hilum/messages/{}/replay?confirm={confirmed}", id.0);
                let body = mended.unwrap_or_default();
                answer(client.post(&path, "x-application/hl7-v2+er7", body).await).and_then(value)
            }
            Inbox::Store(app, access) => json(inbox::replay(app, access, id, mended, confirmed).await),
        }
    }

    async fn undo(&self, id: MessageId) -> Result<Value, Failure> {
        match self {
            Inbox::Server(client) => {
                answer(client.post(&format!("/hilum/messages/{}/undo", id.0), "text/plain", Vec::new()).await)
                    .and_then(value)
            }
            Inbox::Store(app, access) => json(inbox::undo(app, access, id).await),
        }
    }

    async fn move_to(&self, id: MessageId, to: &str, preview: bool) -> Result<Value, Failure> {
        match self {
            Inbox::Server(client) => {
                let path = format!("/hilum/messages/{}/move?to={}&preview={preview}", id.0, http::encoded(to));
                answer(client.post(&path, "text/plain", Vec::new()).await).and_then(value)
            }
            Inbox::Store(app, access) => json(inbox::move_to(app, access, id, to, preview).await),
        }
    }
}

async fn list(args: List) -> Result<(), Failure> {
    let asked = [
        ("source", args.source),
        ("type", args.kind),
        ("outcome", args.outcome),
        ("control_id", args.control_id),
        ("patient", args.patient),
        ("from", args.from),
        ("to", args.to),
        ("before", args.before),
        ("limit", args.limit),
    ];
    let pairs: Vec<_> = asked.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    // What is typed wrongly is said before anybody is asked.
    inbox::filter(&pairs).map_err(Failure::Usage)?;
    let listing = Inbox::open(&args.place).await?.list(&pairs).await?;
    if args.place.output.is_some() {
        return super::json(&listing);
    }
    let columns = ["id", "received", "source", "type", "control_id", "outcome", "why"];
    let row = |message: &Value| columns.map(|column| text(&message[column])).to_vec();
    let rows: Vec<Vec<String>> = listing["messages"].as_array().into_iter().flatten().map(row).collect();
    terminal::table(&["NUMBER", "RECEIVED", "SOURCE", "TYPE", "CONTROL ID", "OUTCOME", "WHY"], &rows);
    if let Some(next) = listing["next"].as_i64() {
        terminal::say(format_args!("there may be more: --before {next}"));
    }
    Ok(())
}

async fn show(args: Show) -> Result<(), Failure> {
    let id = inbox::number(&args.number).map_err(refused)?;
    let store = Inbox::open(&args.place).await?;
    if args.raw {
        terminal::data(&store.raw(id).await?);
        return Ok(());
    }
    let shown = store.show(id, args.trace).await?;
    if args.place.output.is_some() {
        return super::json(&shown);
    }
    for name in ["id", "source", "type", "control_id", "received", "event_time", "outcome", "bytes", "trace_id"] {
        terminal::out(format_args!("{name:<12}{}", text(&shown[name])));
    }
    let rows = |of: &str, columns: &[&str]| -> Vec<Vec<String>> {
        let row = |value: &Value| columns.iter().map(|column| text(&value[column])).collect();
        shown[of].as_array().into_iter().flatten().map(row).collect()
    };
    for attempt in shown["attempts"].as_array().into_iter().flatten() {
        terminal::out(format_args!("\n{} {}", text(&attempt["time"]), text(&attempt["outcome"])));
        for issue in attempt["issues"].as_array().into_iter().flatten() {
            let (severity, place) = (text(&issue["severity"]), text(&issue["place"]));
            terminal::out(format_args!("  {severity} {place}: {}", text(&issue["text"])));
        }
        let residue: Vec<String> = attempt["residue"].as_array().into_iter().flatten().map(text).collect();
        if !residue.is_empty() {
            terminal::out(format_args!("  not read by any rule: {}", residue.join(" ")));
        }
    }
    terminal::out(format_args!(""));
    terminal::table(&["MADE", "VERSION", "BY"], &rows("made", &["resource", "version", "method"]));
    if args.trace {
        terminal::out(format_args!(""));
        let columns = ["place", "element", "rule", "profile"];
        terminal::table(&["FROM", "TO", "RULE", "PROFILE"], &rows("trace", &columns));
        if let Some(why) = shown["untraced"].as_str() {
            terminal::say(format_args!("there is no trace: {why}"));
        }
    }
    Ok(())
}

async fn replay(args: Replay) -> Result<(), Failure> {
    let id = inbox::number(&args.number).map_err(refused)?;
    let mended = args.edited.as_ref().map(read).transpose()?;
    let replayed = Inbox::open(&args.place).await?.replay(id, mended, args.confirm).await?;
    if args.place.output.is_some() {
        super::json(&replayed)?;
    } else {
        terminal::out(format_args!("message {} is now {}", id.0, text(&replayed["outcome"])));
    }
    match replayed["outcome"].as_str() {
        Some("applied") => Ok(()),
        Some(outcome) => Err(Failure::Input(format!("still {outcome}; `hilum message show {}` says why", id.0))),
        None => Err(Failure::System("it could not be stored; see the server's log".to_owned())),
    }
}

async fn undo(args: Undo) -> Result<(), Failure> {
    let id = inbox::number(&args.number).map_err(refused)?;
    let undone = Inbox::open(&args.place).await?.undo(id).await?;
    if args.place.output.is_some() {
        return super::json(&undone);
    }
    let (merges, refiled) = (text(&undone["merges"]), text(&undone["refiled"]));
    terminal::out(format_args!("took back {merges} merges and filed {refiled} messages again"));
    Ok(())
}

/// What will be done is said before it is done.
async fn move_to(args: Move) -> Result<(), Failure> {
    let id = inbox::number(&args.number).map_err(refused)?;
    let inbox = Inbox::open(&args.place).await?;
    let mut moved = inbox.move_to(id, &args.to, true).await?;
    let rows = |of: &str, columns: [&str; 3]| -> Vec<Vec<String>> {
        let row = |value: &Value| columns.iter().map(|column| text(&value[column])).collect();
        moved[of].as_array().into_iter().flatten().map(row).collect()
    };
    let (items, stays) = (rows("moved", ["resource", "becomes", "new"]), rows("stays", ["resource", "why", ""]));
    if args.place.output.is_none() {
        terminal::table(&["UNDER THE OLD PATIENT", "BECOMES", "UNDER THE NEW ONE"], &items);
        for stay in &stays {
            terminal::out(format_args!("{} stays: {}", stay[0], stay[1]));
        }
    }
    let count = items.len();
    if !args.preview && count > 0 {
        moved = inbox.move_to(id, &args.to, false).await?;
    }
    if args.place.output.is_some() {
        return super::json(&moved);
    }
    let (from, to) = (text(&moved["from"]), text(&moved["to"]));
    match (count, args.preview) {
        (0, _) => terminal::out(format_args!("nothing to move: all of it belongs to {to} already, or stays")),
        (_, true) => {
            terminal::out(format_args!("nothing was done; without --preview {count} resources go from {from} to {to}"))
        }
        (_, false) => terminal::out(format_args!("moved {count} resources from {from} to {to}")),
    }
    Ok(())
}

fn read(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().read_to_end(&mut bytes).map(drop),
        false => std::fs::read(path).map(|content| bytes = content),
    };
    read.map_err(|why| Failure::Input(format!("cannot read {}: {why}", path.display())))?;
    match bytes.is_empty() {
        true => Err(Failure::Input(format!("{} is empty", path.display()))),
        false => Ok(bytes),
    }
}

fn json(found: Result<impl serde::Serialize, http::Failure>) -> Result<Value, Failure> {
    let found = found.map_err(refused)?;
    serde_json::to_value(found).map_err(|why| Failure::System(why.to_string()))
}

fn refused(failure: http::Failure) -> Failure {
    if failure.is_ours() { Failure::System(failure.to_string()) } else { Failure::Input(failure.to_string()) }
}
