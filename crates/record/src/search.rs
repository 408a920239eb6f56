//! A page of matches: the plan, the rows, the check of what only hashes matched, the link to the next page.
//!
//! Every page of one search sees the log at the position of the first, however much was written since. Its link holds
//! that position and where the page ended. Without a sort the newest come first, and a page costs the same wherever
//! it stands; a sorted page is found by counting from the first.

use std::fmt::Write;

use consent::Reach;
use fhir::search::{Criterion, ParameterClass, Query, Sort, Summary, Total};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use crate::clock;
use crate::derived;
use crate::error::ReadError;
use crate::maintenance;
use crate::plan::{self, Condition};
use crate::read::{self, COLUMNS, read_version};
use crate::reader::broken;
use crate::version::{Position, Version};

/// Matches are counted up to here where the client does not ask for an exact total.
const COUNT_MAX: i64 = 10_000;
/// A clause with fewer rows than this may lead the plan: the others are only checked.
const LEAD_MAX: usize = 5_000;
/// Ids that stand for one person. More are taken for an error and not followed.
const MERGED_MAX: usize = 256;

/// A page of matches.
#[derive(Debug)]
pub struct Page {
    pub versions: Vec<Version>,
    /// How many match at the search's position, where it was asked for or is cheap to know.
    pub total: Option<u64>,
    /// What to give as `page` for the next page; none after the last.
    pub next: Option<String>,
    /// The position that all pages of this search see.
    pub position: Position,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageKey {
    position: i64,
    start: Start,
    total: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// After this position, downwards.
    Below(i64),
    /// After so many.
    Offset(i64),
}

impl PageKey {
    /// Reads what [`PageKey::write`] wrote: `position-b17` or `position-o50`, and `-t120` where the total is known.
    pub fn read(text: &str) -> Result<PageKey, ReadError> {
        let mut parts = text.split('-');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        let position = next().and_then(|part| part.parse().ok()).ok_or(ReadError::BadPage)?;
        let (kind, number) = next().and_then(|part| part.split_at_checked(1)).ok_or(ReadError::BadPage)?;
        let number = number.parse().ok().filter(|number| *number >= 0).ok_or(ReadError::BadPage)?;
        let start = match kind {
            "b" => Start::Below(number),
            "o" => Start::Offset(number),
            _ => return Err(ReadError::BadPage),
        };
        let total = match next() {
            None => None,
            Some(part) => Some(part.strip_prefix('t').and_then(|part| part.parse().ok()).ok_or(ReadError::BadPage)?),
        };
        Ok(PageKey { position, start, total })
    }

    fn write(&self) -> String {
        let mut text = match self.start {
            Start::Below(seq) => format!("{}-b{seq}", self.position),
            Start::Offset(count) => format!("{}-o{count}", self.position),
        };
        if let Some(total) = self.total {
            write!(text, "-t{total}").expect("a String takes all that is written");
        }
        text
    }
}

/// The page of `query` that begins at `page`, or the first.
pub fn page(db: &Connection, reach: &Reach, query: &Query, page: Option<PageKey>) -> Result<Page, ReadError> {
    if let Some(rule) = query.sort.iter().find(|rule| !sortable(rule)) {
        return Err(ReadError::Unsortable(rule.parameter.code));
    }
    let position = pinned(db, page)?;
    let query = follow_merges(db, query, position).map_err(broken)?;
    let Some(kind) = read::kind(db, query.kind).map_err(broken)? else {
        return Ok(Page { versions: Vec::new(), total: Some(0), next: None, position: Position(position) });
    };
    let plan = Plan::of(db, reach, kind, &query, position).map_err(broken)?;
    if query.summary == Summary::Count {
        let total = plan.count(db, i64::MAX).map_err(broken)?;
        return Ok(Page { versions: Vec::new(), total, next: None, position: Position(position) });
    }
    plan.run(db, &query, page).map_err(broken)
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

/// One search as SQL over `span` as `s` and `version` as `v`.
struct Plan {
    condition: String,
    values: Vec<Value>,
    order: String,
    position: i64,
    /// The default order, newest first, which a page link can go on from without counting.
    by_position: bool,
}

impl Plan {
    fn of(db: &Connection, reach: &Reach, kind: i64, query: &Query, position: i64) -> rusqlite::Result<Plan> {
        let (reached, reached_values) = plan::reach(reach);
        let mut plan = Plan {
            condition: format!("s.kind = ? AND s.seq <= ? AND (s.until IS NULL OR s.until > ?) AND {reached}"),
            values: [kind, position, position].map(Value::from).to_vec(),
            order: order(&query.sort),
            position,
            by_position: query.sort.is_empty(),
        };
        plan.values.extend(reached_values);
        let conditions: Vec<Condition> = query.clauses.iter().map(Condition::of).collect();
        let lead = lead(db, kind, &conditions)?;
        for (at, condition) in conditions.iter().enumerate() {
            let (sql, values) = match condition.positions(kind).filter(|_| lead == Some(at)) {
                Some((positions, values)) => (format!("s.seq IN ({positions})"), values),
                None => condition.check(),
            };
            plan.condition.push_str(" AND ");
            plan.condition.push_str(&sql);
            plan.values.extend(values);
        }
        for clause in &query.clauses {
            if let Some((from, to)) = clock::positions(db, clause, position)? {
                plan.condition.push_str(" AND s.seq BETWEEN ? AND ?");
                plan.values.extend([from, to].map(Value::from));
            }
        }
        Ok(plan)
    }

    /// How many match, at most `bound`; none when there are more.
    fn count(&self, db: &Connection, bound: i64) -> rusqlite::Result<Option<u64>> {
        // The version's row is large; most conditions need only the narrow tables.
        let version = if self.condition.contains("v.") { "CROSS JOIN version v ON v.seq = s.seq" } else { "" };
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM span s {version} WHERE {} LIMIT {})",
            self.condition,
            bound.saturating_add(1)
        );
        let count: i64 = db.prepare_cached(&sql)?.query_row(params_from_iter(&self.values), |row| row.get(0))?;
        Ok(u64::try_from(count).ok().filter(|_| count <= bound))
    }

