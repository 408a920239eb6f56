//! The record: an append-only log of FHIR resource versions, what is derived from it in the same transaction (the
//! current table and the search index), and the messages that caused it.
//!
//! # The face
//!
//! ```text
//! Record::open(dir, Options) -> Result<Record, OpenError>        cheap to clone; the last clone that drops closes it
//! record.prepare(&fhir::Resource) -> Prepared                    in the caller's thread: JSON, zstd, index rows
//! record.commit(&Access, Commit).await -> Result<Committed, CommitError>
//! record.read(&Access, &Key) / vread(&Access, &Key, vid) / history(&Access, &HistoryQuery)
//! record.current(&Access, &Key) / current_many(&Access, &[Key])  what fhir::apply merges with; one hop
//! record.resolve(&[Key]) -> Vec<Key>                             through aliases and merges
//! record.members(&Access, kind, group) -> Vec<Member>            a snapshot list as it is now
//! record.search(&Access, &Query, page) -> Page
//! record.position() / search_at(&Access, &Query, Position) / current_at(&Access, &[Key], Position)
//! record.log(&Access, after, limit) / cursor(name) / advance(name, position) / note(follower, name) / notes(follower, after, limit)
//! record.message(&Access, id) / messages(&Access, &MessageFilter) / raw(&Access, id) / made_by(&Access, id)
//! record.follow_text(limit)                                      the index of words, behind the log
//! record.registry() / define(definitions) / reindex() / reindexed()   a site's own search parameters
//! back_up(dir, file, now, replace, tell) / verify(file, tell) / restore(file, dir, tell)     of a store that may be in use
//! record.prune_bodies(older_than, limit) / trim(now) / erase(&Access, &Key, Erasure) / check() / counts() / id_key()
//! ```
//!
//! Every future is safe to drop: what was handed to the writer is committed whether or not anybody still waits.
//!
//! # Why it is so
//!
//! One thread writes. It takes the commits that wait, gives each a savepoint, and makes them durable with one fsync,
//! so that many small transactions cost little more than one; nothing is answered before that fsync. Parsing,
//! checking, extracting and compressing are the caller's work, before the writer. Readers have connections of their
//! own and see only what is committed.
//!
//! A version row is never changed (but by erasure). Whether a version is visible at a position is a narrow table's
//! business, so that a page link pinned to a position shows what was there then, without an open read transaction.
//!
//! Outside this crate nobody knows that there is SQLite. Deliberately absent: HTTP, matching, reading the clock, and any
//! clinical read or write without an [`Access`](consent::Access).
#![forbid(unsafe_code)]

mod backup;
mod body;
mod checkpoint;
mod clock;
mod commit;
mod compare;
mod condition;
mod deadline;
mod derived;
mod error;
mod filing;
mod fulltext;
mod golden;
mod hash;
mod history;
mod index;
mod labels;
mod maintenance;
mod merged;
mod message;
mod message_read;
mod notes;
mod own;
mod page;
mod prepare;
mod queue;
mod reach;
mod read;
mod reader;
mod record;
mod schema;
mod search;
mod transaction;
mod version;
mod wide;
mod writer;

pub use backup::{BackupError, Doing, Kept, LAST_MAX, Last, Restored, back_up, restore, verify};
pub use commit::{
    Change, Commit, CommitError, Committed, Condition, Expect, Redirect, Remembered, Why, Write, Written,
};
pub use error::{OpenError, ReadError};
pub use golden::{GOLDEN_TAG, SOURCES_MAX, sources_of};
pub use history::{HISTORY_PAGE_MAX, HistoryOf, HistoryPage, HistoryQuery};
pub use labels::LABELS_MAX;
pub use maintenance::{Counts, Erasure, Finding};
pub use message::{Attempt, MESSAGE_PAGE_MAX, Message, MessageFilter, NewMessage, Outcome, Receipt, Replay, Tried};
pub use notes::{NOTES_PAGE_MAX, Note};
pub use own::Progress;
pub use prepare::{Prepared, prepare};
pub use read::{LOG_PAGE_MAX, Member};
pub use record::{Options, Record};
pub use search::{Page, SearchLimits, Turns};
pub use version::{Key, MessageId, Method, Position, Time, Version};
