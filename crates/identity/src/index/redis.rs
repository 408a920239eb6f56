//! The index in Redis: one that outlives the worker, and costs the node no memory.
//!
//! Redis is a cache here and never the truth. All its keys begin with one prefix:
//!
//! - `meta`, the sentinel: epoch of the log, lease of the worker, count of writes, and the position up to which all is whole;
//! - `b` hashes: block keys, each with the slots of its members, packed; `B` strings: the larger blocks;
//! - `i` hashes: the slot of an id;
//! - `r` hashes: 32 slots each, with the registration under seal.
//!
//! There is one worker, so nothing is compared and swapped: but every script looks at the sentinel first, and whatever differs
//! from what this worker wrote last is "warming". Then [`Redis::begin`] finds out how much is left of it. A change that failed
//! halfway leaves `whole` where it was, and is made once more from there. Blocks that lie in one hash are changed by one call,
//! so that a change of many registrations at once costs each of them little.
//!
//! Measured (`examples/redis.rs`, 100,000 invented registrations of 18 keys, Redis 7.0, two cores that others held at a load of 5, our
//! code lightly optimised): 352 bytes a registration; one look-up p50 0.21 ms, p95 0.65 ms, 16 found; 10,000 put a second,
//! of which Redis computes 60 microseconds each.

mod script;
mod seal;
mod settings;

use std::collections::HashMap;
use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisError};
use record::Position;

pub use self::script::MEMBERS_MAX;
use self::script::Script;
use self::seal::{ID_BYTES, KEY_BYTES, Seal};
pub use self::settings::RedisSettings;
use super::{Asked, Found, Log, Put};
use crate::key::{self, Secret};
use crate::registration::Registration;
use crate::worker::Trouble;

/// What one script looks for or changes: a millisecond or two, in which Redis answers nobody.
const PART: usize = 512;
/// Scripts that are sent before an answer is waited for.
const SENT_MAX: usize = 64;
/// Keys that are taken away at once.
const CLEARED_MAX: usize = 1_000;
/// Block keys that a registration is the first to have, about; and fields of a hash, so that it stays packed and is read through
/// quickly.
const KEYS_EACH: usize = 12;
const FIELDS: usize = 32;
const EXPECTED_MIN: usize = 20_000;
/// With so many times more registrations than were expected the hashes are too large, and the index is made anew of the log.
const GROWTH: usize = 4;

/// The index in Redis.
pub struct Redis {
    client: Client,
    settings: RedisSettings,
    seal: Seal,
    secret: Secret,
    /// None: there is none yet, or what it said was not understood. [`Redis::begin`] makes it.
    link: Option<Link>,
}

/// A connection, and what the index is believed to be.
struct Link {
    connection: MultiplexedConnection,
    /// The hashes of the scripts, as in [`Script::ALL`].
    scripts: Vec<String>,
    prefix: String,
    epoch: String,
    lease: i64,
    writes: u64,
    buckets: u32,
    whole: bool,
}

/// Where a registration lies.
type Slot = [u8; 4];

/// Of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Out,
    In,
}

/// What registrations leave behind, and what they bring.
#[derive(Default)]
struct Change {
    moves: Vec<([u8; KEY_BYTES], Way, Slot)>,
    /// Nothing under seal: it goes.
    records: Vec<(Slot, [u8; ID_BYTES], Vec<u8>)>,
}

impl Redis {
    /// Connects to nobody yet. `id_key` is the store's; `secret` is the engine's: what keys a registration had is made of it.
    pub fn new(settings: RedisSettings, id_key: &[u8; 32], secret: Secret) -> Result<Redis, String> {
        let client = settings.client()?;
        Ok(Redis { client, settings, seal: Seal::new(id_key), secret, link: None })
    }

    pub(super) async fn begin(&mut self, log: &Log) -> Result<Option<Position>, Trouble> {
        self.link = None;
        let begun = self.connect(log).await;
        let (link, whole) = begun.map_err(|error| trouble(&error))??;
        self.link = Some(link);
        Ok(whole)
    }

