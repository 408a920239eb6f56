//! The configuration: what can be set, its defaults, and what it means (`deploy/hilum.toml` is the annotated example).
//!
//! Defaults < `hilum.toml` < `HILUM__SECTION__KEY` < flags; `load.rs` puts them over each other and remembers where each
//! value came from. The structs below are the only list of keys: a key that is not here is an error. A secret is never a
//! value here: its key ends in `_file` and names the file that holds it, so that a configuration can be shown to anybody.

mod bulk;
mod load;
mod subscriptions;
mod sync;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use identity::golden::{Rule, Rules};
use identity::index::RedisSettings;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use bulk::Bulk;
pub use load::{Flags, Loaded, load};
pub use subscriptions::Subscriptions;
pub use sync::Sync;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub store: Store,
    pub http: Http,
    pub search: Search,
    pub fhir: Fhir,
    pub bulk: Bulk,
    pub identity: Identity,
    pub sync: Sync,
    pub subscriptions: Subscriptions,
    pub profiles: Profiles,
    pub server: Server,
    pub log: Log,
    pub source: Vec<Source>,
}

/// `[store]`: the record on this machine's disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The directory of the record; made where it is not there.
    pub data: PathBuf,
    /// 64 hexadecimal digits that ids are made with, for a store that is made now; random where none is given.
    pub id_key_file: Option<PathBuf>,
    /// Days after which the bytes of a message are emptied; parked messages keep theirs. 0 keeps them for ever.
    pub message_days: u32,
    /// Threads that read.
    pub readers: usize,
    /// Reads and commits that may wait; more are told to come again.
    pub queue: usize,
}

/// `[http]`: the FHIR API, `/hl7v2`, health and metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    pub listen: SocketAddr,
    /// How others reach us, such as `https://fhir.clinic.example/fhir`; made from the request's Host where it is not set.
    pub base_url: Option<String>,
    /// Requesters on this machine may read and write everything, without a credential.
    pub open_on_loopback: bool,
    /// Whether to listen beyond this machine although there are no credentials and no TLS yet. It opens the port, not
    /// the data: FHIR requests from the network are refused all the same; `/hl7v2` answers to its permitted peers.
    pub trusted_network: bool,
    /// Bytes of a request's body, before and after unpacking.
    pub body_bytes_max: usize,
    /// Bytes of all bodies that are in hand at once; more wait. Bodies below 64 KiB are not counted.
    pub bodies_bytes_max: usize,
    /// Objects inside one another in a body, at most 64.
    pub depth_max: usize,
    /// Bytes of a request's path and query.
    pub url_bytes_max: usize,
    /// Entries of a batch or transaction.
    pub bundle_entries_max: usize,
    /// Connections at once.
    pub connections_max: usize,
    /// Threads that answer; 0 for as many as the machine has cores.
    pub workers: usize,
    /// Until a request has come whole.
    pub request_seconds: u64,
    /// How long a client may take nothing of what is sent to it, before its connection is closed.
    pub write_seconds: u64,
}

/// `[fhir]`: what is asked of resources that clients write.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fhir {
    /// How resources are judged when they are written, beyond the structure, which always is.
    pub validate: Validate,
}

/// How far a write is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validate {
    /// Structure, cardinality, formats and required codes.
    #[default]
    Off,
    /// The invariants of R4, reference targets and the rules of Bundles too; what breaks one is refused.
    Base,
}

/// `[identity]`: when two registrations are one person, and where the index of them is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// Bits of weight from which two are linked without asking anybody.
    pub link_bits: f64,
    /// Bits from which a person is asked.
    pub review_bits: f64,
    /// What agreement is worth, as `hilum identity tune` learned it of this site's registrations; the shipped model where it is not set.
    pub model_file: Option<PathBuf>,
    /// Which source's value a golden Patient shows, by element of Patient: all, most, newest or trusted.
    pub survivorship: BTreeMap<String, Rule>,
    /// Identifier systems whose sources `trusted` prefers, the most trusted first.
    pub trusted: Vec<String>,
    /// `redis://host:port/db`, or `rediss://` for TLS; the index is in this node's memory where it is not set.
    pub redis: Option<String>,
    pub redis_username_file: Option<PathBuf>,
    pub redis_password_file: Option<PathBuf>,
    /// PEM; those of the system where it is not set.
    pub redis_ca_file: Option<PathBuf>,
    /// What all keys begin with; the word in braces keeps them in one place of a cluster.
    pub redis_prefix: String,
    /// How long Redis may take to answer.
    pub redis_timeout_ms: u64,
}

impl Identity {
    /// Which source's value a golden Patient shows.
    pub fn rules(&self) -> Result<Rules, String> {
        let rules =
            self.survivorship.iter().try_fold(Rules::default(), |rules, (element, rule)| rules.with(element, *rule));
        Ok(rules.map_err(|why| format!("survivorship.{why}"))?.trusting(self.trusted.clone()))
    }

