//! How much of large bodies is in memory at once, whoever sends them and however many connections there are.
//!
//! A small body is free. A large one waits for room before it is taken from the connection, and has it until its request
//! is answered: what is read from a body is some ten times as large as the body. All of a body's room is taken at once,
//! so that no two wait for each other.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a body may have without asking: most have less.
pub const FREE_BYTES: usize = 64 * 1024;
const KIB: usize = 1024;

/// Cheap to clone; clones share the room.
#[derive(Clone)]
pub struct Budget {
    room: Arc<Semaphore>,
    kib: usize,
}

/// Room that a body has, given back when this is dropped.
#[derive(Debug)]
pub struct Room {
    _permit: OwnedSemaphorePermit,
}

impl Budget {
    pub fn new(bytes: usize) -> Budget {
        let kib = bytes.div_ceil(KIB).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Budget { room: Arc::new(Semaphore::new(kib)), kib }
    }

    /// Waits for room for so many bytes, in the order in which it is asked for. More than there is at all is all of it.
    pub async fn room(&self, bytes: usize) -> Room {
        let kib = u32::try_from(bytes.div_ceil(KIB).min(self.kib)).expect("the budget was cut to it");
        let permit = Arc::clone(&self.room).acquire_many_owned(kib).await;
        Room { _permit: permit.expect("the semaphore is never closed") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn who_finds_no_room_waits_until_somebody_is_done() {
        let budget = Budget::new(100 * KIB);
        let (first, second) = (budget.room(60 * KIB).await, budget.room(40 * KIB).await);
        let waiting = actix_web::rt::spawn({
            let budget = budget.clone();
            async move { budget.room(50 * KIB).await }
        });
        drop(second);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "40 of 50 are not enough");
        drop(first);
        let third = waiting.await.expect("it has its room");
        drop(third);
        // One that is larger than the budget goes alone.
        drop(budget.room(usize::MAX).await);
    }
}
