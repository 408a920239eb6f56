//! `[subscriptions]`: to whom clients may have notifications sent, and how many subscriptions there may be.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subscriptions {
    /// The networks to which rest-hook notifications may go, or single addresses; none where it is empty.
    #[serde(deserialize_with = "super::networks")]
    pub networks: Vec<IpNet>,
    /// Subscriptions at once.
    pub max: usize,
    /// WebSockets at once.
    pub sockets_max: usize,
}

impl Default for Subscriptions {
    fn default() -> Subscriptions {
        Subscriptions { networks: Vec::new(), max: 1_000, sockets_max: 256 }
    }
}
