//! A message on its way into the record: understood, applied, committed, and only then answered.
//!
//! `take` never fails: whatever happens has an answer for the sender (`safety.md` 9) and a trace in the message store.
//! Messages of one patient are filed one after the other, in the order in which they arrived, whatever connection they
//! came by; others side by side.

mod admit;
pub mod answer;
mod file;
mod follow;
pub mod guard;
mod lanes;
mod link;
mod merge;
pub mod moving;
mod rewrite;
mod undo;

use std::sync::{Arc, RwLock};
use std::time::Instant;

use consent::{Access, Policy, Purpose, Requester};
use fhir::Issue;
use gateway::{Gateway, IdKey, Translation};
use hl7v2::Message;
use hl7v2::ack::{Stamp, Verdict};
use identity::worker::Identity;
use record::{Attempt, CommitError, MessageId, NewMessage, Outcome, Receipt, Record, Replay};

pub use answer::Answer;

use crate::app::now;
use crate::config::OnPark;
use crate::metrics::Metrics;
use crate::query;
use crate::source::Source;
use lanes::Lanes;

/// How often a message is applied again because somebody changed what it was computed from.
const RACES_MAX: usize = 32;

/// Takes messages; cheap to clone.
#[derive(Clone)]
pub struct Intake(Arc<Inner>);

/// The parts of the server that messages are taken with.
pub struct Faces {
    pub record: Record,
    pub ids: IdKey,
    pub identity: Identity,
}

struct Inner {
    record: Record,
    gateway: RwLock<Arc<Gateway>>,
    ids: IdKey,
    identity: Identity,
    policy: Policy,
    access: Access,
    lanes: Lanes,
    metrics: Metrics,
}

/// What is to be done with a message, and what its sender is told.
struct Decision {
    outcome: Outcome,
    verdict: Verdict,
    issues: Vec<Issue>,
}

/// A message that came just now, or one that is stored and tried again.
enum Origin<'o> {
    New {
        bytes: &'o [u8],
        received: record::Time,
        trace_id: &'o str,
    },
    Stored {
        id: MessageId,
        mended: Option<&'o [u8]>,
    },
    /// Filed again after a merge was taken back: what it says may go from one patient to the other.
    Refiled {
        id: MessageId,
    },
}

impl Intake {
    pub fn new(faces: Faces, gateway: Arc<Gateway>, policy: Policy, metrics: Metrics) -> Intake {
        let Faces { record, ids, identity } = faces;
        let (gateway, access, lanes) = (RwLock::new(gateway), policy.intake(), Lanes::new());
        Intake(Arc::new(Inner { record, gateway, ids, identity, policy, access, lanes, metrics }))
    }

    /// The profiles that messages are translated by from now on.
    pub fn reload(&self, gateway: Arc<Gateway>) {
        *self.0.gateway.write().expect("no holder panics") = gateway;
    }

    /// The profiles that messages are translated by now.
    pub fn gateway(&self) -> Arc<Gateway> {
        Arc::clone(&self.0.gateway.read().expect("no holder panics"))
    }

    /// Takes what came in one frame or request: a message, or a batch of them.
    pub async fn take(&self, source: &Arc<Source>, peer: &str, bytes: Vec<u8>) -> Answer {
        if !is_batch(&bytes) {
            return self.take_one(source, peer, &bytes).await;
        }
        match hl7v2::batch::split(&bytes, &source.options.limits) {
            Ok(batch) => {
                let mut whole = Answer::default();
                for member in batch.members {
                    whole.add(self.take_one(source, peer, member.bytes).await);
                }
                whole
            }
            Err(fault) => answer::of(None, &Verdict::from(fault), None, None),
        }
    }

    async fn take_one(&self, source: &Arc<Source>, peer: &str, bytes: &[u8]) -> Answer {
        let began = Instant::now();
        let trace_id = answer::unique();
        let origin = Origin::New { bytes, received: now(), trace_id: &trace_id };
        let (answer, kind) = self.run(source, bytes, origin).await;
        let (code, trigger) = kind.split_once('^').unwrap_or((&kind, ""));
        let unstored = if code == query::CODE { "query" } else { "not stored" };
        let outcome = answer.outcome.map_or(unstored, Outcome::word);
        self.0.metrics.message(&source.name, code, trigger.split('^').next().unwrap_or(""), outcome, began.elapsed());
        tracing::debug!(source = %source.name, peer, message.id = answer.message.map(|id| id.0), outcome, trace_id, "took a message");
        answer
    }

