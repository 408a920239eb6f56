//! Everything that happens, in the order of a made-up time: writes, requests, answers, disks, crashes, clocks.
//!
//! The driver here is the simplest one that keeps the engine's rules; the bugs are planted in it, where a real one could have them.

use std::collections::BTreeMap;

use sync::engine::{Answer, Command, Event, Item, Note, Restored, Sender, Settings, What, judge};

use crate::oracle;
use crate::peer::{Class, Peer, Put};
use crate::random::Random;

/// How long the faults go on.
const CHAOS_MS: u64 = 120_000;
/// After it, everything but poison must be delivered within this.
const CALM_MS: u64 = 3 * 3_600_000;
const STEPS_MAX: u64 = 400_000;
const DAYS_30_MS: u64 = 30 * 86_400_000;
const KEYS: u64 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    AcknowledgedBeforePersisted,
    CursorTooEarly,
    RetryRowDeletedFirst,
    Echo,
    ResurrectedDelete,
}

impl Planted {
    pub const ALL: [Planted; 5] = [
        Planted::AcknowledgedBeforePersisted,
        Planted::CursorTooEarly,
        Planted::RetryRowDeletedFirst,
        Planted::Echo,
        Planted::ResurrectedDelete,
    ];
}

/// A version in a node's log; its position is its place, from 1.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub version: u64,
    pub digest: Option<u64>,
    pub origin: Option<usize>,
    /// The node where it is at home.
    pub home: usize,
}

/// A sender with what it has on disk.
pub struct Line {
    pub to: usize,
    pub sender: Sender,
    pub cursor: u64,
    pub notes: BTreeMap<String, Note>,
    /// What was asked before a crash is not answered after it.
    life: u64,
}

pub struct Node {
    pub log: Vec<Entry>,
    /// The newest place in the log of each key.
    pub newest: BTreeMap<String, usize>,
    pub lines: Vec<Line>,
    skew_ms: u64,
}

enum Happening {
    Write,
    Chaos,
    Tell { node: usize, line: usize, life: u64, event: Event },
    Arrive { node: usize, line: usize, life: u64, ticket: Option<u64>, put: Put },
    Disk { node: usize, line: usize, life: u64, number: u64, cursor: u64, notes: Vec<(String, Option<Note>)> },
    Wake { node: usize, line: usize, life: u64 },
}

pub struct World {
    pub random: Random,
    pub nodes: Vec<Node>,
    /// The other ends: first the nodes themselves, then stock servers.
    pub peers: Vec<Peer>,
    /// Peers that came back from a backup, and were not compared since then.
    pub restored: Vec<bool>,
    planted: Option<Planted>,
    now_ms: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    next: u64,
    forward: bool,
    chaos: bool,
    steps: u64,
}

impl World {
    pub fn new(seed: u64, planted: Option<Planted>) -> World {
        let mut random = Random(seed);
        let nodes = 1 + random.below(3) as usize;
        let stocks = if nodes == 1 { 1 + random.below(2) as usize } else { random.below(2) as usize };
        let forward = stocks == 0 && random.percent(40);
        let mut peers: Vec<Peer> = (0..nodes).map(|_| Peer::new(Class::Hilum)).collect();
        peers.extend((0..stocks).map(|_| Peer::new(Class::Stock)));
        for peer in &mut peers {
            if random.percent(30) {
                let end = char::from(b'0' + random.below(10) as u8);
                peer.poison = Some((end, if random.percent(50) { 422 } else { 500 }));
            }
        }
        let restored = vec![false; peers.len()];
        let mut world = World {
            random,
            nodes: Vec::new(),
            peers,
            restored,
            planted,
            now_ms: 0,
            queue: BTreeMap::new(),
            next: 0,
            forward,
            chaos: true,
            steps: 0,
        };
        for node in 0..nodes {
            let to: Vec<usize> = (0..world.peers.len()).filter(|to| *to != node).collect();
            let lines = to.into_iter().map(|to| world.line(to, Restored::default(), 0)).collect();
            world.nodes.push(Node { log: Vec::new(), newest: BTreeMap::new(), lines, skew_ms: DAYS_30_MS });
        }
        for _ in 0..20 + world.random.below(40) {
            let at = world.random.below(CHAOS_MS);
            world.at(at, Happening::Write);
        }
        for _ in 0..10 + world.random.below(20) {
            let at = world.random.below(CHAOS_MS);
            world.at(at, Happening::Chaos);
        }
        world
    }

