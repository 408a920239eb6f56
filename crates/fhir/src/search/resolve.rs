//! What a value means that other resources say: the codes of a value set, the concepts over or under a code, the
//! locations within a location (R4 §3.1.1.4.4).
//!
//! Each such clause is replaced by one that lists what is meant, so that whatever finds resources need not know of it.
//! Only what is written out is answered: a value set that lists its codes, a code system that holds all its concepts,
//! references between resources of one type. Anything else is refused, never guessed: terminology is another room's.

use std::collections::{BTreeSet, VecDeque};

use super::query::{Clause, Code, Criterion, Filter, Modifier, Query, Relation};
use super::table::{Parameter, table};
use super::value::{Reference, Value};
use super::{resource_name, values};
use crate::reference::{Literal, literal};
use crate::{Issue, IssueType, Node, Object, Resource};

/// The codes that one value may stand for, and the resources of a hierarchy.
pub const MEANT_MAX: usize = 10_000;

/// The resources beside the one in question, as far as whoever asks may see them.
pub trait Others {
    /// The resource of this type and id, if there is one.
    fn one(&self, kind: &str, id: &str, see: &mut dyn FnMut(&Resource<'_>));
    /// Those of a type whose canonical URL is this one.
    fn named(&self, kind: &str, url: &str, see: &mut dyn FnMut(&Resource<'_>));
    /// Those that refer to `kind/id` by a parameter of theirs.
    fn referring(&self, by: &Parameter, kind: &str, id: &str, see: &mut dyn FnMut(&Resource<'_>));
}

/// Puts what is meant in the place of what has to be looked up. An issue where that is not known here.
pub fn resolve(query: &mut Query, others: &dyn Others) -> Result<(), Issue> {
    clauses(&mut query.clauses, others)?;
    relations(&mut query.relations, others)?;
    query.each.iter_mut().try_for_each(|filter| of_filter(filter, others))
}

fn of_filter(filter: &mut Filter, others: &dyn Others) -> Result<(), Issue> {
    clauses(&mut filter.clauses, others)?;
    relations(&mut filter.relations, others)
}

fn relations(relations: &mut [Relation], others: &dyn Others) -> Result<(), Issue> {
    for relation in relations {
        match relation {
            Relation::Chain { to, .. } => to.iter_mut().try_for_each(|filter| of_filter(filter, others))?,
            Relation::Has { from, .. } => of_filter(from, others)?,
            Relation::Listed { .. } | Relation::Within { .. } | Relation::Words(_) => {}
        }
    }
    Ok(())
}

fn clauses(clauses: &mut [Clause], others: &dyn Others) -> Result<(), Issue> {
    for clause in clauses {
        let stands_over = matches!(clause.modifier, Modifier::Above | Modifier::Below);
        let mut meant = Vec::with_capacity(clause.values.len());
        for criterion in &clause.values {
            match criterion {
                Criterion::ValueSet(url) => meant.extend(value_set(clause, url, others)?),
                Criterion::Token(Code::InSystem { system, code }) if stands_over => {
                    meant.extend(concepts(clause, system, code, others)?);
                }
                Criterion::Reference { kind: Some(kind), id } if stands_over => {
                    meant.extend(parts(clause, kind, id, others)?);
                }
                other => meant.push(other.clone()),
            }
        }
        let looked_up = meant != clause.values || meant.iter().all(|of| !matches!(of, Criterion::Uri(_)));
        if stands_over && looked_up {
            clause.modifier = Modifier::Plain;
        }
        clause.values = meant;
    }
    Ok(())
}

/// The parameter by which resources of a type are parts of others of that type: `Location.partof`.
pub fn hierarchical(kind: &str) -> Option<&'static Parameter> {
    let kind = resource_name(kind)?;
    let mut parameters = table().parameters(kind).iter();
    let found = parameters.find(|parameter| matches!(parameter.code, "partof" | "part-of"))?;
    found.targets().any(|target| target == kind).then_some(found)
}

fn refuse<T>(clause: &Clause, code: IssueType, text: impl std::fmt::Display) -> Result<T, Issue> {
    let name = clause.parameter.code;
    Err(Issue::error(code, format!("http.{name}"), format!("{name} {text}")))
}

/// Every code of the value set, in its system.
fn value_set(clause: &Clause, url: &str, others: &dyn Others) -> Result<Vec<Criterion>, Issue> {
    let mut found: Option<Result<BTreeSet<(String, String)>, &'static str>> = None;
    match literal(url) {
        Some(Literal::Local { kind, id, .. }) => others.one(kind, id, &mut |resource| found = Some(listed(resource))),
        _ => {
            let (url, version) = url.split_once('|').map_or((url, None), |(url, version)| (url, Some(version)));
            others.named("ValueSet", url, &mut |resource| {
                if version.is_none() || resource.str("version") == version {
                    found = Some(listed(resource));
                }
            });
        }
    }
    match found {
        None => {
            refuse(clause, IssueType::NotSupported, "names a value set that is not on this server: store it here first")
        }
        Some(Err(why)) => refuse(clause, IssueType::NotSupported, why),
        Some(Ok(codes)) if codes.len() > MEANT_MAX => {
            refuse(clause, IssueType::TooCostly, format!("names a value set of more than {MEANT_MAX} codes"))
        }
        Some(Ok(codes)) => {
            Ok(codes.into_iter().map(|(system, code)| Criterion::Token(Code::InSystem { system, code })).collect())
        }
    }
}

/// The codes that a ValueSet writes out, with their systems.
fn listed(value_set: &Resource<'_>) -> Result<BTreeSet<(String, String)>, &'static str> {
    const OPEN: &str = "names a value set that does not list its codes, and nothing here expands it";
    let compose = value_set.get("compose").and_then(Node::as_object).ok_or(OPEN)?;
    let mut codes = BTreeSet::new();
    for include in compose.items("include").iter().filter_map(Node::as_object) {
        codes.extend(concepts_of(include).ok_or(OPEN)?);
    }
    for exclude in compose.items("exclude").iter().filter_map(Node::as_object) {
        for concept in concepts_of(exclude).ok_or(OPEN)? {
            codes.remove(&concept);
        }
    }
    Ok(codes)
}

fn concepts_of(part: &Object<'_>) -> Option<Vec<(String, String)>> {
    let plain = part.get("filter").is_none() && part.get("valueSet").is_none();
    let system = part.str("system").filter(|_| plain)?;
    let concepts = part.get("concept")?.items().iter().filter_map(Node::as_object);
    Some(concepts.filter_map(|concept| Some((system.to_owned(), concept.str("code")?.to_owned()))).collect())
}

/// The code, and what stands over or under it in its system.
fn concepts(clause: &Clause, system: &str, code: &str, others: &dyn Others) -> Result<Vec<Criterion>, Issue> {
    let mut found: Option<Option<Vec<String>>> = None;
    others.named("CodeSystem", system, &mut |resource| {
        let whole = resource.str("content") == Some("complete");
        let tree = Tree::of(&resource.object);
        found = Some(if !whole {
            None
        } else if clause.modifier == Modifier::Above {
            tree.above(code)
        } else {
            tree.below(code)
        });
    });
    match found {
        None => refuse(clause, IssueType::NotSupported, "names a code system that is not on this server"),
        Some(None) => refuse(
            clause,
            IssueType::NotSupported,
            "names a code that the code system on this server does not hold, or not all of it",
        ),
        Some(Some(codes)) if codes.len() > MEANT_MAX => {
            refuse(clause, IssueType::TooCostly, format!("stands over more than {MEANT_MAX} codes"))
        }
        Some(Some(codes)) => {
            let token = |code| Criterion::Token(Code::InSystem { system: system.to_owned(), code });
            Ok(codes.into_iter().map(token).collect())
        }
    }
}

/// The concepts of a CodeSystem, each with what stands over it: by nesting, or by the properties `parent` and `child`.
struct Tree<'r> {
    codes: BTreeSet<&'r str>,
    /// Over, under.
    steps: Vec<(&'r str, &'r str)>,
}

impl<'r> Tree<'r> {
    fn of(system: &'r Object<'_>) -> Tree<'r> {
        let mut tree = Tree { codes: BTreeSet::new(), steps: Vec::new() };
        let mut open: Vec<(Option<&'r str>, &'r Object<'_>)> = vec![(None, system)];
        while let Some((over, object)) = open.pop() {
            for concept in object.items("concept").iter().filter_map(Node::as_object) {
                let Some(code) = concept.str("code") else { continue };
                tree.codes.insert(code);
                tree.steps.extend(over.map(|over| (over, code)));
                for property in concept.items("property").iter().filter_map(Node::as_object) {
                    let other = property.str("valueCode").or(property
                        .get("valueCoding")
                        .and_then(Node::as_object)
                        .and_then(|coding| coding.str("code")));
                    match (property.str("code"), other) {
                        (Some("parent" | "subsumedBy"), Some(parent)) => tree.steps.push((parent, code)),
                        (Some("child"), Some(child)) => tree.steps.push((code, child)),
                        _ => {}
                    }
                }
                open.push((Some(code), concept));
            }
        }
        tree
    }

    fn below(&self, code: &str) -> Option<Vec<String>> {
        self.walk(code, |(over, under), at| (over == at).then_some(under))
    }

    fn above(&self, code: &str) -> Option<Vec<String>> {
        self.walk(code, |(over, under), at| (under == at).then_some(over))
    }

    fn walk(&self, code: &str, next: impl Fn((&'r str, &'r str), &str) -> Option<&'r str>) -> Option<Vec<String>> {
        let mut found = vec![*self.codes.get(code)?];
        let mut seen: BTreeSet<&str> = found.iter().copied().collect();
        let mut at = 0;
        while at < found.len() && found.len() <= MEANT_MAX {
            let more = self.steps.iter().filter_map(|step| next(*step, found[at])).filter(|code| seen.insert(code));
            let more: Vec<&str> = more.collect();
            found.extend(more);
            at += 1;
        }
        Some(found.into_iter().map(str::to_owned).collect())
    }
}

/// The resource, and what it is a part of or what is a part of it.
fn parts(clause: &Clause, kind: &'static str, id: &str, others: &dyn Others) -> Result<Vec<Criterion>, Issue> {
    let by = hierarchical(kind).expect("the query was read so");
    let mut found = BTreeSet::from([id.to_owned()]);
    let mut open = VecDeque::from([id.to_owned()]);
    while let Some(id) = open.pop_front() {
        let mut more = Vec::new();
        if clause.modifier == Modifier::Above {
            others.one(kind, &id, &mut |part| {
                values(part, by, &mut |entry| {
                    if let Value::Reference(Reference::Local { kind: of, id }) = entry.value
                        && of == kind
                    {
                        more.push(id.to_owned());
                    }
                });
            });
        } else {
            others.referring(by, kind, &id, &mut |part| more.extend(part.id().map(str::to_owned)));
        }
        open.extend(more.into_iter().filter(|id| found.insert(id.clone())));
        if found.len() > MEANT_MAX {
            return refuse(clause, IssueType::TooCostly, format!("stands over more than {MEANT_MAX} resources"));
        }
    }
    Ok(found.into_iter().map(|id| Criterion::Reference { kind: Some(kind), id }).collect())
}
