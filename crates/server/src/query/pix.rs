//! QBP^Q23: by which identifiers is this person known elsewhere? IHE PIX, ITI-9 (ITI TF-2, 3.9).
//!
//! Who is one person is the identity worker's certain links; a registration that it has not come to yet is waited for, within a bound.

use std::collections::BTreeSet;

use fhir::Node;
use fhir::search::{Handling, Query};
use hl7v2::{Issue, Kind, Message, Place};
use identity::worker::Trouble;
use record::{Key, ReadError, Version};

use super::{Desk, Found, domains, not_now, pid, place, segment, system};
use crate::app::now;

/// Steps of the worker that an answer waits for.
const STEPS_MAX: usize = 4;
/// Sources with one identifier that are looked at.
const SOURCES: &str = "20";

pub async fn find(desk: &Desk<'_>, message: &Message<'_>) -> Result<Found, Vec<Issue>> {
    let qpd = segment(message, "QPD").expect("the caller has looked for it");
    let fault = |kind, component, text: &'static str| vec![Issue::error(kind, place("QPD", 3, 1, component), text)];
    let asked = qpd.field(3);
    let value = asked.component(1).text();
    if value.is_empty() {
        return Err(fault(Kind::RequiredField, 1, "say whose identifiers are asked for"));
    }
    let named = system(desk, &asked.component(4));
    let system = named.ok_or_else(|| fault(Kind::RequiredField, 4, "say who gave the identifier"))?;
    if !is_known(desk, &system).await.map_err(|error| not_now(&error))? {
        return Err(fault(Kind::UnknownKey, 4, "nobody here has an identifier of this domain"));
    }
    let systems = domains(desk, &qpd, 4).await?;
    let keys = identified(desk, &system, &value).await.map_err(|error| not_now(&error))?;
    let Some(first) = keys.first() else {
        return Err(fault(Kind::UnknownKey, 1, "nobody here has this identifier"));
    };
    let same = same(desk, first).await?;
    if !keys.iter().all(|key| same.contains(&key.id)) {
        return Err(fault(Kind::DuplicateKey, 1, "several people here have this identifier: a person has to look"));
    }
    let keys: Vec<Key> = same.iter().map(|id| Key::new("Patient", id.as_str())).collect();
    let versions = desk.record.current_many(desk.access, &keys).await.map_err(|error| not_now(&error))?;
    let known = elsewhere(desk, &versions, (&system, &value), &systems);
    if known.is_empty() {
        return Ok(Found::default());
    }
    Ok(Found { people: vec![pid::Written::Identifiers(known)], total: 1, ..Found::default() })
}

/// All identifiers of these sources but the one that was asked by, each once.
fn elsewhere(
    desk: &Desk<'_>,
    versions: &[Option<Version>],
    asked: (&str, &str),
    systems: &[String],
) -> Vec<pid::Identifier> {
    let (mut seen, mut known) = (BTreeSet::new(), Vec::new());
    for version in versions.iter().flatten() {
        let Some(Ok(patient)) = version.body.as_deref().map(fhir::json::read) else { continue };
        for of in patient.object.items("identifier").iter().filter_map(Node::as_object) {
            let (Some(system), Some(value)) = (of.str("system"), of.str("value")) else { continue };
            let wanted = systems.is_empty() || systems.iter().any(|known| known == system);
            if wanted && (system, value) != asked && seen.insert((system.to_owned(), value.to_owned())) {
                known.extend(pid::identifier(desk, of));
            }
        }
    }
    known
}

/// The sources of the same person.
async fn same(desk: &Desk<'_>, key: &Key) -> Result<BTreeSet<String>, Vec<Issue>> {
    let later = |text: &'static str| vec![Issue::error(Kind::Application, Place::MESSAGE, text)];
    let position = desk.record.position().await.map_err(|error| not_now(&error))?;
    let reached = desk.identity.reach(position, STEPS_MAX, now()).await;
    match reached.and_then(|reached| if reached { Ok(()) } else { Err(Trouble::Warming) }) {
        Ok(()) => {}
        Err(Trouble::Read(error)) => return Err(not_now(&error)),
        Err(_) => return Err(later("who is one person is not known yet: ask again in a moment")),
    }
    match desk.identity.same(&key.id).await {
        Ok((same, _)) => Ok(same),
        Err(_) => Err(later("who is one person is not known yet: ask again in a moment")),
    }
}

/// Whether anybody here has an identifier of a domain.
pub async fn is_known(desk: &Desk<'_>, system: &str) -> Result<bool, ReadError> {
    Ok(!search(desk, format!("{}|", super::pdq::escaped(system))).await?.is_empty())
}

/// The sources with this identifier, each by where it is filed now.
async fn identified(desk: &Desk<'_>, system: &str, value: &str) -> Result<Vec<Key>, ReadError> {
    let found = search(desk, format!("{}|{}", super::pdq::escaped(system), super::pdq::escaped(value))).await?;
    let keys: Vec<Key> = found.into_iter().map(|version| version.key).collect();
    let mut keys = desk.record.resolve(&keys).await?;
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

async fn search(desk: &Desk<'_>, token: String) -> Result<Vec<Version>, ReadError> {
    let pairs = [("identifier", token.as_str()), ("_count", SOURCES), ("_total", "none")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let query = Query::parse("Patient", &pairs, Handling::Strict).expect("a token is searched for by its escaped text");
    let found = desk.record.search(desk.access, &query, None).await?;
    Ok(found.versions.into_iter().filter(|version| !version.key.is_golden()).collect())
}
