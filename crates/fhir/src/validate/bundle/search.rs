//! What a server answers to a search (R4 §3.1.1.3), and the links of Bundles that are pages.

use super::Index;
use crate::schema;
use crate::validate::walk::Walk;
use crate::{IssueType, Node, Object};

/// Links of which a page has one at most.
const SINGLE: [&str; 6] = ["self", "first", "previous", "prev", "next", "last"];

pub fn links(walk: &mut Walk<'_, '_>, bundle: &Object<'_>) {
    let mut met = [false; SINGLE.len()];
    for (at, link) in bundle.items("link").iter().enumerate() {
        let relation = link.as_object().and_then(|link| link.str("relation")).unwrap_or_default();
        let Some(single) = SINGLE.iter().position(|single| *single == relation) else { continue };
        if std::mem::replace(&mut met[single], true) {
            walk.path.enter("link");
            walk.path.enter_item(at);
            walk.error(IssueType::Duplicate, format!("a link {relation} is there already; a page has one"));
            walk.path.leave();
            walk.path.leave();
        }
    }
}

pub fn check(walk: &mut Walk<'_, '_>, bundle: &Object<'_>, index: &Index<'_>) {
    let asked = asked_type(bundle);
    for (at, entry) in bundle.items("entry").iter().enumerate() {
        let (Some(entry), Some(kind)) = (entry.as_object(), index.entries[at].kind) else { continue };
        let Some(Node::Object(resource)) = entry.get("resource") else { continue };
        let mode = entry.get("search").and_then(Node::as_object).and_then(|search| search.str("mode"));
        walk.path.enter("entry");
        walk.path.enter_item(at);
        if resource.get("id").is_none() && kind != "OperationOutcome" {
            walk.error(IssueType::Required, "what a search finds must have an id");
        }
        match (mode, kind, asked) {
            (Some("outcome"), "OperationOutcome", _) => {}
            (Some("outcome"), ..) => walk.error(IssueType::Value, "what tells of a search is an OperationOutcome"),
            (Some(_), "OperationOutcome", _) => {
                walk.error(IssueType::Value, "an OperationOutcome is found by no search; its mode is outcome");
            }
            (Some("match"), _, Some(asked)) if kind != asked => {
                walk.error(
                    IssueType::Value,
                    format!("a {kind} is no match of a search for {asked}; its mode is include"),
                );
            }
            _ => {}
        }
        walk.path.leave();
        walk.path.leave();
    }
}

/// The type that was searched for, where the link `self` says so: `…/Patient?name=x`, `…/Patient/_search`.
fn asked_type(bundle: &Object<'_>) -> Option<&'static str> {
    let links = bundle.items("link").iter().filter_map(Node::as_object);
    let url = links.into_iter().find(|link| link.str("relation") == Some("self"))?.str("url")?;
    let path = url.split('?').next()?;
    let path = path.strip_suffix("/_search").unwrap_or(path);
    let name = path.rsplit('/').next()?;
    schema::r4().resource(name).map(|kind| kind.name)
}
