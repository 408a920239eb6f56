//! What all writes have in common: a checked resource, a commit, and what the writer is told.

use fhir::validate::{Options, is_valid, validate};
use fhir::{Node, Resource, Severity};
use identity::linkage::is_decision;
use record::{Change, Commit, CommitError, Committed, Expect, Key, Prepared, Version, Write};
use sync::home;

use super::answer::{Answer, Stamp};
use super::bounds::bounded;
use super::{identifier, subset};
use crate::app;
use crate::config::Validate;
use crate::http::{Ask, Failure, Kind};
use crate::intake::moving::is_movable;
use crate::subscription;

/// How often a write that lost a race is computed anew. Whoever wins a race is done, so that even a crowd ends.
pub const TRIES: usize = 64;

/// The resource, if it may be written under this type as it is.
pub fn checked(resource: Resource<'static>, kind: &str) -> Result<Resource<'static>, Failure> {
    if resource.kind() != kind {
        return Err(Failure::new(Kind::Invalid, format!("resourceType must be {kind}, the type in the address")));
    }
    if subset::is_subset(&resource) {
        let text = "this is a part of the resource (meta.tag says SUBSETTED); read it whole, and write it whole";
        return Err(Failure::new(Kind::Unprocessable, text));
    }
    subscription::settled(bounded(resource)?)
}

/// Makes the resource ready for the record, if the site's rules let it in.
pub fn prepared(ask: &Ask, resource: &Resource<'_>) -> Result<Prepared, Failure> {
    validated(resource, ask.app.config.fhir.validate)?;
    Ok(ask.app.record.prepare(resource))
}

/// Whether the resource meets what the site asks of a write.
pub fn validated(resource: &Resource<'_>, level: Validate) -> Result<(), Failure> {
    if level == Validate::Off {
        return Ok(());
    }
    let issues = validate(resource, &Options { least: Severity::Error, ..Options::default() });
    if is_valid(&issues) { Ok(()) } else { Err(Failure::of(Kind::Unprocessable, issues)) }
}

/// Gives the resource an id that nobody has.
pub fn named_anew(resource: &mut Resource<'static>) -> Result<Key, Failure> {
    let no_random = || Failure::new(Kind::Broken, "the system gives no random bytes to make an id of");
    let id = identifier::fresh(app::now()).ok_or_else(no_random)?;
    let key = Key::new(resource.kind(), id.clone());
    resource.object.set("id", Node::text(id));
    Ok(key)
}

/// One change of one resource. `current` is what it replaces.
///
/// What merging remembers of a resource that messages made goes on to its next version, so that a message that comes
/// later is still compared with the ones before it.
pub fn write(ask: &Ask, key: &Key, change: Change, current: Option<&Version>) -> Write {
    Write {
        key: key.clone(),
        expect: current.map_or(Expect::Absent, |version| Expect::Version(version.vid)),
        change,
        origin: ask.access.who().to_owned(),
        source_time: None,
        state: current.map(|version| version.state.clone()).unwrap_or_default(),
        groups: Vec::new(),
    }
}

/// What a person moved to another patient (`safety.md` 14) is not made valid again where it was by whoever writes it there
/// again. `current` is what would be replaced.
pub async fn not_moved(ask: &Ask, current: Option<&Version>) -> Result<(), Failure> {
    let is_error = |version: &&Version| {
        let body = version.body.as_deref().and_then(|body| std::str::from_utf8(body).ok());
        body.is_some_and(|body| body.contains("entered-in-error"))
    };
    let Some(Version { key, .. }) = current.filter(is_error).filter(|version| is_movable(&version.key.kind)) else {
        return Ok(());
    };
    match ask.app.record.resolve(std::slice::from_ref(key)).await?.pop() {
        Some(filed) if filed != *key => {
            let text = format!("{key} was moved to another patient, and is {filed} now: write that, or move it back");
            Err(Failure::new(Kind::Conflict, text))
        }
        _ => Ok(()),
    }
}

/// All of it, durable when this returns, or nothing.
pub async fn commit(ask: &Ask, commit: Commit) -> Result<Committed, CommitError> {
    let is_identitys = |key: &&Key| key.is_golden() || is_decision(key);
    if let Some(key) = commit.writes.iter().map(|write| &write.key).find(is_identitys) {
        let sources = sources(ask, key).await;
        return Err(CommitError::ReadOnly { key: key.clone(), sources });
    }
    let is_others = |write: &&Write| home::is_replica(&write.key.id) && home::node_of(&write.origin).is_none();
    if commit.writes.iter().any(|write| is_others(&write)) {
        let why = "a resource of this name is at home at another node (meta.source) and read-only here: write it there";
        return Err(CommitError::Refused(why));
    }
    let committed = ask.app.record.commit(&ask.access, commit).await;
    if committed == Err(CommitError::Broken) {
        ask.app.shutdown.broken();
    }
    committed
}

/// The sources of a golden Patient, as far as whoever asks may know.
async fn sources(ask: &Ask, golden: &Key) -> Vec<String> {
    let found = ask.app.record.read(&ask.access, golden).await.ok().flatten();
    let body = found.and_then(|version| version.body);
    let resource = body.as_deref().and_then(|body| fhir::json::read(body).ok());
    resource.map(|golden| record::sources_of(&golden)).unwrap_or_default()
}

/// The answer to one write that was committed as the only one.
pub fn answer(ask: &Ask, prepared: &Prepared, committed: &Committed, created: bool) -> Answer {
    let stamp = Stamp { vid: committed.versions[0].vid, time: committed.time };
    shown(ask, prepared.key(), Some(prepared), stamp, created)
}

/// The answer to a write that made this version; with the resource, where it was kept.
pub fn shown(ask: &Ask, key: &Key, kept: Option<&Prepared>, stamp: Stamp, created: bool) -> Answer {
    let at = created.then(|| address(ask, key, stamp.vid));
    let (vid, time) = (stamp.vid, stamp.time);
    // Whoever may write and not read is told that it is done.
    let kept = kept.filter(|_| ask.access.read().covers(&key.kind));
    Answer::written(ask.form.wanted(), key, stamp, at, || kept.map(|prepared| prepared.shown(vid, time)))
}

/// Where a version is.
pub fn address(ask: &Ask, key: &Key, vid: u64) -> String {
    format!("{}/{key}/_history/{vid}", ask.base)
}
