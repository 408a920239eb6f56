//! What the server counts, for Prometheus. Labels are names of ours from short lists: never a patient's data, never an
//! id, and nothing that a sender can make up.

mod peers;

use std::time::Duration;

use identity::linkage::{By, Verdict};
use identity::worker::Standing;
use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, exponential_buckets,
};

/// Shared by clones.
#[derive(Clone)]
pub struct Metrics {
    pub registry: Registry,
    messages: IntCounterVec,
    ack_seconds: HistogramVec,
    /// Messages taken and not answered yet.
    pub messages_in_hand: IntGauge,
    http_requests: IntCounterVec,
    http_seconds: Histogram,
    /// HTTP requests taken and not answered yet.
    pub http_in_hand: IntGauge,
    log_position: IntGauge,
    store_bytes: IntGauge,
    messages_stored: IntGaugeVec,
    identity: Identity,
    pub peers: peers::Peers,
}

/// Of who is one person.
#[derive(Clone)]
struct Identity {
    decisions: IntGaugeVec,
    undone: IntGauge,
    registrations: IntGauge,
    joined: IntGauge,
    warming: IntGauge,
    followed: IntGauge,
    review_oldest: IntGauge,
}

impl Identity {
    fn new() -> Identity {
        let well = "the names and labels are valid and given once";
        let gauge = |name: &str, help: &str| IntGauge::new(name, help).expect(well);
        let decisions = Opts::new(
            "hilum_identity_decisions",
            "pairs of patients, by what is decided of them and by whom; those possible wait for a person",
        );
        Identity {
            decisions: IntGaugeVec::new(decisions, &["decision", "by"]).expect(well),
            undone: gauge("hilum_identity_links_undone_total", "links that a person took back since the start"),
            registrations: gauge("hilum_identity_registrations", "patients of sources in the index"),
            joined: gauge("hilum_identity_joined", "people with more than one source"),
            warming: gauge(
                "hilum_identity_warming",
                "1 while the index is being made and nobody is told who is one person",
            ),
            followed: gauge("hilum_identity_log_position", "the log is followed up to here"),
            review_oldest: gauge(
                "hilum_identity_review_oldest_seconds",
                "how long the oldest pair waits for a person; 0 where none does",
            ),
        }
    }

    fn all(&self) -> [Box<dyn Collector>; 7] {
        [
            Box::new(self.decisions.clone()),
            Box::new(self.undone.clone()),
            Box::new(self.registrations.clone()),
            Box::new(self.joined.clone()),
            Box::new(self.warming.clone()),
            Box::new(self.followed.clone()),
            Box::new(self.review_oldest.clone()),
        ]
    }
}

/// The type of a message that is none of the standard's.
const OTHER: &str = "other";

impl Metrics {
    pub fn new() -> Metrics {
        let opts = |name: &str, help: &str| Opts::new(name, help);
        let seconds = |name: &str, help: &str| {
            let buckets = exponential_buckets(0.001, 2.0, 14).expect("a start and a factor above 0 and 1");
            HistogramOpts::new(name, help).buckets(buckets)
        };
        let well = "the names and labels are valid and given once";
        let metrics = Metrics {
            registry: Registry::new(),
            messages: IntCounterVec::new(
                opts("hilum_messages_total", "messages that were answered, by what became of them"),
                &["source", "type", "outcome"],
            )
            .expect(well),
            ack_seconds: HistogramVec::new(
                seconds("hilum_ack_seconds", "from a message's last byte to its answer"),
                &["source"],
            )
            .expect(well),
            messages_in_hand: IntGauge::with_opts(opts(
                "hilum_messages_in_hand",
                "messages taken and not answered yet",
            ))
            .expect(well),
            http_requests: IntCounterVec::new(
                opts("hilum_http_requests_total", "HTTP requests, by route and status"),
                &["route", "method", "status"],
            )
            .expect(well),
            http_seconds: Histogram::with_opts(seconds("hilum_http_seconds", "from a request's head to its answer"))
                .expect(well),
            http_in_hand: IntGauge::with_opts(opts("hilum_http_in_hand", "HTTP requests taken and not answered yet"))
                .expect(well),
            log_position: IntGauge::with_opts(opts("hilum_log_position", "versions in the log")).expect(well),
            store_bytes: IntGauge::with_opts(opts("hilum_store_bytes", "bytes of the store on disk")).expect(well),
            messages_stored: IntGaugeVec::new(
                opts("hilum_messages_stored", "messages in the store, by what became of them"),
                &["outcome"],
            )
            .expect(well),
            identity: Identity::new(),
            peers: peers::Peers::new(),
        };
        let all: [Box<dyn Collector>; 9] = [
            Box::new(metrics.messages.clone()),
            Box::new(metrics.ack_seconds.clone()),
            Box::new(metrics.messages_in_hand.clone()),
            Box::new(metrics.http_requests.clone()),
            Box::new(metrics.http_seconds.clone()),
            Box::new(metrics.http_in_hand.clone()),
            Box::new(metrics.log_position.clone()),
            Box::new(metrics.store_bytes.clone()),
            Box::new(metrics.messages_stored.clone()),
        ];
        for collector in all.into_iter().chain(metrics.identity.all()).chain(metrics.peers.all()) {
            metrics.registry.register(collector).expect(well);
        }
        metrics
    }

