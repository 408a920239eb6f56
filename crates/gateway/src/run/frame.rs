//! One run of a profile: where it is applied, and what was found out on the way.
//!
//! A profile has a hundred rules, and most of them ask the same few questions: which segment is OBR here, is OBX-11 none
//! of X and N. A frame answers each once.

use hl7v2::SegmentId;

use super::group::Grouping;
use super::view::{Scope, View};

/// The most rules, and the most different guards, of one profile.
pub const RULES_MAX: usize = 256;
/// The most different segments that one profile reads.
pub const SEGMENTS_MAX: usize = 16;

const UNKNOWN: u32 = u32::MAX;
const ABSENT: u32 = u32::MAX - 1;

pub struct Frame<'s, 'a> {
    pub scope: Scope<'s>,
    /// What a datatype profile is applied to.
    pub view: Option<View<'a>>,
    segments: [u32; SEGMENTS_MAX],
    guards_known: Bits,
    guards_holding: Bits,
    wrote: Bits,
}

#[derive(Clone, Copy, Default)]
struct Bits([u64; RULES_MAX / 64]);

impl Bits {
    fn get(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }
}

impl<'s, 'a> Frame<'s, 'a> {
    pub fn new(scope: Scope<'s>, view: Option<View<'a>>) -> Frame<'s, 'a> {
        let none = Bits::default();
        Frame { scope, view, segments: [UNKNOWN; SEGMENTS_MAX], guards_known: none, guards_holding: none, wrote: none }
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

    pub fn guard(&self, number: u16) -> Option<bool> {
        let at = usize::from(number);
        self.guards_known.get(at).then(|| self.guards_holding.get(at))
    }

    pub fn remember_guard(&mut self, number: u16, holds: bool) {
        self.guards_known.set(usize::from(number));
        if holds {
            self.guards_holding.set(usize::from(number));
        }
    }

    pub fn wrote(&self, rule: usize) -> bool {
        self.wrote.get(rule)
    }

    pub fn remember_wrote(&mut self, rule: usize) {
        self.wrote.set(rule);
    }
}

fn nearest(scope: Scope<'_>, id: SegmentId, grouping: &Grouping) -> Option<u32> {
    if grouping.id(scope.segment) == id { Some(scope.segment) } else { grouping.find(scope.instance, id) }
}