    fn line(&mut self, to: usize, restored: Restored, life: u64) -> Line {
        let settings = Settings { peer: to.to_string(), forward: self.forward, paused: false };
        let (cursor, notes) = (restored.cursor, restored.notes.iter().cloned().collect());
        Line { to, sender: Sender::new(settings, restored, self.random.next()), cursor, notes, life }
    }

    fn at(&mut self, ms: u64, happening: Happening) {
        self.next += 1;
        self.queue.insert((ms, self.next), happening);
    }

    fn soon(&mut self, within_ms: u64, happening: Happening) {
        let at = self.now_ms + 1 + self.random.below(within_ms);
        self.at(at, happening);
    }

    /// Faults, then calm, then rest. The fault that was found, in words.
    pub fn run(&mut self) -> Result<(), String> {
        self.until(CHAOS_MS)?;
        self.chaos = false;
        for peer in &mut self.peers {
            (peer.down, peer.lying) = (false, false);
        }
        for node in 0..self.nodes.len() {
            self.crash(node)?;
            for line in 0..self.nodes[node].lines.len() {
                let to = self.nodes[node].lines[line].to;
                if self.restored[to] {
                    self.tell(node, line, Event::StartOver)?;
                }
            }
        }
        self.restored.fill(false);
        let calm = self.now_ms + CALM_MS;
        self.until(calm)?;
        oracle::all_is_there(self, true)?;
        self.peers.iter_mut().for_each(|peer| peer.poison = None);
        for node in 0..self.nodes.len() {
            for line in 0..self.nodes[node].lines.len() {
                self.tell(node, line, Event::Redrive(None))?;
            }
        }
        self.until(u64::MAX)?;
        oracle::all_is_there(self, false)
    }

    /// All that a run comes to, to compare two of one seed.
    pub fn told(&self) -> String {
        let logs: Vec<&Vec<Entry>> = self.nodes.iter().map(|node| &node.log).collect();
        let holds: Vec<_> = self.peers.iter().map(|peer| (&peer.holds, peer.requests)).collect();
        format!("{} {} {logs:?} {holds:?}", self.now_ms, self.steps)
    }

