//! The flat index: where segments, fields and repetitions lie in a message's text.
//!
//! Three arrays of 32-bit offsets; components and subcomponents are short and are split when asked for. The text is
//! never changed: what separates segments stays in the gaps between them, so that the message prints back.

use std::ops::Range;

use memchr::memchr;

use crate::lines::Lines;
use crate::{Fault, Issue, Kind, Limits, Place, SegmentId, Separators};

#[derive(Debug)]
pub(crate) struct Index {
    pub segments: Vec<SegmentEntry>,
    /// The first repetition of each field, all segments in a row.
    pub fields: Vec<u32>,
    /// Where each repetition starts. It ends a byte before the next one, the last of a segment at the segment's end.
    pub repetitions: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentEntry {
    pub start: u32,
    pub end: u32,
    pub first_field: u32,
    pub id: SegmentId,
}

/// Field numbers are 16 bits.
const FIELDS_MAX: usize = u16::MAX as usize;

/// Reads the text from its MSH at `start` on. The text is shorter than 4 GiB; the caller has checked it.
pub(crate) fn build(
    text: &[u8],
    start: usize,
    separators: &Separators,
    limits: &Limits,
    issues: &mut Vec<Issue>,
) -> Result<Index, Fault> {
    let capacity = (text.len() / 7).min(1 << 14);
    let mut index = Index {
        segments: Vec::with_capacity(capacity / 10),
        fields: Vec::with_capacity(capacity),
        repetitions: Vec::with_capacity(capacity),
    };
    let mut lines = Lines::new(text, start, separators.field, limits.issues, issues);
    let mut next = Some(start);
    while let Some(start) = next {
        if index.segments.len() == limits.segments {
            return Err(over(Place::MESSAGE, "segments", limits.segments));
        }
        let id = SegmentId::of(&text[start..]).expect("lines break only where an id follows");
        let (end, following) = lines.segment(start, id, &index.segments);
        index.push(text, id, start..end, separators, limits)?;
        next = following;
    }
    Ok(index)
}

impl Index {
    fn push(
        &mut self,
        text: &[u8],
        id: SegmentId,
        span: Range<usize>,
        separators: &Separators,
        limits: &Limits,
    ) -> Result<(), Fault> {
        let first_field = self.fields.len();
        let first_segment = self.segments.is_empty();
        self.segments.push(SegmentEntry {
            start: span.start as u32,
            end: span.end as u32,
            first_field: first_field as u32,
            id,
        });
        let mut values = span.start + 4;
        if first_segment {
            // MSH-1 is the separator itself, and MSH-2 is not split by the characters that it declares.
            self.start_field(span.start + 3);
            self.start_field(values);
            let Some(end) = memchr(separators.field, &text[values..span.end]) else { return Ok(()) };
            values += end + 1;
        }
        if values > span.end {
            return Ok(());
        }
        self.start_field(values);
        self.split(text, values..span.end, separators);
        self.check(id, first_field, limits)
    }

    /// Notes each field and repetition separator, eight bytes at a time: separators are so close to each other that a
    /// search for the next one costs more in starting than in searching.
    fn split(&mut self, text: &[u8], span: Range<usize>, separators: &Separators) {
        let field = separators.field;
        let repetition = separators.repetition.unwrap_or(field);
        let (words, rest) = text[span.clone()].as_chunks::<8>();
        let mut at = span.start;
        for word in words {
            let word = u64::from_le_bytes(*word);
            let mut found = bytes_equal(word, field) | bytes_equal(word, repetition);
            while found != 0 {
                let separator = at + found.trailing_zeros() as usize / 8;
                self.separate(separator, text[separator] == field);
                found &= found - 1;
            }
            at += 8;
        }
        for &byte in rest {
            if byte == field || byte == repetition {
                self.separate(at, byte == field);
            }
            at += 1;
        }
    }

    fn separate(&mut self, at: usize, is_field: bool) {
        if is_field {
            self.fields.push(self.repetitions.len() as u32);
        }
        self.repetitions.push(at as u32 + 1);
    }

    fn start_field(&mut self, at: usize) {
        self.fields.push(self.repetitions.len() as u32);
        self.repetitions.push(at as u32);
    }

    fn check(&self, id: SegmentId, first_field: usize, limits: &Limits) -> Result<(), Fault> {
        let place =
            |field: usize| Place { occurrence: occurrence(&self.segments, id), ..Place::field(id, field as u16) };
        let fields = &self.fields[first_field..];
        let fields_max = limits.fields_per_segment.min(FIELDS_MAX);
        if fields.len() > fields_max {
            return Err(over(place(0), "fields in one segment", fields_max));
        }
        let repetitions = self.repetitions.len() - fields[0] as usize;
        if repetitions - fields.len() < limits.repetitions_per_field {
            return Ok(());
        }
        let ends = fields[1..].iter().copied().chain([self.repetitions.len() as u32]);
        let most =
            fields.iter().zip(ends).position(|(start, end)| (end - start) as usize > limits.repetitions_per_field);
        most.map_or(Ok(()), |field| {
            Err(over(place(field + 1), "repetitions of one field", limits.repetitions_per_field))
        })
    }
}

/// How many segments of that id there are.
pub(crate) fn occurrence(segments: &[SegmentEntry], id: SegmentId) -> u32 {
    segments.iter().filter(|segment| segment.id == id).count() as u32
}

/// The high bit of each byte of `word` that equals `byte`.
fn bytes_equal(word: u64, byte: u8) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x7F; 8]);
    let differences = word ^ u64::from_ne_bytes([byte; 8]);
    !(((differences & LOW) + LOW) | differences | LOW)
}

fn over(place: Place, what: &str, limit: usize) -> Fault {
    Fault::new(Kind::OverLimit, place, format!("more than {limit} {what}: send less or raise the limit"))
}
