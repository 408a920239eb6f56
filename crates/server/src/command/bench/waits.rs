//! How long answers were waited for.

use std::time::Duration;

/// The waits of a run, from the shortest to the longest.
pub struct Waits(Vec<Duration>);

impl Waits {
    pub fn of(mut waits: Vec<Duration>) -> Waits {
        waits.sort_unstable();
        Waits(waits)
    }

    /// Milliseconds that this share of the waits is not above: 0.99 for the 99th percentile; 0 where there is none.
    pub fn ms(&self, share: f64) -> f64 {
        let index = (self.0.len() as f64 * share) as usize;
        self.0.get(index.min(self.0.len().saturating_sub(1))).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_hundred_waits() {
        let waits = Waits::of((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!([0.5, 0.95, 0.99, 1.0].map(|share| waits.ms(share)), [51.0, 96.0, 100.0, 100.0]);
        assert_eq!((Waits::of(Vec::new()).ms(0.99), waits.count()), (0.0, 100));
    }
}
