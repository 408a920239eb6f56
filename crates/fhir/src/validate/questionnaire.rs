//! Questionnaires (R4 §4.12): the conditions of an item are about other items of the same questionnaire.

use std::collections::HashSet;

use super::walk::{Frame, Walk};
use crate::{IssueType, Node, Object, Severity};

pub fn check(walk: &mut Walk<'_, '_>, frame: &Frame<'_>) {
    if frame.kind.name == "Questionnaire" {
        let mut known = HashSet::new();
        link_ids(frame.resource, &mut known);
        items(walk, frame.resource, "", &known);
    }
}

fn link_ids<'r>(of: &'r Object<'_>, known: &mut HashSet<&'r str>) {
    for item in of.items("item").iter().filter_map(Node::as_object) {
        known.extend(item.str("linkId"));
        link_ids(item, known);
    }
}

fn items(walk: &mut Walk<'_, '_>, of: &Object<'_>, path: &str, known: &HashSet<&str>) {
    for (at, item) in of.items("item").iter().enumerate() {
        let Node::Object(item) = item else { continue };
        let path = format!("{path}item[{at}]");
        for (at, condition) in item.items("enableWhen").iter().filter_map(Node::as_object).enumerate() {
            let Some(question) = condition.str("question") else { continue };
            let text = if !known.contains(question) {
                "is the linkId of no item of the questionnaire"
            } else if item.str("linkId") == Some(question) {
                "is the item itself, which could never be enabled"
            } else {
                continue;
            };
            let place = format!("{path}.enableWhen[{at}].question");
            walk.note_at(&place, Severity::Error, IssueType::BusinessRule, text);
        }
        items(walk, item, &format!("{path}."), known);
    }
}
