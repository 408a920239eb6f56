//! Which resources are moved together, and why others are not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use consent::Access;
use fhir::apply::State;
use fhir::search::{Handling, Query};
use fhir::{Node, Resource};
use record::{Key, MessageId, Record, Version};

use super::remade::{self, local_references};
use super::{Order, Trouble, What, read};

/// Resources of one move.
const MEMBERS_MAX: usize = 500;
/// Versions that are looked through for what a message overwrote.
const FORMER_MAX: u64 = 100;
/// What a message of results makes of them.
const RESULTS: &[&str] =
    &["DiagnosticReport", "DocumentReference", "Media", "Observation", "ServiceRequest", "Specimen"];
/// What it makes by the way, to have something to refer to.
const BY_THE_WAY: &[&str] = &["Account", "Encounter"];

/// What is moved or taken back, all of one patient.
pub struct Set {
    /// None where there is nothing to move.
    pub from: Option<Key>,
    /// All by whom that patient is called: those that were merged into it too.
    pub aliases: BTreeSet<String>,
    pub members: Vec<Member>,
    pub stays: Vec<(Key, &'static str)>,
}

pub struct Member {
    /// As it is now.
    pub version: Version,
    pub before: Before,
    /// Whether it is made anew under the other patient; else it is only taken back.
    pub moves: bool,
}

/// What the resource was before.
pub enum Before {
    /// Nothing: it came with what is moved.
    Nothing,
    Version(Box<Version>),
}

struct Gathering<'g> {
    record: &'g Record,
    access: &'g Access,
    to: &'g Key,
    members: Vec<(Member, Key)>,
    owners: BTreeSet<String>,
    stays: Vec<(Key, &'static str)>,
}

impl Set {
    pub async fn of(record: &Record, access: &Access, order: &Order) -> Result<Set, Trouble> {
        receiver(record, access, &order.to).await?;
        let (members, owners, stays) = (Vec::new(), BTreeSet::new(), Vec::new());
        let mut gathering = Gathering { record, access, to: &order.to, members, owners, stays };
        match &order.what {
            What::Message(id) => gathering.of_message(*id).await?,
            What::Resource(key) => gathering.of_resource(key).await?,
        }
        gathering.end()
    }
}

/// Whoever gets it has to be somebody.
async fn receiver(record: &Record, access: &Access, to: &Key) -> Result<(), Trouble> {
    if to.kind != "Patient" || to.is_golden() {
        return Err(Trouble::Refused(format!("{to} is no Patient of a source: name the one that it belongs to")));
    }
    let there = record.current(access, to).await?;
    if there.is_none_or(|version| version.body.is_none()) {
        return Err(Trouble::Unknown(format!("there is no {to}")));
    }
    match record.resolve(std::slice::from_ref(to)).await?.pop() {
        Some(filed) if filed != *to => Err(Trouble::Refused(format!("{to} was merged into {filed}: name that"))),
        _ => Ok(()),
    }
}

impl Gathering<'_> {
    async fn of_message(&mut self, id: MessageId) -> Result<(), Trouble> {
        if self.record.message(self.access, id).await?.is_none() {
            return Err(Trouble::Unknown("there is no such message".to_owned()));
        }
        let made = self.record.made_by(self.access, id).await?;
        let mut keys: Vec<Key> = made.iter().map(|version| version.key.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Err(Trouble::Refused(
                "the message made nothing that could be moved: see hilum message show".to_owned(),
            ));
        }
        let now = self.record.resolve(&keys).await?;
        let mut seen = BTreeSet::new();
        for (key, filed) in keys.into_iter().zip(now) {
            if key.kind == "Patient" {
                self.patient(&key, &made)?;
            } else if seen.insert(filed.clone()) {
                self.made(id, &key, &filed).await?;
            }
        }
        Ok(())
    }