    /// What is to be had of what is there, or an empty index.
    async fn connect(&self, log: &Log) -> Result<Result<(Link, Option<Position>), Trouble>, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.timeout()))
            .set_response_timeout(Some(self.settings.timeout()));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        if let Some(why) = unfit(&mut connection).await? {
            return Ok(Err(Trouble::Refused(why)));
        }
        let mut load = ::redis::pipe();
        for script in Script::ALL {
            load.cmd("SCRIPT").arg("LOAD").arg(script.text());
        }
        let scripts: Vec<String> = load.query_async(&mut connection).await?;
        let (prefix, epoch) = (self.settings.prefix.clone(), format!("{}.{:016x}", log.epoch, form(self.secret)));
        let link = Link { connection, scripts, prefix, epoch, lease: log.lease, writes: 0, buckets: 1, whole: false };
        self.take_over(link, log).await
    }

    async fn take_over(
        &self,
        mut link: Link,
        log: &Log,
    ) -> Result<Result<(Link, Option<Position>), Trouble>, RedisError> {
        let mut begin = link.bare(Script::Begin, &[]);
        begin.arg(&link.epoch).arg(link.lease);
        let (writes, whole, buckets, size): (u64, Option<String>, u32, usize) =
            begin.query_async(&mut link.connection).await?;
        let whole = whole.and_then(|whole| whole.parse::<Position>().ok()).filter(|whole| *whole <= log.cursor);
        if let Some(whole) = whole
            && buckets > 0
            && size <= holds(buckets)
        {
            (link.writes, link.buckets, link.whole) = (writes, buckets, true);
            return Ok(Ok((link, Some(whole))));
        }
        link.clear().await?;
        let buckets = log.expected.max(EXPECTED_MIN) * KEYS_EACH / FIELDS;
        link.buckets = u32::try_from(buckets).unwrap_or(u32::MAX);
        let mut open = link.bare(Script::Open, &[]);
        open.arg(&link.epoch).arg(link.lease).arg(link.buckets);
        open.query_async::<()>(&mut link.connection).await?;
        Ok(Ok((link, None)))
    }

    pub(super) async fn is_whole(&mut self) -> Result<bool, Trouble> {
        match self.link.as_ref().is_some_and(|link| link.whole) {
            false => Ok(false),
            true => match self.size().await {
                Ok(size) => Ok(self.link.as_ref().is_some_and(|link| size <= holds(link.buckets))),
                Err(Trouble::Warming) => Ok(false),
                Err(trouble) => Err(trouble),
            },
        }
    }

    pub(super) async fn mark_whole(&mut self, position: Position) -> Result<(), Trouble> {
        self.run::<i64>(vec![(Script::Whole, vec![position.to_string().into_bytes()])]).await?;
        if let Some(link) = &mut self.link {
            link.whole = true;
        }
        Ok(())
    }

    pub(super) async fn size(&mut self) -> Result<usize, Trouble> {
        let check = self.link()?.call(Script::Check);
        let size: Vec<usize> = self.query(::redis::pipe().add_command(check)).await?;
        Ok(size.first().copied().unwrap_or_default())
    }

    pub(super) async fn look_up(&mut self, asked: &[Asked], block_max: usize) -> Result<Vec<Vec<Arc<Found>>>, Trouble> {
        if !self.link()?.whole {
            return Err(Trouble::Warming);
        }
        let mut all = Vec::with_capacity(asked.len());
        // Whoever is found by several is opened once.
        let mut opened: HashMap<[u8; 4], Arc<Found>> = HashMap::new();
        for part in asked.chunks(SENT_MAX) {
            let mut pipe = ::redis::pipe();
            for asked in part {
                let mut look_up = self.link()?.call(Script::LookUp);
                look_up.arg(block_max).arg(self.keys(&asked.keys)?);
                pipe.add_command(look_up);
            }
            let answers: Vec<Vec<Vec<u8>>> = self.query(&pipe).await?;
            for (asked, answer) in part.iter().zip(answers) {
                let mut found = Vec::with_capacity(answer.len());
                for entry in &answer {
                    found.push(self.opened(entry, &mut opened)?);
                }
                found.retain(|found| found.registration.id != asked.id);
                all.push(found);
            }
        }
        Ok(all)
    }

    fn opened(&self, entry: &[u8], opened: &mut HashMap<[u8; 4], Arc<Found>>) -> Result<Arc<Found>, Trouble> {
        let (slot, sealed) = entry.split_first_chunk::<4>().ok_or(Trouble::Warming)?;
        if let Some(found) = opened.get(slot) {
            return Ok(found.clone());
        }
        let found = self.seal.open(sealed).ok_or(Trouble::Warming)?;
        opened.insert(*slot, found.clone());
        Ok(found)
    }

    pub(super) async fn get(&mut self, ids: &[&str]) -> Result<Vec<Option<Arc<Found>>>, Trouble> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let buckets = self.link()?.buckets;
        let mut pipe = ::redis::pipe();
        for part in ids.chunks(PART) {
            let hashes: Vec<u8> = part.iter().flat_map(|id| self.seal.id(id, buckets)).collect();
            let mut get = self.link()?.call(Script::Get);
            get.arg(hashes);
            pipe.add_command(get);
        }
        let answers: Vec<Vec<Option<Vec<u8>>>> = self.query(&pipe).await?;
        let mut found = Vec::with_capacity(ids.len());
        for (id, sealed) in ids.iter().zip(answers.into_iter().flatten()) {
            let one = match sealed {
                None => None,
                Some(sealed) => Some(self.seal.open(&sealed).ok_or(Trouble::Warming)?),
            };
            found.push(one.filter(|one| one.registration.id == *id));
        }
        if found.len() == ids.len() { Ok(found) } else { Err(Trouble::Warming) }
    }

    pub(super) async fn put(&mut self, puts: &[Put]) -> Result<(), Trouble> {
        let ids: Vec<&str> = puts.iter().map(|put| put.found.registration.id.as_str()).collect();
        let slots = self.slots(&ids).await?;
        let mut change = Change::default();
        for (put, (slot, before)) in puts.iter().zip(slots) {
            // Keys that it had before are put in again: the change that is repeated here may have taken them out.
            let mut gone = before.map(|before| key::keys(&before.registration, self.secret)).unwrap_or_default();
            gone.retain(|key| !put.keys.contains(key));
            self.moves(&mut change, &gone, slot, Way::Out)?;
            self.moves(&mut change, &put.keys, slot, Way::In)?;
            change.records.push((slot, self.id(&put.found.registration.id)?, self.seal.close(&put.found)));
        }
        self.write(change).await
    }

    pub(super) async fn remove(&mut self, ids: &[&str]) -> Result<(), Trouble> {
        let mut change = Change::default();
        for (id, (slot, before)) in ids.iter().zip(self.slots(ids).await?) {
            let gone = before.map(|before| key::keys(&before.registration, self.secret)).unwrap_or_default();
            self.moves(&mut change, &gone, slot, Way::Out)?;
            change.records.push((slot, self.id(id)?, Vec::new()));
        }
        self.write(change).await
    }

    /// The slots of these, and what is there of them.
    async fn slots(&mut self, ids: &[&str]) -> Result<Vec<(Slot, Option<Arc<Found>>)>, Trouble> {
        let mut scripts = Vec::new();
        for part in ids.chunks(PART) {
            let mut hashes = Vec::with_capacity(part.len() * ID_BYTES);
            for id in part {
                hashes.extend(self.id(id)?);
            }
            scripts.push((Script::Slots, vec![hashes]));
        }
        let mut slots = Vec::with_capacity(ids.len());
        for entry in self.run::<Vec<Vec<u8>>>(scripts).await?.into_iter().flatten() {
            let (slot, sealed) = entry.split_first_chunk::<4>().ok_or(Trouble::Warming)?;
            let found = match sealed {
                [] => None,
                sealed => Some(self.seal.open(sealed).ok_or(Trouble::Warming)?),
            };
            slots.push((*slot, found));
        }
        if slots.len() == ids.len() { Ok(slots) } else { Err(Trouble::Warming) }
    }

    fn moves(&self, change: &mut Change, keys: &[u64], slot: Slot, way: Way) -> Result<(), Trouble> {
        let buckets = self.link()?.buckets;
        change.moves.extend(keys.iter().map(|key| (self.seal.block_key(*key, buckets), way, slot)));
        Ok(())
    }

    /// Makes a change: the blocks first, so that whoever is there is in all the blocks of its keys.
    async fn write(&mut self, mut change: Change) -> Result<(), Trouble> {
        change.moves.sort_unstable();
        let mut blocks = Vec::new();
        for block in change.moves.chunk_by(|one, other| one.0 == other.0) {
            let slots = |way| block.iter().filter(|of| of.1 == way).flat_map(|of| of.2).collect::<Vec<u8>>();
            blocks.push([block[0].0.to_vec(), slots(Way::Out), slots(Way::In)]);
        }
        let records = change.records.into_iter().map(|(slot, id, sealed)| [slot.to_vec(), id.to_vec(), sealed]);
        let records: Vec<[Vec<u8>; 3]> = records.collect();
        let blocks = blocks.chunks(PART).map(|part| (Script::Blocks, part.concat()));
        let records = records.chunks(PART).map(|part| (Script::Records, part.concat()));
        self.run::<i64>(blocks.chain(records).collect()).await?;
        Ok(())
    }

    /// Runs scripts that write, in order, each with its arguments.
    async fn run<T: FromRedisValue>(&mut self, scripts: Vec<(Script, Vec<Vec<u8>>)>) -> Result<Vec<T>, Trouble> {
        let mut answers = Vec::with_capacity(scripts.len());
        for part in scripts.chunks(SENT_MAX) {
            let mut pipe = ::redis::pipe();
            for (script, arguments) in part {
                let link = self.link_mut()?;
                let mut call = link.call(*script);
                link.writes += 1;
                call.arg(arguments);
                pipe.add_command(call);
            }
            answers.extend(self.query::<Vec<T>>(&pipe).await?);
        }
        Ok(answers)
    }

    fn id(&self, id: &str) -> Result<[u8; ID_BYTES], Trouble> {
        Ok(self.seal.id(id, self.link()?.buckets))
    }

    fn keys(&self, keys: &[u64]) -> Result<Vec<u8>, Trouble> {
        let buckets = self.link()?.buckets;
        Ok(keys.iter().flat_map(|key| self.seal.block_key(*key, buckets)).collect())
    }

    fn link(&self) -> Result<&Link, Trouble> {
        self.link.as_ref().ok_or(Trouble::Warming)
    }

    fn link_mut(&mut self) -> Result<&mut Link, Trouble> {
        self.link.as_mut().ok_or(Trouble::Warming)
    }

    /// Asks. Whatever goes wrong, the index is begun again before anything else is asked of it.
    async fn query<T: FromRedisValue>(&mut self, pipe: &Pipeline) -> Result<T, Trouble> {
        let link = self.link_mut()?;
        let answer: Result<T, RedisError> = pipe.query_async(&mut link.connection).await;
        answer.map_err(|error| {
            self.link = None;
            trouble(&error)
        })
    }
}

