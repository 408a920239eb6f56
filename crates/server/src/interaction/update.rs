//! Update: the next version of a resource, or its first under an id that the client chose (R4 §3.1.0.4).
//!
//! A client that names the version it read (`If-Match`) replaces that one or nothing: 412. One that names none replaces
//! what is there when it asks; if somebody else changes it in that moment, it is told (409) rather than set over him.
//! Two that create the same id at once make two versions of it.

use actix_web::web::{Bytes, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use record::{Change, CommitError, Key};

use super::{key_of, write};
use crate::http::{self, Ask, Failure, Kind, Match};

pub async fn update(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let (wanted, unwanted) = (Match::of_write(&request)?, Match::of_absence(&request)?);
    let body = http::fhir_body(&request, payload, &ask.app.config.http).await?;
    http::detached(store(ask, key, wanted, unwanted, body)).await
}

async fn store(
    ask: Ask,
    key: Key,
    wanted: Option<Match>,
    unwanted: Option<Match>,
    body: Bytes,
) -> Result<HttpResponse, Failure> {
    let prepared = {
        let resource = write::read_as(&body, &key.kind)?;
        if resource.id() != Some(key.id.as_str()) {
            return Err(Failure::new(Kind::Invalid, "the resource's id must be there and be the one in the path"));
        }
        record::prepare(&resource)
    };
    // The second round is for whoever lost the race to create it.
    for round in 0..2 {
        let current = ask.app.record.current(&ask.access, &key).await?;
        let there = current.as_ref().filter(|version| !version.is_deleted());
        if let Some(wanted) = &wanted {
            expect(wanted, there.map(|version| version.vid))?;
        }
        if there.is_some_and(|there| unwanted.as_ref().is_some_and(|unwanted| unwanted.includes(there.vid))) {
            return Err(Failure::new(Kind::Stale, "the resource is there, and If-None-Match says that it must not be"));
        }
        match write::commit(&ask, &key, Change::Put(prepared.clone()), current.as_ref()).await {
            Ok(committed) => return write::answer(&ask, &key, &committed, there.is_none()).await,
            Err(CommitError::Stale(_)) if wanted.is_some() => return Err(stale()),
            Err(CommitError::Stale(_)) if current.is_none() && round == 0 => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new(Kind::Conflict, "somebody else is changing this resource; read it and try again"))
}

/// `If-Match` against the version that is there; a deleted resource has none.
pub fn expect(wanted: &Match, there: Option<u64>) -> Result<(), Failure> {
    if there.is_some_and(|vid| wanted.includes(vid)) { Ok(()) } else { Err(stale()) }
}

pub fn stale() -> Failure {
    Failure::new(Kind::Stale, "the resource is not at the version in If-Match; read it and make your change again")
}
