//! Search: a page of the resources that match (R4 §3.1.1): of a type, of all types, of a compartment; by GET, or by POST to
//! `_search`.
//!
//! A parameter that is not understood is refused, unless the client prefers lenient handling: a filter that is dropped in
//! silence shows too much. A page link holds the query and a place in the log, so that all pages see the same moment.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fhir::compartment::membership;
use fhir::links::{Link, relink};
use fhir::reference::{Literal, literal};
use fhir::search::{Context, Query, Summary};
use fhir::{Issue, IssueType};
use record::{Key, Page, ReadError, Version};

use super::answer::{Answer, INCOMPLETE};
use super::bundle::Bundle;
use super::subset::View;
use super::{key_of, kind_of, no_operation};
use crate::http::{self, Ask, Failure, Form, Kind};

/// The parameter of our page links.
const PAGE: &str = "_page";
/// The place of the first page of a search that was begun at a position.
const FIRST: &str = "first-";

/// Resources that come with a page of somebody's record, at most.
const SURROUNDINGS_MAX: usize = 1_000;

/// Looks that one page takes at most, where not all matches are shown.
const LOOKS_MAX: usize = 20;

/// Where is searched.
#[derive(Debug, Clone)]
pub enum Scope {
    /// `Observation?…`
    Kind(&'static str),
    /// `?_type=…`
    All,
    /// `Patient/17/Observation?…`; without a type, `Patient/17/*?…`.
    Compartment { kind: String, id: String, inner: Option<&'static str> },
}

pub async fn by_query(ask: Ask, request: HttpRequest, kind: Path<String>) -> Result<HttpResponse, Failure> {
    shown(&ask, &Scope::Kind(kind_of(&kind)?), http::pairs(request.query_string())).await
}

pub async fn by_form(
    ask: Ask,
    request: HttpRequest,
    kind: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let scope = Scope::Kind(kind_of(&kind)?);
    let pairs = http::search_body(&ask, &request, payload).await?;
    shown(&ask, &scope, pairs).await
}

pub async fn across_by_query(ask: Ask, request: HttpRequest) -> Result<HttpResponse, Failure> {
    shown(&ask, &Scope::All, http::pairs(request.query_string())).await
}

pub async fn across_by_form(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    let pairs = http::search_body(&ask, &request, payload).await?;
    shown(&ask, &Scope::All, pairs).await
}

pub async fn within_by_query(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Failure> {
    shown(&ask, &Scope::compartment(path.into_inner())?, http::pairs(request.query_string())).await
}

pub async fn within_by_form(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let scope = Scope::compartment(path.into_inner())?;
    let pairs = http::search_body(&ask, &request, payload).await?;
    shown(&ask, &scope, pairs).await
}

async fn shown(ask: &Ask, scope: &Scope, pairs: Vec<(String, String)>) -> Result<HttpResponse, Failure> {
    Ok(http::answer(run(ask, scope, pairs).await?))
}

pub async fn run(ask: &Ask, scope: &Scope, mut pairs: Vec<(String, String)>) -> Result<Answer, Failure> {
    let link = pairs.iter().position(|(name, _)| name == PAGE).map(|at| pairs.remove(at).1);
    let query = scope.read(ask, &pairs)?;
    if query.summary == Summary::Text && !query.includes.is_empty() {
        let text = "_summary=text shows no references, and cannot be asked for together with includes";
        return Err(Failure::at(Kind::Invalid, "http._summary", text));
    }
    let shown = Shown { path: scope.path(), used: query.used.clone(), keep: None, brings: Brings::Asked };
    page(ask, &shown, &query, link).await
}

/// How a search is shown in its own links.
pub struct Shown {
    /// Where it is asked, below our base.
    pub path: String,
    /// What of it was understood.
    pub used: Vec<(String, String)>,
    /// Of the matches, those that are shown, where that are not all.
    pub keep: Option<Keep>,
    /// What comes with them.
    pub brings: Brings,
}

/// What comes with the matches of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brings {
    /// What `_include` and `_revinclude` ask for.
    Asked,
    /// What they refer to that is nobody's own: who, where, which medication.
    Surroundings,
    Nothing,
}

pub type Keep = Box<dyn Fn(&Version) -> bool + Send + Sync>;

/// The page of a search that a link leads to, or its first.
pub async fn page(ask: &Ask, shown: &Shown, query: &Query, link: Option<String>) -> Result<Answer, Failure> {
    let bound = shown.bound();
    let place = link.as_deref().map(|link| ask.open(&bound, link)).transpose()?;
    let mut found = match &shown.keep {
        Some(keep) => look_for(ask, query, place, keep).await?,
        None => look(ask, query, place.as_deref()).await?,
    };
    if shown.brings == Brings::Surroundings {
        found.included = surroundings(ask, &found).await?;
    }
    if ask.app.identity.standing().warming && shown.names_golden() {
        found.warnings.push(Issue::warning(IssueType::Transient, "", INCOMPLETE));
    }
    let mut links = vec![("self", shown.address(&ask.base, link.as_deref()))];
    if link.is_some() || found.next.is_some() {
        let first = ask.seal(&bound, &format!("{FIRST}{}", found.position));
        links.push(("first", shown.address(&ask.base, Some(&first))));
    }
    let next = found.next.as_deref().map(|next| ask.seal(&bound, next));
    links.extend(next.map(|next| ("next", shown.address(&ask.base, Some(&next)))));
    Ok(Answer::of_resource(StatusCode::OK, bundle(ask, query, &found, &links)))
}

/// A page of matches that are kept, from as many looks as it takes; it is shorter where these are too many. How many there
/// are of them is not known.
async fn look_for(ask: &Ask, query: &Query, mut place: Option<String>, keep: &Keep) -> Result<Page, Failure> {
    let mut query = query.clone();
    let mut page: Option<Page> = None;
    for _ in 0..LOOKS_MAX {
        let mut found = look(ask, &query, place.as_deref()).await?;
        found.versions.retain(|version| keep(version));
        query.count -= u32::try_from(found.versions.len()).expect("a page has no more than it was asked for");
        if let Some(page) = page {
            found.versions.splice(0..0, page.versions);
        }
        place.clone_from(&found.next);
        page = Some(Page { total: None, ..found });
        if query.count == 0 || place.is_none() {
            break;
        }
    }
    Ok(page.expect("it looked once"))
}

/// The page that begins at the place, or the first as it is now.
async fn look(ask: &Ask, query: &Query, place: Option<&str>) -> Result<Page, Failure> {
    let (record, access) = (&ask.app.record, &ask.access);
    let first = match (place, ask.at) {
        (None, at) => at,
        (Some(place), _) => {
            let position = place.strip_prefix(FIRST).map(str::parse).transpose();
            position.map_err(|_| ReadError::BadPage)?
        }
    };
    match first {
        Some(position) => Ok(record.search_at(access, query, position).await?),
        None => Ok(record.search(access, query, place).await?),
    }
}

/// Matches, what they bring with them, and what there is to say beside them.
fn bundle(ask: &Ask, query: &Query, found: &Page, links: &[(&str, String)]) -> Vec<u8> {
    let mut bundle = Bundle::begin("searchset", found.total, links);
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
        let warnings: Vec<fhir::Issue> = query.warnings.iter().chain(&found.warnings).cloned().collect();
        if !warnings.is_empty() {
            bundle.outcome(&warnings);
        }
    }
    bundle.end()
}

/// What the matches refer to that is in no patient's compartment, each once, as it was at the page's moment.
async fn surroundings(ask: &Ask, found: &Page) -> Result<Vec<Version>, Failure> {
    let is_nobodys = |kind: &str| kind != "Patient" && membership("Patient", kind).is_empty();
    let mut keys = BTreeSet::new();
    for body in found.versions.iter().filter_map(|version| version.body.as_deref()) {
        let Ok(mut resource) = fhir::json::read(body) else { continue };
        relink(&mut resource, &mut |link, text| {
            if let (Link::Reference, Some(Literal::Local { kind, id, .. })) = (link, literal(text))
                && is_nobodys(kind)
            {
                keys.insert(Key::new(kind, id));
            }
            None
        });
    }
    let keys: Vec<Key> = keys.into_iter().take(SURROUNDINGS_MAX).collect();
    let versions = ask.app.record.current_at(&ask.access, &keys, found.position).await?;
    Ok(versions.into_iter().flatten().collect())
}

impl Scope {
    pub fn compartment((kind, id, inner): (String, String, String)) -> Result<Scope, Failure> {
        if inner.starts_with('$') {
            return Err(no_operation());
        }
        let key = key_of(&(kind, id))?;
        let inner = if inner == "*" { None } else { Some(kind_of(&inner)?) };
        Ok(Scope::Compartment { kind: key.kind, id: key.id, inner })
    }

