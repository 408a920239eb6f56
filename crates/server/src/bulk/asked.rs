//! What an export is asked for: the parameters of the kick-off request, checked before anything is begun.

use fhir::compartment::membership;
use fhir::reference::{Literal, literal};
use fhir::search::{Context, Handling, Interval, Query, Summary, table};
use fhir::{Node, Resource};
use serde::{Deserialize, Serialize};

use crate::http::{Ask, Failure, Kind};
use crate::interaction::kind_of;

/// Of all that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub level: Level,
    /// The types, each once; where none is named, all that the level has and whoever asks may read.
    pub kinds: Vec<String>,
    pub since: Option<String>,
    pub until: Option<String>,
    pub filters: Vec<TypeFilter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    System,
    /// All patients.
    Patients,
    /// These, by id: members of a Group, or named by `patient`.
    Some(Vec<String>),
}

/// One `_typeFilter`: resources of the type that meet one of its filters are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeFilter {
    pub kind: String,
    pub pairs: Vec<(String, String)>,
}

/// Filters of one export, and Patients that are named or are members of a Group.
const FILTERS_MAX: usize = 50;
pub const PATIENTS_MAX: usize = 100_000;
/// NDJSON, by its names.
const FORMATS: [&str; 3] = ["application/fhir+ndjson", "application/ndjson", "ndjson"];
/// What shapes the answer of a search means nothing in a filter.
const SHAPES: [&str; 12] = [
    "_sort",
    "_count",
    "_include",
    "_revinclude",
    "_summary",
    "_elements",
    "_total",
    "_contained",
    "_containedType",
    "_page",
    "_format",
    "_pretty",
];

impl Asked {
    /// Of the parameters as pairs. Those that are not known are refused, unless the client prefers lenient handling.
    pub fn read(ask: &Ask, mut level: Level, pairs: &[(String, String)]) -> Result<Asked, Failure> {
        let mut asked = Asked { level: level.clone(), ..Asked::everything() };
        let mut named = Vec::new();
        for (name, value) in pairs {
            match name.as_str() {
                "_outputFormat" if FORMATS.contains(&value.as_str()) => {}
                "_outputFormat" => return Err(at(name, "only application/fhir+ndjson is made")),
                "_since" => asked.since = Some(instant(name, value)?),
                "_until" => asked.until = Some(instant(name, value)?),
                "_type" => {
                    for kind in value.split(',') {
                        asked.kind(ask, kind)?;
                    }
                }
                "_typeFilter" => asked.filters.extend(filters(value)?),
                "patient" if level != Level::System => named.push(patient(value)?),
                // How the answer to this request is written; the files are what they are.
                "_format" | "_pretty" => {}
                _ if ask.form.handling == Handling::Lenient => {}
                _ => {
                    let text = "a parameter that means nothing here; these do: _outputFormat, _since, _until, _type, \
                                _typeFilter, and patient of a Patient or Group export";
                    return Err(Failure::new(Kind::Invalid, text));
                }
            }
        }
        if !named.is_empty() {
            level = among(level, named)?;
        }
        asked.level = level;
        asked.check(ask)?;
        Ok(asked)
    }

    pub fn everything() -> Asked {
        Asked { level: Level::System, kinds: Vec::new(), since: None, until: None, filters: Vec::new() }
    }

    fn kind(&mut self, ask: &Ask, kind: &str) -> Result<(), Failure> {
        let kind = kind_of(kind.trim()).map_err(|_| at("_type", "a name that is no resource type of R4"))?;
        ask.may_read(kind)?;
        if !self.level.has(kind) {
            if ask.form.handling == Handling::Lenient {
                return Ok(());
            }
            return Err(at("_type", "a type that is in no patient's compartment; export it by $export of the system"));
        }
        if !self.kinds.iter().any(|known| known == kind) {
            self.kinds.push(kind.to_owned());
        }
        Ok(())
    }

    /// Every search that it comes to can be asked.
    fn check(&self, ask: &Ask) -> Result<(), Failure> {
        if self.filters.len() > FILTERS_MAX {
            return Err(at("_typeFilter", "there are more than 50; ask for less at once"));
        }
        for filter in &self.filters {
            ask.may_read(&filter.kind)?;
            if !self.kinds.is_empty() && !self.kinds.contains(&filter.kind) {
                return Err(at("_typeFilter", "it is about a type that _type does not name"));
            }
            let registry = ask.app.record.registry();
            let limits = ask.app.config.search.reading();
            let context = Context { registry: &registry, limits: &limits };
            let query = Query::parse_within(context, &filter.kind, &filter.pairs, Handling::Strict);
            let query = query.map_err(|issues| Failure::of(Kind::Invalid, issues))?;
            let shapes =
                filter.pairs.iter().any(|(name, _)| SHAPES.contains(&name.split(':').next().unwrap_or_default()));
            if shapes || query.summary == Summary::Count {
                return Err(at("_typeFilter", "it may select resources, and not say how an answer looks"));
            }
        }
        Ok(())
    }

    /// The types, in order.
    pub fn of_kinds(&self, ask_covers: impl Fn(&str) -> bool) -> Vec<&'static str> {
        let wanted = |kind: &&'static str| self.kinds.is_empty() || self.kinds.iter().any(|name| name == kind);
        table().kinds().filter(wanted).filter(|kind| self.level.has(kind) && ask_covers(kind)).collect()
    }

    /// The searches by which the resources of a type are found, as pairs; each finds some.
    pub fn searches(&self, kind: &str) -> Vec<Vec<(String, String)>> {
        let pair = |prefix: &str, time: &String| ("_lastUpdated".to_owned(), format!("{prefix}{time}"));
        let times: Vec<_> = self
            .since
            .iter()
            .map(|time| pair("ge", time))
            .chain(self.until.iter().map(|time| pair("le", time)))
            .collect();
        let filters: Vec<_> = self.filters.iter().filter(|filter| filter.kind == kind).collect();
        if filters.is_empty() {
            return vec![times];
        }
        filters.iter().map(|filter| [&filter.pairs[..], &times].concat()).collect()
    }
}

