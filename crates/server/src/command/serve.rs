//! `hilum serve`: the gateway, from its configuration to a drained end.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use consent::Policy;
use tokio::task::JoinSet;

use super::Failure;
use crate::app::{self, App};
use crate::config::{Config, Flags};
use crate::http::Http;
use crate::mllp::{CONNECTIONS_MAX, Dialer, Listener, Places};
use crate::signals::Signals;
use crate::source::Source;
use crate::{bulk, demo, log, mllp, subscription, terminal, upkeep};

#[derive(clap::Args)]
pub struct Args {
    /// The configuration; `hilum.toml` where none is given and one is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of the record
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to serve HTTP; port 0 picks a free one
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Where to listen for HL7 v2 over MLLP; port 0 picks a free one
    #[arg(long, value_name = "ADDR")]
    mllp: Option<SocketAddr>,
    /// On this machine only, open to everybody on it, with invented clinics that play a day; `quiet`: empty and silent
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "play")]
    demo: Option<Demo>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Demo {
    Play,
    Quiet,
}

const DEMO_MLLP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2575);

pub fn run(args: Args) -> Result<(), Failure> {
    let mut config = super::config::load(&flags(&args))?;
    log::start(&config.log);
    let temporary = match (args.demo, &args.data) {
        (Some(_), None) => Some(Temporary::new()?),
        _ => None,
    };
    if let Some(directory) = &temporary {
        config.store.data = directory.0.clone();
    }
    let plan = Plan::of(config, &args)?;
    let runtime = super::runtime()?;
    let ended = runtime.block_on(plan.serve());
    // What was cut off at the end of the drain is not waited for again.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

fn flags(args: &Args) -> Flags {
    let text = |address: SocketAddr| ("http.listen", address.to_string());
    let data = args.data.as_ref().map(|data| ("store.data", data.display().to_string()));
    Flags { file: args.config.clone(), set: args.http.map(text).into_iter().chain(data).collect() }
}

/// What is to be served, checked before anything is opened.
struct Plan {
    config: Config,
    sources: Vec<Source>,
    policy: Policy,
    demo: Option<Demo>,
}

impl Plan {
    fn of(config: Config, args: &Args) -> Result<Plan, Failure> {
        let listen = config.http.listen;
        let here = listen.ip().is_loopback();
        if args.demo.is_some() {
            let mllp = args.mllp.unwrap_or(DEMO_MLLP);
            if !here || !mllp.ip().is_loopback() {
                let text = "the demonstration is open to whoever reaches it, so it listens on this machine only: \
                            give --http and --mllp an address of 127.0.0.1";
                return Err(Failure::Usage(text.to_owned()));
            }
            let mut config = config;
            config.bulk.import_networks.extend(outbound::loopback());
            config.subscriptions.networks.extend(outbound::loopback());
            return Ok(Plan { config, sources: vec![Source::demo(mllp)], policy: Policy::demo(), demo: args.demo });
        }
        if !here && !config.http.trusted_network {
            return Err(Failure::Usage(format!(
                "http.listen is {listen}, beyond this machine, and there are no credentials and no TLS yet: listen on \
                 127.0.0.1, or set http.trusted_network = true, which opens the port and not the data"
            )));
        }
        let mut sources = app::sources(&config).map_err(|faults| Failure::Usage(faults.join("\n")))?;
        if let Some(address) = args.mllp {
            listen_at(&mut sources, address)?;
        }
        let policy = if config.http.open_on_loopback { Policy::demo() } else { Policy::site() };
        if !config.http.open_on_loopback {
            tracing::warn!(
                "FHIR is served to nobody: there are no credentials yet, and http.open_on_loopback is false"
            );
        }
        if sources.is_empty() {
            tracing::warn!("no source is configured: nobody can send messages");
        }
        Ok(Plan { config, sources, policy, demo: None })
    }

    async fn serve(self) -> Result<(), Failure> {
        let demo = self.demo;
        let cannot = |why: std::io::Error| Failure::System(format!("cannot serve: {why}"));
        let mut signals = Signals::listen().map_err(cannot)?;
        let http = bind(self.config.http.listen)?;
        let app = App::open(self.config, self.sources, self.policy)?;
        let http_address = http.local_addr().map_err(cannot)?;
        let (listeners, mllp_addresses) = listen(&app).await?;
        let http = Http::start(&app, http).map_err(cannot)?;
        let drain = Duration::from_secs(app.config.server.drain_seconds);
        let mut conversations = JoinSet::new();
        app.doors.bound(listeners.iter().map(|(source, listener)| (source.name.clone(), listener.count())).collect());
        for (source, listener) in listeners {
            listener.count().register(&app.metrics.registry);
            conversations.spawn(listener.serve(mllp::take(&app, source), app.shutdown.watch(), drain));
        }
        for (source, dialer) in dialers(&app)? {
            dialer.count().register(&app.metrics.registry);
            conversations.spawn(dialer.serve(mllp::take(&app, source), app.shutdown.watch(), drain));
        }
        let cannot_follow = |why: record::ReadError| Failure::System(format!("cannot read who the peers are: {why}"));
        app.peers.start().await.map_err(cannot_follow)?;
        tokio::spawn(upkeep::run(app.clone()));
        tokio::spawn(upkeep::words(app.clone()));
        tokio::spawn(upkeep::reindex(app.clone()));
        tokio::spawn(upkeep::identity(app.clone()));
        tokio::spawn(bulk::work(app.clone()));
        conversations.spawn(subscription::run(app.clone(), http_address));
        tell(http_address, &mllp_addresses);
        if demo == Some(Demo::Play) {
            tokio::spawn(demo::run(http_address, mllp_addresses[0], app.shutdown.watch()));
        }
        signals.until_end(&app).await;
        app.shutdown.begin();
        tracing::info!("draining: taking nothing new, finishing what is in hand");
        let drained = async {
            tokio::join!(http.drain(), async { while conversations.join_next().await.is_some() {} });
        };
        if tokio::time::timeout(drain, drained).await.is_err() {
            tracing::warn!("not everything was finished in {} seconds; senders will ask again", drain.as_secs());
        }
        match app.shutdown.is_broken() {
            false => Ok(()),
            true => Err(Failure::System("the store failed; see the log, make it sound, and start again".to_owned())),
        }
    }
}

/// `--mllp`: of the one source that listens, or of one on this machine where none is configured.
fn listen_at(sources: &mut Vec<Source>, address: SocketAddr) -> Result<(), Failure> {
    let mut listening = sources.iter_mut().filter_map(|source| source.mllp.as_mut());
    match (listening.next(), listening.next()) {
        (Some(mllp), None) => mllp.address = address,
        (None, _) if address.ip().is_loopback() => sources.push(Source::local(address)),
        (None, _) => {
            let text = "no source is configured, so --mllp listens on this machine only: configure a [[source]] with its peers";
            return Err(Failure::Usage(text.to_owned()));
        }
        (Some(_), Some(_)) => {
            let text = "several sources listen, each at its own address: set mllp of each in the configuration";
            return Err(Failure::Usage(text.to_owned()));
        }
    }
    Ok(())
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|why| Failure::System(format!("cannot serve HTTP on {address}: {why}")))
}

