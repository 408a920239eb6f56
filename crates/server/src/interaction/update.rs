//! Update: the next version of a resource, or its first under an id that the client chose (R4 §3.1.0.4); by id, or by
//! criteria (§3.1.0.4.3).
//!
//! A client that names the version it read (`If-Match`) replaces that one or nothing: 412. One that names none replaces
//! what is there, whoever else writes at that moment: the later write is the next version.

use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fhir::Resource;
use record::{Change, Commit, CommitError, Condition, Key, Version};

use super::answer::Answer;
use super::arrived::{self, Sender};
use super::conditional::{self, Found};
use super::{key_of, kind_of, write};
use crate::app;
use crate::http::{self, Ask, Failure, Kind, Match};
use crate::operation::feed;
use crate::subscription;

pub async fn update(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let (wanted, unwanted) = (Match::of_write(&request)?, Match::of_absence(&request)?);
    let sender = Sender::of(&request)?;
    let (resource, sent) = http::fhir_sent(&request, payload, &ask.app.config.http).await?;
    http::detached(async move {
        let answer = match &sender {
            Some(sender) => arrived::put(&ask, key, resource, sender).await,
            None => by_id(&ask, key, resource, wanted, unwanted).await,
        };
        Ok(http::answer(answer.map_err(|failure| failure.located(&sent))?))
    })
    .await
}

/// `PUT Patient?identifier=…`
pub async fn where_matches(
    ask: Ask,
    request: HttpRequest,
    kind: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let kind = kind_of(&kind)?;
    let wanted = Match::of_write(&request)?;
    let criteria = request.query_string().to_owned();
    let (resource, sent) = http::fhir_sent(&request, payload, &ask.app.config.http).await?;
    http::detached(async move {
        let answer = by_criteria(&ask, kind, &criteria, resource, wanted).await;
        Ok(http::answer(answer.map_err(|failure| failure.located(&sent))?))
    })
    .await
}

pub async fn by_id(
    ask: &Ask,
    key: Key,
    resource: Resource<'static>,
    wanted: Option<Match>,
    unwanted: Option<Match>,
) -> Result<Answer, Failure> {
    let resource = write::checked(resource, &key.kind)?;
    if resource.id() != Some(key.id.as_str()) {
        return Err(Failure::new(Kind::Invalid, "the resource's id must be there and be the one in the address"));
    }
    for _ in 0..write::TRIES {
        let current = ask.app.record.current(&ask.access, &key).await?;
        let there = current.as_ref().filter(|version| !version.is_deleted());
        if there.is_some_and(|there| unwanted.as_ref().is_some_and(|unwanted| unwanted.includes(there.vid))) {
            return Err(Failure::new(Kind::Stale, "the resource is there, and If-None-Match says that it must not be"));
        }
        if let Some(answer) = replace(ask, &resource, wanted.as_ref(), current.as_ref(), Vec::new()).await? {
            return Ok(answer);
        }
    }
    Err(crowd())
}

/// Updates the one resource that meets the criteria; where there is none, creates it. Of a Patient that is a feed's word.
pub async fn by_criteria(
    ask: &Ask,
    kind: &str,
    criteria: &str,
    resource: Resource<'static>,
    wanted: Option<Match>,
) -> Result<Answer, Failure> {
    let mut resource = write::checked(resource, kind)?;
    let query = conditional::criteria(ask, kind, criteria)?;
    let chosen = resource.id().map(str::to_owned);
    for _ in 0..write::TRIES {
        let (found, condition) = conditional::find(ask, query.clone()).await?;
        let current = meant(ask, found, &mut resource, chosen.as_deref()).await?;
        let (wanted, current) = (wanted.as_ref(), current.as_ref());
        let replaced = match kind {
            "Patient" => feed::put(ask, &resource, wanted, current, condition).await?,
            _ => replace(ask, &resource, wanted, current, vec![condition]).await?,
        };
        if let Some(answer) = replaced {
            return Ok(answer);
        }
    }
    Err(crowd())
}

/// What a conditional update replaces. The resource gets the id under which it goes in.
pub async fn meant(
    ask: &Ask,
    found: Found,
    resource: &mut Resource<'static>,
    chosen: Option<&str>,
) -> Result<Option<Version>, Failure> {
    match (found, chosen) {
        (Found::Several, _) => Err(conditional::several()),
        (Found::One(version), Some(id)) if version.key.id != id => {
            let text = "the resource has another id than the one that meets the condition";
            Err(Failure::new(Kind::Invalid, text))
        }
        (Found::One(version), _) => {
            resource.object.set("id", fhir::Node::text(version.key.id.clone()));
            Ok(Some(*version))
        }
        (Found::Nobody, Some(id)) => {
            let current = ask.app.record.current(&ask.access, &Key::new(resource.kind(), id)).await?;
            // It is there and does not meet the condition, so that this would not be the resource that is meant.
            if current.as_ref().is_some_and(|version| !version.is_deleted()) {
                let text = "nothing meets the condition, and the resource's id is already another's";
                return Err(Failure::new(Kind::Conflict, text));
            }
            Ok(current)
        }
        (Found::Nobody, None) => write::named_anew(resource).map(|_| None),
    }
}

/// Writes the resource in place of `current`. None where somebody else was quicker.
pub async fn replace(
    ask: &Ask,
    resource: &Resource<'static>,
    wanted: Option<&Match>,
    current: Option<&Version>,
    conditions: Vec<Condition>,
) -> Result<Option<Answer>, Failure> {
    let there = current.filter(|version| !version.is_deleted());
    if let Some(wanted) = wanted {
        expect(wanted, there.map(|version| version.vid))?;
    }
    write::not_moved(ask, current).await?;
    let prepared = write::prepared(ask, resource)?;
    let writes = vec![write::write(ask, prepared.key(), Change::Put(prepared.clone()), current)];
    subscription::admit(ask, &writes).await?;
    match write::commit(ask, Commit { now: app::now(), writes, conditions, ..Commit::default() }).await {
        Ok(committed) => Ok(Some(write::answer(ask, &prepared, &committed, there.is_none()))),
        Err(CommitError::Stale(_)) if wanted.is_some() => Err(stale()),
        Err(CommitError::Stale(_) | CommitError::Moved) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `If-Match` against the version that is there; a deleted resource has none.
pub fn expect(wanted: &Match, there: Option<u64>) -> Result<(), Failure> {
    if there.is_some_and(|vid| wanted.includes(vid)) { Ok(()) } else { Err(stale()) }
}

pub fn stale() -> Failure {
    Failure::new(Kind::Stale, "the resource is not at the version in If-Match; read it and make your change again")
}

pub fn crowd() -> Failure {
    Failure::new(Kind::Busy, "too many are changing this resource at once; try again")
}
