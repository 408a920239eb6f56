//! The threads that read, each with its own connection: one bounded queue, first come, first served. And connections for
//! what is quicker to read than to hand to another thread and back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use crate::deadline::Deadline;
use crate::error::{OpenError, ReadError};
use crate::schema::{self, Place};

type Job = Box<dyn FnOnce(&Connection, &Deadline) + Send>;

/// The queue's end where jobs go in. Dropping it ends the threads once the queue is empty.
pub struct Readers {
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
    /// Lent to callers' threads, one at a time.
    lent: Mutex<Vec<Connection>>,
}

impl Readers {
    pub fn start(place: &Place, count: usize, queue: usize) -> Result<Readers, OpenError> {
        let (jobs, waiting) = sync_channel::<Job>(queue);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut threads = Vec::new();
        for number in 0..count.max(1) {
            let mut db = schema::open_reader(&place.file)?;
            let deadline = Deadline::of(&mut db).map_err(|why| OpenError::Damaged(why.to_string()))?;
            let waiting = Arc::clone(&waiting);
            let thread = std::thread::Builder::new().name(format!("record-reader-{number}"));
            let thread = thread.spawn(move || work(&db, &deadline, &waiting));
            threads.push(thread.map_err(|why| OpenError::Damaged(format!("no thread to read with: {why}")))?);
        }
        let lent = (0..count.max(1)).map(|_| schema::open_reader(&place.file)).collect::<Result<_, _>>()?;
        Ok(Readers { jobs: Some(jobs), threads, lent: Mutex::new(lent) })
    }

    /// Runs what reads a handful of rows by their keys in the caller's own thread: some ten microseconds, where to wake
    /// another thread and to be woken by it takes as long again.
    pub async fn run_here<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        let Some(db) = self.lent().pop() else { return self.run(read).await };
        let result = snapshot(&db, |db| read(db).map_err(broken));
        self.lent().push(db);
        result
    }

    fn lent(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` in one read transaction: all that it reads is of one moment.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        self.run_checked(move |db| read(db).map_err(broken)).await
    }

    /// As [`Readers::run`], for what can fail for the caller's reasons too.
    pub async fn run_checked<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        self.run_within(Duration::MAX, read).await
    }

    /// The same for what SQLite has to give up when it takes longer than this: [`ReadError::OutOfTime`]. The time in the
    /// queue does not count.
    pub async fn run_within<T: Send + 'static>(
        &self,
        time: Duration,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |db, deadline| {
            // Nobody waits any more when the client went away; then the answer is dropped.
            let _ = answer.send(snapshot(db, |db| deadline.within(time, || read(db))));
        });
        match self.jobs.as_ref().expect("jobs go in until drop").try_send(job) {
            Ok(()) => answered.await.unwrap_or(Err(ReadError::Broken)),
            Err(TrySendError::Full(_)) => Err(ReadError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(ReadError::Broken),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A reader does not panic: it catches what its jobs do.
            let _ = thread.join();
        }
    }
}

fn work(db: &Connection, deadline: &Deadline, waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        job(db, deadline);
    }
}

/// Reads in one transaction. A broken invariant is the end of this read, and not of the thread nor of the connection.
fn snapshot<T>(db: &Connection, read: impl FnOnce(&Connection) -> Result<T, ReadError>) -> Result<T, ReadError> {
    let run = |sql| db.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map_err(broken);
    run("BEGIN")?;
    let result = catch_unwind(AssertUnwindSafe(|| read(db)));
    run("ROLLBACK")?;
    result.unwrap_or_else(|_| {
        tracing::error!("a read stopped at a broken invariant");
        Err(ReadError::Broken)
    })
}

/// The caller learns that it failed; the operator's log, why. SQLite's texts name tables, never values.
pub fn broken(error: rusqlite::Error) -> ReadError {
    // Nothing but a deadline interrupts a read.
    if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
        return ReadError::OutOfTime;
    }
    tracing::error!(error = %error, "the store could not be read");
    ReadError::Broken
}