type Bound = Vec<(Arc<Source>, Listener)>;

/// The listeners of all sources that have one, and where they are.
async fn listen(app: &App) -> Result<(Bound, Vec<SocketAddr>), Failure> {
    let places = Places::new(CONNECTIONS_MAX);
    let (mut bound, mut addresses) = (Vec::new(), Vec::new());
    for source in app.sources.iter().filter(|source| source.mllp.is_some()) {
        let listener = Listener::bind(Arc::clone(source), places.clone()).await.map_err(Failure::System)?;
        addresses.push(listener.address().map_err(|why| Failure::System(format!("cannot listen: {why}")))?);
        bound.push((Arc::clone(source), listener));
    }
    Ok((bound, addresses))
}

/// Those who connect to the sources that listen.
fn dialers(app: &App) -> Result<Vec<(Arc<Source>, Dialer)>, Failure> {
    let connected = app.sources.iter().filter_map(|source| Some((source, source.connect.as_ref()?)));
    connected
        .map(|(source, connect)| Ok((Arc::clone(source), Dialer::new(&source.name, connect).map_err(Failure::System)?)))
        .collect()
}

/// One line for whoever started us and waits: where we are.
fn tell(http: SocketAddr, mllp: &[SocketAddr]) {
    let mllp: Vec<String> = mllp.iter().map(|address| format!(" mllp={address}")).collect();
    terminal::out(format_args!("hilum: http={http}{}", mllp.concat()));
}

/// The demonstration's directory where none is named, gone at its end.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Result<Temporary, Failure> {
        let name = format!("hilum-demo-{}-{}", std::process::id(), app::now().0);
        let path = std::env::temp_dir().join(name);
        let made = std::fs::create_dir(&path);
        made.map_err(|why| Failure::System(format!("cannot make {}: {why}", path.display())))?;
        Ok(Temporary(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed is in the temporary directory all the same.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
