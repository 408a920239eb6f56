//! Chains and `_has` (R4 §3.1.1.4.14, §3.1.1.4.15): conditions on other resources, as conditions on the ones asked for.
//!
//! The other end is asked first, as a search of its own. Where it finds little, the references to it (or its own
//! references) are the candidates. Where it finds much, nearly every candidate meets the condition, and each is asked
//! when its turn comes. A type that may not be seen is not followed; a client that names one is told so.

use std::collections::{BTreeSet, HashSet};

use fhir::Resource;
use fhir::search::{Filter, Parameter, Reference, Value, table, values};

use super::broken;
use super::lead::Lead;
use super::moment::Moment;
use super::plan::Plan;
use super::probe;
use crate::derived;
use crate::error::ReadError;
use crate::hash;
use crate::merged;

/// What `_has` comes to.
pub enum Found<'m> {
    /// The ids of what is referred to.
    Ids(Vec<String>),
    /// Too many refer: each candidate is asked.
    Many(Box<Linked<'m>>),
}

/// A search for what refers to one candidate after another.
pub struct Linked<'m> {
    moment: &'m Moment<'m>,
    parameter: &'static Parameter,
    kind: &'static str,
    from: Filter,
    /// The plan that begins with what refers to the candidate, where planning anew each time costs too much.
    plan: Option<Plan<'m>>,
}

/// The hashes by which references lead to resources that meet one of the filters.
pub struct Ends {
    by: &'static Parameter,
    pub hashes: HashSet<i64>,
    /// Some are of URLs without their versions, so that the body has to decide.
    pub rough: bool,
}

/// None where there are too many.
pub fn chain(moment: &Moment<'_>, by: &'static Parameter, to: &[Filter]) -> Result<Option<Ends>, ReadError> {
    permitted(moment, to)?;
    let mut ends = Ends { by, hashes: HashSet::new(), rough: false };
    let mut left = moment.limits.turns.linked;
    for filter in to {
        let Some(plan) = Plan::of(moment, filter)? else { continue };
        let Some(seqs) = plan.first(left)? else { return Ok(None) };
        left -= seqs.len();
        let is_canonical = table().find(filter.kind, "url").is_some();
        for seq in seqs {
            let id = moment.id(seq).map_err(broken)?;
            ends.hashes.extend(moment.hashes(filter.kind, &id).map_err(broken)?);
            if is_canonical {
                let version = moment.version(seq).map_err(broken)?;
                let url = moment.see(&version, |resource| resource.str("url").map(str::to_owned))?.flatten();
                ends.rough |= url.is_some();
                ends.hashes.extend(url.map(|url| hash::url_hash(&url, None)));
            }
        }
    }
    Ok(Some(ends))
}

impl Ends {
    /// Whether a resource refers to one of them.
    pub fn hold(&self, resource: &Resource<'_>) -> bool {
        let mut found = false;
        values(resource, self.by, &mut |entry| {
            if let Value::Reference(Reference::Local { kind, id }) = entry.value {
                found = found || self.hashes.contains(&hash::local_hash(kind, id));
            }
        });
        found
    }
}

/// Of the types that a chain leads to, those that may be seen are enough, unless the client named the one that may not.
fn permitted(moment: &Moment<'_>, to: &[Filter]) -> Result<(), ReadError> {
    match to.iter().find(|filter| !moment.reach.covers(filter.kind)) {
        Some(filter) if !to.iter().any(|filter| moment.reach.covers(filter.kind)) => {
            Err(ReadError::Forbidden(filter.kind))
        }
        _ => Ok(()),
    }
}

/// What of `kind` is referred to by resources that meet the filter.
pub fn has<'m>(
    moment: &'m Moment<'m>,
    parameter: &'static Parameter,
    from: &Filter,
    kind: &'static str,
) -> Result<Found<'m>, ReadError> {
    if !moment.reach.covers(from.kind) {
        return Err(ReadError::Forbidden(from.kind));
    }
    let Some(plan) = Plan::of(moment, from)? else { return Ok(Found::Ids(Vec::new())) };
    let Some(seqs) = plan.first(moment.limits.turns.linked)? else {
        let plan = if from.relations.is_empty() { None } else { Plan::without_lead(moment, from)? };
        return Ok(Found::Many(Box::new(Linked { moment, parameter, kind, from: from.clone(), plan })));
    };
    let mut ids = BTreeSet::new();
    for seq in seqs {
        let version = moment.version(seq).map_err(broken)?;
        moment.see(&version, |resource| {
            values(resource, parameter, &mut |entry| {
                if let Value::Reference(Reference::Local { kind: of, id }) = entry.value
                    && of == kind
                {
                    ids.insert(id.to_owned());
                }
            });
        })?;
    }
    let mut all = ids.clone();
    for id in &ids {
        all.extend(merged::same(moment.db, kind, id, moment.position).map_err(broken)?);
    }
    Ok(Found::Ids(all.into_iter().collect()))
}

impl Linked<'_> {
    /// Whether one of those refers to the candidate.
    pub fn holds(&self, id: &str) -> Result<bool, ReadError> {
        let hashes = self.moment.hashes(self.kind, id).map_err(broken)?;
        let probes = probe::referring(derived::local(self.parameter), &hashes);
        match &self.plan {
            Some(plan) => plan.any(&Lead::Gathered(probes)),
            None => match Plan::beside(self.moment, &self.from, probes)? {
                Some(plan) => plan.any(&plan.lead),
                None => Ok(false),
            },
        }
    }
}

/// The ids of those items of Lists that are of a type.
pub fn items(moment: &Moment<'_>, lists: &[String], kind: &str) -> Result<Vec<String>, ReadError> {
    if !moment.reach.covers("List") {
        return Err(ReadError::Forbidden("List"));
    }
    let mut ids = BTreeSet::new();
    for list in lists {
        let Some(seq) = moment.seq("List", list).map_err(broken)? else { continue };
        let version = moment.version(seq).map_err(broken)?;
        moment.see(&version, |list| {
            ids.extend(fhir::search::items(list).filter(|(of, _)| *of == kind).map(|(_, id)| id.to_owned()));
        })?;
    }
    Ok(ids.into_iter().collect())
}
