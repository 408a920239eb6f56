//! The demonstration: a day of two invented clinics, played through our own MLLP port by a sender like any other.
//!
//! It says first what to open and what to type, then a line for each message, then nothing more. Names may stand in
//! these lines because nobody in them exists; they go to stderr, never to the log.

mod event;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::mllp::{Client, Exchange, Failure};
use crate::terminal::say;

/// The sample messages, in the order of the day.
const DAY: &[&[u8]] = include!(concat!(env!("OUT_DIR"), "/day.rs"));

/// Slow enough to read along, fast enough to wait for: the day is over in half a minute.
const PACE: Duration = Duration::from_millis(400);
const LIMIT: Duration = Duration::from_secs(30);

/// Plays the day, or as much of it as there is time for before the server drains.
pub async fn run(http: SocketAddr, mllp: SocketAddr, mut draining: watch::Receiver<bool>) {
    greet(http, mllp);
    tokio::select! {
        played = play(mllp) => match played {
            Ok(()) => say(format_args!("The day is over; the server stays. Send it something, or end it with Ctrl-C.")),
            Err(failure) => say(format_args!("The day broke off: {failure}")),
        },
        _ = draining.wait_for(|&draining| draining) => {}
    }
}

fn greet(http: SocketAddr, mllp: SocketAddr) {
    let program = std::env::args().next().unwrap_or_else(|| "hilum".to_owned());
    say(format_args!(
        "
Hilum plays a day of two invented clinics, St Anne Hospital and Riverside Clinic, through its own MLLP port.
Nobody in it exists. Open, while it plays or after:

  http://{http}/fhir/Patient?name=lindqvist

or type:

  curl 'http://{http}/fhir/Patient?name=lindqvist'
  curl 'http://{http}/fhir/Observation?code=2823-3&_sort=-date'
  curl 'http://{http}/fhir/Encounter?status=in-progress'
  {program} message list --server http://{http}
  {program} send {mllp} tests/data/hl7v2/09-stanne-oru-prelim-lindqvist.hl7
"
    ));
}

async fn play(mllp: SocketAddr) -> Result<(), Failure> {
    let mut client = Client::connect(&mllp.to_string(), None, LIMIT).await?;
    for message in DAY {
        let exchange = client.exchange(message, LIMIT).await?;
        say(format_args!("  {}  {}", event::told(message), outcome(&exchange)));
        sleep(PACE).await;
    }
    Ok(())
}

/// The answer in one word or two.
fn outcome(exchange: &Exchange) -> String {
    match exchange.answers.last() {
        None => "no answer wanted".to_owned(),
        Some((_, ack)) if ack.code.is_positive() => ack.code.as_str().to_owned(),
        Some((_, ack)) => format!("{} {}", ack.code.as_str(), ack.text),
    }
}
