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
use crate::http::{self, Ask, Failure, Form, Kind};

/// The parameter of our page links.
const PAGE: &str = "_page";

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
    let pairs = http::search_body(&ask, &request, payload).await?;
    Ok(http::answer(run(&ask, &kind, pairs).await?, ask.form))
}

pub async fn run(ask: &Ask, kind: &str, mut pairs: Vec<(String, String)>) -> Result<Answer, Failure> {
    let kind = kind_of(kind)?;
    let link = pairs.iter().position(|(name, _)| name == PAGE).map(|at| pairs.remove(at).1);
    let query = Query::parse(kind, &pairs, ask.form.handling).map_err(|issues| Failure::of(Kind::Invalid, issues))?;
    let bound = bound(&query);
    let page = link.as_deref().map(|link| ask.open(&bound, link)).transpose()?;
    let found = ask.app.record.search(&ask.access, &query, page.as_deref()).await?;
    let mut links = vec![("self", address(&ask.base, &query, link.as_deref()))];
    let next = found.next.as_deref().map(|next| ask.seal(&bound, next));
    links.extend(next.map(|next| ("next", address(&ask.base, &query, Some(&next)))));
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

/// What a page link is good for: all that was understood of the query but how it is written.
fn bound(query: &Query) -> String {
    let pairs = query.used.iter().filter(|(name, _)| !Form::is_shape(name));
    format!("{}{}", query.kind, http::query(pairs.map(|(name, value)| (name.as_str(), value.as_str()))))
}

/// The address of a page: what was understood of the query, and the place.
fn address(base: &str, query: &Query, page: Option<&str>) -> String {
    let used = query.used.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    format!("{base}/{}{}", query.kind, http::query(used.chain(page.map(|page| (PAGE, page)))))
}
