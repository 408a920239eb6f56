//! A page of matches: a plan for each type asked for, the matches in order, what they include, the link to the next page.
//!
//! Every page of one search sees the log at the position of the first, however much was written since. Its link holds
//! that position and the last match of the page before. Without a sort the newest come first, and a page costs the same
//! wherever it stands.

mod include;
mod lead;
mod limits;
mod linked;
mod moment;
mod plan;
mod probe;
mod sorted;
mod text;
mod verify;
mod walk;

use std::ops::ControlFlow;

use consent::Reach;
use fhir::Issue;
use fhir::search::{Clause, Filter, Query, Registry, Relation, Summary, Total, resolve};
use rusqlite::Connection;

use crate::error::ReadError;
use crate::maintenance;
use crate::page::{PageKey, Start};
use crate::read;
pub use crate::reader::broken;
use crate::version::{Position, Version};
pub use limits::{SearchLimits, Turns};
use moment::Moment;
use plan::Plan;
use walk::Match;

/// Candidates that are looked at beyond a page for its total, where the client does not ask for an exact one.
const TOTAL_UNASKED: i64 = 1_000;
/// The same where each of them has to be read.
const TOTAL_UNASKED_BODIES: i64 = 100;
const TOTAL_ESTIMATE: i64 = 100_000;

/// A page of matches.
#[derive(Debug)]
pub struct Page {
    pub versions: Vec<Version>,
    /// What `_include` and `_revinclude` bring.
    pub included: Vec<Version>,
    /// How many match at the search's position, where it was asked for or is cheap to know.
    pub total: Option<u64>,
    /// What to give as `page` for the next page; none after the last.
    pub next: Option<String>,
    /// The position that all pages of this search see.
    pub position: Position,
    /// What the answer leaves out: a limit of includes that was reached.
    pub warnings: Vec<Issue>,
}

/// The page of `query` that begins at `page`, or the first.
pub fn page(
    db: &Connection,
    reach: &Reach,
    registry: &Registry,
    limits: &SearchLimits,
    query: &Query,
    page: Option<PageKey>,
) -> Result<Page, ReadError> {
    let position = pinned(db, page)?;
    let moment = Moment::new(db, reach, position, registry, limits);
    let query = resolved(&moment, query)?;
    let filters = query.filters();
    let mut plans = Vec::new();
    for filter in &filters {
        plans.extend(Plan::of(&moment, filter)?);
    }
    let mut answer = Page {
        versions: Vec::new(),
        included: Vec::new(),
        total: page.and_then(|page| page.total),
        next: None,
        position: Position(position),
        warnings: Vec::new(),
    };
    if filters.iter().any(|filter| filter.relations.iter().any(|relation| matches!(relation, Relation::Words(_)))) {
        answer.warnings.extend(text::behind(&moment)?);
    }
    if query.summary == Summary::Count {
        answer.total = Some(count(&plans)?);
        return Ok(answer);
    }
    let after = match page.map(|page| page.start) {
        Some(Start::After(seq)) => Some(seq),
        Some(Start::First) | None => None,
    };
    let limit = query.count as usize;
    let mut matches = matches(&plans, &query, after, limit, &mut answer)?;
    let more = matches.len() > limit;
    matches.truncate(limit);
    answer.next = matches.last().filter(|_| more).map(|last| PageKey::write(position, last.seq, answer.total));
    show(&moment, &plans, matches, &mut answer)?;
    let included = include::of(&moment, &query.includes, &answer.versions)?;
    answer.included = included.versions;
    answer.warnings.extend(included.warnings);
    Ok(answer)
}

/// The position that the search sees: the end of the log, or the page's if its index rows are still there.
fn pinned(db: &Connection, page: Option<PageKey>) -> Result<i64, ReadError> {
    let end = read::end(db).map_err(broken)?.0;
    let Some(page) = page else { return Ok(end) };
    let trimmed = read::cursor(db, maintenance::TRIMMED).map_err(broken)?.0;
    match page.position {
        position if position > end => Err(ReadError::BadPage),
        position if position < trimmed => Err(ReadError::Expired),
        position => Ok(position),
    }
}