    /// A message was answered. `kind` and `trigger` are MSH-9's; what the standard does not know is counted as `other`,
    /// because a sender can write there what it likes.
    pub fn message(&self, source: &str, kind: &str, trigger: &str, outcome: &str, took: Duration) {
        let known = hl7v2::structure(kind, trigger).is_some();
        let message_type = if known { format!("{kind}_{trigger}") } else { OTHER.to_owned() };
        self.messages.with_label_values(&[source, message_type.as_str(), outcome]).inc();
        self.ack_seconds.with_label_values(&[source]).observe(took.as_secs_f64());
    }

    /// An HTTP request was answered. `route` is the pattern of the path, not the path.
    pub fn request(&self, route: &str, method: &str, status: u16, took: Duration) {
        self.http_requests.with_label_values(&[route, method, status.to_string().as_str()]).inc();
        self.http_seconds.observe(took.as_secs_f64());
    }

    /// What the store says of itself, asked when somebody wants to know.
    pub fn stored(&self, counts: &record::Counts) {
        self.log_position.set(gauge(counts.versions));
        self.store_bytes.set(gauge(counts.disk_bytes));
        for (outcome, count) in &counts.messages {
            self.messages_stored.with_label_values(&[outcome.word()]).set(gauge(*count));
        }
    }

    /// How things stand with who is one person, and for how many seconds the oldest pair waits for a person.
    pub fn identity(&self, standing: &Standing, oldest_seconds: u64) {
        for verdict in Verdict::ALL {
            for (kind, by) in By::KINDS.into_iter().enumerate() {
                let count = standing.decisions.of(verdict, kind);
                self.identity.decisions.with_label_values(&[verdict.code(), by]).set(gauge(count as u64));
            }
        }
        self.identity.undone.set(gauge(standing.undone));
        self.identity.registrations.set(gauge(standing.registrations as u64));
        self.identity.joined.set(gauge(standing.joined as u64));
        self.identity.warming.set(i64::from(standing.warming));
        self.identity.followed.set(standing.followed.to_string().parse().unwrap_or_default());
        self.identity.review_oldest.set(gauge(oldest_seconds));
    }
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// One more in hand, until it is dropped: also when whoever waits for it goes away.
pub struct InHand(IntGauge);

impl InHand {
    pub fn of(gauge: &IntGauge) -> InHand {
        gauge.inc();
        InHand(gauge.clone())
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_cannot_make_up_labels() {
        let metrics = Metrics::new();
        for (kind, trigger) in [("ADT", "A01"), ("SMITH", "JOHN"), ("", "")] {
            metrics.message("acme", kind, trigger, "applied", Duration::from_millis(3));
        }
        let text = prometheus::TextEncoder::new().encode_to_string(&metrics.registry.gather()).expect("it encodes");
        assert!(text.contains(r#"hilum_messages_total{outcome="applied",source="acme",type="ADT_A01"} 1"#), "{text}");
        assert!(text.contains(r#"type="other"} 2"#) && !text.contains("SMITH"), "{text}");
    }
}
