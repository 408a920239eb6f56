//! Values of a message as rules see them, and which of them were read.
//!
//! What no rule read is residue: nothing is lost silently. Reading is noted a component at a time.

use std::borrow::Cow;

use hl7v2::{Message, RepetitionId, SegmentId, unescape};
use memchr::memchr_iter;

use super::frame::Frame;
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

impl<'m> View<'m> {
    /// The part `number` of this, which is `raw`; a slice begins at a part of its own.
    fn part(self, raw: &'m str, depth: Depth, number: u8) -> View<'m> {
        let mut part = View { raw, depth, ..self };
        match depth {
            Depth::Component => part.component = number + self.component.saturating_sub(1),
            _ => part.subcomponent = number + self.subcomponent.saturating_sub(1),
        }
        part
    }

    fn segment(at: u32) -> Self {
        View { raw: "", depth: Depth::Segment, place: at, component: 0, subcomponent: 0 }
    }

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

    /// Adds the values of a slot that are not empty.
    pub fn collect(&self, slot: &Slot, frame: &mut Frame<'_, 'm>, out: &mut Vec<View<'m>>) {
        match *slot {
            Slot::Field { segment, all_segments: true, .. } => {
                for at in self.grouping.find_all(frame.scope.instance, segment) {
                    self.collect_field(slot, at, frame.scope, out);
                }
            }
            Slot::Field { segment, number, repetition: Repetition::All, .. } => {
                if let Some(at) = frame.segment(number, segment, &self.grouping) {
                    self.collect_field(slot, at, frame.scope, out);
                }
            }
            Slot::Segment { segment, all: true } => {
                out.extend(self.grouping.find_all(frame.scope.instance, segment).map(View::segment));
            }
            Slot::Part { part, all: true, .. } => match frame.view {
                Some(view) if view.depth == Depth::Segment => {
                    self.collect_repetitions(view.place, u16::from(part), (0, 0), out);
                }
                _ => out.extend(self.first(slot, frame)),
            },
            _ => out.extend(self.first(slot, frame)),
        }
    }

    /// The first value of a slot that is not empty.
    pub fn first(&self, slot: &Slot, frame: &mut Frame<'_, 'm>) -> Option<View<'m>> {
        match *slot {
            Slot::Field { all_segments: true, .. } => {
                let mut found = Vec::new();
                self.collect(slot, frame, &mut found);
                found.first().copied()
            }
            Slot::Field { segment, number, field, repetition, component, subcomponent, .. } => {
                let at = frame.segment(number, segment, &self.grouping)?;
                let field = self.message.field(at as usize, field);
                if field.is_empty() {
                    return None;
                }
                let index = if let Repetition::Nth(n) = repetition { usize::from(n) - 1 } else { 0 };
                self.within_repetition(field.repetition(index)?, (component, subcomponent))
            }
            Slot::Segment { segment, all: true } => self.grouping.find_all(frame.scope.instance, segment).next().map(View::segment),
            Slot::Segment { segment, all: false } => frame.segment(u8::MAX, segment, &self.grouping).map(View::segment),
            Slot::Part { part, below, deeper, .. } => {
                let mut found = self.part_in(frame, part);
                for number in [below, deeper].into_iter().filter(|number| *number > 0) {
                    found = found.and_then(|found| self.part(found, number));
                }
                found
            }
            Slot::Slice { first, last } => self.slice(frame.view?, first, last),
            Slot::Whole => frame.view,
            Slot::Event | Slot::MessageCode | Slot::SourceName => None,
        }
    }

    /// Whether a rule that reads this slot has anything to read. Quick, and never wrong about an empty field.
    pub fn is_valued(&self, slot: &Slot, frame: &mut Frame<'_, 'm>) -> bool {
        match *slot {
            Slot::Field { all_segments: false, segment, number, field, .. } => {
                let at = frame.segment(number, segment, &self.grouping);
                at.is_some_and(|at| !self.message.field(at as usize, field).is_empty() || !frame.scope.joined.is_empty())
            }
            Slot::Part { all: false, .. } | Slot::Slice { .. } => self.first(slot, frame).is_some(),
            _ => true,
        }
    }

    pub fn has_segment(&self, id: SegmentId, scope: Scope<'_>) -> bool {
        self.grouping.has_below(scope.instance, id)
    }

