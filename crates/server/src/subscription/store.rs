//! What is remembered of subscriptions, in notes of the record: the state of each (`s/ID`), and at which position of the log
//! each of its events happened (`e/ID/NUMBER`), so that an event keeps its number and can be asked for again.

use consent::{Access, Purpose, Requester};
use record::{Commit, CommitError, Key, Method, Note, Position, ReadError, Record, Time, Version};
use sync::subscription::{State, Told, What};

use crate::app::{self, App};

/// The follower's name.
pub const FOLLOWER: &str = "subscriptions";
/// Who wrote a version of a Subscription, where it was us.
pub const OWN: &str = "hilum:subscriptions";
/// Events that can be asked for again, of each subscription.
pub const EVENTS_KEPT: u64 = 10_000;
/// Notes that are read or dropped at once.
const PAGE: usize = 1_000;

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Try again soon.
    Busy,
    /// The store broke.
    Broken,
}

pub fn number(position: Position) -> i64 {
    position.to_string().parse().expect("a position's text is a number")
}

pub fn position(number: i64) -> Position {
    number.max(0).to_string().parse().expect("a position's text is a number")
}

pub fn note(id: &str, state: &State) -> Note {
    Note { follower: FOLLOWER.to_owned(), name: format!("s/{id}"), value: Some(state.write()) }
}

/// The notes of events that have their numbers now, the first of them `first`. As many old ones go.
pub fn events(id: &str, first: u64, positions: &[i64]) -> Vec<Note> {
    let note = |number: u64, value| Note { follower: FOLLOWER.to_owned(), name: event(id, number), value };
    let mut notes = Vec::new();
    for (number, position) in (first..).zip(positions) {
        notes.push(note(number, Some(position.to_be_bytes().to_vec())));
        if let Some(old) = number.checked_sub(EVENTS_KEPT).filter(|old| *old > 0) {
            notes.push(note(old, None));
        }
    }
    notes
}

fn event(id: &str, number: u64) -> String {
    format!("e/{id}/{number:016x}")
}

pub async fn state(record: &Record, id: &str) -> Result<Option<State>, ReadError> {
    let bytes = record.note(FOLLOWER, &format!("s/{id}")).await?;
    Ok(bytes.and_then(|bytes| State::read(&bytes)))
}

/// Those of all subscriptions, by id.
pub async fn states(record: &Record) -> Result<Vec<(String, State)>, ReadError> {
    let (mut states, mut after) = (Vec::new(), "s/".to_owned());
    loop {
        let page = record.notes(FOLLOWER, &after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(states) };
        after = last.clone();
        for (name, bytes) in &page {
            let Some(id) = name.strip_prefix("s/") else { return Ok(states) };
            states.extend(State::read(bytes).map(|state| (id.to_owned(), state)));
        }
    }
}

/// Writes notes, and the follower's cursor where it moves.
pub async fn save(app: &App, notes: Vec<Note>, cursor: Option<Position>) -> Result<(), Trouble> {
    let cursors = cursor.map(|cursor| (FOLLOWER.to_owned(), cursor)).into_iter().collect();
    let commit = Commit { now: app::now(), notes, cursors, ..Commit::default() };
    match app.record.commit(&Access::nobody(), commit).await {
        Ok(_) => Ok(()),
        Err(CommitError::Broken) => Err(Trouble::Broken),
        Err(_) => Err(Trouble::Busy),
    }
}

/// Drops all that is known of a subscription.
pub async fn forget(app: &App, id: &str, cursor: Position) -> Result<(), Trouble> {
    let prefix = format!("e/{id}/");
    loop {
        let page = app.record.notes(FOLLOWER, &prefix, PAGE).await?;
        let names = page.into_iter().map(|(name, _)| name).take_while(|name| name.starts_with(&prefix));
        let notes: Vec<Note> = names.map(|name| Note { follower: FOLLOWER.to_owned(), name, value: None }).collect();
        if notes.is_empty() {
            break;
        }
        save(app, notes, None).await?;
    }
    let gone = Note { follower: FOLLOWER.to_owned(), name: format!("s/{id}"), value: None };
    save(app, vec![gone], Some(cursor)).await
}

/// The newest version of a Subscription.
pub async fn subscription(app: &App, id: &str) -> Result<Option<Version>, ReadError> {
    app.record.current(&app.policy.feed(), &Key::new("Subscription", id)).await
}

/// What a subscriber may see now.
pub fn access(app: &App, who: &str) -> Access {
    let requester = match who {
        "loopback" => Requester::Loopback,
        client => Requester::Authenticated { client: client.to_owned() },
    };
    app.policy.access(&requester, Purpose::Treatment)
}

/// The events of these numbers, as far as they are kept, with what may be seen of them now.
pub async fn told(app: &App, access: &Access, id: &str, from: u64, to: u64) -> Result<Vec<Told>, ReadError> {
    let mut told = Vec::new();
    let after = event(id, from.saturating_sub(1));
    let limit = usize::try_from((to + 1).saturating_sub(from)).unwrap_or(PAGE).min(PAGE);
    if limit == 0 {
        return Ok(told);
    }
    let prefix = format!("e/{id}/");
    for (name, bytes) in app.record.notes(FOLLOWER, &after, limit).await? {
        let number = name.strip_prefix(&prefix).and_then(|number| u64::from_str_radix(number, 16).ok());
        let (Some(number), Ok(at)) = (number.filter(|number| *number <= to), bytes.try_into()) else { break };
        let at = i64::from_be_bytes(at);
        let (versions, _) = app.record.log(access, position(at - 1), 1).await?;
        let what = versions.into_iter().find(|version| self::number(version.position) == at).and_then(what);
        told.push(Told { number, what });
    }
    Ok(told)
}

/// None where the content was erased.
fn what(version: Version) -> Option<What> {
    let resource = match &version.body {
        Some(body) => Some(fhir::json::read(body).ok()?.into_owned()),
        None if version.is_deleted() => None,
        None => return None,
    };
    let method = match version.method {
        Method::Create => "POST",
        Method::Update => "PUT",
        Method::Delete => "DELETE",
    };
    Some(What { time: instant(version.time), kind: version.key.kind, id: version.key.id, method, resource })
}

/// R4 §2.24.0.1 instant, in UTC.
pub fn instant(time: Time) -> String {
    let time = jiff::Timestamp::from_microsecond(time.0).expect("the log's times are this clock's");
    format!("{time:.3}")
}
