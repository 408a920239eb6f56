//! A server under attack, and another client that must not feel it.

use std::fs;

use serde_json::json;

use super::http::{Fhir, Reply, ask, reference};
use super::server::Hilum;

/// Stands in hostile input and must come back in no answer and no log.
pub const CANARY: &str = "Zzyzxcanary";

/// What the process may have had in memory at its largest: bodies at their limit, some at once, as trees.
const MEMORY_KIB_MAX: u64 = 1 << 20;

pub struct Siege {
    hilum: Hilum,
    bystander: String,
}

impl Siege {
    pub fn begin() -> Siege {
        Siege::of(Hilum::start())
    }

    /// Of a server with settings of its own.
    pub fn of(hilum: Hilum) -> Siege {
        let patient = json!({ "resourceType": "Patient", "name": [{ "family": "Bystander" }] });
        let created = hilum.fhir().post("Patient", &[], &patient);
        assert_eq!(created.status, 201, "{}", created.text);
        Siege { bystander: reference(&created.json()), hilum }
    }

    pub fn hilum(&self) -> &Hilum {
        &self.hilum
    }

    pub fn fhir(&self) -> Fhir {
        self.hilum.fhir()
    }

    pub fn get(&self, path: &str) -> Reply {
        self.fhir().get(path)
    }

    pub fn post(&self, path: &str, media: &str, body: impl AsRef<[u8]>) -> Reply {
        let base = self.fhir().base;
        let url = if path.is_empty() { base } else { format!("{base}/{path}") };
        ask("POST", &url, &[("content-type", media)], body.as_ref())
    }

    /// Refused with one of these statuses and an OperationOutcome that repeats nothing.
    pub fn refused(&self, what: &str, reply: &Reply, statuses: &[u16]) {
        let start: String = reply.text.chars().take(500).collect();
        assert!(statuses.contains(&reply.status), "{what}: {} and not {statuses:?}: {start}", reply.status);
        assert_eq!(reply.json()["resourceType"], "OperationOutcome", "{what}: {start}");
        assert!(reply.json()["issue"][0]["diagnostics"].is_string(), "{what} says what to do: {start}");
        assert!(reply.text.len() < 64 * 1024, "{what} is not answered at length");
        assert!(!reply.text.contains(CANARY), "{what} is repeated: {start}");
    }

    /// How many Patients there are beside the bystander.
    pub fn strangers(&self) -> u64 {
        self.get("Patient?_summary=count").json()["total"].as_u64().expect("a total") - 1
    }

    /// The server lives, has told nothing, has not grown, and serves the bystander.
    pub fn withstood(self) {
        let read = self.get(&self.bystander);
        assert_eq!((read.status, read.json()["name"][0]["family"].as_str()), (200, Some("Bystander")), "{}", read.text);
        let log = self.hilum.log();
        for word in ["panicked", " ERROR ", CANARY] {
            assert!(!log.contains(word), "{word}:\n{log}");
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.hilum.pid())).expect("the process is there");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says its peak");
        let kib: u64 = peak.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number");
        assert!(kib < MEMORY_KIB_MAX, "{kib} KiB of memory at the peak");
    }
}
