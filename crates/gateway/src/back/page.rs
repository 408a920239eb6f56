//! The message in the making: segments in their groups, values by place, and the way back to any earlier state.
//!
//! Rules are tried and taken back, so nothing is ever overwritten: a place belongs to who wrote it first, and a mark is
//! enough to undo everything since. What a value means is not known here.

use std::collections::BTreeMap;

use hl7v2::{Draft, SegmentId, Separators};

use crate::plan::Group;

/// Repetitions of one field; what is beyond is not written, and reported by whoever tried.
const REPETITIONS_MAX: u16 = 1000;
/// Segments of one message.
const SEGMENTS_MAX: usize = 20_000;

/// Field, repetition (from 0), component, subcomponent.
type Key = [u16; 4];
type SegmentName = String;

#[derive(Debug)]
pub struct Page {
    pub instances: Vec<Instance>,
    pub segments: Vec<Segment>,
    /// What was written, in that order.
    log: Vec<(usize, Key)>,
}

/// One instance of a group; 0 is the message.
#[derive(Debug)]
pub struct Instance {
    pub group: usize,
    pub parent: Option<usize>,
    segments: Vec<usize>,
    below: Vec<usize>,
}

#[derive(Debug)]
pub struct Segment {
    pub id: SegmentId,
    pub instance: usize,
    values: BTreeMap<Key, String>,
}

/// A place in the message, as deep as a path has led: for a slice, its first part and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    pub segment: usize,
    pub depth: Depth,
    key: Key,
    width: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    Segment,
    Repetition,
    Component,
    Subcomponent,
}

/// A state to go back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    written: usize,
    segments: usize,
}

impl Spot {
    pub fn segment(segment: usize) -> Spot {
        Spot { segment, depth: Depth::Segment, key: [0, 0, 1, 1], width: 0 }
    }

    pub fn field(segment: usize, field: u16, repetition: u16) -> Spot {
        Spot { segment, depth: Depth::Repetition, key: [field, repetition, 1, 1], width: 0 }
    }

    /// The part `number` below it; none below a subcomponent but itself.
    pub fn part(self, number: u8) -> Option<Spot> {
        let further = u16::from(number) - 1;
        let [field, repetition, component, subcomponent] = self.key;
        let (depth, key) = match self.depth {
            Depth::Segment => return Some(Spot::field(self.segment, u16::from(number), 0)),
            Depth::Repetition => (Depth::Component, [field, repetition, component + further, 1]),
            Depth::Component => (Depth::Subcomponent, [field, repetition, component, subcomponent + further]),
            Depth::Subcomponent if number == 1 => return Some(self),
            Depth::Subcomponent => return None,
        };
        Some(Spot { depth, key, width: 0, ..self })
    }

    /// Its parts `first` to `last` as one value.
    pub fn slice(self, first: u8, last: u8) -> Option<Spot> {
        let start = self.part(first)?;
        Some(Spot { depth: self.depth, key: start.key, width: u16::from(last - first) + 1, ..self })
    }

    /// The first and the last place that belong to it.
    fn bounds(self) -> (Key, Key) {
        let [field, repetition, component, subcomponent] = self.key;
        let last = |first: u16| if self.width == 0 { u16::MAX } else { first + self.width - 1 };
        match self.depth {
            Depth::Segment => ([0; 4], [u16::MAX; 4]),
            Depth::Repetition => ([field, repetition, component, 0], [field, repetition, last(component), u16::MAX]),
            Depth::Component => {
                ([field, repetition, component, subcomponent], [field, repetition, component, last(subcomponent)])
            }
            Depth::Subcomponent => (self.key, self.key),
        }
    }
}

impl Page {
    pub fn new() -> Page {
        let message = Instance { group: 0, parent: None, segments: Vec::new(), below: Vec::new() };
        Page { instances: vec![message], segments: Vec::new(), log: Vec::new() }
    }

    pub fn mark(&self) -> Mark {
        Mark { written: self.log.len(), segments: self.segments.len() }
    }

    pub fn back_to(&mut self, mark: Mark) {
        for (segment, key) in self.log.drain(mark.written..).rev() {
            self.segments[segment].values.remove(&key);
        }
        for gone in self.segments.drain(mark.segments..).rev() {
            self.instances[gone.instance].segments.pop();
        }
    }

    pub fn add_instance(&mut self, group: usize, parent: usize) -> usize {
        let at = self.instances.len();
        self.instances.push(Instance { group, parent: Some(parent), segments: Vec::new(), below: Vec::new() });
        self.instances[parent].below.push(at);
        at
    }

    /// Takes back the last instance, which holds nothing any more.
    pub fn remove_last_instance(&mut self) {
        let last = self.instances.pop().expect("one was added");
        assert!(last.segments.is_empty() && last.below.is_empty(), "nothing is left in it");
        last.parent.and_then(|parent| self.instances[parent].below.pop());
    }

    /// A new segment, unless there are too many.
    pub fn add_segment(&mut self, id: SegmentId, instance: usize) -> Option<usize> {
        (self.segments.len() < SEGMENTS_MAX).then(|| {
            let at = self.segments.len();
            self.segments.push(Segment { id, instance, values: BTreeMap::new() });
            self.instances[instance].segments.push(at);
            at
        })
    }

