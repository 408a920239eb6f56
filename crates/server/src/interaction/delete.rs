//! Delete: the resource is no longer found; its history stays (R4 §3.1.0.7).

use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use record::{Change, CommitError, Key};

use super::update::{expect, stale};
use super::{key_of, write};
use crate::http::{self, Ask, Failure, Match};

pub async fn delete(ask: Ask, request: HttpRequest, path: Path<(String, String)>) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let wanted = Match::of_write(&request)?;
    http::detached(remove(ask, key, wanted)).await
}

async fn remove(ask: Ask, key: Key, wanted: Option<Match>) -> Result<HttpResponse, Failure> {
    let current = ask.app.record.current(&ask.access, &key).await?;
    let there = current.filter(|version| !version.is_deleted());
    if let Some(wanted) = &wanted {
        expect(wanted, there.as_ref().map(|version| version.vid))?;
    }
    // What is not there is deleted already: whoever asks twice is answered the same.
    let Some(there) = there else { return Ok(HttpResponse::NoContent().finish()) };
    match write::commit(&ask, &key, Change::Delete, Some(&there)).await {
        Ok(committed) => {
            let tag = format!("W/\"{}\"", committed.versions[0].vid);
            Ok(HttpResponse::build(StatusCode::NO_CONTENT).insert_header((ETAG, tag)).finish())
        }
        Err(CommitError::Stale(_)) if wanted.is_some() => Err(stale()),
        Err(error) => Err(error.into()),
    }
}