    fn run(&self, db: &Connection, query: &Query, page: Option<PageKey>) -> rusqlite::Result<Page> {
        let limit = query.count as usize;
        let start = page.map(|page| page.start);
        let mut rows = self.rows(db, start, limit + 1)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let total = match (page.and_then(|page| page.total), query.total) {
            (Some(total), _) => Some(total),
            (None, Total::None) => None,
            (None, _) if page.is_none() && !more => Some(rows.len() as u64),
            (None, Total::Accurate) => self.count(db, i64::MAX)?,
            (None, Total::Estimate | Total::Unspecified) => self.count(db, COUNT_MAX)?,
        };
        let position = self.position;
        let next = rows.last().filter(|_| more).map(|last| {
            let start = match start {
                _ if self.by_position => Start::Below(last.position.0),
                Some(Start::Offset(count)) => Start::Offset(count + limit as i64),
                _ => Start::Offset(limit as i64),
            };
            PageKey { position, start, total }.write()
        });
        let hashed = hashed(query);
        rows.retain(|version| truly(&hashed, version));
        Ok(Page { versions: rows, total, next, position: Position(position) })
    }

    fn rows(&self, db: &Connection, start: Option<Start>, limit: usize) -> rusqlite::Result<Vec<Version>> {
        let (below, offset) = match start {
            Some(Start::Below(seq)) if self.by_position => (seq, 0),
            Some(Start::Offset(count)) => (i64::MAX, count),
            _ => (i64::MAX, 0),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM span s CROSS JOIN version v ON v.seq = s.seq \
             WHERE {} AND s.seq < ? ORDER BY {} LIMIT ? OFFSET ?",
            self.condition, self.order
        );
        let mut values = self.values.clone();
        values.push(below.into());
        values.extend([Value::from(limit as i64), Value::from(offset)]);
        db.prepare_cached(&sql)?.query_map(params_from_iter(values), read_version)?.collect()
    }
}

/// The clause that leads the plan: the one with the fewest rows, if they are few. None: every resource of the type is
/// looked at, newest first, until the page is full.
fn lead(db: &Connection, kind: i64, conditions: &[Condition]) -> rusqlite::Result<Option<usize>> {
    const FEW: usize = 64;
    let mut best = (None, LEAD_MAX);
    for (at, condition) in conditions.iter().enumerate() {
        let Some((positions, values)) = condition.positions(kind) else { continue };
        let sql = format!("SELECT count(*) FROM ({positions} LIMIT {LEAD_MAX})");
        let rows: usize = db.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?;
        if rows < best.1 {
            best = (Some(at), rows);
        }
        if rows < FEW {
            break;
        }
    }
    Ok(best.0)
}

