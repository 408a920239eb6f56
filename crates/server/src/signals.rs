//! What the system tells a running server: end (SIGTERM, SIGINT), or read the profiles again (SIGHUP).

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::App;
use crate::profiles;

/// Signals that are listened for. Whoever has this is not ended by one any more.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until the server is to end, by a signal or because something broke.
    pub async fn until_end(&mut self, app: &App) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                () = app.shutdown.begun() => return,
                _ = self.hangup.recv() => reload(app).await,
            }
        }
    }
}

/// The profiles as they are on disk now, if they compile and their tests pass; otherwise those from before stay.
async fn reload(app: &App) {
    let directory = app.config.profiles.directory.clone();
    let loading = tokio::task::spawn_blocking(move || {
        let gateway = profiles::load(directory.as_deref()).map_err(|fault| fault.to_string())?;
        match gateway.test().faults.first() {
            None => Ok(gateway),
            Some(fault) => Err(fault.to_string()),
        }
    });
    match loading.await.unwrap_or_else(|_| Err("a fault of ours".to_owned())) {
        Ok(gateway) => {
            let (profiles, rules, _) = gateway.counts();
            app.intake.reload(Arc::new(gateway));
            tracing::info!(profiles, rules, "read the profiles again");
        }
        Err(fault) => tracing::error!(fault, "the profiles were not taken; those from before stay in force"),
    }
}
