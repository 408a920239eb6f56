//! Reading a message by position: segment, field, repetition, component, subcomponent (HL7 v2.9 §2.5.3).
//!
//! Everything here is a view of the message, cheap to make and to copy. What was not sent reads as empty, because v2
//! does not tell the two apart; `""`, which says "delete", is told by [`Value::is_null`]. Each view is also a
//! [`Value`]: its own raw text.

use std::borrow::Cow;
use std::ops::{Deref, Range};

use memchr::memchr;

use crate::index::SegmentEntry;
use crate::{Message, Place, SegmentId, Separators, escape};

/// A piece of the message's text.
#[derive(Debug, Clone, Copy)]
pub struct Value<'m> {
    raw: &'m str,
    start: u32,
    separators: &'m Separators,
}

/// A segment of a message.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'m> {
    pub(crate) message: &'m Message<'m>,
    pub(crate) index: u32,
}

/// A field with all its repetitions; as a [`Value`], the text of them all.
#[derive(Debug, Clone, Copy)]
pub struct Field<'m> {
    value: Value<'m>,
    message: &'m Message<'m>,
    first: u32,
    end: u32,
}

/// One repetition of a field.
#[derive(Debug, Clone, Copy)]
pub struct Repetition<'m> {
    value: Value<'m>,
    id: RepetitionId,
}

/// The number of a repetition in its whole message, from 0: an index into a set of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepetitionId(pub u32);

/// One component of a repetition.
#[derive(Debug, Clone, Copy)]
pub struct Component<'m> {
    value: Value<'m>,
}

impl<'m> Value<'m> {
    /// As it was sent, delimiters and escapes included.
    pub fn raw(&self) -> &'m str {
        self.raw
    }

    /// What it says: escapes resolved. Delimiters that are left inside are text.
    pub fn text(&self) -> Cow<'m, str> {
        escape::unescape(self.raw, self.separators)
    }

    /// Nothing was sent: the receiver leaves what it has.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// `""` was sent: the receiver deletes what it has.
    pub fn is_null(&self) -> bool {
        self.raw == "\"\""
    }

    /// Bytes of [`Message::text`].
    pub fn span(&self) -> Range<usize> {
        self.start as usize..self.start as usize + self.raw.len()
    }

    /// The part `number`, counted from 1; empty where there are fewer.
    fn part(&self, delimiter: Option<u8>, number: u16) -> Value<'m> {
        let absent = || Value { raw: "", start: self.start + self.raw.len() as u32, separators: self.separators };
        let index = usize::from(number).checked_sub(1);
        index.and_then(|index| self.parts(delimiter).nth(index)).unwrap_or_else(absent)
    }

    fn parts(self, delimiter: Option<u8>) -> Parts<'m> {
        Parts { rest: Some(self), delimiter }
    }
}

/// The parts of a value between delimiters; one, the whole, where none is declared.
#[derive(Debug, Clone)]
struct Parts<'m> {
    rest: Option<Value<'m>>,
    delimiter: Option<u8>,
}

impl<'m> Iterator for Parts<'m> {
    type Item = Value<'m>;

    fn next(&mut self) -> Option<Value<'m>> {
        let whole = self.rest.take()?;
        let Some(at) = self.delimiter.and_then(|delimiter| memchr(delimiter, whole.raw.as_bytes())) else {
            return Some(whole);
        };
        self.rest = Some(Value { raw: &whole.raw[at + 1..], start: whole.start + at as u32 + 1, ..whole });
        Some(Value { raw: &whole.raw[..at], ..whole })
    }
}

impl<'m> Segment<'m> {
    /// Its place among the segments of the message, from 0.
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// Three characters in upper case, such as `PID`.
    pub fn id(&self) -> &'m str {
        self.entry().id.as_str()
    }

    pub fn segment_id(&self) -> SegmentId {
        self.entry().id
    }

    /// How many fields were sent; MSH counts its separator as one.
    pub fn field_count(&self) -> usize {
        self.fields_end() - self.entry().first_field as usize
    }

    /// The field `number`, from 1 as the standard counts. A field that was not sent is empty and has no repetitions.
    pub fn field(&self, number: u16) -> Field<'m> {
        let index = &self.message.index;
        let first_field = self.entry().first_field as usize;
        // Field 0 is none: its number before the first wraps far beyond the last.
        let at = first_field.saturating_add(usize::from(number).wrapping_sub(1));
        if at >= self.fields_end() {
            let end = index.repetitions.len() as u32;
            let value = self.value(self.entry().end..self.entry().end, &self.message.separators);
            return Field { value, message: self.message, first: end, end };
        }
        let first = index.fields[at];
        let end = index.fields.get(at + 1).copied().unwrap_or(index.repetitions.len() as u32);
        let span = start_of(self.message, first)..end_of(self.message, end - 1, self.entry().end);
        Field { value: self.value(span, separators_of(self.message, first)), message: self.message, first, end }
    }

    /// The first repetition of a field, without a look at the others.
    pub fn first_repetition(&self, number: u16) -> Option<Repetition<'m>> {
        let entry = self.entry();
        let at = (entry.first_field as usize).saturating_add(usize::from(number).wrapping_sub(1));
        let id = (at < self.fields_end()).then(|| self.message.index.fields[at])?;
        Some(within(self.message, id, end_of(self.message, id, entry.end)))
    }

    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'m>> + use<'m> {
        let segment = *self;
        (0..self.field_count()).map(move |index| segment.field(index as u16 + 1))
    }

    /// As it was sent, without its terminator.
    pub fn raw(&self) -> &'m str {
        &self.message.text()[self.span()]
    }

    /// Bytes of [`Message::text`].
    pub fn span(&self) -> Range<usize> {
        self.entry().start as usize..self.entry().end as usize
    }

    /// Its id and which of that id it is. Takes a walk over the segments before it.
    pub fn place(&self) -> Place {
        let before = &self.message.index.segments[..=self.index()];
        let occurrence = before.iter().filter(|entry| entry.id == self.entry().id).count() as u32;
        Place { occurrence, ..Place::segment(self.entry().id) }
    }

    pub(crate) fn print(&self, out: &mut String) {
        let separators = &self.message.separators;
        out.push_str(&self.raw()[..3]);
        let is_header = self.index == 0;
        for (index, field) in self.fields().enumerate() {
            // The separator before MSH-2 is MSH-1 itself.
            if !is_header || index > 1 {
                out.push(separators.field_separator());
            }
            for (index, repetition) in field.repetitions().enumerate() {
                if index > 0 {
                    out.push(char::from(separators.repetition.expect("only a declared character splits repetitions")));
                }
                out.push_str(repetition.raw());
            }
        }
    }

    fn entry(&self) -> &'m SegmentEntry {
        &self.message.index.segments[self.index()]
    }

    fn fields_end(&self) -> usize {
        let index = &self.message.index;
        index.segments.get(self.index() + 1).map_or(index.fields.len(), |next| next.first_field as usize)
    }

    fn value(&self, span: Range<u32>, separators: &'m Separators) -> Value<'m> {
        Value { raw: &self.message.text()[span.start as usize..span.end as usize], start: span.start, separators }
    }
}

