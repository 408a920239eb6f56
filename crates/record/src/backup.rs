//! A backup of a store that may be in use, and a store made of one.
//!
//! A backup is one file: the database as it was at one moment, with the id key, and behind it a seal, which is a digest of all
//! that stands before. It is made under another name, looked at as [`crate::Record::check`] looks at a store, sealed, brought
//! to disk and only then named; so what was cut off, by whatever, is no backup under any name.
//!
//! The copy is SQLite's online backup inside one read transaction of a connection of its own. Without that transaction it
//! begins again whenever somebody writes between two steps, and beside a busy writer never ends. With it the writer waits
//! for nothing; the WAL keeps what is written meanwhile, and starts over afterwards. `VACUUM INTO` pins the log as long, takes
//! several times the work, and cannot say how far it is.
//!
//! Restoring believes nothing that the seal and a check do not bear out. The restored log has another epoch: what others
//! remember of positions behind the backup is not about this log. Its followers go on from where the backup knows them.

mod restore;
mod seal;

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::error::OpenError;
use crate::maintenance::{self, Finding};
use crate::read;
use crate::schema;
use crate::version::{Position, Time};

pub use restore::{LAST_MAX, Last, Restored, restore};
pub use seal::verify;

/// Pages that one step copies: 4 MiB, some ten milliseconds.
const PAGES_A_STEP: i32 = 1_024;
/// Versions at the end of the log that the backup's own digest is made of.
const END_VERSIONS: i64 = 1_000;
/// The row of `meta` in which a backup says what it is; a store in use has none.
const KEPT: &str = "backup";

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// When it was begun, by whoever made it.
    pub made: Time,
    /// The end of the log in it, and when that was written.
    pub position: Position,
    pub last: Time,
    pub versions: u64,
    pub messages: u64,
    /// The epoch of the log that it was made of.
    pub epoch: String,
    /// Over the last 1,000 versions: what they are, and their bytes as stored.
    pub end: [u8; 32],
}

/// What is being done, for whoever waits: bytes done and bytes in all.
pub type Tell<'t> = &'t mut dyn FnMut(Doing, u64, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    Copying,
    Checking,
    Sealing,
}

/// Why there is no backup, or no store of it. All of these are for the operator.
#[derive(Debug)]
pub enum BackupError {
    /// Nothing that could be backed up or restored is there.
    Missing(PathBuf),
    /// The file is there already.
    Exists(PathBuf),
    /// The directory to restore to holds something.
    NotEmpty(PathBuf),
    /// Another backup to this file is under way.
    UnderWay(PathBuf),
    /// It has no seal, or not the one of its content: cut off, damaged, or no backup.
    Broken(&'static str),
    /// The content is not as it should be.
    Unsound(Vec<Finding>),
    Disk {
        path: PathBuf,
        why: io::Error,
    },
    Store(OpenError),
}

/// Copies the store in `dir`, which may be in use by another process, to `file`. An existing file is replaced only where
/// that is wanted, and then in one moment.
pub fn back_up(dir: &Path, file: &Path, now: Time, replace: bool, tell: Tell<'_>) -> Result<Kept, BackupError> {
    let from = dir.join("record.db");
    if !from.is_file() {
        return Err(BackupError::Missing(from));
    }
    if !replace && file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let part = Part::begin(part_of(file)?)?;
    let kept = copy(&from, &part.path, now, tell)?;
    tell(Doing::Checking, 0, 1);
    look(&part.path, &kept)?;
    seal::seal(&part.path, tell)?;
    part.name(file, replace)?;
    Ok(kept)
}

/// Every page of one moment, and a row that says which.
fn copy(from: &Path, to: &Path, now: Time, tell: Tell<'_>) -> Result<Kept, BackupError> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(store)?;
    source.pragma_update(None, "query_only", true).map_err(store)?;
    source.busy_timeout(std::time::Duration::from_secs(5)).map_err(store)?;
    schema::is_known(&source).map_err(BackupError::Store)?;
    source.execute_batch("BEGIN").map_err(store)?;
    let kept = Kept::of(&source, now).map_err(store)?;
    let mut target = Connection::open(to).map_err(store)?;
    // What is half done is thrown away whatever its state; the whole is brought to disk once, by the seal.
    target.pragma_update(None, "journal_mode", "OFF").map_err(store)?;
    target.pragma_update(None, "synchronous", "OFF").map_err(store)?;
    let backup = Backup::new(&source, &mut target).map_err(store)?;
    loop {
        match backup.step(PAGES_A_STEP).map_err(store)? {
            StepResult::Done => break,
            StepResult::More => {}
            // Nobody else has the target, and the source is read beside its writer: it passes.
            _ => std::thread::yield_now(),
        }
        let pages = |count: i32| u64::try_from(count).unwrap_or(0) * 4096;
        let progress = backup.progress();
        tell(Doing::Copying, pages(progress.pagecount - progress.remaining), pages(progress.pagecount));
    }
    drop(backup);
    source.execute_batch("ROLLBACK").map_err(store)?;
    // One file, whatever the store's journal is.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(store)?;
    target.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![KEPT, kept.write()]).map_err(store)?;
    target.close().map_err(|(_, why)| store(why))?;
    Ok(kept)
}

