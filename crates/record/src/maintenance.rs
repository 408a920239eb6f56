//! What is done now and then: trimming the index, pruning messages, erasing for the law, checking, counting.
//!
//! Each step does a bounded part and says how much, so that whoever calls it again and again never holds up the writer
//! for long. None reads a clock.

use std::fs;

use fhir::search::Registry;
use rusqlite::{Connection, params};

use crate::fulltext;
use crate::index::Rows;
use crate::message::Outcome;
use crate::read;
use crate::version::{Key, Position, Time};

/// How long a page link stays good: index rows of superseded versions are kept as long.
const KEPT_US: i64 = 3_600_000_000;
/// The cursor of the trimming: page links from before it have expired.
pub const TRIMMED: &str = "record:trimmed";
/// Problems that a check reports; more would say nothing new.
const FINDINGS_MAX: usize = 100;

/// What an erasure takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// The bodies and merge states of every version.
    Versions,
    /// Also the bytes, issues and residue of the messages that made them, with all that else was in those messages.
    VersionsAndMessages,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub text: String,
}

/// Figures for metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    pub versions: u64,
    pub messages: Vec<(Outcome, u64)>,
    pub position: Position,
    pub disk_bytes: u64,
}

/// Removes the index rows of at most `limit` versions superseded more than an hour before `now`.
pub fn trim(db: &Connection, registry: &Registry, now: Time, limit: usize) -> rusqlite::Result<usize> {
    let sql = "SELECT p.until, p.seq FROM superseded p JOIN version u ON u.seq = p.until \
               WHERE u.time <= ?1 ORDER BY p.until, p.seq LIMIT ?2";
    let mut due = db.prepare_cached(sql)?;
    let horizon = now.0.saturating_sub(KEPT_US);
    let due: Vec<(i64, i64)> =
        due.query_map(params![horizon, limit], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (until, seq) in &due {
        unindex(db, registry, *seq)?;
        db.prepare_cached("DELETE FROM superseded WHERE until = ?1 AND seq = ?2")?.execute([until, seq])?;
    }
    if let Some((until, _)) = due.last() {
        db.prepare_cached("INSERT OR REPLACE INTO cursor VALUES (?1, ?2)")?.execute(params![TRIMMED, until])?;
    }
    Ok(due.len())
}

/// Finds a version's index rows by extracting them again, and removes them.
fn unindex(db: &Connection, registry: &Registry, seq: i64) -> rusqlite::Result<()> {
    let sql = "SELECT kind, groups FROM version WHERE seq = ?1";
    let (kind, groups): (i64, Option<Vec<u8>>) =
        db.prepare_cached(sql)?.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for group in groups.unwrap_or_default().chunks_exact(8) {
        let group = i64::from_le_bytes(group.try_into().expect("a chunk of eight bytes"));
        db.prepare_cached("DELETE FROM member WHERE kind = ?1 AND h = ?2 AND seq = ?3")?.execute([kind, group, seq])?;
    }
    let Some(json) = read::at(db, Position(seq))?.and_then(|version| version.body) else { return Ok(()) };
    fulltext::remove(db, seq, &json)?;
    match fhir::json::read(&json) {
        Ok(resource) => Rows::of(&resource, registry).delete(db, seq)?,
        // Its rows stay; nothing shows them, because the version is not visible.
        Err(_) => tracing::error!(seq, "a stored body cannot be read; its index rows are left"),
    }
    Ok(())
}

/// Empties messages received before `older_than`; what is parked waits for a person and keeps its bytes.
pub fn prune_bodies(db: &Connection, older_than: Time, limit: usize) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM message_body WHERE message IN ( \
                 SELECT b.message FROM message_body b JOIN message m ON m.id = b.message \
                 WHERE b.message <= (SELECT id FROM message WHERE received < ?1 ORDER BY received DESC LIMIT 1) \
                 AND m.received < ?1 AND m.outcome <> ?2 AND b.attempt = 1 ORDER BY b.message LIMIT ?3)";
    let parked = Outcome::Parked.code();
    db.prepare_cached(sql)?.execute(params![older_than.0, parked, limit])
}

