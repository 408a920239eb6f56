//! Servers at the other end: other nodes of ours, and stock FHIR servers with the faults that the field knows of.
//!
//! A stock server answers 200 with an error inside, 201 without a Location, a login page; loses its answer after it wrote;
//! is told twice; refuses one record (422) or fails at it (500); asks to be left alone; comes back from a backup.

use std::collections::BTreeMap;

use sync::engine::{Arrival, Body, Heard, arrival};

use crate::random::Random;

/// What a replica is: the home's version, and what it says; a delete says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    pub version: u64,
    pub digest: Option<u64>,
}

/// A request on its way.
#[derive(Debug, Clone)]
pub struct Put {
    pub key: String,
    pub version: u64,
    pub digest: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Hilum,
    Stock,
}

#[derive(Debug)]
pub struct Peer {
    pub class: Class,
    pub holds: BTreeMap<String, Replica>,
    /// Every version that a key was at, in order: what a stock server counts, and the oracles read.
    pub went_through: BTreeMap<String, Vec<Replica>>,
    pub backup: Option<BTreeMap<String, Replica>>,
    /// It answers nobody.
    pub down: bool,
    /// Misbehaves now and then; switched off at the end.
    pub lying: bool,
    /// Refuses or fails at keys whose name ends so.
    pub poison: Option<(char, u16)>,
    pub requests: u64,
}

impl Peer {
    pub fn new(class: Class) -> Peer {
        let (holds, went_through) = (BTreeMap::new(), BTreeMap::new());
        Peer { class, holds, went_through, backup: None, down: false, lying: true, poison: None, requests: 0 }
    }

    /// What comes back; a lost answer is one that never comes, told as status 0.
    pub fn ask(&mut self, put: &Put, random: &mut Random) -> Heard {
        self.requests += 1;
        let deleting = put.digest.is_none();
        let heard = |status, body| Heard { status, body, retry_after_ms: None, version: None, deleting };
        if self.down {
            return heard(0, Body::Empty);
        }
        if let Some((end, status)) = self.poison
            && put.key.ends_with(end)
        {
            let words = Body::Outcome(Some("this record is not to our taste".to_owned()));
            return heard(status, words);
        }
        if self.lying && random.percent(15) {
            return self.lie(put, random);
        }
        self.write(put);
        if self.lying && random.percent(3) {
            // Told twice by the network.
            self.write(put);
        }
        let version = self.went_through.get(&put.key).map(|versions| versions.len() as u64);
        match (deleting, self.class) {
            (true, _) => heard(204, Body::Empty),
            (false, Class::Stock) => Heard { version, ..heard(200, Body::Resource) },
            (false, Class::Hilum) => heard(200, Body::Empty),
        }
    }

    fn lie(&mut self, put: &Put, random: &mut Random) -> Heard {
        let deleting = put.digest.is_none();
        let heard = |status, body| Heard { status, body, retry_after_ms: None, version: None, deleting };
        match random.below(8) {
            0 => heard(200, Body::Outcome(Some("the database is not there".to_owned()))),
            1 => {
                self.write(put);
                heard(201, Body::Empty)
            }
            2 => heard(200, Body::Foreign),
            3 => {
                self.write(put);
                heard(0, Body::Empty)
            }
            4 => Heard { retry_after_ms: Some(random.below(20_000)), ..heard(429, Body::Empty) },
            5 => heard(302, Body::Foreign),
            6 => heard(503, Body::Foreign),
            _ => heard(0, Body::Empty),
        }
    }

    /// A Hilum node holds versions against each other; a stock server takes the last word.
    pub fn write(&mut self, put: &Put) {
        let held = self.holds.get(&put.key);
        let news = Replica { version: put.version, digest: put.digest };
        let taken = match self.class {
            Class::Hilum => arrival(held.map(|held| held.version), put.version) == Arrival::Write,
            Class::Stock => held.is_none_or(|held| held.digest != news.digest || held.version != news.version),
        };
        if taken {
            self.holds.insert(put.key.clone(), news.clone());
            self.went_through.entry(put.key.clone()).or_default().push(news);
        }
    }

    pub fn restore(&mut self) {
        if let Some(backup) = self.backup.take() {
            self.holds = backup;
            // What it goes through is counted anew.
            self.went_through.clear();
        }
    }
}
