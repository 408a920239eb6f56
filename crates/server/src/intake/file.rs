//! From what a message says to what is committed: where it is filed, and the next version of everything it speaks of.

use std::collections::HashMap;

use consent::Access;
use fhir::apply::{self, Change, Current, Op, State};
use fhir::{Issue, IssueType, Resource};
use gateway::{Merging, Planned, Translation};
use hl7v2::Message;
use identity::linkage::{Pair, Verdict};
use record::{Commit, Expect, Key, ReadError, Record, Redirect, Remembered, Time, Version, Write};

use super::merge::{self, Standing, Step};
use super::rewrite::{self, Redirected};
use super::{follow, guard};
use crate::source::Source;

/// What a message comes to.
pub struct Filed {
    pub commit: Commit,
    pub issues: Vec<Issue>,
    /// Why a person must look at it; nothing of it was applied then (but a stub of a survivor nobody knew).
    pub parked: Option<Issue>,
    /// What it says of two Patients being one person or two, to be decided once it is stored.
    pub told: Vec<(Pair, Verdict)>,
}

/// The Patients that a message speaks of, by the ids that it names.
pub fn patients(translation: &Translation<'_>) -> Vec<String> {
    let planned = translation.planned.iter().filter(|planned| planned.change.kind == "Patient" && !planned.transient);
    let merged = translation.merges.iter().filter(|merging| merging.kind == "Patient");
    let mut ids: Vec<String> = planned.map(|planned| planned.change.id.clone()).collect();
    ids.extend(merged.flat_map(|merging| [merging.survivor.clone(), merging.prior.clone()]));
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// When it happened: EVN-6, EVN-2, MSH-7.
pub fn event_time(message: &Message<'_>, source: &Source) -> Option<Time> {
    let evn = message.segments().find(|segment| segment.id() == "EVN");
    let of_evn = evn.into_iter().flat_map(|evn| [6, 2].map(|field| evn.field(field).component(1).text()));
    let msh = std::iter::once(message.field(0, 7).component(1).text());
    let time = of_evn.chain(msh).find_map(|text| gateway::event_time(&text, source.gateway.zone.as_ref()))?;
    Some(Time(time.low_us))
}

/// Computes what is to be committed, from the record as it is now. `moves` lets a result come to belong to another
/// patient.
pub async fn file(
    record: &Record,
    access: &Access,
    source: &Source,
    translation: &Translation<'_>,
    moves: bool,
    now: Time,
) -> Result<Filed, ReadError> {
    let known = Known::read(record, access, translation).await?;
    let mut filing = Filing {
        known: &known,
        source,
        moves,
        now,
        redirects: Vec::new(),
        places: HashMap::new(),
        told: Vec::new(),
        next: Vec::new(),
        issues: Vec::new(),
    };
    if let Some(kind) = translation.unnamed.iter().find(|kind| **kind == "Patient") {
        let text = format!("nothing in it names the {kind}: no identifier of a type that the source is configured for");
        return Ok(filing.park(record, Issue::error(IssueType::Required, "PID-3", text)));
    }
    if let Err(reason) = filing.merges(&translation.merges) {
        filing.stubs_of_survivors(translation);
        return Ok(filing.park(record, reason));
    }
    if let Err(reason) = filing.changes(record, translation).await? {
        filing.next.clear();
        filing.redirects.clear();
        return Ok(filing.park(record, reason));
    }
    filing.snapshots(record, access, translation).await?;
    Ok(filing.done(record))
}

/// The record as far as a message touches it.
struct Known {
    /// Where messages for an id are filed; ids that stand for themselves are not listed.
    resolved: HashMap<Key, Key>,
    current: HashMap<Key, Version>,
}

impl Known {
    async fn read(record: &Record, access: &Access, translation: &Translation<'_>) -> Result<Known, ReadError> {
        let stored = translation.planned.iter().filter(|planned| !planned.transient);
        let mut keys: Vec<Key> =
            stored.map(|planned| Key::new(planned.change.kind, planned.change.id.clone())).collect();
        keys.extend(
            translation.merges.iter().flat_map(|m| [Key::new(m.kind, &m.survivor), Key::new(m.kind, &m.prior)]),
        );
        let targets = record.resolve(&keys).await?;
        let resolved: HashMap<Key, Key> = keys.iter().cloned().zip(targets).filter(|(from, to)| from != to).collect();
        keys.extend(resolved.values().cloned());
        keys.sort_unstable();
        keys.dedup();
        let versions = record.current_many(access, &keys).await?;
        let current = keys.into_iter().zip(versions).filter_map(|(key, version)| Some((key, version?))).collect();
        Ok(Known { resolved, current })
    }

    fn resolve(&self, key: Key) -> Key {
        self.resolved.get(&key).cloned().unwrap_or(key)
    }

    /// The newest version of a resource that is there.
    fn resource(&self, key: &Key) -> Option<&[u8]> {
        self.current.get(key)?.body.as_deref()
    }
}

/// The next version of one resource, while changes are applied to it.
struct Next<'k> {
    key: Key,
    expect: Expect,
    resource: Resource<'k>,
    state: State,
    /// Whether the state is another than the one that is stored.
    remembers: bool,
    changed: bool,
    time: Option<i64>,
    groups: Vec<u64>,
}