    /// The instance and those that enclose it, the message last.
    pub fn enclosing(&self, instance: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(instance), |at| self.instances[*at].parent)
    }

    pub fn is_within(&self, instance: usize, outer: usize) -> bool {
        self.enclosing(instance).any(|at| at == outer)
    }

    /// The nearest segment of this id: in the instance, else in those that enclose it.
    pub fn find(&self, instance: usize, id: SegmentId) -> Option<usize> {
        self.enclosing(instance).find_map(|at| self.find_in(at, id).next())
    }

    pub fn find_in(&self, instance: usize, id: SegmentId) -> impl Iterator<Item = usize> + '_ {
        self.instances[instance].segments.iter().copied().filter(move |at| self.segments[*at].id == id)
    }

    pub fn has_below(&self, instance: usize, id: SegmentId) -> bool {
        self.segments.iter().any(|segment| segment.id == id && self.is_within(segment.instance, instance))
    }

    /// The number of the repetition after those that are there; none where there is no room.
    pub fn next_repetition(&self, segment: usize, field: u16) -> Option<u16> {
        let last =
            self.segments[segment].values.range([field, 0, 0, 0]..=[field, u16::MAX, u16::MAX, u16::MAX]).next_back();
        let next = last.map_or(0, |(key, _)| key[1] + 1);
        (next < REPETITIONS_MAX).then_some(next)
    }

    pub fn is_valued(&self, spot: Spot) -> bool {
        self.values(spot).next().is_some()
    }

    fn values(&self, spot: Spot) -> impl Iterator<Item = (&Key, &String)> {
        let (first, last) = spot.bounds();
        self.segments[spot.segment].values.range(first..=last)
    }

    /// What stands at a place as plain text: of a composite its first part.
    pub fn text(&self, spot: Spot) -> Option<&str> {
        self.segments[spot.segment].values.get(&spot.key).map(String::as_str)
    }

    /// All that stands there, its parts kept apart.
    pub fn whole(&self, spot: Spot) -> String {
        self.values(spot).map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("^")
    }

    pub fn is_ascii(&self) -> bool {
        self.segments.iter().all(|segment| segment.values.values().all(|text| text.is_ascii()))
    }

    /// Writes where nothing stands yet.
    pub fn write(&mut self, spot: Spot, text: String) {
        let known = self.segments[spot.segment].values.insert(spot.key, text);
        assert!(known.is_none(), "a place is asked for before it is written");
        self.log.push((spot.segment, spot.key));
    }

    /// The message, its groups and segments in the order of their definitions; what nobody wrote to is left out.
    /// `numbered` are segments that begin with a set id.
    pub fn print(&self, groups: &[Group], order: &[SegmentId], numbered: &[&str]) -> String {
        let mut draft = Draft::new(Separators::default());
        let mut counts: BTreeMap<(SegmentName, usize), u16> = BTreeMap::new();
        for at in self.in_order(0, groups, order) {
            let segment = &self.segments[at];
            let name = segment.id.as_str();
            let printed = draft.segment(name);
            if numbered.contains(&name) {
                let count = counts.entry((name.to_owned(), self.counted_in(segment, groups))).or_insert(0);
                *count += 1;
                printed.set_field(1, &count.to_string());
            }
            for ([field, repetition, component, subcomponent], text) in &segment.values {
                printed.set(*field, *repetition, *component, *subcomponent, text);
            }
        }
        draft.print()
    }

    /// The instance in which segments of one kind are counted: what opens a group is counted among its like.
    fn counted_in(&self, segment: &Segment, groups: &[Group]) -> usize {
        let instance = &self.instances[segment.instance];
        let opens = groups[instance.group].opens.contains(&segment.id);
        instance.parent.filter(|_| opens).unwrap_or(segment.instance)
    }

    fn in_order(&self, instance: usize, groups: &[Group], order: &[SegmentId]) -> Vec<usize> {
        let group = &groups[self.instances[instance].group];
        let rank = |id: SegmentId| {
            let place = |list: &[SegmentId]| list.iter().position(|known| *known == id);
            match (place(&group.opens), place(&group.holds)) {
                (Some(at), _) => (0, at),
                (None, None) => (1, place(order).unwrap_or(order.len())),
                (None, Some(at)) => (2, at),
            }
        };
        let mut here = self.instances[instance].segments.clone();
        here.sort_by_key(|at| rank(self.segments[*at].id));
        let mut below = self.instances[instance].below.clone();
        below.sort_by_key(|at| self.instances[*at].group);
        let below: Vec<usize> = below.into_iter().flat_map(|at| self.in_order(at, groups, order)).collect();
        // A group without its opener cannot be read: it stands for what is below it, even if nothing is written to it.
        let last_opener = group.opens.last();
        here.retain(|at| {
            let segment = &self.segments[*at];
            !segment.values.is_empty() || (!below.is_empty() && Some(&segment.id) == last_opener)
        });
        here.extend(below);
        here
    }
}
