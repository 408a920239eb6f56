//! The pieces of a running server in this process: store, intake, and one MLLP listener on loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use consent::Policy;
use record::Counts;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::command::Failure;
use crate::config::Config;
use crate::mllp::{self, CONNECTIONS_MAX, Listener, Places};
use crate::source::Source;

pub struct Server {
    pub address: SocketAddr,
    runtime: Runtime,
    app: App,
    served: JoinHandle<()>,
}

/// What is in hand at the end of a run is little.
const DRAIN: Duration = Duration::from_secs(10);

impl Server {
    pub fn start(data: &Path) -> Result<Server, Failure> {
        let runtime = crate::command::runtime()?;
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut config = Config::default();
        config.store.data = data.to_owned();
        let app = App::open(config, vec![Source::demo(any_port)], Policy::demo())?;
        let source = Arc::clone(&app.sources[0]);
        let listener = runtime.block_on(Listener::bind(Arc::clone(&source), Places::new(CONNECTIONS_MAX)));
        let listener = listener.map_err(Failure::System)?;
        let address = listener.address().map_err(|why| Failure::System(format!("cannot listen: {why}")))?;
        let take = mllp::take(&app, source);
        let served = runtime.spawn(listener.serve(take, app.shutdown.watch(), DRAIN));
        Ok(Server { address, runtime, app, served })
    }

    pub fn counts(&self) -> Result<Counts, Failure> {
        let counted = self.runtime.block_on(self.app.record.counts());
        counted.map_err(|why| Failure::System(format!("cannot count what was stored: {why}")))
    }

    pub fn stop(self) {
        self.app.shutdown.begin();
        // A panic was logged where it happened.
        let _ = self.runtime.block_on(self.served);
    }
}
