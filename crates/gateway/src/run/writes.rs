//! What rules produced, as writes of a change.

use fhir::Node;
use fhir::apply::{Op as To, Write};

use super::rules::{Produced, Runner};
use super::{Planned, build};
use crate::path::Index;
use crate::plan::{Op, Place, Step};

impl<'a> Runner<'a> {
    /// Adds a change; what was already said of the same resource in this message is completed by it.
    pub fn plan_change(&mut self, planned: Planned<'a>) {
        let Some(at) = self.by_id.get(&planned.change.id).copied() else {
            self.by_id.insert(planned.change.id.clone(), self.planned.len());
            self.planned.push(planned);
            return;
        };
        self.memo.forget();
        let known = &mut self.planned[at];
        known.transient &= planned.transient;
        if known.name.is_empty() {
            known.name = planned.name;
            known.scope = planned.scope;
        }
        for write in planned.change.writes {
            complete(&mut known.change.writes, write);
        }
    }
}

/// The element is removed.
pub(super) fn clears<'a>(place: &'a Place) -> Write<'a> {
    write(place, To::Clear)
}

fn write<'a>(place: &'a Place, op: To<'a>) -> Write<'a> {
    Write { path: &place.path, owner: &place.owner, shared: place.shared, displaces: &place.displaces, op }
}

/// What a rule produced, as writes: one for all items of a list, or into the item that several rules build together.
pub(super) fn nodes_into<'a>(writes: &mut Vec<Write<'a>>, place: &'a Place, op: Op, produced: Produced<'a>) {
    let (head, rest) = place.steps.split_at(place.head);
    let Some(step) = head.last().filter(|step| step.many) else {
        let Some(node) = first(produced) else { return };
        writes.push(write(place, if op == Op::Fill { To::Fill(node) } else { To::Set(node) }));
        return;
    };
    if let Op::Journal(journal) = op {
        let item = first(produced).map(|node| item_of(step, rest, node));
        writes.push(write(place, To::Journal(journal, item)));
        return;
    }
    let nodes = match produced {
        Produced::One(node) => vec![node],
        Produced::Several(nodes) => nodes,
        Produced::Nothing | Produced::Null => return,
    };
    let items = if step.index == Index::All {
        if rest.is_empty() { nodes } else { nodes.into_iter().map(|node| item_of(step, rest, node)).collect() }
    } else {
        if let Some(Node::List(items)) = known_list(writes, place) {
            nodes.into_iter().for_each(|node| add_to_item(items, step, rest, node));
            return;
        }
        let mut items = Vec::with_capacity(1);
        nodes.into_iter().for_each(|node| add_to_item(&mut items, step, rest, node));
        items
    };
    writes.push(write(
        place,
        match op {
            Op::Fill => To::Fill(Node::List(items)),
            Op::Keep => To::Keep(items),
            _ => To::Set(Node::List(items)),
        },
    ));
}

fn first(produced: Produced<'_>) -> Option<Node<'_>> {
    match produced {
        Produced::One(node) => Some(node),
        Produced::Several(nodes) => nodes.into_iter().next(),
        Produced::Nothing | Produced::Null => None,
    }
}

fn item_of<'a>(step: &Step, rest: &[Step], node: Node<'a>) -> Node<'a> {
    let mut items = Vec::new();
    build::place_in_list(&mut items, &step.index, rest, node);
    items.pop().unwrap_or(Node::Null)
}

/// Within one owner there is one item, whatever its index among all.
fn add_to_item<'a>(items: &mut Vec<Node<'a>>, step: &Step, rest: &[Step], node: Node<'a>) {
    let index = if let Index::Url(_) = step.index { step.index.clone() } else { Index::At(0) };
    build::place_in_list(items, &index, rest, node);
}

fn known_list<'w, 'a>(writes: &'w mut [Write<'a>], place: &Place) -> Option<&'w mut Node<'a>> {
    writes.iter_mut().find(|write| write.owner == place.owner && write.path == place.path).and_then(|write| {
        match &mut write.op {
            To::Set(node) | To::Fill(node) => Some(node),
            _ => None,
        }
    })
}

/// A second say about the same resource in one message: items add up, the rest is said again.
fn complete<'a>(writes: &mut Vec<Write<'a>>, write: Write<'a>) {
    let known = writes.iter_mut().find(|known| known.path == write.path && known.owner == write.owner);
    let Some(known) = known else {
        writes.push(write);
        return;
    };
    match (&mut known.op, write.op) {
        (To::Set(Node::List(items)), To::Set(Node::List(more))) | (To::Keep(items), To::Keep(more)) => {
            for item in more {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
        }
        (_, To::Fill(_)) => {}
        (op, again) => *op = again,
    }
}