    /// A message of results makes a stub of a Patient at most.
    fn patient(&mut self, key: &Key, made: &[Version]) -> Result<(), Trouble> {
        let is_stub = |version: &Version| State::read(std::str::from_utf8(&version.state).unwrap_or_default()).stub;
        if made.iter().filter(|version| version.key == *key).all(is_stub) {
            self.stays.push((key.clone(), "the message made it to have somebody to refer to; it stays"));
            return Ok(());
        }
        let text = format!(
            "the message says who {key} is: that is not moved, its source has to say it again (A08, A40, A45); move single results with $move"
        );
        Err(Trouble::Refused(text))
    }

    /// What a message made, and where that is filed now.
    async fn made(&mut self, id: MessageId, key: &Key, filed: &Key) -> Result<(), Trouble> {
        let Some(version) = self.record.current(self.access, filed).await?.filter(|version| version.body.is_some())
        else {
            self.stays.push((key.clone(), "is deleted already"));
            return Ok(());
        };
        let is_result = RESULTS.contains(&key.kind.as_str());
        let Some(owner) = self.owner(&version).await? else { return Ok(()) };
        let first = self.record.vread(self.access, key, 1).await?;
        let is_new = first.is_some_and(|first| first.message == Some(id));
        if BY_THE_WAY.contains(&key.kind.as_str()) {
            match is_new && version.message == Some(id) {
                true => self.add(version, Before::Nothing, false, owner)?,
                false => self.stays.push((key.clone(), "others speak of it too; it stays with the old patient")),
            }
            return Ok(());
        }
        if !is_result {
            let text = format!(
                "the message also made {key}, and what a source says of a {} is not moved: move single results with $move",
                key.kind
            );
            return Err(Trouble::Refused(text));
        }
        if is_new {
            return self.add(version, Before::Nothing, true, owner);
        }
        if version.message != Some(id) || key != filed {
            let text = format!(
                "{key} was there before the message and was changed again after it: move the last message, or move {key} with $move"
            );
            return Err(Trouble::Refused(text));
        }
        let before = self.before(id, &version).await?;
        self.add(version, Before::Version(Box::new(before)), true, owner)
    }

    /// The newest version that is not the message's.
    async fn before(&self, id: MessageId, version: &Version) -> Result<Version, Trouble> {
        let oldest = version.vid.saturating_sub(FORMER_MAX).max(1);
        for vid in (oldest..version.vid).rev() {
            match self.record.vread(self.access, &version.key, vid).await? {
                Some(before) if before.message != Some(id) => return Ok(before),
                _ => {}
            }
        }
        Err(Trouble::Refused(format!("what {} was before the message is not known any more", version.key)))
    }

    /// A resource, and the results that it reports or groups.
    async fn of_resource(&mut self, key: &Key) -> Result<(), Trouble> {
        let first = self.record.resolve(std::slice::from_ref(key)).await?.pop().unwrap_or_else(|| key.clone());
        if !remade::is_movable(&first.kind) {
            return Err(Trouble::Refused(format!(
                "a {} is not moved: it belongs to nobody, or its source says it",
                first.kind
            )));
        }
        self.not_reported(&first).await?;
        let (mut waiting, mut seen) = (VecDeque::from([first.clone()]), BTreeSet::from([first.clone()]));
        while let Some(key) = waiting.pop_front() {
            let found = self.record.current(self.access, &key).await?.filter(|version| version.body.is_some());
            let Some(version) = found else {
                if key == first {
                    return Err(Trouble::Unknown(format!("there is no {key}")));
                }
                continue;
            };
            let Some(owner) = self.owner(&version).await? else {
                if key == first {
                    return Err(Trouble::Refused(format!("{key} refers to no Patient here")));
                }
                continue;
            };
            if self.members.first().is_some_and(|(_, of)| *of != owner) {
                continue;
            }
            let resource = read(&version)?;
            let parts = ["result", "hasMember"]
                .into_iter()
                .flat_map(|name| resource.object.items(name))
                .flat_map(local_references);
            for part in parts.collect::<Vec<Key>>() {
                if seen.insert(part.clone()) {
                    waiting.push_back(part);
                }
            }
            self.add(version, Before::Nothing, true, owner)?;
        }
        Ok(())
    }

