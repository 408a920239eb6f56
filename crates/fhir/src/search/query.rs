//! What a client asks for: `Observation?code=1234-5&date=ge2024&_count=20`, checked and ready to be planned.
//!
//! FHIR search, R4 §3.1.1. A [`Query`] is a list of conditions that must all hold: [`Clause`]s on what a resource says
//! itself, each with values of which one must hold, and [`Relation`]s to what stands around it. What R4 can say and
//! Hilum does not serve (`_filter`, `_query`, `near`, `phonetic`) is refused by name, never ignored: an ignored filter
//! gives a clinician more than was asked for. Page links, `_format` and `_pretty` are HTTP's business, not the query's.

mod control;
mod criterion;
mod include;
mod limits;
mod modifier;
mod name;
mod parse;
mod relation;
mod values;

pub use control::{COUNT_DEFAULT, COUNT_MAX, Sort, Summary, Total};
pub use criterion::{Bounds, Code, Criterion, InBase, Prefix, QuantityUnit};
pub use include::{Direction, Include};
pub use limits::Limits;
pub use modifier::Modifier;
pub use relation::{Relation, Words};

use std::sync::LazyLock;

use super::{Parameter, Registry};
use crate::Issue;

/// What to do with a parameter that the type does not have (`Prefer: handling=`, R4 §3.1.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handling {
    /// Refuse it. Hilum's default: a filter that is dropped in silence shows too much.
    #[default]
    Strict,
    /// Leave it out with a warning.
    Lenient,
}

/// By what a query is read.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub registry: &'a Registry,
    pub limits: &'a Limits,
}

/// R4's parameters and the usual limits.
impl Default for Context<'static> {
    fn default() -> Context<'static> {
        static USUAL: LazyLock<(Registry, Limits)> = LazyLock::new(Default::default);
        Context { registry: &USUAL.0, limits: &USUAL.1 }
    }
}

/// A search on one resource type, or across several.
#[derive(Debug, Clone)]
pub struct Query {
    /// The resource type, such as `Patient`; `Resource` where [`Query::each`] says which.
    pub kind: &'static str,
    /// All of these hold.
    pub clauses: Vec<Clause>,
    /// And all of these.
    pub relations: Vec<Relation>,
    /// A search across types: what is asked of each. Then `clauses` and `relations` are empty. Empty: a search on `kind`.
    pub each: Vec<Filter>,
    /// `_include` and `_revinclude`.
    pub includes: Vec<Include>,
    /// In order of weight. Empty: the caller's own order.
    pub sort: Vec<Sort>,
    /// Resources a page: 1 to [`COUNT_MAX`].
    pub count: u32,
    pub total: Total,
    pub summary: Summary,
    /// The top-level elements of `_elements`; empty: all.
    pub elements: Vec<&'static str>,
    /// What lenient handling left out.
    pub warnings: Vec<Issue>,
    /// The pairs that were used, for the self link of the answer.
    pub used: Vec<(String, String)>,
}

/// What is asked of the resources of one type: all that selects, and nothing that shapes the answer.
#[derive(Debug, Clone)]
pub struct Filter {
    pub kind: &'static str,
    pub clauses: Vec<Clause>,
    pub relations: Vec<Relation>,
}

/// One parameter of the query: one of `values` holds.
#[derive(Debug, Clone)]
pub struct Clause {
    pub parameter: &'static Parameter,
    pub modifier: Modifier,
    /// Never empty.
    pub values: Vec<Criterion>,
}

impl Query {
    /// Reads the decoded `name=value` pairs of a search on `kind`, by R4's parameters and the usual limits. All that is
    /// wrong is reported at once.
    pub fn parse(kind: &str, pairs: &[(String, String)], handling: Handling) -> Result<Query, Vec<Issue>> {
        Query::parse_within(Context::default(), kind, pairs, handling)
    }

