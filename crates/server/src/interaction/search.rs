//! Search: a page of the resources that match (R4 §3.1.1), by GET or by POST to `_search`: of a type, of all types, or
//! within a compartment.
//!
//! A parameter that is not understood is refused, unless the client prefers lenient handling: a filter that is dropped in
//! silence shows too much. A page link holds the query and a place in the log, so that all pages see the same moment.

use actix_web::http::StatusCode;
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fhir::Issue;
use fhir::search::{Query, Summary};
use record::{Key, Page, Position, ReadError};

use super::answer::Answer;
use super::bundle::Bundle;
use super::subset::View;
use super::{key_of, kind_of, no_operation};
use crate::http::{self, Ask, Failure, Form, Kind};

/// The parameter of our page links.
const PAGE: &str = "_page";
/// The place of the first page of a search that was begun at a position.
const FIRST: &str = "first-";

/// What is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// One type, or all.
    pub kind: Option<&'static str>,
    /// Only what is in the compartment of this resource.
    pub within: Option<Key>,
}

impl Scope {
    pub const EVERYTHING: Scope = Scope { kind: None, within: None };

    pub fn of_kind(kind: &str) -> Result<Scope, Failure> {
        Ok(Scope { kind: Some(kind_of(kind)?), within: None })
    }

    /// `Patient/17/Observation`, or `Patient/17/*` for all types.
    pub fn of_compartment(compartment: &str, id: &str, inner: &str) -> Result<Scope, Failure> {
        if inner.starts_with('$') {
            return Err(no_operation());
        }
        let within = key_of(&(compartment.to_owned(), id.to_owned()))?;
        let kind = if inner == "*" { None } else { Some(kind_of(inner)?) };
        Ok(Scope { kind, within: Some(within) })
    }

    /// The address below the base.
    fn path(&self) -> String {
        match &self.within {
            Some(key) => format!("{key}/{}", self.kind.unwrap_or("*")),
            None => self.kind.unwrap_or_default().to_owned(),
        }
    }

    /// Reads what is asked.
    pub fn query(&self, ask: &Ask, pairs: &[(String, String)]) -> Result<Query, Failure> {
        let (limits, handling) = (ask.app.config.search.reading(), ask.form.handling);
        let query = match self.kind {
            Some(kind) => Query::parse_within(&limits, kind, pairs, handling),
            None => Query::across(&limits, pairs, handling),
        };
        let query = query.map_err(|issues| Failure::of(Kind::Invalid, issues))?;
        match &self.within {
            Some(key) => query.within(&key.kind, &key.id).map_err(|issue| Failure::of(Kind::NotFound, vec![issue])),
            None => Ok(query),
        }
    }
}

pub async fn of_kind(ask: Ask, request: HttpRequest, kind: Path<String>) -> Result<HttpResponse, Failure> {
    by_query(&ask, &request, &Scope::of_kind(&kind)?).await
}

pub async fn of_everything(ask: Ask, request: HttpRequest) -> Result<HttpResponse, Failure> {
    by_query(&ask, &request, &Scope::EVERYTHING).await
}

type Compartment = Path<(String, String, String)>;

pub async fn of_compartment(ask: Ask, request: HttpRequest, path: Compartment) -> Result<HttpResponse, Failure> {
    by_query(&ask, &request, &Scope::of_compartment(&path.0, &path.1, &path.2)?).await
}

pub async fn form_of_kind(
    ask: Ask,
    request: HttpRequest,
    kind: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    by_form(&ask, &request, &Scope::of_kind(&kind)?, payload).await
}

pub async fn form_of_everything(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    by_form(&ask, &request, &Scope::EVERYTHING, payload).await
}

pub async fn form_of_compartment(
    ask: Ask,
    request: HttpRequest,
    path: Compartment,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    by_form(&ask, &request, &Scope::of_compartment(&path.0, &path.1, &path.2)?, payload).await
}

async fn by_query(ask: &Ask, request: &HttpRequest, scope: &Scope) -> Result<HttpResponse, Failure> {
    Ok(http::answer(run(ask, scope, http::pairs(request.query_string())).await?, ask.form))
}

async fn by_form(ask: &Ask, request: &HttpRequest, scope: &Scope, payload: Payload) -> Result<HttpResponse, Failure> {
    let pairs = http::search_body(ask, request, payload).await?;
    Ok(http::answer(run(ask, scope, pairs).await?, ask.form))
}

