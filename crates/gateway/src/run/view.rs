//! Values of a message as rules see them. Which of them were read is noted in `residue`.

use std::borrow::Cow;

use hl7v2::{Message, RepetitionId, Segment, SegmentId, unescape};
use memchr::{memchr, memchr_iter};

use super::frame::Frame;
use super::group::Grouping;
use super::text::trimmed;
use crate::path::Repetition;
use crate::plan::{FIELDS_MAX, Profile, RuleSet, Slot};

/// A value and what its parts are.
#[derive(Debug, Clone, Copy)]
pub struct View<'m> {
    pub raw: &'m str,
    pub depth: Depth,
    /// The repetition that it stands in; for a segment, its index.
    pub(super) place: u32,
    /// The component that it is, or at which it begins where it is a slice; 0 for a whole repetition.
    pub(super) component: u8,
    pub(super) subcomponent: u8,
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

    /// Whether it says the same and is the same part of its repetition.
    pub fn is_like(self, other: View<'_>) -> bool {
        let parts = |view: View<'_>| (view.depth, view.component, view.subcomponent);
        self.raw == other.raw && parts(self) == parts(other)
    }

    pub fn is_null(&self) -> bool {
        self.raw == "\"\""
    }
}

/// A message with its groups, and the note of what was read.
pub struct Reader<'m> {
    pub message: &'m Message<'m>,
    pub grouping: Grouping,
    pub(super) read: Vec<u32>,
    /// Subcomponents that were read one by one: repetition, component, subcomponent.
    pub(super) read_parts: Vec<(u32, u8, u8)>,
    pub(super) component: Option<u8>,
    pub(super) subcomponent: Option<u8>,
    /// Of each segment the fields below [`FIELDS_MAX`] that are not empty: most rules find nothing, and this tells it at once.
    present: Vec<u64>,
    /// Whether no value has an escape sequence.
    plain: bool,
}

impl<'m> Reader<'m> {
    pub fn new(message: &'m Message<'m>, grouping: Grouping) -> Reader<'m> {
        let separators = message.separators();
        let body = message.text().as_bytes().get(message.segment(0).span().end..).unwrap_or_default();
        // MSH-2 declares the escape character; what else MSH says is looked at from MSH-3 on.
        let head = message.segment(0).raw().as_bytes().get(9..).unwrap_or_default();
        let escapes = |text: &[u8]| separators.escape().is_some_and(|escape| memchr(escape, text).is_some());
        Reader {
            message,
            grouping,
            read: vec![0; message.repetition_count()],
            read_parts: Vec::new(),
            component: separators.component(),
            subcomponent: separators.subcomponent(),
            present: message.segments().map(presence).collect(),
            plain: !escapes(head) && !escapes(body),
        }
    }

    /// Whether a field was sent and is not empty.
    fn is_present(&self, segment: u32, field: u16) -> bool {
        match field {
            FIELDS_MAX.. => !self.message.field(segment as usize, field).is_empty(),
            _ => self.present[segment as usize] >> field & 1 == 1,
        }
    }

    /// The rules that may have something to read: most wait for a field that was not sent. Segments that belong to the
    /// one at hand may have any field.
    pub fn awake(&self, profile: &Profile, frame: &mut Frame<'_, 'm>) -> RuleSet {
        let mut awake = profile.awake;
        for wakes in &profile.wakes {
            let present = match (wakes.segment, frame.view) {
                (Some((segment, number)), _) => match frame.segment(number, segment, &self.grouping) {
                    Some(at) if frame.scope.joined.is_empty() => self.present[at as usize],
                    Some(_) => u64::MAX,
                    None => continue,
                },
                (None, Some(view)) => self.parts_present(view),
                (None, None) => continue,
            };
            let woken = wakes.by_field.iter().filter(|(field, _)| present >> field & 1 == 1);
            woken.for_each(|(_, rules)| awake.add(rules));
        }
        awake
    }

    /// Which parts of a value are not empty.
    fn parts_present(&self, view: View<'m>) -> u64 {
        let delimiter = match view.depth {
            Depth::Segment => return self.present[view.place as usize],
            Depth::Repetition => self.component,
            Depth::Component => self.subcomponent,
            Depth::Subcomponent => return u64::from(!view.raw.is_empty()) << 1,
        };
        let (mut present, mut bit) = (0, 1 << 1);
        for byte in view.raw.bytes() {
            if Some(byte) == delimiter {
                bit <<= 1;
            } else {
                present |= bit;
            }
        }
        present
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
                if !self.is_present(at, field) {
                    return None;
                }
                let segment = self.message.segment(at as usize);
                let found = match repetition {
                    Repetition::Nth(n) => segment.field(field).repetition(usize::from(n) - 1)?,
                    Repetition::First | Repetition::All => segment.first_repetition(field)?,
                };
                self.within_repetition(found, (component, subcomponent))
            }
            Slot::Segment { segment, all: true } => {
                self.grouping.find_all(frame.scope.instance, segment).next().map(View::segment)
            }
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
                at.is_some_and(|at| self.is_present(at, field) || !frame.scope.joined.is_empty())
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
        if self.is_present(segment, field) {
            let field = self.message.field(segment as usize, field);
            out.extend(field.repetitions().filter_map(|repetition| self.within_repetition(repetition, parts)));
        }
    }

    /// A repetition, or its component and subcomponent where they are not 0.
    fn within_repetition(
        &self,
        repetition: hl7v2::Repetition<'m>,
        (component, subcomponent): (u8, u8),
    ) -> Option<View<'m>> {
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
        self.part(view, number).map_or_else(String::new, |part| trimmed(&self.text(part)).to_owned())
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
        let found = self.message.segment(segment as usize).first_repetition(u16::from(number))?;
        self.within_repetition(found, (0, 0))
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
        self.unescaped(self.simple(view).raw)
    }

    /// What is written, with escape sequences resolved.
    pub fn unescaped(&self, raw: &'m str) -> Cow<'m, str> {
        if self.plain { Cow::Borrowed(raw) } else { unescape(raw, self.message.separators()) }
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
        let said: Vec<_> = parts.filter(|part| !part.is_empty()).map(|part| self.unescaped(part)).collect();
        said.join(" ")
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

/// Values are short: a plain loop is done before a search has begun.
fn nth(raw: &str, delimiter: Option<u8>, number: u8) -> Option<&str> {
    let Some(delimiter) = delimiter else { return (number == 1 && !raw.is_empty()).then_some(raw) };
    let mut start = 0;
    let mut left = number;
    for (at, byte) in raw.bytes().enumerate() {
        if byte != delimiter {
            continue;
        }
        left -= 1;
        if left == 0 {
            return (at > start).then(|| &raw[start..at]);
        }
        start = at + 1;
    }
    (left == 1 && start < raw.len()).then(|| &raw[start..])
}

fn presence(segment: Segment<'_>) -> u64 {
    let fields = segment.fields().take(usize::from(FIELDS_MAX) - 1);
    fields.enumerate().fold(0, |present, (at, field)| present | u64::from(!field.is_empty()) << (at + 1))
}
