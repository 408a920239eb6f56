//! Which condition leads a plan: the one with the fewest rows.
//!
//! Counting rows costs as much as reading them, so each is counted only as far as it may still be the smallest. A
//! condition on one value (a patient, a code) also says between which positions its rows are: what a patient's record
//! brought in at one time stands together in the log, and then even a frequent code has few rows there.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::moment::Moment;
use super::plan::Condition;
use super::probe::{Entry, Probe};

/// Where candidates come from.
#[derive(Debug, Clone)]
pub enum Lead {
    /// Every version of the type, newest first.
    Walk,
    /// Rows that stand in the order of positions.
    Stream(Probe),
    /// Rows in any order, gathered first.
    Gathered(Vec<Probe>),
}

pub struct Chosen {
    pub lead: Lead,
    /// Which of the conditions it is.
    pub of: Option<usize>,
    /// About how many candidates it gives.
    pub size: i64,
}

/// A condition with fewer rows than one of these leads, if no other has fewer than the one before.
const FEW: [i64; 3] = [64, 256, SAMPLE];
/// Of more rows than this it is told by the newest how many there are in all.
const SAMPLE: i64 = 1_024;

/// Chooses, and narrows the zone to where matches can be.
pub fn choose(
    moment: &Moment<'_>,
    kind: i64,
    conditions: &[Condition],
    zone: &mut (i64, i64),
) -> rusqlite::Result<Chosen> {
    for condition in conditions {
        if let Some(probe) = single(condition) {
            let (first, last) = ends(moment.db, probe, *zone)?;
            *zone = (zone.0.max(first), zone.1.min(last));
        }
    }
    let leading: Vec<usize> = (0..conditions.len()).filter(|at| conditions[*at].leads()).collect();
    let db = moment.db;
    let mut least = fewest(db, conditions, &leading, *zone)?;
    if least.is_none() {
        for &at in &leading {
            let Some(probe) = single(&conditions[at]) else { continue };
            let size = estimate(db, probe, *zone)?;
            if least.is_none_or(|(_, least)| size < least) {
                least = Some((at, size));
            }
        }
        for &at in leading.iter().filter(|at| single(&conditions[**at]).is_none()) {
            let bound = least.map_or(i64::MAX, |(_, least)| least).min(moment.limits.turns.led);
            let size = count(db, &conditions[at].probes, *zone, bound)?;
            if size < bound {
                least = Some((at, size));
            }
        }
    }
    let Some((at, size)) = least else {
        return Ok(Chosen { lead: Lead::Walk, of: None, size: count_type(db, kind, *zone)? });
    };
    let lead = match single(&conditions[at]) {
        Some(probe) => Lead::Stream(probe.clone()),
        None => Lead::Gathered(conditions[at].probes.clone()),
    };
    Ok(Chosen { lead, of: Some(at), size })
}

/// The first condition that is found to have few rows, counted in steps: who has a patient's hundred results does not
/// count a thousand of a code to learn that they are more.
fn fewest(
    db: &Connection,
    conditions: &[Condition],
    leading: &[usize],
    zone: (i64, i64),
) -> rusqlite::Result<Option<(usize, i64)>> {
    for few in FEW {
        for &at in leading {
            let size = count(db, &conditions[at].probes, zone, few)?;
            if size < few {
                return Ok(Some((at, size)));
            }
        }
    }
    Ok(None)
}

/// The one look-up of a condition whose rows stand in the order of positions.
fn single(condition: &Condition) -> Option<&Probe> {
    match condition.probes.as_slice() {
        [probe] if condition.leads() && probe.entry == Entry::Exact => Some(probe),
        _ => None,
    }
}

/// The first and last position of a probe's rows within a zone; an empty stretch where it has none.
fn ends(db: &Connection, probe: &Probe, zone: (i64, i64)) -> rusqlite::Result<(i64, i64)> {
    let (table, filter) = (probe.table, probe.filter());
    let end = |order: &str| {
        format!("SELECT seq FROM {table} WHERE {filter} AND seq BETWEEN ? AND ? ORDER BY seq {order} LIMIT 1")
    };
    let sql = format!("SELECT ({}), ({})", end("ASC"), end("DESC"));
    let (_, values) = probe.positions(zone);
    let values = values.iter().chain(&values);
    let ends = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?));
    let (first, last) = db.prepare_cached(&sql)?.query_row(params_from_iter(values), ends)?;
    Ok((first.unwrap_or(i64::MAX), last.unwrap_or(0)))
}

/// How many rows are looked at for the probes within a zone, counted to a bound.
fn count(db: &Connection, probes: &[Probe], zone: (i64, i64), bound: i64) -> rusqlite::Result<i64> {
    let mut total = 0;
    for probe in probes {
        let (rows, values) = probe.looked_at(zone);
        let sql = format!("SELECT count(*) FROM ({rows} LIMIT ?)");
        let values = values.into_iter().chain([Value::from(bound - total)]);
        total += db.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get::<_, i64>(0))?;
        if total >= bound {
            break;
        }
    }
    Ok(total)
}

/// How many rows a probe has, by how dense the newest of them stand.
fn estimate(db: &Connection, probe: &Probe, zone: (i64, i64)) -> rusqlite::Result<i64> {
    let (rows, values) = probe.looked_at(zone);
    let sql = format!("SELECT count(*), min(seq) FROM ({rows} ORDER BY seq DESC LIMIT {SAMPLE})");
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?));
    let (count, first) = db.prepare_cached(&sql)?.query_row(params_from_iter(values), read)?;
    if count < SAMPLE {
        return Ok(count);
    }
    let seen = zone.1.saturating_sub(first.unwrap_or(zone.1)).max(1);
    Ok(count.saturating_mul(zone.1.saturating_sub(zone.0)) / seen)
}

/// About how many versions of a type are in a zone, by how dense the newest of them stand.
fn count_type(db: &Connection, kind: i64, zone: (i64, i64)) -> rusqlite::Result<i64> {
    estimate(db, &Probe::new("span", Entry::Exact, "kind = ?", vec![kind.into()]), zone)
}
