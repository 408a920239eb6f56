//! One subscription at work: drives the machine, writes down what it decided before it is sent, and tells of its status.

use std::time::{Duration, Instant};

use record::{Key, Position, Version};
use sync::subscription::{Channel, Criteria, Event, Kind, Machine, State, Status, Step, Style, Terms};
use tokio::sync::watch;

use super::send::{Hook, Sent};
use super::store::{self, Trouble};
use super::{BUSY_PAUSE, show};
use crate::app::{self, App};

/// Versions of the log that are looked at once.
const LOOK: usize = 200;
/// Positions after which the cursor is written down although there was no event.
const CURSOR_EVERY: i64 = 5_000;
/// A wait is looked at again after so long.
const WAIT_MAX: Duration = Duration::from_secs(60);
const STANDING_PAUSE: Duration = Duration::from_millis(20);

/// What a task listens to, and where it tells.
pub struct Ears {
    pub tail: watch::Receiver<Position>,
    pub stop: watch::Receiver<bool>,
    /// How many events there are.
    pub news: watch::Sender<u64>,
}

pub struct Live {
    app: App,
    id: String,
    terms: Terms,
    machine: Machine,
    hook: Option<Hook>,
    ears: Ears,
    began: Instant,
    /// The cursor as it is written down.
    kept: i64,
    /// Whether it was asked for just now.
    is_new: bool,
}

impl Live {
    pub fn new(app: App, base: String, id: &str, terms: Terms, state: State, ears: Ears) -> Live {
        let (kept, is_new) = (state.cursor, state.status == Status::Requested);
        let hook = match &terms.channel {
            Channel::RestHook { endpoint, headers } => {
                let networks = app.config.subscriptions.networks.clone();
                let timeout = Duration::from_millis(terms.pace.timeout_ms);
                Some(Hook::new(endpoint, headers.clone(), networks, timeout, base, id))
            }
            Channel::WebSocket => None,
        };
        let end = terms.end.as_deref().and_then(|end| end.parse::<jiff::Timestamp>().ok());
        let end = end.map(|end| u64::try_from(end.as_microsecond() / 1_000 - app::now().0 / 1_000).unwrap_or(0));
        let machine = Machine::new(state, terms.pace, hook.is_some(), terms.shakes_hands(), end, 0);
        Live { app, id: id.to_owned(), terms, machine, hook, ears, began: Instant::now(), kept, is_new }
    }

