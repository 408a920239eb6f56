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

/// How far the conditions are counted, one step after the other, until one has fewer; the last step is the limit's.
const STEPS: [i64; 2] = [64, 1_024];

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
    let leading = || conditions.iter().enumerate().filter(|(_, condition)| condition.leads());
    let last = moment.limits.turns.led;
    for bound in STEPS.into_iter().filter(|step| *step < last).chain([last]) {
        let mut least: Option<(usize, i64)> = None;
        for (at, condition) in leading() {
            let size = count(moment.db, &condition.probes, *zone, least.map_or(bound, |(_, least)| least))?;
            if size < least.map_or(bound, |(_, least)| least) {
                least = Some((at, size));
            }
            if size == 0 {
                break;
            }
        }
        if let Some((at, size)) = least {
            let lead = match single(&conditions[at]) {
                Some(probe) => Lead::Stream(probe.clone()),
                None => Lead::Gathered(conditions[at].probes.clone()),
            };
            return Ok(Chosen { lead, of: Some(at), size });
        }
    }
    let mut sparsest: Option<(usize, i64)> = None;
    for (at, condition) in leading() {
        if let Some(probe) = single(condition) {
            let size = estimate(moment.db, probe, *zone)?;
            if sparsest.is_none_or(|(_, least)| size < least) {
                sparsest = Some((at, size));
            }
        }
    }
    if let Some((at, size)) = sparsest
        && let Some(probe) = single(&conditions[at])
    {
        return Ok(Chosen { lead: Lead::Stream(probe.clone()), of: Some(at), size });
    }
    let size = count_type(moment.db, kind, *zone)?;
    Ok(Chosen { lead: Lead::Walk, of: None, size })
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
    let Probe { table, filter, .. } = probe;
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

/// How many rows the probes have within a zone, counted to a bound.
fn count(db: &Connection, probes: &[Probe], zone: (i64, i64), bound: i64) -> rusqlite::Result<i64> {
    let mut total = 0;
    for probe in probes {
        let (positions, values) = probe.positions(zone);
        let sql = format!("SELECT count(*) FROM ({positions} LIMIT ?)");
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
    const SAMPLE: i64 = 1_000;
    let (positions, values) = probe.positions(zone);
    let sql = format!("SELECT count(*), min(seq) FROM ({positions} ORDER BY seq DESC LIMIT {SAMPLE})");
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?));
    let (count, first) = db.prepare_cached(&sql)?.query_row(params_from_iter(values), read)?;
    let seen = zone.1.saturating_sub(first.unwrap_or(zone.1)).max(1);
    Ok(count.saturating_mul(zone.1.saturating_sub(zone.0)) / seen)
}

/// About how many versions of a type are in a zone, by how dense the newest of them stand.
fn count_type(db: &Connection, kind: i64, zone: (i64, i64)) -> rusqlite::Result<i64> {
    let all = Probe { table: "span", entry: Entry::Exact, filter: "kind = ?".to_owned(), values: vec![kind.into()] };
    estimate(db, &all, zone)
}