    /// The same by other parameters and limits.
    pub fn parse_within(
        context: Context<'_>,
        kind: &str,
        pairs: &[(String, String)],
        handling: Handling,
    ) -> Result<Query, Vec<Issue>> {
        parse::query(context, kind, pairs, handling)
    }

    /// Reads a search across types: those of `_type`, or all. Such a search takes the parameters that all of them have.
    pub fn across(context: Context<'_>, pairs: &[(String, String)], handling: Handling) -> Result<Query, Vec<Issue>> {
        parse::across(context, pairs, handling)
    }

    /// The same search within the compartment of one resource (R4 §3.1.0.9.1): `Patient/17/Observation?code=x`. Of a search
    /// across types, those that are never in such a compartment are left out. An issue where nothing is left.
    pub fn within(mut self, kind: &str, id: &str) -> Result<Query, Issue> {
        relation::within(&mut self, kind, id)?;
        Ok(self)
    }

    /// What is asked of each type: one filter, or several in a search across types.
    pub fn filters(&self) -> Vec<Filter> {
        if self.kind != ACROSS {
            let (clauses, relations) = (self.clauses.clone(), self.relations.clone());
            return vec![Filter { kind: self.kind, clauses, relations }];
        }
        self.each.clone()
    }

    /// Whether one resource alone tells if it is found: nothing beside it has to be looked at.
    pub fn stands_alone(&self) -> bool {
        self.filters().iter().all(Filter::stands_alone)
    }

    /// The types whose resources decide what is found: those that are found, and those of chains and `_has`.
    pub fn touched(&self) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        self.filters().iter().for_each(|filter| filter.touch(&mut kinds));
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

/// The type of a search across types.
pub const ACROSS: &str = "Resource";

impl Filter {
    pub fn of(kind: &'static str) -> Filter {
        Filter { kind, clauses: Vec::new(), relations: Vec::new() }
    }

    /// The types whose resources say what values mean (`ValueSet`, `CodeSystem`, those of a hierarchy), anywhere in it.
    pub fn consulted(&self) -> Vec<&'static str> {
        let mut kinds: Vec<&'static str> = self.clauses.iter().flat_map(Clause::consults).collect();
        for relation in &self.relations {
            match relation {
                Relation::Chain { to, .. } => kinds.extend(to.iter().flat_map(Filter::consulted)),
                Relation::Has { from, .. } => kinds.extend(from.consulted()),
                Relation::Listed { .. } | Relation::Within { .. } | Relation::Words(_) => {}
            }
        }
        kinds
    }

    fn stands_alone(&self) -> bool {
        self.clauses.iter().all(Clause::stands_alone)
            && self.relations.iter().all(|relation| matches!(relation, Relation::Within { .. }))
    }

    fn touch(&self, kinds: &mut Vec<&'static str>) {
        kinds.push(self.kind);
        for clause in &self.clauses {
            kinds.extend(clause.consults());
        }
        for relation in &self.relations {
            match relation {
                Relation::Chain { to, .. } => to.iter().for_each(|filter| filter.touch(kinds)),
                Relation::Has { from, .. } => from.touch(kinds),
                Relation::Listed { .. } => kinds.push("List"),
                Relation::Within { .. } | Relation::Words(_) => {}
            }
        }
    }
}

impl Clause {
    fn stands_alone(&self) -> bool {
        self.consults().is_empty()
    }

    /// The types of which resources say what the values mean; see [`super::resolve()`].
    fn consults(&self) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        for criterion in &self.values {
            match (criterion, self.modifier) {
                (Criterion::ValueSet(_), _) => kinds.push("ValueSet"),
                (Criterion::Token(_), Modifier::Above | Modifier::Below) => kinds.push("CodeSystem"),
                (Criterion::Reference { kind: Some(kind), .. }, Modifier::Above | Modifier::Below) => kinds.push(kind),
                _ => {}
            }
        }
        kinds
    }
}
