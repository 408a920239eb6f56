//! The messages that came in, for a requester: listed, shown, as they came, tried again, taken back (`safety.md` 9 and 14).
//!
//! A message holds a whole record, so all of this is for requesters who may see everything; others find nothing. HTTP
//! (`messages`) and the command line (`hilum message --data`) both ask here.

use std::sync::Arc;

use consent::{Access, Reach};
use fhir::reference::{Literal, literal};
use record::{Key, MESSAGE_PAGE_MAX, MessageFilter, MessageId, Outcome, Time};
use serde::Serialize;

use super::view::{self, Listing, Shown};
use crate::app::App;
use crate::config::OnPark;
use crate::http::{Failure, Kind};
use crate::intake::moving::{self, Order, What};
use crate::source::Source;

/// Messages a page where the client does not say.
const LIMIT_DEFAULT: usize = 50;
/// The names by which messages are listed, in queries and as flags.
const NAMES: &str = "source, type, outcome, control_id, patient, from, to, before, limit";

/// What became of a second try.
#[derive(Serialize)]
pub struct Replayed {
    id: i64,
    outcome: Option<&'static str>,
    /// What its sender would be told; nobody is.
    acks: Vec<String>,
}

/// What taking a merge back came to.
#[derive(Serialize)]
pub struct Undone {
    id: i64,
    /// Merges that were ended.
    merges: usize,
    /// Messages that were filed again under the one that they name.
    refiled: usize,
}

/// What was moved to another patient, or would be.
#[derive(Serialize)]
pub struct Moved {
    id: i64,
    preview: bool,
    from: Option<String>,
    to: String,
    moved: Vec<MovedItem>,
    stays: Vec<Stays>,
}

#[derive(Serialize)]
struct MovedItem {
    resource: String,
    /// What becomes of it: `entered-in-error`, `deleted` or `restored`.
    becomes: &'static str,
    /// What it is under the other patient; none where it was only taken back.
    new: Option<String>,
}

#[derive(Serialize)]
struct Stays {
    resource: String,
    why: &'static str,
}

pub async fn list(app: &App, access: &Access, pairs: &[(String, String)]) -> Result<Listing, Failure> {
    let filter = filter(pairs).map_err(|text| Failure::new(Kind::Invalid, text))?;
    Ok(view::list(&app.record, access, &filter).await?)
}

pub async fn show(app: &App, access: &Access, id: MessageId, trace: bool) -> Result<Shown, Failure> {
    let shown = view::show(&app.record, access, id).await?.ok_or_else(unknown)?;
    if !trace {
        return Ok(shown);
    }
    let trace = match (source_of(app, access, id).await, raw(app, access, id).await) {
        (Ok(source), Ok(raw)) => view::trace(&app.intake.gateway(), &app.ids, &source, &raw),
        (Err(failure), _) | (_, Err(failure)) => Err(failure.to_string()),
    };
    Ok(shown.with_trace(trace))
}

/// The message as it came, byte for byte.
pub async fn raw(app: &App, access: &Access, id: MessageId) -> Result<Vec<u8>, Failure> {
    if app.record.message(access, id).await?.is_none() {
        return Err(unknown());
    }
    let emptied = || Failure::new(Kind::Gone, "the bytes of this message are no longer kept");
    app.record.raw(access, id).await?.ok_or_else(emptied)
}

/// Tries a message again, as it came or as a person mended it.
pub async fn replay(
    app: &App,
    access: &Access,
    id: MessageId,
    mended: Option<Vec<u8>>,
    confirmed: bool,
) -> Result<Replayed, Failure> {
    if *access.write() != Reach::Everything {
        return Err(Failure::new(Kind::Forbidden, "only who may write everything may replay a message"));
    }
    let source = source_of(app, access, id).await?;
    if source.on_park == OnPark::Error && !confirmed {
        let text = "this source was told AE and sends the message again itself; confirm to replay it all the same";
        return Err(Failure::new(Kind::Conflict, text));
    }
    if mended.is_none() {
        raw(app, access, id).await?;
    }
    let answer = app.intake.replay(&source, id, mended).await;
    let acks = answer.acks.iter().map(|ack| String::from_utf8_lossy(ack).into_owned()).collect();
    Ok(Replayed { id: id.0, outcome: answer.outcome.map(Outcome::word), acks })
}

/// Takes back what a message merged, and files again what came for the prior since then (`safety.md` 4).
pub async fn undo(app: &App, access: &Access, id: MessageId) -> Result<Undone, Failure> {
    if *access.write() != Reach::Everything {
        return Err(Failure::new(Kind::Forbidden, "only who may write everything may take a merge back"));
    }
    let source = source_of(app, access, id).await?;
    let undone = app.intake.undo(&source, id).await.map_err(|text| Failure::new(Kind::Conflict, text))?;
    Ok(Undone { id: id.0, merges: undone.merges, refiled: undone.refiled })
}