    /// The index in Redis, where there is one.
    pub fn redis(&self) -> Option<RedisSettings> {
        Some(RedisSettings {
            url: self.redis.clone()?,
            username_file: self.redis_username_file.clone(),
            password_file: self.redis_password_file.clone(),
            tls_ca_file: self.redis_ca_file.clone(),
            prefix: self.redis_prefix.clone(),
            timeout_ms: self.redis_timeout_ms,
        })
    }
}

/// `[search]`: how much one search may ask, bring and cost. Reaching a limit is said by its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Parameters of one search.
    pub parameters_max: usize,
    /// Values of one parameter, between commas.
    pub values_max: usize,
    /// Bytes of one parameter's values.
    pub value_bytes_max: usize,
    /// Links of a chain or `_has`.
    pub links_max: usize,
    /// `_include` and `_revinclude` in one search.
    pub includes_max: usize,
    /// Resources that they bring with a page.
    pub included_max: usize,
    /// How often `:iterate` goes on from what was brought.
    pub include_depth_max: usize,
    /// Resources that are read to decide what matches, where the index alone does not tell.
    pub bodies_max: usize,
    /// Versions that are looked at in the index.
    pub versions_max: usize,
    /// How long one search may take, from when its turn has come.
    pub seconds: u64,
}

impl Search {
    /// The limits of what is read as a query.
    pub fn reading(&self) -> fhir::search::Limits {
        fhir::search::Limits {
            parameters: self.parameters_max,
            values: self.values_max,
            value_bytes: self.value_bytes_max,
            links: self.links_max,
            includes: self.includes_max,
        }
    }

    /// The limits of answering one.
    pub fn answering(&self) -> record::SearchLimits {
        record::SearchLimits {
            included: self.included_max,
            include_depth: self.include_depth_max,
            bodies: self.bodies_max,
            versions: self.versions_max,
            time: Duration::from_secs(self.seconds),
            ..record::SearchLimits::default()
        }
    }
}

/// `[profiles]`: mapping profiles.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profiles {
    /// The site's own profiles, laid over the base profiles.
    pub directory: Option<PathBuf>,
}

/// `[server]`: the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// How long a shutdown waits for what is in hand.
    pub drain_seconds: u64,
}

/// `[log]`: the process's own log, on stderr.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, or by module: `info,record=debug`.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// `[[source]]`: somebody who sends us messages (`safety.md` 2). [`crate::source::Source`] is what it becomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// Names the source in lists, metrics and the ids of what it sends: never change it.
    pub name: String,
    /// The address of its MLLP listener.
    pub mllp: Option<SocketAddr>,
    /// `host:port` of a sender that listens: we connect to it and it sends (reverse MLLP). Instead of `mllp`.
    pub connect: Option<String>,
    /// Whether its peers may `POST /hl7v2`.
    pub http: bool,
    /// The addresses that it may come from: networks, or single addresses.
    #[serde(deserialize_with = "networks")]
    pub peers: Vec<IpNet>,
    /// What it may say in MSH-4, by name or universal id; `*` for anything.
    pub facilities: Vec<String>,
    /// What it may say in MSH-3; `*` for anything.
    pub applications: Vec<String>,
    /// Whose numbers may name its patients (CX.4 of the identifiers of `person_types`), by name or universal id; `*` for
    /// anybody's.
    pub assigners: Vec<String>,
    /// A production source takes nothing that says T or D in MSH-11; a test source takes nothing that says P.
    pub production: bool,
    /// The character set of messages that declare none, as in MSH-18.
    pub charset: Option<String>,
    /// The time zone of times without an offset, such as `Europe/Berlin`. Without it they are cut to their date.
    pub zone: Option<String>,
    /// Identifier types (table 0203) that name a person at this source, best first.
    pub person_types: Vec<String>,
    /// What may stand for a visit number that is missing: `account`, `admission`.
    pub visit: Vec<String>,
    /// The uri of each local authority: `HOSP = "urn:oid:1.2.3"`.
    pub authorities: std::collections::BTreeMap<String, String>,
    /// How a message is answered that is stored and waits for a person.
    pub on_park: OnPark,
    /// Whether it may ask who somebody is and by what else he is known (QBP^Q22, QBP^Q23), of all who are registered here.
    pub queries: bool,
    pub message_bytes_max: usize,
    pub segments_max: usize,
    pub connections_max: usize,
    /// Silence after which an MLLP connection is closed.
    pub idle_seconds: u64,
    /// Until an MLLP frame that has begun must be whole.
    pub frame_seconds: u64,
    /// What follows FS in an MLLP frame: `cr`, `nul` or `none`.
    pub trailer: Trailer,
    /// PEM; MLLP is spoken over TLS where it is set.
    pub tls_certificate_file: Option<PathBuf>,
    pub tls_key_file: Option<PathBuf>,
    /// PEM; the peer must show a certificate of this authority.
    pub tls_client_ca_file: Option<PathBuf>,
}

/// `safety.md` 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnPark {
    /// AA or CA: we have taken responsibility.
    Accept,
    /// AE: the sender will resend.
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trailer {
    Cr,
    Nul,
    None,
}

