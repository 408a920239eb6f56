//! A page in the order that was asked for (R4 §3.1.1.5.2).
//!
//! What is equal stands newest first, and what has no value last, in either direction. Few candidates are gathered and put
//! in order here. Many are walked along the index of the first rule, which stands in that order, until the page is full; that
//! needs a rule with such an index (dates, numbers, quantities, strings) and no other behind it.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use fhir::search::{ParameterClass, Sort, SortKey, sort_key};
use rusqlite::Row;
use rusqlite::types::Value;

use super::broken;
use super::plan::Plan;
use super::walk::Match;
use crate::derived;
use crate::error::ReadError;
use crate::wide;

/// A match with its place.
pub struct Placed {
    pub found: Match,
    keys: Vec<Option<SortKey>>,
}

/// At most `limit` matches that stand after the version at `after`, and how many there are in all where that is known.
pub fn page(
    plans: &[Plan<'_>],
    rules: &[Sort],
    after: Option<i64>,
    limit: usize,
) -> Result<(Vec<Match>, Option<u64>), ReadError> {
    if let ([plan], [rule]) = (plans, rules)
        && plan.size > plan.moment.limits.turns.gathered
        && is_walkable(rule)
        && let Some(plan) = Plan::without_lead(plan.moment, &plan.filter)?
    {
        return Ok((Index::of(&plan, rule).walk(after, limit)?, None));
    }
    let mut all = Vec::new();
    for plan in plans {
        // Across types each has its own parameter of the name.
        let own = |rule: &Sort| {
            Some(Sort { parameter: plan.moment.registry.find(plan.filter.kind, rule.parameter.code)?, ..*rule })
        };
        let rules: Vec<Sort> = rules.iter().filter_map(own).collect();
        let columns: Vec<String> = rules.iter().map(column).collect();
        plan.each(&plan.lead, i64::MAX, &columns, &mut |found, row| {
            let mut keys = Vec::with_capacity(rules.len());
            for (at, rule) in rules.iter().enumerate() {
                keys.push(key(plan, rule, &found, row, at + 1)?);
            }
            all.push(Placed { found: Match { version: None, ..found }, keys });
            Ok(ControlFlow::Continue(()))
        })?;
    }
    let total = all.len() as u64;
    all.sort_unstable_by(|left, right| order(rules, left, right));
    let start = match after {
        None => 0,
        Some(seq) => all.iter().position(|placed| placed.found.seq == seq).ok_or(ReadError::BadPage)? + 1,
    };
    Ok((all.into_iter().skip(start).take(limit).map(|placed| placed.found).collect(), Some(total)))
}

fn order(rules: &[Sort], left: &Placed, right: &Placed) -> Ordering {
    for (rule, pair) in rules.iter().zip(left.keys.iter().zip(&right.keys)) {
        let order = match pair {
            (Some(left), Some(right)) if rule.descending => right.compare(left),
            (Some(left), Some(right)) => left.compare(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    right.found.seq.cmp(&left.found.seq)
}

/// The column of a statement on candidates that gives the value of a rule, where SQL knows it.
fn column(rule: &Sort) -> String {
    match (rule.parameter.code, ordered(rule.parameter.class)) {
        ("_id", _) => "(SELECT id FROM version WHERE seq = {seq})".to_owned(),
        // The log's order is that of its times.
        ("_lastUpdated", _) => "{seq}".to_owned(),
        (_, Some((table, column))) => format!("({})", edge_of(rule, table, column, "{seq}")),
        (_, None) => "NULL".to_owned(),
    }
}

/// The value that a rule puts a match by.
fn key(plan: &Plan<'_>, rule: &Sort, found: &Match, row: &Row<'_>, at: usize) -> Result<Option<SortKey>, ReadError> {
    let text = || row.get(at).map_err(broken).map(|text: Option<String>| text.map(SortKey::Text));
    let time = || row.get(at).map_err(broken).map(|time: Option<i64>| time.map(SortKey::Time));
    let number = || row.get(at).map_err(broken).map(|number: Option<f64>| number.map(SortKey::Number));
    match (rule.parameter.code, rule.parameter.class) {
        ("_id", _) | (_, ParameterClass::String) => text(),
        (_, ParameterClass::Date) => time(),
        (_, ParameterClass::Number | ParameterClass::Quantity) => number(),
        _ => {
            let moment = plan.moment;
            let read = |version| moment.see(version, |resource| sort_key(rule, resource)).map(Option::flatten);
            match &found.version {
                Some(version) => read(version),
                None => read(&moment.version(found.seq).map_err(broken)?),
            }
        }
    }
}

/// The table of a class that stands in the order of its values, and the column.
fn ordered(class: ParameterClass) -> Option<(&'static str, &'static str)> {
    Some(match class {
        ParameterClass::Date => ("date", "low"),
        ParameterClass::Number => ("number", "low"),
        ParameterClass::Quantity => ("quantity", "low"),
        ParameterClass::String => ("string", "text"),
        _ => return None,
    })
}

/// Whether there is an index in the rule's order.
fn is_walkable(rule: &Sort) -> bool {
    !matches!(rule.parameter.code, "_id" | "_lastUpdated") && ordered(rule.parameter.class).is_some()
}

/// The stretches of the index under which a rule's values stand.
fn stretches(rule: &Sort) -> Vec<i64> {
    let of = |p: u16| match rule.parameter.class {
        ParameterClass::Date => wide::dates(p).map(|(p, _)| p).to_vec(),
        ParameterClass::Number | ParameterClass::Quantity => wide::numbers(p).to_vec(),
        _ => vec![i64::from(p)],
    };
    derived::parts(rule.parameter).into_iter().flat_map(of).collect()
}

/// The least or greatest value of the version at `seq`, as a statement.
fn edge_of(rule: &Sort, table: &str, column: &str, seq: &str) -> String {
    let edge = if rule.descending { "max" } else { "min" };
    let list = stretches(rule).iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    format!("SELECT {edge}({column}) FROM {table} INDEXED BY {table}_seq WHERE seq = {seq} AND p IN ({list})")
}

/// The index of one rule, to be walked.
struct Index<'p, 'm> {
    plan: &'p Plan<'m>,
    rule: Sort,
    table: &'static str,
    column: &'static str,
    stretches: Vec<i64>,
}

impl<'p, 'm> Index<'p, 'm> {
    fn of(plan: &'p Plan<'m>, rule: &Sort) -> Index<'p, 'm> {
        let (table, column) = ordered(rule.parameter.class).expect("the rule was found walkable");
        Index { plan, rule: *rule, table, column, stretches: stretches(rule) }
    }

    /// Those with a value in its order, then those without.
    fn walk(&self, after: Option<i64>, limit: usize) -> Result<Vec<Match>, ReadError> {
        let place = match after {
            None => None,
            Some(seq) => Some((self.edge(seq)?, seq)),
        };
        let mut found = Vec::new();
        if !matches!(place, Some((None, _))) {
            self.valued(place.as_ref().and_then(|(value, seq)| Some((value.clone()?, *seq))), limit, &mut found)?;
        }
        // Who was asked for a value has one.
        if found.len() < limit && self.plan.ranges(self.rule.parameter).is_empty() {
            let below = match place {
                Some((None, seq)) => seq,
                _ => i64::MAX,
            };
            self.valueless(below, limit, &mut found)?;
        }
        Ok(found)
    }

    fn edge(&self, seq: i64) -> Result<Option<Value>, ReadError> {
        let sql = edge_of(&self.rule, self.table, self.column, "?1");
        let mut edge = self.plan.moment.db.prepare_cached(&sql).map_err(broken)?;
        let found = edge.query_row([seq], |row| row.get::<_, Value>(0)).map_err(broken)?;
        Ok(Some(found).filter(|value| *value != Value::Null))
    }

    fn valued(&self, after: Option<(Value, i64)>, limit: usize, found: &mut Vec<Match>) -> Result<(), ReadError> {
        let Index { table, column, .. } = self;
        let (direction, beyond) = if self.rule.descending { ("DESC", "<=") } else { ("ASC", ">=") };
        let ranges = self.plan.ranges(self.rule.parameter);
        let mut values = Vec::new();
        let mut parts = Vec::new();
        for p in &self.stretches {
            let mut part = format!("SELECT {column} AS k, seq FROM {table} WHERE p = ?");
            values.push((*p).into());
            if let Some((_, from, to)) = ranges.iter().find(|(of, ..)| of == p) {
                part.push_str(&format!(" AND {column} BETWEEN ? AND ?"));
                values.extend([*from, *to].map(Value::from));
            }
            if let Some((value, _)) = &after {
                part.push_str(&format!(" AND {column} {beyond} ?"));
                values.push(value.clone());
            }
            parts.push(part);
        }
        let (checks, more) = self.plan.checks("l.seq");
        let sql = format!(
            "SELECT l.k, l.seq FROM ({}) l CROSS JOIN span s ON s.kind = ? AND s.seq = l.seq WHERE 1{checks} \
             ORDER BY l.k {direction}, l.seq DESC",
            parts.join(" UNION ALL ")
        );
        values.push(self.plan.kind.into());
        values.extend(more);
        self.plan.rows(&sql, values, &mut |row| {
            let (value, seq): (Value, i64) = (row.get(0).map_err(broken)?, row.get(1).map_err(broken)?);
            let is_before = matches!(&after, Some((edge, last)) if *edge == value && seq >= *last);
            // Of several values the one by which it is placed.
            if is_before || found.last().is_some_and(|last| last.seq == seq) || self.edge(seq)?.as_ref() != Some(&value)
            {
                return Ok(ControlFlow::Continue(()));
            }
            found.extend(self.plan.decide(seq)?);
            Ok(if found.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
    }

    fn valueless(&self, below: i64, limit: usize, found: &mut Vec<Match>) -> Result<(), ReadError> {
        let Index { table, stretches, .. } = self;
        let list = stretches.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        let (checks, more) = self.plan.checks("s.seq");
        let sql = format!(
            "SELECT s.seq FROM span s WHERE s.kind = ? AND s.seq BETWEEN ? AND ? AND NOT EXISTS \
             (SELECT 1 FROM {table} INDEXED BY {table}_seq WHERE seq = s.seq AND p IN ({list})){checks} ORDER BY s.seq DESC"
        );
        let last = self.plan.zone.1.min(below.saturating_sub(1));
        let mut values = [self.plan.kind, self.plan.zone.0, last].map(Value::from).to_vec();
        values.extend(more);
        self.plan.rows(&sql, values, &mut |row| {
            let seq: i64 = row.get(0).map_err(broken)?;
            found.extend(self.plan.decide(seq)?);
            Ok(if found.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
    }
}