    /// Tries a stored message again, as it came or mended by a person.
    pub async fn replay(&self, source: &Arc<Source>, id: MessageId, mended: Option<Vec<u8>>) -> Answer {
        let stored = match &mended {
            Some(_) => None,
            None => self.0.record.raw(&self.0.access, id).await.ok().flatten(),
        };
        let Some(bytes) = mended.as_ref().or(stored.as_ref()) else {
            return Answer::default();
        };
        self.run(source, bytes, Origin::Stored { id, mended: mended.as_deref() }).await.0
    }

    /// Answers what the sender is told, and the message's type.
    async fn run(&self, source: &Arc<Source>, bytes: &[u8], origin: Origin<'_>) -> (Answer, String) {
        let parsed = match Message::parse(bytes, &source.options) {
            Ok(parsed) => parsed,
            Err(fault) => {
                let header = Message::parse_header(bytes, &source.options).ok();
                let header = header.as_ref().map(|parsed| &parsed.message);
                let decision = Decision::refused(Verdict::from(fault));
                return (self.store_alone(source, header, &origin, decision).await, String::new());
            }
        };
        let message = &parsed.message;
        let kind = message.field(0, 9).raw().to_owned();
        let verdict = admit::verdict(source, message);
        if query::is_query(message) {
            return (self.ask(source, message, verdict).await, kind);
        }
        if verdict.outcome != hl7v2::ack::Outcome::Accepted {
            return (self.store_alone(source, Some(message), &origin, Decision::refused(verdict)).await, kind);
        }
        let gateway = Arc::clone(&self.0.gateway.read().expect("no holder panics"));
        let Some(translation) = gateway.translate(message, &source.gateway, &self.0.ids, false) else {
            let decision = Decision::refused(admit::unknown_type());
            return (self.store_alone(source, Some(message), &origin, decision).await, kind);
        };
        let mut issues: Vec<Issue> = parsed.issues.iter().map(answer::issue_of).collect();
        issues.extend(translation.issues.iter().cloned());
        (self.file(source, message, &origin, &translation, issues).await, kind)
    }

    /// Answers a query. It is not stored, whatever becomes of it.
    async fn ask(&self, source: &Arc<Source>, message: &Message<'_>, verdict: Verdict) -> Answer {
        if verdict.outcome != hl7v2::ack::Outcome::Accepted {
            return answer::of(Some(message), &verdict, None, None);
        }
        if !source.queries {
            return answer::of(Some(message), &admit::may_not_ask(), None, None);
        }
        // A source that was let in is a member of the site.
        let requester = Requester::Authenticated { client: source.name.clone() };
        let access = self.0.policy.access(&requester, Purpose::Treatment);
        let (gateway, inner) = (self.gateway(), &self.0);
        let desk = query::Desk {
            record: &inner.record,
            identity: &inner.identity,
            gateway: &gateway,
            ids: &inner.ids,
            access: &access,
            source,
        };
        let (time, accept, response) = (answer::time(), answer::unique(), answer::unique());
        let stamp = |control_id| Stamp { time: &time, control_id };
        let stamps = query::Stamps { accept: stamp(&accept), response: stamp(&response) };
        match query::answer(&desk, message, stamps).await {
            Some(acks) => Answer { acks, ..Answer::default() },
            None => answer::of(Some(message), &admit::unknown_type(), None, None),
        }
    }

