//! The sender of one peer: a cursor in the log and a bounded set of open keys.
//!
//! A key is open from when it is read until it is delivered, or until it stands in a note that is on disk. The cursor never
//! passes a key that is open, so that what a crash forgets is read again. So acknowledged is delivered, or parked, or
//! pending, whenever one looks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::answer::Answer;
use super::clock::Clock;
use super::disk::Disk;
use super::log::{Remembered, goes};
use super::open::{Open, State};
use super::pace::{May, Pace};
use super::{
    Command, Event, Item, LATE_AFTER, NOTED_MAX, Note, OPEN_MAX, PAGE, REFUSALS_MAX, Restored, Settings, Standing, What,
};

/// Tries after which a peer that only ever fails (500) may be failing at this one key, although no other got through.
const ALONE_TRIES: u32 = 8;

/// Nothing is sent in the first second: what was on its way when the process before this one died has arrived by then, and cannot
/// arrive after what is newer.
const QUIET_MS: u64 = 1_000;

/// The follower of the log for one peer.
#[derive(Debug)]
pub struct Sender {
    settings: Settings,
    pace: Pace,
    clock: Clock,
    /// The log is read up to here.
    read: u64,
    reading: bool,
    /// The log had no more when it was last looked at.
    at_end: bool,
    open: BTreeMap<String, Open>,
    /// Positions that the cursor must stay before.
    uncovered: BTreeSet<u64>,
    lanes: BTreeMap<u64, VecDeque<String>>,
    /// Keys that may go now.
    ready: VecDeque<String>,
    /// Keys that wait, by when they may go.
    timers: BTreeSet<(u64, String)>,
    flights: BTreeMap<u64, String>,
    next_ticket: u64,
    disk: Disk,
    /// What the peer sent, by digest, and which version it made of what it was sent.
    came: Remembered,
    made: Remembered,
    /// Keys that have a note.
    noted: usize,
    delivered: u64,
    retries: u64,
}

impl Sender {
    /// Goes on from what was persisted. `seed` is all the chance that there is.
    pub fn new(settings: Settings, restored: Restored, seed: u64) -> Sender {
        let mut sender = Sender {
            settings,
            pace: Pace::new(seed),
            clock: Clock::default(),
            read: restored.cursor,
            reading: false,
            at_end: false,
            open: BTreeMap::new(),
            uncovered: BTreeSet::new(),
            lanes: BTreeMap::new(),
            ready: VecDeque::new(),
            timers: BTreeSet::new(),
            flights: BTreeMap::new(),
            next_ticket: 0,
            disk: Disk::at(restored.cursor),
            came: Remembered::default(),
            made: Remembered::default(),
            noted: restored.notes.len(),
            delivered: 0,
            retries: 0,
        };
        sender.pace.hold(QUIET_MS);
        for (key, note) in restored.notes {
            let state = if note.parked { State::Parked } else { State::Waiting };
            if !note.parked {
                sender.ready.push_back(key.clone());
            }
            let mut open = Open::new(note.position, note.version, note.deleted, None);
            (open.state, open.tries, open.note) = (state, 1, Some(note));
            sender.open.insert(key, open);
        }
        sender
    }

    /// What is to be done about what happened. `now_ms` is any clock's; one that jumps changes no order.
    pub fn on(&mut self, now_ms: u64, event: Event) -> Vec<Command> {
        let now_ms = self.clock.at(now_ms);
        match event {
            Event::Tick => {}
            Event::Grown => self.at_end = false,
            Event::Read { after, items, next } if self.reading && after == self.read => self.take(now_ms, items, next),
            // Of a look from before it started over.
            Event::Read { .. } => {}
            Event::Answered { ticket, answer } => self.answered(now_ms, ticket, answer),
            Event::Persisted(number) => self.persisted(number),
            Event::NotPersisted(number) => self.disk.not_written(now_ms, number),
            Event::Pause => self.settings.paused = true,
            Event::Resume => self.settings.paused = false,
            Event::Redrive(key) => self.redrive(key.as_deref()),
            Event::StartOver => self.start_over(),
        }
        let mut commands = Vec::new();
        self.fly(now_ms, &mut commands);
        self.follow(&mut commands);
        self.persist(now_ms, &mut commands);
        commands
    }

