//! Why a store could not be opened or read. Why a commit failed is [`crate::CommitError`].

use std::fmt;
use std::path::PathBuf;

/// The store was not opened. All of these are for the operator.
#[derive(Debug)]
pub enum OpenError {
    /// A newer Hilum wrote it; this one would not understand what it reads.
    Newer {
        found: u32,
        known: u32,
    },
    /// Another process has it open, or did not close it yet.
    Locked(PathBuf),
    Directory {
        path: PathBuf,
        why: std::io::Error,
    },
    /// The file is not a store, is damaged, or cannot be read.
    Damaged(String),
    /// The operating system gave no random bytes for the id key.
    NoRandom,
}

/// Nothing was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// More is waiting than the queue holds. Try again soon.
    Busy,
    /// The page link is not one of ours.
    BadPage,
    /// The page link is older than what is kept (an hour). Search again.
    Expired,
    /// The search looks at resources of a type that the access does not reach.
    Forbidden(&'static str),
    /// Nothing here knows the answer: a value set that is not on this server, an index that is not kept. The issue is for
    /// the client.
    Unanswerable(Box<fhir::Issue>),
    /// The search would cost more than one may. The text says what to do.
    TooCostly(&'static str),
    /// The search took longer than one may.
    OutOfTime,
    /// The store could not be read; details are in the log.
    Broken,
}

impl fmt::Display for OpenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Newer { found, known } => write!(
                out,
                "the store has schema version {found} and this program knows {known}; start the newer program, or \
                 restore a backup made with this one"
            ),
            OpenError::Locked(path) => {
                write!(out, "{} is in use by another process; stop it or choose another directory", path.display())
            }
            OpenError::Directory { path, why } => write!(out, "cannot use the directory {}: {why}", path.display()),
            OpenError::Damaged(why) => write!(out, "cannot open the store: {why}; restore a backup"),
            OpenError::NoRandom => out.write_str("the operating system gives no random bytes for the id key"),
        }
    }
}

impl std::error::Error for OpenError {}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            ReadError::Forbidden(kind) => {
                return write!(out, "the search looks at {kind}, which the policy does not let this requester read");
            }
            ReadError::Unanswerable(issue) => &issue.text,
            ReadError::TooCostly(text) => text,
            ReadError::OutOfTime => {
                "the search takes longer than one may (search.seconds): narrow it, by a patient, a code or a date"
            }
            ReadError::Busy => "the store has more to read than it takes; try again soon",
            ReadError::BadPage => "this page link was not made here; begin the search again",
            ReadError::Expired => "this page link is too old; begin the search again",
            ReadError::Broken => "the store could not be read; the log says why",
        })
    }
}

impl std::error::Error for ReadError {}