    fn collect_field(&self, slot: &Slot, at: u32, scope: Scope<'_>, out: &mut Vec<View<'m>>) {
        let Slot::Field { field, repetition, component, subcomponent, .. } = *slot else { return };
        let parts = (component, subcomponent);
        if repetition != Repetition::All {
            let index = if let Repetition::Nth(n) = repetition { usize::from(n) - 1 } else { 0 };
            let found = self.message.field(at as usize, field).repetition(index);
            out.extend(found.and_then(|found| self.within_repetition(found, parts)));
            return;
        }
        self.collect_repetitions(at, field, parts, out);
        if at == scope.segment {
            scope.joined.iter().for_each(|joined| self.collect_repetitions(*joined, field, parts, out));
        }
    }

    fn collect_repetitions(&self, segment: u32, field: u16, parts: (u8, u8), out: &mut Vec<View<'m>>) {
        let field = self.message.field(segment as usize, field);
        if !field.is_empty() {
            out.extend(field.repetitions().filter_map(|repetition| self.within_repetition(repetition, parts)));
        }
    }

    /// A repetition, or its component and subcomponent where they are not 0.
    fn within_repetition(&self, repetition: hl7v2::Repetition<'m>, (component, subcomponent): (u8, u8)) -> Option<View<'m>> {
        let place = repetition.id().0;
        let whole = View { raw: repetition.raw(), depth: Depth::Repetition, place, component: 0, subcomponent: 0 };
        match (component, subcomponent) {
            (0, _) => (!whole.raw.is_empty()).then_some(whole),
            (component, 0) => self.part(whole, component),
            (component, subcomponent) => self.part(self.part(whole, component)?, subcomponent),
        }
    }

    /// What a part of a value says as plain text; nothing where it is empty.
    pub fn part_text(&self, view: View<'m>, number: u8) -> String {
        self.part(view, number).map_or_else(String::new, |part| self.text(part).trim().to_owned())
    }

    /// The part `number` of the value that a profile is applied to. The value is split once for all its rules.
    fn part_in(&self, frame: &mut Frame<'_, 'm>, number: u8) -> Option<View<'m>> {
        let view = frame.view?;
        let (delimiter, depth) = match view.depth {
            Depth::Repetition => (self.component?, Depth::Component),
            Depth::Component => (self.subcomponent?, Depth::Subcomponent),
            Depth::Segment | Depth::Subcomponent => return self.part(view, number),
        };
        let (start, end) = frame.part_bounds(number, view.raw, delimiter)?;
        Some(view.part(&view.raw[start..end], depth, number)).filter(|part| !part.raw.is_empty())
    }

    /// The part `number` of a value, if it is not empty.
    fn part(&self, view: View<'m>, number: u8) -> Option<View<'m>> {
        let (delimiter, depth) = match view.depth {
            Depth::Segment => return self.field_of(view.place, number),
            Depth::Repetition => (self.component, Depth::Component),
            Depth::Component => (self.subcomponent, Depth::Subcomponent),
            Depth::Subcomponent => (None, Depth::Subcomponent),
        };
        Some(view.part(nth(view.raw, delimiter, number)?, depth, number))
    }

    /// The segment that a value is, if it is one.
    pub fn segment_of(&self, view: View<'m>) -> Option<u32> {
        (view.depth == Depth::Segment).then_some(view.place)
    }

    fn field_of(&self, segment: u32, number: u8) -> Option<View<'m>> {
        let field = self.message.field(segment as usize, u16::from(number));
        self.within_repetition(field.repetition(0)?, (0, 0))
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
        // MSH-1 and MSH-2 are the first two repetitions.
        for (id, read) in self.read.iter().enumerate().skip(2) {
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

    /// How many components were sent that are not empty.
    pub fn values(&self) -> usize {
        let of = |id: usize| split(self.message.repetition(RepetitionId(id as u32)).raw(), self.component).filter(|part| !part.is_empty()).count();
        (2..self.read.len()).map(of).sum()
    }

    fn residue_of(&self, id: RepetitionId, raw: &str, read: u32, places: &mut Vec<String>) {
        let components = split(raw, self.component);
        let single = components.clone().nth(1).is_none();
        for (at, component) in components.enumerate() {
            let number = at as u8 + 1;
            if component.is_empty() || read & bit(number) != 0 || self.all_parts_read(id.0, number, component) {
                continue;
            }
            let place = self.message.place(id);
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