impl<'m> Field<'m> {
    pub fn repetitions(&self) -> impl ExactSizeIterator<Item = Repetition<'m>> + DoubleEndedIterator + Clone + use<'m> {
        let Field { message, value, first, end } = *self;
        let field_end = value.span().end as u32;
        (first..end)
            .map(move |id| within(message, id, if id + 1 == end { field_end } else { start_of(message, id + 1) - 1 }))
    }

    /// The repetition at `index`, from 0.
    pub fn repetition(&self, index: usize) -> Option<Repetition<'m>> {
        self.repetitions().nth(index)
    }

    /// One where nothing repeats, even where nothing is between the separators; none where the segment ends before the field.
    pub fn repetition_count(&self) -> usize {
        (self.end - self.first) as usize
    }

    /// The component `number` of the first repetition.
    pub fn component(&self, number: u16) -> Component<'m> {
        let absent = Component { value: Value { raw: "", ..self.value } };
        self.repetition(0).map_or(absent, |repetition| repetition.component(number))
    }
}

impl<'m> Repetition<'m> {
    pub(crate) fn at(message: &'m Message<'m>, id: RepetitionId) -> Repetition<'m> {
        let place = message.index.fields.partition_point(|&first| first <= id.0) - 1;
        let segment = message.index.segments.partition_point(|entry| entry.first_field as usize <= place) - 1;
        let end = end_of(message, id.0, message.index.segments[segment].end);
        within(message, id.0, end)
    }

    /// Its number in the whole message.
    pub fn id(&self) -> RepetitionId {
        self.id
    }

    /// The component `number`, from 1; empty where there are fewer.
    pub fn component(&self, number: u16) -> Component<'m> {
        Component { value: self.value.part(self.value.separators.component, number) }
    }

    pub fn components(&self) -> impl Iterator<Item = Component<'m>> + use<'m> {
        self.value.parts(self.value.separators.component).map(|value| Component { value })
    }
}

impl<'m> Component<'m> {
    /// The subcomponent `number`, from 1; empty where there are fewer.
    pub fn subcomponent(&self, number: u16) -> Value<'m> {
        self.value.part(self.value.separators.subcomponent, number)
    }

    pub fn subcomponents(&self) -> impl Iterator<Item = Value<'m>> + use<'m> {
        self.value.parts(self.value.separators.subcomponent)
    }
}

impl<'m> Deref for Field<'m> {
    type Target = Value<'m>;

    fn deref(&self) -> &Value<'m> {
        &self.value
    }
}

impl<'m> Deref for Repetition<'m> {
    type Target = Value<'m>;

    fn deref(&self) -> &Value<'m> {
        &self.value
    }
}

impl<'m> Deref for Component<'m> {
    type Target = Value<'m>;

    fn deref(&self) -> &Value<'m> {
        &self.value
    }
}

fn within<'m>(message: &'m Message<'m>, id: u32, end: u32) -> Repetition<'m> {
    let start = start_of(message, id);
    let raw = &message.text()[start as usize..end as usize];
    Repetition { value: Value { raw, start, separators: separators_of(message, id) }, id: RepetitionId(id) }
}

fn start_of(message: &Message<'_>, id: u32) -> u32 {
    message.index.repetitions[id as usize]
}

/// MSH-1 is the first repetition of every message and one byte long.
fn end_of(message: &Message<'_>, id: u32, segment_end: u32) -> u32 {
    let next = message.index.repetitions.get(id as usize + 1).copied();
    match next {
        _ if id == 0 => start_of(message, 0) + 1,
        Some(next) if next <= segment_end => next - 1,
        _ => segment_end,
    }
}

fn separators_of<'m>(message: &'m Message<'m>, id: u32) -> &'m Separators {
    if id < 2 { &Separators::NONE } else { &message.separators }
}
