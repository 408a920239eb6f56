//! Where in the log a time stands.
//!
//! Times never run backwards along the log, so a search by `_lastUpdated` is a search by position: what a peer polls
//! every few seconds looks at the new versions and not at all of them.

use fhir::search::{Clause, Criterion, Interval, Modifier, Prefix};
use rusqlite::Connection;

/// `meta.lastUpdated` is written to the millisecond, and a time in FHIR is as wide as it is written.
const WIDTH_US: i64 = 1_000;

/// The first and last position that a clause on `_lastUpdated` matches, with all between; none where it is no stretch.
pub fn positions(db: &Connection, clause: &Clause, end: i64) -> rusqlite::Result<Option<(i64, i64)>> {
    let ("_lastUpdated", Modifier::Plain, [Criterion::Date { prefix, interval }]) =
        (clause.parameter.code, clause.modifier, clause.values.as_slice())
    else {
        return Ok(None);
    };
    let Some((earliest, latest)) = times(*prefix, *interval) else { return Ok(None) };
    let first = first_at(db, earliest, end)?;
    let last = if latest == i64::MAX { end } else { first_at(db, latest + 1, end)? - 1 };
    Ok(Some((first, last)))
}

/// The times that match, both ends included.
fn times(prefix: Prefix, asked: Interval) -> Option<(i64, i64)> {
    let (low, high) = (asked.low_us, asked.high_us);
    let last_within = high.saturating_sub(WIDTH_US);
    let first_beyond = last_within.saturating_add(1);
    let before = low.saturating_sub(1);
    Some(match prefix {
        Prefix::Eq => (low, last_within),
        Prefix::Gt => (first_beyond, i64::MAX),
        Prefix::Lt => (i64::MIN, before),
        Prefix::Ge => (low.min(first_beyond), i64::MAX),
        Prefix::Le => (i64::MIN, before.max(last_within)),
        Prefix::Sa => (high, i64::MAX),
        Prefix::Eb => (i64::MIN, low.saturating_sub(WIDTH_US)),
        Prefix::Ne | Prefix::Ap => return None,
    })
}

/// The first position up to `end` whose time is `time` or later; one beyond `end` where there is none. Positions have
/// no gaps, so halving finds it.
fn first_at(db: &Connection, time: i64, end: i64) -> rusqlite::Result<i64> {
    let mut at = db.prepare_cached("SELECT time FROM version WHERE seq = ?1")?;
    let (mut from, mut to) = (1, end + 1);
    while from < to {
        let middle = from + (to - from) / 2;
        let found: i64 = at.query_row([middle], |row| row.get(0))?;
        if found < time { from = middle + 1 } else { to = middle }
    }
    Ok(from)
}