    /// Applies a translation and commits it with its message. Lost races are run again.
    async fn file(
        &self,
        source: &Arc<Source>,
        message: &Message<'_>,
        origin: &Origin<'_>,
        translation: &Translation<'_>,
        issues: Vec<Issue>,
    ) -> Answer {
        let patients = file::patients(translation);
        let _lane = self.0.lanes.enter(&patients).await;
        let found = issues;
        for _ in 0..RACES_MAX {
            let filed =
                match file::file(&self.0.record, &self.0.access, source, translation, origin.moves(), now()).await {
                    Ok(filed) => filed,
                    Err(error) => {
                        tracing::error!(%error, "cannot read the record");
                        return answer::of(Some(message), &admit::not_now(), None, None);
                    }
                };
            let mut issues = found.clone();
            issues.extend(filed.issues);
            let decision = match filed.parked {
                // First it is on disk; then what it says of two people is decided.
                None if !filed.told.is_empty() => Decision::undecided(issues),
                None => Decision { outcome: Outcome::Applied, verdict: Verdict::accepted(), issues },
                Some(reason) => Decision::parked(source, reason, issues),
            };
            let mut commit = filed.commit;
            commit.receipt = Some(self.receipt(source, message, origin, &decision, &patients, &translation.residue));
            match self.commit(commit).await {
                Ok(committed) if !filed.told.is_empty() => {
                    let id = committed.message.or(origin.message()).expect("it was stored with a receipt");
                    let told = link::Told { says: &filed.told, id, position: committed.position, patients: &patients };
                    return self.told(source, message, told).await;
                }
                Ok(committed) => {
                    return answer::of(Some(message), &decision.verdict, Some(decision.outcome), committed.message);
                }
                Err(CommitError::Stale(_)) => {}
                Err(CommitError::Duplicate(id)) => match self.again(source, message, id).await {
                    Ok(answer) => return answer,
                    Err(refused) => return Box::pin(self.file(source, message, &refused, translation, found)).await,
                },
                Err(error) => return answer::of(Some(message), &admit::failed(&error), None, None),
            }
        }
        tracing::warn!(source = %source.name, "gave up on a message: others changed the same resources {RACES_MAX} times");
        answer::of(Some(message), &admit::not_now(), None, None)
    }

