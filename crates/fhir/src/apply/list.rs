//! Lists while they are merged: whose item is whose, what is kept, and histories of places.

use super::{EventTime, Journal, State, Write, at, put, remove};
use crate::{Issue, IssueType, Node, Object};

/// Puts `items` in the place of those that `owner` had in a list that others write too. An item that nobody owns and
/// that equals a new one is taken over.
pub(super) fn replace_own<'a>(
    object: &mut Object<'a>,
    state: &mut State,
    path: &[&'static str],
    owner: &str,
    items: Vec<Node<'a>>,
) {
    let (known, owners) = take(object, state, path);
    let place = owners.iter().position(|o| o == owner).unwrap_or(owners.len());
    let mut list = Vec::with_capacity(known.len() + items.len());
    let mut whose = Vec::with_capacity(list.capacity());
    let mut new = Some(items);
    for (index, (item, item_owner)) in known.into_iter().zip(owners).enumerate() {
        if index == place {
            append(&mut list, &mut whose, new.take().unwrap_or_default(), owner);
        }
        let taken_over = item_owner.is_empty() && new.as_ref().unwrap_or(&list).contains(&item);
        if item_owner != owner && !taken_over {
            list.push(item);
            whose.push(item_owner);
        }
    }
    append(&mut list, &mut whose, new.take().unwrap_or_default(), owner);
    write_back(object, state, path, list, whose);
}

fn append<'a>(list: &mut Vec<Node<'a>>, whose: &mut Vec<String>, items: Vec<Node<'a>>, owner: &str) {
    whose.extend(std::iter::repeat_n(owner.to_owned(), items.len()));
    list.extend(items);
}

/// The list at `path` with the owner of each item; nobody's where that is not known (any more).
fn take<'a>(object: &Object<'a>, state: &State, path: &[&'static str]) -> (Vec<Node<'a>>, Vec<String>) {
    let known = at(object, path).map_or_else(Vec::new, |node| node.items().to_vec());
    let owners = match state.owners_of(path) {
        Some(owners) if owners.len() == known.len() => owners.clone(),
        _ => vec![String::new(); known.len()],
    };
    (known, owners)
}

fn write_back<'a>(
    object: &mut Object<'a>,
    state: &mut State,
    path: &[&'static str],
    list: Vec<Node<'a>>,
    whose: Vec<String>,
) {
    state.set_owners(path, whose);
    if list.is_empty() {
        remove(object, path);
    } else {
        put(object, path, Node::List(list));
    }
}

/// Removes what the write's rule owns: its items of a shared list, else the element.
pub(super) fn release(object: &mut Object<'_>, state: &mut State, write: &Write<'_>) {
    if write.shared && matches!(at(object, write.path), Some(Node::List(_))) {
        replace_own(object, state, write.path, write.owner, Vec::new());
    } else {
        remove(object, write.path);
    }
}

