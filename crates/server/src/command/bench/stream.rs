//! The sender: so many connections, each sending its next message when the one before is answered, on a thread of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::load::Load;
use super::machine;
use super::waits::Waits;
use crate::command::Failure;
use crate::mllp::{self, Client};

/// How a run goes.
pub struct Plan {
    pub address: SocketAddr,
    pub connections: u16,
    /// It ends after so many messages or so much time, whichever comes first.
    pub messages: u64,
    pub time: Duration,
    /// The number of its first message: runs on one store repeat none.
    pub first: u64,
    pub pace: Pace,
}

#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// As fast as answers come.
    Full,
    /// So many messages a second, whatever comes back.
    PerSecond(f64),
}

/// How a run went.
#[derive(Debug, Serialize)]
pub struct Streamed {
    pub messages: u64,
    pub seconds: f64,
    pub messages_per_second: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// Of server and sender together: what the machine has to give, whoever else is at work on it.
    pub cpu_ms_per_message: f64,
    /// Answered otherwise than AA or CA.
    pub refused: u64,
}

pub const WARM_MESSAGES: u64 = 200;
const LIMIT: Duration = Duration::from_secs(60);

/// What one connection saw.
#[derive(Default)]
struct Seen {
    waits: Vec<Duration>,
    refused: u64,
}

/// The first messages of a load, unmeasured.
pub fn warm(address: SocketAddr, load: &Load) -> Result<(), Failure> {
    let plan = Plan { address, connections: 4, messages: WARM_MESSAGES, time: LIMIT, first: 0, pace: Pace::Full };
    run(&plan, load).map(drop)
}

pub fn run(plan: &Plan, load: &Load) -> Result<Streamed, Failure> {
    let sender = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let sender = sender.map_err(|why| Failure::System(format!("cannot start the sender: {why}")))?;
    let failed = |failure: mllp::Failure| Failure::System(format!("a sender gave up: {failure}"));
    sender.block_on(send(plan, load)).map_err(failed)
}

async fn send(plan: &Plan, load: &Load) -> Result<Streamed, mllp::Failure> {
    let mut clients = Vec::new();
    for _ in 0..plan.connections {
        clients.push(Client::connect(&plan.address.to_string(), None, LIMIT).await?);
    }
    let next = Arc::new(AtomicU64::new(0));
    let (began, cpu) = (Instant::now(), machine::cpu_seconds());
    let mut connections = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        let connection = Connection {
            client,
            next: next.clone(),
            load: load.clone(),
            first: plan.first,
            messages: plan.messages,
            ends: began + plan.time,
        };
        // Paced connections take turns.
        let pace = match plan.pace {
            Pace::Full => None,
            Pace::PerSecond(rate) => {
                let turn = Duration::from_secs_f64(1.0 / rate.max(0.1));
                Some((began + turn * number as u32, turn * u32::from(plan.connections)))
            }
        };
        connections.spawn(connection.send(pace));
    }
    let mut all = Seen::default();
    while let Some(seen) = connections.join_next().await {
        let seen = seen.expect("a sender does not panic")?;
        all.waits.extend(seen.waits);
        all.refused += seen.refused;
    }
    Ok(all.summed(began.elapsed(), machine::cpu_seconds() - cpu))
}

struct Connection {
    client: Client,
    next: Arc<AtomicU64>,
    load: Load,
    first: u64,
    messages: u64,
    ends: Instant,
}

impl Connection {
    /// Sends its share; paced by when its first message is due and how long after each the next one is.
    async fn send(mut self, pace: Option<(Instant, Duration)>) -> Result<Seen, mllp::Failure> {
        let mut seen = Seen::default();
        let mut due = pace.map_or_else(Instant::now, |(first, _)| first);
        loop {
            let number = self.next.fetch_add(1, Relaxed);
            let message = self.load.message(self.first + number);
            match pace {
                None => due = Instant::now(),
                Some(_) => sleep_until(due).await,
            }
            if number >= self.messages || due >= self.ends {
                return Ok(seen);
            }
            let exchange = self.client.exchange(&message, LIMIT).await?;
            seen.waits.push(due.elapsed());
            seen.refused += u64::from(!exchange.is_accepted());
            due += pace.map_or(Duration::ZERO, |(_, interval)| interval);
        }
    }
}

impl Seen {
    fn summed(self, took: Duration, cpu_seconds: f64) -> Streamed {
        let waits = Waits::of(self.waits);
        Streamed {
            messages: waits.count() as u64,
            seconds: took.as_secs_f64(),
            messages_per_second: waits.count() as f64 / took.as_secs_f64(),
            p50_ms: waits.ms(0.50),
            p95_ms: waits.ms(0.95),
            p99_ms: waits.ms(0.99),
            max_ms: waits.ms(1.0),
            cpu_ms_per_message: cpu_seconds * 1e3 / waits.count().max(1) as f64,
            refused: self.refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_hundred_waits() {
        let waits = (1..=100).rev().map(Duration::from_millis).collect();
        let streamed = Seen { waits, refused: 3 }.summed(Duration::from_secs(2), 0.5);
        assert_eq!((streamed.messages, streamed.messages_per_second), (100, 50.0));
        assert_eq!(streamed.cpu_ms_per_message, 5.0);
        let shown = [streamed.p50_ms, streamed.p95_ms, streamed.p99_ms, streamed.max_ms];
        assert_eq!(shown, [51.0, 96.0, 100.0, 100.0]);
        let none = Seen::default().summed(Duration::from_secs(1), 0.0);
        assert_eq!((none.messages, none.p99_ms), (0, 0.0));
    }
}
