//! What of the Bundle the message does not say: each element is reported, by place and without its value.

use fhir::{Issue, IssueType, Node, Object};

use super::rules::Back;

/// Issues of one message; what is beyond is said once.
const ISSUES_MAX: usize = 200;
/// What is about the resource in a record and not about anything that it tells.
const FORM: &[&str] = &["resourceType", "id", "meta", "text", "implicitRules", "contained"];

pub fn report(back: &mut Back<'_>) {
    let mut issues = Vec::new();
    for (at, found) in back.links.resources.iter().enumerate() {
        let told = told(back, found.object, true);
        let name = &found.path;
        if told == Told::Nothing && back.is_refused(at) {
            continue;
        }
        match told {
            Told::Nothing => issues.push(unsaid(name, "no rule of this message says anything of it")),
            Told::Part => elements(back, found.object, name, true, &mut issues),
            Told::All => {}
        }
        let labels = found.object.get("meta").and_then(Node::as_object).and_then(|meta| meta.get("security"));
        if labels.and_then(|labels| told_node(back, labels)).is_some_and(|told| told != Told::All) {
            issues.push(unsaid(
                &format!("{name}.meta.security"),
                "a security label that no rule says: the receiver will not see it",
            ));
        }
        for (at, contained) in found.object.items("contained").iter().enumerate() {
            if told_node(back, contained) == Some(Told::Nothing) {
                issues.push(unsaid(&format!("{name}.contained[{at}]"), "not in the message: no rule says it here"));
            }
        }
    }
    let room = ISSUES_MAX.saturating_sub(back.issues.len());
    if issues.len() > room {
        let more = issues.len() - room;
        issues.truncate(room);
        issues.push(unsaid("", &format!("{more} more elements are not in the message")));
    }
    back.issues.append(&mut issues);
}

fn unsaid(path: &str, text: &str) -> Issue {
    Issue::warning(IssueType::NotSupported, path, text)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    Part,
    All,
}

impl Told {
    fn and(self, other: Told) -> Told {
        if self == other { self } else { Told::Part }
    }
}

/// How much of an object has been said; nothing to say is all.
fn told(back: &Back<'_>, object: &Object<'_>, whole: bool) -> Told {
    let parts = content(object, whole).filter_map(|(_, node)| told_node(back, node));
    parts.reduce(Told::and).unwrap_or(Told::All)
}

fn told_node(back: &Back<'_>, node: &Node<'_>) -> Option<Told> {
    match node {
        Node::Object(object) => Some(told(back, object, false)),
        Node::List(items) => items.iter().filter_map(|item| told_node(back, item)).reduce(Told::and),
        Node::Null => None,
        leaf => Some(if back.said.has(leaf) { Told::All } else { Told::Nothing }),
    }
}

/// The elements that say something: an extension's address is said with its value, narrative repeats the rest.
fn content<'o, 'n>(object: &'o Object<'n>, whole: bool) -> impl Iterator<Item = &'o (&'static str, Node<'n>)> {
    let is_extension = object.get("url").is_some() && object.fields.len() > 1;
    object.fields.iter().filter(move |(name, _)| match *name {
        name if whole => !FORM.contains(&name),
        "id" => false,
        "url" => !is_extension,
        _ => true,
    })
}

fn elements(back: &Back<'_>, object: &Object<'_>, path: &str, whole: bool, issues: &mut Vec<Issue>) {
    for (name, node) in content(object, whole) {
        let several = matches!(node, Node::List(_));
        for (at, item) in node.items().iter().enumerate() {
            let path = if several { format!("{path}.{name}[{at}]") } else { format!("{path}.{name}") };
            match (told_node(back, item), item) {
                (Some(Told::Nothing), _) => issues.push(unsaid(&path, "not in the message: no rule says it here")),
                (Some(Told::Part), Node::Object(inner)) => elements(back, inner, &path, false, issues),
                _ => {}
            }
        }
    }
}
