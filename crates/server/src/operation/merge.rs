//! `Patient/$merge` and `Patient/$unmerge`: two files of one source become one (`safety.md` 4), and are two again.
//!
//! R4 has no such operations; the names of the parameters are those of R5's `Patient/$merge`. What is done is what an HL7 v2
//! merge does: the prior is retired and refers to the survivor, stored references stay as they are, and a search by
//! either finds what is filed under both. Asked again, it answers as before and writes nothing, so that a client that lost an answer may
//! ask until it has one. `preview` writes nothing at all.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;
use fhir::reference::{Literal, literal};
use fhir::{Node, Object, Resource};
use record::{Change, Commit, CommitError, HistoryOf, HistoryQuery, Key, Redirect, Version, Why};

use crate::app;
use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::update::crowd;
use crate::interaction::{Answer, gone, not_found, write};

/// Versions that are looked through for what the prior was before it was merged.
const FORMER_MAX: usize = 1_000;

pub async fn merge(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    let asked = Asked::read(&http::fhir_body(&request, payload, &ask.app.config.http).await?)?;
    http::detached(async move { Ok(http::answer(run(&ask, &asked, joined).await?)) }).await
}

pub async fn unmerge(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    let asked = Asked::read(&http::fhir_body(&request, payload, &ask.app.config.http).await?)?;
    http::detached(async move { Ok(http::answer(run(&ask, &asked, parted).await?)) }).await
}

struct Asked {
    /// What becomes of no use.
    source: Key,
    /// What stays.
    target: Key,
    preview: bool,
}

impl Asked {
    fn read(given: &Resource<'_>) -> Result<Asked, Failure> {
        const FORM: &str = "send Parameters with `source-patient` and `target-patient`, each a valueReference to a Patient, \
                            and `preview` (valueBoolean) where nothing is to be written";
        let parameter = |name: &str| {
            let mut given = given.object.items("parameter").iter().filter_map(Node::as_object);
            given.find(|of| of.str("name") == Some(name))
        };
        let patient = |name: &str| {
            let reference = parameter(name).and_then(|of| of.get("valueReference")?.as_object()?.str("reference"));
            match reference.and_then(literal) {
                Some(Literal::Local { kind: "Patient", id, .. }) => Ok(Key::new("Patient", id)),
                _ => Err(Failure::new(Kind::Invalid, FORM)),
            }
        };
        let (source, target) = (patient("source-patient")?, patient("target-patient")?);
        if source == target || source.is_golden() || target.is_golden() {
            let text =
                "a merge is of two different Patients of sources; whether sources are one person is $identity-decide's";
            return Err(Failure::new(Kind::Unprocessable, text));
        }
        let preview = parameter("preview").and_then(|of| of.get("valueBoolean")) == Some(&Node::Bool(true));
        Ok(Asked { source, target, preview })
    }
}

/// Both Patients as they are.
struct Standing {
    source: Version,
    target: Version,
    /// Whether the source is filed under the target by now.
    merged: bool,
}