    fn until(&mut self, end_ms: u64) -> Result<(), String> {
        while let Some(entry) = self.queue.first_entry() {
            let (at, _) = *entry.key();
            if at > end_ms {
                break;
            }
            let happening = entry.remove();
            self.now_ms = at;
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return Err("it does not come to rest".to_owned());
            }
            self.happen(happening)?;
        }
        self.now_ms = self.now_ms.max(if end_ms == u64::MAX { 0 } else { end_ms });
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        let lives = |world: &World, node: usize, line: usize, life| world.nodes[node].lines[line].life == life;
        match happening {
            Happening::Write => self.write(),
            Happening::Chaos => self.misfortune(),
            Happening::Tell { node, line, life, event } if lives(self, node, line, life) => {
                self.tell(node, line, event)
            }
            Happening::Wake { node, line, life } if lives(self, node, line, life) => self.tell(node, line, Event::Tick),
            Happening::Disk { node, line, life, number, cursor, notes } if lives(self, node, line, life) => {
                if self.chaos && self.random.percent(5) {
                    return self.tell(node, line, Event::NotPersisted(number));
                }
                self.keep(node, line, cursor, notes);
                oracle::nothing_is_passed(self, node, line)?;
                self.tell(node, line, Event::Persisted(number))
            }
            // What is under way arrives, whoever sent it is there still or not.
            Happening::Arrive { node, line, life, ticket, put } => self.arrive(node, line, life, ticket, &put),
            _ => Ok(()),
        }
    }

    fn keep(&mut self, node: usize, line: usize, cursor: u64, notes: Vec<(String, Option<Note>)>) {
        let line = &mut self.nodes[node].lines[line];
        line.cursor = cursor;
        for (key, note) in notes {
            match note {
                Some(note) => drop(line.notes.insert(key, note)),
                None => drop(line.notes.remove(&key)),
            }
        }
    }

    /// Somebody writes at a node: a new resource, a new version, a delete.
    fn write(&mut self) -> Result<(), String> {
        let at = self.random.below(self.nodes.len() as u64) as usize;
        let key = format!("n{at}:Patient/{}", self.random.below(KEYS));
        let node = &self.nodes[at];
        let before = node.newest.get(&key).map(|place| &node.log[*place]);
        let version = before.map_or(1, |entry| entry.version + 1);
        let gone = before.is_some_and(|entry| entry.digest.is_some()) && self.random.percent(20);
        let digest = if gone { None } else { Some(self.random.next()) };
        self.append(at, Entry { key, version, digest, origin: None, home: at })
    }

    fn append(&mut self, at: usize, entry: Entry) -> Result<(), String> {
        let node = &mut self.nodes[at];
        node.newest.insert(entry.key.clone(), node.log.len());
        node.log.push(entry);
        for line in 0..self.nodes[at].lines.len() {
            let life = self.nodes[at].lines[line].life;
            self.soon(50, Happening::Tell { node: at, line, life, event: Event::Grown });
        }
        Ok(())
    }

    fn misfortune(&mut self) -> Result<(), String> {
        let node = self.random.below(self.nodes.len() as u64) as usize;
        let peer = self.random.below(self.peers.len() as u64) as usize;
        match self.random.below(8) {
            0..=2 => return self.crash(node),
            3 => self.nodes[node].skew_ms = self.random.below(3) * DAYS_30_MS,
            4 => self.peers[peer].down = !self.peers[peer].down,
            5 if self.peers[peer].class == Class::Stock => match self.peers[peer].backup {
                None => self.peers[peer].backup = Some(self.peers[peer].holds.clone()),
                Some(_) => {
                    self.peers[peer].restore();
                    self.restored[peer] = true;
                }
            },
            _ => {
                let line = self.random.below(self.nodes[node].lines.len() as u64) as usize;
                if self.planted == Some(Planted::RetryRowDeletedFirst) {
                    self.nodes[node].lines[line].notes.retain(|_, note| !note.parked);
                }
                return self.tell(node, line, Event::Redrive(None));
            }
        }
        Ok(())
    }

    /// Everything that is not on disk is gone.
    fn crash(&mut self, node: usize) -> Result<(), String> {
        for at in 0..self.nodes[node].lines.len() {
            let line = &self.nodes[node].lines[at];
            let notes = line.notes.clone().into_iter().collect();
            let (to, restored, life) = (line.to, Restored { cursor: line.cursor, notes }, line.life + 1);
            self.nodes[node].lines[at] = self.line(to, restored, life);
            oracle::nothing_is_passed(self, node, at)?;
            self.soon(2_000, Happening::Tell { node, line: at, life, event: Event::Grown });
        }
        Ok(())
    }

    fn tell(&mut self, node: usize, line: usize, event: Event) -> Result<(), String> {
        let now_ms = self.now_ms + self.nodes[node].skew_ms;
        let commands = self.nodes[node].lines[line].sender.on(now_ms, event);
        oracle::memory_is_bounded(&self.nodes[node].lines[line].sender)?;
        for command in commands {
            self.obey(node, line, command)?;
        }
        let life = self.nodes[node].lines[line].life;
        if let Some(wait_ms) = self.nodes[node].lines[line].sender.wake_in_ms() {
            self.at(self.now_ms + wait_ms, Happening::Wake { node, line, life });
        }
        Ok(())
    }

    fn obey(&mut self, node: usize, line: usize, command: Command) -> Result<(), String> {
        let life = self.nodes[node].lines[line].life;
        match command {
            Command::Read { after, limit } => {
                let event = self.look(node, after, limit);
                self.soon(20, Happening::Tell { node, line, life, event });
            }
            Command::Persist { number, cursor, notes } => {
                let read = self.nodes[node].lines[line].sender.standing().read;
                let cursor = if self.planted == Some(Planted::CursorTooEarly) { read } else { cursor };
                self.soon(100, Happening::Disk { node, line, life, number, cursor, notes });
                if self.planted == Some(Planted::AcknowledgedBeforePersisted) {
                    return self.tell(node, line, Event::Persisted(number));
                }
            }
            Command::Send { ticket, key, version, .. } => self.send(node, line, ticket, key, version),
        }
        Ok(())
    }

    fn look(&mut self, node: usize, after: u64, limit: usize) -> Event {
        let from = &self.nodes[node];
        let places = (after as usize..from.log.len()).take(limit);
        let name = |node: usize| Some(node.to_string());
        let echo = self.planted == Some(Planted::Echo);
        let item = |place: usize| {
            let entry = &from.log[place];
            let newest = from.newest[&entry.key] == place;
            Item {
                position: place as u64 + 1,
                key: entry.key.clone(),
                version: entry.version,
                lane: entry.key.bytes().last().map_or(0, |end| u64::from(end % 4)),
                what: match entry.digest {
                    _ if !newest => What::Stays,
                    Some(_) => What::Put,
                    None => What::Delete,
                },
                origin: entry.origin.filter(|_| !echo).and_then(name),
                home: Some(entry.home).filter(|home| *home != node && !echo).and_then(name),
                digest: entry.digest.unwrap_or_default(),
            }
        };
        let items: Vec<Item> = places.map(item).collect();
        let next = items.last().map_or(after, |item| item.position);
        Event::Read { after, items, next }
    }

    fn send(&mut self, node: usize, line: usize, ticket: u64, key: String, version: u64) {
        let life = self.nodes[node].lines[line].life;
        let from = &self.nodes[node];
        let newest = &from.log[from.newest[&key]];
        if newest.version > version {
            let event = Event::Answered { ticket, answer: Answer::Nothing };
            return self.soon(5, Happening::Tell { node, line, life, event });
        }
        let mut put = Put { key: key.clone(), version, digest: newest.digest };
        if put.digest.is_none() && self.planted == Some(Planted::ResurrectedDelete) {
            put.digest =
                from.log.iter().rev().find(|entry| entry.key == key && entry.digest.is_some()).and_then(|e| e.digest);
        }
        let is_node = self.peers[self.nodes[node].lines[line].to].class == Class::Hilum;
        if self.chaos && is_node && self.random.percent(5) {
            // The network keeps a second one for later.
            self.soon(60_000, Happening::Arrive { node, line, life, ticket: None, put: put.clone() });
        }
        self.soon(300, Happening::Arrive { node, line, life, ticket: Some(ticket), put });
    }

    fn arrive(&mut self, node: usize, line: usize, life: u64, ticket: Option<u64>, put: &Put) -> Result<(), String> {
        let to = self.nodes[node].lines[line].to;
        oracle::no_echo(put, to)?;
        let before = self.peers[to].holds.get(&put.key).cloned();
        let heard = self.peers[to].ask(put, &mut self.random);
        oracle::only_forward(&self.peers[to], &put.key)?;
        let after = self.peers[to].holds.get(&put.key).cloned();
        if to < self.nodes.len() && before != after {
            let home = oracle::home_of(&put.key);
            let (version, digest) = (put.version, put.digest);
            self.append(to, Entry { key: put.key.clone(), version, digest, origin: Some(node), home })?;
        }
        let Some(ticket) = ticket else { return Ok(()) };
        let within_ms = if heard.status == 0 { 30_000 } else { 300 };
        let event = Event::Answered { ticket, answer: judge(&heard) };
        if self.chaos && self.random.percent(3) {
            self.soon(5_000, Happening::Tell { node, line, life, event: event.clone() });
        }
        self.soon(within_ms, Happening::Tell { node, line, life, event });
        Ok(())
    }
}
