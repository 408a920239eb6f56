//! What another node sent: a replica of what is at home there (`sync.md`, Home).
//!
//! Only its home's versions advance a replica, each once and in the order of the home's numbers: what comes twice or late is
//! answered like success and changes nothing. A delete leaves its version behind, so that nothing from before it comes back.
//! There are no credentials yet: who sends is believed of requesters who may write everything anyway.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use consent::Reach;
use fhir::Resource;
use record::{Change, Commit, CommitError, Key, Note, Version, Write};
use sync::engine::{Arrival, arrival};
use sync::home::{self, Source, TOMBSTONES};
use sync::link::{NODE, SOURCE};

use super::answer::{Answer, Stamp};
use super::update::crowd;
use super::write;
use crate::app;
use crate::http::{Ask, Failure, Kind, header_text};

/// The node that sends.
#[derive(Debug)]
pub struct Sender {
    node: String,
    /// Of a delete, which version of its home it is.
    source: Option<String>,
}

impl Sender {
    /// None where a request does not come from a node.
    pub fn of(request: &HttpRequest) -> Result<Option<Sender>, Failure> {
        let Some(node) = header_text(request, HeaderName::from_static(NODE))? else { return Ok(None) };
        if !home::is_node(&node) {
            return Err(Failure::new(Kind::Invalid, format!("the header {NODE} is no name of a node")));
        }
        Ok(Some(Sender { node, source: header_text(request, HeaderName::from_static(SOURCE))? }))
    }

    fn may(&self, ask: &Ask) -> Result<(), Failure> {
        if *ask.access.write() == Reach::Everything && ask.app.peers.knows(&self.node) {
            return Ok(());
        }
        Err(Failure::new(Kind::Forbidden, "this node is not a peer of ours: add it here with hilum peer add"))
    }

    /// The source, if it is that of this key and not ours.
    fn checked(&self, ask: &Ask, key: &Key, source: Option<Source>) -> Result<Source, Failure> {
        if sync::stays_at_home(&key.kind) {
            let text = format!(
                "a {} is a decision or setting of the node where it was written, and does not travel",
                key.kind
            );
            return Err(Failure::new(Kind::Unprocessable, text));
        }
        let source = source.filter(|source| source.replica() == *key && source.node != ask.app.peers.node());
        let text = "what a node sends names its home and version, in meta.source, and is called as everybody calls it";
        let source = source.ok_or_else(|| Failure::new(Kind::Unprocessable, text))?;
        if source.node != self.node && !ask.app.peers.forwards(&self.node) {
            let text =
                "this is at home at a third node, and the sender is no peer that forwards: only its home may send it";
            return Err(Failure::new(Kind::Unprocessable, text));
        }
        Ok(source)
    }

    fn write(&self, key: &Key, change: Change, current: Option<&Version>) -> Write {
        Write {
            key: key.clone(),
            expect: current.map_or(record::Expect::Absent, |version| record::Expect::Version(version.vid)),
            change,
            origin: home::origin(&self.node),
            source_time: None,
            state: Vec::new(),
            groups: Vec::new(),
        }
    }
}

pub async fn put(ask: &Ask, key: Key, resource: Resource<'static>, sender: &Sender) -> Result<Answer, Failure> {
    sender.may(ask)?;
    let resource = write::checked(resource, &key.kind)?;
    let source = sender.checked(ask, &key, Source::of(&resource))?;
    let prepared = write::prepared(ask, &resource)?;
    if prepared.key() != &key {
        return Err(Failure::new(Kind::Invalid, "the resource's id must be there and be the one in the address"));
    }
    for _ in 0..write::TRIES {
        let current = ask.app.record.current(&ask.access, &key).await?;
        if arrival(held(ask, &key, current.as_ref()).await?, source.version) == Arrival::Known {
            return Ok(Answer { version: current.as_ref().map(Stamp::of), ..Answer::empty(StatusCode::OK) });
        }
        let there = current.as_ref().is_some_and(|version| !version.is_deleted());
        let writes = vec![sender.write(&key, Change::Put(prepared.clone()), current.as_ref())];
        match write::commit(ask, Commit { now: app::now(), writes, ..Commit::default() }).await {
            Ok(committed) => return Ok(write::answer(ask, &prepared, &committed, !there)),
            Err(CommitError::Stale(_) | CommitError::Moved) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(crowd())
}

pub async fn delete(ask: &Ask, key: Key, sender: &Sender) -> Result<Answer, Failure> {
    sender.may(ask)?;
    let source = sender.checked(ask, &key, sender.source.as_deref().and_then(Source::read))?;
    for _ in 0..write::TRIES {
        let current = ask.app.record.current(&ask.access, &key).await?;
        let gone = Answer::empty(StatusCode::NO_CONTENT);
        if arrival(held(ask, &key, current.as_ref()).await?, source.version) == Arrival::Known {
            return Ok(gone);
        }
        let there = current.as_ref().filter(|version| !version.is_deleted());
        let note = Note {
            follower: TOMBSTONES.to_owned(),
            name: key.to_string(),
            value: Some(source.to_string().into_bytes()),
        };
        let writes = there.map(|_| sender.write(&key, Change::Delete, current.as_ref())).into_iter().collect();
        match write::commit(ask, Commit { now: app::now(), writes, notes: vec![note], ..Commit::default() }).await {
            Ok(_) => return Ok(gone),
            Err(CommitError::Stale(_) | CommitError::Moved) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(crowd())
}

/// The version of its home that is here.
async fn held(ask: &Ask, key: &Key, current: Option<&Version>) -> Result<Option<u64>, Failure> {
    let shown = current.and_then(Source::of_version).map(|source| source.version);
    if shown.is_some() {
        return Ok(shown);
    }
    let note = ask.app.record.note(TOMBSTONES, &key.to_string()).await?;
    Ok(note.and_then(|value| Source::read(std::str::from_utf8(&value).ok()?)).map(|source| source.version))
}
