//! Whether a rule's guards hold.

use super::frame::Frame;
use super::rules::Runner;
use super::text;
use crate::plan::{Guard, Slot};

impl<'a> Runner<'a> {
    /// The guards of a resource's use or of a merge, which no frame remembers.
    pub fn holds(&mut self, guards: &[(Slot, Guard)], frame: &mut Frame<'_, 'a>) -> bool {
        guards.iter().all(|(slot, guard)| self.guard(slot, guard, frame))
    }

    /// The guards of a rule, by their numbers in its profile: each is looked at once in a frame.
    pub fn rule_holds(&mut self, guards: &'a [(Slot, Guard)], numbers: &[u16], frame: &mut Frame<'_, 'a>) -> bool {
        numbers.iter().all(|number| {
            if let Some(known) = frame.guard(*number) {
                return known;
            }
            let (slot, guard) = &guards[usize::from(*number)];
            let holds = self.guard(slot, guard, frame);
            frame.remember_guard(*number, holds);
            holds
        })
    }

    fn guard(&mut self, slot: &Slot, guard: &Guard, frame: &mut Frame<'_, 'a>) -> bool {
        match slot {
            Slot::Event => return text_holds(guard, &self.event),
            Slot::MessageCode => return text_holds(guard, &self.code),
            Slot::SourceName => return text_holds(guard, &self.source.name),
            Slot::Segment { segment, .. } => {
                return self.reader.has_segment(*segment, frame.scope) == (*guard == Guard::Valued);
            }
            _ => {}
        }
        let found = self.reader.first(slot, frame);
        match guard {
            Guard::Empty => found.is_none(),
            Guard::Null => found.is_some_and(|found| found.is_null()),
            Guard::Valued => found.is_some_and(|found| !found.is_null()),
            Guard::Decimal | Guard::Timed | Guard::Compared | Guard::Low | Guard::High => {
                let text = found.map(|found| self.reader.unescaped(found.raw));
                text_holds(guard, text::trimmed(&text.unwrap_or_default()))
            }
            Guard::OneOf(_) | Guard::NoneOf(_) => {
                let text = found.map(|found| self.reader.text(found)).unwrap_or_default();
                let holds = text_holds(guard, text::trimmed(&text));
                // What an equality compared was understood; it is no residue.
                if let (true, Guard::OneOf(_), Some(found)) = (holds, guard, found) {
                    self.reader.note_simple(found);
                }
                holds
            }
        }
    }
}

pub fn text_holds(guard: &Guard, text: &str) -> bool {
    match guard {
        Guard::OneOf(codes) => codes.iter().any(|code| code == text),
        Guard::NoneOf(codes) => !codes.iter().any(|code| code == text),
        Guard::Valued => !text.is_empty(),
        Guard::Empty => text.is_empty(),
        Guard::Null => text == "\"\"",
        Guard::Decimal => text::decimal(text).is_some(),
        Guard::Timed => text.len() > 8,
        Guard::Compared => text::compared(text).is_some(),
        Guard::Low => text::bounds(text).0.is_some(),
        Guard::High => text::bounds(text).1.is_some(),
    }
}