struct Filing<'k> {
    known: &'k Known,
    source: &'k Source,
    /// Whether a resource may come to belong to another patient.
    moves: bool,
    now: Time,
    redirects: Vec<Redirect>,
    places: HashMap<Key, Key>,
    told: Vec<(Pair, Verdict)>,
    next: Vec<Next<'k>>,
    issues: Vec<Issue>,
}

impl<'k> Filing<'k> {
    /// Where messages for `key` are filed once this one is committed.
    fn place(&self, kind: &str, id: &str) -> Key {
        let key = self.known.resolve(Key::new(kind, id));
        self.places.get(&key).cloned().unwrap_or(key)
    }

    fn merges(&mut self, merges: &[Merging]) -> Result<(), Issue> {
        for merging in merges {
            let survivor = self.place(merging.kind, &merging.survivor);
            let prior = self.place(merging.kind, &merging.prior);
            let standing = Standing {
                survivor_known: self.known.resource(&survivor).is_some(),
                prior_known: self.known.resource(&prior).is_some(),
                survivor,
                prior,
            };
            match merge::step(merging, &standing) {
                Step::Nothing => {}
                Step::Park(reason) => return Err(reason),
                Step::Tell(pair, verdict) => self.told.push((pair, verdict)),
                Step::Redirect(redirect) => {
                    if let Redirect::Begin { kind, from, to, .. } = &redirect {
                        self.places.insert(Key::new(kind, from), Key::new(kind, to));
                    }
                    self.redirects.push(redirect);
                }
            }
        }
        Ok(())
    }

    /// A survivor that nobody has heard of is made from what the message says, so that a person can confirm the merge.
    fn stubs_of_survivors(&mut self, translation: &Translation<'k>) {
        for merging in &translation.merges {
            let unknown = self.known.resource(&Key::new(merging.kind, &merging.survivor)).is_none();
            let planned =
                translation.planned.iter().find(|p| p.change.kind == merging.kind && p.change.id == merging.survivor);
            if let (true, Some(planned)) = (unknown, planned) {
                let stub = Change { stub: true, ..planned.change.clone() };
                self.apply(Key::new(merging.kind, &merging.survivor), stub, planned.stamp, planned.scope);
            }
        }
    }

