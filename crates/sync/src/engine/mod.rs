//! What a peer gets next: events in, commands out.
//!
//! ```text
//! Sender::new(Settings, Restored, seed) -> Sender
//! sender.on(now_ms, Event) -> Vec<Command>       whatever happened, and what is to be done about it
//! sender.wake_in_ms() -> Option<u64>             when it wants an Event::Tick, if nothing happens before
//! judge(&Heard) -> Answer                        what a peer's answer comes to
//! arrival(held, came) -> Arrival                 what becomes of a version that another node sent
//! ```
//!
//! Nothing here does I/O, waits, or reads a clock; the seed is its only chance. Durability is a command like any other: what
//! is to survive goes out as [`Command::Persist`], and counts from [`Event::Persisted`] on, never before. So the
//! simulation runs this very code, a thousand times faster than a network.
//!
//! Deliberately absent: what a resource says (it has a key, a version and a lane), and the store. A driver reads the log and keeps the notes.

mod answer;
mod arrival;
mod clock;
mod disk;
mod log;
mod open;
mod pace;
mod sender;

pub use answer::{Answer, Body, Heard, judge};
pub use arrival::{Arrival, arrival};
pub use pace::{BACKOFF_MAX_MS, BACKOFF_MIN_MS, RETRY_AFTER_MAX_MS, WINDOW_MAX};
pub use sender::Sender;

/// Versions that one look at the log brings at most.
pub const PAGE: usize = 256;
/// Keys that are on their way at once; the follower waits while there are more. With [`NOTED_MAX`] this is all the
/// memory that a peer takes, however far behind it is.
pub const OPEN_MAX: usize = 1_000;
/// Keys that may be parked or late. When there are as many, nothing more is parked: what is refused is tried again.
pub const NOTED_MAX: usize = 10_000;
/// Refusals after which a key is parked.
pub const REFUSALS_MAX: u32 = 3;
/// Failures of one key, while others got through, after which its lane goes on without it.
pub const LATE_AFTER: u32 = 3;
/// How long the cursor may stay behind what was delivered: what a crash lets the peer be told twice.
pub const PERSIST_AFTER_MS: u64 = 500;

/// Of one peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The peer's name: what is at home there, or came from there, is not sent to it.
    pub peer: String,
    /// Whether it gets what is at home at third parties.
    pub forward: bool,
    pub paused: bool,
}

/// One version in the log, as the driver read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub position: u64,
    /// `Patient/17`.
    pub key: String,
    pub version: u64,
    /// What travels in order: everything about one patient.
    pub lane: u64,
    pub what: What,
    /// The node that it came from; none where it was written here.
    pub origin: Option<String>,
    /// The node where it is at home; none where that is here.
    pub home: Option<String>,
    /// Of what it says, without versions and times.
    pub digest: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Put,
    Delete,
    /// Not for this peer: of another type, kept at home, or no longer the newest of its id.
    Stays,
}

/// What is known of a key that the cursor has passed and that is not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub position: u64,
    pub version: u64,
    pub deleted: bool,
    /// Waits for a person; otherwise it is tried for ever, outside its lane.
    pub parked: bool,
    /// The peer's own words.
    pub reason: String,
}

/// What a sender goes on from: what was persisted, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    pub cursor: u64,
    pub notes: Vec<(String, Note)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Time has passed.
    Tick,
    /// There is more in the log.
    Grown,
    /// What [`Command::Read`] asked for, with its `after`; `next` is the position read up to, that of the last item or further.
    Read {
        after: u64,
        items: Vec<Item>,
        next: u64,
    },
    /// The answer to the [`Command::Send`] of this ticket. Each has exactly one, a timeout included.
    Answered {
        ticket: u64,
        answer: Answer,
    },
    /// The [`Command::Persist`] of this number is on disk.
    Persisted(u64),
    /// It is not, and nothing of it is.
    NotPersisted(u64),
    Pause,
    Resume,
    /// A person wants what is parked tried again: one key, or all.
    Redrive(Option<String>),
    /// Everything is compared by sending it again: the peer has lost what it had.
    StartOver,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Read {
        after: u64,
        limit: usize,
    },
    /// If a newer version is there by now, nothing is sent, and the answer is [`Answer::Nothing`].
    Send {
        ticket: u64,
        key: String,
        version: u64,
        deleted: bool,
    },
    /// All of it in one transaction: the cursor, and notes that are kept (or, with none, kept no more).
    Persist {
        number: u64,
        cursor: u64,
        notes: Vec<(String, Option<Note>)>,
    },
}

/// How a peer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// The log is read up to here, and settled up to there.
    pub read: u64,
    pub cursor: u64,
    /// Keys that are being sent or wait for it.
    pub open: usize,
    pub in_flight: usize,
    /// Keys that are tried outside their lanes.
    pub late: usize,
    pub parked: usize,
    pub delivered: u64,
    pub retries: u64,
    /// Whether the breaker is open: the peer failed so often that it is left alone.
    pub broken: bool,
    pub paused: bool,
}