/// The query with what other resources say of its values. Those may be seen, or the client is told that they may not.
fn resolved(moment: &Moment<'_>, query: &Query) -> Result<Query, ReadError> {
    let mut query = query.clone();
    if query.stands_alone() {
        return Ok(query);
    }
    for kind in query.filters().iter().flat_map(Filter::consulted) {
        if !moment.reach.covers(kind) {
            return Err(ReadError::Forbidden(kind));
        }
    }
    resolve(&mut query, moment).map_err(|issue| ReadError::Unanswerable(Box::new(issue)))?;
    moment.fault()?;
    Ok(query)
}

/// One more match than the page holds, if there is one. Sets the total where it becomes known.
fn matches(
    plans: &[Plan<'_>],
    query: &Query,
    after: Option<i64>,
    limit: usize,
    answer: &mut Page,
) -> Result<Vec<Match>, ReadError> {
    if !query.sort.is_empty() {
        let (matches, total) = sorted::page(plans, &query.sort, after, limit + 1)?;
        if query.total != Total::None {
            answer.total = answer.total.or(total);
        }
        if answer.total.is_none() && query.total == Total::Accurate {
            answer.total = Some(count(plans)?);
        }
        return Ok(matches);
    }
    let counts = answer.total.is_none() && after.is_none() && query.total != Total::None;
    let (mut all, mut total) = (Vec::new(), Some(0));
    for plan in plans {
        let (found, count) = newest(plan, query, after, limit, counts)?;
        all.extend(found);
        total = total.zip(count).map(|(total, count)| total + count);
    }
    all.sort_unstable_by_key(|found| std::cmp::Reverse(found.seq));
    if counts {
        answer.total = total;
    }
    Ok(all)
}

/// The newest matches of one plan, one more than the page holds, and how many there are where that is to be known.
fn newest(
    plan: &Plan<'_>,
    query: &Query,
    after: Option<i64>,
    limit: usize,
    counts: bool,
) -> Result<(Vec<Match>, Option<u64>), ReadError> {
    let goes_on = counts
        && match query.total {
            Total::None => false,
            Total::Unspecified if plan.is_bodily() => plan.size <= TOTAL_UNASKED_BODIES,
            Total::Unspecified => plan.size <= TOTAL_UNASKED,
            Total::Estimate => plan.size <= TOTAL_ESTIMATE,
            Total::Accurate => true,
        };
    let (mut found, mut count) = (Vec::new(), 0);
    plan.each(&plan.lead, after.unwrap_or(i64::MAX), &[], &mut |matched, _| {
        count += 1;
        if found.len() <= limit {
            found.push(matched);
        }
        Ok(if found.len() > limit && !goes_on { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let all = found.len() <= limit || goes_on;
    Ok((found, (counts && all).then_some(count)))
}

fn count(plans: &[Plan<'_>]) -> Result<u64, ReadError> {
    let mut count = 0;
    for plan in plans {
        plan.each(&plan.lead, i64::MAX, &[], &mut |_, _| {
            count += 1;
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(count)
}

/// Reads the page's versions, and leaves out what only its hash matched.
fn show(moment: &Moment<'_>, plans: &[Plan<'_>], matches: Vec<Match>, answer: &mut Page) -> Result<(), ReadError> {
    let hashed = |plan: &Plan<'_>| -> Vec<Clause> {
        plan.filter.clauses.iter().filter(|clause| verify::is_hashed(clause)).cloned().collect()
    };
    let hashed: Vec<(&str, Vec<Clause>)> = plans.iter().map(|plan| (plan.filter.kind, hashed(plan))).collect();
    for found in matches {
        let version = match found.version {
            Some(version) => version,
            None => moment.version(found.seq).map_err(broken)?,
        };
        let of_kind = hashed.iter().find(|(kind, _)| *kind == version.key.kind);
        if of_kind.is_none_or(|(_, hashed)| verify::truly(hashed, &version)) {
            answer.versions.push(version);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