    async fn changes(
        &mut self,
        record: &Record,
        translation: &Translation<'k>,
    ) -> Result<Result<(), Issue>, ReadError> {
        let redirected = self.redirected(translation);
        let stored = |key: &Key| follow::subject(&fhir::json::read(self.known.resource(key)?).ok()?);
        let followed = follow::followed(record, translation, |key| self.place(&key.kind, &key.id), stored).await?;
        for planned in translation.planned.iter().filter(|planned| !planned.transient) {
            let place = self.place(planned.change.kind, &planned.change.id);
            let named = Key::new(planned.change.kind, planned.change.id.clone());
            // Of a result that is filed elsewhere a person moved it: what it says goes there too.
            if place != named && planned.same.is_none() && self.known.resource(&named).is_some() {
                self.note(
                    &place,
                    "was merged into another record: what came for it was filed there, what it says of itself was left",
                );
                continue;
            }
            let mut change = planned.change.clone();
            rewrite::rewrite(&mut change.writes, &redirected);
            if let Some((told, meant)) = followed.get(&named) {
                let told = redirected.get(told).unwrap_or(told).clone();
                rewrite::rewrite(&mut change.writes, &Redirected::from([(told, meant.clone())]));
                // The visit that the message names is the other patient's.
                change.writes.retain(|write| write.path != ["encounter"]);
                self.note(&place, "was moved to another patient by a person: what came for it follows");
            }
            if let Some(reason) = self.wrong_person(&place, &change) {
                return Ok(Err(reason));
            }
            if let Some(reason) = self.other_subject(record, &place, &change, planned).await? {
                return Ok(Err(reason));
            }
            self.apply(place, change, planned.stamp, planned.scope);
        }
        for redirect in self.redirects.clone() {
            if let Redirect::Begin { kind, from, to, why: record::Why::Merged } = redirect {
                let merged = translation.merges.iter().find(|merging| merging.kind == kind);
                for change in merged.map_or_else(Vec::new, |merging| merge::changes(merging.kind, &from, &to)) {
                    self.apply(Key::new(change.kind, change.id.clone()), change, "", None);
                }
            }
        }
        Ok(Ok(()))
    }

    /// References that have to name where things are filed.
    fn redirected(&self, translation: &Translation<'_>) -> Redirected {
        let named = translation.planned.iter().map(|planned| (planned.change.kind, planned.change.id.as_str()));
        let moved = named.filter_map(|(kind, id)| {
            let place = self.place(kind, id);
            (place.id != id).then(|| (format!("{kind}/{id}"), format!("{kind}/{}", place.id)))
        });
        moved.collect()
    }

    fn note(&mut self, place: &Key, text: &str) {
        let (path, text) = (format!("{}/{}", place.kind, place.id), text.to_owned());
        self.issues.push(Issue::information(IssueType::Informational, path, text));
    }

    fn wrong_person(&self, place: &Key, change: &Change<'_>) -> Option<Issue> {
        if place.kind != "Patient" || change.stub {
            return None;
        }
        let version = self.known.current.get(place)?;
        let state = state_of(version);
        if state.stub {
            return None;
        }
        let known = fhir::json::read(version.body.as_deref()?).ok()?;
        guard::wrong_person(&known, &apply::apply(None, change.clone()).resource)
    }

    /// A result stays its patient's: an order number that comes again under another patient is parked.
    async fn other_subject(
        &self,
        record: &Record,
        place: &Key,
        change: &Change<'_>,
        planned: &Planned<'_>,
    ) -> Result<Option<Issue>, ReadError> {
        let (Some(element), Some(body), false) = (planned.same, self.known.resource(place), self.moves) else {
            return Ok(None);
        };
        let Ok(known) = fhir::json::read(body) else { return Ok(None) };
        let told = change.writes.iter().find(|write| write.path == [element]).and_then(|write| match &write.op {
            Op::Set(node) | Op::Fill(node) => node.as_object()?.str("reference"),
            _ => None,
        });
        let before = known.get(element).and_then(|node| node.as_object()?.str("reference"));
        let (Some(told), Some(before)) = (told, before) else { return Ok(None) };
        if told == before {
            return Ok(None);
        }
        let key = before.split_once('/').map(|(kind, id)| Key::new(kind, id));
        let now = match key {
            Some(key) => record.resolve(&[key]).await?.pop(),
            None => None,
        };
        Ok(match now {
            Some(now) if format!("{}/{}", now.kind, now.id) == told => None,
            _ => Some(guard::other_subject(element)),
        })
    }

