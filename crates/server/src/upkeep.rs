//! What the record needs while the server runs: its index trimmed, old messages emptied, words found soon after they were
//! written, and search parameters that a site defines brought to what is stored.
//!
//! Each step is a bounded part with a pause after it, so that no sender waits long for its answer.

use std::time::{Duration, Instant};

use identity::worker::Trouble;
use record::{CommitError, ReadError, Time};

use crate::app::{self, App};

/// Between two looks whether there is something to do, or whether the store broke under somebody who did not say so.
const PAUSE: Duration = Duration::from_secs(10);
/// Versions or messages at once: some milliseconds of the writer's time.
const STEP: usize = 200;
/// Steps of one look, so that it ends.
const STEPS_MAX: usize = 500;
const DAY_US: i64 = 86_400_000_000;

/// Between two batches of words, at least: what is written waits so long to be found by `_text` and `_content`, and the writer
/// has time for others in between.
const WORDS_PAUSE: Duration = Duration::from_millis(100);
/// Versions whose words are written at once.
const WORDS_STEP: usize = 500;

/// Follows the log with the index of words until the server drains.
pub async fn words(app: App) {
    let mut pause = WORDS_PAUSE;
    loop {
        tokio::select! {
            () = app.shutdown.begun() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let begin = Instant::now();
        match app.record.follow_text(WORDS_STEP).await {
            Ok(_) | Err(CommitError::Busy) => {}
            Err(CommitError::Broken) => app.shutdown.broken(),
            Err(error) => tracing::warn!(%error, "the index of words stands still; it is tried again"),
        }
        // Four fifths of the time are for others, however busy the machine is.
        pause = WORDS_PAUSE.max(4 * begin.elapsed());
    }
}

/// Between two looks whether search parameters were defined, and between two parts of what they have to be looked for in.
const REINDEX_PAUSE: Duration = Duration::from_secs(1);
const REINDEX_PART_PAUSE: Duration = Duration::from_millis(20);

/// Brings a site's own search parameters to what is stored, until the server drains.
pub async fn reindex(app: App) {
    let mut pause = REINDEX_PAUSE;
    loop {
        tokio::select! {
            () = app.shutdown.begun() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = match app.record.reindex().await {
            Ok(true) | Err(CommitError::Busy) => REINDEX_PART_PAUSE,
            Ok(false) => REINDEX_PAUSE,
            Err(CommitError::Broken) => {
                app.shutdown.broken();
                REINDEX_PAUSE
            }
            Err(error) => {
                tracing::warn!(%error, "search parameters are not brought to what is stored; it is tried again");
                REINDEX_PAUSE
            }
        };
    }
}

/// Between two looks whether somebody was registered.
const IDENTITY_PAUSE: Duration = Duration::from_millis(100);
/// Until Redis is asked again, where the index is there and is not whole.
const IDENTITY_WARMING_PAUSE: Duration = Duration::from_secs(1);

/// Follows the log with the worker that says who is one person, until the server drains.
pub async fn identity(app: App) {
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = app.shutdown.begun() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = match app.identity.step(app::now()).await {
            Ok(true) => Duration::ZERO,
            Ok(false) | Err(Trouble::Commit(CommitError::Busy) | Trouble::Read(ReadError::Busy)) => IDENTITY_PAUSE,
            Err(Trouble::Warming) => IDENTITY_WARMING_PAUSE,
            Err(Trouble::Commit(CommitError::Broken) | Trouble::Read(ReadError::Broken)) => {
                app.shutdown.broken();
                PAUSE
            }
            Err(trouble) => {
                tracing::warn!(?trouble, "who is one person is not followed; it is tried again");
                PAUSE
            }
        };
    }
}

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
