//! The one thread that writes: it takes the commits that wait ([`crate::queue`]) and makes them durable with one fsync.
//!
//! Each commit has a savepoint, so that one that fails takes nothing with it and the next sees what the ones before it
//! did. The index rows of the whole group are written at its end in sorted batches. If SQLite itself gives up the
//! transaction (full disk, failed write), every commit of the group has failed and none is acknowledged. After a
//! failed fsync nobody knows what is on disk: the writer takes nothing more, and the process is to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;

use consent::{Access, Reach};
use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use crate::checkpoint::Caller;
use crate::commit::{Change, Commit, CommitError, Committed};
use crate::condition::Recent;
use crate::error::OpenError;
use crate::index::Batch;
use crate::own::{self, InForce};
use crate::queue::{Alone, Answer, Queue, Task, Turn};
use crate::transaction::{self, Fault, Log, Made, Ready};
use crate::version::Position;

pub struct Writer {
    tasks: Option<mpsc::Sender<Task>>,
    thread: Option<JoinHandle<()>>,
    end: Arc<AtomicI64>,
}

impl Writer {
    pub fn start(mut db: Connection, queue: usize, checkpoint: Caller, in_force: InForce) -> Result<Writer, OpenError> {
        let damaged = |why: rusqlite::Error| OpenError::Damaged(why.to_string());
        let log = Log::read(&db).map_err(damaged)?;
        in_force.set(own::load(&db).map_err(damaged)?);
        let end = Arc::new(AtomicI64::new(log.end().0));
        let room = queue.max(1);
        let (tasks, waiting) = mpsc::channel(room);
        let queue = Queue::new(waiting, room);
        let wal = checkpoint.wal();
        let note = move |_: &mut Wal, pages| {
            wal.note(u32::try_from(pages).unwrap_or(0));
            Ok(())
        };
        db.wal_hook(Some(note)).map_err(damaged)?;
        let recent = Recent::new(log.end().0);
        let work = Work { db, log, recent, in_force, end: Arc::clone(&end), queue, checkpoint, broken: false };
        let thread = std::thread::Builder::new().name("record-writer".to_owned());
        let thread = thread.spawn(move || work.run());
        let thread = thread.map_err(|why| OpenError::Damaged(format!("no thread to write with: {why}")))?;
        Ok(Writer { tasks: Some(tasks), thread: Some(thread), end })
    }

    /// The end of the log: every read that begins now sees it.
    pub fn end(&self) -> Position {
        Position(self.end.load(Ordering::Acquire))
    }

    pub async fn commit(&self, access: &Access, commit: Commit) -> Result<Committed, CommitError> {
        permitted(access, &commit)?;
        let (answer, answered) = oneshot::channel();
        self.send(Task::Commit(Box::new(Ready::new(commit)), answer))?;
        answered.await.unwrap_or(Err(CommitError::Broken))
    }

    pub async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, CommitError> {
        self.alone_then(work, |done| done).await
    }

    /// The same, with something that happens in the writer's thread once it is durable and before the next commit.
    pub async fn alone_then<T: Send + 'static, U: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        then: impl FnOnce(T) -> U + Send + 'static,
    ) -> Result<U, CommitError> {
        let (answer, answered) = oneshot::channel();
        self.send(Task::Alone(Box::new(move |db| {
            let done = db.transaction().and_then(|tx| {
                let done = work(&tx)?;
                tx.commit()?;
                Ok(done)
            });
            let done = done.map(then).map_err(|error| meaning(&error));
            let outcome = done.as_ref().map(drop).map_err(CommitError::clone);
            // The work is done whether or not somebody still waits for its figure.
            let _ = answer.send(done);
            outcome
        })))?;
        answered.await.unwrap_or(Err(CommitError::Broken))
    }

    fn send(&self, task: Task) -> Result<(), CommitError> {
        use mpsc::error::TrySendError;
        self.tasks.as_ref().expect("tasks go in until drop").try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => CommitError::Busy,
            TrySendError::Closed(_) => CommitError::Broken,
        })
    }
}

/// Everything that was handed over is committed before the store closes.
impl Drop for Writer {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has answered everybody with `Broken`.
            let _ = thread.join();
        }
    }
}

fn permitted(access: &Access, commit: &Commit) -> Result<(), CommitError> {
    if commit.receipt.is_some() && *access.write() != Reach::Everything {
        return Err(CommitError::Refused("only an access to everything may file messages"));
    }
    let redirected = commit.redirects.iter().map(|redirect| redirect.prior());
    for key in commit.writes.iter().map(|write| &write.key).cloned().chain(redirected) {
        if !access.write().covers(&key.kind) {
            return Err(CommitError::Denied(key));
        }
        // And identity changes no source.
        if key.is_golden() != (access.writes_golden() && key.kind == "Patient") {
            return Err(CommitError::ReadOnly { key, sources: Vec::new() });
        }
    }
    for write in &commit.writes {
        if let Change::Put(prepared) = &write.change {
            assert_eq!(prepared.key, write.key, "a resource is written under its own type and id");
        }
    }
    Ok(())
}

