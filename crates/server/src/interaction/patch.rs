//! Patch: a change of some elements of a resource (R4 §3.1.0.6), as JSON Patch (RFC 6902) or FHIRPath Patch; by id, or by
//! criteria (§3.1.0.6.2).
//!
//! A patch is applied to what is there at the moment of the commit: when somebody else was quicker, it is applied again
//! to what he left, unless `If-Match` names the version that it was made for.

use actix_web::web::{Bytes, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fhir::Resource;
use record::{Change, Commit, CommitError, Condition, Key, Version};

use super::answer::Answer;
use super::conditional::{self, Found};
use super::update::{crowd, expect, stale};
use super::{gone, key_of, kind_of, not_found, write};
use crate::app;
use crate::http::{self, Ask, Failure, Kind, Match};
use crate::subscription;

const JSON_PATCH: &str = "application/json-patch+json";

/// A patch that was read, but for what only its target can show.
pub enum Patch {
    Json(Bytes),
    FhirPath(Resource<'static>),
}

pub async fn patch(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let wanted = Match::of_write(&request)?;
    let patch = Patch::of(&ask, &request, payload).await?;
    http::detached(async move { Ok(http::answer(by_id(&ask, key, &patch, wanted).await?)) }).await
}

/// `PATCH Patient?identifier=…`
pub async fn where_matches(
    ask: Ask,
    request: HttpRequest,
    kind: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let kind = kind_of(&kind)?;
    let wanted = Match::of_write(&request)?;
    let criteria = request.query_string().to_owned();
    let patch = Patch::of(&ask, &request, payload).await?;
    let work = async move { Ok(http::answer(by_criteria(&ask, kind, &criteria, &patch, wanted).await?)) };
    http::detached(work).await
}

impl Patch {
    async fn of(ask: &Ask, request: &HttpRequest, payload: Payload) -> Result<Patch, Failure> {
        if http::content_type(request).as_deref() == Some(JSON_PATCH) {
            return Ok(Patch::Json(http::read_body(request, payload, &ask.app.config.http).await?));
        }
        let resource = http::fhir_body(request, payload, &ask.app.config.http).await?;
        if resource.kind() != "Parameters" {
            let text = format!("a patch is {JSON_PATCH}, or a Parameters resource as FHIRPath Patch has it");
            return Err(Failure::new(Kind::UnsupportedMedia, text));
        }
        Ok(Patch::FhirPath(resource))
    }

    /// In a Bundle: Parameters, or a Binary that holds a JSON Patch (R4 §3.1.0.11.2 "PATCH").
    pub fn of_entry(resource: Resource<'static>) -> Result<Patch, Failure> {
        if resource.kind() == "Parameters" {
            return Ok(Patch::FhirPath(resource));
        }
        let is_patch = resource.kind() == "Binary" && resource.str("contentType") == Some(JSON_PATCH);
        // Base64 in FHIR may be broken into lines (R4 §2.24.0.1).
        let text = resource.str("data").filter(|_| is_patch).unwrap_or_default().split_whitespace().collect::<String>();
        let data = BASE64_STANDARD.decode(text).ok().filter(|data| !data.is_empty());
        let data = data.ok_or_else(|| {
            let text = format!("a patch in a Bundle is Parameters, or a Binary of {JSON_PATCH} with its data");
            Failure::new(Kind::Invalid, text)
        })?;
        Ok(Patch::Json(data.into()))
    }

    /// The resource as the patch leaves it.
    pub fn apply(&self, there: &Version) -> Result<Resource<'static>, Failure> {
        let body = there.body.as_deref().ok_or_else(|| gone(&there.key))?;
        let resource = fhir::json::read(body).map_err(|issues| Failure::of(Kind::Broken, issues))?;
        let patched = match self {
            Patch::Json(patch) => fhir::patch::json_patch(&resource, patch),
            Patch::FhirPath(patch) => fhir::patch::fhirpath_patch(&resource, patch),
        };
        // A narrative that no longer says what the data say is not safe to rely on (R4 §3.1.0.6).
        let patched = fhir::patch::without_stale_narrative(&resource, patched?)?;
        write::checked(patched, &there.key.kind)
    }
}

pub async fn by_id(ask: &Ask, key: Key, patch: &Patch, wanted: Option<Match>) -> Result<Answer, Failure> {
    for _ in 0..write::TRIES {
        let there = ask.app.record.current(&ask.access, &key).await?.ok_or_else(|| not_found(&key))?;
        if there.is_deleted() {
            return Err(gone(&key));
        }
        if let Some(answer) = change(ask, patch, wanted.as_ref(), &there, Vec::new()).await? {
            return Ok(answer);
        }
    }
    Err(crowd())
}

/// Patches the one resource that meets the criteria.
pub async fn by_criteria(
    ask: &Ask,
    kind: &str,
    criteria: &str,
    patch: &Patch,
    wanted: Option<Match>,
) -> Result<Answer, Failure> {
    let query = conditional::criteria(ask, kind, criteria)?;
    for _ in 0..write::TRIES {
        let (found, condition) = conditional::find(ask, query.clone()).await?;
        let there = match found {
            Found::Several => return Err(conditional::several()),
            Found::Nobody => return Err(Failure::new(Kind::NotFound, "nothing meets the condition")),
            Found::One(version) => version,
        };
        if let Some(answer) = change(ask, patch, wanted.as_ref(), &there, vec![condition]).await? {
            return Ok(answer);
        }
    }
    Err(crowd())
}

/// None where somebody else was quicker.
async fn change(
    ask: &Ask,
    patch: &Patch,
    wanted: Option<&Match>,
    there: &Version,
    conditions: Vec<Condition>,
) -> Result<Option<Answer>, Failure> {
    if let Some(wanted) = wanted {
        expect(wanted, Some(there.vid))?;
    }
    write::not_moved(ask, Some(there)).await?;
    let prepared = write::prepared(ask, &patch.apply(there)?)?;
    let writes = vec![write::write(ask, &there.key, Change::Put(prepared.clone()), Some(there))];
    subscription::admit(ask, &writes).await?;
    match write::commit(ask, Commit { now: app::now(), writes, conditions, ..Commit::default() }).await {
        Ok(committed) => Ok(Some(write::answer(ask, &prepared, &committed, false))),
        Err(CommitError::Stale(_)) if wanted.is_some() => Err(stale()),
        Err(CommitError::Stale(_) | CommitError::Moved) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
