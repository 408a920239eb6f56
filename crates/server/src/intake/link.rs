//! Two records are one person's, or are not, as a source says (A24, A37; HL7 v2.9, 3.3.24 and 3.3.37).
//!
//! The message and its Patients are on disk before anything is decided, as parked: what cannot be decided now (the index of who is
//! one person is being made) or may not (a person has decided otherwise) waits for a person with its reason, and a replay decides it.
//! Said again it changes nothing.

use std::sync::Arc;

use fhir::{Issue, IssueType};
use hl7v2::Message;
use hl7v2::ack::Verdict;
use identity::linkage;
use identity::worker::Trouble;
use record::{Attempt, Commit, MessageId, Outcome, Position, Receipt, Replay};

use super::{Answer, Decision, Intake, answer};
use crate::app::now;
use crate::source::Source;

/// Steps of the identity worker that a message waits for: some ten thousand versions, a few seconds.
const STEPS_MAX: usize = 8;

/// What a stored message says.
pub struct Told<'t> {
    pub says: &'t [(linkage::Pair, linkage::Verdict)],
    pub id: MessageId,
    /// Where in the log its Patients are.
    pub position: Position,
    pub patients: &'t [String],
}

impl Intake {
    pub(super) async fn told(&self, source: &Arc<Source>, message: &Message<'_>, told: Told<'_>) -> Answer {
        let decision = match self.decide(source, &told).await {
            Ok(()) => Decision { outcome: Outcome::Applied, verdict: Verdict::accepted(), issues: Vec::new() },
            Err(reason) => Decision::parked(source, reason, Vec::new()),
        };
        let attempt =
            Attempt { outcome: decision.outcome, issues: answer::outcome_json(&decision.issues), residue: Vec::new() };
        let receipt = Replay { message: told.id, mended: None, patients: told.patients.to_vec(), attempt };
        let commit = Commit { now: now(), receipt: Some(Receipt::Replay(receipt)), ..Commit::default() };
        let outcome = match self.commit(commit).await {
            Ok(_) => decision.outcome,
            // It stays as it was stored: parked. A replay finds it decided.
            Err(_) => Outcome::Parked,
        };
        answer::of(Some(message), &decision.verdict, Some(outcome), Some(told.id))
    }

    async fn decide(&self, source: &Source, told: &Told<'_>) -> Result<(), Issue> {
        let identity = &self.0.identity;
        match identity.reach(told.position, STEPS_MAX, now()).await {
            Ok(true) => {}
            Ok(false) => {
                return Err(later("who is one person is not known up to this message yet: replay it in a while"));
            }
            Err(trouble) => return Err(reason(&trouble)),
        }
        let who = format!("source {}, message {}", source.name, told.id.0);
        for (pair, verdict) in told.says {
            identity.told(pair, *verdict, &who, now()).await.map_err(|trouble| reason(&trouble))?;
        }
        Ok(())
    }
}

fn reason(trouble: &Trouble) -> Issue {
    match trouble {
        Trouble::Refused(why) => Issue::error(IssueType::BusinessRule, "PID", why.clone()),
        Trouble::Warming => later("the index of who is one person is being made: replay it in a moment"),
        Trouble::Read(_) | Trouble::Commit(_) => {
            tracing::warn!(?trouble, "what a message says of two people cannot be decided");
            later("it cannot be decided now: replay it in a while")
        }
    }
}

fn later(text: &str) -> Issue {
    Issue::error(IssueType::Transient, "PID", text)
}
