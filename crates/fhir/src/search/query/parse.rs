//! Pairs to a [`Query`]: each name is looked up, each value read, and everything wrong is said at once.
//!
//! An issue names the parameter by `http.` and its name, as R4 §2.23 asks, and never repeats a value: a value may be a
//! patient's name.

use super::control::{self, Control};
use super::{COUNT_DEFAULT, Clause, Handling, Modifier, Query, Summary, Total, values};
use crate::search::{Parameter, ParameterClass, resource_name, table};
use crate::{Issue, IssueType, Severity};

/// More pairs than this are no search that a person or program has reason to make.
pub const PAIRS_MAX: usize = 100;
/// The values of one pair, between commas: enough for `_id=` of a whole page.
pub const VALUES_MAX: usize = 1000;
/// The longest text of a pair.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// What R4 knows of every search and Hilum does not serve yet.
const NOT_SERVED: [&str; 11] = [
    "_contained",
    "_containedType",
    "_content",
    "_filter",
    "_has",
    "_include",
    "_list",
    "_query",
    "_revinclude",
    "_text",
    "_type",
];

/// What HTTP's layer answers to and a query need not know.
const PASSED_OVER: [&str; 2] = ["_format", "_pretty"];

/// Fault and place of one pair.
enum Refusal {
    /// Nothing can be done with it, however lenient the client is.
    Always(Issue),
    /// Left out with a warning where the client asked for lenient handling.
    Unknown(Issue),
}

pub fn query(kind: &str, pairs: &[(String, String)], handling: Handling) -> Result<Query, Vec<Issue>> {
    let Some(kind) = resource_name(kind) else {
        return Err(vec![Issue::error(IssueType::NotSupported, "", "no such resource type in R4")]);
    };
    if pairs.len() > PAIRS_MAX {
        let text = format!("more than {PAIRS_MAX} search parameters: ask for less at once");
        return Err(vec![Issue::error(IssueType::TooCostly, "", text)]);
    }
    let mut query = empty(kind);
    let mut issues = Vec::new();
    for (name, value) in pairs {
        match pair(&mut query, name, value) {
            Ok(()) => query.used.push((name.clone(), value.clone())),
            Err(Refusal::Unknown(issue)) if handling == Handling::Lenient => {
                query.warnings.push(Issue { severity: Severity::Warning, ..issue });
            }
            Err(Refusal::Always(issue) | Refusal::Unknown(issue)) => issues.push(issue),
        }
    }
    if issues.is_empty() { Ok(query) } else { Err(issues) }
}

fn empty(kind: &'static str) -> Query {
    Query {
        kind,
        clauses: Vec::new(),
        sort: Vec::new(),
        count: COUNT_DEFAULT,
        total: Total::default(),
        summary: Summary::default(),
        elements: Vec::new(),
        warnings: Vec::new(),
        used: Vec::new(),
    }
}

fn pair(query: &mut Query, name: &str, value: &str) -> Result<(), Refusal> {
    let place = place(name);
    if value.len() > VALUE_BYTES_MAX {
        let text = format!("is longer than {VALUE_BYTES_MAX} bytes");
        return Err(Refusal::Always(Issue::error(IssueType::TooLong, place, text)));
    }
    if PASSED_OVER.contains(&name) {
        return Ok(());
    }
    let (code, modifier) = match name.split_once(':') {
        Some((code, modifier)) => (code, Some(modifier)),
        None => (name, None),
    };
    if NOT_SERVED.contains(&code) {
        return Err(Refusal::Unknown(not_served(place, format!("{code} is not served yet"))));
    }
    if name.contains('.') {
        return Err(Refusal::Unknown(not_served(place, "chained parameters are not served yet")));
    }
    if let Some(control) = Control::named(code) {
        return control::apply(query, control, modifier, value)
            .map_err(|text| Refusal::Always(Issue::error(IssueType::Invalid, place, format!("{code} {text}"))));
    }
    let parameter = find(query.kind, code, &place)?;
    let modifier = read_modifier(parameter, modifier, &place)?;
    query.clauses.push(clause(parameter, modifier, value, &place)?);
    Ok(())
}

