//! What each entry of a transaction is about, decided before anything is written.

use std::collections::{HashMap, HashSet};

use fhir::Resource;
use record::{Condition, Key, Position, Version};

use super::Conditions;
use crate::http::{Ask, Failure, Kind, Match};
use crate::interaction::call::{Call, Deed, Question};
use crate::interaction::conditional::{self, Found};
use crate::interaction::patch::Patch;
use crate::interaction::{not_found, update, write};
use crate::operation::feed;

/// An entry whose resource is known by its id.
pub struct Slot {
    pub key: Key,
    pub fate: Fate,
    /// What is put; none of a delete, and none of what stays.
    pub resource: Option<Resource<'static>>,
    /// The newest version that there is now, deletes included.
    pub current: Option<Version>,
    pub full_url: Option<String>,
    /// Whether the entry named the version that it is about.
    pub wanted: bool,
    /// What is only read, and the versions that the client has already.
    pub question: Option<(Question, Option<Match>)>,
}

/// What becomes of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Create,
    Update,
    Delete,
    /// Nothing: it is there already, or gone already, or only read.
    Stay,
    /// What an earlier entry with the same condition makes.
    Same(usize),
}

impl Slot {
    fn stays(key: Key, current: Option<Version>) -> Slot {
        Slot { key, fate: Fate::Stay, resource: None, current, full_url: None, wanted: false, question: None }
    }

    fn put(key: Key, resource: Resource<'static>, current: Option<Version>) -> Slot {
        let fate = if current.is_some() { Fate::Update } else { Fate::Create };
        Slot { fate, resource: Some(resource), ..Slot::stays(key, current) }
    }

    /// Whether the entry changes its resource.
    pub fn writes(&self) -> bool {
        matches!(self.fate, Fate::Create | Fate::Update | Fate::Delete)
    }
}

/// What is only read is answered when the rest is done, so that it has to be answerable before.
pub fn check_questions(ask: &Ask, calls: &[Call]) -> Result<(), Failure> {
    for (at, call) in calls.iter().enumerate() {
        if let Deed::Ask(Question::Search { scope, pairs }) = &call.deed {
            scope.read(ask, pairs).map_err(|failure| failure.of_entry(at))?;
        }
    }
    Ok(())
}