/// `10.1.2.0/24`, or `10.1.2.3` for one address.
fn networks<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(input)?;
    let network = |text: &String| match text.parse::<IpAddr>() {
        Ok(address) => Ok(IpNet::from(address)),
        Err(_) => text.parse(),
    };
    let wrong = |_| serde::de::Error::custom("must be networks such as 10.1.2.0/24 or addresses such as 10.1.2.3");
    texts.iter().map(network).collect::<Result<_, _>>().map_err(wrong)
}

impl Default for Store {
    fn default() -> Store {
        let record = record::Options::default();
        Store {
            data: PathBuf::from("hilum-data"),
            id_key_file: None,
            message_days: 0,
            readers: record.readers,
            queue: record.queue,
        }
    }
}

impl Default for Http {
    fn default() -> Http {
        Http {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            base_url: None,
            open_on_loopback: false,
            trusted_network: false,
            body_bytes_max: 16 << 20,
            bodies_bytes_max: 128 << 20,
            depth_max: fhir::json::Limits::default().depth_max,
            url_bytes_max: 16 << 10,
            bundle_entries_max: 10_000,
            connections_max: 1_024,
            workers: 0,
            request_seconds: 60,
            write_seconds: 30,
        }
    }
}

impl Default for Identity {
    fn default() -> Identity {
        let (usual, redis) = (identity::Thresholds::default(), RedisSettings::default());
        Identity {
            link_bits: usual.link,
            review_bits: usual.review,
            model_file: None,
            survivorship: BTreeMap::new(),
            trusted: Vec::new(),
            redis: None,
            redis_username_file: None,
            redis_password_file: None,
            redis_ca_file: None,
            redis_prefix: redis.prefix,
            redis_timeout_ms: redis.timeout_ms,
        }
    }
}

impl Default for Search {
    fn default() -> Search {
        let (reading, answering) = (fhir::search::Limits::default(), record::SearchLimits::default());
        Search {
            parameters_max: reading.parameters,
            values_max: reading.values,
            value_bytes_max: reading.value_bytes,
            links_max: reading.links,
            includes_max: reading.includes,
            included_max: answering.included,
            include_depth_max: answering.include_depth,
            bodies_max: answering.bodies,
            versions_max: answering.versions,
            seconds: answering.time.as_secs(),
        }
    }
}

impl Default for Server {
    fn default() -> Server {
        Server { drain_seconds: 20 }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// Nobody may send until `peers` and `facilities` are given.
impl Default for Source {
    fn default() -> Source {
        let (limits, mllp) = (hl7v2::Limits::default(), crate::mllp::Limits::default());
        Source {
            name: String::new(),
            mllp: None,
            connect: None,
            http: false,
            peers: Vec::new(),
            facilities: Vec::new(),
            applications: vec!["*".to_owned()],
            assigners: vec!["*".to_owned()],
            production: true,
            charset: None,
            zone: None,
            person_types: gateway::Source::named("").person_types,
            visit: Vec::new(),
            authorities: std::collections::BTreeMap::new(),
            on_park: OnPark::Accept,
            queries: true,
            message_bytes_max: limits.message_bytes,
            segments_max: limits.segments,
            connections_max: mllp.connections_max,
            idle_seconds: mllp.idle.as_secs(),
            frame_seconds: mllp.half_frame.as_secs(),
            trailer: Trailer::Cr,
            tls_certificate_file: None,
            tls_key_file: None,
            tls_client_ca_file: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../../deploy/hilum.toml");

    #[test]
    fn the_example_states_the_defaults() {
        let stated: Config = toml::from_str(EXAMPLE).expect("the example is a configuration");
        assert_eq!(stated, Config::default());
    }

    /// A line that begins with `#` and a letter is a setting that is not set; prose has a blank after the `#`.
    #[test]
    fn the_example_shows_every_key_and_what_it_shows_can_be_set() {
        let shown: String = EXAMPLE.lines().map(|line| shown(line) + "\n").collect();
        let set: Config = toml::from_str(&shown).expect("every example can be set");
        let source = crate::source::Source::new(&set.source[0]).expect("the example's source works");
        assert!(source.mllp.is_some() && source.http);
        let tree = serde_json::to_value(Config { source: vec![Source::default()], ..Config::default() }).expect("JSON");
        for (section, keys) in tree.as_object().expect("sections") {
            let keys = keys.as_array().map_or(keys, |sources| &sources[0]);
            for key in keys.as_object().expect("keys").keys() {
                let start = format!("{key} =");
                assert!(shown.lines().any(|line| line.starts_with(&start)), "{section}.{key} is not in the example");
            }
        }
    }

    fn shown(line: &str) -> String {
        match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|c: char| c.is_ascii_alphabetic() || c == '[') => setting.to_owned(),
            _ => line.to_owned(),
        }
    }

    #[test]
    fn no_key_holds_a_secret() {
        let tree =
            serde_json::to_string(&Config { source: vec![Source::default()], ..Config::default() }).expect("JSON");
        for word in ["password\"", "secret\"", "token\"", "_key\"", "credential\""] {
            assert!(!tree.contains(word), "{word}: a secret is named by a file");
        }
    }
}
