//! What is to be done next for one subscription. Time is in milliseconds of any clock that does not run backwards.
//!
//! ```text
//! machine.next(now, there is more in the log) -> Step      what is to be done
//! machine.numbered(cursor, count)                          the log was looked at: so many events, which have their numbers now
//! machine.taken(now, to) / failed(now, …)                  what became of a step that sends
//! ```
//!
//! Whoever drives it writes [`State`] down after `numbered` and before anything of it is sent. So an event that was sent has its
//! number for ever, and one that was taken is at most sent once more.

use super::channel::Pace;
use super::state::{State, Status};

/// Failures in a row after which the subscription says `error`.
pub const ERROR_AFTER: u32 = 3;
/// The first wait is up to so long, each further one up to twice as long as the one before.
const DELAY_FIRST_MS: u64 = 500;
const DELAY_MAX_MS: u64 = 300_000;
/// A receiver that asks to be left alone for longer is asked then all the same.
const RETRY_AFTER_MAX_MS: u64 = 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask the receiver whether he is there.
    Handshake,
    /// Send the events of these numbers.
    Send { from: u64, to: u64 },
    /// Look further in the log.
    Look,
    /// Tell that we live.
    Heartbeat,
    /// Until something happens, or this time.
    Wait { until: Option<u64> },
    /// It is off, or its end has come.
    End,
}

#[derive(Debug, Clone)]
pub struct Machine {
    pub state: State,
    pace: Pace,
    /// Whether events are given to a receiver that takes them or not, or lie ready to be fetched.
    pushes: bool,
    shakes_hands: bool,
    /// The end of the subscription.
    end: Option<u64>,
    failures: u32,
    not_before: u64,
    heard: u64,
}

impl Machine {
    pub fn new(state: State, pace: Pace, pushes: bool, shakes_hands: bool, end: Option<u64>, now: u64) -> Machine {
        let mut machine = Machine { state, pace, pushes, shakes_hands, end, failures: 0, not_before: 0, heard: now };
        if machine.state.status == Status::Requested && !shakes_hands {
            machine.state.status = Status::Active;
        }
        machine
    }

    pub fn next(&self, now: u64, more: bool) -> Step {
        if self.state.status == Status::Off || self.end.is_some_and(|end| end <= now) {
            return Step::End;
        }
        if now < self.not_before {
            return self.wait(Some(self.not_before));
        }
        if self.state.status == Status::Requested {
            return Step::Handshake;
        }
        if self.pushes && self.state.sent < self.state.events {
            let from = self.state.sent + 1;
            return Step::Send { from, to: self.state.events.min(self.state.sent + self.pace.count_max) };
        }
        if more {
            return Step::Look;
        }
        let beat = self.pace.heartbeat_ms.filter(|_| self.pushes).map(|every| self.heard + every);
        if beat.is_some_and(|beat| beat <= now) {
            return Step::Heartbeat;
        }
        self.wait(beat)
    }

    fn wait(&self, until: Option<u64>) -> Step {
        Step::Wait { until: [until, self.end].into_iter().flatten().min() }
    }

    /// Events that may be numbered at once: as many as one notification holds.
    pub fn room(&self) -> usize {
        usize::try_from(self.pace.count_max).unwrap_or(usize::MAX)
    }

    /// The log was looked at up to a position, and so many events were found. The number of the first of them.
    pub fn numbered(&mut self, cursor: i64, count: usize) -> u64 {
        let first = self.state.events + 1;
        self.state.cursor = cursor.max(self.state.cursor);
        self.state.events += count as u64;
        if !self.pushes {
            self.state.sent = self.state.events;
        }
        first
    }

    /// The receiver took what he was sent. Whether the status changed.
    pub fn taken(&mut self, now: u64, to: Option<u64>) -> bool {
        (self.failures, self.not_before, self.heard) = (0, now, now);
        if let Some(to) = to {
            self.state.sent = to.clamp(self.state.sent, self.state.events);
        }
        self.state.error.clear();
        let changed = self.state.status != Status::Active;
        self.state.status = Status::Active;
        changed
    }

