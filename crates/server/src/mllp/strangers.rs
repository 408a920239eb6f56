//! Who was refused because of its address: listed by address and how often, and by nothing else, because nothing else was read.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Addresses that knocked; at most [`ADDRESSES_MAX`], the first that came.
#[derive(Debug, Default)]
pub struct Strangers {
    seen: Mutex<HashMap<IpAddr, u64>>,
}

pub const ADDRESSES_MAX: usize = 1_000;

impl Strangers {
    /// Notes one more refusal; gives how many there were of this address when that is worth a line in the log: at the first, second, fourth,
    /// eighth … time, so that a port scan cannot fill a disk.
    pub fn note(&self, peer: IpAddr) -> Option<u64> {
        let mut seen = self.seen();
        if seen.len() >= ADDRESSES_MAX && !seen.contains_key(&peer) {
            return None;
        }
        let times = seen.entry(peer).or_default();
        *times += 1;
        times.is_power_of_two().then_some(*times)
    }

    /// Who was refused and how often, by address.
    pub fn list(&self) -> Vec<(IpAddr, u64)> {
        let mut list: Vec<_> = self.seen().iter().map(|(peer, times)| (*peer, *times)).collect();
        list.sort();
        list
    }

    /// A panic elsewhere leaves the counts as they were.
    fn seen(&self) -> MutexGuard<'_, HashMap<IpAddr, u64>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_fills_neither_log_nor_memory() {
        let strangers = Strangers::default();
        let told: Vec<u64> = (0..100).filter_map(|_| strangers.note(IpAddr::from([10, 0, 0, 1]))).collect();
        assert_eq!(told, [1, 2, 4, 8, 16, 32, 64]);
        for number in 0..5_000_u32 {
            strangers.note(IpAddr::from(number.to_be_bytes()));
        }
        let list = strangers.list();
        assert_eq!(list.len(), ADDRESSES_MAX);
        assert!(list.contains(&(IpAddr::from([10, 0, 0, 1]), 100)));
        assert_eq!(strangers.note(IpAddr::from([172, 16, 0, 1])), None);
    }
}
