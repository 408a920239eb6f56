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
    pub filter: String,
    pub values: Vec<Value>,
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
    fn new(table: &'static str, entry: Entry, filter: impl Into<String>, values: Vec<Value>) -> Probe {
        Probe { table, entry, filter: filter.into(), values }
    }

    /// Whether a version is found by this, said of the version at `s.seq`; none where looking that up costs more than
    /// looking at the version.
    pub fn check(&self) -> Option<(String, Vec<Value>)> {
        let (table, filter) = (self.table, &self.filter);
        let sql = match self.entry {
            Entry::Exact | Entry::Few => format!("EXISTS (SELECT 1 FROM {table} WHERE {filter} AND seq = s.seq)"),
            Entry::Ranged => {
                format!("EXISTS (SELECT 1 FROM {table} INDEXED BY {table}_seq WHERE seq = s.seq AND {filter})")
            }
            Entry::Many | Entry::Scan => return None,
        };
        Some((sql, self.values.clone()))
    }

    /// The same by looking at all that the probe finds, once: for a plan that looks at most of a type anyway.
    pub fn scan(&self) -> (String, Vec<Value>) {
        (format!("s.seq IN (SELECT seq FROM {} WHERE {})", self.table, self.filter), self.values.clone())
    }

    /// The positions that this finds between two others.
    pub fn positions(&self, (first, last): (i64, i64)) -> (String, Vec<Value>) {
        let sql = format!("SELECT seq FROM {} WHERE {} AND seq BETWEEN ? AND ?", self.table, self.filter);
        let mut values = self.values.clone();
        values.extend([first, last].map(Value::from));
        (sql, values)
    }
}

/// Whether the index knows nothing that would narrow a clause: it is decided by the body alone.
pub fn is_bodily(clause: &Clause) -> bool {
    matches!(
        (clause.modifier, clause.parameter.class),
        (Modifier::Text, _) | (Modifier::Below, ParameterClass::Uri) | (Modifier::Missing, ParameterClass::Composite)
    )
}

/// The look-ups of which any one finds what the clause, its negation aside, asks for. `kind` is the type's number.
pub fn of_clause(kind: i64, clause: &Clause) -> Vec<Probe> {
    let mut probes = Vec::new();
    for p in derived::parts(clause.parameter) {
        let mut codes = Codes::default();
        for criterion in &clause.values {
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
        let within = |s: i64| format!(" AND s = {s}");
        probes.extend(hashed("token", p, &self.any_system, String::new()));
        probes.extend(hashed("token", p, &self.no_system, within(0)));
        for (system, codes) in &self.in_system {
            probes.extend(hashed("token", p, codes, within(*system)));
        }
        for system in self.systems {
            probes.push(Probe::new("token", Entry::Scan, "p = ? AND s = ?", vec![i64::from(p).into(), system.into()]));
        }
        probes.extend(hashed("reference", p, &self.references, String::new()));
    }
}

/// One look-up for one value, or for all of them; none for none.
fn hashed(table: &'static str, p: u16, hashes: &[i64], and: String) -> Vec<Probe> {
    let p = Value::from(i64::from(p));
    if hashes.len() <= FEW {
        let one =
            |h: &i64| Probe::new(table, Entry::Exact, format!("p = ? AND h = ?{and}"), vec![p.clone(), (*h).into()]);
        return hashes.iter().map(one).collect();
    }
    let filter = format!("p = ? AND h IN (SELECT value FROM json_each(?)){and}");
    vec![Probe::new(table, Entry::Many, filter, vec![p, list(hashes).into()])]
}

/// References to any of many resources.
pub fn referring(p: u16, hashes: &[i64]) -> Vec<Probe> {
    hashed("reference", p, hashes, String::new())
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
        let mut all = vec![p.into(), from.into(), to.into()];
        all.extend(values.iter().cloned());
        Probe::new("date", Entry::Ranged, format!("p = ? AND low BETWEEN ? AND ? AND {filter}"), all)
    };
    wide::dates(p).map(stretch).to_vec()
}

fn number(table: &'static str, p: i64, prefix: Prefix, bounds: fhir::search::Bounds) -> Probe {
    let (filter, values) = compare::number(prefix, bounds);
    let is_points = (p / wide::CLASS) % 2 == 0;
    let (from, to) = if is_points { compare::points(prefix, bounds) } else { (f64::NEG_INFINITY, f64::INFINITY) };
    let mut all = vec![p.into(), from.into(), to.into()];
    all.extend(values);
    Probe::new(table, Entry::Ranged, format!("p = ? AND low BETWEEN ? AND ? AND {filter}"), all)
}

fn quantity(
    p: u16,
    prefix: Prefix,
    bounds: fhir::search::Bounds,
    unit: &QuantityUnit,
    in_base: Option<&InBase>,
) -> Vec<Probe> {
    let in_unit = |p: i64, bounds, and: &str, hash: Option<i32>| {
        let mut probe = number("quantity", p, prefix, bounds);
        probe.filter.push_str(and);
        probe.values.extend(hash.map(|hash| Value::from(i64::from(hash))));
        probe
    };
    let written = |and: &str, hash: Option<i32>| wide::numbers(p).map(|p| in_unit(p, bounds, and, hash)).to_vec();
    match unit {
        QuantityUnit::Any => written("", None),
        QuantityUnit::CodeOrUnit(unit) => written(" AND ? IN (c, u)", Some(hash::unit_hash(unit))),
        QuantityUnit::Coded { system, code } => {
            let mut probes = written(" AND s = ?", Some(hash::coded_hash(Some(system), code)));
            if let Some(InBase { bounds, unit }) = in_base {
                let hash = Some(hash::base_hash(unit));
                probes.extend(wide::bases(p).map(|p| in_unit(p, *bounds, " AND s = ?", hash)));
            }
            probes
        }
    }
}

fn string(p: u16, modifier: Modifier, normalised: &str, exact: &str) -> Probe {
    let text = |text: &str| Value::from(text.to_owned());
    let p = Value::from(i64::from(p));
    match modifier {
        Modifier::Exact => {
            let filter = "p = ? AND text = ? AND CASE exact WHEN '' THEN text ELSE exact END = ?";
            Probe::new("string", Entry::Ranged, filter, vec![p, text(normalised), text(exact)])
        }
        Modifier::Contains => {
            Probe::new("string", Entry::Ranged, "p = ? AND instr(text, ?) > 0", vec![p, text(normalised)])
        }
        // Everything that begins so lies between the text and the text with the greatest character behind it.
        _ => {
            let end = format!("{normalised}{}", char::MAX);
            let values = vec![p, text(normalised), text(&end)];
            Probe::new("string", Entry::Ranged, "p = ? AND text >= ? AND text < ?", values)
        }
    }
}
