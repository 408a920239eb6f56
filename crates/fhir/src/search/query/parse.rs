//! Pairs to a [`Query`]: each name is looked up, each value read, and everything wrong is said at once.

use super::control::{self, Control};
use super::include::{self, Direction};
use super::name::{Pair, Refusal};
use super::{ACROSS, COUNT_DEFAULT, Context, Filter, Handling, Query, Summary, Total};
use crate::search::{resource_name, table};
use crate::{Issue, IssueType, Severity};

/// What R4 knows of every search and Hilum does not serve.
const NOT_SERVED: [&str; 4] = ["_contained", "_containedType", "_filter", "_query"];

/// What HTTP's layer answers to and a query need not know.
const PASSED_OVER: [&str; 2] = ["_format", "_pretty"];

pub fn query(
    context: Context<'_>,
    kind: &str,
    pairs: &[(String, String)],
    handling: Handling,
) -> Result<Query, Vec<Issue>> {
    let Some(kind) = resource_name(kind) else {
        return Err(vec![Issue::error(IssueType::NotSupported, "", "no such resource type in R4")]);
    };
    read(context, vec![Filter::of(kind)], kind, pairs, handling)
}

pub fn across(context: Context<'_>, pairs: &[(String, String)], handling: Handling) -> Result<Query, Vec<Issue>> {
    let filters = types(pairs).map_err(|issue| vec![issue])?;
    read(context, filters, ACROSS, pairs, handling)
}

/// The types of `_type`, each once; all where it is not given.
fn types(pairs: &[(String, String)]) -> Result<Vec<Filter>, Issue> {
    let mut asked = pairs.iter().filter(|(name, _)| name == TYPE).map(|(_, value)| value.as_str());
    let Some(value) = asked.next() else { return Ok(table().kinds().map(Filter::of).collect()) };
    let refuse = |text| Err(Issue::error(IssueType::NotSupported, "http._type", text));
    if asked.next().is_some() {
        return refuse("_type is given more than once: name the types with commas");
    }
    let mut kinds: Vec<&'static str> = Vec::new();
    for name in value.split(',') {
        match resource_name(name) {
            Some(kind) if kinds.contains(&kind) => {}
            Some(kind) => kinds.push(kind),
            None => return refuse("_type must name resource types of R4, with commas"),
        }
    }
    kinds.sort_unstable();
    Ok(kinds.into_iter().map(Filter::of).collect())
}

const TYPE: &str = "_type";

fn read(
    context: Context<'_>,
    filters: Vec<Filter>,
    kind: &'static str,
    pairs: &[(String, String)],
    handling: Handling,
) -> Result<Query, Vec<Issue>> {
    let most = context.limits.parameters;
    if pairs.len() > most {
        let text = format!("more than {most} search parameters: ask for less at once");
        return Err(vec![Issue::error(IssueType::TooCostly, "", text)]);
    }
    let mut query = empty(kind, filters);
    let mut issues = Vec::new();
    for (name, value) in pairs {
        match pair(context, &mut query, name, value) {
            Ok(()) => query.used.push((name.clone(), value.clone())),
            Err(Refusal::Unknown(issue)) if handling == Handling::Lenient => {
                query.warnings.push(Issue { severity: Severity::Warning, ..issue });
            }
            Err(Refusal::Always(issue) | Refusal::Unknown(issue)) => issues.push(issue),
        }
    }
    if kind != ACROSS
        && let Some(filter) = query.each.pop()
    {
        (query.clauses, query.relations) = (filter.clauses, filter.relations);
    }
    if issues.is_empty() { Ok(query) } else { Err(issues) }
}

/// While it is read, a search on one type is one across that type.
fn empty(kind: &'static str, each: Vec<Filter>) -> Query {
    Query {
        kind,
        clauses: Vec::new(),
        relations: Vec::new(),
        each,
        includes: Vec::new(),
        sort: Vec::new(),
        count: COUNT_DEFAULT,
        total: Total::default(),
        summary: Summary::default(),
        elements: Vec::new(),
        warnings: Vec::new(),
        used: Vec::new(),
    }
}

fn pair(context: Context<'_>, query: &mut Query, name: &str, value: &str) -> Result<(), Refusal> {
    let place = place(name);
    let always = |code, text: String| Err(Refusal::Always(Issue::error(code, place.as_str(), text)));
    if value.len() > context.limits.value_bytes {
        return always(IssueType::TooLong, format!("is longer than {} bytes", context.limits.value_bytes));
    }
    if PASSED_OVER.contains(&name) || (name == TYPE && query.kind == ACROSS) {
        return Ok(());
    }
    let (code, modifier) = match name.split_once(':') {
        Some((code, modifier)) => (code, Some(modifier)),
        None => (name, None),
    };
    if NOT_SERVED.contains(&code) {
        let text = format!("{code} is not served");
        return Err(Refusal::Unknown(Issue::error(IssueType::NotSupported, place.as_str(), text)));
    }
    if let Some(control) = Control::named(code) {
        return control::apply(context, query, control, modifier, value)
            .or_else(|text| always(IssueType::Invalid, format!("{code} {text}")));
    }
    if let Some(direction) = direction(code) {
        if query.includes.len() == context.limits.includes {
            return always(
                IssueType::TooCostly,
                format!("more than {} includes: ask for less at once", context.limits.includes),
            );
        }
        return include::read(context, query, direction, modifier, value)
            .or_else(|text| always(IssueType::NotSupported, format!("{code} {text}")));
    }
    let mut conditions = Vec::with_capacity(query.each.len());
    for filter in &query.each {
        conditions.push(Pair::new(context, &place, value).condition(filter.kind, name)?);
    }
    query.each.iter_mut().zip(conditions).for_each(|(filter, condition)| filter.add(condition));
    Ok(())
}

fn direction(code: &str) -> Option<Direction> {
    match code {
        "_include" => Some(Direction::Forward),
        "_revinclude" => Some(Direction::Reverse),
        _ => None,
    }
}

/// The name as a place; one that could be anything but a name is not repeated.
fn place(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.');
    if name.len() <= 64 && name.chars().all(plain) { format!("http.{name}") } else { String::from("http") }
}
