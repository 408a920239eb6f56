//! A patient identity feed over HTTP (IHE PIXm, ITI-104): what a conditional update of a Patient does beyond writing it.
//!
//! `PUT Patient?identifier=system|value` adds a Patient or revises it. One that newly says that it was replaced by another
//! (`link.type` replaced-by) is merged into that one, as `$merge` does it (`safety.md` 4). The survivor may be named by its
//! reference or by its identifier. One that nobody knows is made, with what is told of it alone, and is marked
//! for a person to look at: `Patient?_tag=urn:hilum:identity|unknown-survivor`. The mark goes when the feed tells who that is.
//!
//! An identifier that comes with somebody else's birth date, sex and name is refused. What comes later for a Patient that was
//! merged is refused and names the survivor: it would wake what is retired. A revision does not know what its Patient replaces,
//! and does not take it away. Taking a merge back is `$unmerge`'s.

use fhir::reference::{Literal, literal};
use fhir::{Issue, IssueType, Node, Object, Resource};
use identity::golden::TAG_SYSTEM;
use record::{Change, Commit, CommitError, Condition, Key, Version};

use super::merge;
use crate::app;
use crate::http::{self, Ask, Failure, Kind, Match, Return};
use crate::intake::guard;
use crate::interaction::{Answer, conditional, update, write};

/// The tag of a Patient that was made only because another was replaced by it.
const UNKNOWN: &str = "unknown-survivor";
const REPLACED_BY: &str = "replaced-by";
const REPLACES: &str = "replaces";

/// Writes a Patient that a conditional update sends in place of `current`. None where somebody else was quicker.
pub async fn put(
    ask: &Ask,
    patient: &Resource<'static>,
    wanted: Option<&Match>,
    current: Option<&Version>,
    condition: Condition,
) -> Result<Option<Answer>, Failure> {
    let there = current.filter(|version| !version.is_deleted());
    let before = there.map(merge::read).transpose()?;
    let key = Key::new("Patient", patient.id().expect("it was given one if it had none"));
    let mut patient = patient.clone();
    if let Some(before) = &before {
        same_person(before, &patient)?;
        keep_replaced(&mut patient, before);
    }
    let Some(named) = Named::of(ask, &patient)? else {
        awake(ask, &key).await?;
        return update::replace(ask, &patient, wanted, current, vec![condition]).await;
    };
    let survivor = named.find(ask, &key).await?;
    refer(&mut patient, &survivor.key);
    merge::retire(&mut patient, &survivor.key);
    if before.is_some_and(|before| merge::has_link(&before, &survivor.key, REPLACED_BY)) {
        return update::replace(ask, &patient, wanted, current, vec![condition]).await;
    }
    if merge::is_merged(ask, &key, &survivor.key).await? {
        return update::replace(ask, &patient, wanted, current, vec![condition]).await;
    }
    if let Some(wanted) = wanted {
        update::expect(wanted, there.map(|version| version.vid))?;
    }
    join(ask, &patient, wanted.is_some(), current, condition, survivor).await
}

/// The wrong-patient guard (`safety.md` 1): a number that was used again would put one person in the place of another. Who means it
/// says so by an update by id.
fn same_person(known: &Resource<'_>, told: &Resource<'_>) -> Result<(), Failure> {
    if guard::wrong_person(known, told).is_none() {
        return Ok(());
    }
    let text = "birth date, sex and name all disagree with the Patient that meets the condition: was the identifier reused or \
                mistyped? to correct the Patient, update it by its id";
    Err(Failure::new(Kind::Unprocessable, text))
}

/// In a transaction a Patient is only revised: a merge is sent by itself, or in a batch.
pub async fn only_revises(ask: &Ask, patient: &Resource<'static>, current: Option<&Version>) -> Result<(), Failure> {
    let before = current.filter(|version| !version.is_deleted()).map(merge::read).transpose()?;
    before.as_ref().map_or(Ok(()), |before| same_person(before, patient))?;
    let said_before = before.as_ref().and_then(|before| Named::of(ask, before).ok().flatten());
    match Named::of(ask, patient)? {
        None => awake(ask, &Key::new("Patient", patient.id().expect("it was given one if it had none"))).await,
        Some(named) if said_before.is_some_and(|before| before.means(&named)) => Ok(()),
        Some(_) => {
            let text = "a Patient that is newly replaced by another is merged, which no transaction does: send it alone or in a batch";
            Err(Failure::new(Kind::Unprocessable, text))
        }
    }
}

