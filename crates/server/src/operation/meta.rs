//! `$meta`, `$meta-add` and `$meta-delete`: profiles, tags and labels of one resource, and those in use on a type or anywhere
//! (R4 §3.1.0.11, operations "Resource-meta").
//!
//! Adding and taking away make a version like any other change: what is filed under a label is part of the record.

use actix_web::http::StatusCode;
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fhir::search::table;
use fhir::{Node, Object, Resource};
use record::{Change, Commit, CommitError, Key};

use crate::app;
use crate::http::{self, Ask, Failure, Kind, Match};
use crate::interaction::update::{crowd, expect, stale};
use crate::interaction::{Answer, gone, key_of, kind_of, not_found, write};

/// The lists of `Meta` that the operations join and part.
const LISTS: [&str; 3] = ["profile", "security", "tag"];

pub async fn show(ask: Ask, path: Path<(String, String)>) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let version = ask.app.record.read(&ask.access, &key).await?.ok_or_else(|| not_found(&key))?;
    let body = version.body.as_deref().ok_or_else(|| gone(&key))?;
    let resource = fhir::json::read(body).map_err(|issues| Failure::of(Kind::Broken, issues))?;
    Ok(http::answer(parameters(&resource)))
}

/// All that are in use on resources of a type.
pub async fn of_kind(ask: Ask, kind: Path<String>) -> Result<HttpResponse, Failure> {
    let kind = kind_of(&kind)?;
    in_use(&ask, vec![kind]).await
}

/// All that are in use.
pub async fn of_everything(ask: Ask) -> Result<HttpResponse, Failure> {
    in_use(&ask, table().kinds().collect()).await
}

async fn in_use(ask: &Ask, kinds: Vec<&'static str>) -> Result<HttpResponse, Failure> {
    let mut all = Object::default();
    for meta in ask.app.record.metas(&ask.access, kinds).await? {
        join(&mut all, &meta);
    }
    for list in LISTS {
        if let Some(Node::List(mut items)) = all.remove(list) {
            items.sort_by(|one, other| name(one).cmp(&name(other)));
            all.set(list, Node::List(items));
        }
    }
    let mut shown = Resource::new("Basic");
    shown.object.set("meta", Node::Object(all));
    Ok(http::answer(parameters(&shown)))
}

/// What a profile or label is called: by what it is put in order.
fn name<'n>(item: &'n Node<'_>) -> (&'n str, &'n str) {
    match item {
        Node::Object(coding) => (coding.str("system").unwrap_or_default(), coding.str("code").unwrap_or_default()),
        item => (item.as_str().unwrap_or_default(), ""),
    }
}

pub async fn add(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    changed(ask, request, path, payload, join).await
}

pub async fn delete(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    changed(ask, request, path, payload, part).await
}

type Merge = fn(&mut Object<'static>, &Object<'static>);

async fn changed(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
    merge: Merge,
) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let wanted = Match::of_write(&request)?;
    let given = http::fhir_body(&request, payload, &ask.app.config.http).await?;
    let meta = given_meta(given)?;
    http::detached(async move { Ok(http::answer(run(&ask, &key, &meta, wanted, merge).await?)) }).await
}