    /// A result that a report lists goes with the report.
    async fn not_reported(&self, key: &Key) -> Result<(), Trouble> {
        if key.kind != "Observation" {
            return Ok(());
        }
        let pairs =
            [("result", key.to_string()), ("status:not", "entered-in-error".to_owned()), ("_count", "1".to_owned())];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
        let query = Query::parse("DiagnosticReport", &pairs, Handling::Strict).expect("result and status are R4's");
        match self.record.search(self.access, &query, None).await?.versions.first() {
            Some(report) => {
                Err(Trouble::Refused(format!("{} reports it: move that, and its results go with it", report.key)))
            }
            None => Ok(()),
        }
    }

    /// The Patient to whom it belongs, by where that one is filed now.
    async fn owner(&mut self, version: &Version) -> Result<Option<Key>, Trouble> {
        let resource = read(version)?;
        let mut patients: BTreeSet<Key> = BTreeSet::new();
        for (_, node) in &resource.object.fields {
            patients.extend(local_references(node).into_iter().filter(|key| key.kind == "Patient"));
        }
        let named: Vec<Key> = patients.into_iter().collect();
        let mut filed = self.record.resolve(&named).await?;
        filed.dedup();
        if filed.len() > 1 {
            return Err(Trouble::Refused(format!("{} refers to several patients", version.key)));
        }
        self.owners.extend(named.into_iter().map(|key| key.id));
        Ok(filed.pop())
    }

    fn add(&mut self, version: Version, before: Before, moves: bool, owner: Key) -> Result<(), Trouble> {
        if owner == *self.to {
            self.stays.push((version.key, "belongs to that patient already"));
            return Ok(());
        }
        if self.members.len() == MEMBERS_MAX {
            return Err(Trouble::Refused(format!("more than {MEMBERS_MAX} resources: move them in parts, with $move")));
        }
        self.members.push((Member { version, before, moves }, owner));
        Ok(())
    }

    fn end(self) -> Result<Set, Trouble> {
        let owners: BTreeSet<&Key> = self.members.iter().map(|(_, owner)| owner).collect();
        if owners.len() > 1 {
            return Err(Trouble::Refused(
                "it speaks of several patients: move its results one by one, with $move".to_owned(),
            ));
        }
        let from = owners.into_iter().next().cloned();
        let mut aliases = self.owners;
        aliases.extend(from.iter().map(|key| key.id.clone()));
        aliases.remove(&self.to.id);
        let members = self.members.into_iter().map(|(member, _)| member).collect();
        Ok(Set { from, aliases, members, stays: self.stays })
    }
}

/// What the members refer to that belongs to the old patient and stays there.
pub async fn left_behind(
    record: &Record,
    access: &Access,
    members: &[Member],
    named: &BTreeMap<Key, Key>,
    from: &Key,
) -> Result<BTreeSet<Key>, Trouble> {
    let mut referred = BTreeSet::new();
    for member in members {
        for (_, node) in &read(&member.version)?.object.fields {
            referred.extend(local_references(node));
        }
    }
    let referred: Vec<Key> =
        referred.into_iter().filter(|key| key.kind != "Patient" && !named.contains_key(key)).collect();
    let mut left = BTreeSet::new();
    for (key, version) in referred.iter().zip(record.current_many(access, &referred).await?) {
        let Some(resource) = version.as_ref().and_then(|version| read(version).ok()) else { continue };
        if is_of(record, &resource, from).await? {
            left.insert(key.clone());
        }
    }
    Ok(left)
}

/// Whether a resource speaks of a patient.
async fn is_of(record: &Record, resource: &Resource<'_>, patient: &Key) -> Result<bool, Trouble> {
    let named = resource.object.fields.iter().flat_map(|(_, node): &(_, Node<'_>)| local_references(node));
    let named: Vec<Key> = named.filter(|key| key.kind == "Patient").collect();
    Ok(record.resolve(&named).await?.contains(patient))
}
