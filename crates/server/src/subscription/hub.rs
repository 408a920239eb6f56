//! Which subscriptions are followed now, and how many events each has: what a WebSocket waits for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::watch;

/// Clones share it.
#[derive(Clone, Default)]
pub struct Hub {
    live: Arc<Mutex<HashMap<String, watch::Sender<u64>>>>,
    /// Where we listen ourselves, once that is known.
    here: Arc<OnceLock<SocketAddr>>,
}

impl Hub {
    pub fn listens(&self, here: SocketAddr) {
        self.here.get_or_init(|| here);
    }

    pub fn here(&self) -> Option<SocketAddr> {
        self.here.get().copied()
    }

    /// Who tells how many events there are. Those who listen already go on.
    pub fn opened(&self, id: &str, events: u64) -> watch::Sender<u64> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = live.entry(id.to_owned()).or_insert_with(|| watch::Sender::new(events)).clone();
        sender.send_replace(events);
        sender
    }

    /// Nothing more will be told.
    pub fn closed(&self, id: &str) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Listens; none where it is not followed.
    pub fn listen(&self, id: &str) -> Option<watch::Receiver<u64>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).get(id).map(watch::Sender::subscribe)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
