//! Going through a plan's candidates, newest first: what SQL lets through is held against the rest.

use std::ops::ControlFlow;

use fhir::search::matches_filter;
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::broken;
use super::lead::Lead;
use super::plan::Plan;
use super::probe::Probe;
use crate::error::ReadError;
use crate::version::Version;

/// A version that matches; with its content where that had to be read to decide.
pub struct Match {
    pub seq: i64,
    pub version: Option<Version>,
}

impl Plan<'_> {
    /// Whether the body has to be looked at.
    pub fn is_bodily(&self) -> bool {
        !self.rest.clauses.is_empty() || !self.rest.relations.is_empty() || !self.has.is_empty()
    }

    /// The positions of all matches, if they are no more than `most`.
    pub fn first(&self, most: usize) -> Result<Option<Vec<i64>>, ReadError> {
        let mut found = Vec::new();
        self.each(&self.lead, i64::MAX, &mut |matched| {
            found.push(matched.seq);
            Ok(if found.len() > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok((found.len() <= most).then_some(found))
    }

    /// Whether anything matches among the candidates of this lead.
    pub fn any(&self, lead: &Lead) -> Result<bool, ReadError> {
        let mut found = false;
        self.each(lead, i64::MAX, &mut |_| {
            found = true;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Shows each match below a position, newest first, until `visit` has enough.
    pub fn each(
        &self,
        lead: &Lead,
        below: i64,
        visit: &mut dyn FnMut(Match) -> Result<ControlFlow<()>, ReadError>,
    ) -> Result<(), ReadError> {
        let zone = (self.zone.0, self.zone.1.min(below.saturating_sub(1)));
        if zone.0 > zone.1 {
            return Ok(());
        }
        let Some((sql, values)) = self.candidates(lead, zone) else { return Ok(()) };
        let mut before = None;
        self.rows(&sql, values, &mut |row| {
            let seq: i64 = row.get(0).map_err(broken)?;
            // A version may have several rows; they stand together.
            if before.replace(seq) == Some(seq) {
                return Ok(ControlFlow::Continue(()));
            }
            match self.decide(seq)? {
                Some(matched) => visit(matched),
                None => Ok(ControlFlow::Continue(())),
            }
        })
    }

    /// Steps through a statement's rows; each is counted.
    pub fn rows(
        &self,
        sql: &str,
        values: Vec<Value>,
        visit: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, ReadError>,
    ) -> Result<(), ReadError> {
        let mut statement = self.moment.db.prepare_cached(sql).map_err(broken)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(broken)?;
        while let Some(row) = rows.next().map_err(broken)? {
            self.moment.step()?;
            if visit(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Whether a candidate that SQL let through matches.
    pub fn decide(&self, seq: i64) -> Result<Option<Match>, ReadError> {
        if !self.is_bodily() {
            return Ok(Some(Match { seq, version: None }));
        }
        let version = self.moment.version(seq).map_err(broken)?;
        for linked in &self.has {
            if !linked.holds(&version.key.id)? {
                return Ok(None);
            }
        }
        if !self.rest.clauses.is_empty() || !self.rest.relations.is_empty() {
            let holds = self.moment.see(&version, |resource| matches_filter(&self.rest, resource, self.moment))?;
            self.moment.fault()?;
            if holds != Some(true) {
                return Ok(None);
            }
        }
        Ok(Some(Match { seq, version: Some(version) }))
    }

    /// The statement that gives the positions of candidates, newest first; none where there can be none.
    fn candidates(&self, lead: &Lead, zone: (i64, i64)) -> Option<(String, Vec<Value>)> {
        let (checks, check_values) = self.checks(if matches!(lead, Lead::Walk) { "s.seq" } else { "l.seq" });
        let (sql, mut values) = match lead {
            Lead::Walk => (
                format!(
                    "SELECT s.seq FROM span s WHERE s.kind = ? AND s.seq BETWEEN ? AND ?{checks} ORDER BY s.seq DESC"
                ),
                [self.kind, zone.0, zone.1].map(Value::from).to_vec(),
            ),
            Lead::Stream(probe) => {
                let Probe { table, filter, values, .. } = probe;
                // Said as a cross join, because SQLite would rather walk the whole type.
                let sql = format!(
                    "SELECT l.seq FROM {table} l CROSS JOIN span s ON s.kind = ? AND s.seq = l.seq \
                     WHERE {filter} AND l.seq BETWEEN ? AND ?{checks} ORDER BY l.seq DESC"
                );
                let mut all = vec![Value::from(self.kind)];
                all.extend(values.iter().cloned());
                all.extend([zone.0, zone.1].map(Value::from));
                (sql, all)
            }
            Lead::Gathered(probes) if probes.is_empty() => return None,
            Lead::Gathered(probes) => {
                let (positions, all) = gathered(probes, zone);
                let sql = format!(
                    "SELECT l.seq FROM ({positions}) l CROSS JOIN span s ON s.kind = ? AND s.seq = l.seq \
                     WHERE 1{checks} ORDER BY l.seq DESC"
                );
                let mut values = all;
                values.push(self.kind.into());
                (sql, values)
            }
        };
        values.extend(check_values);
        Some((sql, values))
    }

    /// What is asked of every candidate, the version at `seq` with `span` as `s`: that it is visible, and the conditions.
    pub fn checks(&self, seq: &str) -> (String, Vec<Value>) {
        let position = self.moment.position;
        let mut sql = " AND s.seq <= ? AND (s.until IS NULL OR s.until > ?)".to_owned();
        let mut values = vec![Value::from(position), Value::from(position)];
        for (check, more) in &self.checks {
            sql.push_str(" AND ");
            sql.push_str(&check.replace("s.seq", seq));
            values.extend(more.iter().cloned());
        }
        (sql, values)
    }
}

/// The positions that any of the probes finds. A compound statement has at most 500 parts, so that more are nested.
fn gathered(probes: &[Probe], zone: (i64, i64)) -> (String, Vec<Value>) {
    const PARTS_MAX: usize = 400;
    let mut values = Vec::new();
    let mut unions = Vec::new();
    for chunk in probes.chunks(PARTS_MAX) {
        let mut parts = Vec::new();
        for probe in chunk {
            let (part, more) = probe.positions(zone);
            parts.push(part);
            values.extend(more);
        }
        unions.push(format!("SELECT seq FROM ({})", parts.join(" UNION ALL ")));
    }
    (unions.join(" UNION ALL "), values)
}
