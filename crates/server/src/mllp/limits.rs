//! The bounds of a conversation. Each is configuration; the defaults suit a clinic's interface engine.

use std::time::Duration;

/// What a source's peers may take of us.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Frame bytes, trailer and what is read without an envelope.
    pub frame: hl7v2::mllp::Options,
    /// Conversations of this source at once; default 64. With frames of 64 MiB they may hold 4 GiB, if all their peers send such.
    pub connections_max: usize,
    /// Without a byte between frames; default 10 minutes. A sender that was silent longer connects again.
    pub idle: Duration,
    /// Between the first byte of a frame and its last; default 30 seconds, and one second more for each [`FRAME_BYTES_A_SECOND`]
    /// that came, so that a scan over a thin line passes and a byte now and then does not.
    pub half_frame: Duration,
    /// Silence after which a frame without its trailer, or a message without an envelope, is taken as ended; default 1 second.
    pub quiet: Duration,
    /// Until the peer has taken an answer off the line; default 30 seconds.
    pub write: Duration,
    /// Until TLS stands; default 10 seconds.
    pub handshake: Duration,
    /// How long a farewell waits for the peer to close its side; default 1 second.
    pub farewell: Duration,
}

/// The slowest that a frame may come: 16 KiB a second, so that the largest frame of the defaults has 69 minutes.
pub const FRAME_BYTES_A_SECOND: u64 = 16 << 10;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            frame: hl7v2::mllp::Options::default(),
            connections_max: 64,
            idle: Duration::from_secs(600),
            half_frame: Duration::from_secs(30),
            quiet: Duration::from_secs(1),
            write: Duration::from_secs(30),
            handshake: Duration::from_secs(10),
            farewell: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// How long a frame of which so many bytes came may have been under way.
    pub fn frame_time(&self, bytes: u64) -> Duration {
        self.half_frame + Duration::from_secs(bytes / FRAME_BYTES_A_SECOND)
    }
}
