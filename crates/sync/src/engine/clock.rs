//! The time that a sender goes by: any clock's, as long as it goes on.

/// Time that only goes on, whatever the clock does.
#[derive(Debug, Default)]
pub struct Clock {
    last_ms: Option<u64>,
    /// Since the first event.
    pub elapsed_ms: u64,
}

impl Clock {
    pub fn at(&mut self, now_ms: u64) -> u64 {
        let passed_ms = self.last_ms.map_or(0, |last_ms| now_ms.saturating_sub(last_ms));
        self.last_ms = Some(now_ms);
        self.elapsed_ms += passed_ms;
        self.elapsed_ms
    }
}