/// Moves what a message made to the patient whom it is about (`safety.md` 14).
pub async fn move_to(app: &App, access: &Access, id: MessageId, to: &str, preview: bool) -> Result<Moved, Failure> {
    if *access.write() != Reach::Everything {
        return Err(Failure::new(Kind::Forbidden, "only who may write everything may move a message"));
    }
    let to = match literal(to) {
        Some(Literal::Local { kind: "Patient", id, .. }) => Key::new("Patient", id),
        _ => return Err(Failure::new(Kind::Invalid, "say to whom: to=Patient/ID")),
    };
    let moved = app.intake.move_to(access, &Order { what: What::Message(id), to, preview }).await;
    let moved = moved.map_err(|trouble| match trouble {
        moving::Trouble::Refused(text) => Failure::new(Kind::Conflict, text),
        other => other.into(),
    })?;
    let item = |item: &moving::Item| MovedItem {
        resource: item.old.to_string(),
        becomes: item.becomes,
        new: item.new.as_ref().map(ToString::to_string),
    };
    Ok(Moved {
        id: id.0,
        preview,
        from: moved.from.as_ref().map(ToString::to_string),
        to: moved.to.to_string(),
        moved: moved.items.iter().map(item).collect(),
        stays: moved.stays.iter().map(|(key, why)| Stays { resource: key.to_string(), why }).collect(),
    })
}

/// A message's number, as paths and the command line have it.
pub fn number(id: &str) -> Result<MessageId, Failure> {
    id.parse().map(MessageId).map_err(|_| unknown())
}

async fn source_of(app: &App, access: &Access, id: MessageId) -> Result<Arc<Source>, Failure> {
    let message = app.record.message(access, id).await?.ok_or_else(unknown)?;
    app.source(&message.source).ok_or_else(|| {
        let text = format!("its source {:?} is no longer configured; configure it again", message.source);
        Failure::new(Kind::Conflict, text)
    })
}

/// The filter that pairs ask for; the error says which pair is wrong.
pub fn filter(pairs: &[(String, String)]) -> Result<MessageFilter, String> {
    let mut filter = MessageFilter { limit: LIMIT_DEFAULT, ..MessageFilter::default() };
    for (name, value) in pairs {
        let number = || value.parse::<i64>().map_err(|_| format!("{name} must be a whole number"));
        let time = || instant(value).ok_or_else(|| format!("{name} must be a date or an instant with its zone"));
        match name.as_str() {
            "source" => filter.source = Some(value.clone()),
            "type" => filter.kind = Some(value.clone()),
            "control_id" => filter.control_id = Some(value.clone()),
            "patient" => filter.patient = Some(value.clone()),
            "outcome" => {
                let known = Outcome::ALL.into_iter().find(|outcome| outcome.word() == value);
                let words = Outcome::ALL.map(Outcome::word).join(", ");
                filter.outcome = Some(known.ok_or_else(|| format!("outcome must be one of {words}"))?);
            }
            "from" => filter.from = Some(time()?),
            "to" => filter.to = Some(time()?),
            "before" => filter.before = Some(MessageId(number()?)),
            "limit" => filter.limit = usize::try_from(number()?).unwrap_or(1).clamp(1, MESSAGE_PAGE_MAX),
            "_format" | "_pretty" => {}
            _ => return Err(format!("messages are listed by {NAMES}")),
        }
    }
    Ok(filter)
}

/// An instant, or the beginning of a day in UTC.
fn instant(text: &str) -> Option<Time> {
    let day = || format!("{text}T00:00:00Z").parse::<jiff::Timestamp>();
    let time = text.replace(' ', "+").parse::<jiff::Timestamp>().or_else(|_| day()).ok()?;
    Some(Time(time.as_microsecond()))
}

fn unknown() -> Failure {
    Failure::new(Kind::NotFound, "there is no such message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let read = |name: &str, value: &str| filter(&[(name.to_owned(), value.to_owned())]);
        assert_eq!(read("outcome", "parked").expect("known").outcome, Some(Outcome::Parked));
        assert_eq!(read("limit", "100000").expect("cut").limit, MESSAGE_PAGE_MAX);
        assert_eq!(read("from", "2026-01-01").expect("a day").from, Some(Time(1_767_225_600_000_000)));
        assert_eq!(read("to", "2026-01-01T01:00:00+01:00").expect("an instant").to, Some(Time(1_767_225_600_000_000)));
        for (name, value) in [("outcome", "lost"), ("limit", "x"), ("from", "yesterday"), ("colour", "red")] {
            assert!(read(name, value).is_err(), "{name}={value}");
        }
    }
}
