//! Making the ids of resources: who gave an identifier, and what it is (`safety.md` 2 and 10).

use super::frame::Frame;
use super::rules::Runner;
use super::text::trimmed;
use super::view::View;
use crate::plan::{Key, Profile, Slot, Target};

impl<'a> Runner<'a> {
    /// The id of the resource that `profile` makes here; `None` where nothing names it.
    pub(super) fn key(&mut self, profile: &'a Profile, frame: &mut Frame<'_, 'a>, parent: &str) -> Option<String> {
        let Target::Resource(kind) = profile.target else { return None };
        profile.keys.iter().find_map(|key| self.one_key(kind, key, frame, parent))
    }

    pub(super) fn one_key(
        &mut self,
        kind: &'static str,
        key: &'a Key,
        frame: &mut Frame<'_, 'a>,
        parent: &str,
    ) -> Option<String> {
        match key {
            Key::Person(slot) => self.person(kind, slot, frame),
            Key::Id { id, authority, only_if } => {
                self.allowed(only_if).then_some(())?;
                let id = self.valued(id, frame)?;
                let authority = authority.as_ref().and_then(|slot| self.reader.first(slot, frame));
                let authority = self.authority(authority);
                Some(self.ids.id([kind, &authority, &id]))
            }
            Key::Parts { parts, within, word, occurrence, only_if } => {
                self.allowed(only_if).then_some(())?;
                self.parts(kind, parts, (within, word, *occurrence), frame)
            }
            Key::Content { only_if } => {
                self.allowed(only_if).then_some(())?;
                let content = match frame.view {
                    Some(view) => view.raw,
                    None => self.reader.message.segment(frame.scope.segment as usize).raw(),
                };
                Some(self.ids.id([kind, "content", parent, content]))
            }
        }
    }

    fn allowed(&self, word: &Option<String>) -> bool {
        word.as_ref().is_none_or(|word| self.source.visit.contains(word))
    }

    fn valued(&self, slot: &Slot, frame: &mut Frame<'_, 'a>) -> Option<String> {
        let found = self.reader.first(slot, frame).filter(|found| !found.is_null())?;
        let text = self.reader.text(found);
        let text = trimmed(&text);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The repetition of the best type that the source's configuration names, never just the first one. A single
    /// identifier without any type is taken: there is nothing else that it could be.
    fn person(&mut self, kind: &'static str, slot: &Slot, frame: &mut Frame<'_, 'a>) -> Option<String> {
        let mut found = Vec::new();
        self.reader.collect(slot, frame, &mut found);
        found.retain(|view| !view.is_null() && !self.reader.part_text(*view, 1).is_empty());
        let types: Vec<String> = found.iter().map(|view| self.reader.part_text(*view, 5)).collect();
        let best = self.source.person_types.iter().find_map(|wanted| types.iter().position(|known| known == wanted));
        let only = (found.len() == 1 && types[0].is_empty()).then_some(0);
        let lenient = (self.source.lenient && !found.is_empty()).then_some(0);
        let chosen = found[best.or(only).or(lenient)?];
        let number = self.reader.part_text(chosen, 1);
        let authority = self.reader.first(&Slot::part(4), &mut Frame::new(frame.scope, Some(chosen)));
        let authority = self.authority(authority);
        Some(self.ids.id([kind, &authority, &number]))
    }

    fn parts(
        &mut self,
        kind: &'static str,
        parts: &[Vec<Slot>],
        (within, word, occurrence): (&str, &str, bool),
        frame: &mut Frame<'_, 'a>,
    ) -> Option<String> {
        let mut values = Vec::with_capacity(parts.len());
        for (at, slots) in parts.iter().enumerate() {
            let value = slots.iter().find_map(|slot| self.valued(slot, frame));
            if at == 0 && value.is_none() {
                return None;
            }
            values.push(value.unwrap_or_default());
        }
        let outer = match within {
            "source" => self.source.name.clone(),
            name => self.nearest(name, frame.scope)?,
        };
        let mut named = vec![kind, within, outer.as_str()];
        if !word.is_empty() {
            named.push(word);
        }
        named.extend(values.iter().map(String::as_str));
        let id = self.ids.id(named.iter().copied());
        if !occurrence {
            return Some(id);
        }
        let count = self.occurrences.entry(id.clone()).or_insert(0);
        *count += 1;
        match *count {
            1 => Some(id),
            count => Some(self.ids.id([id.as_str(), &count.to_string()])),
        }
    }

    /// The uri of the authority that an HD (or a plain name) says; of the source itself without one.
    pub(super) fn authority(&self, hd: Option<View<'a>>) -> String {
        let part = |part| hd.map_or_else(String::new, |hd| self.reader.part_text(hd, part));
        let (namespace, universal, kind) = (part(1), part(2), part(3));
        self.source.authority(&namespace, &universal, &kind)
    }
}