struct Work {
    db: Connection,
    log: Log,
    recent: Recent,
    in_force: InForce,
    /// Where the durable log ends, for those who ask.
    end: Arc<AtomicI64>,
    queue: Queue,
    checkpoint: Caller,
    broken: bool,
}

impl Work {
    fn run(mut self) {
        while let Some(turn) = self.queue.next() {
            match turn {
                Turn::Group(commits) => self.commit(commits),
                Turn::Alone(work) => self.alone(work),
            }
            self.checkpoint.mind(&self.db);
        }
    }

    fn commit(&mut self, commits: Vec<(Ready, Answer)>) {
        let before = self.log.clone();
        let (commits, answers): (Vec<_>, Vec<_>) = commits.into_iter().unzip();
        let results = match self.broken {
            true => Err(CommitError::Broken),
            false => self.transaction(commits),
        };
        match results {
            Ok(results) => {
                self.recent.keep();
                self.end.store(self.log.end().0, Ordering::Release);
                for (answer, result) in answers.into_iter().zip(results) {
                    // Who no longer waits finds the result in the log.
                    let _ = answer.send(result);
                }
            }
            Err(error) => {
                self.log = before;
                self.recent.undo(self.log.end().0);
                for answer in answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }

    /// One SQLite transaction. An error here is everybody's.
    fn transaction(&mut self, commits: Vec<Ready>) -> Result<Vec<Result<Committed, CommitError>>, CommitError> {
        let written = self.db.execute_batch("BEGIN IMMEDIATE").and_then(|()| self.members(commits));
        let written = written.and_then(|results| self.db.execute_batch("COMMIT").map(|()| results));
        written.map_err(|error| {
            let said = meaning(&error);
            // SQLite may have rolled back already; then there is nothing left to do.
            let undone = self.db.is_autocommit() || self.db.execute_batch("ROLLBACK").is_ok();
            self.broken |= !undone || said == CommitError::Broken;
            said
        })
    }

    fn members(&mut self, commits: Vec<Ready>) -> rusqlite::Result<Vec<Result<Committed, CommitError>>> {
        let mut batch = Batch::default();
        let mut results = Vec::with_capacity(commits.len());
        let registry = self.in_force.now();
        for mut commit in commits {
            commit.refresh(&registry);
            results.push(self.member(commit, &mut batch)?);
        }
        batch.write(&self.db)?;
        Ok(results)
    }

    /// One commit in its savepoint. Its own failure is its result; an error is everybody's.
    fn member(&mut self, commit: Ready, batch: &mut Batch) -> rusqlite::Result<Result<Committed, CommitError>> {
        let before = self.log.clone();
        let redirects = !commit.commit.redirects.is_empty();
        self.db.prepare_cached("SAVEPOINT member")?.execute([])?;
        match self.write(commit) {
            Ok((committed, made)) => {
                self.db.prepare_cached("RELEASE member")?.execute([])?;
                if redirects {
                    self.recent.redirected(self.log.end().0);
                }
                for Made { seq, key, index } in made {
                    let (rows, marks) = index.unzip();
                    self.recent.add(seq, key, marks);
                    if let Some(rows) = rows {
                        batch.add(*rows, seq);
                    }
                }
                Ok(Ok(committed))
            }
            Err(Fault::Said(error)) => {
                self.undo(before)?;
                Ok(Err(error))
            }
            Err(Fault::Sqlite(error)) if is_own(&error) && !self.db.is_autocommit() => {
                tracing::error!(error = %error, "a commit breaks a rule of the schema and was refused");
                self.undo(before)?;
                Ok(Err(CommitError::Refused("the store cannot hold what this commit asks for; the log says why")))
            }
            Err(Fault::Sqlite(error)) => Err(error),
        }
    }

    fn write(&mut self, commit: Ready) -> Result<(Committed, Vec<Made>), Fault> {
        self.recent.check(&self.db, &commit.commit.conditions, self.log.end().0)?;
        transaction::write(&self.db, &mut self.log, commit)
    }

    fn undo(&mut self, before: Log) -> rusqlite::Result<()> {
        self.log = before;
        self.db.prepare_cached("ROLLBACK TO member")?.execute([])?;
        self.db.prepare_cached("RELEASE member")?.execute([])?;
        Ok(())
    }

    fn alone(&mut self, work: Alone) {
        if !self.broken && work(&mut self.db) == Err(CommitError::Broken) {
            self.broken = true;
        }
    }
}

/// Whether an error is the fault of one statement's values and no other commit's business.
fn is_own(error: &rusqlite::Error) -> bool {
    use ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    matches!(error.sqlite_error_code(), Some(ConstraintViolation | TooBig | TypeMismatch))
}

/// What an error of SQLite's means to the callers. Logged here, once; SQLite's texts hold no values.
fn meaning(error: &rusqlite::Error) -> CommitError {
    tracing::error!(error = %error, "a group of commits failed and none of it is acknowledged");
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => CommitError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => CommitError::Busy,
        _ => CommitError::Broken,
    }
}

#[cfg(test)]
mod tests;