    /// The answer to a message that was committed before: as it was answered then. What was refused then is tried
    /// again, because whoever refused it may have been mended since.
    async fn again(&self, source: &Source, message: &Message<'_>, id: MessageId) -> Result<Answer, Origin<'static>> {
        let Ok(Some(stored)) = self.0.record.message(&self.0.access, id).await else {
            // What became of it cannot be read now, so nothing is promised: the sender asks again.
            return Ok(answer::of(Some(message), &admit::not_now(), None, None));
        };
        match stored.outcome() {
            Outcome::Refused => Err(Origin::Stored { id, mended: None }),
            Outcome::Parked if source.on_park == OnPark::Error => Err(Origin::Stored { id, mended: None }),
            outcome => Ok(answer::of(Some(message), &Verdict::accepted(), Some(outcome), Some(id))),
        }
    }

    /// Stores a message that makes no FHIR.
    async fn store_alone(
        &self,
        source: &Source,
        message: Option<&Message<'_>>,
        origin: &Origin<'_>,
        decision: Decision,
    ) -> Answer {
        let receipt = match message {
            Some(message) => self.receipt(source, message, origin, &decision, &[], &[]),
            None => bare_receipt(source, origin, &decision),
        };
        let commit = record::Commit { now: now(), receipt: Some(receipt), ..record::Commit::default() };
        match self.commit(commit).await {
            Ok(committed) => answer::of(message, &decision.verdict, Some(decision.outcome), committed.message),
            Err(CommitError::Duplicate(id)) => answer::of(message, &decision.verdict, Some(decision.outcome), Some(id)),
            // It was refused anyway; that it could not be kept as evidence changes nothing for its sender.
            Err(_) => answer::of(message, &decision.verdict, None, None),
        }
    }

    /// Commits in a task of its own: a sender that goes away does not take its message with it.
    async fn commit(&self, commit: record::Commit) -> Result<record::Committed, CommitError> {
        let inner = Arc::clone(&self.0);
        let committing = tokio::spawn(async move { inner.record.commit(&inner.access, commit).await });
        let committed = committing.await.unwrap_or(Err(CommitError::Broken));
        if let Err(error @ (CommitError::Broken | CommitError::Full)) = &committed {
            tracing::error!(%error, "cannot store a message");
        }
        committed
    }

    fn receipt(
        &self,
        source: &Source,
        message: &Message<'_>,
        origin: &Origin<'_>,
        decision: &Decision,
        patients: &[String],
        residue: &[String],
    ) -> Receipt {
        let header = message.header();
        let mut receipt = bare_receipt(source, origin, decision);
        let attempt = match &mut receipt {
            Receipt::New(new) => {
                new.control_id = Some(header.control_id.to_string()).filter(|id| !id.is_empty());
                new.kind = message.field(0, 9).raw().to_owned();
                new.event_time = file::event_time(message, source);
                new.patients = patients.to_vec();
                &mut new.attempt
            }
            Receipt::Replay(replay) => {
                replay.patients = patients.to_vec();
                &mut replay.attempt
            }
        };
        attempt.residue = residue.join(" ").into_bytes();
        receipt
    }
}

fn bare_receipt(source: &Source, origin: &Origin<'_>, decision: &Decision) -> Receipt {
    let attempt =
        Attempt { outcome: decision.outcome, issues: answer::outcome_json(&decision.issues), residue: Vec::new() };
    match *origin {
        Origin::New { bytes, received, trace_id } => Receipt::New(NewMessage {
            source: source.name.clone(),
            control_id: None,
            kind: String::new(),
            raw: bytes.to_vec(),
            received,
            event_time: None,
            patients: Vec::new(),
            trace_id: trace_id.to_owned(),
            attempt,
        }),
        Origin::Refiled { id } => Receipt::Replay(Replay { message: id, mended: None, patients: Vec::new(), attempt }),
        Origin::Stored { id, mended } => {
            Receipt::Replay(Replay { message: id, mended: mended.map(<[u8]>::to_vec), patients: Vec::new(), attempt })
        }
    }
}

/// A file of messages: FHS or BHS at its head, or a second MSH after the first.
fn is_batch(bytes: &[u8]) -> bool {
    let start = bytes.iter().position(u8::is_ascii_alphabetic).unwrap_or(0);
    let head = bytes.get(start..start + 3).unwrap_or_default();
    let again =
        |ending: &[u8]| bytes.windows(4).skip(start + 1).any(|window| window[0] == ending[0] && &window[1..] == b"MSH");
    head == b"FHS" || head == b"BHS" || (head == b"MSH" && (again(b"\r") || again(b"\n")))
}

impl Origin<'_> {
    /// A message that is stored already.
    fn message(&self) -> Option<MessageId> {
        match self {
            Origin::New { .. } => None,
            Origin::Stored { id, .. } | Origin::Refiled { id } => Some(*id),
        }
    }

    /// Whether what it says may come to belong to another patient.
    fn moves(&self) -> bool {
        matches!(self, Origin::Refiled { .. })
    }
}

impl Decision {
    fn refused(verdict: Verdict) -> Decision {
        let issues = verdict.faults.iter().map(answer::issue_of).collect();
        Decision { outcome: Outcome::Refused, verdict, issues }
    }

    /// It is stored, and not done: should we stop here, a person finds it.
    fn undecided(mut issues: Vec<Issue>) -> Decision {
        let text = "the Patients are filed; what it says of who is one person is not decided yet: replay it";
        issues.insert(0, Issue::warning(fhir::IssueType::Informational, "PID", text));
        Decision { outcome: Outcome::Parked, verdict: Verdict::accepted(), issues }
    }

    /// We have taken responsibility, unless the source is set to be told (`safety.md` 9).
    fn parked(source: &Source, reason: Issue, mut issues: Vec<Issue>) -> Decision {
        tracing::warn!(source = %source.name, reason = %reason.text, "parked a message: a person must look at it");
        let verdict = match source.on_park {
            OnPark::Accept => Verdict::accepted(),
            OnPark::Error => Verdict::error(vec![answer::fault_of(&reason)]),
        };
        issues.insert(0, reason);
        Decision { outcome: Outcome::Parked, verdict, issues }
    }
}
