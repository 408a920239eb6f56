//! What the parts of a running server share: the open record, what it translates by, who sends, who may.
//!
//! Made once at the start and cloned into every listener. Nothing in it changes while it runs, except through the faces
//! of its parts.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use consent::{Access, Policy};
use gateway::IdKey;
use identity::golden::Rules;
use identity::worker::Identity;
use identity::{Engine, Model};
use record::{Record, Time};

use crate::command::Failure;
use crate::config::Config;
use crate::http::Budget;
use crate::intake::{self, Answer, Intake};
use crate::metrics::{InHand, Metrics};
use crate::operation::health::Health;
use crate::operation::strangers::Doors;
use crate::peers::Peers;
use crate::profiles;
use crate::shutdown::Shutdown;
use crate::source::Source;

/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct App {
    pub config: Arc<Config>,
    pub record: Record,
    pub ids: IdKey,
    pub policy: Policy,
    pub sources: Arc<[Arc<Source>]>,
    pub intake: Intake,
    pub metrics: Metrics,
    pub health: Health,
    pub doors: Doors,
    pub shutdown: Shutdown,
    /// The room that large bodies of requests have together.
    pub bodies: Budget,
    /// Who is one person.
    pub identity: Identity,
    /// The servers that records travel to.
    pub peers: Peers,
}

impl App {
    /// Opens the store and loads the profiles. What is wrong with the configuration is said before the store is touched.
    pub fn open(config: Config, sources: Vec<Source>, policy: Policy) -> Result<App, Failure> {
        let gateway = profiles::load(config.profiles.directory.as_deref()).map_err(|fault| match fault {
            profiles::Fault::Disk(text) => Failure::System(text),
            profiles::Fault::Profiles(_) => Failure::Input(fault.to_string()),
        })?;
        let record = open_record(&config)?;
        let (gateway, ids) = (Arc::new(gateway), IdKey::new(record.id_key()));
        let sources: Arc<[Arc<Source>]> = sources.into_iter().map(Arc::new).collect();
        let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
        let bodies = Budget::new(config.http.bodies_bytes_max);
        let identity = who_is_who(&config, &record, policy.identity())?;
        let faces = intake::Faces { record: record.clone(), ids: ids.clone(), identity: identity.clone() };
        let intake = Intake::new(faces, gateway, policy.clone(), metrics.clone());
        let peers = Peers::new(&config, record.clone(), policy.clone(), shutdown.clone());
        let (config, health, doors) = (Arc::new(config), Health::default(), Doors::default());
        Ok(App {
            config,
            record,
            ids,
            policy,
            sources,
            intake,
            metrics,
            health,
            doors,
            shutdown,
            bodies,
            identity,
            peers,
        })
    }

    /// A message of a source that was let in, wherever it came from.
    pub async fn take(&self, source: &Arc<Source>, peer: &str, bytes: Vec<u8>) -> Answer {
        let _in_hand = InHand::of(&self.metrics.messages_in_hand);
        self.intake.take(source, peer, bytes).await
    }

    /// The configured source of this name.
    pub fn source(&self, name: &str) -> Option<Arc<Source>> {
        self.sources.iter().find(|source| source.name == name).cloned()
    }
}

/// Who is one person, as it is configured.
pub fn who_is_who(config: &Config, record: &Record, access: Access) -> Result<Identity, Failure> {
    let (mut engine, rules) = engine(config).map_err(Failure::Input)?;
    engine.secret = identity::worker::secret(record.id_key());
    match config.identity.redis() {
        None => Ok(Identity::new(record.clone(), access, engine, rules)),
        Some(settings) => Identity::with_redis(record.clone(), access, engine, rules, settings)
            .map_err(|why| Failure::Input(format!("identity.{why}"))),
    }
}

/// What compares registrations, and what golden Patients show. The fault is one of the configuration.
pub fn engine(config: &Config) -> Result<(Engine, Rules), String> {
    let set = &config.identity;
    let at_fault = |why: String| format!("identity.{why}");
    let model = match &set.model_file {
        Some(path) => model(path).map_err(|why| at_fault(format!("model_file: {why}")))?,
        None => Model::default(),
    };
    if !set.link_bits.is_finite() || !set.review_bits.is_finite() || set.review_bits > set.link_bits {
        return Err(at_fault("review_bits: must be a number that is at most link_bits".to_owned()));
    }
    let mut engine = Engine::new(model, identity::worker::FEW);
    (engine.thresholds.link, engine.thresholds.review) = (set.link_bits, set.review_bits);
    Ok((engine, set.rules().map_err(at_fault)?))
}

/// A model that was learned, as `hilum identity tune` writes it.
pub fn model(path: &Path) -> Result<Model, String> {
    let text = std::fs::read_to_string(path).map_err(|why| format!("cannot read {}: {why}", path.display()))?;
    Model::from_json(&text).map_err(|why| format!("{}: {why}", path.display()))
}

/// The configured sources. Every fault of every source is said.
pub fn sources(config: &Config) -> Result<Vec<Source>, Vec<String>> {
    let mut sources: Vec<Source> = Vec::new();
    let mut faults = Vec::new();
    for table in &config.source {
        match Source::new(table) {
            Ok(source) if sources.iter().any(|other| other.name == source.name) => {
                faults.push(format!("source {:?}: the name is given twice", source.name));
            }
            Ok(source) => sources.push(source),
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() { Ok(sources) } else { Err(faults) }
}

/// Opens the store as it is configured.
pub fn open_record(config: &Config) -> Result<Record, Failure> {
    let id_key = config.store.id_key_file.as_deref().map(id_key).transpose()?;
    make_private(&config.store.data)?;
    let (readers, queue) = (config.store.readers, config.store.queue);
    let options = record::Options { readers, queue, id_key, search: config.search.answering() };
    Record::open(&config.store.data, options).map_err(|error| Failure::System(error.to_string()))
}

/// Makes the directory of the record for this user alone, where there is none yet.
fn make_private(data: &Path) -> Result<(), Failure> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.map_err(|why| Failure::System(format!("cannot make the directory {}: {why}", data.display())))
}

/// 64 hexadecimal digits, blanks around them allowed.
fn id_key(path: &Path) -> Result<[u8; 32], Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|why| Failure::System(format!("store.id_key_file: cannot read {}: {why}", path.display())))?;
    let digits: Option<Vec<u8>> = text
        .trim()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    digits.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        Failure::Usage(format!("store.id_key_file: {} does not hold 64 hexadecimal digits", path.display()))
    })
}

/// The wall clock, in the record's unit. The rooms below never read one: they are given this.
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_microsecond())
}