    /// The query within this scope.
    pub fn read(&self, ask: &Ask, pairs: &[(String, String)]) -> Result<Query, Failure> {
        let invalid = |issues| Failure::of(Kind::Invalid, issues);
        let (limits, registry) = (ask.app.config.search.reading(), ask.app.record.registry());
        let (handling, context) = (ask.form.handling, Context { registry: &registry, limits: &limits });
        match self {
            Scope::Kind(kind) => Query::parse_within(context, kind, pairs, handling).map_err(invalid),
            Scope::All => Query::across(context, pairs, handling).map_err(invalid),
            Scope::Compartment { kind, id, inner } => {
                let query = match inner {
                    Some(inner) => Query::parse_within(context, inner, pairs, handling),
                    None => Query::across(context, pairs, handling),
                };
                query.map_err(invalid)?.within(kind, id).map_err(|issue| Failure::of(Kind::NotFound, vec![issue]))
            }
        }
    }

    fn path(&self) -> String {
        match self {
            Scope::Kind(kind) => (*kind).to_owned(),
            Scope::All => String::new(),
            Scope::Compartment { kind, id, inner } => format!("{kind}/{id}/{}", inner.unwrap_or("*")),
        }
    }
}

impl Shown {
    /// What a page link is good for: all that was understood of the query but how it is written.
    fn bound(&self) -> String {
        let pairs = self.used.iter().filter(|(name, _)| !Form::is_shape(name));
        format!("{}{}", self.path, http::query(pairs.map(|(name, value)| (name.as_str(), value.as_str()))))
    }

    /// Whether it is about a person of several sources.
    fn names_golden(&self) -> bool {
        let words = self.used.iter().flat_map(|(_, value)| value.split(',')).chain([self.path.as_str()]);
        let mut parts = words.flat_map(|word| word.split('/'));
        parts.any(|part| Key::new("Patient", part).is_golden())
    }

    /// The address of a page.
    fn address(&self, base: &str, page: Option<&str>) -> String {
        let used = self.used.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let slash = if self.path.is_empty() { "" } else { "/" };
        format!("{base}{slash}{}{}", self.path, http::query(used.chain(page.map(|page| (PAGE, page)))))
    }
}
