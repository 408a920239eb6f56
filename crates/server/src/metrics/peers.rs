//! What is counted of the servers that records travel to; by the peer's name, which the operator gave or the node has.

use prometheus::core::Collector;
use prometheus::{IntGaugeVec, Opts};
use sync::driver::Told;

use super::gauge;

#[derive(Clone)]
pub struct Peers {
    behind: IntGaugeVec,
    pending: IntGaugeVec,
    late: IntGaugeVec,
    parked: IntGaugeVec,
    delivered: IntGaugeVec,
    retries: IntGaugeVec,
    unreachable: IntGaugeVec,
}

impl Peers {
    pub fn new() -> Peers {
        let gauges = |name: &str, help: &str| {
            IntGaugeVec::new(Opts::new(name, help), &["peer"]).expect("the names and labels are valid and given once")
        };
        Peers {
            behind: gauges("hilum_sync_behind", "versions in the log behind the peer's cursor"),
            pending: gauges("hilum_sync_pending", "resources that are being sent or wait for it"),
            late: gauges("hilum_sync_late", "resources that the peer fails at, which are tried again and again"),
            parked: gauges("hilum_sync_parked", "resources that the peer refused, which wait for a person"),
            delivered: gauges("hilum_sync_delivered_total", "resources delivered since the start"),
            retries: gauges("hilum_sync_retries_total", "requests that were a repetition, since the start"),
            unreachable: gauges("hilum_sync_unreachable", "1 while the peer failed so often that it is left alone"),
        }
    }

    pub fn all(&self) -> [Box<dyn Collector>; 7] {
        [&self.behind, &self.pending, &self.late, &self.parked, &self.delivered, &self.retries, &self.unreachable]
            .map(|gauges| Box::new(gauges.clone()) as Box<dyn Collector>)
    }

    /// How they stand now; one that was removed is not told of any more.
    pub fn stand(&self, peers: &[(String, Told)]) {
        let all =
            [&self.behind, &self.pending, &self.late, &self.parked, &self.delivered, &self.retries, &self.unreachable];
        all.iter().for_each(|gauges| gauges.reset());
        for (name, told) in peers {
            let standing = &told.standing;
            let counts = [
                told.end.saturating_sub(standing.cursor),
                standing.open as u64,
                standing.late as u64,
                standing.parked as u64,
                standing.delivered,
                standing.retries,
                u64::from(standing.broken),
            ];
            for (gauges, count) in all.iter().zip(counts) {
                gauges.with_label_values(&[name.as_str()]).set(gauge(count));
            }
        }
    }
}
