//! Merging a change with the version that it expects.
//!
//! A message says only a part of what is known, so translation gives a [`Change`]: what to write where, under which
//! event time and rank. `apply` merges it with the current version and answers what the next version is. Order of
//! arrival never decides: what is older than the record, or of lower rank (a preliminary result after the final one),
//! only fills what was never set. What merging has to remember between versions, and FHIR has no place for, is [`State`].
//!
//! Pure: no clock, no storage. A lost race reads again and applies again.

mod complete;
mod list;
mod state;

use crate::{Issue, IssueType, Node, Object, Resource};
pub use complete::complete;
pub use state::{EventTime, State};

/// What one message says about one resource.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    pub kind: &'static str,
    pub id: String,
    /// Precedence of what is said (results: corrected over final over preliminary); 0 where there is none.
    pub rank: u8,
    /// When it happened; `None` where the message does not say, and then order of arrival counts.
    pub time: Option<EventTime>,
    /// May create the resource, never changes one that is there (an order's patient).
    pub stub: bool,
    pub writes: Vec<Write<'a>>,
}

/// One rule's say about one element.
#[derive(Debug, Clone)]
pub struct Write<'a> {
    /// Names from the resource down to the element; only the last may be a list.
    pub path: &'a [&'static str],
    /// The rule that owns what is written, so that an update of a shared list replaces only its own items.
    pub owner: &'a str,
    /// Whether other rules write the same list.
    pub shared: bool,
    /// Other names of the same choice (`valueString` beside `valueQuantity`): they go when this is written.
    pub displaces: &'a [&'static str],
    pub op: Op<'a>,
}

#[derive(Debug, Clone)]
pub enum Op<'a> {
    /// This is the element now.
    Set(Node<'a>),
    /// This is the element if nobody ever said anything about it.
    Fill(Node<'a>),
    /// The element was deleted at the source (`""`).
    Clear,
    /// These items are in the list; what else is there stays and is reported.
    Keep(Vec<Node<'a>>),
    /// The list is a history of places, see [`Journal`].
    Journal(Journal, Option<Node<'a>>),
}

/// How a history such as `Encounter.location` goes on. The open item has status `active`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// Close the open item and open this one.
    Add,
    /// The last opening was an error: it goes, and the item before is open again.
    Undo,
    /// Close the open item.
    Close,
    /// A closed item that may not be known yet.
    Past,
}

/// The next version, and what was noticed on the way.
#[derive(Debug, Clone)]
pub struct Applied<'a> {
    pub resource: Resource<'a>,
    pub state: State,
    pub issues: Vec<Issue>,
    /// False where the change says nothing new: no version is to be made.
    pub changed: bool,
}

/// The version that a change expects.
#[derive(Debug, Clone, Copy)]
pub struct Current<'c, 'a> {
    pub resource: &'c Resource<'a>,
    pub state: &'c State,
}

pub fn apply<'a>(current: Option<Current<'_, 'a>>, change: Change<'a>) -> Applied<'a> {
    match current {
        None => create(change),
        Some(current) if change.stub => Applied {
            resource: current.resource.clone(),
            state: current.state.clone(),
            issues: Vec::new(),
            changed: false,
        },
        Some(current) => update(current, change),
    }
}

fn create(change: Change<'_>) -> Applied<'_> {
    let mut resource = Resource::new(change.kind);
    resource.object.set("id", Node::text(change.id));
    let mut state = State { rank: change.rank, time: change.time, stub: change.stub, ..State::default() };
    let mut issues = Vec::new();
    for write in change.writes {
        perform(&mut resource.object, &mut state, write, change.time, &mut issues);
    }
    Applied { resource, state, issues, changed: true }
}

fn update<'a>(current: Current<'_, 'a>, change: Change<'a>) -> Applied<'a> {
    let mut resource = current.resource.clone();
    let mut state = current.state.clone();
    let mut issues = Vec::new();
    let older = is_older(&change, &state);
    let mut held_back = 0;
    for mut write in change.writes {
        if older {
            if !matches!(write.op, Op::Keep(_)) && !never_set(&resource.object, &state, &write) {
                held_back += 1;
                continue;
            }
            write.op = match write.op {
                Op::Set(node) | Op::Journal(Journal::Add, Some(node)) => Op::Fill(node),
                other => other,
            };
        }
        perform(&mut resource.object, &mut state, write, change.time, &mut issues);
    }
    if held_back > 0 {
        let path = format!("{}/{}", change.kind, change.id);
        let text = format!("older than the record: {held_back} elements were left as they are");
        issues.push(Issue::information(IssueType::Informational, path, text));
    }
    if !older {
        state.rank = change.rank;
        state.time = change.time.or(state.time);
        state.stub = false;
    }
    let changed = resource != *current.resource;
    Applied { resource, state, issues, changed }
}