/// Both Patients and the redirect in one commit.
async fn join(
    ask: &Ask,
    patient: &Resource<'static>,
    is_wanted: bool,
    current: Option<&Version>,
    condition: Condition,
    survivor: Survivor,
) -> Result<Option<Answer>, Failure> {
    let key = Key::new("Patient", patient.id().expect("it was given one if it had none"));
    let mut target = survivor.patient;
    merge::take_over(&mut target, &key);
    let (prior, target) = (write::prepared(ask, patient)?, write::prepared(ask, &target)?);
    let writes = vec![
        write::write(ask, &key, Change::Put(prior.clone()), current),
        write::write(ask, &survivor.key, Change::Put(target), survivor.version.as_ref()),
    ];
    let conditions = [condition].into_iter().chain(survivor.condition).collect();
    let redirects = vec![merge::redirect(&key, &survivor.key)];
    let commit = Commit { now: app::now(), writes, conditions, redirects, ..Commit::default() };
    match write::commit(ask, commit).await {
        Ok(committed) => {
            let created = current.is_none_or(Version::is_deleted);
            let answer = write::answer(ask, &prior, &committed, created);
            let is_stub = survivor.version.is_none();
            Ok(Some(if is_stub { warned(ask, answer, &key, &survivor.key) } else { answer }))
        }
        Err(CommitError::Stale(_)) if is_wanted => Err(update::stale()),
        Err(CommitError::Stale(_) | CommitError::Moved) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The answer with the warning that nobody knew the survivor, where the client wants to be told so.
fn warned(ask: &Ask, answer: Answer, prior: &Key, survivor: &Key) -> Answer {
    if ask.form.wanted() != Return::OperationOutcome {
        return answer;
    }
    let done = format!("{prior} was merged into {survivor}");
    let text = format!("nobody here knew {survivor}, which was made for this: a person should look at it");
    let issues = [
        Issue::information(IssueType::Informational, "", done),
        Issue::warning(IssueType::BusinessRule, "Patient.link.other", text),
    ];
    let mut body = Vec::new();
    fhir::json::write(&fhir::outcome(&issues), &mut body);
    Answer { body: Some(body), ..answer }
}

/// Refuses what would wake a Patient that was merged into another.
async fn awake(ask: &Ask, key: &Key) -> Result<(), Failure> {
    let filed = ask.app.record.resolve(std::slice::from_ref(key)).await?;
    if filed[0] == *key {
        return Ok(());
    }
    let text =
        format!("{key} was merged into {}: send it for that, or take the merge back by Patient/$unmerge", filed[0]);
    Err(Failure::new(Kind::Unprocessable, text))
}

fn links<'p>(patient: &'p Resource<'static>, kind: &'static str) -> impl Iterator<Item = &'p Object<'static>> {
    let links = patient.object.items("link").iter().filter_map(Node::as_object);
    links.filter(move |link| link.str("type") == Some(kind))
}

/// The links to what the Patient replaces stay, though the feed does not repeat them.
fn keep_replaced(patient: &mut Resource<'static>, before: &Resource<'static>) {
    for node in before.object.items("link") {
        let is_kept = node.as_object().and_then(|link| link.str("type")) == Some(REPLACES);
        if is_kept && !patient.object.items("link").contains(node) {
            patient.object.push("link", node.clone());
        }
    }
}

/// By what a survivor is named.
struct Named {
    /// Its key here.
    key: Option<Key>,
    /// System and value, and the whole Identifier.
    identifier: Option<(String, String, Node<'static>)>,
}

/// What survives.
struct Survivor {
    key: Key,
    /// None where nobody knew it.
    version: Option<Version>,
    patient: Resource<'static>,
    /// The search by which it was looked for.
    condition: Option<Condition>,
}

impl Named {
    /// What the Patient says that it was replaced by, if it does.
    fn of(ask: &Ask, patient: &Resource<'static>) -> Result<Option<Named>, Failure> {
        let refused = |text: &str| Err(Failure::at(Kind::Unprocessable, "Patient.link", text));
        let mut said = links(patient, REPLACED_BY);
        let Some(link) = said.next() else { return Ok(None) };
        if said.next().is_some() {
            return refused("a Patient is replaced by one other");
        }
        if patient.get("active") == Some(&Node::Bool(true)) {
            return refused("a Patient that is replaced by another is not active");
        }
        let Some(other) = link.get("other").and_then(Node::as_object) else {
            return refused("the link does not say what the Patient is replaced by");
        };
        let named = Named { key: key(ask, other), identifier: identifier(other) };
        match &named {
            Named { key: None, identifier: None } => refused(
                "name what replaces the Patient by a reference to a Patient here, or by an identifier with system and value",
            ),
            Named { key: Some(key), .. } if key.is_golden() || patient.id() == Some(&key.id) => {
                refused("a Patient is replaced by another one of a source")
            }
            _ => Ok(Some(named)),
        }
    }

    /// Whether both name the same by the same.
    fn means(&self, other: &Named) -> bool {
        let same_key = self.key.is_some() && self.key == other.key;
        same_key || self.identifier.is_some() && self.identifier == other.identifier
    }

    /// The one that is meant, as it is; or a new one with what is told of it.
    async fn find(self, ask: &Ask, prior: &Key) -> Result<Survivor, Failure> {
        if let Some(key) = &self.key
            && let Some(version) = ask.app.record.current(&ask.access, key).await?
        {
            if version.is_deleted() {
                let text = format!("{key}, which replaces the Patient, was deleted");
                return Err(Failure::at(Kind::Unprocessable, "Patient.link", text));
            }
            return Survivor::known(version, None);
        }
        let Some((system, value, identifier)) = self.identifier else {
            return Survivor::unknown(self.key, None, None);
        };
        let token = format!("{}|{}", escaped(&system), escaped(&value));
        let criteria = format!("identifier={}", http::encoded(&token));
        let mut query = conditional::criteria(ask, "Patient", &criteria)?;
        // The prior may have it too.
        query.count += 1;
        let (mut found, condition) = conditional::look(ask, query).await?;
        found.retain(|version| version.key != *prior);
        match (found.pop(), found.is_empty()) {
            (None, _) => Survivor::unknown(self.key, Some(identifier), Some(condition)),
            (Some(version), true) => Survivor::known(version, Some(condition)),
            (Some(_), false) => {
                let text =
                    "several Patients have the identifier of what replaces the Patient: name one by its reference";
                Err(Failure::at(Kind::Unprocessable, "Patient.link", text))
            }
        }
    }
}

impl Survivor {
    fn known(version: Version, condition: Option<Condition>) -> Result<Survivor, Failure> {
        Ok(Survivor { key: version.key.clone(), patient: merge::read(&version)?, version: Some(version), condition })
    }

    fn unknown(
        key: Option<Key>,
        identifier: Option<Node<'static>>,
        condition: Option<Condition>,
    ) -> Result<Survivor, Failure> {
        let mut patient = Resource::new("Patient");
        let key = match key {
            Some(key) => {
                patient.object.set("id", Node::text(key.id.clone()));
                key
            }
            None => write::named_anew(&mut patient)?,
        };
        let tag = object([("system", Node::text(TAG_SYSTEM)), ("code", Node::text(UNKNOWN))]);
        patient.object.set("meta", object([("tag", Node::List(vec![tag]))]));
        if let Some(identifier) = identifier {
            patient.object.set("identifier", Node::List(vec![identifier]));
        }
        patient.object.set("active", Node::Bool(true));
        Ok(Survivor { key, version: None, patient, condition })
    }
}

/// The Patient here that a reference leads to: `Patient/x`, also behind our own address.
fn key(ask: &Ask, other: &Object<'_>) -> Option<Key> {
    let text = other.str("reference")?;
    let own = text.strip_prefix(ask.base.as_str()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(text);
    match literal(own)? {
        Literal::Local { kind: "Patient", id, .. } => Some(Key::new("Patient", id)),
        _ => None,
    }
}

fn identifier(other: &Object<'static>) -> Option<(String, String, Node<'static>)> {
    let node = other.get("identifier")?;
    let of = node.as_object()?;
    let text = |name: &str| of.str(name).filter(|text| !text.is_empty()).map(str::to_owned);
    Some((text("system")?, text("value")?, node.clone()))
}

/// A part of a search token: what divides tokens is said to be text (R4 §3.1.1.3.3).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | ',' | '|' | '$') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The link to what replaces the Patient also says where that is.
fn refer(patient: &mut Resource<'static>, survivor: &Key) {
    let mut links: Vec<Node<'static>> = patient.object.items("link").to_vec();
    for link in &mut links {
        let Node::Object(link) = link else { continue };
        if link.str("type") != Some(REPLACED_BY) {
            continue;
        }
        if let Some(Node::Object(mut other)) = link.remove("other") {
            other.set("reference", Node::text(survivor.to_string()));
            link.set("other", Node::Object(other));
        }
    }
    patient.object.set("link", Node::List(links));
}

fn object<const N: usize>(fields: [(&'static str, Node<'static>); N]) -> Node<'static> {
    Node::Object(Object { fields: Vec::from(fields) })
}