fn find(kind: &'static str, code: &str, place: &str) -> Result<&'static Parameter, Refusal> {
    let Some(parameter) = table().find(kind, code) else {
        let near = nearest(kind, code);
        let text = format!("{kind} has no such search parameter; nearest are {}", near.join(", "));
        return Err(Refusal::Unknown(not_served(place.to_owned(), text)));
    };
    if !parameter.is_indexed() {
        let kind = if parameter.class == ParameterClass::Composite { "a composite" } else { "a special" };
        let text = format!("{} is {kind} parameter that is not served yet", parameter.code);
        return Err(Refusal::Unknown(not_served(place.to_owned(), text)));
    }
    Ok(parameter)
}

/// A modifier changes the meaning, so that one which is not understood is refused however lenient the client is
/// (R4 §3.1.1.4.4).
fn read_modifier(parameter: &Parameter, text: Option<&str>, place: &str) -> Result<Modifier, Refusal> {
    let refuse = |text: String| Err(Refusal::Always(not_served(place.to_owned(), text)));
    let Some(text) = text else { return Ok(Modifier::Plain) };
    let Some(modifier) = Modifier::read(text) else {
        return refuse(format!("{} has a modifier that R4 does not know", parameter.code));
    };
    if !modifier.fits(parameter.class) {
        return refuse(format!("{} cannot take the modifier :{text}: it is of another kind", parameter.code));
    }
    if !modifier.served() {
        return refuse(format!("the modifier :{text} is not served yet"));
    }
    if let Modifier::Type(kind) = modifier
        && parameter.targets().next().is_some()
        && !parameter.targets().any(|target| target == kind)
    {
        return refuse(format!("{} never refers to a {kind}", parameter.code));
    }
    Ok(modifier)
}

fn clause(parameter: &'static Parameter, modifier: Modifier, value: &str, place: &str) -> Result<Clause, Refusal> {
    let invalid = |text: String| Issue::error(IssueType::Invalid, place, text);
    if value.is_empty() {
        return Err(Refusal::Unknown(invalid(format!("{} has no value", parameter.code))));
    }
    let parts = values::split(value, b',');
    if parts.len() > VALUES_MAX {
        let text = format!("{} has more than {VALUES_MAX} values: ask for less at once", parameter.code);
        return Err(Refusal::Always(Issue::error(IssueType::TooCostly, place, text)));
    }
    let read = |part: &&str| values::criterion(parameter, modifier, part);
    let values = parts.iter().map(read).collect::<Result<Vec<_>, _>>();
    let values = values.map_err(|text| Refusal::Always(invalid(format!("{} {text}", parameter.code))))?;
    Ok(Clause { parameter, modifier, values })
}

fn not_served(place: impl Into<String>, text: impl Into<String>) -> Issue {
    Issue::error(IssueType::NotSupported, place, text)
}

/// The name as a place; one that could be anything but a name is not repeated.
fn place(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.');
    if name.len() <= 64 && name.chars().all(plain) { format!("http.{name}") } else { String::from("http") }
}

/// The three names of the type's parameters that are the fewest letters away.
fn nearest(kind: &str, code: &str) -> Vec<&'static str> {
    let code = &code.as_bytes()[..code.len().min(64)];
    let known = table().parameters(kind).iter().filter(|parameter| parameter.is_indexed());
    let mut near: Vec<(usize, &'static str)> =
        known.map(|parameter| (distance(code, parameter.code.as_bytes()), parameter.code)).collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, code)| code).collect()
}

/// How many letters must be added, left out or changed (Levenshtein).
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, l) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, r) in right.iter().enumerate() {
            let change = diagonal + usize::from(l != r);
            diagonal = row[column + 1];
            row[column + 1] = change.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
