//! Writing new messages: values are set in any order and printed in the standard's (HL7 v2.9 §2.6).

use std::collections::BTreeMap;

use crate::value::Segment;
use crate::{SegmentId, Separators, escape};

/// A message in the making. Prints only what was set, so nothing trails.
#[derive(Debug, Clone)]
pub struct Draft {
    separators: Separators,
    segments: Vec<DraftSegment>,
}

/// A segment in the making.
#[derive(Debug, Clone)]
pub struct DraftSegment {
    id: SegmentId,
    separators: Separators,
    /// By field, repetition, component and subcomponent, escaped.
    values: BTreeMap<[u16; 4], String>,
}

impl Draft {
    pub fn new(separators: Separators) -> Draft {
        Draft { separators, segments: Vec::new() }
    }

    /// Adds a segment; the first must be MSH. MSH-1 and MSH-2 are written by themselves.
    ///
    /// Panics if the id is not a letter and two letters or digits: ids are named by code, not by input.
    pub fn segment(&mut self, id: &str) -> &mut DraftSegment {
        let id = SegmentId::new(id).expect("a segment id is a letter and two letters or digits");
        assert!(id == SegmentId::MSH || !self.segments.is_empty(), "a message starts with MSH");
        self.segments.push(DraftSegment { id, separators: self.separators, values: BTreeMap::new() });
        self.segments.last_mut().expect("just pushed")
    }

    /// The segments so far, to set more of them.
    pub fn segments_mut(&mut self) -> &mut [DraftSegment] {
        &mut self.segments
    }

    /// The message with every segment ended by CR.
    pub fn print(&self) -> String {
        let mut out = String::new();
        for segment in &self.segments {
            segment.print(&mut out);
            out.push('\r');
        }
        out
    }
}

impl DraftSegment {
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Sets a value, escaping it. Field, component and subcomponent count from 1, the repetition from 0. Empty text unsets.
    pub fn set(&mut self, field: u16, repetition: u16, component: u16, subcomponent: u16, text: &str) -> &mut Self {
        let text = escape(text, &self.separators).into_owned();
        self.put([field, repetition, component, subcomponent], text)
    }

    /// Sets the first component of a field.
    pub fn set_field(&mut self, field: u16, text: &str) -> &mut Self {
        self.set(field, 0, 1, 1, text)
    }

    /// Sets `""`, which tells the receiver to delete.
    pub fn set_null(&mut self, field: u16, repetition: u16, component: u16, subcomponent: u16) -> &mut Self {
        self.put([field, repetition, component, subcomponent], "\"\"".to_string())
    }

    /// Copies the fields of a segment that was read, from this one on, with what is deleted in them.
    pub fn copy(&mut self, segment: &Segment<'_>, from: u16) -> &mut Self {
        for (number, field) in (1..).zip(segment.fields()).filter(|&(number, _)| number >= from) {
            for (repetition, read) in (0..).zip(field.repetitions()) {
                for (component, read) in (1..).zip(read.components()) {
                    for (subcomponent, value) in (1..).zip(read.subcomponents()) {
                        match value.is_null() {
                            true => self.set_null(number, repetition, component, subcomponent),
                            false => self.set(number, repetition, component, subcomponent, &value.text()),
                        };
                    }
                }
            }
        }
        self
    }

    /// Whether any value was set.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn put(&mut self, at: [u16; 4], text: String) -> &mut Self {
        let [field, _, component, subcomponent] = at;
        assert!(component > 0 && subcomponent > 0, "components count from 1");
        let least = if self.id == SegmentId::MSH { 3 } else { 1 };
        assert!(field >= least, "fields count from 1, and MSH-1 and MSH-2 are written by themselves");
        if text.is_empty() {
            self.values.remove(&at);
        } else {
            self.values.insert(at, text);
        }
        self
    }

    fn print(&self, out: &mut String) {
        let separators = &self.separators;
        out.push_str(self.id.as_str());
        let mut last = [0, 0, 1, 1];
        if self.id == SegmentId::MSH {
            out.push(separators.field_separator());
            out.push_str(&separators.encoding_characters());
            last = [2, 0, 1, 1];
        }
        let delimiters = [Some(separators.field), separators.repetition, separators.component, separators.subcomponent];
        for (&at, text) in &self.values {
            // The outermost level at which the value stands apart from the one before it; inside it counting starts anew.
            let level = (0..4).find(|&level| at[level] != last[level]).unwrap_or(3);
            for inner in level..4 {
                let from = if inner == level { last[inner] } else { [0, 0, 1, 1][inner] };
                let delimiter = char::from(delimiters[inner].unwrap_or(b' '));
                out.extend(std::iter::repeat_n(delimiter, usize::from(at[inner] - from)));
            }
            out.push_str(text);
            last = at;
        }
    }
}
