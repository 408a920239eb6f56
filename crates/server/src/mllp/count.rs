//! What a source's conversations are counted by: plain numbers that `/metrics` reads when it is asked. They name no peer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters of one source; shared by its conversations.
#[derive(Debug, Default)]
pub struct Count {
    /// Conversations now.
    pub open: AtomicU64,
    /// Conversations since the start.
    pub accepted: AtomicU64,
    /// Frames handed to intake.
    pub frames: AtomicU64,
    /// Bytes read, envelopes and garbage included.
    pub bytes: AtomicU64,
    /// Answers that could not be written: the sender will ask again.
    pub unanswered: AtomicU64,
    refused: [AtomicU64; Refused::ALL.len()],
}

/// Why a connection or a frame was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The address is not permitted at this source.
    Peer,
    /// There are as many conversations as there may be.
    Full,
    /// TLS failed: no certificate, the wrong one, or no TLS at all.
    Tls,
    /// A frame was over the limit or cut off; its sender was told.
    Frame,
    /// No frame could be found in the stream.
    Stream,
    /// A frame did not come to its end in time.
    Slow,
}

impl Refused {
    pub const ALL: [Refused; 6] =
        [Refused::Peer, Refused::Full, Refused::Tls, Refused::Frame, Refused::Stream, Refused::Slow];

    /// The word for it, as a metric's label.
    pub fn word(self) -> &'static str {
        match self {
            Refused::Peer => "peer",
            Refused::Full => "full",
            Refused::Tls => "tls",
            Refused::Frame => "frame",
            Refused::Stream => "stream",
            Refused::Slow => "slow",
        }
    }
}

impl Count {
    pub fn refuse(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Relaxed);
    }

    pub fn refused(&self, why: Refused) -> u64 {
        self.refused[why as usize].load(Relaxed)
    }
}
