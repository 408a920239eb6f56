//! What a follower keeps beside its cursor: a few named values, such as what is in flight or parked, written in the transaction that
//! moves the cursor. What they mean is the follower's; none of them holds what a resource says.

use rusqlite::{Connection, OptionalExtension, params};

/// Values of one page.
pub const NOTES_PAGE_MAX: usize = 10_000;

/// A value that is kept, or is kept no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub follower: String,
    pub name: String,
    pub value: Option<Vec<u8>>,
}

pub fn write(db: &Connection, note: &Note) -> rusqlite::Result<()> {
    match &note.value {
        Some(value) => {
            let sql = "INSERT OR REPLACE INTO note VALUES (?1, ?2, ?3)";
            db.prepare_cached(sql)?.execute(params![note.follower, note.name, value])?;
        }
        None => {
            let sql = "DELETE FROM note WHERE follower = ?1 AND name = ?2";
            db.prepare_cached(sql)?.execute(params![note.follower, note.name])?;
        }
    }
    Ok(())
}

pub fn one(db: &Connection, follower: &str, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let sql = "SELECT value FROM note WHERE follower = ?1 AND name = ?2";
    db.prepare_cached(sql)?.query_row(params![follower, name], |row| row.get(0)).optional()
}

/// Those whose names come after `after`, in the order of their names.
pub fn page(db: &Connection, follower: &str, after: &str, limit: usize) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    let sql = "SELECT name, value FROM note WHERE follower = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let limit = i64::try_from(limit.min(NOTES_PAGE_MAX)).expect("a page is small");
    statement.query_map(params![follower, after, limit], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
