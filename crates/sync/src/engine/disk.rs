//! What is on disk of a sender, what is on its way there, and what is to be written next: one at a time.

use std::collections::BTreeMap;

use super::{Command, Note, PERSIST_AFTER_MS};

type Notes = Vec<(String, Option<Note>)>;

#[derive(Debug, Default)]
pub struct Disk {
    cursor: u64,
    number: u64,
    writing: Option<Writing>,
    changes: BTreeMap<String, Option<Note>>,
    /// When the cursor may be written although no note has to be.
    due_ms: Option<u64>,
    /// The last time it could not be written; it waits for `due_ms`.
    failed: bool,
}

/// What is on its way.
#[derive(Debug)]
struct Writing {
    number: u64,
    cursor: u64,
    notes: Notes,
}

impl Disk {
    pub fn at(cursor: u64) -> Disk {
        Disk { cursor, ..Disk::default() }
    }

    /// The cursor that is on disk.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// A note is to be kept, or kept no more; at once.
    pub fn note(&mut self, key: String, note: Option<Note>) {
        self.changes.insert(key, note);
    }

    /// The cursor may have moved; that can wait a little.
    pub fn is_behind(&mut self, now_ms: u64) {
        self.due_ms.get_or_insert(now_ms + PERSIST_AFTER_MS);
    }

    /// The cursor is wrong, and is not to be found so.
    pub fn is_wrong(&mut self, now_ms: u64) {
        self.due_ms = Some(now_ms);
    }

    pub fn wake_ms(&self) -> Option<u64> {
        self.due_ms.filter(|_| self.writing.is_none())
    }

    /// What is to be written now, if anything is.
    pub fn write(&mut self, now_ms: u64, cursor: u64) -> Option<Command> {
        let urgent = !self.changes.is_empty() && !self.failed;
        if self.writing.is_some() || !(urgent || self.due_ms.is_some_and(|due_ms| due_ms <= now_ms)) {
            return None;
        }
        (self.due_ms, self.failed) = (None, false);
        if cursor == self.cursor && self.changes.is_empty() {
            return None;
        }
        self.number += 1;
        let notes: Notes = std::mem::take(&mut self.changes).into_iter().collect();
        let number = self.number;
        self.writing = Some(Writing { number, cursor, notes: notes.clone() });
        Some(Command::Persist { number, cursor, notes })
    }

    /// It is on disk; the notes that were written.
    pub fn written(&mut self, number: u64) -> Notes {
        let Some(writing) = self.writing.take_if(|writing| writing.number == number) else { return Vec::new() };
        self.cursor = writing.cursor;
        writing.notes
    }

    /// It is not; it is written with what comes next.
    pub fn not_written(&mut self, now_ms: u64, number: u64) {
        let Some(writing) = self.writing.take_if(|writing| writing.number == number) else { return };
        for (key, note) in writing.notes {
            self.changes.entry(key).or_insert(note);
        }
        (self.due_ms, self.failed) = (Some(now_ms + PERSIST_AFTER_MS), true);
    }
}
