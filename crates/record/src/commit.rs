//! What a caller asks the writer to do, all of it or nothing, and what comes back.

use std::fmt;

use fhir::search::Query;

use crate::message::Receipt;
use crate::notes::Note;
use crate::prepare::Prepared;
use crate::version::{Key, MessageId, Method, Position, Time};

/// One transaction. Everything in it becomes durable together, or nothing does.
#[derive(Debug, Default)]
pub struct Commit {
    /// Now, by the caller's clock. A clock that runs backwards does not take the log with it.
    pub now: Time,
    /// Searches that this was decided on; [`CommitError::Moved`] where one would now find something else.
    pub conditions: Vec<Condition>,
    /// Resources that this was decided on without writing them; [`CommitError::Stale`] where one was written after the
    /// position at which it was read.
    pub unchanged: Vec<(Key, Position)>,
    pub receipt: Option<Receipt>,
    pub writes: Vec<Write>,
    pub redirects: Vec<Redirect>,
    /// States that changed while the resource did not: it was said again, at a later time.
    pub remembered: Vec<Remembered>,
    /// Followers' cursors that move with this transaction: name and new position.
    pub cursors: Vec<(String, Position)>,
    /// What followers keep beside them.
    pub notes: Vec<Note>,
}

/// A search that a commit was decided on, such as that of a conditional create.
///
/// It holds while the search would find the same resources. A resource among them may change as long as it is still
/// found; who depends on what it says expects its version, or names it in [`Commit::unchanged`].
#[derive(Debug, Clone)]
pub struct Condition {
    pub query: Query,
    /// The position that the search saw: [`crate::Page::position`].
    pub since: Position,
    /// All that it found.
    pub found: Vec<Key>,
}

/// A new version of one resource.
#[derive(Debug)]
pub struct Write {
    pub key: Key,
    pub expect: Expect,
    pub change: Change,
    /// Who sent it, by configured name.
    pub origin: String,
    pub source_time: Option<Time>,
    /// What `fhir::apply` wants back with the next change.
    pub state: Vec<u8>,
    /// Hashes of the snapshot lists that this resource is a member of (`safety.md` 5), see [`crate::Record::members`].
    pub groups: Vec<u64>,
}

/// What `fhir::apply` has to remember of a version that stays as it is.
#[derive(Debug)]
pub struct Remembered {
    pub key: Key,
    /// The newest version, from which it was computed.
    pub vid: u64,
    pub state: Vec<u8>,
}

/// The version that the change was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The id was never used.
    Absent,
    /// This version is the newest; it may be a delete.
    Version(u64),
    /// Whatever is there now, deleted or never used: the last who writes has the last word. A delete of what is not there
    /// writes nothing.
    Any,
}

#[derive(Debug)]
pub enum Change {
    Put(Prepared),
    Delete,
}

/// From now on, or no longer, one resource stands for another of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redirect {
    Begin { kind: String, from: String, to: String, why: Why },
    End { kind: String, from: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Another id for the same resource (a changed MRN, `safety.md` 3).
    Alias,
    /// The prior was merged into the survivor (`safety.md` 4): what comes for it is filed under the survivor, and a
    /// search by either finds both.
    Merged,
}

/// What became durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The message's id, when the commit had a receipt.
    pub message: Option<MessageId>,
    /// Of each write, in order.
    pub versions: Vec<Written>,
    /// `meta.lastUpdated` of what was written.
    pub time: Time,
    /// The end of the log as this commit left it.
    pub position: Position,
}

/// What a write became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub position: Position,
    pub vid: u64,
    /// [`Method::Create`] where nothing was there before, or only a delete.
    pub method: Method,
    /// False for a delete of what was not there: then this is the newest version as it was, or position 0 and version 0.
    pub new: bool,
}

/// Why nothing was committed. Whoever catches it learns from the variant whether to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitError {
    /// Somebody changed this resource since it was read. Read it and apply the change again.
    Stale(Key),
    /// A search of [`Commit::conditions`] would now find something else. Search again and decide again.
    Moved,
    /// This very message was committed before. Answer as it was answered; do not apply it again.
    Duplicate(MessageId),
    /// The access does not reach this resource.
    Denied(Key),
    /// A golden Patient is put together from its sources, and written by identity alone.
    ReadOnly {
        key: Key,
        /// The ids of its sources, where the caller looked.
        sources: Vec<String>,
    },
    /// The caller asked for something that cannot be, such as a replay of a message that is not there. Not to be
    /// tried again.
    Refused(&'static str),
    /// The disk is full. Nothing is lost that was acknowledged; try again when there is room.
    Full,
    /// More is waiting than the queue holds, or the lock was not to be had in time. Try again soon.
    Busy,
    /// The store failed in a way that leaves unknown what is on disk. The process must end and recover on restart.
    Broken,
}

impl CommitError {
    /// Whether the same commit, read and computed again, may succeed.
    pub fn retry(&self) -> bool {
        matches!(self, CommitError::Stale(_) | CommitError::Moved | CommitError::Full | CommitError::Busy)
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommitError::Stale(key) => {
                write!(out, "{key} changed since it was read; read it and apply the change again")
            }
            CommitError::Moved => {
                out.write_str("what this was decided on changed since it was searched; search and decide again")
            }
            CommitError::Duplicate(_) => out.write_str("this message was committed before"),
            CommitError::Denied(key) => write!(out, "the policy does not let this requester write {}", key.kind),
            CommitError::ReadOnly { key, sources } => {
                if !key.is_golden() {
                    return write!(out, "{key} is read-only: decide by Patient/$identity-decide, which writes it");
                }
                let sources = sources.iter().map(|id| format!("Patient/{id}")).collect::<Vec<_>>().join(", ");
                let named = if sources.is_empty() { String::new() } else { format!(", which are {sources}") };
                write!(
                    out,
                    "{key} is read-only: it is put together from the Patients that it links to{named}; write to those"
                )
            }
            CommitError::Refused(why) => out.write_str(why),
            CommitError::Full => out.write_str("the disk is full; make room and try again"),
            CommitError::Busy => out.write_str("the store has more to do than it takes; try again soon"),
            CommitError::Broken => {
                out.write_str("the store failed; restart the process, which recovers what is on disk")
            }
        }
    }
}

impl std::error::Error for CommitError {}
