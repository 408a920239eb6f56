//! Runs a sender over the record and a peer's HTTP: reads the log, sends, keeps notes, and tells how it stands.
//!
//! All that it knows after a restart is what a commit made durable: the cursor, and the notes beside it. Everything it does for the engine
//! is a task of its own, whose outcome is an event; none is waited for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use consent::Access;
use fhir::Resource;
use outbound::Request;
use record::{Commit, CommitError, Key, Note as Kept, Position, ReadError, Record, Time, Version};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

use crate::engine::{Answer, Command, Event, NOTED_MAX, Note, Restored, Sender, Settings, Standing, judge};
use crate::home::{self, Source};
use crate::link::{Link, delete, put};
use crate::outgoing;
use crate::{item, note};

/// How often it is looked whether the log has grown: a part of the time until a peer sees what was written.
const LOOK: Duration = Duration::from_millis(5);
/// Before a look at the log that failed is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// Events that may wait; there are never more than requests in flight, a look and a commit.
const EVENTS_MAX: usize = 64;

/// The peer of one driver, and what it works with.
#[derive(Clone)]
pub struct Line {
    pub record: Record,
    /// What may be read to be sent. It is asked at the time of sending.
    pub access: Access,
    /// Our own name.
    pub node: String,
    /// The peer's: of a node its name, of others what it is called here.
    pub peer: String,
    pub link: Link,
    /// Types that it gets; none means all.
    pub types: Vec<String>,
    pub forward: bool,
    pub paused: bool,
    /// The wall clock, for what is committed.
    pub now: fn() -> Time,
    pub seed: u64,
}

/// What a person wants of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Pause,
    Resume,
    Redrive(Option<String>),
    StartOver,
}

/// How it stands, for whoever looks.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub standing: Standing,
    /// The end of the log when it was last looked at.
    pub end: u64,
    /// The first keys that are not delivered and noted.
    pub notes: Vec<(String, Note)>,
}

/// Notes that are told; the others are counted.
const TOLD_MAX: usize = 1_000;

/// The name under which the record keeps the cursor and the notes.
pub fn follower(peer: &str) -> String {
    format!("sync/{peer}")
}

impl Line {
    /// Runs until whoever gives orders is gone. `Broken`: the store failed, and the process has to end.
    pub async fn run(self, orders: mpsc::Receiver<Order>, told: watch::Sender<Told>) -> Result<(), ReadError> {
        let restored = self.restored().await?;
        let (peer, forward, paused) = (self.peer.clone(), self.forward, self.paused);
        let sender = Sender::new(Settings { peer, forward, paused }, restored, self.seed);
        let (tell, events) = mpsc::channel(EVENTS_MAX);
        let running =
            Running { line: Arc::new(self), sender, tell, told, begun: Instant::now(), end: Position::START, noted: 0 };
        running.run(orders, events).await
    }

    async fn restored(&self) -> Result<Restored, ReadError> {
        let follower = follower(&self.peer);
        let cursor = item::number(self.record.cursor(&follower).await?);
        let kept = self.record.notes(&follower, "", NOTED_MAX).await?;
        let notes = kept.into_iter().filter_map(|(key, value)| Some((key, note::read(&value)?))).collect();
        Ok(Restored { cursor, notes })
    }
}

struct Running {
    line: Arc<Line>,
    sender: Sender,
    tell: mpsc::Sender<Event>,
    told: watch::Sender<Told>,
    begun: Instant,
    end: Position,
    /// Notes that were told of last.
    noted: usize,
}

impl Running {
    async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut events: mpsc::Receiver<Event>,
    ) -> Result<(), ReadError> {
        self.happened(Event::Grown);
        let mut wake = self.wake();
        // Not a sleep in each turn: events that come one after the other would put it off for ever.
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    None => return Ok(()),
                    Some(Order::Pause) => self.happened(Event::Pause),
                    Some(Order::Resume) => self.happened(Event::Resume),
                    Some(Order::Redrive(key)) => self.happened(Event::Redrive(key)),
                    Some(Order::StartOver) => self.happened(Event::StartOver),
                },
                event = events.recv() => self.happened(event.expect("we hold a sender ourselves")),
                _ = look.tick() => {
                    let end = self.line.record.position().await?;
                    if end > self.end {
                        self.end = end;
                        self.happened(Event::Grown);
                    } else if wake.is_some_and(|wake| wake <= Instant::now()) {
                        self.happened(Event::Tick);
                    } else {
                        continue;
                    }
                }
            }
            wake = self.wake();
        }
    }

    fn wake(&self) -> Option<Instant> {
        self.sender.wake_in_ms().map(|wait_ms| Instant::now() + Duration::from_millis(wait_ms))
    }

    fn happened(&mut self, event: Event) {
        let now_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        for command in self.sender.on(now_ms, event) {
            let (line, tell) = (Arc::clone(&self.line), self.tell.clone());
            tokio::spawn(async move {
                let event = line.obey(command).await;
                // Nobody listens any more where the peer was taken away.
                let _ = tell.send(event).await;
            });
        }
        self.say();
    }

    fn say(&mut self) {
        let (standing, end) = (self.sender.standing(), item::number(self.end));
        let noted = standing.parked + standing.late;
        let again = noted > 0 || self.noted > 0;
        self.noted = noted;
        let notes = self.sender.notes().take(TOLD_MAX);
        let notes = if again { notes.map(|(key, note)| (key.to_owned(), note.clone())).collect() } else { Vec::new() };
        self.told.send_replace(Told { standing, end, notes });
    }
}

