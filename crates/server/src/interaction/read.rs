//! Read: the current version of a resource (R4 §3.1.0.2), also on conditions (§3.1.0.2.1).

use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use record::{Key, Position};

use super::answer::Answer;
use super::{erased, gone, key_of, not_found, subset};
use crate::http::{self, Ask, Failure, Fresh};

pub async fn read(ask: Ask, request: HttpRequest, path: Path<(String, String)>) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let answer = run(&ask, &key, &http::pairs(request.query_string()), &Fresh::of(&request)?).await?;
    Ok(http::answer(answer))
}

pub async fn run(ask: &Ask, key: &Key, pairs: &[(String, String)], fresh: &Fresh) -> Result<Answer, Failure> {
    let view = subset::View::of(&key.kind, pairs)?;
    let (record, at) = (&ask.app.record, ask.at.unwrap_or(Position::END));
    let found = record.current_at(&ask.access, std::slice::from_ref(key), at).await?.pop().flatten();
    let mut version = found.ok_or_else(|| not_found(key))?;
    if version.is_deleted() {
        return Err(gone(key));
    }
    let Some(body) = version.body.take() else { return Err(erased(key)) };
    if fresh.is(&version) {
        return Ok(Answer { status: StatusCode::NOT_MODIFIED, ..Answer::of_version(version) });
    }
    version.body = Some(view.show(body));
    let incomplete = key.is_golden() && ask.app.identity.standing().warming;
    Ok(Answer { incomplete, ..Answer::of_version(version) })
}
