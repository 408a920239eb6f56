//! Requests by so many clients, each of which asks its next question when the one before is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::waits::Waits;
use super::wire::Wire;

/// How one kind of request went.
#[derive(Debug, Serialize)]
pub struct Row {
    pub what: String,
    pub clients: usize,
    pub count: usize,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// Answers that were not good; they are counted above all the same.
    pub refused: usize,
    /// The first status that was not good.
    pub refused_status: Option<u16>,
}

/// What clients saw.
#[derive(Default)]
pub struct Seen {
    pub waits: Vec<Duration>,
    pub refused: usize,
    pub refused_status: Option<u16>,
}

impl Seen {
    pub fn note(&mut self, wait: Duration, status: u16) {
        self.waits.push(wait);
        if !(200..300).contains(&status) {
            self.refused += 1;
            self.refused_status.get_or_insert(status);
        }
    }

    pub fn add(&mut self, other: Seen) {
        self.waits.extend(other.waits);
        self.refused += other.refused;
        self.refused_status = self.refused_status.or(other.refused_status);
    }

    pub fn row(self, what: &str, clients: usize, took: Duration) -> Row {
        let waits = Waits::of(self.waits);
        Row {
            what: what.to_owned(),
            clients,
            count: waits.count(),
            per_second: waits.count() as f64 / took.as_secs_f64().max(1e-9),
            p50_ms: waits.ms(0.50),
            p99_ms: waits.ms(0.99),
            max_ms: waits.ms(1.0),
            refused: self.refused,
            refused_status: self.refused_status,
        }
    }
}

/// Asks the questions over and over, from the first on, until the time is over.
pub async fn drive(
    what: &str,
    address: SocketAddr,
    clients: usize,
    requests: &Arc<Vec<Vec<u8>>>,
    time: Duration,
) -> std::io::Result<Row> {
    let mut wires = Vec::with_capacity(clients);
    for _ in 0..clients {
        wires.push(Wire::connect(address).await?);
    }
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for wire in wires {
        asking.spawn(ask(wire, Arc::clone(requests), Arc::clone(&next), began + time));
    }
    let mut all = Seen::default();
    while let Some(seen) = asking.join_next().await {
        all.add(seen.expect("a client does not panic")?);
    }
    Ok(all.row(what, clients, began.elapsed()))
}

async fn ask(
    mut wire: Wire,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    ends: Instant,
) -> std::io::Result<Seen> {
    let mut seen = Seen::default();
    loop {
        let began = Instant::now();
        if began >= ends {
            return Ok(seen);
        }
        let request = &requests[next.fetch_add(1, Relaxed) % requests.len()];
        let answer = wire.ask(request).await?;
        seen.note(began.elapsed(), answer.status);
    }
}
