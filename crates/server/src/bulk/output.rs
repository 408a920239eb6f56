//! The files of an export: one resource a line, a new file when one is full, within the room that there is.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::Part;

pub struct Output {
    dir: PathBuf,
    /// What the files' names begin with.
    stem: &'static str,
    file_bytes_max: u64,
    /// Bytes that may still be written.
    room: u64,
    parts: Vec<Part>,
    open: Option<BufWriter<File>>,
}

/// Why a line was not written.
#[derive(Debug)]
pub enum Stop {
    /// All exports together would have more bytes than they may.
    TooLarge,
    Disk(io::Error),
}

impl Output {
    pub fn new(dir: PathBuf, stem: &'static str, file_bytes_max: u64, room: u64) -> Output {
        Output { dir, stem, file_bytes_max, room, parts: Vec::new(), open: None }
    }

    /// A resource of this type, without line breaks.
    pub fn line(&mut self, kind: &str, json: &[u8]) -> Result<(), Stop> {
        let bytes = json.len() as u64 + 1;
        self.room = self.room.checked_sub(bytes).ok_or(Stop::TooLarge)?;
        let is_full = |part: &Part| part.kind != kind || part.bytes + bytes > self.file_bytes_max;
        if self.parts.last().is_none_or(is_full) {
            self.next(kind)?;
        }
        let (Some(part), Some(file)) = (self.parts.last_mut(), &mut self.open) else { return Ok(()) };
        file.write_all(json).and_then(|()| file.write_all(b"\n")).map_err(Stop::Disk)?;
        part.bytes += bytes;
        part.count += 1;
        Ok(())
    }

    pub fn room(&self) -> u64 {
        self.room
    }

    /// All files, on disk.
    pub fn end(mut self) -> Result<Vec<Part>, Stop> {
        self.close()?;
        Ok(self.parts)
    }

    fn next(&mut self, kind: &str) -> Result<(), Stop> {
        self.close()?;
        let name = format!("{}{}.ndjson", self.stem, self.parts.len() + 1);
        let path = self.dir.join(&name);
        let file = File::options().create(true).truncate(true).write(true).mode(0o600).open(path);
        self.open = Some(BufWriter::with_capacity(1 << 18, file.map_err(Stop::Disk)?));
        self.parts.push(Part { name, kind: kind.to_owned(), count: 0, bytes: 0 });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(file) = self.open.take() else { return Ok(()) };
        let file = file.into_inner().map_err(|why| Stop::Disk(why.into_error()))?;
        file.sync_all().map_err(Stop::Disk)
    }
}
