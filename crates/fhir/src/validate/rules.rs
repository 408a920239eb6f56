//! The invariants of R4 (`profiles/r4/invariants.txt`), each type's compiled when the first of its kind is judged.
//!
//! Three ways lead to an answer. What nearly every element is asked (`ele-1`, `ext-1`, `dom-*`, the narrative) is
//! written out in `quick.rs` and never evaluated. Some others have a quick answer that is enough when it is yes. The
//! rest is FHIRPath.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use super::quick::{self, Quick};
use crate::Severity;
use crate::fhirpath::{CompileError, Expression};
use crate::schema::{self, Type};

const INVARIANTS: &str = include_str!("../../../../profiles/r4/invariants.txt");

/// What R4 itself got wrong, with what stands in its place. HL7 has mended each of them since.
const ERRATA: &[(&str, &str)] = &[
    // Compared a concept with a text, which is never equal, so that every condition without a status was warned of.
    (
        "con-3",
        "clinicalStatus.exists() or verificationStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() or category.coding.where(code='problem-list-item').empty()",
    ),
    // Asked for more than two where its own sentence says more than one.
    ("que-12", "enableWhen.count() > 1 implies enableBehavior.exists()"),
    // `Boolean` is the language's own type; what an answer has is FHIR's `boolean`.
    ("que-7", "operator = 'exists' implies (answer is boolean)"),
];

/// One invariant.
#[derive(Debug)]
pub struct Rule {
    pub key: &'static str,
    pub severity: Severity,
    /// As it is evaluated.
    pub expression: &'static str,
    /// Whether it holds, where a yes can be had cheaply.
    pub quick: Option<Quick>,
    /// None where a hand-written check stands for it, or it cannot be compiled.
    pub program: Option<Expression>,
}

/// What is asked of one type.
#[derive(Debug, Default)]
pub struct Rules {
    /// Of the type itself.
    pub own: Vec<Rule>,
    /// Of one of its elements, by the element's FHIRPath name.
    pub elements: Vec<(&'static str, Rule)>,
}

/// Where a rule stands in the table.
type Row = [&'static str; 4];

/// A type's rows and, once it has been met, its rules.
#[derive(Default)]
struct Slot {
    rows: Vec<Row>,
    rules: OnceLock<Rules>,
}

static SLOTS: LazyLock<HashMap<&'static str, Slot>> = LazyLock::new(|| {
    let mut slots: HashMap<&str, Slot> = HashMap::new();
    for row in rows() {
        slots.entry(owner(row[0])).or_default().rows.push(row);
    }
    slots
});

/// The rules of a type; none where nothing is asked of it beyond what is asked of all.
pub fn of(kind: &'static Type) -> Option<&'static Rules> {
    let slot = SLOTS.get(kind.name)?;
    Some(slot.rules.get_or_init(|| compiled(kind, &slot.rows)))
}

fn compiled(kind: &'static Type, rows: &[Row]) -> Rules {
    let mut rules = Rules::default();
    for row in rows.iter().filter(|row| !quick::is_by_hand(row[1])) {
        let rule = rule(row, compile(row).ok());
        match element(row[0]) {
            Some(name) => rules.elements.push((name, rule)),
            None => rules.own.push(rule),
        }
    }
    debug_assert!(rules.elements.iter().all(|(name, _)| kind.stem(name).next().is_some()), "{}", kind.name);
    rules
}

fn rule(row: &Row, program: Option<Expression>) -> Rule {
    let severity = if row[2] == "error" { Severity::Error } else { Severity::Warning };
    Rule { key: row[1], severity, expression: expression(row), quick: quick::of(row[1]), program }
}

fn expression(row: &Row) -> &'static str {
    ERRATA.iter().find(|(key, _)| *key == row[1]).map_or(row[3], |(_, mended)| mended)
}

/// Compiles an invariant for the type of the elements that it is asked of.
fn compile(row: &Row) -> Result<Expression, CompileError> {
    let owner = schema::r4().kind(owner(row[0])).expect("an invariant is of a type of R4");
    let asked: Vec<&Type> = match element(row[0]) {
        None => vec![owner],
        Some(name) => owner.stem(name).map(|element| schema::r4().kind_of(element)).collect(),
    };
    Expression::compile_among(expression(row), &asked)
}

/// Every invariant that does not compile, with its type or element and its key.
pub fn uncompiled() -> Vec<(&'static str, &'static str, String)> {
    let failed = |row: Row| compile(&row).err().map(|error| (row[0], row[1], error.to_string()));
    rows().filter_map(failed).collect()
}

fn rows() -> impl Iterator<Item = Row> {
    INVARIANTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let mut columns = line.split('\t');
        std::array::from_fn(|_| columns.next().expect("an invariant's line has four columns"))
    })
}

/// The type that a row is of: the path itself, or what it is an element of.
fn owner(path: &'static str) -> &'static str {
    match (schema::r4().kind(path), path.rsplit_once('.')) {
        (None, Some((owner, _))) => owner,
        _ => path,
    }
}

/// The element that a row is of, where its path is no type: `probability` of `RiskAssessment.prediction.probability[x]`.
fn element(path: &'static str) -> Option<&'static str> {
    match schema::r4().kind(path) {
        Some(_) => None,
        None => path.rsplit_once('.').map(|(_, name)| name.trim_end_matches("[x]")),
    }
}
