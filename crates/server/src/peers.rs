//! The servers that records travel to: kept in the record, each with a driver of its own while the server runs.
//!
//! `operation/peers` is their face over HTTP, `hilum peer` over that. What a peer is, is told by its CapabilityStatement: one
//! that says which node it is, is one of ours; any other is a FHIR server that takes an update under an id that we chose.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use consent::{Policy, Purpose, Requester};
use fhir::Resource;
use ipnet::IpNet;
use outbound::{Address, Client, Limits};
use record::{Commit, CommitError, Note, Record};
use serde::{Deserialize, Serialize};
use sync::driver::{Line, Order, Told};
use sync::home;
use sync::link::{Link, Looked};
use tokio::sync::{mpsc, watch};

use crate::app;
use crate::config::Config;
use crate::shutdown::Shutdown;

/// Where the record keeps who the peers are.
const FOLLOWER: &str = "sync peers";
/// More are refused; the memory of each is bounded.
pub const PEERS_MAX: usize = 256;
const ORDERS_MAX: usize = 16;
/// Of a CapabilityStatement: which node it is.
pub const NODE_EXTENSION: &str = "urn:hilum:node";
const STATEMENT: Limits = Limits {
    connect: std::time::Duration::from_secs(5),
    whole: std::time::Duration::from_secs(20),
    body_bytes_max: 16 << 20,
};

/// How a peer is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A node like this one: it holds versions against each other.
    Hilum,
    /// A FHIR server with `updateCreate`.
    Stock,
}

/// A peer, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Of a node its own name; of others made of the url.
    pub name: String,
    /// The base of its FHIR API.
    pub url: String,
    pub class: Class,
    #[serde(default)]
    pub paused: bool,
    /// Types that it gets; none means all.
    #[serde(default)]
    pub types: Vec<String>,
    /// Whether it gets what is at home at third parties.
    #[serde(default)]
    pub forward: bool,
}

struct Live {
    peer: Peer,
    orders: mpsc::Sender<Order>,
    told: watch::Receiver<Told>,
}

/// Clones share everything.
#[derive(Clone)]
pub struct Peers {
    shared: Arc<Shared>,
}

struct Shared {
    record: Record,
    policy: Policy,
    shutdown: Shutdown,
    node: String,
    networks: Vec<IpNet>,
    live: Mutex<BTreeMap<String, Live>>,
}

/// What is wrong with a peer that is to be added, in words for whoever adds it.
#[derive(Debug)]
pub enum Trouble {
    /// It cannot be what was asked for.
    Refused(String),
    /// It does not answer, or not as a FHIR server does.
    Unreachable(String),
    Store(CommitError),
}

impl Peers {
    pub fn new(config: &Config, record: Record, policy: Policy, shutdown: Shutdown) -> Peers {
        let is_open = !policy.access(&Requester::Loopback, Purpose::Operations).is_nobody();
        let mut networks = config.sync.networks.clone();
        networks.extend(outbound::loopback().into_iter().filter(|_| is_open));
        let (node, live) = (home::node_name(record.id_key()), Mutex::default());
        Peers { shared: Arc::new(Shared { record, policy, shutdown, node, networks, live }) }
    }

    /// Our own name.
    pub fn node(&self) -> &str {
        &self.shared.node
    }

    /// Goes on with the peers that are kept.
    pub async fn start(&self) -> Result<(), record::ReadError> {
        for (_, value) in self.shared.record.notes(FOLLOWER, "", PEERS_MAX).await? {
            match serde_json::from_slice::<Peer>(&value) {
                Ok(peer) => self.begin(peer),
                Err(why) => tracing::error!(%why, "a peer that is kept is not understood; it is left alone"),
            }
        }
        Ok(())
    }

    pub fn knows(&self, node: &str) -> bool {
        self.live().contains_key(node)
    }

    /// Whether third parties' resources may come from this peer.
    pub fn forwards(&self, node: &str) -> bool {
        self.live().get(node).is_some_and(|live| live.peer.forward)
    }

    pub fn list(&self) -> Vec<(Peer, Told)> {
        self.live().values().map(|live| (live.peer.clone(), live.told.borrow().clone())).collect()
    }

    /// A peer by its name or its url.
    pub fn find(&self, name: &str) -> Option<(Peer, Told)> {
        self.list().into_iter().find(|(peer, _)| peer.name == name || peer.url == name.trim_end_matches('/'))
    }

