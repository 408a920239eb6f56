//! What the sender is told.

use std::sync::atomic::{AtomicU64, Ordering};

use fhir::{Issue, IssueType, Severity};
use hl7v2::ack::{self, Stamp, Verdict};
use hl7v2::{Kind, Message, Place};
use record::{MessageId, Outcome};

/// What the sender is told, and what became of the message.
#[derive(Debug, Default)]
pub struct Answer {
    /// Unframed ACKs in the order in which they are sent; none where the sender wants none.
    pub acks: Vec<Vec<u8>>,
    /// `None` where nothing could be stored.
    pub outcome: Option<Outcome>,
    /// Of a batch, the last.
    pub message: Option<MessageId>,
}

impl Answer {
    /// Of a batch: every answer is sent, and the worst outcome is the whole's.
    pub(super) fn add(&mut self, other: Answer) {
        let first = self.acks.is_empty() && self.message.is_none();
        self.acks.extend(other.acks);
        self.message = other.message.or(self.message);
        if first || other.outcome != Some(Outcome::Applied) {
            self.outcome = other.outcome;
        }
    }
}

/// The ACKs that the message asked for.
pub fn of(message: Option<&Message<'_>>, verdict: &Verdict, outcome: Option<Outcome>, id: Option<MessageId>) -> Answer {
    let time = time();
    let (accept_id, application_id) = (unique(), unique());
    let accept = ack::accept(message, verdict, Stamp { time: &time, control_id: &accept_id });
    let application = ack::application(message, verdict, Stamp { time: &time, control_id: &application_id });
    Answer { acks: accept.into_iter().chain(application).collect(), outcome, message: id }
}

/// Now, as MSH-7 has it.
pub(super) fn time() -> String {
    jiff::Timestamp::now().strftime("%Y%m%d%H%M%S+0000").to_string()
}

/// A control id that no other answer of this process or an earlier one has; at most 20 characters (MSH-10).
pub(super) fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let second = jiff::Timestamp::now().as_second();
    format!("H{second:X}{count:X}")
}

/// A v2 finding as FHIR says it.
pub(super) fn issue_of(issue: &hl7v2::Issue) -> Issue {
    let severity = match issue.severity {
        hl7v2::Severity::Error => Severity::Error,
        hl7v2::Severity::Warning => Severity::Warning,
        hl7v2::Severity::Information => Severity::Information,
    };
    Issue::new(severity, IssueType::Invalid, issue.place.to_string(), issue.text.to_string())
}

/// A FHIR finding as ERR says it.
pub(super) fn fault_of(issue: &Issue) -> hl7v2::Issue {
    hl7v2::Issue::error(Kind::Application, Place::MESSAGE, issue.text.clone())
}

/// An OperationOutcome of these; empty where there are none.
pub(super) fn outcome_json(issues: &[Issue]) -> Vec<u8> {
    let mut json = Vec::new();
    if !issues.is_empty() {
        fhir::json::write(&fhir::outcome(issues), &mut json);
    }
    json
}
