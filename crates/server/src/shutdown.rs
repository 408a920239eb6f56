//! How everything learns that the process is to end: asked for by a signal, or because the store broke.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// One for the process; clones share it.
#[derive(Clone)]
pub struct Shutdown {
    draining: Arc<watch::Sender<bool>>,
    broken: Arc<AtomicBool>,
}

impl Shutdown {
    pub fn new() -> Shutdown {
        Shutdown { draining: Arc::new(watch::Sender::new(false)), broken: Arc::new(AtomicBool::new(false)) }
    }

    /// From now on nothing new is taken; what is in hand is finished and answered.
    pub fn begin(&self) {
        self.draining.send_replace(true);
    }

    /// The store no longer knows what is on disk (`record::CommitError::Broken`): drain, and end as a failure so that
    /// whoever supervises us starts us again.
    pub fn broken(&self) {
        self.broken.store(true, Ordering::SeqCst);
        self.begin();
    }

    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// True from the moment of draining; for those who wait beside other things.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// Waits until draining begins.
    pub async fn begun(&self) {
        let mut draining = self.watch();
        draining.wait_for(|draining| *draining).await.expect("the sender lives as long as `self`");
    }
}
