//! The index of words, a follower of the log like any other: it reads what was committed and writes what it says.
//!
//! It is not kept within the commit, because cutting a narrative into words costs more than all other index rows
//! together. A search by words first lets it follow for a moment, and says when it is still behind. Reading and cutting are a reader's work; only the rows
//! of a bounded batch are the writer's. There is a row for each version that has words and whose index rows are kept:
//! trimmed and erased with them.

use fhir::search::{Filter, Query, Relation, Said, said};
use rusqlite::{Connection, OptionalExtension, params};

use crate::read::{self, COLUMNS, read_version};
use crate::version::Position;

/// The cursor of the follower.
pub const FOLLOWER: &str = "record:fulltext";
/// Versions read at once; more words than these hold would keep the writer from others too long.
pub const BATCH_MAX: usize = 500;
/// And bytes of JSON, after the first.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// What a part of the log says.
pub struct Batch {
    after: Position,
    to: Position,
    versions: Vec<(i64, Said)>,
    /// How many versions were passed over, those that say nothing too.
    pub passed: usize,
}

/// Reads on from where the follower stands.
pub fn next(db: &Connection, limit: usize) -> rusqlite::Result<Batch> {
    let after = read::cursor(db, FOLLOWER)?;
    let mut batch = Batch { after, to: after, versions: Vec::new(), passed: 0 };
    let sql = format!("SELECT {COLUMNS} FROM version v WHERE v.seq > ?1 ORDER BY v.seq LIMIT ?2");
    let mut rows = db.prepare_cached(&sql)?;
    let mut bytes = 0;
    for version in rows.query_map(params![after.0, limit.min(BATCH_MAX)], read_version)? {
        let version = version?;
        if let Some(json) = &version.body {
            bytes += json.len();
            batch.versions.extend(says(json).map(|said| (version.position.0, said)));
        }
        batch.to = version.position;
        batch.passed += 1;
        if bytes > BATCH_BYTES_MAX {
            break;
        }
    }
    Ok(batch)
}

/// Writes a batch. False: another follower was there first.
pub fn write(db: &Connection, batch: &Batch) -> rusqlite::Result<bool> {
    if read::cursor(db, FOLLOWER)? != batch.after {
        return Ok(false);
    }
    let mut insert = db.prepare_cached("INSERT INTO fulltext(rowid, div, content) VALUES (?1, ?2, ?3)")?;
    for (seq, said) in &batch.versions {
        // It may have been trimmed or erased since it was read.
        if is_kept(db, *seq)? {
            insert.execute(params![seq, said.narrative, said.elsewhere])?;
        }
    }
    let advance = "INSERT OR REPLACE INTO cursor VALUES (?1, ?2)";
    db.prepare_cached(advance)?.execute(params![FOLLOWER, batch.to.0])?;
    Ok(true)
}

/// Removes the words of a version that is about to be trimmed or erased.
pub fn remove(db: &Connection, seq: i64, json: &[u8]) -> rusqlite::Result<()> {
    let Some(said) = says(json) else { return Ok(()) };
    if seq > read::cursor(db, FOLLOWER)?.0 || !is_kept(db, seq)? {
        return Ok(());
    }
    let remove = "INSERT INTO fulltext(fulltext, rowid, div, content) VALUES ('delete', ?1, ?2, ?3)";
    db.prepare_cached(remove)?.execute(params![seq, said.narrative, said.elsewhere])?;
    Ok(())
}

/// Asks the index something. Before its structure is checked: FTS5 would check what this connection remembers of it
/// from an earlier moment, and find damage where another connection only wrote.
pub fn look(db: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT rowid FROM fulltext WHERE fulltext MATCH '\"nothing\"' LIMIT 1";
    db.prepare_cached(sql)?.exists([]).map(drop)
}

/// Whether a search asks for words, anywhere in it.
pub fn asks(query: &Query) -> bool {
    query.filters().iter().any(asks_filter)
}

fn asks_filter(filter: &Filter) -> bool {
    filter.relations.iter().any(|relation| match relation {
        Relation::Words(_) => true,
        Relation::Chain { to, .. } => to.iter().any(asks_filter),
        Relation::Has { from, .. } => asks_filter(from),
        Relation::Listed { .. } | Relation::Within { .. } => false,
    })
}

/// The words of a stored body, if it has any.
fn says(json: &[u8]) -> Option<Said> {
    // What cannot be read says nothing, here and when it is removed.
    let said = said(&fhir::json::read(json).ok()?);
    (!said.narrative.is_empty() || !said.elsewhere.is_empty()).then_some(said)
}

/// Whether a version's index rows are still there: it is visible, or was not trimmed yet.
fn is_kept(db: &Connection, seq: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT s.until IS NULL OR EXISTS (SELECT 1 FROM superseded p WHERE p.until = s.until AND p.seq = s.seq) \
               FROM version v JOIN span s ON s.kind = v.kind AND s.seq = v.seq WHERE v.seq = ?1 AND v.body IS NOT NULL";
    Ok(db.prepare_cached(sql)?.query_row([seq], |row| row.get(0)).optional()?.unwrap_or(false))
}

#[cfg(test)]
mod tests;
