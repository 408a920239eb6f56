//! Invariants that hold one thing against all others, answered by hand.
//!
//! Their expressions look through a list for each item of another, or count every step of a large Bundle. Here each list
//! is gone through once, so that what a resource costs grows as it does, whoever wrote it.

use std::collections::HashSet;
use std::hash::RandomState;

use super::quick::{Quick, lacks};
use super::reference;
use super::walk::Frame;
use crate::fhirpath::key;
use crate::{Node, Object};

pub fn of(key: &str) -> Option<Quick> {
    Some(match key {
        "ref-1" => |frame, reference| Some(leads_somewhere(frame, reference)),
        "bdl-2" => |_, bundle| {
            Some(
                bundle.str("type") == Some("searchset") || objects(bundle, "entry").all(|entry| lacks(entry, "search")),
            )
        },
        "bdl-3" => |_, bundle| all_or_none(bundle, "request", &["batch", "transaction", "history"]),
        "bdl-4" => |_, bundle| all_or_none(bundle, "response", &["batch-response", "transaction-response", "history"]),
        "bdl-7" => |_, bundle| Some(bundle.str("type") == Some("history") || has_each_url_once(bundle)),
        "csd-1" => |_, system| are_once(system, "concept", "code"),
        "que-2" => |_, questionnaire| are_once(questionnaire, "item", "linkId"),
        "ctm-1" => |frame, participant| Some(is_practitioner(frame, participant)),
        "ig-1" => |_, definition| Some(has_groupings(definition)),
        "ig-2" => |_, guide| Some(has_releases(guide)),
        "obs-7" => |_, observation| Some(lacks_value(observation) || is_no_component(observation)),
        "sdf-8a" => |frame, differential| Some(is_of_one_type(frame.resource, differential)),
        _ => return None,
    })
}

fn objects<'r>(object: &'r Object<'r>, name: &str) -> impl Iterator<Item = &'r Object<'r>> {
    object.items(name).iter().filter_map(Node::as_object)
}

/// `#` alone is the resource around, which is always there.
fn leads_somewhere(frame: &Frame<'_>, reference: &Object<'_>) -> bool {
    let id = reference.str("reference").and_then(|text| text.strip_prefix('#'));
    id.is_none_or(|id| id.is_empty() || frame.contained(id).is_some())
}

/// Whether every entry has an element in Bundles of these types, and none in others.
fn all_or_none(bundle: &Object<'_>, name: &str, kinds: &[&str]) -> Option<bool> {
    let is_asked = kinds.contains(&bundle.str("type")?);
    let mut entries = bundle.items("entry").iter().filter_map(Node::as_object);
    Some(entries.all(|entry| entry.get(name).is_some() == is_asked))
}

/// R4 puts address and version together before it compares; kept apart they cannot be taken for others.
fn has_each_url_once(bundle: &Object<'_>) -> bool {
    let mut met = HashSet::new();
    let mut entries = bundle.items("entry").iter().filter_map(Node::as_object).filter(|entry| !lacks(entry, "fullUrl"));
    entries.all(|entry| {
        let meta = entry.get("resource").and_then(Node::as_object).and_then(|resource| resource.get("meta"));
        let version = meta.and_then(Node::as_object).and_then(|meta| meta.str("versionId"));
        met.insert((entry.str("fullUrl").unwrap_or_default(), version.unwrap_or_default()))
    })
}

/// Whether the codes of all `list` in an object, at any depth, differ. A code that has only extensions is left to the
/// expression.
fn are_once(object: &Object<'_>, list: &str, code: &str) -> Option<bool> {
    fn each<'r>(object: &'r Object<'_>, list: &str, code: &str, met: &mut HashSet<&'r str>) -> Option<bool> {
        for (name, node) in &object.fields {
            for inner in node.items().iter().filter_map(Node::as_object) {
                let is_listed = *name == list && !lacks(inner, code);
                if is_listed && !met.insert(inner.str(code)?) {
                    return Some(false);
                }
                if !each(inner, list, code, met)? {
                    return Some(false);
                }
            }
        }
        Some(true)
    }
    each(object, list, code, &mut HashSet::new())
}

/// Who acts on behalf of an organization is a practitioner, where that can be seen.
fn is_practitioner(frame: &Frame<'_>, participant: &Object<'_>) -> bool {
    let member = participant.get("onBehalfOf").and_then(|_| participant.get("member")).and_then(Node::as_object);
    member.and_then(|member| reference::at_hand(frame, member)).is_none_or(|kind| kind == "Practitioner")
}

/// Every grouping that a resource of a guide is put into is one of the guide's.
fn has_groupings(definition: &Object<'_>) -> bool {
    let groupings = definition.items("grouping").iter().filter_map(Node::as_object);
    let known: HashSet<&str> = groupings.filter_map(|grouping| grouping.str("id")).collect();
    let mut resources = definition.items("resource").iter().filter_map(Node::as_object);
    resources.all(|resource| {
        lacks(resource, "groupingId") || resource.str("groupingId").is_some_and(|id| known.contains(id))
    })
}

/// Every release that a resource of a guide is for is one that the guide is for; one that has only extensions is none.
fn has_releases(guide: &Object<'_>) -> bool {
    let known: HashSet<&str> = guide.items("fhirVersion").iter().filter_map(Node::as_str).collect();
    let definition = guide.get("definition").and_then(Node::as_object);
    let resources = definition.map_or(&[][..], |definition| definition.items("resource"));
    resources.iter().filter_map(Node::as_object).all(|resource| {
        let releases = resource.items("fhirVersion");
        let is_known = |release: &Node<'_>| release.as_str().is_some_and(|release| known.contains(release));
        releases.len() >= resource.items("_fhirVersion").len() && releases.iter().all(is_known)
    })
}

fn lacks_value(observation: &Object<'_>) -> bool {
    observation.fields.iter().all(|(name, _)| !name.strip_prefix('_').unwrap_or(name).starts_with("value"))
}

/// Whether no component has a coding of the observation itself: the same elements with the same values.
fn is_no_component(observation: &Object<'_>) -> bool {
    fn codings<'r>(of: &'r Object<'_>) -> impl Iterator<Item = &'r Object<'r>> {
        let code = of.get("code").and_then(Node::as_object);
        code.map_or(&[][..], |code| code.items("coding")).iter().filter_map(Node::as_object)
    }
    let mut components = observation.items("component").iter().filter_map(Node::as_object).peekable();
    if components.peek().is_none() {
        return true;
    }
    let state = RandomState::new();
    let own: HashSet<u64> = codings(observation).map(|coding| key(&state, coding)).collect();
    components.all(|component| codings(component).all(|coding| !own.contains(&key(&state, coding))))
}

/// `sdf-8a`: every path of a differential begins with the type of the first, which is that of the definition.
fn is_of_one_type(definition: &Object<'_>, differential: &Object<'_>) -> bool {
    let mut paths = differential.items("element").iter().filter_map(Node::as_object).map(|element| element.str("path"));
    let first = paths.next().flatten();
    let is_first = match (first, definition.str("type")) {
        (Some(path), Some(kind)) => path.starts_with(kind),
        _ => false,
    };
    let root = first.and_then(|path| path.split('.').next()).unwrap_or_default();
    let begins = |path: &str| path.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'));
    (definition.str("kind") == Some("logical") || is_first) && paths.all(|path| path.is_some_and(begins))
}
