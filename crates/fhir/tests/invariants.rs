//! The invariants that are answered by hand against R4's own expressions, on real resources and on the same resources
//! damaged; and what each of them is broken by.
//!
//! The data lies beside the checkout; where it is absent the tests say so and pass.

#[path = "support/shared.rs"]
mod shared;

use std::collections::BTreeSet;

use fhir::validate::{Options, validate, validate_by_expression};
use fhir::{Issue, IssueType, Node, Object, Resource, Severity, json};

const OPTIONS: Options<'_> = Options { least: Severity::Warning, now: None, issues_max: 10_000 };

/// Key and place of every broken invariant. R4 asks a resource about what it contains, and we say which one it is.
fn broken(issues: &[Issue]) -> BTreeSet<(String, String)> {
    let invariants = issues.iter().filter(|issue| issue.code == IssueType::Invariant);
    let pairs = invariants.map(|issue| {
        let key = issue.text.split(':').next().unwrap_or_default();
        // `htmlChecks()` does not say which of the two it is that a narrative breaks.
        let key = if key.starts_with("txt-") { "txt" } else { key }.to_owned();
        let is_of_contained = key.starts_with("dom-");
        let place = issue.path.rsplit_once(".contained[").map_or(issue.path.as_str(), |(place, _)| place);
        (if is_of_contained { place } else { issue.path.as_str() }.to_owned(), key)
    });
    pairs.collect()
}

/// Where the two differ. Of narrative, ours may only be the stricter one: R4 has no entity but those of XML. `eld-19` has
/// no expression that could be compiled.
fn differing(resource: &Resource<'_>, file: &str) -> Vec<String> {
    let by_hand = broken(&validate(resource, &OPTIONS));
    let by_expression = broken(&validate_by_expression(resource, &OPTIONS));
    let may_differ = |(_, key): &&(String, String)| !["txt", "eld-19"].contains(&key.as_str());
    let more = by_hand.difference(&by_expression).filter(may_differ);
    let less = by_expression.difference(&by_hand);
    more.chain(less).map(|(place, key)| format!("{file}: {place} {key}")).collect()
}

/// Takes elements away, all over a tree: every one whose turn it is.
fn damage(object: &mut Object<'_>, turn: &mut usize, every: usize) {
    object.fields.retain(|(name, _)| {
        *turn += 1;
        *name == "resourceType" || !turn.is_multiple_of(every)
    });
    for (_, node) in &mut object.fields {
        match node {
            Node::Object(object) => damage(object, turn, every),
            Node::List(items) => items.iter_mut().for_each(|item| {
                if let Node::Object(object) = item {
                    damage(object, turn, every);
                }
            }),
            _ => {}
        }
    }
}

#[test]
fn what_is_answered_by_hand_is_what_the_expressions_say() {
    let mut found = Vec::new();
    for folder in ["fhir-r4-examples/json", "fhir-test-cases/validator", "synthea-r4-smart"] {
        for path in shared::shared(folder, "json") {
            let bytes = std::fs::read(&path).expect("an example can be read");
            let Ok(resource) = json::read(&bytes) else { continue };
            let file = shared::name(&path);
            // A Bundle of a whole record takes its time, and has nothing new after the first hundred.
            if bytes.len() > 400_000 {
                continue;
            }
            found.extend(differing(&resource, file));
            for every in [3, 7, 10] {
                let mut damaged = resource.clone();
                damage(&mut damaged.object, &mut 0, every);
                found.extend(differing(&damaged, &format!("{file} without every {every}th element")));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