    /// He did not. Whether that is to be told now. `random` is any number.
    pub fn failed(&mut self, now: u64, retry_after: Option<u64>, random: u64, why: String) -> bool {
        self.failures = self.failures.saturating_add(1);
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX_MS);
        self.not_before = now + delay_ms(self.failures, random).max(asked);
        self.state.error = why;
        // Who has never answered has not agreed either: he stays `requested` while he is asked again.
        if self.failures >= ERROR_AFTER && self.state.status == Status::Active {
            self.state.status = Status::Error;
        }
        self.failures == ERROR_AFTER
    }

    /// Whether the receiver has to be asked first.
    pub fn shakes_hands(&self) -> bool {
        self.shakes_hands
    }
}

/// Full jitter: anything up to a bound that doubles with each failure in a row.
pub fn delay_ms(failures: u32, random: u64) -> u64 {
    let doubled = DELAY_FIRST_MS.checked_shl(failures.saturating_sub(1).min(32)).unwrap_or(DELAY_MAX_MS);
    random % doubled.min(DELAY_MAX_MS) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { heartbeat_ms: Some(1_000), timeout_ms: 1, count_max: 2 };

    fn machine(shakes_hands: bool) -> Machine {
        Machine::new(State::new("a", 10), PACE, true, shakes_hands, None, 0)
    }

    #[test]
    fn hands_are_shaken_first_then_events_go_in_order_and_before_more_are_looked_for() {
        let mut machine = machine(true);
        assert_eq!(machine.next(5, true), Step::Handshake);
        assert!(machine.taken(5, None), "it is active now");
        assert_eq!(machine.next(5, true), Step::Look);
        assert_eq!(machine.numbered(20, 3), 1);
        assert_eq!(machine.next(5, true), Step::Send { from: 1, to: 2 });
        assert!(!machine.taken(6, Some(2)));
        assert_eq!(machine.next(6, true), Step::Send { from: 3, to: 3 });
        machine.taken(7, Some(3));
        assert_eq!((machine.next(7, true), machine.numbered(30, 0)), (Step::Look, 4));
        assert_eq!(machine.next(8, false), Step::Wait { until: Some(1_007) });
        assert_eq!(machine.next(1_007, false), Step::Heartbeat);
    }

    #[test]
    fn who_fails_waits_longer_and_is_never_given_up() {
        let mut machine = machine(false);
        machine.numbered(20, 1);
        let (mut now, mut changes) = (0, 0);
        for failure in 1..200 {
            assert_eq!(machine.next(now, true), Step::Send { from: 1, to: 1 }, "failure {failure}");
            changes += u32::from(machine.failed(now, None, u64::MAX, "answered 500".to_owned()));
            let Step::Wait { until: Some(until) } = machine.next(now, true) else { panic!("it must wait") };
            assert!((1..=300_000).contains(&(until - now)), "{failure}: {until} {now}");
            now = until;
        }
        assert_eq!((changes, machine.state.status), (1, Status::Error));
        assert!(machine.taken(now, Some(1)) && machine.state.error.is_empty());
        machine.numbered(30, 1);
        machine.failed(now, Some(7_000), 0, String::new());
        assert_eq!(machine.next(now, true), Step::Wait { until: Some(now + 7_000) }, "he said when");
        machine.failed(now, Some(u64::MAX), 0, String::new());
        assert_eq!(machine.next(now, true), Step::Wait { until: Some(now + 3_600_000) });
    }

    #[test]
    fn what_is_off_or_over_ends() {
        let mut machine = machine(false);
        machine.end = Some(50);
        assert_eq!(machine.next(8, false), Step::Wait { until: Some(50) });
        assert_eq!(machine.next(50, true), Step::End);
        machine.end = None;
        machine.state.status = Status::Off;
        assert_eq!(machine.next(8, true), Step::End);
    }

    #[test]
    fn what_is_fetched_is_not_sent() {
        let mut machine = Machine::new(State::new("a", 10), PACE, false, false, None, 0);
        machine.numbered(12, 2);
        assert_eq!(machine.next(9_000, false), Step::Wait { until: None });
        assert_eq!(machine.state.sent, 2);
    }

    #[test]
    fn waits_are_of_full_jitter() {
        for (failures, bound) in [(1, 500), (2, 1_000), (5, 8_000), (11, 300_000), (1_000, 300_000)] {
            assert_eq!(delay_ms(failures, bound - 1), bound);
            assert_eq!(delay_ms(failures, bound), 1);
        }
    }
}