/// Whether the database in `path` is sound and holds what it is said to hold.
fn look(path: &Path, kept: &Kept) -> Result<(), BackupError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(store)?;
    let mut findings = maintenance::check(&db).map_err(store)?;
    let found = Kept { epoch: kept.epoch.clone(), ..Kept::of(&db, kept.made).map_err(store)? };
    if found != *kept {
        let text = format!("it ends at position {} and should at {}", found.position, kept.position);
        findings.push(Finding { text });
    }
    if findings.is_empty() { Ok(()) } else { Err(BackupError::Unsound(findings)) }
}

impl Kept {
    /// What a store holds now.
    fn of(db: &Connection, made: Time) -> rusqlite::Result<Kept> {
        let counts = maintenance::counts(db)?;
        let time = "SELECT coalesce(max(time), 0) FROM version WHERE seq = (SELECT max(seq) FROM version)";
        let end = end(db)?;
        let epoch: Option<Vec<u8>> =
            db.query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| row.get(0)).optional()?;
        Ok(Kept {
            made,
            position: read::end(db)?,
            last: Time(db.query_row(time, [], |row| row.get(0))?),
            versions: counts.versions,
            messages: counts.messages.iter().map(|(_, count)| count).sum(),
            epoch: schema::epoch_text(&epoch.unwrap_or_default()),
            end,
        })
    }

    /// As text, one value a line.
    fn write(&self) -> Vec<u8> {
        let Kept { made, position, last, versions, messages, epoch, end } = self;
        let end: String = end.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("1\n{}\n{position}\n{}\n{versions}\n{messages}\n{epoch}\n{end}\n", made.0, last.0);
        text.into_bytes()
    }

    /// Of what [`Kept::write`] wrote.
    fn read(text: &[u8]) -> Option<Kept> {
        let mut lines = std::str::from_utf8(text).ok()?.lines();
        lines.next().filter(|form| *form == "1")?;
        let mut next = || lines.next();
        let made = Time(next()?.parse().ok()?);
        let position = next()?.parse().ok()?;
        let last = Time(next()?.parse().ok()?);
        let (versions, messages) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let epoch = next()?.to_owned();
        let digits = next()?.as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let end: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        Some(Kept { made, position, last, versions, messages, epoch, end: end?.try_into().ok()? })
    }
}

