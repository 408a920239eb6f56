//! `/hilum/messages`: what came in, and a second try for it (`safety.md` 9 and 14).
//!
//! A message holds a whole record, so all of this is for requesters who may see everything; others find nothing.

use std::sync::Arc;

use actix_web::web::{Json, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use consent::Reach;
use record::{MESSAGE_PAGE_MAX, MessageFilter, MessageId, Outcome, Time};
use serde::Serialize;

use super::view::{self, Listing, Shown};
use crate::config::OnPark;
use crate::http::{self, Ask, Failure, Kind};
use crate::source::Source;

/// Messages a page where the client does not say.
const LIMIT_DEFAULT: usize = 50;

pub async fn list(ask: Ask, request: HttpRequest) -> Result<Json<Listing>, Failure> {
    let filter = filter(&http::pairs(request.query_string())).map_err(|text| Failure::new(Kind::Invalid, text))?;
    Ok(Json(view::list(&ask.app.record, &ask.access, &filter).await?))
}

pub async fn show(ask: Ask, request: HttpRequest, id: Path<String>) -> Result<Json<Shown>, Failure> {
    let id = number(&id)?;
    let shown = view::show(&ask.app.record, &ask.access, id).await?.ok_or_else(unknown)?;
    let traced = http::pairs(request.query_string()).iter().any(|(name, value)| name == "trace" && value == "true");
    if !traced {
        return Ok(Json(shown));
    }
    let source = source_of(&ask, id).await?;
    let raw = ask.app.record.raw(&ask.access, id).await?.ok_or_else(emptied)?;
    let trace = view::trace(&ask.app.gateway, &ask.app.ids, &source, &raw);
    Ok(Json(shown.with_trace(trace.map_err(|text| Failure::new(Kind::Conflict, text))?)))
}

/// The message as it came, byte for byte.
pub async fn raw(ask: Ask, id: Path<String>) -> Result<HttpResponse, Failure> {
    let id = number(&id)?;
    if ask.app.record.message(&ask.access, id).await?.is_none() {
        return Err(unknown());
    }
    let raw = ask.app.record.raw(&ask.access, id).await?.ok_or_else(emptied)?;
    Ok(HttpResponse::Ok().content_type("x-application/hl7-v2+er7").body(raw))
}

/// What became of a second try.
#[derive(Serialize)]
pub struct Replayed {
    id: i64,
    outcome: Option<&'static str>,
    /// What its sender would be told; nobody is.
    acks: Vec<String>,
}

/// Tries a message again, as it came or as the body has it mended.
pub async fn replay(
    ask: Ask,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<Json<Replayed>, Failure> {
    let id = number(&id)?;
    if *ask.access.write() != Reach::Everything {
        return Err(Failure::new(Kind::Forbidden, "only who may write everything may replay a message"));
    }
    let source = source_of(&ask, id).await?;
    let confirmed = http::pairs(request.query_string()).iter().any(|(name, value)| name == "confirm" && value == "true");
    if source.on_park == OnPark::Error && !confirmed {
        let text = "this source was told AE and sends the message again itself; say confirm=true to replay it all the same";
        return Err(Failure::new(Kind::Conflict, text));
    }
    let body = http::read_body(&request, payload, &ask.app.config.http).await?;
    let mended = (!body.is_empty()).then(|| body.to_vec());
    if mended.is_none() && ask.app.record.raw(&ask.access, id).await?.is_none() {
        return Err(emptied());
    }
    http::detached(async move {
        let answer = ask.app.intake.replay(&source, id, mended).await;
        let acks = answer.acks.iter().map(|ack| String::from_utf8_lossy(ack).into_owned()).collect();
        Ok(Json(Replayed { id: id.0, outcome: answer.outcome.map(Outcome::word), acks }))
    })
    .await
}

async fn source_of(ask: &Ask, id: MessageId) -> Result<Arc<Source>, Failure> {
    let message = ask.app.record.message(&ask.access, id).await?.ok_or_else(unknown)?;
    ask.app.source(&message.source).ok_or_else(|| {
        let text = format!("its source {:?} is no longer configured; configure it again", message.source);
        Failure::new(Kind::Conflict, text)
    })
}

/// The filter that pairs ask for; the command line has the same names as flags.
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
            _ => return Err("messages are listed by source, type, outcome, control_id, patient, from, to, before, limit".to_owned()),
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

fn number(id: &str) -> Result<MessageId, Failure> {
    id.parse().map(MessageId).map_err(|_| unknown())
}

fn unknown() -> Failure {
    Failure::new(Kind::NotFound, "there is no such message")
}

fn emptied() -> Failure {
    Failure::new(Kind::Gone, "the bytes of this message are no longer kept")
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