/// The parameter `meta`.
fn given_meta(parameters: Resource<'static>) -> Result<Object<'static>, Failure> {
    let mut given = parameters.object.items("parameter").iter().filter_map(Node::as_object);
    let meta = given.find(|of| of.str("name") == Some("meta")).and_then(|of| of.get("valueMeta"));
    match meta {
        Some(Node::Object(meta)) if parameters.kind() == "Parameters" => Ok(meta.clone()),
        _ => Err(Failure::new(Kind::Invalid, "send Parameters with a parameter `meta` that has a valueMeta")),
    }
}

async fn run(
    ask: &Ask,
    key: &Key,
    given: &Object<'static>,
    wanted: Option<Match>,
    merge: Merge,
) -> Result<Answer, Failure> {
    for _ in 0..write::TRIES {
        let there = ask.app.record.current(&ask.access, key).await?.ok_or_else(|| not_found(key))?;
        let body = there.body.as_deref().ok_or_else(|| gone(key))?;
        if let Some(wanted) = &wanted {
            expect(wanted, Some(there.vid))?;
        }
        let read = fhir::json::read(body).map_err(|issues| Failure::of(Kind::Broken, issues))?;
        let mut resource = read.into_owned();
        let mut meta = match resource.object.remove("meta") {
            Some(Node::Object(meta)) => meta,
            _ => Object::default(),
        };
        merge(&mut meta, given);
        resource.object.set("meta", Node::Object(meta));
        let prepared = write::prepared(ask, &resource)?;
        let writes = vec![write::write(ask, key, Change::Put(prepared), Some(&there))];
        match write::commit(ask, Commit { now: app::now(), writes, ..Commit::default() }).await {
            Ok(_) => return Ok(parameters(&resource)),
            Err(CommitError::Stale(_)) if wanted.is_some() => return Err(stale()),
            Err(CommitError::Stale(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(crowd())
}

/// What is given is there afterwards, once.
fn join(meta: &mut Object<'static>, given: &Object<'static>) {
    for list in LISTS {
        for item in given.items(list) {
            if !meta.items(list).iter().any(|other| same(item, other)) {
                meta.push(list, item.clone());
            }
        }
    }
}

/// What is given is not there afterwards.
fn part(meta: &mut Object<'static>, given: &Object<'static>) {
    for list in LISTS {
        let kept: Vec<Node<'static>> = meta
            .items(list)
            .iter()
            .filter(|item| !given.items(list).iter().any(|of| same(item, of)))
            .cloned()
            .collect();
        match kept.is_empty() {
            true => drop(meta.remove(list)),
            false => meta.set(list, Node::List(kept)),
        }
    }
}

/// Codings are the same by system and code, whatever is displayed (R4 §2.26.3.1).
fn same(one: &Node<'_>, other: &Node<'_>) -> bool {
    match (one, other) {
        (Node::Object(one), Node::Object(other)) => {
            one.str("system") == other.str("system") && one.str("code") == other.str("code")
        }
        (one, other) => one == other,
    }
}

/// Parameters with the meta as `return`.
fn parameters(resource: &Resource<'_>) -> Answer {
    let meta = resource.get("meta").filter(|meta| meta.as_object().is_some_and(|meta| !meta.is_empty()));
    let mut shown = Resource::new("Parameters");
    if let Some(meta) = meta {
        let fields = vec![("name", Node::text("return")), ("valueMeta", meta.clone())];
        shown.object.set("parameter", Node::List(vec![Node::Object(Object { fields })]));
    }
    let mut body = Vec::new();
    fhir::json::write(&shown, &mut body);
    Answer::of_resource(StatusCode::OK, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_joined_and_parted_by_system_and_code() {
        let read = |text: &str| match fhir::json::read(text.as_bytes()).map(Resource::into_owned) {
            Ok(mut patient) => match patient.object.remove("meta") {
                Some(Node::Object(meta)) => meta,
                _ => Object::default(),
            },
            Err(issues) => panic!("{issues:?}"),
        };
        let mut meta = read(r#"{"resourceType":"Patient","meta":{"tag":[{"system":"s","code":"a","display":"A"}]}}"#);
        let given = read(
            r#"{"resourceType":"Patient","meta":{"tag":[{"system":"s","code":"a"},{"system":"s","code":"b"}],"profile":["http://p"]}}"#,
        );
        join(&mut meta, &given);
        join(&mut meta, &given);
        assert_eq!((meta.items("tag").len(), meta.items("profile").len()), (2, 1));
        part(&mut meta, &given);
        assert!(meta.is_empty(), "{meta:?}");
    }
}
