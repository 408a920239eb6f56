//! A clause as look-ups in the index tables.
//!
//! FHIR search, R4 §3.1.1. What each comparison means is `fhir::search`'s to say; `fhir::search::matches_among` is the
//! oracle that a property test holds this against.

use std::collections::BTreeMap;

use fhir::reference::is_id;
use fhir::search::{Clause, Code, Criterion, InBase, Modifier, ParameterClass, Prefix, QuantityUnit};
use rusqlite::types::Value;

use crate::compare;
use crate::derived;
use crate::hash;
use crate::wide;

/// A condition on one row, and how to come from the row to the version.
#[derive(Debug, Clone)]
pub struct Probe {
    pub table: &'static str,
    pub entry: Entry,
    /// The stretch of the index in which its rows stand.
    stretch: (String, Vec<Value>),
    /// What else must be so of a row; may be empty.
    and: (String, Vec<Value>),
}

/// How a table is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// By one value of all key columns before `seq`: in the order of positions, and cheap in both directions.
    Exact,
    /// By a few such values, as a list in JSON: cheap in both directions.
    Few,
    /// By many: only from the rows to the versions.
    Many,
    /// By a range of the key, or by `seq` through the table's second index.
    Ranged,
    /// By part of the key, or by something that is not indexed: only from the rows to the versions.
    Scan,
}

/// More values than this are not looked up one by one for a version.
pub const FEW: usize = 8;

impl Probe {
    pub fn new(table: &'static str, entry: Entry, stretch: impl Into<String>, values: Vec<Value>) -> Probe {
        Probe { table, entry, stretch: (stretch.into(), values), and: (String::new(), Vec::new()) }
    }

    fn and(mut self, filter: &str, values: impl IntoIterator<Item = Value>) -> Probe {
        self.and.0.push_str(" AND ");
        self.and.0.push_str(filter);
        self.and.1.extend(values);
        self
    }

    /// The whole condition on a row.
    pub fn filter(&self) -> String {
        format!("{}{}", self.stretch.0, self.and.0)
    }

    pub fn values(&self) -> impl Iterator<Item = Value> {
        self.stretch.1.iter().chain(&self.and.1).cloned()
    }

    /// Whether a version is found by this, said of the version at `s.seq`; none where looking that up costs more than
    /// looking at the version.
    pub fn check(&self) -> Option<(String, Vec<Value>)> {
        let (table, filter) = (self.table, self.filter());
        let sql = match self.entry {
            Entry::Exact | Entry::Few => format!("EXISTS (SELECT 1 FROM {table} WHERE {filter} AND seq = s.seq)"),
            Entry::Ranged => {
                format!("EXISTS (SELECT 1 FROM {table} INDEXED BY {table}_seq WHERE seq = s.seq AND {filter})")
            }
            Entry::Many | Entry::Scan => return None,
        };
        Some((sql, self.values().collect()))
    }

    /// The same by looking at all that the probe finds, once: for a plan that looks at most of a type anyway. None where
    /// that is no stretch of the index.
    pub fn scan(&self) -> Option<(String, Vec<Value>)> {
        let sql = format!("s.seq IN (SELECT seq FROM {} WHERE {})", self.table, self.filter());
        (self.entry == Entry::Scan).then(|| (sql, self.values().collect()))
    }

    /// The positions that this finds between two others.
    pub fn positions(&self, (first, last): (i64, i64)) -> (String, Vec<Value>) {
        let sql = format!("SELECT seq FROM {} WHERE {} AND seq BETWEEN ? AND ?", self.table, self.filter());
        (sql, self.values().chain([first, last].map(Value::from)).collect())
    }

    /// The positions of all rows that are looked at for that.
    pub fn looked_at(&self, (first, last): (i64, i64)) -> (String, Vec<Value>) {
        let (stretch, values) = &self.stretch;
        let mut sql = format!("SELECT seq FROM {} WHERE {stretch}", self.table);
        let mut values = values.clone();
        if self.entry == Entry::Exact {
            sql.push_str(" AND seq BETWEEN ? AND ?");
            values.extend([first, last].map(Value::from));
        }
        (sql, values)
    }
}

