//! One parcel to the server, and what became of its resources.

use std::time::Duration;

use fhir::{Node, Resource};
use outbound::{Answer, Client};

use super::parcel::{self, Parcel, Put, Together};
use crate::command::Failure;
use crate::http::FHIR;

/// What became of a parcel.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub stored: usize,
    pub created: usize,
    pub refused: usize,
    pub requests: usize,
    pub problems: Vec<String>,
}

/// Why nothing more needs to be sent.
#[derive(Debug)]
pub struct Stop(pub Failure);

const HEADERS: [(&str, &str); 3] =
    [("content-type", "application/fhir+json"), ("accept", "application/fhir+json"), ("prefer", "return=minimal")];

/// How often a busy server is asked, and how long it is waited for between: what it says, but no longer than a minute;
/// where it says nothing, a second.
const TRIES_MAX: usize = 20;
const WAIT_MAX: Duration = Duration::from_secs(60);
const WAIT: Duration = Duration::from_secs(1);

pub async fn send(client: &Client, parcel: &Parcel) -> Result<Sent, Stop> {
    let mut sent = Sent::default();
    match parcel {
        Parcel::Whole { place, bytes, stores } => {
            let answer = post(client, bytes, &mut sent).await?;
            match is_refusal(&answer)? {
                None => sent.count(&answer, stores, |at| format!("{place}: entry[{at}]")),
                Some(why) => {
                    sent.refused += stores.len().max(1);
                    sent.problems.push(format!("{place}: {why}"));
                }
            }
        }
        Parcel::Puts(puts) => put(client, puts, &mut sent).await?,
    }
    Ok(sent)
}

/// All together first; where that is refused, each for itself.
async fn put(client: &Client, puts: &[Put], sent: &mut Sent) -> Result<(), Stop> {
    let stores = vec![true; puts.len()];
    let place = |at: usize| puts.get(at).map(|put| put.place.clone()).unwrap_or_default();
    let answer = post(client, &parcel::bundle(puts, Together::Transaction), sent).await?;
    if is_refusal(&answer)?.is_none() {
        sent.count(&answer, &stores, place);
        return Ok(());
    }
    let answer = post(client, &parcel::bundle(puts, Together::Batch), sent).await?;
    match is_refusal(&answer)? {
        None => sent.count(&answer, &stores, place),
        Some(why) => {
            sent.refused += puts.len();
            sent.problems.push(format!("{} and {} more: {why}", place(0), puts.len() - 1));
        }
    }
    Ok(())
}

/// A busy server is asked again. A connection that breaks off ends the import: a transaction may have been done or not.
async fn post(client: &Client, body: &[u8], sent: &mut Sent) -> Result<Answer, Stop> {
    let mut tries = 0;
    loop {
        sent.requests += 1;
        tries += 1;
        let answer = client.post_with(FHIR, &HEADERS, body.to_vec()).await;
        let answer = answer.map_err(|failure| Stop(crate::command::ask::unreachable(failure)))?;
        if !matches!(answer.status, 429 | 503) {
            return Ok(answer);
        }
        if tries == TRIES_MAX {
            return Err(Stop(Failure::System(format!("the server was busy {TRIES_MAX} times; try again later"))));
        }
        tokio::time::sleep(answer.retry_after.unwrap_or(WAIT).min(WAIT_MAX)).await;
    }
}

/// Why the whole parcel was not taken. What the server would answer to every parcel ends the import.
fn is_refusal(answer: &Answer) -> Result<Option<String>, Stop> {
    let said = || {
        let said = fhir::json::read(&answer.body).ok().and_then(|outcome| diagnostics(&outcome.object));
        format!("the server answers {}: {}", answer.status, said.unwrap_or_else(|| "no reason was given".to_owned()))
    };
    match answer.status {
        200..300 => Ok(None),
        401 | 403 | 404 | 405 | 415 => Err(Stop(Failure::Input(said()))),
        500.. | ..200 => Err(Stop(Failure::System(said()))),
        _ => Ok(Some(said())),
    }
}

impl Sent {
    /// Reads what an answer says of each entry. An answer without entries says that all is done.
    fn count(&mut self, answer: &Answer, stores: &[bool], place: impl Fn(usize) -> String) {
        let bundle = fhir::json::read(&answer.body).ok();
        let told = bundle.as_ref().map_or(&[][..], |bundle: &Resource<'_>| bundle.object.items("entry"));
        if told.is_empty() {
            self.stored += stores.iter().filter(|stores| **stores).count();
            return;
        }
        for (at, entry) in told.iter().enumerate() {
            let response = entry.as_object().and_then(|entry| entry.get("response")).and_then(Node::as_object);
            let status = response.and_then(|response| response.str("status")).unwrap_or_default();
            match status.as_bytes().first() {
                Some(b'2') => {
                    self.stored += usize::from(stores.get(at).is_none_or(|stores| *stores));
                    self.created += usize::from(status.starts_with("201"));
                }
                _ => {
                    self.refused += 1;
                    let outcome = response.and_then(|response| response.get("outcome")).and_then(Node::as_object);
                    let why = outcome.and_then(diagnostics).unwrap_or_else(|| "no reason was given".to_owned());
                    self.problems.push(format!("{}: {status}: {why}", place(at)));
                }
            }
        }
    }
}

fn diagnostics(outcome: &fhir::Object<'_>) -> Option<String> {
    let issue = outcome.items("issue").first()?.as_object()?;
    let place = issue.items("expression").first().and_then(Node::as_str);
    let text = issue.str("diagnostics")?;
    Some(place.map_or_else(|| text.to_owned(), |place| format!("{place} {text}")))
}