impl Level {
    /// Whether it has resources of this type.
    pub fn has(&self, kind: &str) -> bool {
        *self == Level::System || kind == "Patient" || !membership("Patient", kind).is_empty()
    }
}

/// The parameters of a kick-off that is posted.
pub fn posted(parameters: &Resource<'_>) -> Result<Vec<(String, String)>, Failure> {
    if parameters.kind() != "Parameters" {
        return Err(Failure::new(Kind::Invalid, "send a Parameters resource"));
    }
    let mut pairs = Vec::new();
    for parameter in parameters.object.items("parameter").iter().filter_map(Node::as_object) {
        let name = parameter.str("name").unwrap_or_default();
        let plain = ["valueString", "valueInstant", "valueDateTime", "valueCode", "valueUri"];
        let value = plain.iter().find_map(|element| parameter.str(element));
        let reference = || parameter.get("valueReference").and_then(Node::as_object)?.str("reference");
        let value = value.or_else(reference).ok_or_else(|| {
            Failure::new(Kind::Invalid, "each parameter needs a name and a valueString, valueInstant or valueReference")
        })?;
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Ok(pairs)
}

/// The Patients that are members of a Group now.
pub fn members(group: &Resource<'_>) -> Result<Vec<String>, Failure> {
    let mut members = Vec::new();
    for member in group.object.items("member").iter().filter_map(Node::as_object) {
        let is_inactive = member.get("inactive").is_some_and(|inactive| *inactive == Node::Bool(true));
        let reference = member.get("entity").and_then(Node::as_object).and_then(|entity| entity.str("reference"));
        if let (false, Some(Literal::Local { kind: "Patient", id, .. })) = (is_inactive, reference.and_then(literal)) {
            members.push(id.to_owned());
        }
    }
    few(members)
}

/// Of the Patients of a level, those that are named.
fn among(level: Level, named: Vec<String>) -> Result<Level, Failure> {
    if let Level::Some(members) = &level
        && named.iter().any(|id| members.binary_search(id).is_err())
    {
        return Err(at("patient", "somebody is named who is no member of the Group"));
    }
    few(named).map(Level::Some)
}

fn few(mut patients: Vec<String>) -> Result<Vec<String>, Failure> {
    patients.sort();
    patients.dedup();
    if patients.len() > PATIENTS_MAX {
        return Err(Failure::new(Kind::TooCostly, "these are more than 100000 patients; export parts of them"));
    }
    Ok(patients)
}

fn patient(value: &str) -> Result<String, Failure> {
    match literal(value) {
        Some(Literal::Local { kind: "Patient", id, .. }) => Ok(id.to_owned()),
        _ => Err(at("patient", "must be a reference such as Patient/17")),
    }
}

fn instant(name: &str, value: &str) -> Result<String, Failure> {
    // An unencoded `+` of the zone reads as a blank.
    let value = value.replace(' ', "+");
    match Interval::read(&value) {
        Some(_) => Ok(value),
        None => Err(at(name, "must be an instant such as 2024-01-31T10:00:00Z")),
    }
}

/// `Observation?status=final`; several are parted by commas that a type and a `?` follow.
fn filters(value: &str) -> Result<Vec<TypeFilter>, Failure> {
    let mut texts: Vec<String> = Vec::new();
    for part in value.split(',') {
        let begins = part.split_once('?').is_some_and(|(kind, _)| kind_of(kind).is_ok());
        match texts.last_mut().filter(|_| !begins) {
            Some(text) => text.extend([",", part]),
            None => texts.push(part.to_owned()),
        }
    }
    let read = |text: String| {
        let (kind, query) =
            text.split_once('?').ok_or_else(|| at("_typeFilter", "must be as Observation?status=final"))?;
        let kind = kind_of(kind).map_err(|_| at("_typeFilter", "a name that is no resource type of R4"))?;
        Ok(TypeFilter { kind: kind.to_owned(), pairs: crate::http::pairs(query) })
    };
    texts.into_iter().map(read).collect()
}

fn at(parameter: &str, text: &str) -> Failure {
    Failure::at(Kind::Invalid, &format!("http.{parameter}"), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_parted_where_the_next_begins() {
        for (text, expected) in [
            ("Observation?status=final", vec![("Observation", vec![("status", "final")])]),
            ("Observation?code=1,2", vec![("Observation", vec![("code", "1,2")])]),
            (
                "Observation?code=1,2,Condition?clinical-status=active",
                vec![("Observation", vec![("code", "1,2")]), ("Condition", vec![("clinical-status", "active")])],
            ),
        ] {
            let found = filters(text).unwrap_or_else(|_| panic!("{text}"));
            let owned = |(kind, pairs): (&str, Vec<(&str, &str)>)| TypeFilter {
                kind: kind.to_owned(),
                pairs: pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            };
            assert_eq!(found, expected.into_iter().map(owned).collect::<Vec<_>>(), "{text}");
        }
        for text in ["status=final", "Nothing?x=1", ""] {
            assert!(filters(text).is_err(), "{text}");
        }
    }
}
