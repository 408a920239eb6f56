//! A key that is on its way to the peer: which version, and how often it was tried.

use super::Note;

/// Of one key.
#[derive(Debug)]
pub struct Open {
    pub position: u64,
    pub version: u64,
    pub deleted: bool,
    pub lane: Option<u64>,
    pub state: State,
    /// What was read while this was in flight.
    pub newer: Option<(u64, u64, bool)>,
    pub tries: u32,
    pub refusals: u32,
    /// Failures while others got through, and what was delivered at the last.
    pub own_failures: u32,
    pub delivered_then: u64,
    /// What stands in its note, on disk or on the way there.
    pub note: Option<Note>,
}

/// What it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Waiting,
    Flying,
    /// Is in the timers.
    Resting,
    /// Its note is being written; then it leaves its lane.
    Noting,
    Parked,
}

impl Open {
    pub fn new(position: u64, version: u64, deleted: bool, lane: Option<u64>) -> Open {
        Open {
            position,
            version,
            deleted,
            lane,
            state: State::Waiting,
            newer: None,
            tries: 0,
            refusals: 0,
            own_failures: 0,
            delivered_then: 0,
            note: None,
        }
    }

    /// It is tried as if it never had been; that it was before is not forgotten by the budget of retries.
    pub fn again(&mut self) {
        (self.state, self.refusals, self.own_failures) = (State::Waiting, 0, 0);
    }
}
