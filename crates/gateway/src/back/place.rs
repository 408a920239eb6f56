//! Finding what a rule reads: nodes of a resource by steps, spots of the message by slots.

use fhir::{Node, Object};
use hl7v2::SegmentId;

use super::page::{Depth, Spot};
use super::rules::{At, Back};
use super::said::address;
use crate::path::{Index, Repetition};
use crate::plan::{Slot, Step};

/// A node at the end of a path, and the item of a list (`[*]`) that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Found<'n> {
    pub node: &'n Node<'n>,
    pub item: Option<usize>,
}

/// All nodes at the end of `steps`. With `any`, `[0]` means any item: constants stand wherever their list put them.
pub fn nodes<'n>(object: &'n Object<'n>, steps: &[Step], any: bool) -> Vec<Found<'n>> {
    let mut out = Vec::new();
    walk(object, steps, any, None, &mut out);
    out
}

fn walk<'n>(object: &'n Object<'n>, steps: &[Step], any: bool, item: Option<usize>, out: &mut Vec<Found<'n>>) {
    let Some((step, rest)) = steps.split_first() else { return };
    let Some(node) = object.get(step.name) else { return };
    for (at, node) in node.items().iter().enumerate() {
        let (wanted, item) = match &step.index {
            Index::All => (true, Some(address(node))),
            Index::None => (true, item),
            Index::At(n) => (any || at == *n, item),
            Index::Url(url) => (node.as_object().and_then(|node| node.str("url")) == Some(url), item),
        };
        match (wanted, rest, node) {
            (false, ..) | (_, _, Node::Null) => {}
            (true, [], node) => out.push(Found { node, item }),
            (true, rest, Node::Object(inner)) => walk(inner, rest, any, item, out),
            _ => {}
        }
    }
}

/// Whether a slot has room for more than one item.
pub fn is_several(slot: &Slot) -> bool {
    matches!(
        slot,
        Slot::Field { repetition: Repetition::All, .. }
            | Slot::Segment { all: true, .. }
            | Slot::Part { all: true, .. }
    )
}

/// Whether `part` is the same place as `whole` or stands within it.
pub fn is_within(part: &Slot, whole: &Slot) -> bool {
    match (part, whole) {
        (
            Slot::Field { segment: a, field: n, component: c, subcomponent: s, .. },
            Slot::Field { segment: b, field: m, component, subcomponent, .. },
        ) => a == b && n == m && (*component == 0 || (c == component && (*subcomponent == 0 || s == subcomponent))),
        (Slot::Part { part: a, below: b, deeper: d, .. }, Slot::Part { part, below, deeper, .. }) => {
            a == part && (*below == 0 || (b == below && (*deeper == 0 || d == deeper)))
        }
        _ => part == whole,
    }
}

impl Back<'_> {
    /// The spot of a slot, where its segment is there.
    pub(super) fn look(&self, slot: &Slot, at: At) -> Option<Spot> {
        self.spots(slot, at).into_iter().next()
    }

    /// All spots of a slot in segments that are there: of `[*]` each repetition.
    pub(super) fn spots(&self, slot: &Slot, at: At) -> Vec<Spot> {
        match *slot {
            Slot::Field { segment, field, repetition, component, subcomponent, .. } => {
                let Some(segment) = self.existing(segment, at) else { return Vec::new() };
                let repetitions = match repetition {
                    Repetition::All => 0..self.page.next_repetition(segment, field).unwrap_or(1).max(1),
                    Repetition::First => 0..1,
                    Repetition::Nth(n) => n - 1..n,
                };
                repetitions
                    .filter_map(|at| narrow(Spot::field(segment, field, at), [component, subcomponent]))
                    .collect()
            }
            Slot::Segment { segment, .. } => self.existing(segment, at).map(Spot::segment).into_iter().collect(),
            _ => self.within_view(slot, at, 0).into_iter().collect(),
        }
    }

    /// The spot to write a slot to: a segment is made where there is none, of `[*]` the next repetition is taken.
    pub(super) fn open(&mut self, slot: &Slot, at: At) -> Option<Spot> {
        match *slot {
            Slot::Field { segment, field, repetition, component, subcomponent, .. } => {
                let segment = self.segment_for(segment, at)?;
                let repetition = match repetition {
                    Repetition::All => self.page.next_repetition(segment, field)?,
                    Repetition::First => 0,
                    Repetition::Nth(n) => n - 1,
                };
                narrow(Spot::field(segment, field, repetition), [component, subcomponent])
            }
            Slot::Segment { segment, .. } => self.segment_for(segment, at).map(Spot::segment),
            Slot::Part { part, all: true, .. } => {
                let view = at.view.filter(|view| view.depth == Depth::Segment)?;
                let next = self.page.next_repetition(view.segment, u16::from(part))?;
                self.within_view(slot, at, next)
            }
            _ => self.within_view(slot, at, 0),
        }
    }

    fn within_view(&self, slot: &Slot, at: At, repetition: u16) -> Option<Spot> {
        let view = at.view?;
        match *slot {
            Slot::Part { part, all: true, .. } => Some(Spot::field(view.segment, u16::from(part), repetition)),
            Slot::Part { part, below, deeper, .. } => narrow(view.part(part)?, [below, deeper]),
            Slot::Slice { first, last } => view.slice(first, last),
            Slot::Whole => Some(view),
            _ => None,
        }
    }

    fn existing(&self, id: SegmentId, at: At) -> Option<usize> {
        if self.page.segments[at.segment].id == id { Some(at.segment) } else { self.page.find(at.instance, id) }
    }

    fn segment_for(&mut self, id: SegmentId, at: At) -> Option<usize> {
        self.existing(id, at).or_else(|| self.new_segment(id, at.instance))
    }

    /// A new segment in the nearest enclosing group that names it; what no group names stays where it is written. What
    /// opens a group that is not open here is not made: nobody knows whose it would be.
    pub(super) fn new_segment(&mut self, id: SegmentId, instance: usize) -> Option<usize> {
        let groups = &self.spec.groups;
        let names = |at: &usize| {
            let group = &groups[self.page.instances[*at].group];
            group.opens.contains(&id) || group.holds.contains(&id)
        };
        let home = self.page.enclosing(instance).find(names);
        if home.is_none() && groups.iter().any(|group| group.opens.contains(&id)) {
            return None;
        }
        self.page.add_segment(id, home.unwrap_or(instance))
    }
}

/// Down to a component and a subcomponent; 0 is no further.
fn narrow(spot: Spot, parts: [u8; 2]) -> Option<Spot> {
    let mut spot = spot;
    for part in parts.into_iter().take_while(|part| *part > 0) {
        spot = spot.part(part)?;
    }
    Some(spot)
}