    /// When it wants a tick by its own clock; `None` where only an answer or the log can bring news. In milliseconds from
    /// the last event.
    pub fn wake_in_ms(&self) -> Option<u64> {
        let now_ms = self.clock.elapsed_ms;
        let held = match self.pace.may_go(now_ms, self.flights.len()) {
            May::Wait(Some(until_ms)) if !self.ready.is_empty() => Some(until_ms),
            May::Go if !self.ready.is_empty() && !self.settings.paused => match self.pace.may_retry(now_ms) {
                May::Wait(until_ms) => until_ms,
                May::Go => Some(now_ms),
            },
            _ => None,
        };
        let timer = self.timers.first().map(|(due_ms, _)| *due_ms);
        let written = self.disk.wake_ms();
        [held, timer, written].into_iter().flatten().min().map(|at| at.saturating_sub(now_ms).max(1))
    }

    pub fn standing(&self) -> Standing {
        let noted = |parked: bool| {
            self.open.values().filter(|open| open.note.as_ref().is_some_and(|note| note.parked == parked)).count()
        };
        let (parked, late) = (noted(true), noted(false));
        Standing {
            read: self.read,
            cursor: self.disk.cursor(),
            open: self.open.len() - parked - late,
            in_flight: self.flights.len(),
            late,
            parked,
            delivered: self.delivered,
            retries: self.retries,
            broken: self.pace.is_broken(),
            paused: self.settings.paused,
        }
    }

    /// The keys that are not delivered and noted: parked, or tried for ever.
    pub fn notes(&self) -> impl Iterator<Item = (&str, &Note)> {
        self.open.iter().filter_map(|(key, open)| Some((key.as_str(), open.note.as_ref()?)))
    }

    /// Versions that the log brought.
    fn take(&mut self, now_ms: u64, items: Vec<Item>, next: u64) {
        self.reading = false;
        self.at_end = next <= self.read;
        self.read = self.read.max(next);
        self.disk.is_behind(now_ms);
        for item in items {
            if goes(&self.settings, &mut self.came, &item) {
                self.admit(item);
            }
        }
    }

    fn admit(&mut self, item: Item) {
        let deleted = item.what == What::Delete;
        let Some(open) = self.open.get_mut(&item.key) else {
            self.uncovered.insert(item.position);
            self.open.insert(item.key.clone(), Open::new(item.position, item.version, deleted, Some(item.lane)));
            self.queue(item.lane, item.key);
            return;
        };
        let known = open.newer.map_or(open.version, |(_, version, _)| version);
        if item.version <= known {
            return;
        }
        self.uncovered.insert(item.position);
        if open.state == State::Flying || open.state == State::Noting {
            if let Some((position, ..)) = open.newer.replace((item.position, item.version, deleted)) {
                self.uncovered.remove(&position);
            }
            return;
        }
        self.uncovered.remove(&open.position);
        (open.position, open.version, open.deleted) = (item.position, item.version, deleted);
        if open.state == State::Parked {
            // It says something else now.
            open.again();
            open.lane = Some(item.lane);
            self.queue(item.lane, item.key);
        }
    }

    /// Last in its lane, and ready if it is alone there.
    fn queue(&mut self, lane: u64, key: String) {
        let keys = self.lanes.entry(lane).or_default();
        if keys.is_empty() {
            self.ready.push_back(key.clone());
        }
        keys.push_back(key);
    }

    /// The key is no longer the first of its lane; the next one may go.
    fn leave_lane(&mut self, lane: Option<u64>) {
        let Some(lane) = lane else { return };
        let Some(keys) = self.lanes.get_mut(&lane) else { return };
        keys.pop_front();
        match keys.front() {
            Some(next) => self.ready.push_back(next.clone()),
            None => drop(self.lanes.remove(&lane)),
        }
    }

