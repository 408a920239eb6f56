//! References inside a transaction: to what its entries make, and by criteria (R4 §3.1.0.11.2.1 and §3.1.0.11.2.3).
//!
//! An entry's `fullUrl` stands for the resource until that has its id; a reference such as `Patient?identifier=x` stands
//! for the one resource that meets it when the transaction is done, so that what the transaction itself writes counts.

use std::collections::HashMap;

use fhir::Resource;
use fhir::links::{Link, relink};
use fhir::search::{COUNT_MAX, matches};
use record::Key;

use super::Conditions;
use super::slot::{Fate, Slot};
use crate::http::{Ask, Failure, Kind};
use crate::interaction::conditional;

/// Puts ids in place of all that stands for a resource.
pub async fn settle(ask: &Ask, slots: &mut [Slot], conditions: &mut Conditions) -> Result<(), Failure> {
    let names = names(slots)?;
    let mut criteria = HashMap::new();
    for (at, slot) in slots.iter_mut().enumerate() {
        let Some(resource) = &mut slot.resource else { continue };
        let base = slot.full_url.as_deref().and_then(base);
        let dangling = follow(resource, base, &names, &ask.base, &mut |text| {
            criteria.entry(text.to_owned()).or_insert(at);
        });
        if dangling {
            let text = "refers to a urn that is the fullUrl of no entry, so that it would lead nowhere";
            return Err(Failure::new(Kind::Invalid, text).of_entry(at));
        }
    }
    if criteria.is_empty() {
        return Ok(());
    }
    let mut found = HashMap::new();
    for (text, at) in criteria {
        let key = meant(ask, slots, &text, conditions).await.map_err(|failure| failure.of_entry(at))?;
        found.insert(text, key.to_string());
    }
    for resource in slots.iter_mut().filter_map(|slot| slot.resource.as_mut()) {
        relink(resource, &mut |link, text| found.get(text).filter(|_| link == Link::Reference).cloned());
    }
    Ok(())
}

/// What each `fullUrl` stands for.
fn names(slots: &[Slot]) -> Result<HashMap<String, String>, Failure> {
    let mut names: HashMap<String, String> = HashMap::with_capacity(slots.len());
    for (at, slot) in slots.iter().enumerate() {
        let is_there = !slot.key.id.is_empty() && slot.fate != Fate::Delete;
        let Some(url) = slot.full_url.as_deref().filter(|_| is_there) else { continue };
        let key = slot.key.to_string();
        if names.insert(url.to_owned(), key.clone()).is_some_and(|other| other != key) {
            let text = "its fullUrl is another entry's too, so that references to it mean two resources";
            return Err(Failure::new(Kind::Invalid, text).of_entry(at));
        }
    }
    Ok(names)
}

/// Rewrites what leads to an entry, and tells of what is to be searched for. Whether a urn leads nowhere.
fn follow(
    resource: &mut Resource<'static>,
    base: Option<&str>,
    names: &HashMap<String, String>,
    ours: &str,
    by_criteria: &mut dyn FnMut(&str),
) -> bool {
    let mut dangling = false;
    relink(resource, &mut |link, text| {
        // A version or a fragment of what is named stays behind the name.
        if let Some(key) = names.get(text) {
            return Some(key.clone());
        }
        if link != Link::Reference || text.starts_with('#') {
            return None;
        }
        if let Some((kind, query)) = text.split_once('?')
            && fhir::search::resource_name(kind).is_some()
            && !query.is_empty()
        {
            by_criteria(text);
            return None;
        }
        if let Some(key) = base.and_then(|base| names.get(&format!("{base}{text}"))) {
            return Some(key.clone());
        }
        dangling |= text.starts_with("urn:uuid:") || text.starts_with("urn:oid:");
        let rest = text.strip_prefix(ours)?.strip_prefix('/')?;
        fhir::reference::literal(rest).is_some().then(|| rest.to_owned())
    });
    dangling
}

/// `https://x/fhir/` of `https://x/fhir/Patient/1`: relative references of an entry are relative to it (R4 §2.36.4.1).
fn base(full_url: &str) -> Option<&str> {
    use fhir::reference::{Literal, literal};
    let Some(Literal::Absolute { kind: Some(kind), .. }) = literal(full_url) else { return None };
    full_url.rfind(&format!("/{kind}/")).map(|at| &full_url[..=at])
}

/// The one resource that meets the criteria once the transaction is done.
async fn meant(ask: &Ask, slots: &[Slot], text: &str, conditions: &mut Conditions) -> Result<Key, Failure> {
    let (kind, criteria) = text.split_once('?').expect("it was collected because it has one");
    let mut query = conditional::criteria(ask, kind, criteria)?;
    let own = || slots.iter().filter(|slot| slot.key.kind == kind && slot.writes());
    // What the transaction writes over is left out of what is found, so that as many more are looked for.
    query.count = u32::try_from(own().count() + 2).unwrap_or(COUNT_MAX).min(COUNT_MAX);
    let page = ask.app.record.search(&ask.access, &query, None).await?;
    let stored: Vec<Key> = page.versions.into_iter().map(|version| version.key).collect();
    let mut meant: Vec<Key> = stored.iter().filter(|key| !own().any(|slot| slot.key == **key)).cloned().collect();
    let written = own().filter(|slot| slot.resource.as_ref().is_some_and(|resource| matches(&query, resource)));
    meant.extend(written.map(|slot| slot.key.clone()));
    conditions.push(record::Condition { query, since: page.position, found: stored });
    let said = |what: &str| {
        let text = format!("a reference by criteria to {kind} finds {what}; it must find one resource");
        Err(Failure::new(Kind::Stale, text))
    };
    match meant.len() {
        0 => said("none"),
        1 => Ok(meant.remove(0)),
        _ => said("several"),
    }
}
