//! `/hilum/messages`: the messages that came in, over HTTP. What they are and who may see them is `inbox`'s.

use actix_web::web::{Json, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::inbox::{self, Moved, Replayed, Undone};
use super::view::{Listing, Shown};
use crate::http::{self, Ask, Failure};

pub async fn list(ask: Ask, request: HttpRequest) -> Result<Json<Listing>, Failure> {
    Ok(Json(inbox::list(&ask.app, &ask.access, &http::pairs(request.query_string())).await?))
}

/// With `trace=true`, which rule made what of what.
pub async fn show(ask: Ask, request: HttpRequest, id: Path<String>) -> Result<Json<Shown>, Failure> {
    let id = inbox::number(&id)?;
    Ok(Json(inbox::show(&ask.app, &ask.access, id, says(&request, "trace")).await?))
}

pub async fn raw(ask: Ask, id: Path<String>) -> Result<HttpResponse, Failure> {
    let raw = inbox::raw(&ask.app, &ask.access, inbox::number(&id)?).await?;
    Ok(HttpResponse::Ok().content_type("x-application/hl7-v2+er7").body(raw))
}

/// A body is the message as a person mended it; without one it is tried as it came.
pub async fn replay(
    ask: Ask,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<Json<Replayed>, Failure> {
    let (id, confirmed) = (inbox::number(&id)?, says(&request, "confirm"));
    let body = http::read_body(&request, payload, &ask.app.config.http).await?;
    let mended = (!body.is_empty()).then(|| body.to_vec());
    http::detached(async move { inbox::replay(&ask.app, &ask.access, id, mended, confirmed).await.map(Json) }).await
}

/// Takes back what the message merged.
pub async fn undo(ask: Ask, id: Path<String>) -> Result<Json<Undone>, Failure> {
    let id = inbox::number(&id)?;
    http::detached(async move { inbox::undo(&ask.app, &ask.access, id).await.map(Json) }).await
}

/// To the Patient that `to` names; with `preview=true` nothing is done.
pub async fn move_to(ask: Ask, request: HttpRequest, id: Path<String>) -> Result<Json<Moved>, Failure> {
    let (id, preview) = (inbox::number(&id)?, says(&request, "preview"));
    let pairs = http::pairs(request.query_string());
    let to = pairs.into_iter().find(|(name, _)| name == "to").map(|(_, value)| value).unwrap_or_default();
    http::detached(async move { inbox::move_to(&ask.app, &ask.access, id, &to, preview).await.map(Json) }).await
}

fn says(request: &HttpRequest, name: &str) -> bool {
    http::pairs(request.query_string()).iter().any(|(known, value)| known == name && value == "true")
}