    /// Until it is told to stop, or the subscription ends.
    pub async fn run(mut self) {
        if self.machine.state.status == Status::Active {
            self.told_status().await;
            if self.is_new {
                // Where it fails, the next that is written down says it.
                let _ = self.save(Vec::new()).await;
            }
        }
        while !*self.ears.stop.borrow() {
            let more = store::number(*self.ears.tail.borrow_and_update()) > self.machine.state.cursor;
            let done = match self.machine.next(self.now(), more) {
                Step::End => {
                    self.machine.state.status = Status::Off;
                    self.told_status().await;
                    let _ = self.save(Vec::new()).await;
                    self.app.subscriptions.closed(&self.id);
                    return;
                }
                Step::Wait { until } => self.wait(until).await,
                Step::Look => self.look().await,
                Step::Handshake => self.tell(Kind::Handshake, None).await,
                Step::Heartbeat => self.tell(Kind::Heartbeat, None).await,
                Step::Send { from, to } => self.tell(Kind::Event, Some((from, to))).await,
            };
            match done {
                Ok(()) => {}
                Err(Trouble::Busy) => tokio::time::sleep(BUSY_PAUSE).await,
                Err(Trouble::Broken) => return self.app.shutdown.broken(),
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn wait(&mut self, until: Option<u64>) -> Result<(), Trouble> {
        let left = until.map_or(WAIT_MAX, |until| Duration::from_millis(until.saturating_sub(self.now())));
        let Ears { tail, stop, .. } = &mut self.ears;
        tokio::select! {
            _ = stop.changed() => {}
            changed = tail.changed() => if changed.is_err() { let _ = stop.changed().await; },
            () = tokio::time::sleep(left.min(WAIT_MAX)) => {}
        }
        Ok(())
    }

    /// Looks further in the log with the author's right as it is now, and numbers what he is to be told.
    async fn look(&mut self) -> Result<(), Trouble> {
        let access = store::access(&self.app, &self.machine.state.who);
        let kinds = self.terms.criteria.kinds();
        let reading = if kinds.is_empty() { access.clone() } else { access.clone().narrowed(&kinds, &[]) };
        let before = store::position(self.machine.state.cursor);
        let (versions, mut to) = self.app.record.log(&reading, before, LOOK).await?;
        if to == before {
            // What the writer has told is not to be read yet.
            tokio::time::sleep(STANDING_PAUSE).await;
            return Ok(());
        }
        let mut found = Vec::new();
        for version in &versions {
            if self.is_told(version).await? {
                found.push(store::number(version.position));
            }
            if found.len() >= self.machine.room() {
                to = version.position;
                break;
            }
        }
        let before = self.machine.clone();
        let first = self.machine.numbered(store::number(to), found.len());
        let is_kept = !found.is_empty() || self.machine.state.cursor - self.kept >= CURSOR_EVERY;
        if is_kept && let Err(trouble) = self.save(store::events(&self.id, first, &found)).await {
            // What is not written down has no number.
            self.machine = before;
            return Err(trouble);
        }
        if !found.is_empty() {
            self.ears.news.send_replace(self.machine.state.events);
        }
        Ok(())
    }

    async fn is_told(&self, version: &Version) -> Result<bool, Trouble> {
        let resource = version.body.as_deref().and_then(|body| fhir::json::read(body).ok());
        if resource.is_none() && !version.is_deleted() {
            // Its content was erased.
            return Ok(false);
        }
        let criteria: &Criteria = &self.terms.criteria;
        let before = match criteria.looks_back(version.is_deleted()) && version.vid > 1 {
            true => self.app.record.vread(&self.app.policy.feed(), &version.key, version.vid - 1).await?,
            false => None,
        };
        let before = before.as_ref().and_then(|version| fhir::json::read(version.body.as_deref()?).ok());
        let event = Event { kind: &version.key.kind, resource: resource.as_ref(), before: before.as_ref() };
        Ok(criteria.tells(&event))
    }

    /// Sends one notification, and takes note of what became of it.
    async fn tell(&mut self, kind: Kind, numbers: Option<(u64, u64)>) -> Result<(), Trouble> {
        let access = store::access(&self.app, &self.machine.state.who);
        let told = match numbers {
            Some((from, to)) => store::told(&self.app, &access, &self.id, from, to).await?,
            None => Vec::new(),
        };
        let Some(hook) = &mut self.hook else { return Ok(()) };
        let topic = self.terms.topic();
        let sending = async {
            match self.terms.style {
                Style::Classic(format) => hook.classic(format, told).await,
                Style::Backport { format, content } => {
                    hook.backport(kind, topic, &self.machine.state, format, content, told).await
                }
            }
        };
        let sent = tokio::select! {
            // The same goes out again at the next start, with the same numbers.
            _ = self.ears.stop.changed() => return Ok(()),
            sent = sending => sent,
        };
        let now = self.now();
        let changed = match sent {
            Sent::Taken => self.machine.taken(now, numbers.map(|(_, to)| to)),
            Sent::Not { why, retry_after } => {
                tracing::debug!(subscription = %self.id, why, "a subscriber did not take what he was sent");
                let after = retry_after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
                self.machine.failed(now, after, random(), why)
            }
        };
        if changed {
            tracing::info!(subscription = %self.id, status = self.machine.state.status.code(), "a subscription's status changed");
            self.told_status().await;
        }
        self.save(Vec::new()).await
    }

    async fn save(&mut self, mut notes: Vec<record::Note>) -> Result<(), Trouble> {
        notes.push(store::note(&self.id, &self.machine.state));
        store::save(&self.app, notes, None).await?;
        self.kept = self.machine.state.cursor;
        Ok(())
    }

    /// Brings status and error to what clients read.
    async fn told_status(&self) {
        let (key, state) = (Key::new("Subscription", self.id.as_str()), &self.machine.state);
        show::status(&self.app, &key, state).await;
    }
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without random bytes the wait is the shortest.
    let _ = getrandom::fill(&mut bytes);
    u64::from_be_bytes(bytes)
}
