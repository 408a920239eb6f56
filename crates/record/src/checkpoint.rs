//! Moving committed pages from the WAL into the file, beside the writer instead of in its way.
//!
//! A page that is written again and again is moved once, so the WAL first grows to [`PAGES_FULL`]; then the checkpointer
//! passes over it. A passive checkpoint waits for nobody, and under a steady load never quite reaches the end, where
//! alone the WAL starts over. Each pass is shorter than the one before, as less came in meanwhile; when what is left is
//! short too, the writer moves it between two groups.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::error::OpenError;
use crate::schema::{self, Place};

/// Pages of 4 kB in the WAL from which it is passed over.
const PAGES_FULL: u32 = 10_000;
/// As much more, if the WAL could not start over because a long read needs its pages, calls for the next round.
const PAGES_MORE: u32 = 4_000;
/// From here the writer moves them itself, whatever that costs who waits for it.
const PAGES_MAX: u32 = 32_000;
/// What the file of the WAL is cut to when it starts over after more.
pub const BYTES_KEPT: i64 = 4_096 * PAGES_FULL as i64;
/// So few are left to the writer.
const PAGES_LEFT: u32 = 500;
/// Passes of one round. More do not help when the writer writes as fast as one can move.
const PASSES_MAX: usize = 6;

/// After so long without a commit the WAL is emptied.
const IDLE: Duration = Duration::from_secs(2);

pub struct Checkpointer {
    signal: Option<SyncSender<()>>,
    wal: Arc<Wal>,
    thread: Option<JoinHandle<()>>,
}

/// What writer and checkpointer tell each other.
#[derive(Default)]
pub struct Wal {
    /// Pages in the WAL, as SQLite told after the last commit.
    pages: AtomicU32,
    /// The writer is to move what is left.
    finish: AtomicBool,
}

/// The writer's side.
pub struct Caller {
    signal: SyncSender<()>,
    wal: Arc<Wal>,
    /// The pages at which a round was last called for.
    called: u32,
}

impl Checkpointer {
    pub fn start(place: &Place) -> Result<Checkpointer, OpenError> {
        let db = schema::open_checkpointer(&place.file)?;
        let (signal, signalled) = sync_channel(1);
        let wal = Arc::new(Wal::default());
        let of_thread = Arc::clone(&wal);
        let thread = std::thread::Builder::new().name("record-checkpoint".to_owned());
        let thread = thread.spawn(move || work(&db, &signalled, &of_thread));
        let thread = thread.map_err(|why| OpenError::Damaged(format!("no thread for the checkpoint: {why}")))?;
        Ok(Checkpointer { signal: Some(signal), wal, thread: Some(thread) })
    }

    pub fn caller(&self) -> Caller {
        let signal = self.signal.clone().expect("signals are taken until drop");
        Caller { signal, wal: Arc::clone(&self.wal), called: 0 }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.signal = None;
        if let Some(thread) = self.thread.take() {
            // Nothing depends on its end: what it did not move is moved at the next start.
            let _ = thread.join();
        }
    }
}

impl Wal {
    /// As SQLite tells it after a commit.
    pub fn note(&self, pages: u32) {
        self.pages.store(pages, Ordering::Relaxed);
    }
}

impl Caller {
    /// For the hook that SQLite calls after each commit.
    pub fn wal(&self) -> Arc<Wal> {
        Arc::clone(&self.wal)
    }

    /// Between two groups: calls the checkpointer when it is time, and moves what it left.
    pub fn mind(&mut self, db: &Connection) {
        let pages = self.wal.pages.load(Ordering::Relaxed);
        if pages < self.called {
            self.called = 0;
        }
        if self.wal.finish.swap(false, Ordering::Acquire) || pages > PAGES_MAX {
            passive(db);
        } else if pages >= PAGES_FULL && (self.called == 0 || pages >= self.called + PAGES_MORE) {
            self.called = pages;
            // A full channel means that a round is called for already.
            let _ = self.signal.try_send(());
        }
    }
}

fn work(db: &Connection, signalled: &Receiver<()>, wal: &Wal) {
    let mut before = 0;
    loop {
        match signalled.recv_timeout(IDLE) {
            Ok(()) => round(db, wal),
            Err(RecvTimeoutError::Timeout) => {
                let pages = wal.pages.load(Ordering::Relaxed);
                if pages > 0 && pages == before {
                    rest(db, wal, pages);
                }
                before = pages;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn round(db: &Connection, wal: &Wal) {
    for _ in 0..PASSES_MAX {
        let moved = passive(db);
        if wal.pages.load(Ordering::Relaxed).saturating_sub(moved) <= PAGES_LEFT {
            wal.finish.store(true, Ordering::Release);
            return;
        }
    }
}

/// Nothing was written for a while: moves all, and gives the file's space back unless somebody reads from it.
fn rest(db: &Connection, wal: &Wal, pages: u32) {
    passive(db);
    let busy = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    if busy == Ok(false) {
        // Unless something was written just now.
        let _ = wal.pages.compare_exchange(pages, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Moves what no reader needs where it is, and says how many pages of the WAL have been moved.
fn passive(db: &Connection) -> u32 {
    let moved = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2));
    match moved {
        Ok(moved) => u32::try_from(moved).unwrap_or(0),
        Err(error) => {
            tracing::error!(error = %error, "the checkpoint failed; the write-ahead log grows until one succeeds");
            0
        }
    }
}
