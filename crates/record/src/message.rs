//! The message store: what a source sent, byte for byte, and what became of it.

use crate::version::{MessageId, Time};

/// What a commit says about the message that caused it.
#[derive(Debug, Clone)]
pub enum Receipt {
    /// It came just now.
    New(NewMessage),
    /// It is stored and was tried again.
    Replay(Replay),
}

/// A message on its arrival.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub source: String,
    /// MSH-10. None where it is blank: such a message is never taken for a duplicate.
    pub control_id: Option<String>,
    /// MSH-9 as written, such as `ADT^A01^ADT_A01`, or another format's own word.
    pub kind: String,
    pub raw: Vec<u8>,
    pub received: Time,
    pub event_time: Option<Time>,
    /// Ids of the Patients that it speaks of, to find it by.
    pub patients: Vec<String>,
    pub trace_id: String,
    pub attempt: Attempt,
}

/// A further attempt on a stored message.
#[derive(Debug, Clone)]
pub struct Replay {
    pub message: MessageId,
    /// The mended bytes that were applied instead of the original, which stays.
    pub mended: Option<Vec<u8>>,
    pub patients: Vec<String>,
    pub attempt: Attempt,
}

/// One try to make FHIR of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub outcome: Outcome,
    /// OperationOutcome JSON, or empty.
    pub issues: Vec<u8>,
    /// The fields that no rule consumed, as the gateway writes them, or empty.
    pub residue: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its content is in the log.
    Applied,
    /// Kept for a person to look at.
    Parked,
    /// Refused to its sender, kept as evidence.
    Refused,
    /// A person decided that nothing is to be done.
    Dismissed,
}

/// A stored message without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub source: String,
    pub control_id: Option<String>,
    pub kind: String,
    pub received: Time,
    pub event_time: Option<Time>,
    pub trace_id: String,
    pub raw_bytes: u64,
    /// The bytes were pruned by age or erased.
    pub pruned: bool,
    /// Oldest first; the last one decides.
    pub attempts: Vec<Tried>,
}

/// An attempt with its time and what it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub time: Time,
    pub attempt: Attempt,
    /// How many versions it made; see [`crate::Record::made_by`].
    pub versions: u64,
}

/// Which messages to list, newest first. An absent field does not narrow.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    pub source: Option<String>,
    pub outcome: Option<Outcome>,
    pub control_id: Option<String>,
    /// The beginning of the type, such as `ADT` or `ADT^A01`.
    pub kind: Option<String>,
    pub from: Option<Time>,
    /// Exclusive.
    pub to: Option<Time>,
    /// A Patient's logical id; merged Patients are not followed.
    pub patient: Option<String>,
    /// Only messages before this one: the last of the page before.
    pub before: Option<MessageId>,
    /// At most [`MESSAGE_PAGE_MAX`].
    pub limit: usize,
}

/// The largest page of messages.
pub const MESSAGE_PAGE_MAX: usize = 1_000;

impl Outcome {
    pub const ALL: [Outcome; 4] = [Outcome::Applied, Outcome::Parked, Outcome::Refused, Outcome::Dismissed];

    /// The word for it, in lists and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Parked => "parked",
            Outcome::Refused => "refused",
            Outcome::Dismissed => "dismissed",
        }
    }

    /// As stored: its place in [`Outcome::ALL`].
    pub(crate) fn code(self) -> i64 {
        self as i64
    }

    pub(crate) fn read(code: i64) -> Outcome {
        usize::try_from(code).ok().and_then(|at| Outcome::ALL.get(at)).copied().unwrap_or(Outcome::Parked)
    }
}

impl Message {
    /// What became of it in the end.
    pub fn outcome(&self) -> Outcome {
        self.attempts.last().expect("a message is stored with its first attempt").attempt.outcome
    }
}
