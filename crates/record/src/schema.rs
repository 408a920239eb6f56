//! The file: its tables, its migrations, and how a connection to it is set up.
//!
//! Pages of 4 kB, because a small transaction touches some thirty scattered leaves of the index and each goes to the WAL
//! whole; a bulk import would rather have 16 kB, and is not what a clinic does all day. `synchronous=FULL`: every
//! commit is on disk before it is answered. No automatic checkpoint: [`crate::checkpoint`] does it on another thread.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use crate::checkpoint;
use crate::error::OpenError;
use crate::record::Options;

/// Each step brings the schema from its index to the next number. A step that was released is never edited.
const MIGRATIONS: [&str; 4] =
    [include_str!("schema.sql"), include_str!("fulltext.sql"), include_str!("own.sql"), include_str!("notes.sql")];

/// Statements that a connection keeps compiled. The writer has some forty; a reader's searches come in many shapes.
const STATEMENTS: usize = 256;
const WRITER_CACHE_KIB: i64 = 64 * 1024;
const READER_CACHE_KIB: i64 = 8 * 1024;

/// Where the store lives, locked against other processes while this value does.
pub struct Place {
    pub file: PathBuf,
    lock: File,
}

/// Said aloud, because closing is not enough: a child process that is just being started shares the open file for a
/// moment, and with it the lock.
impl Drop for Place {
    fn drop(&mut self) {
        // A lock that cannot be given back ends with the process.
        let _ = self.lock.unlock();
    }
}

pub struct Opened {
    pub connection: Connection,
    pub id_key: [u8; 32],
    pub epoch: String,
}

/// Makes the directory and takes its lock.
pub fn place(dir: &Path) -> Result<Place, OpenError> {
    let trouble = |why| OpenError::Directory { path: dir.to_owned(), why };
    fs::create_dir_all(dir).map_err(trouble)?;
    let lock = File::options().create(true).append(true).open(dir.join("lock")).map_err(trouble)?;
    match lock.try_lock() {
        Ok(()) => Ok(Place { file: dir.join("record.db"), lock }),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(dir.to_owned())),
        Err(TryLockError::Error(why)) => Err(trouble(why)),
    }
}

/// The one connection that writes, with the schema brought up to date.
pub fn open_writer(place: &Place, options: &Options) -> Result<Opened, OpenError> {
    let mut db = connect(&place.file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    configure_writer(&db).map_err(damaged)?;
    migrate(&mut db)?;
    let (id_key, epoch) = identity(&db, options)?;
    Ok(Opened { connection: db, id_key, epoch })
}

/// A connection that only reads.
pub fn open_reader(file: &Path) -> Result<Connection, OpenError> {
    let db = connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.pragma_update(None, "cache_size", -READER_CACHE_KIB).map_err(damaged)?;
    db.pragma_update(None, "query_only", true).map_err(damaged)?;
    Ok(db)
}

/// A connection that moves pages from the WAL into the file.
pub fn open_checkpointer(file: &Path) -> Result<Connection, OpenError> {
    let db = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.pragma_update(None, "wal_autocheckpoint", 0).map_err(damaged)?;
    db.pragma_update(None, "synchronous", "FULL").map_err(damaged)?;
    // It never waits for a reader while the writer waits for it.
    db.busy_timeout(Duration::ZERO).map_err(damaged)?;
    Ok(db)
}

/// A connection is used by one thread at a time, so SQLite's own mutexes are left out.
fn connect(file: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let db = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(damaged)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else SQLite looks at the bound values and compiles a statement anew when they change: a seventh of the writer.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(damaged)?;
    db.busy_timeout(Duration::from_secs(5)).map_err(damaged)?;
    db.pragma_update(None, "temp_store", "MEMORY").map_err(damaged)?;
    Ok(db)
}

fn configure_writer(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "page_size", 4096)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "journal_size_limit", checkpoint::BYTES_KEPT)?;
    db.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    // Freed bytes are zeroed where the page is written anyway: what is erased shall not linger in free space.
    db.pragma_update(None, "secure_delete", "FAST")
}

fn migrate(db: &mut Connection) -> Result<(), OpenError> {
    let known = u32::try_from(MIGRATIONS.len()).expect("migrations are few");
    db.execute_batch("CREATE TABLE IF NOT EXISTS schema_version(version INTEGER PRIMARY KEY) STRICT")
        .map_err(damaged)?;
    for step in is_known(db)?..known {
        let tx = db.transaction().map_err(damaged)?;
        tx.execute_batch(MIGRATIONS[step as usize]).map_err(damaged)?;
        tx.execute("INSERT INTO schema_version VALUES (?1)", [step + 1]).map_err(damaged)?;
        tx.commit().map_err(damaged)?;
    }
    Ok(())
}

/// The schema's number, if this program knows it.
pub fn is_known(db: &Connection) -> Result<u32, OpenError> {
    let known = u32::try_from(MIGRATIONS.len()).expect("migrations are few");
    let found: u32 =
        db.query_row("SELECT coalesce(max(version), 0) FROM schema_version", [], |row| row.get(0)).map_err(damaged)?;
    if found > known { Err(OpenError::Newer { found, known }) } else { Ok(found) }
}

/// The store's id key and epoch, made on first use.
fn identity(db: &Connection, options: &Options) -> Result<([u8; 32], String), OpenError> {
    let kept = |name| {
        db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get::<_, Vec<u8>>(0))
            .optional()
            .map_err(damaged)
    };
    if kept("id key")?.is_none() {
        let key = options.id_key.map_or_else(random, Ok)?;
        let tx = db.unchecked_transaction().map_err(damaged)?;
        for (name, value) in [("id key", &key), ("epoch", &random()?)] {
            tx.execute("INSERT INTO meta VALUES (?1, ?2)", params![name, &value[..]]).map_err(damaged)?;
        }
        tx.commit().map_err(damaged)?;
    }
    let key = kept("id key")?.and_then(|bytes| bytes.try_into().ok());
    let epoch = epoch_text(&kept("epoch")?.unwrap_or_default());
    Ok((key.ok_or_else(|| OpenError::Damaged("the id key is not 32 bytes".to_owned()))?, epoch))
}

/// An epoch as it is shown.
pub fn epoch_text(kept: &[u8]) -> String {
    kept.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

pub fn random() -> Result<[u8; 32], OpenError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| OpenError::NoRandom)?;
    Ok(bytes)
}

pub fn damaged(error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Damaged("the file is not a record".to_owned()),
        _ => OpenError::Damaged(error.to_string()),
    }
}
