//! The seal: the last 56 bytes of a backup, which say that it is whole. A word, how many bytes stand before it, their SHA-256.
//!
//! SQLite itself passes over them, so that a backup can be looked at by its own tools too.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};

use super::{BackupError, Doing, KEPT, Kept, Tell, disk, look, store};

const WORD: &[u8; 16] = b"hilum backup 1\n\0";
const SEAL_BYTES: u64 = 16 + 8 + 32;
const READ_BYTES: usize = 1 << 20;

/// Seals a finished database and brings the whole to disk.
pub fn seal(path: &Path, tell: Tell<'_>) -> Result<(), BackupError> {
    let trouble = |why| disk(path, why);
    let mut file = File::options().read(true).append(true).open(path).map_err(trouble)?;
    let bytes = file.metadata().map_err(trouble)?.len();
    let digest = digest(&mut file, bytes, &mut io::sink(), Doing::Sealing, tell).map_err(trouble)?;
    file.write_all(&[&WORD[..], &bytes.to_le_bytes(), &digest].concat()).map_err(trouble)?;
    file.sync_all().map_err(trouble)
}

/// Copies what a backup holds to `to`, if its seal is the one of its content.
pub fn unseal(path: &Path, to: &mut dyn Write, tell: Tell<'_>) -> Result<(), BackupError> {
    let trouble = |why| disk(path, why);
    let mut file = File::open(path).map_err(|why| match why.kind() {
        io::ErrorKind::NotFound => BackupError::Missing(path.to_owned()),
        _ => trouble(why),
    })?;
    let whole = file.metadata().map_err(trouble)?.len();
    let bytes = whole.checked_sub(SEAL_BYTES).ok_or(BackupError::Broken("it is too short to be one"))?;
    let mut seal = [0; SEAL_BYTES as usize];
    file.seek(SeekFrom::Start(bytes)).and_then(|_| file.read_exact(&mut seal)).map_err(trouble)?;
    if !seal.starts_with(WORD) || seal[16..24] != bytes.to_le_bytes() {
        return Err(BackupError::Broken("it has no seal at its end, so it was cut off or is something else"));
    }
    file.seek(SeekFrom::Start(0)).map_err(trouble)?;
    let digest = digest(&mut file, bytes, to, Doing::Copying, tell).map_err(trouble)?;
    if digest == seal[24..] { Ok(()) } else { Err(BackupError::Broken("its content was changed or damaged")) }
}

/// Whether a file is a whole and sound backup, and what it holds. It is read twice and changed nowhere.
pub fn verify(file: &Path, tell: Tell<'_>) -> Result<Kept, BackupError> {
    unseal(file, &mut io::sink(), tell)?;
    tell(Doing::Checking, 0, 1);
    let kept = kept(file)?;
    look(file, &kept)?;
    Ok(kept)
}

/// What the database of a backup says of itself.
pub fn kept(path: &Path) -> Result<Kept, BackupError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(store)?;
    let said = db.query_row("SELECT value FROM meta WHERE name = ?1", [KEPT], |row| row.get::<_, Vec<u8>>(0));
    let said = said.map_err(|_| BackupError::Broken("it does not say what it holds"))?;
    Kept::read(&said).ok_or(BackupError::Broken("a newer program made it, or none"))
}

fn digest(from: &mut File, bytes: u64, to: &mut dyn Write, doing: Doing, tell: Tell<'_>) -> io::Result<[u8; 32]> {
    let (mut digest, mut buffer, mut done) = (Sha256::new(), vec![0; READ_BYTES], 0);
    while done < bytes {
        let most = usize::try_from(bytes - done).unwrap_or(READ_BYTES).min(READ_BYTES);
        from.read_exact(&mut buffer[..most])?;
        digest.update(&buffer[..most]);
        to.write_all(&buffer[..most])?;
        done += most as u64;
        tell(doing, done, bytes);
    }
    Ok(digest.finalize().into())
}
