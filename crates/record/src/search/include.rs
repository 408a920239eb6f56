//! `_include` and `_revinclude` (R4 §3.1.1.5.6): what else a page brings.
//!
//! Each included resource is asked of the access like any other; what may not be seen is left out without a word, as if it
//! were not there. Every one comes once, and none that is already a match. Where a limit is reached the answer says which.

use std::collections::HashSet;

use fhir::search::{Direction, Include, Parameter, ParameterClass, Reference, Value, table, values};
use fhir::{Issue, IssueType};

use super::broken;
use super::moment::Moment;
use crate::error::ReadError;
use crate::version::{Key, Version};

/// What was included, and what had to be left out.
#[derive(Default)]
pub struct Included {
    pub versions: Vec<Version>,
    pub warnings: Vec<Issue>,
}

/// What the includes bring beside the matches of a page.
pub fn of(moment: &Moment<'_>, includes: &[Include], matches: &[Version]) -> Result<Included, ReadError> {
    let mut round =
        Round { moment, seen: matches.iter().map(|version| version.position.0).collect(), found: Vec::new() };
    let mut included = Included::default();
    if includes.is_empty() {
        return Ok(included);
    }
    round.all(includes, matches)?;
    let again: Vec<Include> = includes.iter().filter(|include| include.iterate).copied().collect();
    let mut depth = 1;
    let full = loop {
        let from = included.versions.len();
        let room = moment.limits.included - from;
        let full = round.found.len() > room;
        for seq in round.found.drain(..).take(room) {
            included.versions.push(moment.version(seq).map_err(broken)?);
        }
        if full || again.is_empty() || included.versions.len() == from {
            break full;
        }
        let newest = included.versions[from..].to_vec();
        round.all(&again, &newest)?;
        if depth == moment.limits.include_depth && !round.found.is_empty() {
            let text = format!("includes were followed {depth} times and would lead on: this is the limit of :iterate");
            included.warnings.push(Issue::warning(IssueType::TooCostly, "http._include:iterate", text));
            break false;
        }
        depth += 1;
    };
    if full {
        let most = moment.limits.included;
        let text =
            format!("more than {most} resources would be included: these are the first {most}, the limit of a page");
        included.warnings.push(Issue::warning(IssueType::TooCostly, "http._include", text));
    }
    Ok(included)
}

struct Round<'m> {
    moment: &'m Moment<'m>,
    /// Positions that are in the answer or on their way into it.
    seen: HashSet<i64>,
    found: Vec<i64>,
}

impl Round<'_> {
    /// Follows all includes from these resources.
    fn all(&mut self, includes: &[Include], from: &[Version]) -> Result<(), ReadError> {
        for include in includes {
            match include.direction {
                Direction::Forward => from.iter().try_for_each(|version| self.forward(include, version))?,
                Direction::Reverse => self.reverse(include, from)?,
            }
        }
        Ok(())
    }

    /// The reference parameters of a type.
    fn references(&self, kind: &str) -> impl Iterator<Item = &'static Parameter> {
        let parameters = self.moment.registry.parameters(kind);
        parameters.filter(|parameter| parameter.class == ParameterClass::Reference)
    }

    fn is_full(&self) -> bool {
        self.found.len() > self.moment.limits.included
    }

    fn take(&mut self, seq: i64) {
        if !self.is_full() && self.seen.insert(seq) {
            self.found.push(seq);
        }
    }

    fn forward(&mut self, include: &Include, version: &Version) -> Result<(), ReadError> {
        let kind = version.key.kind.as_str();
        if self.is_full() || include.source.is_some_and(|source| source != kind) {
            return Ok(());
        }
        let by: Vec<&'static Parameter> = match include.parameter {
            Some(parameter) => vec![parameter],
            None => self.references(kind).collect(),
        };
        let wanted = |kind: &str| include.target.is_none_or(|target| target == kind);
        let (mut keys, mut urls) = (Vec::new(), Vec::new());
        self.moment.see(version, |resource| {
            for parameter in &by {
                values(resource, parameter, &mut |entry| match entry.value {
                    Value::Reference(Reference::Local { kind, id }) if wanted(kind) => keys.push(Key::new(kind, id)),
                    Value::Reference(Reference::Canonical { url, version }) => {
                        urls.push((entry.parameter, url.to_owned(), version.map(str::to_owned)));
                    }
                    _ => {}
                });
            }
        })?;
        for key in keys {
            if let Some(seq) = self.moment.seq(&key.kind, &key.id).map_err(broken)? {
                self.take(seq);
            }
        }
        for (parameter, url, version) in urls {
            let targets = by.iter().filter(|by| by.id == parameter).flat_map(|by| by.targets());
            for kind in targets.filter(|kind| wanted(kind)) {
                self.canonical(kind, &url, version.as_deref())?;
            }
        }
        Ok(())
    }

    /// Every version of a canonical resource, or the one that is named.
    fn canonical(&mut self, kind: &'static str, url: &str, version: Option<&str>) -> Result<(), ReadError> {
        for seq in self.moment.by_url(kind, url).map_err(broken)? {
            let found = self.moment.version(seq).map_err(broken)?;
            let named = self.moment.see(&found, |resource| {
                resource.str("url") == Some(url) && (version.is_none() || resource.str("version") == version)
            })?;
            if named == Some(true) {
                self.take(seq);
            }
        }
        Ok(())
    }

    fn reverse(&mut self, include: &Include, to: &[Version]) -> Result<(), ReadError> {
        let moment = self.moment;
        let by: Vec<&'static Parameter> = match (include.parameter, include.source) {
            (Some(parameter), _) => vec![parameter],
            (None, Some(source)) => self.references(source).collect(),
            (None, None) => {
                let kinds = table().kinds().filter(|kind| moment.reach.covers(kind));
                kinds.flat_map(|kind| self.references(kind)).collect()
            }
        };
        let mut present = Vec::with_capacity(by.len());
        for parameter in by {
            if moment.is_used(parameter).map_err(broken)? {
                present.push(parameter);
            }
        }
        for version in to {
            let Key { kind, id } = &version.key;
            if include.target.is_some_and(|target| target != kind) {
                continue;
            }
            let hashes = moment.hashes(kind, id).map_err(broken)?;
            for parameter in present.iter().filter(|parameter| parameter.targets().any(|target| target == kind)) {
                if self.is_full() {
                    return Ok(());
                }
                let room = moment.limits.included + 1;
                for seq in moment.referring(parameter, &hashes, room).map_err(broken)? {
                    self.take(seq);
                }
            }
        }
        Ok(())
    }
}