    /// Sends what may go.
    fn fly(&mut self, now_ms: u64, commands: &mut Vec<Command>) {
        while self.timers.first().is_some_and(|(due_ms, _)| *due_ms <= now_ms) {
            let (_, key) = self.timers.pop_first().expect("it was looked at");
            self.open.get_mut(&key).expect("what waits is open").state = State::Waiting;
            self.ready.push_back(key);
        }
        // Retries beyond the budget are looked at once each.
        let mut looks = self.ready.len();
        while looks > 0 && !self.settings.paused && self.pace.may_go(now_ms, self.flights.len()) == May::Go {
            looks -= 1;
            let Some(key) = self.ready.pop_front() else { return };
            let open = self.open.get_mut(&key).expect("what is ready is open");
            let retry = open.tries > 0;
            if retry && self.pace.may_retry(now_ms) != May::Go {
                self.ready.push_back(key);
                continue;
            }
            open.state = State::Flying;
            open.tries += 1;
            self.retries += u64::from(retry);
            self.pace.went(now_ms, retry);
            self.next_ticket += 1;
            let ticket = self.next_ticket;
            commands.push(Command::Send { ticket, key: key.clone(), version: open.version, deleted: open.deleted });
            self.flights.insert(ticket, key);
        }
    }

    fn answered(&mut self, now_ms: u64, ticket: u64, answer: Answer) {
        // An answer that came twice, or to a sender that was there before.
        let Some(key) = self.flights.remove(&ticket) else { return };
        match answer {
            Answer::Delivered { version } => {
                self.peer_answered();
                self.delivered += 1;
                if let Some(version) = version {
                    self.saw(&key, version);
                }
                self.settled(now_ms, key);
            }
            Answer::Nothing => {
                self.pace.was_not_asked(now_ms);
                self.settled(now_ms, key);
            }
            Answer::Refused(reason) => {
                self.peer_answered();
                self.refused(now_ms, key, reason);
            }
            Answer::Fault { retry_after_ms, own, reason } => {
                self.pace.failed(now_ms, retry_after_ms);
                self.failed(now_ms, key, own, reason);
            }
        }
    }

    /// The peer is there; if it was not, nobody waits any longer for that.
    fn peer_answered(&mut self) {
        if self.pace.answered() {
            for (_, key) in std::mem::take(&mut self.timers) {
                self.open.get_mut(&key).expect("what waits is open").state = State::Waiting;
                self.ready.push_back(key);
            }
        }
    }

    /// Which version the peer made of it. One that runs backwards is a peer that was restored from a backup.
    fn saw(&mut self, key: &str, version: u64) {
        if self.made.get(key).is_some_and(|before| version < before) {
            self.start_over();
        }
        self.made.put(key, version);
    }

    /// This version needs nothing more.
    fn settled(&mut self, now_ms: u64, key: String) {
        let open = self.open.get_mut(&key).expect("what was in flight is open");
        self.uncovered.remove(&open.position);
        if open.note.take().is_some() {
            self.noted -= 1;
            self.disk.note(key.clone(), None);
        }
        self.disk.is_behind(now_ms);
        let lane = open.lane;
        match open.newer.take() {
            Some(newer) => {
                (open.position, open.version, open.deleted) = newer;
                open.again();
                open.tries = 0;
                match lane {
                    // At the end of its lane, so that it is still one at a time.
                    Some(number) => {
                        self.lanes.get_mut(&number).expect("a lane of a key that is open").push_back(key);
                        self.leave_lane(lane);
                    }
                    None => self.ready.push_back(key),
                }
            }
            None => {
                self.open.remove(&key);
                self.leave_lane(lane);
            }
        }
    }

    fn refused(&mut self, now_ms: u64, key: String, reason: String) {
        if self.turn_to_newer(&key) {
            return self.wait(now_ms, key);
        }
        let full = self.noted >= NOTED_MAX;
        let open = self.open.get_mut(&key).expect("what was in flight is open");
        open.refusals += 1;
        if open.refusals < REFUSALS_MAX || (open.note.is_none() && full) {
            return self.wait(now_ms, key);
        }
        self.note(key, true, reason);
    }

