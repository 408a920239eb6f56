//! One commit, statement by statement, inside the savepoint that the writer opened for it.

use std::collections::HashMap;
use std::sync::Arc;

use fhir::search::Registry;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::Digest;

use crate::body;
use crate::commit::{Change, Commit, CommitError, Committed, Expect, Redirect, Remembered, Why, Write, Written};
use crate::condition::Marks;
use crate::filing;
use crate::index::Rows;
use crate::message::Receipt;
use crate::notes;
use crate::version::{Key, MessageId, Method, Position, Time};

/// What the writer knows of the end of the log. Cheap to copy, to go back to after a rollback.
#[derive(Clone)]
pub struct Log {
    seq: i64,
    time: Time,
    kinds: Arc<HashMap<String, i64>>,
}

/// Why a commit did not happen: its own fault, or SQLite's and then everybody's.
pub enum Fault {
    Said(CommitError),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Sqlite(error)
    }
}

/// A version that a commit wrote.
pub struct Made {
    pub seq: i64,
    pub key: Key,
    /// Its index rows, still to be written, and what conditions are held against; none of a delete.
    pub index: Option<(Box<Rows>, Marks)>,
}

impl Log {
    pub fn read(db: &Connection) -> rusqlite::Result<Log> {
        let end = "SELECT seq, time FROM version ORDER BY seq DESC LIMIT 1";
        let (seq, time) =
            db.query_row(end, [], |row| Ok((row.get(0)?, Time(row.get(1)?)))).optional()?.unwrap_or_default();
        let mut kinds = db.prepare("SELECT name, kind FROM kind")?;
        let kinds = kinds.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        Ok(Log { seq, time, kinds: Arc::new(kinds) })
    }

    /// The position at which the log ends.
    pub fn end(&self) -> Position {
        Position(self.seq)
    }

    /// The number of a resource type, given at its first use.
    fn kind(&mut self, db: &Connection, name: &str) -> rusqlite::Result<i64> {
        if let Some(kind) = self.kinds.get(name) {
            return Ok(*kind);
        }
        let kind = i64::try_from(self.kinds.len()).expect("R4 has 148 types") + 1;
        db.execute("INSERT INTO kind VALUES (?1, ?2)", params![kind, name])?;
        Arc::make_mut(&mut self.kinds).insert(name.to_owned(), kind);
        Ok(kind)
    }

    /// Whole milliseconds, as `meta.lastUpdated` shows them, within what a calendar of four digits holds, and never earlier
    /// than what was written before.
    fn tick(&mut self, now: Time) -> Time {
        const LAST_US: i64 = 253_402_300_799_999_000;
        let now = now.0.clamp(0, LAST_US);
        self.time = self.time.max(Time(now - now % 1_000));
        self.time
    }
}

/// A commit whose states, messages, issues and residues are compressed, which is the caller's work and not the
/// writer's.
pub struct Ready {
    pub commit: Commit,
    /// Of the message's bytes: two messages with one control id are the same only if every byte is.
    hash: [u8; 32],
    raw_bytes: usize,
}

impl Ready {
    pub fn new(mut commit: Commit) -> Ready {
        let mut ready = Ready { commit: Commit::default(), hash: [0; 32], raw_bytes: 0 };
        for write in &mut commit.writes {
            pack(&mut write.state);
        }
        for remembered in &mut commit.remembered {
            pack(&mut remembered.state);
        }
        let attempt = match &mut commit.receipt {
            Some(Receipt::New(message)) => {
                ready.hash = sha2::Sha256::digest(&message.raw).into();
                ready.raw_bytes = message.raw.len();
                message.raw = body::pack(&message.raw, false);
                Some(&mut message.attempt)
            }
            Some(Receipt::Replay(replay)) => {
                replay.mended = replay.mended.take().map(|raw| body::pack(&raw, false));
                Some(&mut replay.attempt)
            }
            None => None,
        };
        if let Some(attempt) = attempt {
            pack(&mut attempt.issues);
            pack(&mut attempt.residue);
        }
        ready.commit = commit;
        ready
    }

    /// Index rows by the search parameters that are in force now.
    pub fn refresh(&mut self, registry: &Arc<Registry>) {
        for write in &mut self.commit.writes {
            if let Change::Put(prepared) = &mut write.change {
                prepared.refresh(registry);
            }
        }
    }

