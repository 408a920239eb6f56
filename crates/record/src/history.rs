//! Former versions, newest first: of one resource, of a type, of everything (R4 §3.1.0.10).

use consent::Reach;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use crate::clock;
use crate::reach;
use crate::read::{self, COLUMNS, read_version};
use crate::version::{Key, Method, Position, Time, Version};

/// A type's versions are counted up to here.
const COUNT_MAX: u64 = 10_000;
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
    /// How many versions there are, whatever their time: of one resource, of everything, and of a type that has no more
    /// than 10,000.
    pub total: Option<u64>,
}

/// Of a type or of everything, what lies outside `reach` is left out by the query itself.
pub fn page(db: &Connection, reach: &Reach, query: &HistoryQuery) -> rusqlite::Result<HistoryPage> {
    let limit = query.limit.clamp(1, HISTORY_PAGE_MAX);
    let Some(Scope { from, place, order, mut values, total }) = scope(db, reach, &query.of)? else {
        return Ok(HistoryPage { versions: Vec::new(), next: None, total: Some(0) });
    };
    let at = if query.at.is_some() { current() } else { "1".to_owned() };
    let sql = format!(
        "SELECT {COLUMNS} FROM {from} AND {place} >= ? AND {place} < ? AND {at} ORDER BY {order} DESC LIMIT {}",
        limit + 1
    );
    let (first, beyond) = stretch(db, query)?;
    values.extend([first, beyond].map(Value::from));
    if let Some((from, _)) = query.at {
        values.extend([from.0, from.0].map(Value::from));
    }
    let mut rows = db.prepare_cached(&sql)?;
    let mut versions: Vec<Version> =
        rows.query_map(params_from_iter(values), read_version)?.collect::<rusqlite::Result<_>>()?;
    let more = versions.len() > limit;
    versions.truncate(limit);
    let next = versions.last().filter(|_| more).map(|version| version.position);
    Ok(HistoryPage { versions, next, total })
}

/// The stretch of the log that is looked at, without its end: times never run backwards along the log.
fn stretch(db: &Connection, query: &HistoryQuery) -> rusqlite::Result<(i64, i64)> {
    let end = read::end(db)?.0;
    let first = query.since.map_or(Ok(1), |since| clock::first_at(db, since.0, end))?;
    let beyond = query.at.map_or(Ok(end + 1), |(_, to)| clock::first_at(db, to.0, end))?;
    Ok((first, query.before.map_or(beyond, |before| beyond.min(before.0))))
}

/// Of what began before the end of the time: the next version (if there is one) came after its beginning. A delete was never
/// current, and is told of where it happened within the time.
fn current() -> String {
    format!(
        "(v.method <> {} OR v.time >= ?) AND NOT EXISTS (SELECT 1 FROM resource n \
         JOIN version w ON w.seq = n.seq WHERE n.kind = v.kind AND n.id = v.id AND n.vid = v.vid + 1 AND w.time <= ?)",
        Method::Delete.code()
    )
}

/// Whose history: the part of the query that says it, its values, and the total where it is cheap.
struct Scope {
    from: String,
    /// The column with the position, and the one that has the same order; those of the narrowest table.
    place: &'static str,
    order: &'static str,
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
            Ok((total > 0).then_some(Scope { from, place: "r.seq", order: "r.vid", values, total: Some(total) }))
        }
        HistoryOf::Kind(name) => {
            let kind = if reach.covers(name) { read::kind(db, name)? } else { None };
            let from = "span s JOIN version v ON v.seq = s.seq WHERE s.kind = ?".to_owned();
            let Some(kind) = kind else { return Ok(None) };
            let count = format!("SELECT count(*) FROM (SELECT 1 FROM span WHERE kind = ?1 LIMIT {})", COUNT_MAX + 1);
            let total: u64 = db.prepare_cached(&count)?.query_row([kind], |row| row.get(0))?;
            let total = Some(total).filter(|total| *total <= COUNT_MAX);
            Ok(Some(Scope { from, place: "s.seq", order: "s.seq", values: vec![kind.into()], total }))
        }
        HistoryOf::Everything => {
            let (predicate, values) = reach::predicate(reach);
            // Positions have no gaps.
            let total = u64::try_from(read::end(db)?.0).ok().filter(|_| *reach == Reach::Everything);
            Ok(Some(Scope {
                from: format!("version v WHERE {predicate}"),
                place: "v.seq",
                order: "v.seq",
                values,
                total,
            }))
        }
    }
}
