//! A search by one of several records that stand for one person finds what is filed under each (`safety.md` 4), and one by a
//! golden Patient what is filed under any of its sources.

use fhir::search::{Clause, Criterion, Query};
use rusqlite::{Connection, params};

use crate::{golden, read};

/// Ids that stand for one person. More are taken for an error and not followed.
const MERGED_MAX: usize = 256;

/// The query with every reference to a merged resource widened to all that stand for the same one.
pub fn follow(db: &Connection, query: &Query, position: i64) -> rusqlite::Result<Query> {
    let mut query = query.clone();
    follow_clauses(db, &mut query.clauses, position)?;
    Ok(query)
}

/// The same of clauses.
pub fn follow_clauses(db: &Connection, clauses: &mut [Clause], position: i64) -> rusqlite::Result<()> {
    let redirected = is_any(db)?;
    for clause in clauses {
        let mut more = Vec::new();
        for criterion in &clause.values {
            let Criterion::Reference { kind, id } = criterion else { continue };
            if !redirected && !golden::is_golden("Patient", id) {
                continue;
            }
            let kinds: Vec<&'static str> = kind.map_or_else(|| clause.parameter.targets().collect(), |kind| vec![kind]);
            for kind in kinds {
                let others = same(db, kind, id, position)?;
                more.extend(others.into_iter().map(|id| Criterion::Reference { kind: Some(kind), id }));
            }
        }
        clause.values.extend(more);
    }
    Ok(())
}

/// Whether anything was ever redirected; most stores have nothing to follow.
fn is_any(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM redirect LIMIT 1")?.exists([])
}

/// The other ids that, at `position`, redirects join with `id`, in either direction; of a golden Patient, its sources and
/// those that are joined with them.
pub fn same(db: &Connection, name: &str, id: &str, position: i64) -> rusqlite::Result<Vec<String>> {
    let mut ids = golden::sources(db, name, id, position)?;
    ids.insert(0, id.to_owned());
    let redirected = is_any(db)?;
    if let Some(kind) = if redirected { read::kind(db, name)? } else { None } {
        join(db, kind, &mut ids, position)?;
    }
    ids.remove(0);
    Ok(ids)
}

/// Adds all that redirects join with these.
fn join(db: &Connection, kind: i64, ids: &mut Vec<String>, position: i64) -> rusqlite::Result<()> {
    let sql = "SELECT survivor FROM redirect WHERE kind = ?1 AND prior = ?2 AND since <= ?3 \
               AND (until IS NULL OR until > ?3) \
               UNION SELECT prior FROM redirect INDEXED BY redirect_survivor WHERE kind = ?1 AND survivor = ?2 \
               AND since <= ?3 AND (until IS NULL OR until > ?3)";
    let mut next = db.prepare_cached(sql)?;
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
    Ok(())
}
