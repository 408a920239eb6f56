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

/// What R4 itself got wrong: the key, and what stands in its place, if anything can. HL7 has mended each of them since.
/// (`app-4`, `tim-9` and `bdl-8` come mended with the definitions.)
const ERRATA: &[(&str, Option<&str>)] = &[
    // Compares a concept with a text, which is never equal, so that every condition without a status is warned of.
    (
        "con-3",
        Some(
            "clinicalStatus.exists() or verificationStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() or category.coding.where(code='problem-list-item').empty()",
        ),
    ),
    // Asks for more than two where its own sentence says more than one.
    ("que-12", Some("enableWhen.count() > 1 implies enableBehavior.exists()")),
    // `Boolean` is the language's own type; what an answer has is FHIR's `boolean`.
    ("que-7", Some("operator = 'exists' implies (answer is boolean)")),
    // Is about a name, which a ChargeItemDefinition does not have in R4.
    ("cid-0", None),
];

/// One invariant.
#[derive(Debug)]
pub struct Rule {
    pub key: &'static str,
    pub severity: Severity,
    /// As it is evaluated.
    pub expression: &'static str,
    /// Whether it holds, where that can be told without evaluating it.
    pub quick: Option<Quick>,
    pub program: Expression,
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
    Some(slot.rules.get_or_init(|| compiled(&slot.rows)))
}

fn compiled(rows: &[Row]) -> Rules {
    let mut rules = Rules::default();
    for row in rows.iter().filter(|row| !quick::is_by_hand(row[1])) {
        let Some(rule) = rule(row) else { continue };
        match element(row[0]) {
            Some(name) => rules.elements.push((name, rule)),
            None => rules.own.push(rule),
        }
    }
    rules
}

/// The rule of a row; none where R4 says nothing that could be asked.
fn rule(row: &Row) -> Option<Rule> {
    let severity = if row[2] == "error" { Severity::Error } else { Severity::Warning };
    let program = compile(row)?.expect("a test compiles every invariant");
    Some(Rule { key: row[1], severity, expression: expression(row)?, quick: quick::of(row[1]), program })
}

fn expression(row: &Row) -> Option<&'static str> {
    ERRATA.iter().find(|(key, _)| *key == row[1]).map_or(Some(row[3]), |(_, mended)| *mended)
}

/// Compiles an invariant for the type of the elements that it is asked of.
fn compile(row: &Row) -> Option<Result<Expression, CompileError>> {
    let owner = schema::r4().kind(owner(row[0])).expect("an invariant is of a type of R4");
    let asked: Vec<&Type> = match element(row[0]) {
        None => vec![owner],
        Some(name) => owner.stem(name).map(|element| schema::r4().kind_of(element)).collect(),
    };
    Some(Expression::compile_among(expression(row)?, &asked))
}

/// The invariants that are answered by hand, as R4 has them, for a test to hold the answers against; all but `eld-19`,
/// whose pattern is too large to be compiled.
pub fn by_hand() -> &'static [(&'static str, Rule)] {
    static RULES: LazyLock<Vec<(&str, Rule)>> = LazyLock::new(|| {
        let rows = rows().filter(|row| quick::is_by_hand(row[1]) && row[1] != "eld-19");
        rows.filter_map(|row| Some((row[0], rule(&row)?))).collect()
    });
    &RULES
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_compiles() {
        for row in rows() {
            match compile(&row) {
                Some(Err(error)) => assert!(quick::is_by_hand(row[1]), "{} {}: {error}", row[0], row[1]),
                Some(Ok(program)) => assert!(!program.finds_nothing(), "{} {}", row[0], row[1]),
                None => assert!(ERRATA.iter().any(|(key, _)| *key == row[1])),
            }
        }
        assert_eq!(rows().count(), 243);
    }

    #[test]
    fn an_invariant_is_of_a_type_or_of_one_of_its_elements() {
        for row in rows() {
            let kind = schema::r4().kind(owner(row[0])).expect("a type of R4");
            assert!(element(row[0]).is_none_or(|name| kind.stem(name).next().is_some()), "{}", row[0]);
            assert!(["error", "warning"].contains(&row[2]), "{}", row[1]);
        }
        assert!(ERRATA.iter().all(|(key, _)| rows().any(|row| row[1] == *key)));
    }
}
