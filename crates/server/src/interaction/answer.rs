//! What an interaction answers, before it is a response of HTTP or an entry of a Bundle (R4 §3.1.0.1.9).

use actix_web::http::StatusCode;
use fhir::{Issue, IssueType};
use record::{Key, Time, Version};

use crate::http::Return;

/// What is said of a person of several sources while the index of who is one person is being made.
pub const INCOMPLETE: &str = "the record may be incomplete: who is one person is being made out";

/// An answer that is no failure.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// The version that it tells of: ETag and Last-Modified.
    pub version: Option<Stamp>,
    /// Where the version is, for what was created.
    pub location: Option<String>,
    /// A resource as JSON.
    pub body: Option<Vec<u8>>,
    /// It shows what several sources say, and sources may be missing from it (`safety.md` 13).
    pub incomplete: bool,
}

/// Which version, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub vid: u64,
    pub time: Time,
}

impl Answer {
    pub fn empty(status: StatusCode) -> Answer {
        Answer { status, version: None, location: None, body: None, incomplete: false }
    }

    /// A resource that is no stored version: a Bundle, an OperationOutcome, what an operation makes.
    pub fn of_resource(status: StatusCode, body: Vec<u8>) -> Answer {
        Answer { body: Some(body), ..Answer::empty(status) }
    }

    /// A version that is shown.
    pub fn of_version(version: Version) -> Answer {
        let stamp = Stamp::of(&version);
        Answer { version: Some(stamp), body: version.body, ..Answer::empty(StatusCode::OK) }
    }

    /// After a write: as much of the version as is wanted. `at` is where it is, for what was created.
    pub fn written(
        wanted: Return,
        key: &Key,
        stamp: Stamp,
        at: Option<String>,
        body: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Answer {
        let body = match wanted {
            Return::Representation => body(),
            Return::Minimal => None,
            Return::OperationOutcome => Some(outcome(format!("{key} is now version {}", stamp.vid))),
        };
        let status = if at.is_some() { StatusCode::CREATED } else { StatusCode::OK };
        Answer { version: Some(stamp), location: at, body, ..Answer::empty(status) }
    }
}

impl Stamp {
    pub fn of(version: &Version) -> Stamp {
        Stamp { vid: version.vid, time: version.time }
    }

    /// The version as a weak tag, `W/"3"`.
    pub fn tag(&self) -> String {
        format!("W/\"{}\"", self.vid)
    }
}

/// An OperationOutcome that tells what was done.
fn outcome(text: String) -> Vec<u8> {
    let issue = Issue::information(IssueType::Informational, "", text);
    let mut body = Vec::new();
    fhir::json::write(&fhir::outcome(&[issue]), &mut body);
    body
}
