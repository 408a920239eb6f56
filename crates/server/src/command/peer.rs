//! `hilum peer add|list|show|pause|resume|redrive|resend|remove`, and `hilum sync status`: the servers that records travel to.
//!
//! All of it acts on a running server, which answers the same JSON that `-o json` prints.

use std::time::Duration;

use clap::Subcommand;
use outbound::Client;
use serde_json::{Value, json};

use super::Failure;
use super::ask::{Where, answer, text, value};
use crate::{http, terminal};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Begin to send to a server; two nodes on one machine exchange records both ways
    Add(Add),
    /// The peers, and how each stands
    List(Where),
    /// One peer, and what is not delivered to it, with its own words
    Show(One),
    /// Send nothing more, until resumed
    Pause(One),
    /// Go on sending
    Resume(One),
    /// Try again what is parked
    Redrive(Redrive),
    /// Send everything again: the peer has lost what it had
    Resend(One),
    /// Send nothing more, and forget the peer
    Remove(One),
}

#[derive(clap::Args)]
struct Add {
    /// The base of the peer's FHIR API, such as http://127.0.0.1:8081/fhir
    url: String,
    /// Only resources of these types, such as Patient,Observation
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    types: Vec<String>,
    /// Also what is at home at third parties
    #[arg(long)]
    forward: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(clap::Args)]
struct One {
    /// The peer's url or name
    peer: String,
    #[command(flatten)]
    place: Where,
}

#[derive(clap::Args)]
struct Redrive {
    /// The peer's url or name
    peer: String,
    /// Only this resource, such as Patient/17
    resource: Option<String>,
    #[command(flatten)]
    place: Where,
}

#[derive(clap::Args)]
pub struct SyncArgs {
    #[command(subcommand)]
    what: SyncWhat,
}

#[derive(Subcommand)]
enum SyncWhat {
    /// How each peer stands
    Status {
        /// Again every second, until interrupted
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        place: Where,
    },
}

const WATCH: Duration = Duration::from_secs(1);

pub fn run(args: Args) -> Result<(), Failure> {
    let runtime = super::runtime()?;
    match args.what {
        What::Add(args) => runtime.block_on(add(args)),
        What::List(place) => runtime.block_on(list(&place)),
        What::Show(args) => runtime.block_on(show(args)),
        What::Pause(args) => runtime.block_on(act(args, "pause", "")),
        What::Resume(args) => runtime.block_on(act(args, "resume", "")),
        What::Resend(args) => runtime.block_on(act(args, "resend", "")),
        What::Remove(args) => runtime.block_on(act(args, "remove", "")),
        What::Redrive(args) => {
            let query = args.resource.map(|resource| format!("?resource={}", http::encoded(&resource)));
            let one = One { peer: args.peer, place: args.place };
            runtime.block_on(act(one, "redrive", &query.unwrap_or_default()))
        }
    }
}

pub fn sync(args: SyncArgs) -> Result<(), Failure> {
    let SyncWhat::Status { watch, place } = args.what;
    super::runtime()?.block_on(async {
        loop {
            list(&place).await?;
            if !watch {
                return Ok(());
            }
            tokio::time::sleep(WATCH).await;
        }
    })
}

async fn add(args: Add) -> Result<(), Failure> {
    let wanted = json!({ "url": args.url, "types": args.types, "forward": args.forward });
    let client = args.place.client().await?;
    let added = client.post("/hilum/peers", "application/json", wanted.to_string().into_bytes()).await;
    let added = answer(added).and_then(value)?;
    if args.place.output.is_some() {
        return super::json(&added);
    }
    let (class, name) = (text(&added["class"]), text(&added["name"]));
    terminal::out(format_args!("{} is a peer now: {class}, known as {name}", args.url));
    if added["class"] == "hilum" && added["paired"] != true {
        terminal::say(format_args!(
            "it takes nothing from here before this server is added there too: hilum peer add … --server {}",
            args.url.trim_end_matches("/fhir")
        ));
    }
    Ok(())
}

async fn list(place: &Where) -> Result<(), Failure> {
    let listing = answer(place.client().await?.get("/hilum/peers").await).and_then(value)?;
    if place.output.is_some() {
        return super::json(&listing);
    }
    let columns = ["url", "class", "behind", "pending", "late", "parked", "delivered", "retries"];
    let row = |peer: &Value| {
        let mut cells = columns.map(|column| text(&peer[column])).to_vec();
        cells.push(state(peer).to_owned());
        cells
    };
    let rows: Vec<Vec<String>> = listing["peers"].as_array().into_iter().flatten().map(row).collect();
    let headings = ["PEER", "CLASS", "BEHIND", "PENDING", "LATE", "PARKED", "DELIVERED", "RETRIES", "STATE"];
    terminal::table(&headings, &rows);
    Ok(())
}

fn state(peer: &Value) -> &'static str {
    match (peer["paused"] == true, peer["unreachable"] == true) {
        (true, _) => "paused",
        (false, true) => "does not answer",
        (false, false) => "well",
    }
}

async fn show(args: One) -> Result<(), Failure> {
    let client = args.place.client().await?;
    let name = named(&client, &args.peer).await?;
    let peer = answer(client.get(&format!("/hilum/peers/{}", http::encoded(&name))).await).and_then(value)?;
    if args.place.output.is_some() {
        return super::json(&peer);
    }
    for name in ["url", "name", "class", "behind", "pending", "delivered", "retries"] {
        terminal::out(format_args!("{name}: {}", text(&peer[name])));
    }
    terminal::out(format_args!("state: {}", state(&peer)));
    let row = |waiting: &Value| {
        let how = if waiting["parked"] == true { "parked" } else { "tried again" };
        vec![text(&waiting["resource"]), text(&waiting["version"]), how.to_owned(), text(&waiting["reason"])]
    };
    let rows: Vec<Vec<String>> = peer["waiting"].as_array().into_iter().flatten().map(row).collect();
    if !rows.is_empty() {
        terminal::table(&["RESOURCE", "VERSION", "HOW", "THE PEER SAYS"], &rows);
    }
    Ok(())
}

async fn act(args: One, what: &str, query: &str) -> Result<(), Failure> {
    let client = args.place.client().await?;
    let name = named(&client, &args.peer).await?;
    let path = format!("/hilum/peers/{}/{what}{query}", http::encoded(&name));
    let done = answer(client.post(&path, "text/plain", Vec::new()).await).and_then(value)?;
    if args.place.output.is_some() {
        return super::json(&done);
    }
    terminal::out(format_args!("{what}: {}", args.peer));
    Ok(())
}

/// The peer's name; a url would be several parts of a path.
async fn named(client: &Client, peer: &str) -> Result<String, Failure> {
    let listing = answer(client.get("/hilum/peers").await).and_then(value)?;
    let wanted = peer.trim_end_matches('/');
    let is_meant = |known: &&Value| known["name"] == wanted || known["url"] == wanted;
    let found = listing["peers"].as_array().into_iter().flatten().find(is_meant);
    let name = found.and_then(|known| known["name"].as_str());
    name.map(str::to_owned).ok_or_else(|| Failure::Input(format!("{peer} is no peer; see hilum peer list")))
}