    fn apply(&mut self, place: Key, mut change: Change<'k>, stamp: &str, scope: Option<u64>) {
        change.id.clone_from(&place.id);
        let time = change.time.map(|time| time.low_us);
        let at = match self.next.iter().position(|next| next.key == place) {
            Some(at) => at,
            None => match self.known.current.get(&place).and_then(read) {
                Some((resource, state)) => {
                    let expect = self.expect(&place);
                    let (changed, remembers, groups) = (false, false, Vec::new());
                    self.next.push(Next {
                        key: place,
                        expect,
                        resource,
                        state,
                        remembers,
                        changed,
                        time: None,
                        groups,
                    });
                    self.next.len() - 1
                }
                None => {
                    let applied = apply::apply(None, change);
                    let mut state = applied.state;
                    stamp.clone_into(&mut state.profile);
                    self.issues.extend(applied.issues);
                    self.next.push(Next {
                        expect: self.expect(&place),
                        key: place,
                        resource: applied.resource,
                        state,
                        remembers: true,
                        changed: true,
                        time,
                        groups: scope.into_iter().collect(),
                    });
                    return;
                }
            },
        };
        let next = &mut self.next[at];
        let applied = apply::apply(Some(Current { resource: &next.resource, state: &next.state }), change);
        next.changed |= applied.changed;
        next.remembers |= applied.state != next.state;
        next.resource = applied.resource;
        next.state = applied.state;
        next.time = time.or(next.time);
        if !stamp.is_empty() {
            stamp.clone_into(&mut next.state.profile);
        }
        next.groups.extend(scope.filter(|scope| !next.groups.contains(scope)));
        self.issues.extend(applied.issues);
    }

    fn expect(&self, key: &Key) -> Expect {
        self.known.current.get(key).map_or(Expect::Absent, |version| Expect::Version(version.vid))
    }

    /// Members of a list that the message no longer names are gone (`safety.md` 5).
    async fn snapshots(
        &mut self,
        record: &Record,
        access: &Access,
        translation: &Translation<'k>,
    ) -> Result<(), ReadError> {
        for snapshot in &translation.snapshots {
            let members = record.members(access, snapshot.kind, snapshot.scope).await?;
            let present: Vec<String> = snapshot.present.iter().map(|id| self.place(snapshot.kind, id).id).collect();
            let missing: Vec<Key> = members
                .into_iter()
                .map(|member| Key::new(snapshot.kind, member.id))
                .filter(|key| !present.contains(&key.id))
                .collect();
            for version in record.current_many(access, &missing).await?.into_iter().flatten() {
                let Some(body) = &version.body else { continue };
                let Ok(resource) = fhir::json::read(body) else { continue };
                let (writes, id) = (snapshot.gone(), version.key.id.clone());
                let change = Change { kind: snapshot.kind, id, rank: 0, time: snapshot.time, stub: false, writes };
                let state = state_of(&version);
                let applied = apply::apply(Some(Current { resource: &resource, state: &state }), change);
                self.next.push(Next {
                    key: version.key.clone(),
                    expect: Expect::Version(version.vid),
                    resource: applied.resource.into_owned(),
                    remembers: applied.state != state,
                    state: applied.state,
                    changed: applied.changed,
                    time: snapshot.time.map(|time| time.low_us),
                    groups: vec![snapshot.scope],
                });
            }
        }
        Ok(())
    }

    fn park(self, record: &Record, reason: Issue) -> Filed {
        Filed { parked: Some(reason), told: Vec::new(), ..self.done(record) }
    }

    fn done(self, record: &Record) -> Filed {
        let mut commit = Commit { now: self.now, redirects: self.redirects, ..Commit::default() };
        for mut next in self.next {
            if !next.changed {
                if let (true, Expect::Version(vid)) = (next.remembers, next.expect) {
                    commit.remembered.push(Remembered { key: next.key, vid, state: next.state.write().into_bytes() });
                }
                continue;
            }
            apply::complete(&mut next.resource);
            commit.writes.push(Write {
                expect: next.expect,
                change: record::Change::Put(record.prepare(&next.resource)),
                origin: self.source.name.clone(),
                source_time: next.time.map(Time),
                state: next.state.write().into_bytes(),
                groups: next.groups,
                key: next.key,
            });
        }
        Filed { commit, issues: self.issues, parked: None, told: self.told }
    }
}

fn state_of(version: &Version) -> State {
    State::read(std::str::from_utf8(&version.state).unwrap_or_default())
}

fn read(version: &Version) -> Option<(Resource<'_>, State)> {
    let resource = fhir::json::read(version.body.as_deref()?).ok()?;
    Some((resource, state_of(version)))
}
