//! What the conversations of a source are counted by. Labels are the source's name and words of ours; no peer is named.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::strangers::Strangers;

/// The counters of one source; shared by its conversations.
#[derive(Debug)]
pub struct Count {
    /// Conversations now.
    pub open: IntGauge,
    /// Conversations since the start.
    pub accepted: IntCounter,
    /// Frames handed to intake.
    pub frames: IntCounter,
    /// Bytes read, envelopes and garbage included.
    pub bytes: IntCounter,
    /// Answers that could not be written: the sender will ask again.
    pub unanswered: IntCounter,
    refused: IntCounterVec,
    /// Who was refused for its address.
    pub strangers: Strangers,
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
    fn word(self) -> &'static str {
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
    pub fn of(source: &str) -> Count {
        let opts = |name: &str, help: &str| Opts::new(name, help).const_label("source", source);
        let counter = |name: &str, help: &str| IntCounter::with_opts(opts(name, help)).expect("a valid name");
        Count {
            open: IntGauge::with_opts(opts("hilum_mllp_connections", "MLLP connections that are open"))
                .expect("a valid name"),
            accepted: counter("hilum_mllp_connections_total", "MLLP connections that were let in"),
            frames: counter("hilum_mllp_frames_total", "MLLP frames that were taken"),
            bytes: counter("hilum_mllp_bytes_total", "bytes that were read over MLLP"),
            unanswered: counter("hilum_mllp_unanswered_total", "answers that could not be written"),
            refused: IntCounterVec::new(
                opts("hilum_mllp_refused_total", "MLLP connections and frames that were not taken, by reason"),
                &["reason"],
            )
            .expect("a valid name"),
            strangers: Strangers::default(),
        }
    }

    /// Shows the counters to `/metrics`. Once for each source.
    pub fn register(&self, registry: &Registry) {
        let plain = [&self.accepted, &self.frames, &self.bytes, &self.unanswered];
        let mut collectors: Vec<Box<dyn Collector>> = vec![Box::new(self.open.clone()), Box::new(self.refused.clone())];
        collectors.extend(plain.map(|counter| Box::new(counter.clone()) as Box<dyn Collector>));
        for collector in collectors {
            registry.register(collector).expect("sources have different names");
        }
    }

    pub fn refuse(&self, why: Refused) {
        self.refused.with_label_values(&[why.word()]).inc();
    }

    #[cfg(test)]
    pub fn refused(&self, why: Refused) -> u64 {
        self.refused.with_label_values(&[why.word()]).get()
    }
}

/// A conversation that is counted as open for as long as this lives.
#[derive(Debug)]
pub struct Open<'a>(&'a Count);

impl Open<'_> {
    pub fn of(count: &Count) -> Open<'_> {
        count.open.inc();
        count.accepted.inc();
        Open(count)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sources_stand_beside_each_other() {
        let registry = Registry::new();
        let (ward, lab) = (Count::of("ward"), Count::of("lab"));
        ward.register(&registry);
        lab.register(&registry);
        ward.refuse(Refused::Peer);
        lab.frames.inc_by(3);
        let open = Open::of(&lab);
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).expect("it encodes");
        for line in [
            r#"hilum_mllp_refused_total{reason="peer",source="ward"} 1"#,
            r#"hilum_mllp_frames_total{source="lab"} 3"#,
            r#"hilum_mllp_connections{source="lab"} 1"#,
            r#"hilum_mllp_connections{source="ward"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        drop(open);
        assert_eq!((lab.open.get(), lab.accepted.get()), (0, 1));
    }
}