/// What is to be written; none where it is done already.
type Step = Option<(Resource<'static>, Resource<'static>, Redirect)>;
type Decide = fn(&Asked, &Standing, Option<Resource<'static>>) -> Result<Step, Failure>;

async fn run(ask: &Ask, asked: &Asked, decide: Decide) -> Result<Answer, Failure> {
    for _ in 0..write::TRIES {
        let standing = standing(ask, asked).await?;
        let former = former(ask, asked).await?;
        let Some((source, target, redirect)) = decide(asked, &standing, former)? else {
            return Ok(answer(asked, standing.target.body.as_deref().unwrap_or_default(), asked.preview));
        };
        let (source, target) = (write::prepared(ask, &source)?, write::prepared(ask, &target)?);
        let (vid, time) = (standing.target.vid + 1, app::now());
        if asked.preview {
            return Ok(answer(asked, &target.shown(vid, time), true));
        }
        let writes = vec![
            write::write(ask, &asked.source, Change::Put(source), Some(&standing.source)),
            write::write(ask, &asked.target, Change::Put(target.clone()), Some(&standing.target)),
        ];
        let commit = Commit { now: time, writes, redirects: vec![redirect], ..Commit::default() };
        match write::commit(ask, commit).await {
            Ok(committed) => return Ok(answer(asked, &target.shown(vid, committed.time), false)),
            Err(CommitError::Stale(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(crowd())
}

async fn standing(ask: &Ask, asked: &Asked) -> Result<Standing, Failure> {
    let keys = [asked.source.clone(), asked.target.clone()];
    let mut found = ask.app.record.current_many(&ask.access, &keys).await?.into_iter();
    let mut next = |key: &Key| {
        let version = found.next().flatten().ok_or_else(|| not_found(key))?;
        if version.is_deleted() { Err(gone(key)) } else { Ok(version) }
    };
    let (source, target) = (next(&asked.source)?, next(&asked.target)?);
    let merged = is_merged(ask, &asked.source, &asked.target).await?;
    Ok(Standing { source, target, merged })
}

/// Whether the source is filed under the target by now. A circle is refused, and so is what another merge stands in the way of.
pub async fn is_merged(ask: &Ask, source: &Key, target: &Key) -> Result<bool, Failure> {
    let filed = ask.app.record.resolve(&[source.clone(), target.clone()]).await?;
    if filed[1] != *target {
        let text = format!("{target} was itself merged into {}: merge into that", filed[1]);
        return Err(Failure::new(Kind::Unprocessable, text));
    }
    let merged = filed[0] == *target;
    if !merged && filed[0] != *source {
        let text = format!("{source} was already merged into {}: take that back first", filed[0]);
        return Err(Failure::new(Kind::Unprocessable, text));
    }
    Ok(merged)
}

/// The source as it was before it first referred to the target as what replaced it.
async fn former(ask: &Ask, asked: &Asked) -> Result<Option<Resource<'static>>, Failure> {
    let of = HistoryOf::Resource(asked.source.clone());
    let query = HistoryQuery { of, before: None, since: None, at: None, limit: FORMER_MAX };
    let page = ask.app.record.history(&ask.access, &query).await?;
    let read = |version: &Version| Some(fhir::json::read(version.body.as_deref()?).ok()?.into_owned());
    let mut versions = page.versions.iter().filter_map(read);
    Ok(versions.find(|patient| !has_link(patient, &asked.target, "replaced-by")))
}

fn joined(asked: &Asked, standing: &Standing, _: Option<Resource<'static>>) -> Result<Step, Failure> {
    if standing.merged {
        return Ok(None);
    }
    let (mut source, mut target) = (read(&standing.source)?, read(&standing.target)?);
    retire(&mut source, &asked.target);
    take_over(&mut target, &asked.source);
    Ok(Some((source, target, redirect(&asked.source, &asked.target))))
}

/// The source is of no use any more, and refers to what replaces it.
pub fn retire(source: &mut Resource<'static>, target: &Key) {
    source.object.set("active", Node::Bool(false));
    if !has_link(source, target, "replaced-by") {
        source.object.push("link", link(target, "replaced-by"));
    }
}

/// The target refers to what it replaces.
pub fn take_over(target: &mut Resource<'static>, source: &Key) {
    if !has_link(target, source, "replaces") {
        target.object.push("link", link(source, "replaces"));
    }
}

/// From now on the target stands for the source.
pub fn redirect(source: &Key, target: &Key) -> Redirect {
    let (from, to) = (source.id.clone(), target.id.clone());
    Redirect::Begin { kind: "Patient".to_owned(), from, to, why: Why::Merged }
}

fn parted(asked: &Asked, standing: &Standing, former: Option<Resource<'static>>) -> Result<Step, Failure> {
    if !standing.merged {
        return Ok(None);
    }
    let (mut source, mut target) = (read(&standing.source)?, read(&standing.target)?);
    unlink(&mut source, &asked.target, "replaced-by");
    unlink(&mut target, &asked.source, "replaces");
    match former.and_then(|former| former.get("active").cloned().map(Node::into_owned)) {
        Some(active) => source.object.set("active", active),
        None => drop(source.object.remove("active")),
    }
    let redirect = Redirect::End { kind: "Patient".to_owned(), from: asked.source.id.clone() };
    Ok(Some((source, target, redirect)))
}

/// The Patient of a version.
pub fn read(version: &Version) -> Result<Resource<'static>, Failure> {
    let body = version.body.as_deref().unwrap_or_default();
    let read = fhir::json::read(body).map_err(|issues| Failure::of(Kind::Broken, issues))?;
    Ok(read.into_owned())
}

fn link(other: &Key, kind: &'static str) -> Node<'static> {
    let other = Object { fields: vec![("reference", Node::text(other.to_string()))] };
    Node::Object(Object { fields: vec![("other", Node::Object(other)), ("type", Node::text(kind))] })
}

fn is_link(node: &Node<'_>, other: &Key, kind: &str) -> bool {
    let Some(link) = node.as_object().filter(|link| link.str("type") == Some(kind)) else { return false };
    let reference = link.get("other").and_then(|other| other.as_object()?.str("reference"));
    reference.is_some_and(|reference| reference == other.to_string())
}

pub fn has_link(patient: &Resource<'_>, other: &Key, kind: &str) -> bool {
    patient.object.items("link").iter().any(|node| is_link(node, other, kind))
}

fn unlink(patient: &mut Resource<'static>, other: &Key, kind: &str) {
    let links: Vec<Node<'static>> =
        patient.object.items("link").iter().filter(|node| !is_link(node, other, kind)).cloned().collect();
    if links.is_empty() {
        patient.object.remove("link");
    } else {
        patient.object.set("link", Node::List(links));
    }
}

/// The survivor as it is, or as it would be.
fn answer(asked: &Asked, target: &[u8], preview: bool) -> Answer {
    let target = String::from_utf8_lossy(target);
    let Asked { source, target: key, .. } = asked;
    let body = format!(
        r#"{{"resourceType":"Parameters","parameter":[{{"name":"source-patient","valueReference":{{"reference":"{source}"}}}},{{"name":"target-patient","valueReference":{{"reference":"{key}"}}}},{{"name":"preview","valueBoolean":{preview}}},{{"name":"result","resource":{target}}}]}}"#
    );
    Answer::of_resource(StatusCode::OK, body.into_bytes())
}
