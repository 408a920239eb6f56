//! Moving committed pages from the WAL into the file, beside the writer instead of in its way.
//!
//! A passive checkpoint waits for nobody. Under a steady load it never quite reaches the end, and only at the end does
//! the WAL start over; so when the WAL has grown past a bound, the writer finishes the rest itself between two groups,
//! which is short because most of the work is done ([`crate::writer`]).

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::error::OpenError;
use crate::schema::{self, Place};

pub struct Checkpointer {
    signal: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub fn start(place: &Place) -> Result<Checkpointer, OpenError> {
        let db = schema::open_checkpointer(&place.file)?;
        let (signal, signalled) = sync_channel(1);
        let thread = std::thread::Builder::new().name("record-checkpoint".to_owned());
        let thread = thread.spawn(move || work(&db, &signalled));
        let thread = thread.map_err(|why| OpenError::Damaged(format!("no thread for the checkpoint: {why}")))?;
        Ok(Checkpointer { signal: Some(signal), thread: Some(thread) })
    }

    /// Where the writer says that there is something to move. A signal while one waits is not needed.
    pub fn signal(&self) -> SyncSender<()> {
        self.signal.clone().expect("signals are taken until drop")
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

fn work(db: &Connection, signalled: &Receiver<()>) {
    while signalled.recv().is_ok() {
        if let Err(error) = passive(db) {
            tracing::error!(error = %error, "the checkpoint failed; the write-ahead log grows until one succeeds");
        }
    }
}

/// Moves what no reader needs where it is.
pub fn passive(db: &Connection) -> rusqlite::Result<()> {
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
