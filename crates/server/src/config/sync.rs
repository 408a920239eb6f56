//! `[sync]`: which other servers may be reached. Who they are is said while it runs (`hilum peer add`).

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sync {
    /// Networks, or single addresses, in which peers may be. Where requesters on this machine are let in, peers on this
    /// machine may be reached too.
    #[serde(deserialize_with = "super::networks")]
    pub networks: Vec<IpNet>,
}
