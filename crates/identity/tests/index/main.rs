//! The index in a real Redis, beside the one in memory: the same answers, and "warming" whenever it is not what it was.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]

mod crowd;
mod faults;
mod nodes;
mod same;
mod secured;
mod server;
mod worker;

use std::sync::Arc;

use identity::index::{Asked, Found, Log, Put, RedisSettings};
use identity::key::keys;
use identity::{Registration, Secret};
use record::Position;

const BLOCK_MAX: usize = 500;
const ID_KEY: [u8; 32] = [7; 32];

fn at(position: i64) -> Position {
    position.to_string().parse().unwrap()
}

fn log(epoch: &str, lease: i64, cursor: i64) -> Log {
    Log { epoch: epoch.to_owned(), lease, cursor: at(cursor), expected: 1_000 }
}

fn settings(server: &server::Server) -> RedisSettings {
    RedisSettings { url: server.url(), ..RedisSettings::default() }
}

/// A Patient of a small town, where many are alike.
fn patient(id: &str, random: &mut Random) -> String {
    let mut of = |list: &[&str]| list[random.below(list.len())].to_owned();
    let given = of(&["Nora", "Robert", "Emma", "Olga", "Tomasz", "Aisha"]);
    let family = of(&["Lindqvist", "Hale", "Brandt", "Al-Hassan", "O'Neill"]);
    let birth = of(&["1961-05-17", "1950-03-02", "1979-09-21", "2019-07-04"]);
    let phone = of(&["617-555-0142", "617-555-0177", "617-555-0111"]);
    let street = of(&["12 Elm Street", "8 Oak Lane", "3 Mill Road"]);
    format!(
        r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"{family}","given":["{given}"]}}],"birthDate":"{birth}",
        "telecom":[{{"system":"phone","value":"{phone}"}}],
        "address":[{{"line":["{street}"],"city":"Boston","postalCode":"02116"}}]}}"#
    )
}

fn registration(json: &str) -> Registration {
    Registration::read(&fhir::json::read(json.as_bytes()).unwrap()).unwrap()
}

fn put(registration: Registration, first: i64) -> Put {
    let keys = keys(&registration, Secret::default());
    Put { found: Arc::new(Found { registration, first: at(first) }), keys }
}

fn like(put: &Put) -> Asked {
    Asked { id: put.found.registration.id.clone(), keys: put.keys.clone() }
}

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
