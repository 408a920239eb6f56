//! Which rules of a profile have anything to read in a message. Most do not: they wait for a field that was not sent.
//! They are found by the fields that were, instead of each asking for its own.

use hl7v2::SegmentId;

use super::{Direction, Profile, Slot, Source};

/// The most rules, and the most different guards, of one profile.
pub const RULES_MAX: usize = 256;

/// Fields up to this wake rules; a rule that reads a later one is always awake.
pub const FIELDS_MAX: u16 = 64;

/// Rules (or guards) by their numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct RuleSet([u64; RULES_MAX / 64]);

/// Rules that a field of a segment wakes, or a part of the value that the profile is applied to.
#[derive(Debug)]
pub struct Wakes {
    /// With its number among those that the profile reads; none for the value.
    pub segment: Option<(SegmentId, u8)>,
    pub by_field: Vec<(u16, RuleSet)>,
}

impl RuleSet {
    pub fn contains(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    pub fn insert(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    pub fn add(&mut self, more: &RuleSet) {
        self.0.iter_mut().zip(more.0).for_each(|(word, more)| *word |= more);
    }

    /// From the least up.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(word, bits)| {
            let rest = |bits: &u64| Some(bits & (bits - 1)).filter(|rest| *rest != 0);
            std::iter::successors(Some(bits).filter(|bits| *bits != 0), rest)
                .map(move |bits| word * 64 + bits.trailing_zeros() as usize)
        })
    }
}

impl Profile {
    /// Parts the rules that run towards FHIR into those that are always awake and those that a field wakes. Segments
    /// must have their numbers.
    pub(super) fn find_wakes(&mut self) {
        for (at, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.direction != Direction::FromFhir) {
            match &rule.source {
                Source::Slots(slots) if slots.iter().all(|slot| field(slot).is_some()) => {
                    slots.iter().filter_map(field).for_each(|field| wake(&mut self.wakes, field, at));
                }
                _ => self.awake.insert(at),
            }
        }
    }
}

type Waker = (Option<(SegmentId, u8)>, u16);

fn field(slot: &Slot) -> Option<Waker> {
    match *slot {
        Slot::Field { segment, number, all_segments: false, field, .. } if number != u8::MAX && field < FIELDS_MAX => {
            Some((Some((segment, number)), field))
        }
        Slot::Part { part, below: 0, all: false, .. } if u16::from(part) < FIELDS_MAX => Some((None, u16::from(part))),
        _ => None,
    }
}

fn wake(wakes: &mut Vec<Wakes>, (segment, field): Waker, rule: usize) {
    let at = wakes.iter().position(|known| known.segment == segment).unwrap_or_else(|| {
        wakes.push(Wakes { segment, by_field: Vec::new() });
        wakes.len() - 1
    });
    let by_field = &mut wakes[at].by_field;
    let at = by_field.iter().position(|(known, _)| *known == field).unwrap_or_else(|| {
        by_field.push((field, RuleSet::default()));
        by_field.len() - 1
    });
    by_field[at].1.insert(rule);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_in_their_order() {
        let mut rules = RuleSet::default();
        let numbers = [255, 0, 64, 63, 128];
        numbers.iter().for_each(|at| rules.insert(*at));
        let mut more = RuleSet::default();
        more.insert(7);
        rules.add(&more);
        assert_eq!(rules.iter().collect::<Vec<_>>(), [0, 7, 63, 64, 128, 255]);
        assert!(!rules.contains(1));
        assert_eq!(RuleSet::default().iter().count(), 0);
    }
}
