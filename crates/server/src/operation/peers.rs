//! `/hilum/peers`: the servers that records travel to, and how each stands (`hilum peer`, `hilum sync status`).
//!
//! All of it is for requesters who may write everything: where records go is the site's business.

use actix_web::HttpRequest;
use actix_web::web::{Json, Path, Payload};
use consent::Reach;
use serde::{Deserialize, Serialize};
use sync::driver::{Order, Told};
use sync::engine::Note;

use crate::http::{self, Ask, Failure, Kind};
use crate::peers::{Class, Peer, Trouble};

#[derive(Serialize)]
pub struct Listing {
    /// Our own name among nodes.
    node: String,
    peers: Vec<Shown>,
}

/// A peer and how it stands.
#[derive(Serialize)]
pub struct Shown {
    #[serde(flatten)]
    peer: Peer,
    /// Versions in the log behind the cursor: what may still have to be looked at.
    behind: u64,
    /// Keys that are being sent or wait for it.
    pending: usize,
    late: usize,
    parked: usize,
    delivered: u64,
    retries: u64,
    /// Whether it failed so often that it is left alone for a while.
    unreachable: bool,
    /// Only of one peer that is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<Waiting>,
}

/// What the cursor has passed and is not delivered.
#[derive(Serialize)]
struct Waiting {
    resource: String,
    version: u64,
    /// Waits for a person (`redrive`); the others are tried for ever.
    parked: bool,
    /// The peer's own words.
    reason: String,
}

/// What was added.
#[derive(Serialize)]
pub struct Added {
    #[serde(flatten)]
    peer: Peer,
    /// Whether the other node sends to us too.
    paired: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    url: String,
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    forward: bool,
    /// By the other node, which knows us already.
    #[serde(default)]
    announced: bool,
}

#[derive(Serialize)]
pub struct Done {
    peer: String,
    done: String,
}

pub async fn list(ask: Ask) -> Result<Json<Listing>, Failure> {
    may(&ask)?;
    let peers = &ask.app.peers;
    let shown = peers.list().into_iter().map(|(peer, told)| Shown::of(peer, &told, false));
    Ok(Json(Listing { node: peers.node().to_owned(), peers: shown.collect() }))
}

pub async fn show(ask: Ask, name: Path<String>) -> Result<Json<Shown>, Failure> {
    may(&ask)?;
    let found = ask.app.peers.find(&name);
    let (peer, told) = found.ok_or_else(|| Failure::new(Kind::NotFound, "there is no such peer"))?;
    Ok(Json(Shown::of(peer, &told, true)))
}

pub async fn add(ask: Ask, request: HttpRequest, payload: Payload) -> Result<Json<Added>, Failure> {
    may(&ask)?;
    let body = http::read_body(&request, payload, &ask.app.config.http).await?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|why| Failure::new(Kind::Invalid, why.to_string()))?;
    http::detached(async move {
        let peers = &ask.app.peers;
        // A node that announces itself again changes nothing of what was set here.
        if wanted.announced
            && let Some((peer, _)) = peers.find(&wanted.url)
        {
            return Ok(Json(Added { peer, paired: true }));
        }
        let peer = peers.add(&wanted.url, wanted.types, wanted.forward).await.map_err(refused)?;
        let paired = match (peer.class, wanted.announced) {
            (Class::Stock, _) => false,
            (Class::Hilum, true) => true,
            (Class::Hilum, false) => peers.announce(&peer, &ask.base).await,
        };
        Ok(Json(Added { peer, paired }))
    })
    .await
}

/// `pause`, `resume`, `redrive` (one resource by `resource=Patient/17`, or all), `resend`, `remove`.
pub async fn act(ask: Ask, request: HttpRequest, path: Path<(String, String)>) -> Result<Json<Done>, Failure> {
    may(&ask)?;
    let (name, what) = path.into_inner();
    let resource = http::pairs(request.query_string()).into_iter().find(|(name, _)| name == "resource");
    let order = match what.as_str() {
        "pause" => Some(Order::Pause),
        "resume" => Some(Order::Resume),
        "redrive" => Some(Order::Redrive(resource.map(|(_, value)| value))),
        "resend" => Some(Order::StartOver),
        "remove" => None,
        _ => {
            let text = "a peer can be told to pause, resume, redrive, resend or remove";
            return Err(Failure::new(Kind::NotFound, text));
        }
    };
    http::detached(async move {
        let done = match order {
            Some(order) => ask.app.peers.order(&name, order).await,
            None => ask.app.peers.remove(&name).await,
        };
        done.map_err(refused)?;
        Ok(Json(Done { peer: name, done: what }))
    })
    .await
}

impl Shown {
    fn of(peer: Peer, told: &Told, with_waiting: bool) -> Shown {
        let standing = &told.standing;
        let waiting = told.notes.iter().filter(|_| with_waiting).map(|(key, note)| Waiting::of(key, note)).collect();
        Shown {
            peer,
            behind: told.end.saturating_sub(standing.cursor),
            pending: standing.open,
            late: standing.late,
            parked: standing.parked,
            delivered: standing.delivered,
            retries: standing.retries,
            unreachable: standing.broken,
            waiting,
        }
    }
}

impl Waiting {
    fn of(key: &str, note: &Note) -> Waiting {
        let (parked, reason) = (note.parked, note.reason.clone());
        Waiting { resource: key.to_owned(), version: note.version, parked, reason }
    }
}

fn may(ask: &Ask) -> Result<(), Failure> {
    match ask.access.write() {
        Reach::Everything => Ok(()),
        _ => Err(Failure::new(Kind::Forbidden, "only who may write everything may see and change peers")),
    }
}

fn refused(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Refused(text) => Failure::new(Kind::Unprocessable, text),
        Trouble::Unreachable(text) => Failure::new(Kind::Conflict, text),
        Trouble::Store(error) => error.into(),
    }
}
