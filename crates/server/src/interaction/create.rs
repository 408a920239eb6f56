//! Create: a new resource, its id made here (R4 §3.1.0.8); or the one that is there already (§3.1.0.8.1, If-None-Exist).

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fhir::Resource;
use record::{Change, Commit, CommitError, Version};

use super::answer::{Answer, Stamp};
use super::conditional::{self, Found};
use super::{kind_of, write};
use crate::app;
use crate::http::{self, Ask, Failure, Kind};
use crate::subscription;

pub const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");

pub async fn create(
    ask: Ask,
    request: HttpRequest,
    kind: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let kind = kind_of(&kind)?;
    let unless = http::header_text(&request, IF_NONE_EXIST)?;
    let (resource, sent) = http::fhir_sent(&request, payload, &ask.app.config.http).await?;
    http::detached(async move {
        let answer = run(&ask, kind, resource, unless.as_deref()).await;
        Ok(http::answer(answer.map_err(|failure| failure.located(&sent))?))
    })
    .await
}

/// Creates the resource, unless one is there that meets the criteria of `unless`.
pub async fn run(ask: &Ask, kind: &str, resource: Resource<'static>, unless: Option<&str>) -> Result<Answer, Failure> {
    let mut resource = write::checked(resource, kind)?;
    let unless = unless.map(|text| conditional::criteria(ask, kind, text)).transpose()?;
    for _ in 0..write::TRIES {
        let mut conditions = Vec::new();
        if let Some(query) = unless.clone() {
            match conditional::find(ask, query).await? {
                (Found::Nobody, condition) => conditions.push(condition),
                (Found::One(version), _) => return Ok(there(ask, *version)),
                (Found::Several, _) => return Err(conditional::several()),
            }
        }
        let key = write::named_anew(&mut resource)?;
        let prepared = write::prepared(ask, &resource)?;
        let writes = vec![write::write(ask, &key, Change::Put(prepared.clone()), None)];
        subscription::admit(ask, &writes).await?;
        match write::commit(ask, Commit { now: app::now(), writes, conditions, ..Commit::default() }).await {
            Ok(committed) => return Ok(write::answer(ask, &prepared, &committed, true)),
            Err(CommitError::Stale(_) | CommitError::Moved) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new(Kind::Busy, "too many are creating this at once; try again"))
}

/// The resource that is there is the answer: 200, and where it is (R4 §3.1.0.8.1 "One Match").
pub fn there(ask: &Ask, version: Version) -> Answer {
    let at = write::address(ask, &version.key, version.vid);
    let answer =
        Answer::written(ask.form.wanted(), &version.key, Stamp::of(&version), Some(at), || version.body.clone());
    Answer { status: StatusCode::OK, ..answer }
}