/// Empties every version of `key`: its keys and times stay, so that the log has no gap.
pub fn erase(db: &Connection, registry: &Registry, key: &Key, what: Erasure) -> rusqlite::Result<usize> {
    let Some(kind) = read::kind(db, &key.kind)? else { return Ok(0) };
    let mut versions = db.prepare_cached(
        "SELECT v.seq, v.message FROM resource r JOIN version v ON v.seq = r.seq \
         WHERE r.kind = ?1 AND r.id = ?2 AND (v.body IS NOT NULL OR v.state IS NOT NULL)",
    )?;
    let versions: Vec<(i64, Option<i64>)> =
        versions.query_map(params![kind, key.id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (seq, message) in &versions {
        unindex(db, registry, *seq)?;
        db.prepare_cached("UPDATE version SET body = NULL, state = NULL, groups = NULL WHERE seq = ?1")?
            .execute([seq])?;
        let hide = "UPDATE span SET until = seq WHERE kind = ?1 AND seq = ?2 AND until IS NULL";
        db.prepare_cached(hide)?.execute([kind, *seq])?;
        if let (Some(message), Erasure::VersionsAndMessages) = (message, what) {
            db.prepare_cached("DELETE FROM message_body WHERE message = ?1")?.execute([message])?;
            let empty = "UPDATE attempt SET issues = NULL, residue = NULL WHERE message = ?1";
            db.prepare_cached(empty)?.execute([message])?;
        }
    }
    Ok(versions.len())
}

/// Looks at everything: seconds for a million versions.
pub fn check(db: &Connection) -> rusqlite::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    fulltext::look(db)?;
    let mut structure = db.prepare(&format!("PRAGMA integrity_check({FINDINGS_MAX})"))?;
    for line in structure.query_map([], |row| row.get::<_, String>(0))? {
        let text = line?;
        if text != "ok" {
            findings.push(Finding { text });
        }
    }
    for (sql, what) in DERIVED {
        let wrong: i64 = db.query_row(sql, [], |row| row.get(0))?;
        if wrong > 0 {
            findings.push(Finding { text: format!("{wrong} {what}") });
        }
    }
    bodies(db, &mut findings)?;
    Ok(findings)
}

/// What is derived from the log must agree with it.
const DERIVED: [(&str, &str); 5] = [
    (
        "SELECT count(*) FROM version v LEFT JOIN resource r ON r.kind = v.kind AND r.id = v.id AND r.vid = v.vid \
         WHERE r.seq IS NOT v.seq",
        "versions are not found by their id",
    ),
    (
        "SELECT count(*) FROM version v LEFT JOIN span s ON s.kind = v.kind AND s.seq = v.seq WHERE s.seq IS NULL",
        "versions have no span",
    ),
    (
        "SELECT count(*) FROM resource r JOIN span s ON s.kind = r.kind AND s.seq = r.seq \
         JOIN resource n ON n.kind = r.kind AND n.id = r.id AND n.vid = r.vid + 1 WHERE s.until IS NULL",
        "versions are visible although a newer one is there",
    ),
    (
        "SELECT count(*) FROM cursor WHERE position > (SELECT coalesce(max(seq), 0) FROM version)",
        "cursors are beyond the log",
    ),
    (
        "SELECT count(*) FROM message m WHERE NOT EXISTS (SELECT 1 FROM attempt a WHERE a.message = m.id)",
        "messages have no attempt",
    ),
];

fn bodies(db: &Connection, findings: &mut Vec<Finding>) -> rusqlite::Result<()> {
    let mut rows = db.prepare("SELECT seq, body FROM version WHERE body IS NOT NULL")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        if findings.len() >= FINDINGS_MAX {
            break;
        }
        if read::unpack(row.get_ref(1)?.as_blob()?).is_err() {
            findings.push(Finding { text: format!("the body at position {} is damaged", row.get::<_, i64>(0)?) });
        }
    }
    Ok(())
}

/// Cheap enough to be asked every few seconds: positions and message ids have no gaps, so the greatest is the count.
pub fn counts(db: &Connection) -> rusqlite::Result<Counts> {
    let position = read::end(db)?.0;
    let messages: u64 = db.query_row("SELECT coalesce(max(id), 0) FROM message", [], |row| row.get(0))?;
    let mut open = db.prepare_cached("SELECT outcome, count(*) FROM message WHERE outcome <> 0 GROUP BY outcome")?;
    let open = open.query_map([], |row| Ok((Outcome::read(row.get(0)?), row.get::<_, u64>(1)?)))?;
    let mut by_outcome = open.collect::<rusqlite::Result<Vec<_>>>()?;
    let others: u64 = by_outcome.iter().map(|(_, count)| count).sum();
    by_outcome.insert(0, (Outcome::Applied, messages - others));
    Ok(Counts {
        versions: u64::try_from(position).unwrap_or(0),
        messages: by_outcome,
        position: Position(position),
        disk_bytes: disk_bytes(db),
    })
}

fn disk_bytes(db: &Connection) -> u64 {
    let file = db.path().unwrap_or_default();
    let bytes = |path: String| fs::metadata(path).map_or(0, |found| found.len());
    bytes(file.to_owned()) + bytes(format!("{file}-wal"))
}
