//! Conditions by search: what a conditional create, update, patch or delete is about (R4 §3.1.0.4.3, §3.1.0.7.1,
//! §3.1.0.8.1).
//!
//! The search is read strictly however lenient the client is, because a criterion that is left out would name somebody
//! else. What was found holds only until somebody writes: the commit carries the [`Condition`], and the writer refuses it
//! when the search would now find something else. So of many identical conditional creates one makes the resource
//! and the others find it.

use fhir::search::{Context, Handling, Query, Total};
use record::{Condition, Key, Version};

use crate::http::{self, Ask, Failure, Kind};

/// What the criteria found.
pub enum Found {
    Nobody,
    One(Box<Version>),
    Several,
}

/// Reads `identifier=x|y&birthdate=…` as the criteria of a condition.
pub fn criteria(ask: &Ask, kind: &str, text: &str) -> Result<Query, Failure> {
    let registry = ask.app.record.registry();
    let context = Context { registry: &registry, ..Context::default() };
    let text = text.strip_prefix('?').unwrap_or(text);
    let query = Query::parse_within(context, kind, &http::pairs(text), Handling::Strict);
    let mut query = query.map_err(|issues| Failure::of(Kind::Invalid, issues))?;
    if query.clauses.is_empty() && query.relations.is_empty() {
        let text = "the condition has no criterion, and would mean every resource of its type";
        return Err(Failure::new(Kind::Stale, text));
    }
    // Two are as good as many.
    (query.count, query.total) = (2, Total::None);
    query.sort.clear();
    query.includes.clear();
    Ok(query)
}

/// Looks for what the criteria mean, and under which condition the answer stays true.
pub async fn find(ask: &Ask, query: Query) -> Result<(Found, Condition), Failure> {
    let (versions, condition) = look(ask, query).await?;
    let mut versions = versions.into_iter();
    let found = match (versions.next(), versions.next()) {
        (None, _) => Found::Nobody,
        (Some(version), None) => Found::One(Box::new(version)),
        (Some(_), Some(_)) => Found::Several,
    };
    Ok((found, condition))
}

/// All of one page that the criteria find.
pub async fn look(ask: &Ask, query: Query) -> Result<(Vec<Version>, Condition), Failure> {
    let page = ask.app.record.search(&ask.access, &query, None).await?;
    let keys: Vec<Key> = page.versions.iter().map(|version| version.key.clone()).collect();
    Ok((page.versions, Condition { query, since: page.position, found: keys }))
}

pub fn several() -> Failure {
    Failure::new(Kind::Stale, "several resources meet the condition; make it narrower, or name one by its id")
}
