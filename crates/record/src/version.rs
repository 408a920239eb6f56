//! What the log holds: one [`Version`] for each change of a resource, at one [`Position`].

use std::fmt;
use std::str::FromStr;

/// A place in the log. Later is greater; nothing else can be read from it, and there may be gaps.
///
/// Its text form is for cursors that live elsewhere (a page link, an event number); it means nothing in another store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub(crate) i64);

/// Microseconds since 1970 UTC. The record never reads a clock: whoever commits says what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// A resource's type and logical id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub kind: String,
    pub id: String,
}

/// One version of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub position: Position,
    pub key: Key,
    /// `meta.versionId`: 1, 2, 3 for each id; a delete counts.
    pub vid: u64,
    pub method: Method,
    /// The transaction that it was committed in: the position of that transaction's first version.
    pub transaction: Position,
    /// `meta.lastUpdated`, whole milliseconds, never running backwards along the log.
    pub time: Time,
    /// Who sent it: a configured source, a client or a peer, by name. No follower sends a change back there.
    pub origin: String,
    /// The message that made it.
    pub message: Option<MessageId>,
    /// When the event happened, by its sender (`safety.md` 6).
    pub source_time: Option<Time>,
    /// What `fhir::apply` wants to remember between changes; opaque here.
    pub state: Vec<u8>,
    /// The resource as JSON with `meta.versionId` and `meta.lastUpdated`; none after a delete or an erasure.
    pub body: Option<Vec<u8>>,
}

/// What made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    Create,
    Update,
    Delete,
}

/// A stored message, in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub i64);

impl Position {
    /// Before everything.
    pub const START: Position = Position(0);
    /// After everything that there will be.
    pub const END: Position = Position(i64::MAX);

    /// The one behind this.
    pub fn next(self) -> Position {
        Position(self.0.saturating_add(1))
    }
}

impl Key {
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Key {
        Key { kind: kind.into(), id: id.into() }
    }
}

impl Method {
    /// As stored.
    pub(crate) fn code(self) -> i64 {
        match self {
            Method::Create => 0,
            Method::Update => 1,
            Method::Delete => 2,
        }
    }

    pub(crate) fn read(code: i64) -> Method {
        match code {
            0 => Method::Create,
            1 => Method::Update,
            _ => Method::Delete,
        }
    }
}

impl Version {
    pub fn is_deleted(&self) -> bool {
        self.method == Method::Delete
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for Position {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Position, Self::Err> {
        Ok(Position(text.parse()?))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.kind, self.id)
    }
}