    /// Looks what the server is, and begins to send to it. What is there already takes the new settings.
    pub async fn add(&self, url: &str, types: Vec<String>, forward: bool) -> Result<Peer, Trouble> {
        if let Some(kind) = types.iter().find(|kind| fhir::search::resource_name(kind).is_none()) {
            return Err(Trouble::Refused(format!("{kind:?} is no type of R4")));
        }
        let url = url.trim_end_matches('/');
        let (name, class) = self.look(url).await?;
        if name == self.shared.node {
            return Err(Trouble::Refused("this is the server itself".to_owned()));
        }
        if !self.knows(&name) && self.live().len() >= PEERS_MAX {
            return Err(Trouble::Refused(format!("there are {PEERS_MAX} peers already")));
        }
        let peer = Peer { name, url: url.to_owned(), class, paused: false, types, forward };
        self.keep(&peer.name, Some(&peer)).await.map_err(Trouble::Store)?;
        self.begin(peer.clone());
        Ok(peer)
    }

    /// The server's name and class, by its CapabilityStatement.
    async fn look(&self, url: &str) -> Result<(String, Class), Trouble> {
        let unreachable = |text: String| Trouble::Unreachable(text);
        let address = self.address(url).await.map_err(Trouble::Refused)?;
        let answer = Client::new(address, STATEMENT).get("/metadata").await;
        let answer = answer.map_err(|failure| unreachable(failure.to_string()))?;
        let resource = fhir::json::read(&answer.body).ok().filter(|_| answer.status == 200);
        let statement = resource.filter(|resource| resource.kind() == "CapabilityStatement").ok_or_else(|| {
            unreachable(format!(
                "{url}/metadata answers {} and no CapabilityStatement; give the base of a FHIR API",
                answer.status
            ))
        })?;
        match node_of(&statement) {
            Some(node) => Ok((node, Class::Hilum)),
            None if takes_our_ids(&statement) => Ok((called(url), Class::Stock)),
            None => Err(Trouble::Refused(
                "this server says of no type that it takes an update under an id that we chose (updateCreate)"
                    .to_owned(),
            )),
        }
    }

    async fn address(&self, url: &str) -> Result<Address, String> {
        Address::find(url, &self.shared.networks).await.map_err(|failure| match failure {
            outbound::Failure::NotAllowed(address) => {
                format!("{address} lies in none of the networks where peers may be; see sync.networks")
            }
            other => other.to_string(),
        })
    }

    /// Tells the other node that we are there, so that it sends to us too. Whether it took it.
    pub async fn announce(&self, peer: &Peer, our_base: &str) -> bool {
        let Some(origin) = peer.url.strip_suffix(crate::http::FHIR) else { return false };
        let Ok(address) = self.address(origin).await else { return false };
        let body =
            serde_json::json!({ "url": our_base, "announced": true, "forward": peer.forward }).to_string().into_bytes();
        let answer = Client::new(address, STATEMENT).post("/hilum/peers", "application/json", body).await;
        answer.is_ok_and(|answer| answer.status < 300)
    }

    pub async fn order(&self, name: &str, order: Order) -> Result<(), Trouble> {
        let Some((mut peer, _)) = self.find(name) else { return Err(unknown()) };
        if matches!(order, Order::Pause | Order::Resume) {
            peer.paused = order == Order::Pause;
            self.keep(&peer.name, Some(&peer)).await.map_err(Trouble::Store)?;
        }
        let orders = self.live().get_mut(&peer.name).map(|live| {
            live.peer.paused = peer.paused;
            live.orders.clone()
        });
        // One that is gone by now has nothing to do.
        let _ = orders.ok_or_else(unknown)?.send(order).await;
        Ok(())
    }

    /// Nothing more is sent to it. Where it stood is kept, in case it comes back.
    pub async fn remove(&self, name: &str) -> Result<(), Trouble> {
        let Some((peer, _)) = self.find(name) else { return Err(unknown()) };
        self.keep(&peer.name, None).await.map_err(Trouble::Store)?;
        self.live().remove(&peer.name);
        Ok(())
    }

