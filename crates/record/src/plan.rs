//! A query as one SQL condition: each clause lowered to look-ups in the index tables.
//!
//! FHIR search, R4 §3.1.1. What each comparison means is `fhir::search`'s to say; `fhir::search::matches` is the oracle
//! that a property test holds this against.

use consent::Reach;
use fhir::search::{Clause, Code, Criterion, Modifier, ParameterClass, QuantityUnit};
use rusqlite::types::Value;

use crate::compare;
use crate::derived;
use crate::hash;

/// One clause: any of the probes holds, or none of them when negated.
pub struct Condition {
    pub probes: Vec<Probe>,
    pub negated: bool,
}

/// A condition on one row, and how to come from the row to the version.
pub struct Probe {
    pub access: Access,
    pub filter: String,
    pub values: Vec<Value>,
}

/// How a table is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By all key columns before `seq`: cheap in both directions.
    Exact(&'static str),
    /// By a range of the key, or by `seq` through the table's second index.
    Ranged(&'static str),
    /// By part of the key: only from the rows to the versions.
    Scan(&'static str),
    /// A condition on the version's own columns.
    Version,
}

/// The predicate that an access lowers to, over `version` as `v`.
pub fn reach(reach: &Reach) -> (String, Vec<Value>) {
    match reach {
        Reach::Nothing => ("0".to_owned(), Vec::new()),
        Reach::Everything => ("1".to_owned(), Vec::new()),
        Reach::Kinds(kinds) => {
            let marks = vec!["?"; kinds.len()].join(",");
            let values = kinds.iter().map(|kind| Value::from(kind.clone())).collect();
            (format!("v.kind IN (SELECT kind FROM kind WHERE name IN ({marks}))"), values)
        }
    }
}

impl Condition {
    pub fn of(clause: &Clause) -> Condition {
        let parameters = derived::parts(clause.parameter);
        let mut negated = clause.modifier == Modifier::Not;
        let mut probes = Vec::new();
        for criterion in &clause.values {
            for p in &parameters {
                if let Criterion::Missing(missing) = criterion {
                    negated = *missing;
                    probes.extend(present(*p, clause));
                } else {
                    probes.extend(probes_of(*p, clause, criterion));
                }
            }
        }
        Condition { probes, negated }
    }

    /// Over the version at `s.seq`, for a plan that already has candidates.
    pub fn check(&self) -> (String, Vec<Value>) {
        self.either(Probe::check)
    }

    /// The positions where this holds; none where it can only be checked.
    pub fn positions(&self, kind: i64) -> Option<(String, Vec<Value>)> {
        if self.negated || self.probes.iter().any(|probe| probe.access == Access::Version && !probe.is_id()) {
            return None;
        }
        let selects: Vec<String> = self.probes.iter().map(|probe| probe.positions(kind)).collect();
        Some((selects.join(" UNION ALL "), self.values()))
    }

    fn either(&self, part: impl Fn(&Probe) -> String) -> (String, Vec<Value>) {
        let parts: Vec<String> = self.probes.iter().map(part).collect();
        let any = if parts.is_empty() { "0".to_owned() } else { parts.join(" OR ") };
        let not = if self.negated { "NOT " } else { "" };
        (format!("{not}({any})"), self.values())
    }

    fn values(&self) -> Vec<Value> {
        self.probes.iter().flat_map(|probe| probe.values.iter().cloned()).collect()
    }
}

impl Probe {
    fn new(access: Access, filter: impl Into<String>, values: impl Into<Vec<Value>>) -> Probe {
        Probe { access, filter: filter.into(), values: values.into() }
    }

    fn check(&self) -> String {
        let filter = &self.filter;
        match self.access {
            Access::Exact(table) => format!("EXISTS (SELECT 1 FROM {table} WHERE {filter} AND seq = s.seq)"),
            Access::Ranged(table) => {
                format!("EXISTS (SELECT 1 FROM {table} INDEXED BY {table}_seq WHERE seq = s.seq AND {filter})")
            }
            Access::Scan(table) => format!("s.seq IN (SELECT seq FROM {table} WHERE {filter})"),
            Access::Version => format!("({filter})"),
        }
    }

    fn positions(&self, kind: i64) -> String {
        let filter = &self.filter;
        match self.access {
            Access::Exact(table) | Access::Ranged(table) | Access::Scan(table) => {
                format!("SELECT seq FROM {table} WHERE {filter}")
            }
            // Only an id gets here; see Condition::positions.
            Access::Version => format!("SELECT seq FROM resource WHERE kind = {kind} AND id = ?"),
        }
    }

    fn is_id(&self) -> bool {
        self.filter == ID
    }
}

const ID: &str = "v.id = ?";

/// `:missing`: any row of the parameter.
fn present(p: u16, clause: &Clause) -> Vec<Probe> {
    let p = Value::from(i64::from(p));
    let any = |access| Probe::new(access, "p = ?", [p.clone()]);
    match (clause.parameter.code, clause.parameter.class) {
        ("_id" | "_lastUpdated", _) => vec![Probe::new(Access::Version, "1", [])],
        (_, ParameterClass::Token) => vec![any(Access::Scan("token"))],
        (_, ParameterClass::Reference) => vec![any(Access::Scan("reference")), any(Access::Scan("token"))],
        (_, ParameterClass::Date) => vec![any(Access::Ranged("date"))],
        (_, ParameterClass::String) => vec![any(Access::Ranged("string"))],
        (_, ParameterClass::Number) => vec![any(Access::Ranged("number"))],
        (_, ParameterClass::Quantity) => vec![any(Access::Ranged("quantity"))],
        (_, ParameterClass::Uri) => vec![any(Access::Scan("reference"))],
        (_, ParameterClass::Composite | ParameterClass::Special) => Vec::new(),
    }
}

fn probes_of(p: u16, clause: &Clause, criterion: &Criterion) -> Vec<Probe> {
    let p = Value::from(i64::from(p));
    match criterion {
        Criterion::Token(code) if clause.parameter.code == "_id" => id(code),
        Criterion::Token(code) | Criterion::Identifier(code) => vec![token(p, code)],
        Criterion::OfType { system, code, value } => {
            let mut values = vec![p, hash::of_type_hash(code, value).into()];
            let within = system.as_deref().map(|system| hash::of_type_system_hash(Some(system)).into());
            let filter = if within.is_some() { "p = ? AND h = ? AND s = ?" } else { "p = ? AND h = ?" };
            values.extend(within);
            vec![Probe::new(Access::Exact("token"), filter, values)]
        }
        Criterion::String { normalised, exact } => vec![string(p, clause.modifier, normalised, exact)],
        Criterion::Reference { kind: Some(kind), id } => vec![reference(p, hash::local_hash(kind, id))],
        Criterion::Reference { kind: None, id } => {
            clause.parameter.targets().map(|kind| reference(p.clone(), hash::local_hash(kind, id))).collect()
        }
        Criterion::Url { url, version } => vec![reference(p, hash::url_hash(url, version.as_deref()))],
        Criterion::Date { prefix, interval } if clause.parameter.code == "_lastUpdated" => {
            let (filter, values) = compare::date(*prefix, *interval, "v.time", "v.time + 1000");
            vec![Probe::new(Access::Version, filter, values)]
        }
        Criterion::Date { prefix, interval } => {
            let (filter, values) = compare::date(*prefix, *interval, "low", "high");
            vec![ranged("date", p, &filter, values)]
        }
        Criterion::Number { prefix, bounds } => {
            let (filter, values) = compare::number(*prefix, *bounds);
            vec![ranged("number", p, &filter, values)]
        }
        Criterion::Quantity { prefix, bounds, unit } => {
            let (filter, mut values) = compare::number(*prefix, *bounds);
            let unit = in_unit(unit, &mut values);
            vec![ranged("quantity", p, &format!("({filter}){unit}"), values)]
        }
        Criterion::Uri(uri) => vec![reference(p, hash::url_hash(uri, None))],
        Criterion::Missing(_) => Vec::new(),
    }
}

fn id(code: &Code) -> Vec<Probe> {
    match code {
        Code::AnySystem(id) | Code::NoSystem(id) => vec![Probe::new(Access::Version, ID, [id.clone().into()])],
        Code::InSystem { .. } | Code::System(_) => Vec::new(),
    }
}

fn token(p: Value, code: &Code) -> Probe {
    let hashed = |code: &str| Value::from(hash::code_hash(code));
    let system = |system: &str| Value::from(hash::system_hash(Some(system)));
    match code {
        Code::AnySystem(code) => Probe::new(Access::Exact("token"), "p = ? AND h = ?", [p, hashed(code)]),
        Code::InSystem { system: of, code } => {
            Probe::new(Access::Exact("token"), "p = ? AND h = ? AND s = ?", [p, hashed(code), system(of)])
        }
        Code::NoSystem(code) => Probe::new(Access::Exact("token"), "p = ? AND h = ? AND s = 0", [p, hashed(code)]),
        Code::System(of) => Probe::new(Access::Scan("token"), "p = ? AND s = ?", [p, system(of)]),
    }
}

fn reference(p: Value, h: i64) -> Probe {
    Probe::new(Access::Exact("reference"), "p = ? AND h = ?", [p, h.into()])
}

fn ranged(table: &'static str, p: Value, filter: &str, mut values: Vec<Value>) -> Probe {
    values.insert(0, p);
    Probe::new(Access::Ranged(table), format!("p = ? AND ({filter})"), values)
}

fn string(p: Value, modifier: Modifier, normalised: &str, exact: &str) -> Probe {
    let text = |text: &str| Value::from(text.to_owned());
    match modifier {
        Modifier::Exact => {
            let filter = "text = ? AND CASE exact WHEN '' THEN text ELSE exact END = ?";
            ranged("string", p, filter, vec![text(normalised), text(exact)])
        }
        Modifier::Contains => ranged("string", p, "instr(text, ?) > 0", vec![text(normalised)]),
        // Everything that begins so lies between the text and the text with the greatest character behind it.
        _ => {
            let end = format!("{normalised}{}", char::MAX);
            ranged("string", p, "text >= ? AND text < ?", vec![text(normalised), text(&end)])
        }
    }
}

fn in_unit(unit: &QuantityUnit, values: &mut Vec<Value>) -> &'static str {
    match unit {
        QuantityUnit::Any => "",
        QuantityUnit::CodeOrUnit(unit) => {
            values.push(i64::from(hash::unit_hash(unit)).into());
            " AND ? IN (c, u)"
        }
        QuantityUnit::Coded { system, code } => {
            values.push(i64::from(hash::coded_hash(Some(system), code)).into());
            " AND s = ?"
        }
    }
}
