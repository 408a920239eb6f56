//! Values of a message as rules see them, and which of them were read.
//!
//! What no rule read is residue: nothing is lost silently. Reading is noted a component at a time.

use std::borrow::Cow;

use hl7v2::{Message, RepetitionId, SegmentId, unescape};
use memchr::memchr_iter;

use super::group::Grouping;
use crate::path::Repetition;
use crate::plan::Slot;

/// A value and what its parts are.
#[derive(Debug, Clone, Copy)]
pub struct View<'m> {
    pub raw: &'m str,
    pub depth: Depth,
    /// The repetition that it stands in; for a segment, its index.
    place: u32,
    /// The component that it is, or at which it begins where it is a slice; 0 for a whole repetition.
    component: u8,
    subcomponent: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    Segment,
    Repetition,
    Component,
    Subcomponent,
}

/// Where in the message a profile is applied.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'s> {
    pub instance: u32,
    pub segment: u32,
    /// Further segments that belong to this one: text over many OBX.
    pub joined: &'s [u32],
}

impl View<'_> {
    pub fn is_null(&self) -> bool {
        self.raw == "\"\""
    }
}

/// A message with its groups, and the note of what was read.
pub struct Reader<'m> {
    pub message: &'m Message<'m>,
    pub grouping: Grouping,
    read: Vec<u32>,
    /// Subcomponents that were read one by one: repetition, component, subcomponent.
    read_parts: Vec<(u32, u8, u8)>,
    component: Option<u8>,
    subcomponent: Option<u8>,
}

