//! Reading versions by key and by position, redirects, snapshot lists and cursors.

use std::collections::HashSet;

use consent::Reach;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::body;
use crate::version::{Key, MessageId, Method, Position, Time, Version};

/// The largest batch of the log that is read at once.
pub const LOG_PAGE_MAX: usize = 10_000;
/// Longer chains of redirects are taken for loops.
const REDIRECTS_MAX: usize = 64;

/// A member of a snapshot list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: String,
    pub vid: u64,
}

/// The columns that [`read_version`] reads, for a query that names `version` as `v`.
pub const COLUMNS: &str = "v.seq, (SELECT name FROM kind WHERE kind = v.kind), v.id, v.vid, v.method, v.tx, v.time, \
                           v.origin, v.message, v.source_time, v.state, v.body";

/// One row of [`COLUMNS`], its body decompressed and with its `meta`.
pub fn read_version(row: &Row<'_>) -> rusqlite::Result<Version> {
    let key = Key { kind: row.get(1)?, id: row.get(2)? };
    let (vid, time) = (row.get(3)?, Time(row.get(6)?));
    let body = match row.get_ref(11)?.as_blob_or_null()? {
        Some(stored) => Some(body::whole(&unpack(stored)?, &key, vid, time)),
        None => None,
    };
    Ok(Version {
        position: Position(row.get(0)?),
        key,
        vid,
        method: Method::read(row.get(4)?),
        transaction: Position(row.get(5)?),
        time,
        origin: row.get(7)?,
        message: row.get::<_, Option<i64>>(8)?.map(MessageId),
        source_time: row.get::<_, Option<i64>>(9)?.map(Time),
        state: row.get_ref(10)?.as_blob_or_null()?.map_or(Ok(Vec::new()), unpack)?,
        body,
    })
}

pub fn unpack(stored: &[u8]) -> rusqlite::Result<Vec<u8>> {
    let blob = rusqlite::types::Type::Blob;
    body::unpack(stored).map_err(|why| rusqlite::Error::FromSqlConversionFailure(0, blob, Box::new(why)))
}

/// The number of a type; none where nothing of it was ever written.
pub fn kind(db: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT kind FROM kind WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

pub fn version(db: &Connection, key: &Key, vid: u64) -> rusqlite::Result<Option<Version>> {
    let Some(kind) = kind(db, &key.kind)? else { return Ok(None) };
    let sql = format!(
        "SELECT {COLUMNS} FROM version v \
         WHERE v.seq = (SELECT seq FROM resource WHERE kind = ?1 AND id = ?2 AND vid = ?3)"
    );
    let vid = i64::try_from(vid).unwrap_or(i64::MAX);
    db.prepare_cached(&sql)?.query_row(params![kind, key.id, vid], read_version).optional()
}

/// The version at a position.
pub fn at(db: &Connection, position: Position) -> rusqlite::Result<Option<Version>> {
    let sql = format!("SELECT {COLUMNS} FROM version v WHERE v.seq = ?1");
    db.prepare_cached(&sql)?.query_row([position.0], read_version).optional()
}

/// The newest version, at `position`, of each key that `reach` covers.
pub fn current(
    db: &Connection,
    reach: &Reach,
    keys: &[Key],
    position: Position,
) -> rusqlite::Result<Vec<Option<Version>>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM version v WHERE v.seq = \
         (SELECT seq FROM resource WHERE kind = ?1 AND id = ?2 AND seq <= ?3 ORDER BY vid DESC LIMIT 1)"
    );
    let mut newest = db.prepare_cached(&sql)?;
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let kind = if reach.covers(&key.kind) { kind(db, &key.kind)? } else { None };
        found.push(match kind {
            Some(kind) => newest.query_row(params![kind, key.id, position.0], read_version).optional()?,
            None => None,
        });
    }
    Ok(found)
}

/// Each key's end of the chain of redirects.
pub fn resolve(db: &Connection, keys: &[Key]) -> rusqlite::Result<Vec<Key>> {
    let next =
        "SELECT survivor FROM redirect WHERE kind = ?1 AND prior = ?2 AND until IS NULL ORDER BY since DESC LIMIT 1";
    let mut next = db.prepare_cached(next)?;
    let mut resolved = Vec::with_capacity(keys.len());
    for key in keys {
        let Some(kind) = kind(db, &key.kind)? else {
            resolved.push(key.clone());
            continue;
        };
        let mut id = key.id.clone();
        let mut seen = HashSet::new();
        while seen.len() < REDIRECTS_MAX && seen.insert(id.clone()) {
            match next.query_row(params![kind, id], |row| row.get::<_, String>(0)).optional()? {
                Some(survivor) if !seen.contains(&survivor) => id = survivor,
                _ => break,
            }
        }
        resolved.push(Key::new(&key.kind, id));
    }
    Ok(resolved)
}

pub fn members(db: &Connection, name: &str, group: u64) -> rusqlite::Result<Vec<Member>> {
    let Some(kind) = kind(db, name)? else { return Ok(Vec::new()) };
    let sql = "SELECT v.id, v.vid FROM member m JOIN span s ON s.kind = m.kind AND s.seq = m.seq AND s.until IS NULL \
               JOIN version v ON v.seq = m.seq WHERE m.kind = ?1 AND m.h = ?2 ORDER BY m.seq";
    let group = i64::from_ne_bytes(group.to_ne_bytes());
    let mut members = db.prepare_cached(sql)?;
    members.query_map(params![kind, group], |row| Ok(Member { id: row.get(0)?, vid: row.get(1)? }))?.collect()
}

/// Versions after a position that `reach` covers, and the position up to which the log was looked at.
pub fn log(
    db: &Connection,
    reach: &Reach,
    after: Position,
    limit: usize,
) -> rusqlite::Result<(Vec<Version>, Position)> {
    let sql = format!("SELECT {COLUMNS} FROM version v WHERE v.seq > ?1 ORDER BY v.seq LIMIT ?2");
    let mut rows = db.prepare_cached(&sql)?;
    let mut versions = Vec::new();
    let mut seen = after;
    let mut rows = rows.query(params![after.0, limit.min(LOG_PAGE_MAX)])?;
    while let Some(row) = rows.next()? {
        seen = Position(row.get(0)?);
        // What is passed over is not unpacked.
        if reach.covers(row.get_ref(1)?.as_str()?) {
            versions.push(read_version(row)?);
        }
    }
    Ok((versions, seen))
}

pub fn end(db: &Connection) -> rusqlite::Result<Position> {
    db.prepare_cached("SELECT coalesce(max(seq), 0) FROM version")?.query_row([], |row| Ok(Position(row.get(0)?)))
}

pub fn cursor(db: &Connection, name: &str) -> rusqlite::Result<Position> {
    let sql = "SELECT position FROM cursor WHERE name = ?1";
    let found = db.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?;
    Ok(found.map_or(Position::START, Position))
}