impl Line {
    async fn obey(&self, command: Command) -> Event {
        match command {
            Command::Read { after, limit } => loop {
                match self.look(after, limit).await {
                    Ok(event) => return event,
                    Err(error) => {
                        tracing::warn!(peer = %self.peer, %error, "the log cannot be read for a peer; it is tried again");
                        tokio::time::sleep(AGAIN).await;
                    }
                }
            },
            Command::Send { ticket, key, version, .. } => {
                let answer = self.send(&key, version).await;
                if let Answer::Refused(_) | Answer::Fault { .. } = &answer {
                    tracing::debug!(peer = %self.peer, "a peer did not take a record");
                }
                Event::Answered { ticket, answer }
            }
            Command::Persist { number, cursor, notes } => match self.persist(cursor, notes).await {
                Ok(()) => Event::Persisted(number),
                Err(error) => {
                    tracing::warn!(peer = %self.peer, %error, "what is known of a peer is not on disk; it is tried again");
                    Event::NotPersisted(number)
                }
            },
        }
    }

    async fn look(&self, after: u64, limit: usize) -> Result<Event, ReadError> {
        let (versions, next) = self.record.log(&self.access, item::position(after), limit).await?;
        let keys: Vec<Key> = versions.iter().map(|version| version.key.clone()).collect();
        let newest = self.record.current_many(&self.access, &keys).await?;
        let is_newest = |version: &Version, newest: &Option<Version>| {
            newest.as_ref().is_none_or(|newest| newest.vid == version.vid)
        };
        let both = versions.iter().zip(&newest);
        let items =
            both.map(|(version, newest)| item::item(version, is_newest(version, newest), &self.types)).collect();
        Ok(Event::Read { after, items, next: item::number(next) })
    }

    async fn send(&self, key: &str, version: u64) -> Answer {
        let (kind, id) = key.split_once('/').expect("keys have a type and an id");
        match self.request(&Key::new(kind, id), version).await {
            Ok(Some(request)) => judge(&self.link.ask(request).await),
            Ok(None) => Answer::Nothing,
            Err(error) => Answer::Fault { retry_after_ms: None, own: false, reason: error.to_string() },
        }
    }

    /// What is to be asked of the peer; none where the version is no longer the newest, or there is nothing left of it.
    async fn request(&self, key: &Key, version: u64) -> Result<Option<Request>, ReadError> {
        let newest = self.record.current(&self.access, key).await?;
        let Some(newest) = newest.filter(|newest| newest.vid == version) else { return Ok(None) };
        if newest.is_deleted() {
            return Ok(self.gone(&newest).await?.map(|source| delete(&self.node, &source)));
        }
        let Some(mut resource) = newest.body.as_deref().and_then(read) else { return Ok(None) };
        let homes = self.homes(outgoing::replicas(&mut resource)).await?;
        let source = outgoing::source(&self.node, &newest, &resource);
        let (there, body) = outgoing::outgoing(resource, &source, &self.node, &self.peer, &homes);
        Ok(Some(put(&self.node, &there, body)))
    }

    /// Which version of its home a delete is: ours, or what is remembered of a third party's.
    async fn gone(&self, version: &Version) -> Result<Option<Source>, ReadError> {
        if home::node_of(&version.origin).is_none() {
            return Ok(Some(Source { node: self.node.clone(), key: version.key.clone(), version: version.vid }));
        }
        let kept = self.record.note(home::TOMBSTONES, &version.key.to_string()).await?;
        Ok(kept.and_then(|value| Source::read(std::str::from_utf8(&value).ok()?)))
    }

    async fn homes(&self, replicas: Vec<Key>) -> Result<HashMap<Key, Source>, ReadError> {
        if replicas.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.record.current_many(&self.access, &replicas).await?;
        let sources = found.iter().map(|version| version.as_ref().and_then(Source::of_version));
        Ok(replicas.into_iter().zip(sources).filter_map(|(key, source)| Some((key, source?))).collect())
    }

    async fn persist(&self, cursor: u64, notes: Vec<(String, Option<Note>)>) -> Result<(), CommitError> {
        let follower = follower(&self.peer);
        let kept = |(name, value): (String, Option<Note>)| Kept {
            follower: follower.clone(),
            name,
            value: value.as_ref().map(note::write),
        };
        let commit = Commit {
            now: (self.now)(),
            notes: notes.into_iter().map(kept).collect(),
            cursors: vec![(follower.clone(), item::position(cursor))],
            ..Commit::default()
        };
        self.record.commit(&Access::nobody(), commit).await.map(drop)
    }
}

fn read(body: &[u8]) -> Option<Resource<'static>> {
    fhir::json::read(body).ok().map(Resource::into_owned)
}
