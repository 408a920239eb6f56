//! What a subscription is about, and whether a version is.

use fhir::search::{Context, Handling, Query, matches, resource_name};
use fhir::{Issue, IssueType, Resource};

use super::topic::{Topic, Trigger};

/// Types that nobody is told of: a subscription holds its receiver's secrets.
const UNTOLD: [&str; 1] = ["Subscription"];
/// Filters of one subscription.
const FILTERS_MAX: usize = 20;

/// A version in the log, as far as it decides.
#[derive(Debug, Clone, Copy)]
pub struct Event<'e> {
    pub kind: &'e str,
    /// None of a delete.
    pub resource: Option<&'e Resource<'e>>,
    /// The version before it, where [`Criteria::looks_back`] and there is one.
    pub before: Option<&'e Resource<'e>>,
}

#[derive(Debug, Clone)]
pub enum Criteria {
    /// R4: a search of one type.
    Search(Box<Query>),
    /// The guide: a topic, narrowed by filters that all hold. `trigger`, by type, is the topic's own.
    Topic { topic: &'static Topic, trigger: Vec<Query>, filters: Vec<Query> },
}

impl Criteria {
    /// Reads `Observation?code=1234-5`.
    pub fn search(context: Context<'_>, text: &str) -> Result<Criteria, Vec<Issue>> {
        query(context, text, "Subscription.criteria").map(|query| Criteria::Search(Box::new(query)))
    }

    pub fn topic(context: Context<'_>, topic: &'static Topic, filters: &[&str]) -> Result<Criteria, Vec<Issue>> {
        const PLACE: &str = "Subscription.criteria.extension";
        if filters.len() > FILTERS_MAX {
            let text = format!("more than {FILTERS_MAX} filters; make several subscriptions");
            return Err(vec![Issue::error(IssueType::TooCostly, PLACE, text)]);
        }
        let mut read = Vec::new();
        for filter in filters {
            // Without a type it is of the one type that the topic has.
            let whole = match (filter.contains('?'), topic.kinds) {
                (false, [kind]) => format!("{kind}?{filter}"),
                _ => (*filter).to_owned(),
            };
            let query = query(context, &whole, PLACE)?;
            if !topic.kinds.is_empty() && !topic.kinds.contains(&query.kind) {
                let text = format!("a filter is of a type that the topic is not about; it is about {:?}", topic.kinds);
                return Err(vec![Issue::error(IssueType::BusinessRule, PLACE, text)]);
            }
            read.push(query);
        }
        let trigger = match topic.trigger {
            Trigger::Any => Vec::new(),
            Trigger::Is(text) | Trigger::Becomes(text) => {
                let of = |kind: &&str| Query::parse(kind, &pairs(text), Handling::Strict);
                topic.kinds.iter().map(of).collect::<Result<_, _>>()?
            }
        };
        Ok(Criteria::Topic { topic, trigger, filters: read })
    }

    /// The types that may be told of; none: all.
    pub fn kinds(&self) -> Vec<&'static str> {
        match self {
            Criteria::Search(query) => vec![query.kind],
            Criteria::Topic { topic, filters, .. } if filters.is_empty() => topic.kinds.to_vec(),
            Criteria::Topic { filters, .. } => filters.iter().map(|query| query.kind).collect(),
        }
    }

    /// Whether the version before one has to be known: of a delete, or of all.
    pub fn looks_back(&self, is_delete: bool) -> bool {
        match self {
            Criteria::Search(_) => false,
            Criteria::Topic { topic, filters, .. } => match topic.trigger {
                Trigger::Any => is_delete && !filters.is_empty(),
                Trigger::Is(_) => false,
                Trigger::Becomes(_) => true,
            },
        }
    }

    pub fn tells(&self, event: &Event<'_>) -> bool {
        if UNTOLD.contains(&event.kind) {
            return false;
        }
        match self {
            // A delete is not told, nor what no longer meets the criteria (R4 §2.46.2).
            Criteria::Search(query) => event.resource.is_some_and(|resource| matches(query, resource)),
            Criteria::Topic { topic, trigger, filters } => happens(topic, trigger, event) && passes(filters, event),
        }
    }
}

fn happens(topic: &Topic, trigger: &[Query], event: &Event<'_>) -> bool {
    let meets = |resource: Option<&Resource<'_>>| {
        resource.is_some_and(|resource| trigger.iter().any(|query| matches(query, resource)))
    };
    match topic.trigger {
        Trigger::Any => true,
        Trigger::Is(_) => meets(event.resource),
        Trigger::Becomes(_) => meets(event.resource) && !meets(event.before),
    }
}

/// All filters of the type hold; a type without a filter, where there are any, is not asked for.
fn passes(filters: &[Query], event: &Event<'_>) -> bool {
    if filters.is_empty() {
        return true;
    }
    let Some(resource) = event.resource.or(event.before) else {
        // What was deleted and cannot be read any more: told where nothing is asked of it.
        let mut own = filters.iter().filter(|query| query.kind == event.kind).peekable();
        return own.peek().is_some() && own.all(|query| query.clauses.is_empty());
    };
    let mut own = filters.iter().filter(|query| query.kind == event.kind).peekable();
    own.peek().is_some() && own.all(|query| matches(query, resource))
}

/// Reads `Type?name=value&…`, which one resource alone must be able to answer.
fn query(context: Context<'_>, text: &str, place: &str) -> Result<Query, Vec<Issue>> {
    let refused = |code, text: &str| Err(vec![Issue::error(code, place, text)]);
    let (kind, rest) = text.split_once('?').unwrap_or((text, ""));
    let Some(kind) = resource_name(kind) else {
        let text = "must be a search of one type such as Observation?code=http://loinc.org|1234-5, or one of the topics in \
                    the CapabilityStatement";
        return refused(IssueType::Value, text);
    };
    if UNTOLD.contains(&kind) {
        return refused(IssueType::Forbidden, "nobody is told of Subscriptions, which hold their receivers' secrets");
    }
    let query = Query::parse_within(context, kind, &pairs(rest), Handling::Strict).map_err(|issues| {
        // The place is the subscription's, not that of a query in an address.
        issues.into_iter().map(|issue| Issue { path: place.to_owned(), ..issue }).collect::<Vec<_>>()
    })?;
    if !query.stands_alone() {
        let text = "a chain, _has, _list, a value set, a hierarchy or words need other resources than the one that changed: \
                    subscribe without them and look when you are told";
        return refused(IssueType::NotSupported, text);
    }
    if !query.includes.is_empty() || !query.sort.is_empty() || !query.elements.is_empty() {
        return refused(
            IssueType::NotSupported,
            "_include, _revinclude, _sort and _elements select nothing; leave them out",
        );
    }
    Ok(query)
}

/// The decoded `name=value` pairs.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    text.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

/// Percent signs become bytes; what is none of theirs stays.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(coded) if byte == b'%' => {
                out.push(coded);
                rest = &after[2..];
            }
            _ => {
                out.push(if byte == b'+' { b' ' } else { byte });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
