//! `$reindex`: the site's own search parameters, as its active SearchParameter resources define them, put in force and
//! brought to what is stored already.
//!
//! R4 has no such operation, and leaves it to the server how a SearchParameter comes into force (SearchParameter, "status"). Here
//! nothing changes behind anybody's back: writing a SearchParameter changes no search, and POST `$reindex` makes the site's own
//! parameters exactly what the active SearchParameters define at that moment. From then on every write is indexed by them;
//! what is stored already is looked through in the background (upkeep.rs); GET `$reindex` says how far that is. A
//! parameter can be asked for when all of it is done, and until then is refused by name.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use fhir::search::{Context, Definition, Handling, OWN_MAX, Own, Query};
use fhir::{Node, Object, Resource};

use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::Answer;

pub async fn begin(ask: Ask) -> Result<HttpResponse, Failure> {
    ask.may_write("SearchParameter")?;
    let found = Found::among(&ask).await?;
    let (record, definitions) = (ask.app.record.clone(), found.definitions.clone());
    http::detached(async move { Ok(record.define(definitions).await?) }).await?;
    shown(&ask, found.left_out).await
}

pub async fn show(ask: Ask) -> Result<HttpResponse, Failure> {
    ask.may_read("SearchParameter")?;
    shown(&ask, Vec::new()).await
}

/// What the site's active SearchParameters come to.
#[derive(Default)]
struct Found {
    definitions: Vec<Definition>,
    /// Canonical URL or id, and why it is not served.
    left_out: Vec<(String, String)>,
}

impl Found {
    async fn among(ask: &Ask) -> Result<Found, Failure> {
        let pairs = [("status", "active"), ("_count", "1000")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = Query::parse_within(Context::default(), "SearchParameter", &pairs, Handling::Strict);
        let query = query.map_err(|issues| Failure::of(Kind::Broken, issues))?;
        let (mut found, mut page) = (Found::default(), None);
        loop {
            let next = ask.app.record.search(&ask.access, &query, page.as_deref()).await?;
            for version in &next.versions {
                let Some(Ok(resource)) = version.body.as_deref().map(fhir::json::read) else { continue };
                found.add(&resource);
            }
            if next.next.is_none() {
                return found.few_enough();
            }
            page = next.next;
        }
    }

    fn add(&mut self, resource: &Resource<'_>) {
        let name = || resource.str("url").or(resource.id()).unwrap_or_default().to_owned();
        match Definition::read(resource) {
            Ok(definitions) => {
                for definition in definitions {
                    let same = |other: &Definition| other.kind == definition.kind && other.code == definition.code;
                    if self.definitions.iter().any(same) {
                        let Definition { kind, code, .. } = &definition;
                        let text = format!("{kind} {code} is defined by a newer SearchParameter too, which is served");
                        self.left_out.push((name(), text));
                    } else {
                        self.definitions.push(definition);
                    }
                }
            }
            Err(issue) => self.left_out.push((name(), issue.text)),
        }
    }

    fn few_enough(self) -> Result<Found, Failure> {
        if self.definitions.len() <= OWN_MAX {
            return Ok(self);
        }
        let text = format!(
            "the active SearchParameters define {} parameters, each type counted, and at most {OWN_MAX} are served: retire some, or \
             name fewer types in base",
            self.definitions.len()
        );
        Err(Failure::new(Kind::TooCostly, text))
    }
}

/// Each parameter with its state, what was left out and why, and how far the record is looked through.
async fn shown(ask: &Ask, left_out: Vec<(String, String)>) -> Result<HttpResponse, Failure> {
    let progress = ask.app.record.reindexed().await?;
    let registry = ask.app.record.registry();
    let mut parameters = Resource::new("Parameters");
    let position = |position: record::Position| ("valueDecimal", Node::number(position));
    parameters.object.push("parameter", part("position", position(progress.position)));
    parameters.object.push("parameter", part("end", position(progress.end)));
    for Own { parameter, ready } in registry.own() {
        let parts = [
            part("type", ("valueCode", Node::text(parameter.kind))),
            part("code", ("valueCode", Node::text(parameter.code))),
            part("definition", ("valueUri", Node::text(parameter.url))),
            part("state", ("valueCode", Node::text(if *ready { "ready" } else { "indexing" }))),
        ];
        parameters.object.push("parameter", part("searchParameter", ("part", Node::List(parts.into()))));
    }
    for (name, why) in left_out {
        let parts = [part("definition", ("valueUri", Node::text(name))), part("why", ("valueString", Node::text(why)))];
        parameters.object.push("parameter", part("leftOut", ("part", Node::List(parts.into()))));
    }
    let mut json = Vec::new();
    fhir::json::write(&parameters, &mut json);
    Ok(http::answer(Answer::of_resource(StatusCode::OK, json)))
}

fn part(name: &'static str, (element, value): (&'static str, Node<'static>)) -> Node<'static> {
    let mut part = Object::default();
    part.set("name", Node::text(name));
    part.set(element, value);
    Node::Object(part)
}
