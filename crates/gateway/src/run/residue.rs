//! Which values of a message were read. What no rule read is residue: nothing is lost silently. Reading is noted a
//! component at a time.

use hl7v2::RepetitionId;
use memchr::memchr_iter;

use super::view::{Depth, Reader, View};

/// What was read of one repetition.
#[derive(Debug, Clone)]
pub struct Marks {
    components: u32,
    /// Component and subcomponent.
    parts: Vec<(u8, u8)>,
}

impl<'m> Reader<'m> {
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

    /// Forgets what was read of the repetition that a value stands in, to see what will be; answers what to hand to
    /// [`Reader::marks_since`].
    pub fn unmark(&mut self, view: View<'m>) -> (u32, usize) {
        (std::mem::take(&mut self.read[view.place as usize]), self.read_parts.len())
    }

    /// What was read of the repetition since; what was read before is noted again.
    pub fn marks_since(&mut self, view: View<'m>, (before, parts): (u32, usize)) -> Marks {
        let components = self.read[view.place as usize];
        self.read[view.place as usize] |= before;
        let parts = &self.read_parts[parts..];
        Marks { components, parts: parts.iter().map(|(_, component, part)| (*component, *part)).collect() }
    }

    /// Notes that of this value was read what was read of its equal.
    pub fn mark(&mut self, view: View<'m>, marks: &Marks) {
        self.read[view.place as usize] |= marks.components;
        self.read_parts.extend(marks.parts.iter().map(|(component, part)| (view.place, *component, *part)));
    }

    /// Notes a value read as plain text: of a composite only its first component was.
    pub fn note_simple(&mut self, view: View<'m>) {
        self.note(self.simple(view));
    }

    /// The places of what was sent and not read, such as `PID-5[2].7`. MSH-1 and MSH-2 are form, not content.
    pub fn residue(&self) -> Vec<String> {
        let mut places = Vec::new();
        let fields = self.message.segments().flat_map(|segment| segment.fields());
        // MSH-1 and MSH-2 are the first two fields, of one repetition each.
        for repetition in fields.skip(2).filter(|field| !field.is_empty()).flat_map(|field| field.repetitions()) {
            let (id, raw) = (repetition.id(), repetition.raw());
            let read = self.read[id.0 as usize];
            if read != u32::MAX && !raw.is_empty() {
                self.residue_of(id, raw, read, &mut places);
            }
        }
        places
    }

    /// How many components were sent that are not empty.
    pub fn values(&self) -> usize {
        let of = |id: usize| {
            split(self.message.repetition(RepetitionId(id as u32)).raw(), self.component)
                .filter(|part| !part.is_empty())
                .count()
        };
        (2..self.read.len()).map(of).sum()
    }

    fn residue_of(&self, id: RepetitionId, raw: &str, read: u32, places: &mut Vec<String>) {
        if read & 1 != 0 && !raw.bytes().any(|byte| self.component == Some(byte)) {
            return;
        }
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
}

fn bit(component: u8) -> u32 {
    1 << (component.saturating_sub(1)).min(31)
}

fn split(raw: &str, delimiter: Option<u8>) -> impl Iterator<Item = &str> + Clone {
    raw.split(move |c: char| delimiter.is_some_and(|delimiter| c == char::from(delimiter)))
}
