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
//! What it costs stands in the crate's README; `examples/redis.rs` measures it.

mod read;
mod script;
mod seal;
mod settings;
mod write;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisError};
use record::Position;

pub use self::script::MEMBERS_MAX;
use self::script::Script;
use self::seal::{KEY_BYTES, Seal};
pub use self::settings::RedisSettings;
use super::Log;
use crate::key::{self, Secret};
use crate::registration::Registration;
use crate::worker::Trouble;

/// What one script looks for or changes: a millisecond or two, in which Redis answers nobody.
const PART: usize = 512;
/// How often a node of a cluster may send on to another one.
const MOVES_MAX: usize = 4;
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
/// Of a block: the number of its hash and its field there.
type BlockKey = [u8; KEY_BYTES];

impl Redis {
    /// Connects to nobody yet. `id_key` is the store's; `secret` is the engine's: what keys a registration had is made of it.
    pub fn new(settings: RedisSettings, id_key: &[u8; 32], secret: Secret) -> Result<Redis, String> {
        let client = settings.client(None)?;
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
        let mut connection = match self.node().await? {
            Ok(connection) => connection,
            Err(why) => return Ok(Err(Trouble::Refused(why))),
        };
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

    /// A connection to whom the keys are with: of a cluster, the node that has the slot of the prefix.
    async fn node(&self) -> Result<Result<MultiplexedConnection, String>, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.timeout()))
            .set_response_timeout(Some(self.settings.timeout()));
        let mut client = self.client.clone();
        for _ in 0..MOVES_MAX {
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            let mut probe = ::redis::cmd("HGET");
            probe.arg(format!("{}meta", self.settings.prefix)).arg("epoch");
            let Err(error) = probe.query_async::<Option<String>>(&mut connection).await else {
                return Ok(Ok(connection));
            };
            let Some((node, _)) = error.redirect_node() else { return Err(error) };
            client = match self.settings.client(Some(node)) {
                Ok(client) => client,
                Err(why) => return Ok(Err(why)),
            };
        }
        Ok(Err("redis: the nodes of the cluster do not agree on where the keys are".to_owned()))
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
