//! The site's rules, and the one place where an `Access` is made.
//!
//! A policy is immutable: a changed rule is a new policy, swapped whole by whoever holds it, so that one request is
//! judged by one policy from its beginning to its end.

use crate::access::{Access, Reach};

/// The rules of this installation.
#[derive(Debug, Clone)]
pub struct Policy {
    demo: bool,
}

/// Who is asking, as `auth` or the server's listener established it. Nothing here is taken on trust from the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requester {
    /// Nobody proved anything.
    Anonymous,
    /// A connection from this machine to a server started as a demonstration.
    Loopback,
    /// A client or user whose credential was verified, by its registered name.
    Authenticated { client: String },
}

/// Why the data is wanted (HL7 PurposeOfUse). The site policy treats all alike for now, yet a decision without a
/// purpose cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Treatment,
    Payment,
    Operations,
    PatientRequest,
}

impl Policy {
    /// The shipped default: authenticated requesters may read and write everything, everybody else nothing.
    pub fn site() -> Policy {
        Policy { demo: false }
    }

    /// The site policy, and requesters on this machine's loopback are let in too. Only for `serve --demo`, which
    /// listens nowhere else.
    pub fn demo() -> Policy {
        Policy { demo: true }
    }

    /// The decision for a request from outside.
    pub fn access(&self, requester: &Requester, _purpose: Purpose) -> Access {
        match requester {
            Requester::Authenticated { client } => Access::new(client.as_str(), Reach::Everything, Reach::Everything),
            Requester::Loopback if self.demo => Access::new("loopback", Reach::Everything, Reach::Everything),
            Requester::Loopback | Requester::Anonymous => Access::nobody(),
        }
    }
}

/// The gateway's own parts, each with an access of its own. This list is complete: what works without a requester is
/// named here or does not work. A test holds the list.
impl Policy {
    /// Filing what a configured source sent: reads what it merges with, writes what the message says.
    pub fn intake(&self) -> Access {
        Access::new("intake", Reach::Everything, Reach::Everything)
    }

    /// Saying which Patients are one person: reads Patients and decisions, writes decisions and golden Patients, and no source.
    pub fn identity(&self) -> Access {
        let kinds = Reach::Kinds(["Linkage", "Patient"].map(str::to_owned).into());
        Access::new("identity", kinds.clone(), kinds).writing_golden()
    }

    /// Sending what the log holds to another server: reads, never writes.
    pub fn peer(&self) -> Access {
        Access::new("peer", Reach::Everything, Reach::Nothing)
    }

    /// Sending what the log holds to a record system over HL7 v2: reads, never writes.
    pub fn feed(&self) -> Access {
        Access::new("feed", Reach::Everything, Reach::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Requester {
        Requester::Authenticated { client: "ward-app".to_owned() }
    }

    #[test]
    fn the_default_is_no() {
        let everybody = [Requester::Anonymous, Requester::Loopback];
        for requester in everybody {
            let access = Policy::site().access(&requester, Purpose::Treatment);
            assert!(access.is_nobody(), "{requester:?}");
            assert!(!access.read().covers("Patient") && !access.write().covers("Patient"));
        }
        assert!(Access::nobody().is_nobody());
    }

    #[test]
    fn an_authenticated_client_is_named_in_its_access() {
        let access = Policy::site().access(&client(), Purpose::Treatment);
        assert_eq!(access.who(), "ward-app");
        assert!(access.read().covers("Observation") && access.write().covers("Observation"));
    }

    #[test]
    fn loopback_is_let_in_only_by_the_demonstration() {
        assert!(!Policy::demo().access(&Requester::Loopback, Purpose::Treatment).is_nobody());
        assert!(Policy::demo().access(&Requester::Anonymous, Purpose::Treatment).is_nobody());
    }

    #[test]
    fn a_feed_writes_nothing() {
        let feed = Policy::site().feed();
        assert_eq!((feed.read(), feed.write()), (&Reach::Everything, &Reach::Nothing));
        let peer = Policy::site().peer();
        assert_eq!((peer.read(), peer.write()), (&Reach::Everything, &Reach::Nothing));
    }

    /// A new constructor that works without a requester has to be added here, where a reviewer sees it.
    #[test]
    fn the_gateways_own_accesses_are_these() {
        let source = include_str!("policy.rs");
        let own = source.split("/// The gateway's own parts").nth(1).expect("the list stands in this file");
        let own = own.split("#[cfg(test)]").next().expect("tests follow the list");
        let named: Vec<&str> =
            own.split("pub fn ").skip(1).map(|part| part.split('(').next().unwrap_or_default()).collect();
        assert_eq!(named, ["intake", "identity", "peer", "feed"]);
    }
}
