//! What the record needs now and then while the server runs: its index trimmed, old messages emptied.
//!
//! Each step is a bounded part with a pause after it, so that no sender waits long for its answer.

use std::time::Duration;

use record::{CommitError, Time};

use crate::app::{self, App};

/// Between two looks whether there is something to do, or whether the store broke under somebody who did not say so.
const PAUSE: Duration = Duration::from_secs(10);
/// Versions or messages at once: some milliseconds of the writer's time.
const STEP: usize = 200;
/// Steps of one look, so that it ends.
const STEPS_MAX: usize = 500;
const DAY_US: i64 = 86_400_000_000;

/// Runs until the server drains.
pub async fn run(app: App) {
    loop {
        tokio::select! {
            () = app.shutdown.begun() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        match once(&app, app::now()).await {
            Ok(()) => {}
            Err(CommitError::Broken) => app.shutdown.broken(),
            Err(error) => tracing::warn!(%error, "upkeep of the store did not come to its end; it is tried again"),
        }
    }
}

async fn once(app: &App, now: Time) -> Result<(), CommitError> {
    for _ in 0..STEPS_MAX {
        if app.record.trim(now, STEP).await? < STEP || app.shutdown.is_draining() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let days = i64::from(app.config.store.message_days);
    if days == 0 {
        return Ok(());
    }
    let older_than = Time(now.0 - days * DAY_US);
    for _ in 0..STEPS_MAX {
        if app.record.prune_bodies(older_than, STEP).await? < STEP || app.shutdown.is_draining() {
            break;
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}