/// Values that are absent come last in either direction; what is equal, newest first.
fn order(rules: &[Sort]) -> String {
    let mut order = String::new();
    for rule in rules {
        let direction = if rule.descending { "DESC" } else { "ASC" };
        write!(order, "{} {direction} NULLS LAST, ", sort_key(rule)).expect("a String takes all that is written");
    }
    order + "s.seq DESC"
}

/// The value that a rule sorts by.
fn sort_key(rule: &Sort) -> String {
    let of = |least: &str, greatest: &str, table: &str| {
        let edge = if rule.descending { greatest } else { least };
        let parts = derived::parts(rule.parameter).iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        format!("(SELECT {edge} FROM {table} INDEXED BY {table}_seq WHERE seq = s.seq AND p IN ({parts}))")
    };
    match (rule.parameter.code, rule.parameter.class) {
        // The log's order is that of its times.
        ("_lastUpdated", _) => "s.seq".to_owned(),
        ("_id", _) => "v.id".to_owned(),
        (_, ParameterClass::Date) => of("min(low)", "max(high)", "date"),
        (_, ParameterClass::Number) => of("min(low)", "max(high)", "number"),
        (_, ParameterClass::Quantity) => of("min(low)", "max(high)", "quantity"),
        (_, ParameterClass::Uri) => of("min(uri)", "max(uri)", "uri"),
        _ => of("min(text)", "max(text)", "string"),
    }
}

/// Whether the index has what a rule sorts by. Tokens and references are kept as hashes, which have no order.
fn sortable(rule: &Sort) -> bool {
    use ParameterClass::{Date, Number, Quantity, String, Uri};
    matches!(rule.parameter.code, "_id" | "_lastUpdated")
        || matches!(rule.parameter.class, Date | Number | Quantity | String | Uri)
}

/// The query with every reference to a merged resource widened to all that stand for the same one (`safety.md` 4).
fn follow_merges(db: &Connection, query: &Query, position: i64) -> rusqlite::Result<Query> {
    let mut query = query.clone();
    for clause in &mut query.clauses {
        let mut more = Vec::new();
        for criterion in &clause.values {
            let Criterion::Reference { kind, id } = criterion else { continue };
            let kinds: Vec<&'static str> = kind.map_or_else(|| clause.parameter.targets().collect(), |kind| vec![kind]);
            for kind in kinds {
                let others = same(db, kind, id, position)?;
                more.extend(others.into_iter().map(|id| Criterion::Reference { kind: Some(kind), id }));
            }
        }
        clause.values.extend(more);
    }
    Ok(query)
}

/// The other ids that, at `position`, redirects join with `id`, in either direction.
fn same(db: &Connection, name: &str, id: &str, position: i64) -> rusqlite::Result<Vec<String>> {
    let Some(kind) = read::kind(db, name)? else { return Ok(Vec::new()) };
    let sql = "SELECT survivor FROM redirect WHERE kind = ?1 AND prior = ?2 AND since <= ?3 \
               AND (until IS NULL OR until > ?3) \
               UNION SELECT prior FROM redirect INDEXED BY redirect_survivor WHERE kind = ?1 AND survivor = ?2 \
               AND since <= ?3 AND (until IS NULL OR until > ?3)";
    let mut next = db.prepare_cached(sql)?;
    let mut ids = vec![id.to_owned()];
    let mut at = 0;
    while at < ids.len() && ids.len() < MERGED_MAX {
        let found = next.query_map(params![kind, ids[at], position], |row| row.get::<_, String>(0))?;
        for id in found.collect::<rusqlite::Result<Vec<_>>>()? {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        at += 1;
    }
    ids.remove(0);
    Ok(ids)
}

/// The clauses whose values the index keeps as hashes.
fn hashed(query: &Query) -> Query {
    use ParameterClass::{Quantity, Reference, Token};
    let mut query = query.clone();
    query.clauses.retain(|clause| {
        matches!(clause.parameter.class, Token | Reference | Quantity) && clause.parameter.code != "_id"
    });
    query
}

/// Whether what the hashes matched matches by its words too.
fn truly(hashed: &Query, version: &Version) -> bool {
    if hashed.clauses.is_empty() {
        return true;
    }
    let body = version.body.as_deref().unwrap_or_default();
    match fhir::json::read(body) {
        Ok(resource) => fhir::search::matches(hashed, &resource),
        Err(_) => {
            tracing::error!(kind = %version.key.kind, id = %version.key.id, "a stored body cannot be read");
            false
        }
    }
}
