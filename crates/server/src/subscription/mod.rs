//! Subscriptions of clients, carried out: who is subscribed, each with a task of its own (R4 Subscription; Backport guide).
//!
//! One follower of the log sees Subscriptions come and go, and starts and ends the tasks. Each task is a cursor in the log and the
//! pure machine of `sync::subscription`, which decides what is next. So one that is slow or dead delays no other, and costs no more
//! memory than any. What a task remembers is beside the follower's cursor in the record.

mod gate;
mod hub;
mod live;
mod send;
mod show;
pub mod store;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use fhir::search::Context;
use record::{Position, ReadError, Version};
use sync::subscription::{State, Status, Terms};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::http::FHIR;
use live::Live;
use store::{FOLLOWER, Trouble};

pub use gate::{admit, settled};
pub use hub::Hub;
pub use send::{fresh_uuid, written};

/// Between two looks whether the log has grown.
const PAUSE: Duration = Duration::from_millis(20);
/// Until it is tried again where the store had too much to do.
const BUSY_PAUSE: Duration = Duration::from_millis(200);
/// Versions of the log that are looked at once.
const PAGE: usize = 1_000;
/// Positions after which the cursor is written down although there was no Subscription.
const CURSOR_EVERY: i64 = 10_000;

/// Follows the log until the server drains. `http` is where we are reached, where no address is configured.
pub async fn run(app: App, http: SocketAddr) {
    let base = app.config.http.base_url.clone().unwrap_or_else(|| format!("http://{http}{FHIR}"));
    app.subscriptions.listens(http);
    let base = base.trim_end_matches('/').to_owned();
    let mut desk = Desk { app: app.clone(), base, tail: watch::Sender::new(Position::START), running: HashMap::new() };
    let mut begun = false;
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = app.shutdown.begun() => break,
            () = tokio::time::sleep(pause) => {}
        }
        let done = if begun { desk.follow().await } else { desk.begin().await.map(|()| begun = true) };
        pause = match done {
            Ok(()) => PAUSE,
            Err(Trouble::Busy) => BUSY_PAUSE,
            Err(Trouble::Broken) => {
                app.shutdown.broken();
                BUSY_PAUSE
            }
        };
    }
    desk.end().await;
}

/// Where Subscriptions come in.
struct Desk {
    app: App,
    base: String,
    /// The end of the log, told to all who follow it.
    tail: watch::Sender<Position>,
    running: HashMap<String, Running>,
}

struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Desk {
    /// Those that there were when the process ended.
    async fn begin(&mut self) -> Result<(), Trouble> {
        for (id, state) in store::states(&self.app.record).await? {
            if state.status == Status::Off || self.running.contains_key(&id) {
                continue;
            }
            let newest = store::subscription(&self.app, &id).await?;
            if let Some(terms) = newest.as_ref().and_then(terms) {
                self.start(&id, terms, state);
            }
        }
        Ok(())
    }

    async fn follow(&mut self) -> Result<(), Trouble> {
        let end = self.app.record.position().await?;
        if end <= *self.tail.borrow() {
            return Ok(());
        }
        let mut cursor = self.app.record.cursor(FOLLOWER).await?.max(*self.tail.borrow());
        let access = self.app.policy.feed().narrowed(&["Subscription"], &[]);
        while cursor < end {
            let (versions, to) = self.app.record.log(&access, cursor, PAGE).await?;
            if to == cursor {
                break;
            }
            for version in versions.iter().filter(|version| version.origin != store::OWN) {
                self.came(version).await?;
            }
            cursor = to;
        }
        let kept = self.app.record.cursor(FOLLOWER).await?;
        if store::number(cursor) - store::number(kept) >= CURSOR_EVERY {
            store::save(&self.app, Vec::new(), Some(cursor)).await?;
        }
        self.tail.send_replace(cursor);
        Ok(())
    }

    /// A client wrote this.
    async fn came(&mut self, version: &Version) -> Result<(), Trouble> {
        let id = &version.key.id;
        self.stop(id).await;
        let known = store::state(&self.app.record, id).await?;
        let Some(terms) = terms(version) else {
            match (known, version.is_deleted()) {
                (Some(_), true) => store::forget(&self.app, id, version.position).await?,
                // Switched off by its author, or written before it was looked at.
                (known, _) => {
                    let state = known.unwrap_or_else(|| State::new(&version.origin, store::number(version.position)));
                    let state = State { status: Status::Off, ..state };
                    store::save(&self.app, vec![store::note(id, &state)], Some(version.position)).await?;
                }
            }
            self.app.subscriptions.closed(id);
            return Ok(());
        };
        let here = store::number(version.position);
        let begun = State::new(&version.origin, here);
        let state = match known {
            None => begun,
            // What happened while it was off is not told.
            Some(known) if known.status == Status::Off => State { events: known.events, sent: known.events, ..begun },
            Some(known) => State { cursor: known.cursor, events: known.events, sent: known.sent, ..begun },
        };
        store::save(&self.app, vec![store::note(id, &state)], Some(version.position)).await?;
        self.start(id, terms, state);
        Ok(())
    }

    fn start(&mut self, id: &str, terms: Terms, state: State) {
        let (stop, stopped) = watch::channel(false);
        let (app, base, tail) = (self.app.clone(), self.base.clone(), self.tail.subscribe());
        let news = self.app.subscriptions.opened(id, state.events);
        let live = Live::new(app, base, id, terms, state, live::Ears { tail, stop: stopped, news });
        let task = tokio::spawn(live.run());
        self.running.insert(id.to_owned(), Running { stop, task });
    }

    /// Returns when the task has written down what it did.
    async fn stop(&mut self, id: &str) {
        if let Some(Running { stop, task }) = self.running.remove(id) {
            stop.send_replace(true);
            // What it has done is in the record whether it panicked or not.
            let _ = task.await;
        }
    }

    async fn end(mut self) {
        let ids: Vec<String> = self.running.keys().cloned().collect();
        for running in self.running.values() {
            running.stop.send_replace(true);
        }
        for id in ids {
            self.stop(&id).await;
        }
    }
}

/// What a Subscription asks for, where it asks to be told and is understood.
fn terms(version: &Version) -> Option<Terms> {
    let subscription = fhir::json::read(version.body.as_deref()?).ok()?;
    if subscription.str("status") == Some("off") {
        return None;
    }
    Terms::read(Context::default(), &subscription).ok()
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Trouble {
        if error == ReadError::Broken { Trouble::Broken } else { Trouble::Busy }
    }
}
