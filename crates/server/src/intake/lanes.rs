//! One message at a time for each patient, in order of arrival.
//!
//! A lane is a fair lock, chosen by a hash of the patient's id. A message that speaks of several patients (a merge)
//! enters all their lanes, in ascending order, so that no two messages wait for each other.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Enough that two patients seldom share one.
const LANES: usize = 1024;

pub struct Lanes(Vec<Arc<Mutex<()>>>);

impl Lanes {
    pub fn new() -> Lanes {
        Lanes((0..LANES).map(|_| Arc::new(Mutex::new(()))).collect())
    }

    /// Waits for all who came before with any of these patients.
    pub async fn enter(&self, patients: &[String]) -> Vec<OwnedMutexGuard<()>> {
        let mut lanes: Vec<usize> = patients.iter().map(|patient| lane(patient)).collect();
        lanes.sort_unstable();
        lanes.dedup();
        let mut held = Vec::with_capacity(lanes.len());
        for lane in lanes {
            held.push(Arc::clone(&self.0[lane]).lock_owned().await);
        }
        held
    }
}

fn lane(patient: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    patient.hash(&mut hasher);
    (hasher.finish() % LANES as u64) as usize
}