/// A digest of the end of the log.
fn end(db: &Connection) -> rusqlite::Result<[u8; 32]> {
    let sql = "SELECT seq, kind, id, vid, method, time, body FROM version ORDER BY seq DESC LIMIT ?1";
    let mut rows = db.prepare(sql)?;
    let mut rows = rows.query([END_VERSIONS])?;
    let mut digest = Sha256::new();
    while let Some(row) = rows.next()? {
        for column in [0, 1, 3, 4, 5] {
            digest.update(row.get::<_, i64>(column)?.to_le_bytes());
        }
        for part in [row.get_ref(2)?.as_bytes()?, row.get_ref(6)?.as_blob_or_null()?.unwrap_or_default()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    Ok(digest.finalize().into())
}

/// The name under which a file is made until it is whole.
fn part_of(file: &Path) -> Result<PathBuf, BackupError> {
    let name = file.file_name().ok_or_else(|| BackupError::Missing(file.to_owned()))?;
    Ok(file.with_file_name(format!(".{}.part", name.to_string_lossy())))
}

/// A file that is not whole yet; gone with this value, and locked against others who would make it.
struct Part {
    path: PathBuf,
    /// Of its own name, so that the one who waits never has the file of the one who ends.
    lock: File,
    lock_path: PathBuf,
}

impl Part {
    fn begin(path: PathBuf) -> Result<Part, BackupError> {
        let lock_path = path.with_extension("lock");
        let trouble = |why| disk(&path, why);
        let lock = File::options().create(true).append(true).mode(0o600).open(&lock_path).map_err(trouble)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::UnderWay(path)),
            Err(TryLockError::Error(why)) => return Err(trouble(why)),
        }
        // What a killed predecessor left.
        let _ = fs::remove_file(&path);
        File::options().create_new(true).write(true).mode(0o600).open(&path).map_err(trouble)?;
        Ok(Part { path, lock, lock_path })
    }

    /// Gives the whole file its name; not over another one that came meanwhile, unless that is wanted.
    fn name(&self, file: &Path, replace: bool) -> Result<(), BackupError> {
        let named = if replace { fs::rename(&self.path, file) } else { fs::hard_link(&self.path, file) };
        match named {
            Ok(()) => sync_directory(file),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Exists(file.to_owned())),
            // Not every file system has links; there only the look at the beginning stands in the way.
            Err(_) if !replace && !file.exists() => self.name(file, true),
            Err(why) => Err(disk(file, why)),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After its naming there is nothing to remove; what cannot be removed is no backup and says so.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.lock_path);
        let _ = self.lock.unlock();
    }
}

fn sync_directory(file: &Path) -> Result<(), BackupError> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(|why| disk(parent, why))
}

fn disk(path: &Path, why: io::Error) -> BackupError {
    BackupError::Disk { path: path.to_owned(), why }
}

fn store(why: rusqlite::Error) -> BackupError {
    BackupError::Store(schema::damaged(why))
}

impl fmt::Display for BackupError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::Missing(path) => {
                write!(out, "there is no {}; name the right directory or file", path.display())
            }
            BackupError::Exists(path) => {
                write!(out, "{} is there already; give another name, or --replace", path.display())
            }
            BackupError::NotEmpty(path) => {
                write!(out, "{} is not empty; restore into a new or empty directory", path.display())
            }
            BackupError::UnderWay(path) => {
                write!(out, "another backup is being made of {}; wait for it", path.display())
            }
            BackupError::Broken(why) => write!(out, "this is no whole backup: {why}; take another one"),
            BackupError::Unsound(findings) => {
                let first = findings.first().map_or("", |finding| finding.text.as_str());
                write!(
                    out,
                    "the content is not sound ({} findings; the first: {first}); take another one",
                    findings.len()
                )
            }
            BackupError::Disk { path, why } => write!(out, "cannot use {}: {why}", path.display()),
            BackupError::Store(OpenError::Damaged(why)) => write!(out, "cannot read the store: {why}"),
            BackupError::Store(why) => why.fmt(out),
        }
    }
}

impl std::error::Error for BackupError {}