/// `safety.md` 5: an identifier that a message leaves out is reported, not removed.
pub(super) fn keep<'a>(
    object: &mut Object<'a>,
    state: &mut State,
    (path, owner, shared): &(&[&'static str], &str, bool),
    mut items: Vec<Node<'a>>,
    issues: &mut Vec<Issue>,
) {
    let (known, owners) = take(object, state, path);
    let mut missing = 0;
    for (item, item_owner) in known.into_iter().zip(owners) {
        let own = item_owner == *owner || item_owner.is_empty() || !shared;
        if own && !items.iter().any(|new| same_identifier(new, &item)) {
            missing += 1;
            items.push(item);
        }
    }
    if missing > 0 {
        issues.push(Issue::warning(
            IssueType::BusinessRule,
            path.join("."),
            format!("{missing} identifiers of the record are not in the message: they were kept"),
        ));
    }
    if *shared {
        replace_own(object, state, path, owner, items);
    } else {
        put(object, path, Node::List(items));
    }
}

fn same_identifier(a: &Node<'_>, b: &Node<'_>) -> bool {
    match (a, b) {
        (Node::Object(a), Node::Object(b)) if a.get("value").is_some() => {
            a.get("value") == b.get("value") && a.get("system") == b.get("system")
        }
        _ => a == b,
    }
}

/// A history of places: items with `location`, `status` and `period` (`Encounter.location`). Items of other rules in
/// the same list (a reserved bed, a place for a while) are no part of it.
pub(super) fn journal<'a>(
    object: &mut Object<'a>,
    state: &mut State,
    (path, owner, shared): &(&[&'static str], &str, bool),
    (step, item): (Journal, Option<Node<'a>>),
    time: Option<EventTime>,
) {
    let (known, owners) = take(object, state, path);
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for (item, item_owner) in known.into_iter().zip(owners) {
        if !shared || item_owner == *owner || item_owner.is_empty() {
            own.push(item);
        } else {
            others.push((item, item_owner));
        }
    }
    let moment = time.filter(|time| time.low_us == time.high_us).map(|time| instant(time.low_us));
    match step {
        Journal::Add => add(&mut own, item, moment),
        Journal::Undo => undo(&mut own, item),
        Journal::Past => past(&mut own, item),
        Journal::Close => {
            own.iter_mut().rfind(|item| is_open(item)).into_iter().for_each(|open| close(open, moment.clone()))
        }
    }
    let mut whose = vec![(*owner).to_owned(); own.len()];
    for (item, item_owner) in others {
        own.push(item);
        whose.push(item_owner);
    }
    write_back(object, state, path, own, if *shared { whose } else { Vec::new() });
}

fn add<'a>(list: &mut Vec<Node<'a>>, item: Option<Node<'a>>, moment: Option<String>) {
    let Some(mut item) = item else { return };
    if let Some(open) = list.iter_mut().rfind(|item| is_open(item)) {
        if same_place(open, &item) {
            return;
        }
        close(open, moment.clone());
    }
    if let (Node::Object(fields), Some(moment), false) = (&mut item, moment, list.is_empty())
        && fields.get("period").is_none()
    {
        fields.set("period", Node::Object(Object { fields: vec![("start", Node::text(moment))] }));
    }
    list.push(item);
}

/// Takes the last step back: an opening goes and the item before it is open again, a closing is undone.
fn undo<'a>(list: &mut Vec<Node<'a>>, item: Option<Node<'a>>) {
    if list.len() > 1 && list.last().is_some_and(is_open) {
        list.pop();
    }
    if let Some(Node::Object(before)) = list.last_mut() {
        before.set("status", Node::text("active"));
        if let Some(Node::Object(period)) = before.get_mut("period") {
            period.remove("end");
            if period.is_empty() {
                before.remove("period");
            }
        }
    }
    add(list, item, None);
}

/// Somewhere that the patient has been: a closed item, before the open one, unless that place is known.
fn past<'a>(list: &mut Vec<Node<'a>>, item: Option<Node<'a>>) {
    let Some(item) = item.filter(|item| !list.iter().any(|known| same_place(known, item))) else { return };
    let at = list.iter().position(is_open).unwrap_or(list.len());
    list.insert(at, item);
}

fn is_open(item: &Node<'_>) -> bool {
    item.as_object().is_some_and(|item| item.str("status") == Some("active"))
}

fn same_place(a: &Node<'_>, b: &Node<'_>) -> bool {
    let place = |node: &Node<'_>| node.as_object().and_then(|item| item.get("location").cloned().map(Node::into_owned));
    place(a).is_some() && place(a) == place(b)
}

fn close(item: &mut Node<'_>, moment: Option<String>) {
    let Node::Object(fields) = item else { return };
    fields.set("status", Node::text("completed"));
    let Some(moment) = moment else { return };
    match fields.get_mut("period") {
        Some(Node::Object(period)) => period.set("end", Node::text(moment)),
        _ => fields.set("period", Node::Object(Object { fields: vec![("end", Node::text(moment))] })),
    }
}

/// A FHIR instant of these microseconds, in UTC.
fn instant(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).map(|moment| moment.to_string()).unwrap_or_default()
}