    /// What the writer has to write, about.
    pub fn bytes(&self) -> usize {
        let message = match &self.commit.receipt {
            Some(Receipt::New(message)) => message.raw.len(),
            Some(Receipt::Replay(replay)) => replay.mended.as_ref().map_or(0, Vec::len),
            None => 0,
        };
        let writes = self.commit.writes.iter().map(|write| match &write.change {
            Change::Put(prepared) => prepared.bytes() + write.state.len(),
            Change::Delete => 0,
        });
        message + writes.sum::<usize>()
    }
}

/// Nothing stays nothing: an absent value is NULL.
fn pack(bytes: &mut Vec<u8>) {
    if !bytes.is_empty() {
        *bytes = body::pack(bytes, false);
    }
}

/// Writes all of a commit but its index rows, which the group writes together at its end.
pub fn write(db: &Connection, log: &mut Log, ready: Ready) -> Result<(Committed, Vec<Made>), Fault> {
    let Ready { commit, hash, raw_bytes } = ready;
    unchanged(db, log, commit.unchanged)?;
    let time = log.tick(commit.now);
    let first = log.seq + 1;
    let message = match &commit.receipt {
        Some(receipt) => Some(filing::claim(db, receipt, &hash)?),
        None => None,
    };
    let mut made = Vec::with_capacity(commit.writes.len());
    let mut versions = Vec::with_capacity(commit.writes.len());
    for write in commit.writes {
        let place = Place { seq: log.seq + 1, tx: first, time, message };
        let kind = log.kind(db, &write.key.kind)?;
        let (written, version) = version(db, kind, write, &place)?;
        versions.push(written);
        if let Some(version) = version {
            log.seq = version.seq;
            made.push(version);
        }
    }
    for remembered in commit.remembered {
        remember(db, log, remembered)?;
    }
    for change in &commit.redirects {
        redirect(db, log, change)?;
    }
    for (name, position) in &commit.cursors {
        db.prepare_cached("INSERT OR REPLACE INTO cursor VALUES (?1, ?2)")?.execute(params![name, position.0])?;
    }
    for note in &commit.notes {
        notes::write(db, note)?;
    }
    if let (Some(receipt), Some(id)) = (&commit.receipt, message) {
        if let Receipt::New(message) = receipt {
            filing::arrival(db, id, message, &hash, raw_bytes)?;
        }
        filing::attempt(db, receipt, id, time, (first, made.len()))?;
    }
    Ok((Committed { message, versions, time, position: log.end() }, made))
}

/// Whether nobody wrote these resources after they were read.
fn unchanged(db: &Connection, log: &mut Log, read: Vec<(Key, Position)>) -> Result<(), Fault> {
    for (key, position) in read {
        let kind = log.kind(db, &key.kind)?;
        if newest(db, kind, &key.id)?.is_some_and(|(_, seq)| seq > position.0) {
            return Err(Fault::Said(CommitError::Stale(key)));
        }
    }
    Ok(())
}