impl Link {
    /// A script behind the guard.
    fn call(&self, script: Script) -> Cmd {
        let mut call = self.bare(script, &[]);
        call.arg(&self.epoch).arg(self.lease).arg(self.writes).arg(&self.prefix);
        call
    }

    fn bare(&self, script: Script, keys: &[Vec<u8>]) -> Cmd {
        let at = Script::ALL.iter().position(|other| *other == script).expect("all scripts are there");
        let mut call = ::redis::cmd("EVALSHA");
        call.arg(&self.scripts[at]).arg(keys.len() + 1).arg(self.meta()).arg(keys);
        call
    }

    fn meta(&self) -> String {
        format!("{}meta", self.prefix)
    }

    /// Takes away all keys but the sentinel.
    async fn clear(&mut self) -> Result<(), RedisError> {
        let (meta, mut cursor) = (self.meta(), "0".to_owned());
        loop {
            let mut scan = ::redis::cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(format!("{}*", self.prefix)).arg("COUNT").arg(CLEARED_MAX);
            let (next, mut keys): (String, Vec<Vec<u8>>) = scan.query_async(&mut self.connection).await?;
            keys.retain(|key| key != meta.as_bytes());
            if !keys.is_empty() {
                let mut clear = self.bare(Script::Clear, &keys);
                clear.arg(self.lease);
                clear.query_async::<()>(&mut self.connection).await?;
            }
            if next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }
}

/// The registrations that so many hashes hold well.
fn holds(buckets: u32) -> usize {
    GROWTH * (buckets as usize * FIELDS / KEYS_EACH)
}

/// Why this Redis cannot hold an index: one that forgets keys on its own would say "nobody" of somebody who is there.
async fn unfit(connection: &mut MultiplexedConnection) -> Result<Option<String>, RedisError> {
    let memory: String = ::redis::cmd("INFO").arg("memory").query_async(connection).await?;
    let of =
        |name: &str| memory.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default();
    let forgets = of("maxmemory") != "0" && of("maxmemory_policy").starts_with("allkeys");
    Ok(forgets.then(|| {
        format!("redis forgets keys at will: set maxmemory-policy noeviction, not {}", of("maxmemory_policy"))
    }))
}

/// Changes whenever keys are made otherwise than before: what was put in under other keys would not be found.
fn form(secret: Secret) -> u64 {
    let patient = br#"{"resourceType":"Patient","id":"form","birthDate":"1971-02-03","gender":"female",
        "name":[{"family":"Garcia-Lopez","given":["Maria","Elena"]}],"telecom":[{"system":"phone","value":"212 555 0143"}],
        "address":[{"line":["12 Oak Street"],"city":"Springfield","postalCode":"62701"}]}"#;
    let patient = fhir::json::read(patient).expect("the form is a Patient");
    let of = Registration::read(&patient).expect("the form is a Patient");
    let packed = crate::pack::pack(&of).into_iter().map(u64::from);
    key::keys(&of, secret).into_iter().chain(packed).fold(0, |all, key| all.rotate_left(7) ^ key)
}

/// What the worker has to know of it. Whatever Redis lacks or does not say is "warming".
fn trouble(error: &RedisError) -> Trouble {
    // Of many scripts in one trip the first that failed says why.
    let first =
        error.clone().into_server_errors().and_then(|all| all.first().map(|(_, error)| error.code().to_owned()));
    let code = first.or_else(|| error.code().map(str::to_owned)).unwrap_or_default();
    match code.as_str() {
        "OUTPACED" => Trouble::Refused("another worker has taken the index over".to_owned()),
        "WARMING" | "NOSCRIPT" => {
            tracing::info!(code, "the index in redis is not what was left there; it is brought to where it should be");
            Trouble::Warming
        }
        _ => {
            // No more of it is said: a script's error could repeat what it was given.
            tracing::warn!(kind = ?error.kind(), code, "redis is not to be had; who is one person waits for it");
            Trouble::Warming
        }
    }
}
