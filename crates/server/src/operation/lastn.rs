//! `Observation/$lastn`: the newest results, some of each kind (R4 §10.1.5 "Last N Observations Query").
//!
//! Two results are of one kind when they share a coding, or have no codings and the same text. What was entered in
//! error, or cancelled, is no result (`safety.md` 8) unless the query asks for it by `status`.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use fhir::Node;
use fhir::search::{COUNT_MAX, Context, Query};
use record::Version;

use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::{Answer, Bundle};

/// Of each kind, where the client does not say.
const MAX_DEFAULT: usize = 1;
/// More of each kind than this is a search.
const MAX_MAX: usize = 100;
/// Results that are looked through. More are for a narrower query.
const RESULTS_MAX: usize = 20_000;

pub async fn show(ask: Ask, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let mut pairs = http::pairs(request.query_string());
    let mut max = MAX_DEFAULT;
    if let Some(at) = pairs.iter().position(|(name, _)| name == "max") {
        let given = pairs.remove(at).1.parse().ok().filter(|max| (1..=MAX_MAX).contains(max));
        max = given.ok_or_else(|| Failure::new(Kind::Invalid, format!("max must be from 1 to {MAX_MAX}")))?;
    }
    let named = |name: &str| pairs.iter().any(|(known, _)| known.split([':', '.']).next() == Some(name));
    if !["patient", "subject"].into_iter().any(named) {
        return Err(Failure::new(Kind::Invalid, "say whose results: patient or subject"));
    }
    if !["category", "code"].into_iter().any(named) {
        return Err(Failure::new(Kind::Invalid, "say which results: category or code"));
    }
    let told = pairs.clone();
    if !named("status") {
        pairs.push(("status:not".to_owned(), "entered-in-error,cancelled".to_owned()));
    }
    pairs.push(("_sort".to_owned(), "-date".to_owned()));
    let registry = ask.app.record.registry();
    let context = Context { registry: &registry, ..Context::default() };
    let query = Query::parse_within(context, "Observation", &pairs, ask.form.handling);
    let mut query = query.map_err(|issues| Failure::of(Kind::Invalid, issues))?;
    query.count = COUNT_MAX;
    let newest = newest(&ask, &query, max).await?;
    let words: Vec<String> =
        told.iter().map(|(name, value)| format!("{}={}", http::encoded(name), http::encoded(value))).collect();
    let link = format!("{}/Observation/$lastn?max={max}&{}", ask.base, words.join("&"));
    let mut bundle = Bundle::begin("searchset", Some(newest.len() as u64), &[("self", link)]);
    for version in &newest {
        if let Some(body) = &version.body {
            bundle.found(&ask.base, version, body);
        }
    }
    Ok(http::answer(Answer::of_resource(StatusCode::OK, bundle.end())))
}

/// Up to `max` of each kind, newest first; the kind with the newest result first.
async fn newest(ask: &Ask, query: &Query, max: usize) -> Result<Vec<Version>, Failure> {
    let mut kinds = Kinds::default();
    let (mut seen, mut page) = (0, None);
    loop {
        let found = ask.app.record.search(&ask.access, query, page.as_deref()).await?;
        seen += found.versions.len();
        for version in found.versions {
            let results = kinds.of(&version);
            if results.len() < max {
                results.push(version);
            }
        }
        match found.next {
            None => return Ok(kinds.results.into_iter().flatten().collect()),
            Some(_) if seen >= RESULTS_MAX => {
                let text = format!("more than {RESULTS_MAX} results to look through; ask by code, or for a time");
                return Err(Failure::new(Kind::TooCostly, text));
            }
            next => page = next,
        }
    }
}

/// The results of each kind, in the order in which the kinds were met.
#[derive(Default)]
struct Kinds {
    names: HashMap<String, usize>,
    results: Vec<Vec<Version>>,
}

impl Kinds {
    /// The results of the kind that this one is of.
    fn of(&mut self, version: &Version) -> &mut Vec<Version> {
        let names = version.body.as_deref().map(names).unwrap_or_default();
        let known = names.iter().find_map(|name| self.names.get(name).copied());
        let kind = known.unwrap_or_else(|| {
            self.results.push(Vec::new());
            self.results.len() - 1
        });
        for name in names {
            self.names.entry(name).or_insert(kind);
        }
        &mut self.results[kind]
    }
}

/// What a result is called: its codings, or its text.
fn names(body: &[u8]) -> Vec<String> {
    let Ok(resource) = fhir::json::read(body) else { return Vec::new() };
    let Some(Node::Object(code)) = resource.get("code") else { return Vec::new() };
    let codings = code.items("coding").iter().filter_map(Node::as_object);
    let codings =
        codings.filter_map(|of| Some(format!("{}|{}", of.str("system").unwrap_or_default(), of.str("code")?)));
    let names: Vec<String> = codings.collect();
    if names.is_empty() { code.str("text").map(|text| format!("text {text}")).into_iter().collect() } else { names }
}
