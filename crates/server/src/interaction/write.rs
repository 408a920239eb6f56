//! What create, update and delete have in common: a checked resource, a commit, and what the writer is told.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use fhir::Resource;
use record::{Change, Commit, CommitError, Committed, Expect, Key, Version, Write};

use super::subset;
use crate::app;
use crate::http::{self, Ask, Failure, Kind};

/// Reads the body as a resource of this type, strictly.
pub fn read_as<'b>(body: &'b [u8], kind: &str) -> Result<Resource<'b>, Failure> {
    let resource = fhir::json::read(body).map_err(|issues| Failure::of(Kind::Invalid, issues))?;
    if resource.kind() != kind {
        return Err(Failure::new(Kind::Invalid, format!("resourceType must be {kind}, the type in the path")));
    }
    if subset::is_subset(&resource) {
        let text = "this is a part of the resource (meta.tag says SUBSETTED); read it whole, and write it whole";
        return Err(Failure::new(Kind::Unprocessable, text));
    }
    Ok(resource)
}

/// One change of one resource, durable when this returns. `current` is what it replaces.
///
/// What merging remembers of a resource that messages made goes on to its next version, so that a message that comes
/// later is still compared with the ones before it.
pub async fn commit(ask: &Ask, key: &Key, change: Change, current: Option<&Version>) -> Result<Committed, CommitError> {
    let write = Write {
        key: key.clone(),
        expect: current.map_or(Expect::Absent, |version| Expect::Version(version.vid)),
        change,
        origin: ask.access.who().to_owned(),
        source_time: None,
        state: current.map(|version| version.state.clone()).unwrap_or_default(),
        groups: Vec::new(),
    };
    let commit = Commit { now: app::now(), writes: vec![write], ..Commit::default() };
    let committed = ask.app.record.commit(&ask.access, commit).await;
    if committed == Err(CommitError::Broken) {
        ask.app.shutdown.broken();
    }
    committed
}

/// The answer to a create or update, with the version as it was stored.
pub async fn answer(ask: &Ask, key: &Key, committed: &Committed, created: bool) -> Result<HttpResponse, Failure> {
    let vid = committed.versions[0].vid;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let at = created.then(|| format!("{}/{key}/_history/{vid}", ask.base));
    match ask.app.record.vread(&ask.access, key, vid).await? {
        Some(version) => Ok(http::written(status, version, at, ask.form)),
        // Whoever may write and not read is told that it is done.
        None => Ok(HttpResponse::build(status).finish()),
    }
}
