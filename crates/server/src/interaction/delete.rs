//! Delete: the resource is no longer found; its history stays (R4 §3.1.0.7). By id, or by criteria that one resource
//! meets (§3.1.0.7.1): several are refused, since a criterion that is too wide would take a chart away.

use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use record::{Change, Commit, CommitError, Condition, Key, Version};

use super::answer::{Answer, Stamp};
use super::arrived::{self, Sender};
use super::conditional::{self, Found};
use super::update::{crowd, expect, stale};
use super::{key_of, kind_of, write};
use crate::app;
use crate::http::{self, Ask, Failure, Match};

pub async fn delete(ask: Ask, request: HttpRequest, path: Path<(String, String)>) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let wanted = Match::of_write(&request)?;
    let sender = Sender::of(&request)?;
    http::detached(async move {
        Ok(http::answer(match &sender {
            Some(sender) => arrived::delete(&ask, key, sender).await?,
            None => by_id(&ask, key, wanted).await?,
        }))
    })
    .await
}

/// `DELETE Patient?identifier=…`
pub async fn where_matches(ask: Ask, request: HttpRequest, kind: Path<String>) -> Result<HttpResponse, Failure> {
    let kind = kind_of(&kind)?;
    let wanted = Match::of_write(&request)?;
    let criteria = request.query_string().to_owned();
    http::detached(async move { Ok(http::answer(by_criteria(&ask, kind, &criteria, wanted).await?)) }).await
}

pub async fn by_id(ask: &Ask, key: Key, wanted: Option<Match>) -> Result<Answer, Failure> {
    for _ in 0..write::TRIES {
        let current = ask.app.record.current(&ask.access, &key).await?;
        let there = current.filter(|version| !version.is_deleted());
        if let Some(answer) = remove(ask, wanted.as_ref(), there.as_ref(), Vec::new()).await? {
            return Ok(answer);
        }
    }
    Err(crowd())
}

/// Deletes the one resource that meets the criteria.
pub async fn by_criteria(ask: &Ask, kind: &str, criteria: &str, wanted: Option<Match>) -> Result<Answer, Failure> {
    let query = conditional::criteria(ask, kind, criteria)?;
    for _ in 0..write::TRIES {
        let (found, condition) = conditional::find(ask, query.clone()).await?;
        let there = match found {
            Found::Several => return Err(conditional::several()),
            Found::One(version) => Some(*version),
            Found::Nobody => None,
        };
        if let Some(answer) = remove(ask, wanted.as_ref(), there.as_ref(), vec![condition]).await? {
            return Ok(answer);
        }
    }
    Err(crowd())
}

/// None where somebody else was quicker.
async fn remove(
    ask: &Ask,
    wanted: Option<&Match>,
    there: Option<&Version>,
    conditions: Vec<Condition>,
) -> Result<Option<Answer>, Failure> {
    if let Some(wanted) = wanted {
        expect(wanted, there.map(|version| version.vid))?;
    }
    // What is not there is deleted already: whoever asks twice is answered the same.
    let Some(there) = there else { return Ok(Some(Answer::empty(StatusCode::NO_CONTENT))) };
    let writes = vec![write::write(ask, &there.key, Change::Delete, Some(there))];
    match write::commit(ask, Commit { now: app::now(), writes, conditions, ..Commit::default() }).await {
        Ok(committed) => {
            let stamp = Stamp { vid: committed.versions[0].vid, time: committed.time };
            Ok(Some(Answer { version: Some(stamp), ..Answer::empty(StatusCode::NO_CONTENT) }))
        }
        Err(CommitError::Stale(_)) if wanted.is_some() => Err(stale()),
        Err(CommitError::Stale(_) | CommitError::Moved) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