/// Rank first, then event time; a tie, or times that cannot be told apart, is decided by arrival.
fn is_older(change: &Change<'_>, state: &State) -> bool {
    if state.stub || change.rank != state.rank {
        return !state.stub && change.rank < state.rank;
    }
    matches!((change.time, state.time), (Some(new), Some(known)) if new.is_before(known))
}

fn never_set(object: &Object<'_>, state: &State, write: &Write<'_>) -> bool {
    if state.cleared.iter().any(|path| same_path(path, write.path)) {
        return false;
    }
    if write.displaces.iter().any(|name| object.get(name).is_some()) {
        return false;
    }
    match at(object, write.path) {
        None => true,
        Some(_) => write.shared && !state.owns(write.path, write.owner),
    }
}

fn same_path(joined: &str, path: &[&str]) -> bool {
    let mut rest = joined;
    for (at, name) in path.iter().enumerate() {
        let next = if at == 0 { Some(rest) } else { rest.strip_prefix('.') };
        let Some(next) = next.and_then(|next| next.strip_prefix(*name)) else { return false };
        rest = next;
    }
    rest.is_empty()
}

fn perform<'a>(
    object: &mut Object<'a>,
    state: &mut State,
    write: Write<'a>,
    time: Option<EventTime>,
    issues: &mut Vec<Issue>,
) {
    let fills = matches!(write.op, Op::Fill(_));
    if fills && !never_set(object, state, &write) {
        return;
    }
    write.displaces.iter().for_each(|name| drop(object.remove(name)));
    if !matches!(write.op, Op::Clear) {
        state.cleared.retain(|path| !same_path(path, write.path));
    }
    match write.op {
        Op::Clear => {
            list::release(object, state, &write);
            let path = write.path.join(".");
            if !state.cleared.contains(&path) {
                state.cleared.push(path);
            }
        }
        Op::Set(Node::List(items)) | Op::Fill(Node::List(items)) if write.shared => {
            list::replace_own(object, state, write.path, write.owner, items);
        }
        Op::Set(node) | Op::Fill(node) => put(object, write.path, node),
        Op::Keep(items) => list::keep(object, state, &(write.path, write.owner, write.shared), items, issues),
        Op::Journal(step, item) => {
            list::journal(object, state, &(write.path, write.owner, write.shared), (step, item), time)
        }
    }
}

/// The element at `path`, if it is there.
pub fn at<'o, 'a>(object: &'o Object<'a>, path: &[&str]) -> Option<&'o Node<'a>> {
    let (last, parents) = path.split_last()?;
    let mut inner = object;
    for name in parents {
        inner = inner.get(name)?.as_object()?;
    }
    inner.get(last)
}

/// Puts `node` at `path`; the objects on the way are made where they are missing.
fn put<'a>(object: &mut Object<'a>, path: &[&'static str], node: Node<'a>) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        object.set(first, node);
        return;
    }
    if !matches!(object.get(first), Some(Node::Object(_))) {
        object.set(first, Node::Object(Object::default()));
    }
    if let Some(Node::Object(inner)) = object.get_mut(first) {
        put(inner, rest, node);
    }
}

/// Removes the element at `path`, and parents that are empty then: FHIR has no empty objects.
fn remove(object: &mut Object<'_>, path: &[&'static str]) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        object.remove(first);
        return;
    }
    let Some(Node::Object(inner)) = object.get_mut(first) else { return };
    remove(inner, rest);
    if inner.is_empty() {
        object.remove(first);
    }
}

#[cfg(test)]
mod tests;