impl<'m> Reader<'m> {
    pub fn new(message: &'m Message<'m>, grouping: Grouping) -> Reader<'m> {
        Reader {
            message,
            grouping,
            read: vec![0; message.repetition_count()],
            read_parts: Vec::new(),
            component: message.separators().component(),
            subcomponent: message.separators().subcomponent(),
        }
    }

    /// Adds the values of a slot that are not empty. `view` is what a datatype profile is applied to.
    pub fn collect(&self, slot: &Slot, scope: Scope<'_>, view: Option<View<'m>>, out: &mut Vec<View<'m>>) {
        match *slot {
            Slot::Field { segment, all_segments, .. } => {
                self.each_segment(segment, all_segments, scope, |at| self.collect_field(slot, at, scope, out));
            }
            Slot::Segment { segment, all } => self.each_segment(segment, all, scope, |at| {
                out.push(View { raw: "", depth: Depth::Segment, place: at, component: 0, subcomponent: 0 });
            }),
            Slot::Part { part, all: true, .. } if view.is_some_and(|view| view.depth == Depth::Segment) => {
                if let Some(view) = view {
                    self.collect_repetitions(view.place, u16::from(part), Repetition::All, 0, 0, out);
                }
            }
            Slot::Part { part, below, deeper, .. } => {
                let mut found = view.and_then(|view| self.part(view, part));
                for number in [below, deeper].into_iter().filter(|number| *number > 0) {
                    found = found.and_then(|found| self.part(found, number));
                }
                out.extend(found);
            }
            Slot::Slice { first, last } => out.extend(view.and_then(|view| self.slice(view, first, last))),
            Slot::Whole => out.extend(view),
            Slot::Event | Slot::MessageCode | Slot::SourceName => {}
        }
    }

    pub fn first(&self, slot: &Slot, scope: Scope<'_>, view: Option<View<'m>>) -> Option<View<'m>> {
        let mut found = Vec::new();
        self.collect(slot, scope, view, &mut found);
        found.first().copied()
    }

    fn each_segment(&self, id: SegmentId, all: bool, scope: Scope<'_>, mut each: impl FnMut(u32)) {
        if all {
            self.grouping.find_all(scope.instance, id).for_each(each);
        } else if self.message.segment(scope.segment as usize).segment_id() == id {
            each(scope.segment);
        } else if let Some(found) = self.grouping.find(scope.instance, id) {
            each(found);
        }
    }

    pub fn has_segment(&self, id: SegmentId, scope: Scope<'_>) -> bool {
        self.grouping.has_below(scope.instance, id)
    }

    fn collect_field(&self, slot: &Slot, at: u32, scope: Scope<'_>, out: &mut Vec<View<'m>>) {
        let Slot::Field { field, repetition, component, subcomponent, .. } = *slot else { return };
        self.collect_repetitions(at, field, repetition, component, subcomponent, out);
        if at == scope.segment && repetition == Repetition::All {
            for joined in scope.joined {
                self.collect_repetitions(*joined, field, repetition, component, subcomponent, out);
            }
        }
    }

    fn collect_repetitions(
        &self,
        segment: u32,
        field: u16,
        repetition: Repetition,
        component: u8,
        subcomponent: u8,
        out: &mut Vec<View<'m>>,
    ) {
        let field = self.message.field(segment as usize, field);
        if field.is_empty() {
            return;
        }
        let mut add = |repetition: hl7v2::Repetition<'m>| {
            let whole =
                View { raw: repetition.raw(), depth: Depth::Repetition, place: repetition.id().0, component: 0, subcomponent: 0 };
            let found = match (component, subcomponent) {
                (0, _) => Some(whole).filter(|view| !view.raw.is_empty()),
                (component, 0) => self.part(whole, component),
                (component, subcomponent) => self.part(whole, component).and_then(|part| self.part(part, subcomponent)),
            };
            out.extend(found);
        };
        match repetition {
            Repetition::All => field.repetitions().for_each(add),
            Repetition::First => field.repetition(0).into_iter().for_each(add),
            Repetition::Nth(n) => field.repetition(usize::from(n) - 1).into_iter().for_each(&mut add),
        }
    }

    /// The part `number` of a value, if it is not empty.
    fn part(&self, view: View<'m>, number: u8) -> Option<View<'m>> {
        let (delimiter, depth) = match view.depth {
            Depth::Segment => return self.field_of(view.place, number),
            Depth::Repetition => (self.component, Depth::Component),
            Depth::Component => (self.subcomponent, Depth::Subcomponent),
            Depth::Subcomponent => (None, Depth::Subcomponent),
        };
        let raw = nth(view.raw, delimiter, number)?;
        let mut part = View { raw, depth, ..view };
        match depth {
            Depth::Component => part.component = number + view.component.saturating_sub(1),
            _ => part.subcomponent = number + view.subcomponent.saturating_sub(1),
        }
        Some(part)
    }

    /// The segment that a value is, if it is one.
    pub fn segment_of(&self, view: View<'m>) -> Option<u32> {
        (view.depth == Depth::Segment).then_some(view.place)
    }

    fn field_of(&self, segment: u32, number: u8) -> Option<View<'m>> {
        let mut found = Vec::new();
        self.collect_repetitions(segment, u16::from(number), Repetition::First, 0, 0, &mut found);
        found.pop()
    }

    /// Components `first` to `last` as one value, if any of them is not empty.
    fn slice(&self, view: View<'m>, first: u8, last: u8) -> Option<View<'m>> {
        let delimiter = if view.depth == Depth::Repetition { self.component } else { self.subcomponent }?;
        let mut bounds = (0, view.raw.len());
        let mut number = 1;
        for at in memchr_iter(delimiter, view.raw.as_bytes()) {
            number += 1;
            if number == first {
                bounds.0 = at + 1;
            }
            if number == last + 1 {
                bounds.1 = at;
                break;
            }
        }
        let raw = (number >= first).then(|| &view.raw[bounds.0..bounds.1])?;
        let empty = raw.bytes().all(|byte| byte == delimiter);
        let slice = match view.depth {
            Depth::Repetition => View { raw, component: first, ..view },
            _ => View { raw, subcomponent: first, ..view },
        };
        (!empty).then_some(slice)
    }

    /// What a value says as plain text. Of a composite where a simple value is expected: its first component.
    pub fn text(&self, view: View<'m>) -> Cow<'m, str> {
        unescape(self.simple(view).raw, self.message.separators())
    }

    /// The value, or of a composite its first component.
    pub fn simple(&self, view: View<'m>) -> View<'m> {
        match view.depth {
            Depth::Repetition => self.part(view, 1).unwrap_or(View { raw: "", ..view }),
            _ => view,
        }
    }

    /// Everything that a composite says: its parts that are not empty, joined by blanks.
    pub fn whole_text(&self, view: View<'m>) -> String {
        let delimiters = [self.component, self.subcomponent];
        let parts = view.raw.split(|c: char| delimiters.iter().flatten().any(|delimiter| c == char::from(*delimiter)));
        let said: Vec<_> = parts.filter(|part| !part.is_empty()).map(|part| unescape(part, self.message.separators())).collect();
        said.join(" ")
    }

    /// Notes that a value was read.
    pub fn note(&mut self, view: View<'m>) {
        if view.depth == Depth::Segment {
            return;
        }
        let place = view.place as usize;
        match view.depth {
            Depth::Repetition if view.component == 0 => self.read[place] = u32::MAX,
            Depth::Repetition => {
                let width = 1 + memchr_iter(self.component.unwrap_or(0), view.raw.as_bytes()).count();
                for component in 0..width {
                    self.read[place] |= bit(view.component.saturating_add(component as u8));
                }
            }
            Depth::Subcomponent => self.read_parts.push((view.place, view.component, view.subcomponent)),
            Depth::Component if view.subcomponent > 0 => {
                let width = 1 + memchr_iter(self.subcomponent.unwrap_or(0), view.raw.as_bytes()).count();
                let parts = (0..width).map(|at| view.subcomponent.saturating_add(at as u8));
                self.read_parts.extend(parts.map(|part| (view.place, view.component, part)));
            }
            _ => self.read[place] |= bit(view.component),
        }
    }

    /// Notes a value read as plain text: of a composite only its first component was.
    pub fn note_simple(&mut self, view: View<'m>) {
        self.note(self.simple(view));
    }

    /// The places of what was sent and not read, such as `PID-5[2].7`. MSH-1 and MSH-2 are form, not content.
    pub fn residue(&self) -> Vec<String> {
        let mut places = Vec::new();
        for (id, read) in self.read.iter().enumerate() {
            if *read == u32::MAX {
                continue;
            }
            let id = RepetitionId(id as u32);
            let raw = self.message.repetition(id).raw();
            if raw.is_empty() {
                continue;
            }
            self.residue_of(id, raw, *read, &mut places);
        }
        places
    }

    fn residue_of(&self, id: RepetitionId, raw: &str, read: u32, places: &mut Vec<String>) {
        let place = self.message.place(id);
        if place.segment == Some(SegmentId::MSH) && place.field <= 2 {
            return;
        }
        let components = split(raw, self.component);
        let single = components.clone().nth(1).is_none();
        for (at, component) in components.enumerate() {
            let number = at as u8 + 1;
            if component.is_empty() || read & bit(number) != 0 || self.all_parts_read(id.0, number, component) {
                continue;
            }
            places.push(if single { place.to_string() } else { format!("{place}.{number}") });
        }
    }

    fn all_parts_read(&self, place: u32, component: u8, raw: &str) -> bool {
        let was_read = |part: u8| self.read_parts.contains(&(place, component, part));
        split(raw, self.subcomponent).enumerate().all(|(at, part)| part.is_empty() || was_read(at as u8 + 1))
    }

    /// Bytes of the message's text that a value stands at.
    pub fn span(&self, view: View<'m>) -> (usize, usize) {
        if view.depth == Depth::Segment {
            let span = self.message.segment(view.place as usize).span();
            return (span.start, span.end);
        }
        let whole = self.message.repetition(RepetitionId(view.place));
        let offset = view.raw.as_ptr() as usize - whole.raw().as_ptr() as usize;
        let start = whole.span().start + offset;
        (start, start + view.raw.len())
    }

    pub fn place(&self, view: View<'m>) -> String {
        if view.depth == Depth::Segment {
            return self.message.segment(view.place as usize).place().to_string();
        }
        let place = self.message.place(RepetitionId(view.place)).to_string();
        match (view.component, view.subcomponent) {
            (0, _) => place,
            (component, 0) => format!("{place}.{component}"),
            (component, subcomponent) => format!("{place}.{component}.{subcomponent}"),
        }
    }
}

fn bit(component: u8) -> u32 {
    1 << (component.saturating_sub(1)).min(31)
}

fn split(raw: &str, delimiter: Option<u8>) -> impl Iterator<Item = &str> + Clone {
    raw.split(move |c: char| delimiter.is_some_and(|delimiter| c == char::from(delimiter)))
}

fn nth(raw: &str, delimiter: Option<u8>, number: u8) -> Option<&str> {
    let Some(delimiter) = delimiter else { return (number == 1 && !raw.is_empty()).then_some(raw) };
    let mut start = 0;
    let mut left = number;
    for at in memchr_iter(delimiter, raw.as_bytes()) {
        left -= 1;
        if left == 0 {
            return (at > start).then(|| &raw[start..at]);
        }
        start = at + 1;
    }
    (left == 1 && start < raw.len()).then(|| &raw[start..])
}
