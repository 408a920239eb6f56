//! The door of one source: who is let in, how many at once, and how everybody is seen out when the process ends.
//!
//! A peer is judged by its address before a byte of it is read, then takes its place among the source's conversations and among
//! all, then shows its certificate where one is asked for. Who finds no place is closed at once: a sender that can
//! connect but is never heard would wait for an answer in vain.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, error, info, warn};

use super::connection::{self, End, Take, Terms};
use super::count::{Count, Open, Refused};
use super::limits::Limits;
use super::tls;
use crate::source::Source;

/// Conversations of all sources at once; default.
pub const CONNECTIONS_MAX: usize = 1_024;
/// Rest after a connection could not be accepted, as when all file descriptors are in use.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// The places that all listeners share.
#[derive(Clone)]
pub struct Places(Arc<Semaphore>);

/// A bound socket that nobody is let into yet.
pub struct Listener {
    socket: TcpListener,
    door: Arc<Door>,
}

struct Door {
    source: Arc<Source>,
    name: Arc<str>,
    limits: Arc<Limits>,
    count: Arc<Count>,
    tls: Option<TlsAcceptor>,
    everywhere: Places,
    here: Places,
}

/// A place at this source and one among all.
type Seat = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Places {
    pub fn new(connections_max: usize) -> Places {
        Places(Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS))))
    }

    fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_owned().ok()
    }
}

impl Listener {
    /// Binds the socket of a source that has one and reads its certificates. An error says what is wrong and where.
    pub async fn bind(source: Arc<Source>, everywhere: Places) -> Result<Listener, String> {
        let at = |fault: String| format!("source {:?}: {fault}", source.name);
        let mllp = source.mllp.as_ref().ok_or_else(|| at("it has no mllp address".to_owned()))?;
        let tls = mllp.tls.as_ref().map(tls::acceptor).transpose().map_err(at)?;
        let bound = TcpListener::bind(mllp.address).await;
        let socket = bound.map_err(|fault| at(format!("cannot listen on {}: {fault}", mllp.address)))?;
        let door = Door {
            name: source.name.as_str().into(),
            limits: Arc::new(mllp.limits.clone()),
            count: Arc::new(Count::of(&source.name)),
            tls,
            everywhere,
            here: Places::new(mllp.limits.connections_max),
            source,
        };
        Ok(Listener { socket, door: Arc::new(door) })
    }

    /// Where it listens; with port 0 configured, the port that the system chose.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub fn count(&self) -> Arc<Count> {
        self.door.count.clone()
    }

    /// Lets peers in until `draining` is true, then waits up to `drain` for the conversations to finish what they have in hand.
    pub async fn serve(self, take: Take, mut draining: watch::Receiver<bool>, drain: Duration) {
        let mut conversations = JoinSet::new();
        let for_each = draining.clone();
        loop {
            tokio::select! {
                biased;
                () = begun(&mut draining) => break,
                Some(ended) = conversations.join_next() => log_panic(&self.door.name, ended),
                (stream, peer) = self.accept() => {
                    if let Some(seat) = self.door.admit(peer) {
                        let (door, take, draining) = (self.door.clone(), take.clone(), for_each.clone());
                        conversations.spawn(async move { door.converse(stream, peer, seat, take, draining).await });
                    }
                }
            }
        }
        drop(self.socket);
        see_out(&self.door.name, conversations, drain).await;
    }

    /// The next connection. Safe to drop.
    async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.socket.accept().await {
                Ok(accepted) => return accepted,
                Err(fault) => warn!(source = %self.door.name, "connection could not be accepted: {fault}"),
            }
            sleep(ACCEPT_REST).await;
        }
    }
}

/// Waits for the drain to begin. That nobody is left who could begin it means the same.
pub async fn begun(draining: &mut watch::Receiver<bool>) {
    let _ = draining.wait_for(|&draining| draining).await;
}

async fn see_out(source: &str, mut conversations: JoinSet<()>, drain: Duration) {
    let finished = async {
        while let Some(ended) = conversations.join_next().await {
            log_panic(source, ended);
        }
    };
    if timeout(drain, finished).await.is_err() {
        let cut = conversations.len();
        warn!(
            source,
            connections = cut,
            "conversations were cut off at the end of the drain; their senders will ask again"
        );
        conversations.shutdown().await;
    }
}

fn log_panic(source: &str, ended: Result<(), JoinError>) {
    if ended.is_err_and(|fault| fault.is_panic()) {
        error!(source, "a conversation ended by a fault of ours; its message was not answered");
    }
}

impl Door {
    /// A place for this peer, if it may come in.
    fn admit(&self, peer: SocketAddr) -> Option<Seat> {
        if !self.source.permits(peer.ip()) {
            self.count.refuse(Refused::Peer);
            if let Some(times) = self.count.strangers.note(peer.ip().to_canonical()) {
                warn!(source = %self.name, peer = %peer.ip(), times, "address is not among this source's peers; refused");
            }
            return None;
        }
        let seat = self.here.take().zip(self.everywhere.take());
        if seat.is_none() {
            self.count.refuse(Refused::Full);
            warn!(source = %self.name, peer = %peer.ip(), "no place for another connection; refused");
        }
        seat
    }

    /// From the handshake to the farewell.
    async fn converse(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        _seat: Seat,
        take: Take,
        draining: watch::Receiver<bool>,
    ) {
        let _open = Open::of(&self.count);
        let terms = Terms {
            source: self.name.clone(),
            peer: peer.to_string().into(),
            limits: self.limits.clone(),
            count: self.count.clone(),
            take,
        };
        // Answers are small and somebody waits for each.
        if let Err(fault) = stream.set_nodelay(true) {
            debug!(source = %self.name, "answers may be delayed: {fault}");
        }
        let Some(acceptor) = &self.tls else {
            return held(stream, &terms, draining).await;
        };
        match timeout(self.limits.handshake, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => held(stream, &terms, draining).await,
            Ok(Err(fault)) => self.refuse_tls(&terms.peer, &fault.to_string()),
            Err(_) => self.refuse_tls(&terms.peer, "no handshake in time"),
        }
    }

    fn refuse_tls(&self, peer: &str, fault: &str) {
        self.count.refuse(Refused::Tls);
        warn!(source = %self.name, peer, "tls failed: {fault}");
    }
}

/// Holds a conversation and says how it ended.
pub async fn held<S>(mut stream: S, terms: &Terms, mut draining: watch::Receiver<bool>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    debug!(source = %terms.source, peer = %terms.peer, "connected");
    let end = connection::hold(&mut stream, terms, &mut draining).await;
    match end {
        // Some senders connect for each message.
        End::Left | End::Idle | End::Drained => {
            debug!(source = %terms.source, peer = %terms.peer, ?end, "connection closed")
        }
        End::Lost | End::Slow | End::Hopeless => {
            info!(source = %terms.source, peer = %terms.peer, ?end, "connection closed")
        }
    }
}

#[cfg(test)]
mod tests;
