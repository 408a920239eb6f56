//! A page of matches: the plan, the rows, the check of what only hashes matched, the link to the next page.
//!
//! Every page of one search sees the log at the position of the first, however much was written since. Its link holds
//! that position and where the page ended. Without a sort the newest come first, and a page costs the same wherever
//! it stands; a sorted page is found by counting from the first.

use std::fmt::Write;

use consent::Reach;
use fhir::search::{ParameterClass, Query, Sort, Summary, Total};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::clock;
use crate::derived;
use crate::error::ReadError;
use crate::maintenance;
use crate::merged;
use crate::page::{PageKey, Start};
use crate::plan::{self, Condition};
use crate::read::{self, COLUMNS, read_version};
use crate::reader::broken;
use crate::version::{Position, Version};

/// Matches are counted up to here where the client does not ask for an exact total.
const COUNT_MAX: i64 = 10_000;
/// A clause with fewer rows than this may lead the plan: the others are only checked.
const LEAD_MAX: usize = 5_000;

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

/// The page of `query` that begins at `page`, or the first.
pub fn page(db: &Connection, reach: &Reach, query: &Query, page: Option<PageKey>) -> Result<Page, ReadError> {
    if let Some(rule) = query.sort.iter().find(|rule| !sortable(rule)) {
        return Err(ReadError::Unsortable(rule.parameter.code));
    }
    let position = pinned(db, page)?;
    let query = merged::follow(db, query, position).map_err(broken)?;
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
    /// Where `span` is entered: at the positions of the leading clause, or as it stands.
    from: String,
    from_values: Vec<Value>,
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
            from: "span s".to_owned(),
            from_values: Vec::new(),
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
            match condition.positions(kind).filter(|_| lead == Some(at)) {
                // Said as a join, because SQLite would rather walk the whole type than follow an IN.
                Some((positions, values)) => {
                    plan.from =
                        format!("(SELECT DISTINCT seq FROM ({positions})) l CROSS JOIN span s ON s.seq = l.seq");
                    plan.from_values = values;
                }
                None => plan.narrow(condition.check()),
            }
        }
        for clause in &query.clauses {
            if let Some((from, to)) = clock::positions(db, clause, position)? {
                plan.narrow(("s.seq BETWEEN ? AND ?".to_owned(), vec![from.into(), to.into()]));
            }
        }
        Ok(plan)
    }

    fn narrow(&mut self, (condition, values): (String, Vec<Value>)) {
        self.condition.push_str(" AND ");
        self.condition.push_str(&condition);
        self.values.extend(values);
    }

    fn all_values(&self) -> impl Iterator<Item = &Value> {
        self.from_values.iter().chain(&self.values)
    }

    /// How many match, at most `bound`; none when there are more.
    fn count(&self, db: &Connection, bound: i64) -> rusqlite::Result<Option<u64>> {
        // The version's row is large; most conditions need only the narrow tables.
        let version = if self.condition.contains("v.") { "CROSS JOIN version v ON v.seq = s.seq" } else { "" };
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} {version} WHERE {} LIMIT {})",
            self.from,
            self.condition,
            bound.saturating_add(1)
        );
        let count: i64 = db.prepare_cached(&sql)?.query_row(params_from_iter(self.all_values()), |row| row.get(0))?;
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
            "SELECT {COLUMNS} FROM {} CROSS JOIN version v ON v.seq = s.seq \
             WHERE {} AND s.seq < ? ORDER BY {} LIMIT ? OFFSET ?",
            self.from, self.condition, self.order
        );
        let mut values: Vec<Value> = self.all_values().cloned().collect();
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
        _ => of("min(text)", "max(text)", "string"),
    }
}

/// Whether the index has what a rule sorts by. Tokens, references and uris are kept as hashes, which have no order.
fn sortable(rule: &Sort) -> bool {
    use ParameterClass::{Date, Number, Quantity, String};
    matches!(rule.parameter.code, "_id" | "_lastUpdated")
        || matches!(rule.parameter.class, Date | Number | Quantity | String)
}

/// The clauses whose values the index keeps as hashes.
fn hashed(query: &Query) -> Query {
    use ParameterClass::{Quantity, Reference, Token, Uri};
    let mut query = query.clone();
    query.clauses.retain(|clause| {
        matches!(clause.parameter.class, Token | Reference | Quantity | Uri) && clause.parameter.code != "_id"
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