/// The newest version and its position.
fn newest(db: &Connection, kind: i64, id: &str) -> rusqlite::Result<Option<(u64, i64)>> {
    let newest = "SELECT vid, seq FROM resource WHERE kind=?1 AND id=?2 ORDER BY vid DESC LIMIT 1";
    db.prepare_cached(newest)?.query_row(params![kind, id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Where a new version stands.
struct Place {
    seq: i64,
    tx: i64,
    time: Time,
    message: Option<MessageId>,
}

/// Writes one version; none where there is nothing to delete.
fn version(db: &Connection, kind: i64, write: Write, place: &Place) -> Result<(Written, Option<Made>), Fault> {
    let newest = newest(db, kind, &write.key.id)?;
    let vid = match (write.expect, newest) {
        (Expect::Absent | Expect::Any, None) => 1,
        (Expect::Version(expected), Some((vid, _))) if vid == expected => vid + 1,
        (Expect::Any, Some((vid, _))) => vid + 1,
        _ => return Err(Fault::Said(CommitError::Stale(write.key))),
    };
    let replaced = match newest {
        Some((_, prior)) => supersede(db, kind, prior, place.seq)?,
        None => false,
    };
    let (method, body, index) = match write.change {
        Change::Put(prepared) => {
            let method = if replaced { Method::Update } else { Method::Create };
            (method, Some(prepared.body), Some((prepared.rows, prepared.marks)))
        }
        Change::Delete if !replaced && write.expect == Expect::Any => {
            let (vid, seq) = newest.unwrap_or_default();
            let there = Written { position: Position(seq), vid, method: Method::Delete, new: false };
            return Ok((there, None));
        }
        Change::Delete => (Method::Delete, None, None),
    };
    let groups: Vec<u8> = write.groups.iter().flat_map(|group| group.to_le_bytes()).collect();
    db.prepare_cached("INSERT INTO version VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)")?.execute(params![
        place.seq,
        kind,
        write.key.id,
        vid,
        method.code(),
        place.tx,
        place.time.0,
        write.origin,
        place.message.map(|id| id.0),
        write.source_time.map(|time| time.0),
        (!groups.is_empty()).then_some(groups),
        (!write.state.is_empty()).then_some(write.state),
        body,
    ])?;
    db.prepare_cached("INSERT INTO resource VALUES (?,?,?,?)")?.execute(params![kind, write.key.id, vid, place.seq])?;
    let until = (method == Method::Delete).then_some(place.seq);
    db.prepare_cached("INSERT INTO span VALUES (?,?,?)")?.execute(params![kind, place.seq, until])?;
    for group in &write.groups {
        let group = i64::from_ne_bytes(group.to_ne_bytes());
        db.prepare_cached("INSERT OR IGNORE INTO member VALUES (?,?,?)")?.execute(params![kind, group, place.seq])?;
    }
    let written = Written { position: Position(place.seq), vid, method, new: true };
    Ok((written, Some(Made { seq: place.seq, key: write.key, index })))
}

/// The state is no part of what a version says; it is the one thing beside a version that may change after it.
fn remember(db: &Connection, log: &mut Log, remembered: Remembered) -> Result<(), Fault> {
    let kind = log.kind(db, &remembered.key.kind)?;
    let newest = newest(db, kind, &remembered.key.id)?;
    let Some((_, seq)) = newest.filter(|(vid, _)| *vid == remembered.vid) else {
        return Err(Fault::Said(CommitError::Stale(remembered.key)));
    };
    let state = (!remembered.state.is_empty()).then_some(remembered.state);
    db.prepare_cached("UPDATE version SET state=?2 WHERE seq=?1")?.execute(params![seq, state])?;
    Ok(())
}

/// Ends what is visible of the version at `prior`, and says whether it was; a delete never is.
fn supersede(db: &Connection, kind: i64, prior: i64, until: i64) -> rusqlite::Result<bool> {
    let end = "UPDATE span SET until=?3 WHERE kind=?1 AND seq=?2 AND until IS NULL";
    let was = db.prepare_cached(end)?.execute(params![kind, prior, until])? > 0;
    if was {
        db.prepare_cached("INSERT INTO superseded VALUES (?1, ?2)")?.execute(params![until, prior])?;
    }
    Ok(was)
}

fn redirect(db: &Connection, log: &mut Log, change: &Redirect) -> rusqlite::Result<()> {
    let prior = change.prior();
    let kind = log.kind(db, &prior.kind)?;
    let end = "UPDATE redirect SET until=?3 WHERE kind=?1 AND prior=?2 AND until IS NULL";
    db.prepare_cached(end)?.execute(params![kind, prior.id, log.seq])?;
    if let Redirect::Begin { from, to, why, .. } = change {
        let why = match why {
            Why::Alias => 0,
            Why::Merged => 1,
        };
        // Two changes of one redirect at one position: the later one stands.
        let begin = "INSERT OR REPLACE INTO redirect VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
        db.prepare_cached(begin)?.execute(params![kind, from, log.seq, to, why])?;
    }
    Ok(())
}

impl Redirect {
    /// The resource that another one stands for.
    pub(crate) fn prior(&self) -> Key {
        match self {
            Redirect::Begin { kind, from, .. } | Redirect::End { kind, from } => Key::new(kind, from),
        }
    }
}
