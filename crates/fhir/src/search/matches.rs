//! Whether a resource meets a query, by what is extracted from it and from what stands around it: slow, plain, and what
//! every store's plan must agree with (R4 §3.1.1.4).

use super::query::{Clause, Criterion, Filter, Modifier, Query, Relation, Words};
use super::resolve::Others;
use super::table::{Parameter, ParameterClass};
use super::value::{Entry, Reference, Value};
use super::{extract, meets, normalise, said, texts, values};
use crate::{Node, Resource, compartment};

/// Whether the resource alone meets the query. Order, page and total are no business of this. A condition on other
/// resources (a chain, `_has`, `_list`) does not hold here, since there are none: see [`matches_among`] and
/// [`Query::stands_alone`].
pub fn matches(query: &Query, resource: &Resource<'_>) -> bool {
    matches_among(query, resource, &Nobody)
}

/// Whether the resource meets the query, which was [resolved](super::resolve()), among these others.
pub fn matches_among(query: &Query, resource: &Resource<'_>, others: &dyn Others) -> bool {
    let filters = query.filters();
    filters.iter().any(|filter| matches_filter(filter, resource, others))
}

/// Whether the resource is of the filter's type and all of its conditions hold.
pub fn matches_filter(filter: &Filter, resource: &Resource<'_>, others: &dyn Others) -> bool {
    if resource.kind() != filter.kind {
        return false;
    }
    let mut entries = if filter.clauses.is_empty() { Vec::new() } else { extract(resource) };
    for clause in filter.clauses.iter().filter(|clause| clause.parameter.is_own()) {
        values(resource, clause.parameter, &mut |entry| entries.push(entry));
    }
    filter.clauses.iter().all(|clause| holds(clause, resource, &entries))
        && filter.relations.iter().all(|relation| related(relation, resource, others))
}

/// Whether the resource alone meets one clause.
pub fn matches_clause(clause: &Clause, resource: &Resource<'_>) -> bool {
    let mut entries = Vec::new();
    values(resource, clause.parameter, &mut |entry| entries.push(entry));
    holds(clause, resource, &entries)
}

struct Nobody;

impl Others for Nobody {
    fn one(&self, _: &str, _: &str, _: &mut dyn FnMut(&Resource<'_>)) {}
    fn named(&self, _: &str, _: &str, _: &mut dyn FnMut(&Resource<'_>)) {}
    fn referring(&self, _: &Parameter, _: &str, _: &str, _: &mut dyn FnMut(&Resource<'_>)) {}
}

fn holds(clause: &Clause, resource: &Resource<'_>, entries: &[Entry<'_>]) -> bool {
    if clause.values.iter().any(|criterion| matches!(criterion, Criterion::ValueSet(_))) {
        // Neither in nor out of a set that nobody looked up.
        return false;
    }
    if clause.modifier == Modifier::Text {
        return says(clause, resource);
    }
    if clause.parameter.class == ParameterClass::Composite {
        return joined(clause, resource);
    }
    let mut own = entries.iter().filter(|entry| entry.parameter == clause.parameter.id);
    if clause.modifier == Modifier::Missing {
        return clause.values.contains(&Criterion::Missing(own.next().is_none()));
    }
    let meets =
        |value: &Value<'_>| clause.values.iter().any(|criterion| meets::meets(criterion, clause.modifier, value));
    own.any(|entry| meets(&entry.value)) != (clause.modifier == Modifier::Not)
}

/// `:text`: the words of a code or reference begin so.
fn says(clause: &Clause, resource: &Resource<'_>) -> bool {
    let mut found = false;
    texts(resource, clause.parameter, &mut |text| {
        let text = normalise(text);
        found |= clause.values.iter().any(|criterion| {
            matches!(criterion, Criterion::String { normalised, .. } if text.starts_with(normalised.as_str()))
        });
    });
    found
}

fn joined(clause: &Clause, resource: &Resource<'_>) -> bool {
    let composite = clause.parameter.composite().expect("a composite that is served is compiled");
    if clause.modifier == Modifier::Missing {
        return clause.values.contains(&Criterion::Missing(!composite.holds(resource, &|_, _| true)));
    }
    clause.values.iter().any(|criterion| {
        let Criterion::Composite(parts) = criterion else { return false };
        composite.holds(resource, &|component, value| meets::meets(&parts[component], Modifier::Plain, value))
    })
}

/// Whether a condition on what stands around the resource holds.
fn related(relation: &Relation, resource: &Resource<'_>, others: &dyn Others) -> bool {
    match relation {
        Relation::Chain { parameter, to } => to.iter().any(|filter| leads(parameter, filter, resource, others)),
        Relation::Has { parameter, from } => {
            let Some(id) = resource.id() else { return false };
            let mut found = false;
            others.referring(parameter, resource.kind(), id, &mut |other| {
                found = found || matches_filter(from, other, others);
            });
            found
        }
        Relation::Listed { lists } => lists.iter().any(|list| {
            let mut found = false;
            others.one("List", list, &mut |list| found = found || is_item(resource, list));
            found
        }),
        Relation::Within { kind, id } => compartment::contains(kind, id, resource),
        Relation::Words(words) => holds_words(words, resource),
    }
}

/// Whether the parameter refers to a resource that meets the filter.
fn leads(parameter: &Parameter, filter: &Filter, resource: &Resource<'_>, others: &dyn Others) -> bool {
    let mut found = false;
    values(resource, parameter, &mut |entry| {
        let mut see = |other: &Resource<'_>| found = found || matches_filter(filter, other, others);
        match entry.value {
            Value::Reference(Reference::Local { kind, id }) if kind == filter.kind => others.one(kind, id, &mut see),
            Value::Reference(Reference::Canonical { url, version }) => others.named(filter.kind, url, &mut |other| {
                if version.is_none() || other.str("version") == version {
                    see(other);
                }
            }),
            _ => {}
        }
    });
    found
}

/// Whether a List has the resource among its items, those taken from it again left out.
fn is_item(resource: &Resource<'_>, list: &Resource<'_>) -> bool {
    items(list).any(|(kind, id)| kind == resource.kind() && resource.id() == Some(id))
}

/// The type and id of each item of a List that is not marked as deleted from it.
pub fn items<'r>(list: &'r Resource<'_>) -> impl Iterator<Item = (&'static str, &'r str)> {
    use crate::reference::{Literal, literal};
    let entries = list.object.items("entry").iter().filter_map(Node::as_object);
    let kept = entries.filter(|entry| !matches!(entry.get("deleted"), Some(Node::Bool(true))));
    kept.filter_map(|entry| match literal(entry.get("item")?.as_object()?.str("reference")?)? {
        Literal::Local { kind, id, .. } => Some((kind, id)),
        Literal::Contained(_) | Literal::Absolute { .. } => None,
    })
}

/// Whether one alternative has all its phrases, each within the narrative or within the other texts.
fn holds_words(words: &Words, resource: &Resource<'_>) -> bool {
    let said = said(resource);
    let texts = [apart(&said.narrative), if words.narrative { String::new() } else { apart(&said.elsewhere) }];
    let has = |phrase: &String| texts.iter().any(|text| text.contains(&apart(phrase)));
    words.any_of.iter().any(|phrases| phrases.iter().all(has))
}

/// Normalised words with single blanks around each.
fn apart(text: &str) -> String {
    let normal = normalise(text);
    let words: Vec<&str> = normal.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" "))
}
