//! `[bulk]`: exports and imports that are made in the background, and what they may take.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bulk {
    /// Exports and imports that are kept or under way; more are told to come again.
    pub jobs_max: usize,
    /// Hours that the files are kept after its end.
    pub keep_hours: u32,
    /// Bytes of all of them together.
    pub bytes_max: u64,
    /// Bytes of one file; a type that has more is given in several.
    pub file_bytes_max: u64,
    /// Networks from which `$import` may fetch; none: nothing is fetched.
    #[serde(deserialize_with = "super::networks")]
    pub import_networks: Vec<IpNet>,
}

impl Default for Bulk {
    fn default() -> Bulk {
        Bulk {
            jobs_max: 32,
            keep_hours: 24,
            bytes_max: 64 << 30,
            file_bytes_max: 512 << 20,
            import_networks: Vec::new(),
        }
    }
}