pub async fn decide(ask: &Ask, calls: Vec<Call>, conditions: &mut Conditions) -> Result<Vec<Slot>, Failure> {
    let named = current(ask, &calls).await?;
    let mut slots: Vec<Slot> = Vec::with_capacity(calls.len());
    // Two entries with one condition mean one resource, which the first of them makes.
    let mut made: HashMap<(&'static str, String), usize> = HashMap::new();
    for (at, call) in calls.into_iter().enumerate() {
        let condition = match &call.deed {
            Deed::Create { kind, unless: Some(criteria), .. } => Some((*kind, criteria.clone())),
            _ => None,
        };
        if let Some(first) = condition.as_ref().and_then(|condition| made.get(condition)).copied() {
            let same = Slot::stays(slots[first].key.clone(), None);
            slots.push(Slot { fate: Fate::Same(first), full_url: call.full_url, ..same });
            continue;
        }
        let slot = one(ask, call, &named, conditions).await.map_err(|failure| failure.of_entry(at))?;
        if let (Some(condition), Fate::Create) = (condition, slot.fate) {
            made.insert(condition, at);
        }
        slots.push(slot);
    }
    overlap(&slots)?;
    questions(ask, &slots, &named, conditions)?;
    Ok(slots)
}

/// The newest versions of resources by their id.
type Named = HashMap<Key, Option<Version>>;

/// Those of all resources that entries name, read at once.
async fn current(ask: &Ask, calls: &[Call]) -> Result<Named, Failure> {
    let keys = calls.iter().filter_map(|call| match &call.deed {
        Deed::Update { key, .. } | Deed::Patch { key, .. } | Deed::Delete { key } => Some(key),
        Deed::Ask(Question::Read { key, .. }) => Some(key),
        _ => None,
    });
    let keys: Vec<Key> = keys.cloned().collect::<HashSet<_>>().into_iter().collect();
    if keys.is_empty() {
        return Ok(Named::new());
    }
    let versions = ask.app.record.current_at(&ask.access, &keys, ask.at.unwrap_or(Position::END)).await?;
    Ok(keys.into_iter().zip(versions).collect())
}

async fn one(ask: &Ask, call: Call, named: &Named, conditions: &mut Conditions) -> Result<Slot, Failure> {
    let of = |key: &Key| named.get(key).cloned().flatten();
    let slot = match call.deed {
        Deed::Create { kind, resource, unless } => created(ask, kind, resource, unless, conditions).await?,
        Deed::Update { key, resource } => {
            let resource = write::checked(resource, &key.kind)?;
            if resource.id() != Some(key.id.as_str()) {
                let text = "the resource's id must be there and be the one in request.url";
                return Err(Failure::new(Kind::Invalid, text));
            }
            let current = of(&key);
            Slot::put(key, resource, current)
        }
        Deed::UpdateWhere { kind, criteria, resource } => {
            let mut resource = write::checked(resource, kind)?;
            let chosen = resource.id().map(str::to_owned);
            let found = search(ask, kind, &criteria, conditions).await?;
            let current = update::meant(ask, found, &mut resource, chosen.as_deref()).await?;
            if kind == "Patient" {
                feed::only_revises(ask, &resource, current.as_ref()).await?;
            }
            let key = Key::new(kind, resource.id().expect("it was given one if it had none"));
            Slot::put(key, resource, current)
        }
        Deed::Patch { key, patch } => {
            let there = of(&key).filter(|version| !version.is_deleted()).ok_or_else(|| not_found(&key))?;
            Slot::put(key, Patch::of_entry(patch)?.apply(&there)?, Some(there))
        }
        Deed::PatchWhere { kind, criteria, patch } => {
            let there = match search(ask, kind, &criteria, conditions).await? {
                Found::Several => return Err(conditional::several()),
                Found::Nobody => return Err(Failure::new(Kind::NotFound, "nothing meets the condition")),
                Found::One(version) => *version,
            };
            Slot::put(there.key.clone(), Patch::of_entry(patch)?.apply(&there)?, Some(there))
        }
        Deed::Delete { key } => {
            let current = of(&key);
            deleted(key, current)
        }
        Deed::DeleteWhere { kind, criteria } => match search(ask, kind, &criteria, conditions).await? {
            Found::Several => return Err(conditional::several()),
            Found::One(version) => deleted(version.key.clone(), Some(*version)),
            Found::Nobody => Slot::stays(Key::new(kind, ""), None),
        },
        Deed::Ask(question) => {
            let question = Some((question, call.if_none_match));
            return Ok(Slot { question, ..Slot::stays(Key::new("", ""), None) });
        }
    };
    expect(&slot, call.if_match.as_ref(), call.if_none_match.as_ref())?;
    Ok(Slot { full_url: call.full_url, wanted: call.if_match.is_some(), ..slot })
}

async fn created(
    ask: &Ask,
    kind: &'static str,
    resource: Resource<'static>,
    unless: Option<String>,
    conditions: &mut Conditions,
) -> Result<Slot, Failure> {
    let mut resource = write::checked(resource, kind)?;
    if let Some(criteria) = unless {
        match search(ask, kind, &criteria, conditions).await? {
            Found::Several => return Err(conditional::several()),
            Found::One(version) => return Ok(Slot::stays(version.key.clone(), Some(*version))),
            Found::Nobody => {}
        }
    }
    Ok(Slot::put(write::named_anew(&mut resource)?, resource, None))
}

async fn search(ask: &Ask, kind: &str, criteria: &str, conditions: &mut Conditions) -> Result<Found, Failure> {
    let (found, condition) = conditional::find(ask, conditional::criteria(ask, kind, criteria)?).await?;
    conditions.push(condition);
    Ok(found)
}

fn deleted(key: Key, current: Option<Version>) -> Slot {
    match current.filter(|version| !version.is_deleted()) {
        Some(there) => Slot { fate: Fate::Delete, ..Slot::stays(key, Some(there)) },
        None => Slot::stays(key, None),
    }
}

/// `ifMatch` and `ifNoneMatch` against what is there.
fn expect(slot: &Slot, wanted: Option<&Match>, unwanted: Option<&Match>) -> Result<(), Failure> {
    let there = slot.current.as_ref().filter(|version| !version.is_deleted()).map(|version| version.vid);
    if let Some(wanted) = wanted {
        update::expect(wanted, there)?;
    }
    if let (Some(unwanted), Some(there), true) = (unwanted, there, slot.writes())
        && unwanted.includes(there)
    {
        return Err(Failure::new(Kind::Stale, "the resource is there, and ifNoneMatch says that it must not be"));
    }
    Ok(())
}

/// "If any resource identities overlap in steps 1-3, then the transaction SHALL fail."
fn overlap(slots: &[Slot]) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for (at, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.writes()) {
        if !seen.insert(&slot.key) {
            let text = "another entry of the transaction changes this resource too; say it once";
            return Err(Failure::new(Kind::Invalid, text).of_entry(at));
        }
    }
    Ok(())
}

/// A read of what is not there, or will not be, fails the whole, like any other entry. What is there has to be there still
/// when the rest is written.
fn questions(ask: &Ask, slots: &[Slot], named: &Named, conditions: &mut Conditions) -> Result<(), Failure> {
    for (at, slot) in slots.iter().enumerate() {
        let Some((Question::Read { key, .. }, _)) = &slot.question else { continue };
        let fate = slots.iter().find(|slot| slot.writes() && slot.key == *key).map(|slot| slot.fate);
        let there = match fate {
            Some(fate) => fate != Fate::Delete,
            None => named.get(key).is_some_and(|version| version.as_ref().is_some_and(|of| !of.is_deleted())),
        };
        if !there {
            return Err(not_found(key).of_entry(at));
        }
        if let (None, Some(since)) = (fate, ask.at) {
            let query = conditional::criteria(ask, &key.kind, &format!("_id={}", key.id))?;
            conditions.push(Condition { query, since, found: vec![key.clone()] });
        }
    }
    Ok(())
}
