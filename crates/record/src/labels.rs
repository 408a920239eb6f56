//! The profiles, tags and security labels that are in use: what the index holds of them, said by a resource that has it.
//!
//! The index knows a label by its hash only. So of each hash one version is read that has the label now and may be seen,
//! and its `meta` says what it is. A label without a code, or a profile that is no text, is in no index.

use std::collections::BTreeSet;

use consent::Reach;
use fhir::search::{ParameterClass, table};
use fhir::{Node, Object};
use rusqlite::{Connection, params};

use crate::error::ReadError;
use crate::read::{self, COLUMNS, read_version};
use crate::reader::broken;

/// More different labels than these are no overview.
pub const LABELS_MAX: usize = 1_000;
const TOO_MANY: &str = "more than 1000 profiles, tags and labels are in use: ask for those of one type, or search by _tag, \
                        _security or _profile";
/// The parameters whose values they are.
const LABELS: [&str; 3] = ["_profile", "_security", "_tag"];

/// The `meta` of resources of these types that `reach` covers: every label in use stands in one of them.
pub fn metas(db: &Connection, reach: &Reach, kinds: &[&'static str]) -> Result<Vec<Object<'static>>, ReadError> {
    let mut newest = BTreeSet::new();
    let mut left = LABELS_MAX;
    for kind in kinds.iter().filter(|kind| reach.covers(kind)) {
        let Some(number) = read::kind(db, kind).map_err(broken)? else { continue };
        for parameter in LABELS.iter().filter_map(|code| table().find(kind, code)) {
            let (rows, value) = match parameter.class {
                ParameterClass::Token => ("token", "l.h, l.s"),
                _ => ("reference", "l.h"),
            };
            let found = having(db, rows, value, parameter.id.0, number, left + 1).map_err(broken)?;
            left = left.checked_sub(found.len()).ok_or(ReadError::TooCostly(TOO_MANY))?;
            newest.extend(found);
        }
    }
    newest.iter().rev().filter_map(|seq| meta(db, *seq).transpose()).collect::<Result<_, _>>().map_err(broken)
}

/// Of each value of a parameter, the newest version that has it and is current; so many values at most.
fn having(
    db: &Connection,
    rows: &str,
    value: &str,
    parameter: u16,
    kind: i64,
    most: usize,
) -> rusqlite::Result<Vec<i64>> {
    // Said as a cross join, because SQLite would rather walk the whole type.
    let sql = format!(
        "SELECT max(l.seq) FROM {rows} l CROSS JOIN span s ON s.kind = ?1 AND s.seq = l.seq \
         WHERE l.p = ?2 AND s.until IS NULL GROUP BY {value} LIMIT ?3"
    );
    db.prepare_cached(&sql)?.query_map(params![kind, parameter, most], |row| row.get(0))?.collect()
}

fn meta(db: &Connection, seq: i64) -> rusqlite::Result<Option<Object<'static>>> {
    let sql = format!("SELECT {COLUMNS} FROM version v WHERE v.seq = ?1");
    let version = db.prepare_cached(&sql)?.query_row([seq], read_version)?;
    let Some(Ok(resource)) = version.body.as_deref().map(fhir::json::read) else { return Ok(None) };
    match resource.into_owned().object.remove("meta") {
        Some(Node::Object(meta)) => Ok(Some(meta)),
        _ => Ok(None),
    }
}