/// Whether the index knows nothing that would narrow a clause: it is decided by the body alone.
pub fn is_bodily(clause: &Clause) -> bool {
    if clause.modifier == Modifier::Missing && derived::is_filtered(clause.parameter) {
        return true;
    }
    matches!(
        (clause.modifier, clause.parameter.class),
        (Modifier::Text, _) | (Modifier::Below, ParameterClass::Uri) | (Modifier::Missing, ParameterClass::Composite)
    )
}

/// The look-ups of which any one finds what the clause, its negation aside, asks for. `kind` is the type's number.
pub fn of_clause(kind: i64, clause: &Clause) -> Vec<Probe> {
    let mut probes = Vec::new();
    let local = derived::local(clause.parameter);
    for p in derived::parts(clause.parameter) {
        let mut codes = Codes::default();
        let is_local = |criterion: &&Criterion| matches!(criterion, Criterion::Reference { .. });
        let own = |criterion: &&Criterion| match derived::is_filtered(clause.parameter) {
            true => is_local(criterion) == (p == local),
            false => true,
        };
        for criterion in clause.values.iter().filter(own) {
            match criterion {
                Criterion::Token(code) if clause.parameter.code == "_id" => codes.id(code),
                Criterion::Token(code) | Criterion::Identifier(code) => codes.add(code),
                Criterion::OfType { system, code, value } => {
                    codes.of_type(system.as_deref(), hash::of_type_hash(code, value));
                }
                Criterion::Reference { kind: Some(kind), id } => codes.references.push(hash::local_hash(kind, id)),
                Criterion::Reference { kind: None, id } => {
                    codes.references.extend(clause.parameter.targets().map(|kind| hash::local_hash(kind, id)));
                }
                Criterion::Url { url, version } => codes.references.push(hash::url_hash(url, version.as_deref())),
                Criterion::Uri(uri) if clause.modifier == Modifier::Above => {
                    codes.references.extend(tops(uri).iter().map(|top| hash::url_hash(top, None)));
                }
                Criterion::Uri(uri) => codes.references.push(hash::url_hash(uri, None)),
                Criterion::Missing(_) => probes.extend(present(p, clause)),
                Criterion::String { normalised, exact } => probes.push(string(p, clause.modifier, normalised, exact)),
                Criterion::Date { prefix, interval } => probes.extend(date(p, *prefix, *interval)),
                Criterion::Number { prefix, bounds } => {
                    probes.extend(wide::numbers(p).map(|p| number("number", p, *prefix, *bounds)));
                }
                Criterion::Quantity { prefix, bounds, unit, in_base } => {
                    probes.extend(quantity(p, *prefix, *bounds, unit, in_base.as_ref()));
                }
                // Its parts are clauses of their own here; the set was looked up before.
                Criterion::Composite(_) | Criterion::ValueSet(_) => {}
            }
        }
        codes.probes(kind, p, &mut probes);
    }
    probes
}

/// A URL and what it is under: `http://a.org/x/y`, `http://a.org/x`, `http://a.org`, …, each with a slash behind it too.
fn tops(url: &str) -> Vec<String> {
    let ends = url.match_indices('/').map(|(at, _)| at).chain([url.len()]);
    let mut tops: Vec<String> = ends.flat_map(|end| [url[..end].to_owned(), format!("{}/", &url[..end])]).collect();
    tops.dedup();
    tops
}

/// What is compared by its hash, together: many values are one look-up with a list.
#[derive(Default)]
struct Codes {
    ids: Vec<String>,
    any_system: Vec<i64>,
    no_system: Vec<i64>,
    in_system: BTreeMap<i64, Vec<i64>>,
    systems: Vec<i64>,
    references: Vec<i64>,
}