pub async fn run(ask: &Ask, scope: &Scope, mut pairs: Vec<(String, String)>) -> Result<Answer, Failure> {
    let link = pairs.iter().position(|(name, _)| name == PAGE).map(|at| pairs.remove(at).1);
    let query = scope.query(ask, &pairs)?;
    if query.summary == Summary::Text && !query.includes.is_empty() {
        let text = "_summary=text shows no references, and cannot be asked for together with includes";
        return Err(Failure::at(Kind::Invalid, "http._summary", text));
    }
    let path = scope.path();
    let bound = format!("{path}{}", http::query(used(&query).filter(|(name, _)| !Form::is_shape(name))));
    let found = look(ask, &query, &bound, link.as_deref()).await?;
    let address = |page: Option<&str>| {
        let pairs = used(&query).chain(page.map(|page| (PAGE, page)));
        let slash = if path.is_empty() { "" } else { "/" };
        format!("{}{slash}{path}{}", ask.base, http::query(pairs))
    };
    let mut links = vec![("self", address(link.as_deref()))];
    if link.is_some() || found.next.is_some() {
        let first = ask.seal(&bound, &format!("{FIRST}{}", found.position));
        links.push(("first", address(Some(&first))));
    }
    let next = found.next.as_deref().map(|next| ask.seal(&bound, next));
    links.extend(next.map(|next| ("next", address(Some(&next)))));
    Ok(Answer::of_resource(StatusCode::OK, bundle(ask, &query, &found, &links)))
}

/// The page that the link leads to, or the first as it is now.
async fn look(ask: &Ask, query: &Query, bound: &str, link: Option<&str>) -> Result<Page, Failure> {
    let (record, access) = (&ask.app.record, &ask.access);
    let place = link.map(|link| ask.open(bound, link)).transpose()?;
    match place.as_deref().and_then(|place| place.strip_prefix(FIRST)) {
        Some(position) => {
            let position: Position = position.parse().map_err(|_| ReadError::BadPage)?;
            Ok(record.search_at(access, query, position).await?)
        }
        None => Ok(record.search(access, query, place.as_deref()).await?),
    }
}

/// Matches, what they include, and what there is to say beside them.
fn bundle(ask: &Ask, query: &Query, found: &Page, links: &[(&str, String)]) -> Vec<u8> {
    let mut bundle = Bundle::begin("searchset", found.total, links);
    let issues: Vec<Issue> = query.warnings.iter().chain(&found.warnings).cloned().collect();
    if query.summary != Summary::Count {
        let view = View::of_query(query);
        for version in &found.versions {
            let Some(body) = &version.body else { continue };
            bundle.found(&ask.base, version, &view.show(body.clone()));
        }
        // `_elements` names elements of what is looked for, not of what comes with it.
        let view = if matches!(view, View::Elements(_)) { View::Everything } else { view };
        for version in &found.included {
            let Some(body) = &version.body else { continue };
            bundle.included(&ask.base, version, &view.show(body.clone()));
        }
        if !issues.is_empty() {
            bundle.outcome(&issues);
        }
    }
    bundle.end()
}

/// What was understood of the query.
fn used(query: &Query) -> impl Iterator<Item = (&str, &str)> {
    query.used.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_their_addresses() {
        let compartment = |compartment: &str, id: &str, inner: &str| {
            Scope::of_compartment(compartment, id, inner).map(|scope| scope.path()).map_err(|failure| failure.kind())
        };
        assert_eq!(Scope::EVERYTHING.path(), "");
        assert_eq!(Scope::of_kind("Patient").map(|scope| scope.path()).ok().as_deref(), Some("Patient"));
        for (path, expected) in [
            (("Patient", "17", "Observation"), Ok("Patient/17/Observation")),
            (("Patient", "17", "*"), Ok("Patient/17/*")),
            (("Patient", "17", "Nothing"), Err(Kind::NotFound)),
            (("Nothing", "17", "Observation"), Err(Kind::NotFound)),
            (("Patient", "a_b", "Observation"), Err(Kind::Invalid)),
            (("Patient", "17", "$nothing"), Err(Kind::NotFound)),
        ] {
            assert_eq!(compartment(path.0, path.1, path.2).as_deref(), expected.as_deref(), "{path:?}");
        }
    }
}
