//! Stored messages as others see them: the JSON of `/hilum/messages` and of `hilum message -o json`.
//!
//! A message is named by its number, source and type. What was in it is shown only where it is asked for, as `raw`; issues,
//! residue and trace name places and rules, never values.

use consent::Access;
use gateway::{Gateway, IdKey};
use record::{Message, MessageFilter, MessageId, Method, Outcome, ReadError, Record, Time};
use serde::Serialize;

use crate::source::Source;

/// A page of messages, newest first.
#[derive(Serialize)]
pub struct Listing {
    pub messages: Vec<Summary>,
    /// What to ask for as `before` to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

#[derive(Serialize)]
pub struct Summary {
    id: i64,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    control_id: Option<String>,
    received: String,
    event_time: Option<String>,
    outcome: &'static str,
    /// The first thing that is wrong with it.
    why: Option<String>,
    bytes: u64,
    /// Its bytes are no longer kept.
    pruned: bool,
    trace_id: String,
}

/// A message with all that became of it.
#[derive(Serialize)]
pub struct Shown {
    #[serde(flatten)]
    summary: Summary,
    attempts: Vec<Attempt>,
    made: Vec<Made>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Vec<Step>>,
    /// Why there is no trace although it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    untraced: Option<String>,
}

#[derive(Serialize)]
struct Attempt {
    time: String,
    outcome: &'static str,
    issues: Vec<Finding>,
    /// Places that no rule read.
    residue: Vec<String>,
    versions: u64,
}

#[derive(Serialize)]
struct Finding {
    severity: String,
    text: String,
    place: Option<String>,
}

#[derive(Serialize)]
struct Made {
    resource: String,
    version: u64,
    method: &'static str,
}

/// Which rule made what of what.
#[derive(Serialize)]
pub struct Step {
    place: String,
    element: String,
    rule: String,
    profile: String,
}

pub async fn list(record: &Record, access: &Access, filter: &MessageFilter) -> Result<Listing, ReadError> {
    let found = record.messages(access, filter).await?;
    let full = found.len() == filter.limit;
    let next = found.last().filter(|_| full).map(|message| message.id.0);
    Ok(Listing { messages: found.iter().map(summary).collect(), next })
}

pub async fn show(record: &Record, access: &Access, id: MessageId) -> Result<Option<Shown>, ReadError> {
    let Some(message) = record.message(access, id).await? else { return Ok(None) };
    let made = record.made_by(access, id).await?.into_iter().map(|version| Made {
        resource: version.key.to_string(),
        version: version.vid,
        method: match version.method {
            Method::Create => "create",
            Method::Update => "update",
            Method::Delete => "delete",
        },
    });
    let made = made.collect();
    let attempts = message.attempts.iter().map(|tried| Attempt {
        time: instant(tried.time),
        outcome: tried.attempt.outcome.word(),
        issues: findings(&tried.attempt.issues),
        residue: String::from_utf8_lossy(&tried.attempt.residue).split_whitespace().map(str::to_owned).collect(),
        versions: tried.versions,
    });
    Ok(Some(Shown { attempts: attempts.collect(), made, trace: None, untraced: None, summary: summary(&message) }))
}

impl Shown {
    pub fn with_trace(self, trace: Result<Vec<Step>, String>) -> Shown {
        let untraced = trace.as_ref().err().cloned();
        Shown { trace: trace.ok(), untraced, ..self }
    }
}

/// How a message is translated by today's profiles. The error says why it is not.
pub fn trace(gateway: &Gateway, ids: &IdKey, source: &Source, raw: &[u8]) -> Result<Vec<Step>, String> {
    let parsed = hl7v2::Message::parse(raw, &source.options).map_err(|fault| fault.0.text.into_owned())?;
    let translation = gateway.translate(&parsed.message, &source.gateway, ids, true);
    let translation = translation.ok_or("no profile is for messages of this type")?;
    let step = |traced: gateway::Traced| Step {
        place: traced.place,
        element: traced.element,
        rule: traced.rule,
        profile: traced.profile,
    };
    Ok(translation.trace.into_iter().map(step).collect())
}

fn summary(message: &Message) -> Summary {
    let last = message.attempts.last();
    let worst = last.map(|tried| findings(&tried.attempt.issues)).unwrap_or_default();
    let why = worst.iter().find(|finding| finding.severity == "error").or(worst.first());
    Summary {
        id: message.id.0,
        source: message.source.clone(),
        kind: message.kind.clone(),
        control_id: message.control_id.clone(),
        received: instant(message.received),
        event_time: message.event_time.map(instant),
        outcome: message.outcome().word(),
        why: why.filter(|_| message.outcome() != Outcome::Applied).map(|finding| finding.text.clone()),
        bytes: message.raw_bytes,
        pruned: message.pruned,
        trace_id: message.trace_id.clone(),
    }
}

/// The issues of a stored OperationOutcome; none where there is none.
fn findings(outcome: &[u8]) -> Vec<Finding> {
    let Ok(outcome) = fhir::json::read(outcome) else { return Vec::new() };
    let issues = outcome.object.items("issue").iter().filter_map(fhir::Node::as_object);
    let finding = |issue: &fhir::Object<'_>| Finding {
        severity: issue.str("severity").unwrap_or_default().to_owned(),
        text: issue.str("diagnostics").unwrap_or_default().to_owned(),
        place: issue.items("expression").first().and_then(fhir::Node::as_str).map(str::to_owned),
    };
    issues.map(finding).collect()
}

fn instant(time: Time) -> String {
    jiff::Timestamp::from_microsecond(time.0).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}