impl Codes {
    fn id(&mut self, code: &Code) {
        if let Code::AnySystem(id) | Code::NoSystem(id) = code {
            self.ids.push(id.clone());
        }
    }

    fn add(&mut self, code: &Code) {
        match code {
            Code::AnySystem(code) => self.any_system.push(hash::code_hash(code)),
            Code::NoSystem(code) => self.no_system.push(hash::code_hash(code)),
            Code::InSystem { system, code } => {
                self.in_system.entry(hash::system_hash(Some(system))).or_default().push(hash::code_hash(code));
            }
            Code::System(system) => self.systems.push(hash::system_hash(Some(system))),
        }
    }

    fn of_type(&mut self, system: Option<&str>, h: i64) {
        match system {
            Some(system) => {
                self.in_system.entry(hash::of_type_system_hash(Some(system))).or_default().push(h);
            }
            None => self.any_system.push(h),
        }
    }

    fn probes(self, kind: i64, p: u16, probes: &mut Vec<Probe>) {
        if !self.ids.is_empty() {
            probes.push(ids(kind, &self.ids));
        }
        let within = |probe: Probe, s: i64| probe.and("s = ?", [s.into()]);
        probes.extend(hashed("token", p, &self.any_system));
        probes.extend(hashed("token", p, &self.no_system).into_iter().map(|probe| within(probe, 0)));
        for (system, codes) in &self.in_system {
            probes.extend(hashed("token", p, codes).into_iter().map(|probe| within(probe, *system)));
        }
        for system in self.systems {
            probes.push(within(Probe::new("token", Entry::Scan, "p = ?", vec![i64::from(p).into()]), system));
        }
        probes.extend(hashed("reference", p, &self.references));
    }
}

/// One look-up for each value, or for all of them; none for none.
fn hashed(table: &'static str, p: u16, hashes: &[i64]) -> Vec<Probe> {
    let p = Value::from(i64::from(p));
    if hashes.len() <= FEW {
        let one = |h: &i64| Probe::new(table, Entry::Exact, "p = ? AND h = ?", vec![p.clone(), (*h).into()]);
        return hashes.iter().map(one).collect();
    }
    let stretch = "p = ? AND h IN (SELECT value FROM json_each(?))";
    vec![Probe::new(table, Entry::Many, stretch, vec![p, list(hashes).into()])]
}

/// References to any of many resources.
pub fn referring(p: u16, hashes: &[i64]) -> Vec<Probe> {
    hashed("reference", p, hashes)
}

/// The versions of these ids.
pub fn ids(kind: i64, ids: &[String]) -> Probe {
    // What cannot be an id is none.
    let quoted: Vec<String> = ids.iter().filter(|id| is_id(id)).map(|id| format!("\"{id}\"")).collect();
    let list = format!("[{}]", quoted.join(","));
    let entry = if ids.len() <= FEW { Entry::Few } else { Entry::Many };
    Probe::new("resource", entry, "kind = ? AND id IN (SELECT value FROM json_each(?))", vec![kind.into(), list.into()])
}

fn list(hashes: &[i64]) -> String {
    let texts: Vec<String> = hashes.iter().map(i64::to_string).collect();
    format!("[{}]", texts.join(","))
}

/// `:missing`: any row of the parameter.
fn present(p: u16, clause: &Clause) -> Vec<Probe> {
    let any = |table, entry, p: i64| Probe::new(table, entry, "p = ?", vec![p.into()]);
    let own = |table, entry| any(table, entry, i64::from(p));
    match clause.parameter.class {
        ParameterClass::Token => vec![own("token", Entry::Scan)],
        ParameterClass::Reference => vec![own("reference", Entry::Scan), own("token", Entry::Scan)],
        ParameterClass::Uri => vec![own("reference", Entry::Scan)],
        ParameterClass::Date => wide::dates(p).map(|(p, _)| any("date", Entry::Ranged, p)).to_vec(),
        ParameterClass::String => vec![own("string", Entry::Ranged)],
        ParameterClass::Number => wide::numbers(p).map(|p| any("number", Entry::Ranged, p)).to_vec(),
        ParameterClass::Quantity => wide::numbers(p).map(|p| any("quantity", Entry::Ranged, p)).to_vec(),
        ParameterClass::Composite | ParameterClass::Special => Vec::new(),
    }
}

