//! How fast a peer is asked: the window, the breaker, the budget of retries, the waits in between.
//!
//! A peer that is down costs one probe at a time; one that comes back is asked by one, then by two, and so on: no herd.

/// Requests in flight at once, at most.
pub const WINDOW_MAX: usize = 16;
/// The shortest and the longest wait before another try, before chance has its part ("full jitter").
pub const BACKOFF_MIN_MS: u64 = 500;
pub const BACKOFF_MAX_MS: u64 = 300_000;
/// A peer that asks to be left alone for longer is asked again after this.
pub const RETRY_AFTER_MAX_MS: u64 = 3_600_000;
/// Failures in a row that open the breaker.
const FAILURES_MAX: u32 = 5;
/// A retry costs as much as so many first tries earn: retries are at most a tenth of the traffic.
const RETRY_COST: u32 = 10;
/// What may be saved up.
const EARNED_MAX: u32 = 20 * RETRY_COST;
/// Without savings there is one retry in this time, so that the last key of all is delivered too.
const TRICKLE_MS: u64 = 1_000;

#[derive(Debug)]
pub struct Pace {
    random: Random,
    state: State,
    window: usize,
    earned: u32,
    last_retry_ms: Option<u64>,
    /// The peer asked to be left alone until then.
    held_until_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until_ms: u64, times: u32 },
    Probing { times: u32 },
}

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    Go,
    /// Nothing may, before then; without a time, before an answer comes.
    Wait(Option<u64>),
}

impl Pace {
    pub fn new(seed: u64) -> Pace {
        let state = State::Closed { failures: 0 };
        Pace { random: Random(seed), state, window: 1, earned: EARNED_MAX, last_retry_ms: None, held_until_ms: 0 }
    }

    pub fn is_broken(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// Whether one more may be in flight.
    pub fn may_go(&self, now_ms: u64, in_flight: usize) -> May {
        if now_ms < self.held_until_ms {
            return May::Wait(Some(self.held_until_ms));
        }
        match self.state {
            State::Open { until_ms, .. } if now_ms < until_ms => May::Wait(Some(until_ms)),
            State::Open { .. } => May::Go,
            State::Probing { .. } => May::Wait(None),
            State::Closed { .. } if in_flight < self.window => May::Go,
            State::Closed { .. } => May::Wait(None),
        }
    }

    /// Whether a retry is within the budget; if not, when to ask again. A probe is free: it is the only one.
    pub fn may_retry(&self, now_ms: u64) -> May {
        let trickled = self.last_retry_ms.is_none_or(|last| now_ms >= last + TRICKLE_MS);
        if self.earned >= RETRY_COST || trickled || self.is_broken() {
            return May::Go;
        }
        May::Wait(self.last_retry_ms.map(|last| last + TRICKLE_MS))
    }

    /// One went.
    pub fn went(&mut self, now_ms: u64, retry: bool) {
        if let State::Open { times, .. } = self.state {
            self.state = State::Probing { times };
        } else if retry {
            self.earned = self.earned.saturating_sub(RETRY_COST);
            self.last_retry_ms = Some(now_ms);
        } else {
            self.earned = (self.earned + 1).min(EARNED_MAX);
        }
    }

    /// The peer answered, well or with a refusal. Whether it was left alone until now.
    pub fn answered(&mut self) -> bool {
        let was_broken = self.is_broken();
        self.window = if was_broken { 1 } else { (self.window + 1).min(WINDOW_MAX) };
        self.state = State::Closed { failures: 0 };
        was_broken
    }

    /// What went was not sent after all, so that the peer said nothing: a probe is still to be made.
    pub fn was_not_asked(&mut self, now_ms: u64) {
        if let State::Probing { times } = self.state {
            self.state = State::Open { until_ms: now_ms, times };
        }
    }

    /// Nothing goes before then.
    pub fn hold(&mut self, until_ms: u64) {
        self.held_until_ms = self.held_until_ms.max(until_ms);
    }

    pub fn failed(&mut self, now_ms: u64, retry_after_ms: Option<u64>) {
        if let Some(after) = retry_after_ms {
            self.hold(now_ms + after.min(RETRY_AFTER_MAX_MS));
        }
        self.window = (self.window / 2).max(1);
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < FAILURES_MAX => State::Closed { failures: failures + 1 },
            State::Closed { .. } => self.opened(now_ms, 0),
            State::Probing { times } => self.opened(now_ms, times + 1),
            // One that was in flight when the breaker opened.
            open @ State::Open { .. } => open,
        };
    }

    fn opened(&mut self, now_ms: u64, times: u32) -> State {
        State::Open { until_ms: now_ms + self.backoff_ms(times + 1).max(BACKOFF_MIN_MS), times }
    }

    /// How long to wait before the next try, after so many.
    pub fn backoff_ms(&mut self, tries: u32) -> u64 {
        let ceiling = BACKOFF_MIN_MS.saturating_mul(1 << tries.min(20)).min(BACKOFF_MAX_MS);
        1 + self.random.below(ceiling)
    }
}

/// SplitMix64: small, and the same everywhere.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_open_the_breaker_and_one_probe_closes_it() {
        let mut pace = Pace::new(1);
        for _ in 0..FAILURES_MAX {
            assert_eq!(pace.may_go(0, 0), May::Go);
            pace.went(0, true);
            pace.failed(0, None);
        }
        let May::Wait(Some(until_ms)) = pace.may_go(0, 0) else { panic!("it is open") };
        assert!((BACKOFF_MIN_MS..=BACKOFF_MAX_MS).contains(&until_ms));
        assert_eq!(pace.may_go(until_ms, 0), May::Go);
        pace.went(until_ms, true);
        assert_eq!(pace.may_go(until_ms, 0), May::Wait(None), "one probe");
        pace.was_not_asked(until_ms);
        assert_eq!(pace.may_go(until_ms, 0), May::Go, "a probe that was not sent is made again");
        pace.went(until_ms, true);
        assert!(pace.answered() && !pace.is_broken());
        assert_eq!((pace.may_go(until_ms, 0), pace.may_go(until_ms, 1)), (May::Go, May::Wait(None)), "no herd");
    }

    #[test]
    fn retries_are_a_tenth_of_the_traffic() {
        let mut pace = Pace::new(2);
        let (mut first, mut again) = (0, 0);
        for _ in 0..10_000 {
            pace.went(0, false);
            first += 1;
            if pace.may_retry(0) == May::Go {
                pace.went(0, true);
                again += 1;
            }
        }
        assert!(again <= first / 10 + EARNED_MAX / RETRY_COST, "{again} of {first}");
        assert_eq!(pace.may_retry(TRICKLE_MS), May::Go);
    }

    #[test]
    fn a_peer_that_asks_for_it_is_left_alone_and_not_for_ever() {
        let mut pace = Pace::new(3);
        pace.failed(1_000, Some(7_000));
        assert_eq!(pace.may_go(7_999, 0), May::Wait(Some(8_000)));
        assert_eq!(pace.may_go(8_000, 0), May::Go);
        pace.failed(8_000, Some(u64::MAX / 2));
        assert_eq!(pace.may_go(8_000 + RETRY_AFTER_MAX_MS, 0), May::Go);
        for tries in 0..64 {
            assert!((1..=BACKOFF_MAX_MS).contains(&pace.backoff_ms(tries)));
        }
    }
}
