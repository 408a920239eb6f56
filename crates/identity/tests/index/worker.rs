//! The worker over Redis: the same people as over memory, and none joined or doubled by a Redis that comes and goes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use consent::{Access, Policy};
use identity::golden::Rules;
use identity::index::RedisSettings;
use identity::worker::{FEW, Identity, Trouble};
use identity::{Engine, Model};
use record::{Change, Commit, Expect, Key, Options, Record, Time, Write};

use crate::server::Server;
use crate::{Random, patient, settings};

pub struct Place {
    dir: PathBuf,
    pub record: Record,
}

impl Place {
    pub fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hilum-identity-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        Place { record: Record::open(&dir, Options::default()).unwrap(), dir }
    }

    pub async fn register(&self, json: &str, now: i64) {
        let resource = fhir::json::read(json.as_bytes()).unwrap();
        let prepared = self.record.prepare(&resource);
        self.write(prepared.key().clone(), Change::Put(prepared), now).await;
    }

    async fn write(&self, key: Key, change: Change, now: i64) {
        let origin = "clinic".to_owned();
        let write = Write {
            key,
            expect: Expect::Any,
            change,
            origin,
            source_time: None,
            state: Vec::new(),
            groups: Vec::new(),
        };
        let commit = Commit { now: Time(now), writes: vec![write], ..Commit::default() };
        self.record.commit(&Policy::site().intake(), commit).await.unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left behind in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn access() -> Access {
    Policy::site().identity()
}

fn engine() -> Engine {
    Engine::new(Model::default(), FEW)
}

pub fn in_memory(place: &Place) -> Identity {
    Identity::new(place.record.clone(), access(), engine(), Rules::default())
}

pub fn in_redis(place: &Place, server: &Server) -> Identity {
    in_redis_at(place, settings(server))
}

pub fn in_redis_at(place: &Place, settings: RedisSettings) -> Identity {
    Identity::with_redis(place.record.clone(), access(), engine(), Rules::default(), settings).unwrap()
}

pub async fn follow(identity: &Identity, now: i64) {
    while identity.step(Time(now)).await.unwrap() {}
}

/// Who is one person with whom.
pub async fn people(identity: &Identity, count: usize) -> BTreeSet<(BTreeSet<String>, Option<Key>)> {
    let mut people = BTreeSet::new();
    for number in 0..count {
        people.insert(identity.same(&format!("p{number}")).await.unwrap());
    }
    people
}

pub const PEOPLE: usize = 60;

/// Registrations, changes and deletions, the same for whoever follows them.
pub async fn day(place: &Place, part: u64) {
    let mut random = Random(part);
    for change in 0..80 {
        let id = format!("p{}", random.below(PEOPLE));
        let now = 1_000 * (1 + change + 100 * part as i64);
        match random.below(8) {
            0 => {
                let key = Key::new("Patient", id.as_str());
                if place.record.current(&access(), &key).await.unwrap().is_some_and(|there| !there.is_deleted()) {
                    place.write(key, Change::Delete, now).await;
                }
            }
            _ => place.register(&patient(&id, &mut random), now).await,
        }
    }
}

#[tokio::test]
async fn over_redis_the_same_people_are_found_as_over_memory() {
    let Some(server) = Server::start() else { return };
    let (one, other) = (Place::new(), Place::new());
    let (memory, redis) = (in_memory(&one), in_redis(&other, &server));
    for part in 1..4 {
        day(&one, part).await;
        day(&other, part).await;
        follow(&memory, 1_000_000_000).await;
        follow(&redis, 1_000_000_000).await;
        let (one, other) = (people(&memory, PEOPLE).await, people(&redis, PEOPLE).await);
        assert_eq!(one, other);
        assert!(one.iter().any(|(sources, golden)| sources.len() > 1 && golden.is_some()), "somebody is linked");
    }
}

#[tokio::test]
async fn a_redis_that_comes_and_goes_joins_nobody_and_doubles_nobody() {
    let Some(mut server) = Server::start() else { return };
    let (one, other) = (Place::new(), Place::new());
    let (memory, redis) = (in_memory(&one), in_redis(&other, &server));
    day(&one, 1).await;
    follow(&memory, 1_000_000_000).await;
    day(&other, 1).await;
    follow(&redis, 1_000_000_000).await;
    // Flushed: found out at the next step, and made again.
    redis::cmd("FLUSHALL").exec(&mut server.client()).unwrap();
    day(&one, 2).await;
    follow(&memory, 1_000_000_000).await;
    day(&other, 2).await;
    follow(&redis, 1_000_000_000).await;
    assert_eq!(people(&memory, PEOPLE).await, people(&redis, PEOPLE).await);
    // Gone: registrations are written all the same, nothing is decided, and nothing is said.
    server.kill();
    day(&one, 3).await;
    day(&other, 3).await;
    let before = other.record.position().await.unwrap();
    assert_eq!(redis.step(Time(2_000_000_000)).await.unwrap_err(), Trouble::Warming);
    assert_eq!(redis.same("p1").await.unwrap_err(), Trouble::Warming);
    assert_eq!(other.record.position().await.unwrap(), before, "nothing was decided");
    // Back, and empty.
    server.restart(&[]);
    follow(&redis, 1_000_000_000).await;
    follow(&memory, 1_000_000_000).await;
    assert_eq!(people(&memory, PEOPLE).await, people(&redis, PEOPLE).await);
}

#[tokio::test]
async fn a_worker_that_begins_again_goes_on_with_the_index_that_is_there() {
    let Some(server) = Server::start() else { return };
    let place = Place::new();
    day(&place, 1).await;
    let first = in_redis(&place, &server);
    follow(&first, 1_000_000_000).await;
    let kept: String = redis::cmd("HGET").arg("{hilum}meta").arg("slots").query(&mut server.client()).unwrap();
    // An index that lags behind what was committed, as after a power cut between the two.
    day(&place, 2).await;
    let behind = in_memory(&place);
    follow(&behind, 1_500_000_000).await;
    let second = in_redis(&place, &server);
    follow(&second, 2_000_000_000).await;
    assert_eq!(people(&behind, PEOPLE).await, people(&second, PEOPLE).await);
    let slots: String = redis::cmd("HGET").arg("{hilum}meta").arg("slots").query(&mut server.client()).unwrap();
    assert!(slots.parse::<u64>().unwrap() >= kept.parse::<u64>().unwrap(), "it was not made anew");
    assert!(matches!(first.step(Time(3_000_000_000)).await, Err(Trouble::Refused(_))), "the earlier worker is done");
    let fresh = in_memory(&place);
    follow(&fresh, 2_000_000_000).await;
    assert_eq!(people(&fresh, PEOPLE).await, people(&second, PEOPLE).await);
}