/// Dates of one stretch that begin between two times, however they end.
pub fn beginnings(p: i64, from: i64, to: i64) -> Probe {
    Probe::new("date", Entry::Ranged, "p = ? AND low BETWEEN ? AND ?", [p, from, to].map(Value::from).to_vec())
}

/// In each stretch of the index, as far back as it reaches.
fn date(p: u16, prefix: Prefix, interval: fhir::search::Interval) -> Vec<Probe> {
    let (filter, values) = compare::date(prefix, interval, "low", "high");
    let stretch = |(p, width): (i64, i64)| {
        let (from, to) = compare::beginnings(prefix, interval, width);
        beginnings(p, from, to).and(&filter, values.iter().cloned())
    };
    wide::dates(p).map(stretch).to_vec()
}

fn number(table: &'static str, p: i64, prefix: Prefix, bounds: fhir::search::Bounds) -> Probe {
    let (filter, values) = compare::number(prefix, bounds);
    let is_points = (p / wide::CLASS) % 2 == 0;
    let (from, to) = if is_points { compare::points(prefix, bounds) } else { (f64::NEG_INFINITY, f64::INFINITY) };
    let stretch = vec![p.into(), from.into(), to.into()];
    Probe::new(table, Entry::Ranged, "p = ? AND low BETWEEN ? AND ?", stretch).and(&filter, values)
}

fn quantity(
    p: u16,
    prefix: Prefix,
    bounds: fhir::search::Bounds,
    unit: &QuantityUnit,
    in_base: Option<&InBase>,
) -> Vec<Probe> {
    let plain = |p| number("quantity", p, prefix, bounds);
    let hashed = |probe: Probe, and: &str, hash: i32| probe.and(and, [i64::from(hash).into()]);
    match unit {
        QuantityUnit::Any => wide::numbers(p).map(plain).to_vec(),
        QuantityUnit::CodeOrUnit(unit) => {
            wide::numbers(p).map(|p| hashed(plain(p), "? IN (c, u)", hash::unit_hash(unit))).to_vec()
        }
        QuantityUnit::Coded { system, code } => {
            let unit = hash::coded_hash(Some(system), code);
            let mut probes = wide::numbers(p).map(|p| hashed(plain(p), "s = ?", unit)).to_vec();
            if let Some(InBase { bounds, unit }) = in_base {
                let based = |p| hashed(number("quantity", p, prefix, *bounds), "s = ?", hash::base_hash(unit));
                probes.extend(wide::bases(p).map(based));
            }
            probes
        }
    }
}

fn string(p: u16, modifier: Modifier, normalised: &str, exact: &str) -> Probe {
    let text = |text: &str| Value::from(text.to_owned());
    let p = Value::from(i64::from(p));
    match modifier {
        Modifier::Exact => Probe::new("string", Entry::Ranged, "p = ? AND text = ?", vec![p, text(normalised)])
            .and("CASE exact WHEN '' THEN text ELSE exact END = ?", [text(exact)]),
        Modifier::Contains => {
            Probe::new("string", Entry::Ranged, "p = ?", vec![p]).and("instr(text, ?) > 0", [text(normalised)])
        }
        // Everything that begins so lies between the text and the text with the greatest character behind it.
        _ => {
            let end = format!("{normalised}{}", char::MAX);
            let values = vec![p, text(normalised), text(&end)];
            Probe::new("string", Entry::Ranged, "p = ? AND text >= ? AND text < ?", values)
        }
    }
}
