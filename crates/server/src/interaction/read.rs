//! Read: the current version of a resource (R4 §3.1.0.2), also on conditions (§3.1.0.2.1).

use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use super::{erased, gone, key_of, not_found, subset};
use crate::http::{self, Ask, Failure};

pub async fn read(ask: Ask, request: HttpRequest, path: Path<(String, String)>) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let view = subset::View::of(&key.kind, &http::pairs(request.query_string()))?;
    let mut version = ask.app.record.read(&ask.access, &key).await?.ok_or_else(|| not_found(&key))?;
    if version.is_deleted() {
        return Err(gone(&key));
    }
    let Some(body) = version.body.take() else { return Err(erased(&key)) };
    if http::is_fresh(&request, &version)? {
        return Ok(http::of_version(StatusCode::NOT_MODIFIED, &version).finish());
    }
    version.body = Some(view.show(body));
    Ok(http::resource(version, ask.form))
}
