//! Former versions, newest first: of one resource, of a type, of everything (R4 §3.1.0.10).

use consent::Reach;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use crate::reach;
use crate::read::{self, COLUMNS, read_version};
use crate::version::{Key, Method, Position, Time, Version};

/// The largest page of history.
pub const HISTORY_PAGE_MAX: usize = 1_000;

/// Whose history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryOf {
    Resource(Key),
    Kind(String),
    Everything,
}

#[derive(Debug, Clone)]
pub struct HistoryQuery {
    pub of: HistoryOf,
    /// Only versions before this one: the last of the page before.
    pub before: Option<Position>,
    /// `_since`: only versions of this time or later.
    pub since: Option<Time>,
    /// `_at`: only versions that were the newest at some moment of `[from, to)`.
    pub at: Option<(Time, Time)>,
    /// At most [`HISTORY_PAGE_MAX`].
    pub limit: usize,
}

#[derive(Debug)]
pub struct HistoryPage {
    pub versions: Vec<Version>,
    /// What to ask for `before` next; none after the last page.
    pub next: Option<Position>,
    /// Of one resource: how many versions it has. Of more: not counted.
    pub total: Option<u64>,
}

/// Of a type or of everything, what lies outside `reach` is left out by the query itself.
pub fn page(db: &Connection, reach: &Reach, query: &HistoryQuery) -> rusqlite::Result<HistoryPage> {
    let limit = query.limit.clamp(1, HISTORY_PAGE_MAX);
    let Some(Scope { from, mut values, total }) = scope(db, reach, &query.of)? else {
        return Ok(HistoryPage { versions: Vec::new(), next: None, total: Some(0) });
    };
    let at = if query.at.is_some() { current() } else { "1".to_owned() };
    let sql = format!(
        "SELECT {COLUMNS} FROM {from} AND v.seq < ? AND v.time >= ? AND {at} ORDER BY v.seq DESC LIMIT {}",
        limit + 1
    );
    values.push(query.before.map_or(i64::MAX, |before| before.0).into());
    values.push(query.since.map_or(i64::MIN, |since| since.0).into());
    if let Some((from, to)) = query.at {
        values.extend([to.0, from.0, from.0].map(Value::from));
    }
    let mut rows = db.prepare_cached(&sql)?;
    let mut versions: Vec<Version> =
        rows.query_map(params_from_iter(values), read_version)?.collect::<rusqlite::Result<_>>()?;
    let more = versions.len() > limit;
    versions.truncate(limit);
    let next = versions.last().filter(|_| more).map(|version| version.position);
    Ok(HistoryPage { versions, next, total })
}

/// Began before the end of the time, and the next version (if there is one) came after its beginning. A delete was never
/// current, and is told of where it happened within the time.
fn current() -> String {
    format!(
        "v.time < ? AND (v.method <> {} OR v.time >= ?) AND NOT EXISTS (SELECT 1 FROM resource n \
         JOIN version w ON w.seq = n.seq WHERE n.kind = v.kind AND n.id = v.id AND n.vid = v.vid + 1 AND w.time <= ?)",
        Method::Delete.code()
    )
}

/// Whose history: the part of the query that says it, its values, and the total where it is cheap.
struct Scope {
    from: String,
    values: Vec<Value>,
    total: Option<u64>,
}

/// None where there is nothing to see.
fn scope(db: &Connection, reach: &Reach, of: &HistoryOf) -> rusqlite::Result<Option<Scope>> {
    match of {
        HistoryOf::Resource(key) => {
            let kind = if reach.covers(&key.kind) { read::kind(db, &key.kind)? } else { None };
            let Some(kind) = kind else { return Ok(None) };
            let count = "SELECT coalesce(max(vid), 0) FROM resource WHERE kind = ?1 AND id = ?2";
            let total: u64 = db.prepare_cached(count)?.query_row(params![kind, key.id], |row| row.get(0))?;
            let from = "resource r JOIN version v ON v.seq = r.seq WHERE r.kind = ? AND r.id = ?".to_owned();
            let values = vec![kind.into(), key.id.clone().into()];
            Ok((total > 0).then_some(Scope { from, values, total: Some(total) }))
        }
        HistoryOf::Kind(name) => {
            let kind = if reach.covers(name) { read::kind(db, name)? } else { None };
            let from = "span s JOIN version v ON v.seq = s.seq WHERE s.kind = ?".to_owned();
            Ok(kind.map(|kind| Scope { from, values: vec![kind.into()], total: None }))
        }
        HistoryOf::Everything => {
            let (predicate, values) = reach::predicate(reach);
            Ok(Some(Scope { from: format!("version v WHERE {predicate}"), values, total: None }))
        }
    }
}
