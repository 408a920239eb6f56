//! One run of a profile: where it is applied, and what was found out on the way.
//!
//! A profile has a hundred rules, and most of them ask the same few questions: which segment is OBR here, is OBX-11 none
//! of X and N. A frame answers each once.

use hl7v2::SegmentId;
use memchr::memchr_iter;

use super::group::Grouping;
use super::view::{Scope, View};
use crate::plan::RuleSet;

/// The most different segments that one profile reads.
pub const SEGMENTS_MAX: usize = 16;

/// Parts of a value that are found once and remembered; those beyond are looked for each time.
const PARTS_MAX: usize = 24;

const UNKNOWN: u32 = u32::MAX;
const ABSENT: u32 = u32::MAX - 1;

pub struct Frame<'s, 'a> {
    pub scope: Scope<'s>,
    /// What a datatype profile is applied to.
    pub view: Option<View<'a>>,
    segments: [u32; SEGMENTS_MAX],
    guards_known: RuleSet,
    guards_holding: RuleSet,
    wrote: RuleSet,
    /// Where the parts of the value end; empty until one is asked for.
    part_ends: [u32; PARTS_MAX],
    parts: usize,
}

impl<'s, 'a> Frame<'s, 'a> {
    pub fn new(scope: Scope<'s>, view: Option<View<'a>>) -> Frame<'s, 'a> {
        let none = RuleSet::default();
        Frame {
            scope,
            view,
            segments: [UNKNOWN; SEGMENTS_MAX],
            guards_known: none,
            guards_holding: none,
            wrote: none,
            part_ends: [0; PARTS_MAX],
            parts: 0,
        }
    }

    /// The segment that a path of this profile means: the current one, else the nearest. `number` is the segment's among
    /// those that the profile reads.
    pub fn segment(&mut self, number: u8, id: SegmentId, grouping: &Grouping) -> Option<u32> {
        let Some(known) = self.segments.get_mut(usize::from(number)) else {
            return nearest(self.scope, id, grouping);
        };
        if *known == UNKNOWN {
            *known = nearest(self.scope, id, grouping).unwrap_or(ABSENT);
        }
        (*known != ABSENT).then_some(*known)
    }

    /// Where the part `number` (from 1) of the value begins and ends.
    pub fn part_bounds(&mut self, number: u8, raw: &str, delimiter: u8) -> Option<(usize, usize)> {
        if self.parts == 0 {
            let ends = raw.bytes().enumerate().filter(|(_, byte)| *byte == delimiter);
            for (at, _) in ends.take(PARTS_MAX) {
                self.part_ends[self.parts] = at as u32;
                self.parts += 1;
            }
            if self.parts < PARTS_MAX {
                self.part_ends[self.parts] = raw.len() as u32;
                self.parts += 1;
            }
        }
        let at = usize::from(number).checked_sub(1)?;
        if at >= self.parts {
            return if self.parts < PARTS_MAX { None } else { far_part(at, raw, delimiter) };
        }
        let start = if at == 0 { 0 } else { self.part_ends[at - 1] as usize + 1 };
        Some((start, self.part_ends[at] as usize))
    }

    pub fn guard(&self, number: u16) -> Option<bool> {
        let at = usize::from(number);
        self.guards_known.contains(at).then(|| self.guards_holding.contains(at))
    }

    pub fn remember_guard(&mut self, number: u16, holds: bool) {
        self.guards_known.insert(usize::from(number));
        if holds {
            self.guards_holding.insert(usize::from(number));
        }
    }

    pub fn wrote(&self, rule: usize) -> bool {
        self.wrote.contains(rule)
    }

    pub fn remember_wrote(&mut self, rule: usize) {
        self.wrote.insert(rule);
    }
}

fn far_part(at: usize, raw: &str, delimiter: u8) -> Option<(usize, usize)> {
    let mut ends = memchr_iter(delimiter, raw.as_bytes()).chain(std::iter::once(raw.len())).skip(at - 1);
    let start = ends.next()? + 1;
    Some((start, ends.next()?))
}

fn nearest(scope: Scope<'_>, id: SegmentId, grouping: &Grouping) -> Option<u32> {
    if grouping.id(scope.segment) == id { Some(scope.segment) } else { grouping.find(scope.instance, id) }
}
