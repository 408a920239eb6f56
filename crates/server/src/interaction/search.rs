//! Search: a page of the resources of a type that match (R4 §3.1.1), by GET or by POST to `_search`.
//!
//! A parameter that is not understood is refused, unless the client prefers lenient handling: a filter that is dropped in
//! silence shows too much. A page link holds the query and a place in the log, so that all pages see the same moment.

use actix_web::http::StatusCode;
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fhir::search::{Query, Summary};

use super::answer::Answer;
use super::bundle::Bundle;
use super::kind_of;
use super::subset::View;
use crate::http::{self, Ask, Failure, Kind};

/// The parameter of our page links.
const PAGE: &str = "_page";
const FORM: &str = "application/x-www-form-urlencoded";

pub async fn by_query(ask: Ask, request: HttpRequest, kind: Path<String>) -> Result<HttpResponse, Failure> {
    let answer = run(&ask, &kind, http::pairs(request.query_string())).await?;
    Ok(http::answer(answer, ask.form))
}

pub async fn by_form(
    ask: Ask,
    request: HttpRequest,
    kind: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    if http::content_type(&request).as_deref() != Some(FORM) {
        return Err(Failure::new(Kind::UnsupportedMedia, format!("send the parameters as {FORM}")));
    }
    let body = http::read_body(&request, payload, &ask.app.config.http).await?;
    let text = std::str::from_utf8(&body).map_err(|_| Failure::new(Kind::Invalid, "the parameters are not UTF-8"))?;
    let mut pairs = http::pairs(request.query_string());
    pairs.extend(http::pairs(text));
    Ok(http::answer(run(&ask, &kind, pairs).await?, ask.form))
}

pub async fn run(ask: &Ask, kind: &str, mut pairs: Vec<(String, String)>) -> Result<Answer, Failure> {
    let kind = kind_of(kind)?;
    let at = pairs.iter().position(|(name, _)| name == PAGE);
    let page = at.map(|at| pairs.remove(at).1);
    let query = Query::parse(kind, &pairs, ask.form.handling).map_err(|issues| Failure::of(Kind::Invalid, issues))?;
    let found = ask.app.record.search(&ask.access, &query, page.as_deref()).await?;
    let mut links = vec![("self", address(&ask.base, &query, page.as_deref()))];
    links.extend(found.next.as_deref().map(|next| ("next", address(&ask.base, &query, Some(next)))));
    let mut bundle = Bundle::begin("searchset", found.total, &links);
    if query.summary != Summary::Count {
        let view = View::of_query(&query);
        for version in &found.versions {
            let Some(body) = &version.body else { continue };
            bundle.found(&ask.base, version, &view.show(body.clone()));
        }
        if !query.warnings.is_empty() {
            bundle.outcome(&query.warnings);
        }
    }
    Ok(Answer::of_resource(StatusCode::OK, bundle.end()))
}

/// The address of a page: what was understood of the query, and the place.
fn address(base: &str, query: &Query, page: Option<&str>) -> String {
    let used = query.used.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let pairs = used.chain(page.map(|page| (PAGE, page)));
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{}={}", http::encoded(name), http::encoded(value))).collect();
    let mark = if pairs.is_empty() { "" } else { "?" };
    format!("{base}/{}{mark}{}", query.kind, pairs.join("&"))
}
