//! A store made of a backup.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rusqlite::{Connection, params};

use super::{BackupError, Doing, KEPT, Kept, Tell, disk, look, seal, store, sync_directory};
use crate::schema;
use crate::version::Time;

/// Control ids that are told for each source: the last ones that the backup has.
pub const LAST_MAX: usize = 3;
/// Sources that are told of; a site has some dozens.
const SOURCES_MAX: usize = 1_000;
const PART: &str = "record.db.part";

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub kept: Kept,
    /// The epoch of the log from now on.
    pub epoch: String,
    /// Where each source is to send from again.
    pub sources: Vec<Last>,
}

/// The last messages that a backup has of one source, newest first: what came after them and was acknowledged is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    pub source: String,
    /// MSH-10 and when it came, at most [`LAST_MAX`].
    pub messages: Vec<(String, Time)>,
}

/// Makes a store of a backup in a directory that is not there or is empty. What is not sound is not put in place.
pub fn restore(file: &Path, dir: &Path, tell: Tell<'_>) -> Result<Restored, BackupError> {
    if !file.is_file() {
        return Err(BackupError::Missing(file.to_owned()));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|why| disk(dir, why))?;
    // Held to the end, so that no server begins a new store here meanwhile.
    let place = schema::place(dir).map_err(BackupError::Store)?;
    is_empty(dir)?;
    let part = dir.join(PART);
    let restored = fill(file, &part, tell);
    if restored.is_ok() {
        fs::rename(&part, &place.file).map_err(|why| disk(&place.file, why))?;
        sync_directory(&place.file)?;
    } else {
        // Where it cannot be removed it is still no store, and the next restore takes its place.
        let _ = fs::remove_file(&part);
    }
    restored
}

/// What an interrupted restore left is nothing.
fn is_empty(dir: &Path) -> Result<(), BackupError> {
    let entries = fs::read_dir(dir).map_err(|why| disk(dir, why))?;
    for entry in entries {
        let name = entry.map_err(|why| disk(dir, why))?.file_name();
        if name != "lock" && name != PART {
            return Err(BackupError::NotEmpty(dir.to_owned()));
        }
    }
    Ok(())
}

fn fill(file: &Path, part: &Path, tell: Tell<'_>) -> Result<Restored, BackupError> {
    let trouble = |why| disk(part, why);
    let _ = fs::remove_file(part);
    let mut to = File::options().create_new(true).write(true).mode(0o600).open(part).map_err(trouble)?;
    seal::unseal(file, &mut to, tell)?;
    drop(to);
    tell(Doing::Checking, 0, 1);
    let kept = seal::kept(part)?;
    look(part, &kept)?;
    let mut db = Connection::open(part).map_err(store)?;
    schema::is_known(&db).map_err(BackupError::Store)?;
    let epoch = schema::random().map_err(BackupError::Store)?;
    let tx = db.transaction().map_err(store)?;
    tx.execute("DELETE FROM meta WHERE name = ?1", [KEPT]).map_err(store)?;
    tx.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?1)", params![&epoch[..]]).map_err(store)?;
    tx.commit().map_err(store)?;
    let sources = last(&db).map_err(store)?;
    db.close().map_err(|(_, why)| store(why))?;
    File::open(part).and_then(|whole| whole.sync_all()).map_err(trouble)?;
    Ok(Restored { kept, epoch: schema::epoch_text(&epoch), sources })
}

/// The last control ids of each source. It looks at every message once.
fn last(db: &Connection) -> rusqlite::Result<Vec<Last>> {
    let mut sources = db.prepare("SELECT source, max(id) FROM message GROUP BY source ORDER BY source LIMIT ?1")?;
    let sources: Vec<String> = sources.query_map([SOURCES_MAX], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let of_source = "SELECT control_id, received FROM message WHERE source = ?1 AND control_id IS NOT NULL \
                     ORDER BY id DESC LIMIT ?2";
    let mut of_source = db.prepare(of_source)?;
    let mut told = Vec::with_capacity(sources.len());
    for source in sources {
        let messages = of_source.query_map(params![source, LAST_MAX], |row| Ok((row.get(0)?, Time(row.get(1)?))))?;
        let messages = messages.collect::<Result<_, _>>()?;
        told.push(Last { source, messages });
    }
    Ok(told)
}