    async fn keep(&self, name: &str, peer: Option<&Peer>) -> Result<(), CommitError> {
        let value = peer.map(|peer| serde_json::to_vec(peer).expect("a peer is JSON"));
        let note = Note { follower: FOLLOWER.to_owned(), name: name.to_owned(), value };
        let commit = Commit { now: app::now(), notes: vec![note], ..Commit::default() };
        self.shared.record.commit(&consent::Access::nobody(), commit).await.map(drop)
    }

    fn begin(&self, peer: Peer) {
        let (orders, to_obey) = mpsc::channel(ORDERS_MAX);
        let (telling, told) = watch::channel(Told::default());
        let peers = self.clone();
        let find = move |url: String| -> Looked {
            let peers = peers.clone();
            Box::pin(async move { Address::find(&url, &peers.shared.networks).await })
        };
        let line = Line {
            record: self.shared.record.clone(),
            access: self.shared.policy.peer(),
            node: self.shared.node.clone(),
            peer: peer.name.clone(),
            link: Link::new(&peer.url, find),
            types: peer.types.clone(),
            forward: peer.forward,
            paused: peer.paused,
            now: app::now,
            seed: seed(),
        };
        // The driver of before, where there was one, ends when its orders end.
        self.live().insert(peer.name.clone(), Live { peer, orders, told });
        let shutdown = self.shared.shutdown.clone();
        tokio::spawn(async move {
            let ended = tokio::select! {
                () = shutdown.begun() => return,
                ended = line.run(to_obey, telling) => ended,
            };
            if let Err(error) = ended {
                tracing::error!(%error, "a peer is not followed any more; restart the server");
                if error == record::ReadError::Broken {
                    shutdown.broken();
                }
            }
        });
    }

    fn live(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Live>> {
        self.shared.live.lock().expect("nobody panics with it")
    }
}

fn unknown() -> Trouble {
    Trouble::Refused("there is no such peer; see hilum peer list".to_owned())
}

/// Which node a CapabilityStatement says that it is.
fn node_of(statement: &Resource<'_>) -> Option<String> {
    let extensions = statement.object.items("extension").iter().filter_map(|extension| extension.as_object());
    let node = extensions.into_iter().find(|extension| extension.str("url") == Some(NODE_EXTENSION))?;
    node.str("valueString").filter(|node| home::is_node(node)).map(str::to_owned)
}

/// Whether it lets clients choose ids, of any type; what it does not take is parked with its words.
fn takes_our_ids(statement: &Resource<'_>) -> bool {
    let rest = statement.object.items("rest").iter().filter_map(|rest| rest.as_object());
    let mut kinds = rest.flat_map(|rest| rest.items("resource")).filter_map(|kind| kind.as_object());
    kinds.any(|kind| kind.get("updateCreate") == Some(&fhir::Node::Bool(true)))
}

/// `127.0.0.1-8082-fhir`
fn called(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

/// Chance for waits; where the system gives none, the time does.
fn seed() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => app::now().0.unsigned_abs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_by_what_it_says_it_can() {
        let node = "00112233445566aa";
        let ours = format!(
            r#"{{"resourceType":"CapabilityStatement","status":"active","date":"2026-01-01","kind":"instance","fhirVersion":"4.0.1","format":["json"],"extension":[{{"url":"urn:hilum:node","valueString":"{node}"}}]}}"#
        );
        let stock = r#"{"resourceType":"CapabilityStatement","status":"active","date":"2026-01-01","kind":"instance","fhirVersion":"4.0.1","format":["json"],"rest":[{"mode":"server","resource":[{"type":"Patient","updateCreate":true}]}]}"#;
        let shy = r#"{"resourceType":"CapabilityStatement","status":"active","date":"2026-01-01","kind":"instance","fhirVersion":"4.0.1","format":["json"],"rest":[{"mode":"server","resource":[{"type":"Patient","updateCreate":false}]}]}"#;
        for (text, expected_node, expected_ids) in
            [(ours.as_str(), Some(node), false), (stock, None, true), (shy, None, false)]
        {
            let statement = fhir::json::read(text.as_bytes()).expect("R4");
            assert_eq!(
                (node_of(&statement).as_deref(), takes_our_ids(&statement)),
                (expected_node, expected_ids),
                "{text}"
            );
        }
        assert_eq!(called("http://127.0.0.1:8082/fhir"), "127.0.0.1-8082-fhir");
    }
}
