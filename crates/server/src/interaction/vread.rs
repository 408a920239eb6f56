//! Vread: one version of a resource (R4 §3.1.0.3).

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use record::Key;

use super::answer::Answer;
use super::subset::View;
use super::{erased, gone, key_of};
use crate::http::{self, Ask, Failure, Kind};

pub async fn vread(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Failure> {
    let (kind, id, vid) = path.into_inner();
    let key = key_of(&(kind, id))?;
    let view = View::of(&key.kind, &http::pairs(request.query_string()))?;
    let mut answer = run(&ask, &key, &vid).await?;
    answer.body = answer.body.map(|body| view.show(body));
    Ok(http::answer(answer))
}

pub async fn run(ask: &Ask, key: &Key, vid: &str) -> Result<Answer, Failure> {
    let missing = || Failure::new(Kind::NotFound, format!("{key} has no such version"));
    // Versions are numbers from 1; another name is one of no version.
    let vid = vid.parse().map_err(|_| missing())?;
    let version = ask.app.record.vread(&ask.access, key, vid).await?.ok_or_else(missing)?;
    match &version.body {
        Some(_) => Ok(Answer::of_version(version)),
        None if version.is_deleted() => Err(gone(key)),
        None => Err(erased(key)),
    }
}