    fn failed(&mut self, now_ms: u64, key: String, own: bool, reason: String) {
        self.turn_to_newer(&key);
        let (full, delivered) = (self.noted >= NOTED_MAX, self.delivered);
        let open = self.open.get_mut(&key).expect("what was in flight is open");
        let others_got_through = open.tries > 1 && open.delivered_then != delivered;
        if others_got_through || (own && open.tries >= ALONE_TRIES) {
            open.own_failures += 1;
        }
        open.delivered_then = delivered;
        // Its lane goes on without it, and the cursor too.
        let is_late = open.own_failures >= LATE_AFTER || open.lane.is_none();
        let is_said = open.note.as_ref().is_some_and(|note| note.version == open.version);
        match is_late && !is_said && (open.note.is_some() || !full) {
            true => self.note(key, false, reason),
            false => self.wait(now_ms, key),
        }
    }

    /// Goes on with what was read while an older version was in flight. Whether there was something.
    fn turn_to_newer(&mut self, key: &str) -> bool {
        let open = self.open.get_mut(key).expect("what was in flight is open");
        let Some(newer) = open.newer.take() else { return false };
        self.uncovered.remove(&open.position);
        (open.position, open.version, open.deleted) = newer;
        (open.refusals, open.own_failures) = (0, 0);
        true
    }

    fn wait(&mut self, now_ms: u64, key: String) {
        let open = self.open.get_mut(&key).expect("what is to wait is open");
        let due_ms = now_ms + self.pace.backoff_ms(open.tries);
        open.state = State::Resting;
        self.timers.insert((due_ms, key));
    }

    /// Puts the key into a note; nothing counts on it before that is on disk.
    fn note(&mut self, key: String, parked: bool, reason: String) {
        let open = self.open.get_mut(&key).expect("what is noted is open");
        let note = Note { position: open.position, version: open.version, deleted: open.deleted, parked, reason };
        open.state = State::Noting;
        if open.note.replace(note.clone()).is_none() {
            self.noted += 1;
        }
        self.disk.note(key, Some(note));
    }

    fn persisted(&mut self, number: u64) {
        for (key, note) in self.disk.written(number) {
            if let Some(note) = note {
                self.is_noted(key, &note);
            }
        }
    }

    /// The note is on disk: the cursor may pass the key, and its lane goes on.
    fn is_noted(&mut self, key: String, note: &Note) {
        let Some(open) = self.open.get_mut(&key) else { return };
        if open.state != State::Noting || open.position != note.position {
            return;
        }
        self.uncovered.remove(&note.position);
        open.state = if note.parked { State::Parked } else { State::Resting };
        let lane = open.lane.take();
        if let Some(newer) = open.newer.take() {
            (open.position, open.version, open.deleted) = newer;
            open.again();
            self.ready.push_back(key);
        } else if !note.parked {
            self.wait(self.clock.elapsed_ms, key);
        }
        self.leave_lane(lane);
    }

    fn redrive(&mut self, wanted: Option<&str>) {
        for (key, open) in &mut self.open {
            if open.state == State::Parked && wanted.is_none_or(|wanted| wanted == key) {
                // Its note stays until it is delivered.
                open.again();
                self.ready.push_back(key.clone());
            }
        }
    }

    fn start_over(&mut self) {
        (self.read, self.reading, self.at_end) = (0, false, false);
        self.made.forget();
        self.disk.is_wrong(self.clock.elapsed_ms);
    }

    /// Looks at the log, where there is room for what it brings.
    fn follow(&mut self, commands: &mut Vec<Command>) {
        let pending = self.open.len().saturating_sub(self.noted);
        if self.reading || self.at_end || self.settings.paused || pending >= OPEN_MAX {
            return;
        }
        self.reading = true;
        commands.push(Command::Read { after: self.read, limit: PAGE.min(OPEN_MAX - pending) });
    }

    /// The cursor that a crash may leave behind: before everything that is open and not noted.
    fn settled_up_to(&self) -> u64 {
        self.uncovered.first().map_or(self.read, |first| self.read.min(first - 1))
    }

    fn persist(&mut self, now_ms: u64, commands: &mut Vec<Command>) {
        commands.extend(self.disk.write(now_ms, self.settled_up_to()));
    }
}
