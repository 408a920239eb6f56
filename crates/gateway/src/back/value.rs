//! One value backwards: an element as text, a datatype as components, a code by the inverse of its map, a uri as the
//! name that the receiver knows.

use std::borrow::Cow;

use fhir::{Node, Object};

use super::page::Spot;
use super::place::is_several;
use super::rules::{At, Back};
use super::said::Said;
use crate::codes::CodeMap;
use crate::plan::{BuiltIn, Convert, Rule, Slot, Target};
use crate::run::text;

impl<'b> Back<'b> {
    /// Writes a node to a spot as the rule converts it. Answers whether it stands there.
    pub(super) fn convert(&mut self, rule: &Rule, node: &Node<'_>, spot: Spot, at: At) -> bool {
        match rule.convert {
            Convert::Plain | Convert::Mapped(_) => self.text_of(rule, node).is_some_and(|text| {
                let same = |back: &Self, known: &str| back.reads_as(rule, known, node);
                self.put(spot, text, node, same)
            }),
            Convert::Part(index, map) => {
                let Some(object) = node.as_object() else { return false };
                match map {
                    Some(map) => self.unmapped(index, &self.plan.maps[map], object, at.viewing(spot)),
                    None => self.apply(index, object, at.viewing(spot), true),
                }
            }
            Convert::Resource(index) => self.resource(index, node, at.viewing(spot)),
            Convert::BuiltIn(built_in) => self.built_in(built_in, node, spot),
        }
    }

    /// What a rule writes for a node, where it is plain text, a code or the name of a coding system.
    pub(super) fn text_of(&self, rule: &Rule, node: &Node<'_>) -> Option<String> {
        let text = match (node, &rule.convert) {
            (Node::Text(code), Convert::Mapped(map)) => self.plan.maps[*map].to_source(code)?.to_owned(),
            (Node::Text(uri), Convert::BuiltIn(BuiltIn::CodeSystem)) => self.code_system(uri),
            (Node::Text(text), _) => match rule.place.leaf.kind {
                "date" | "dateTime" | "instant" | "time" => self.local_time(rule.place.leaf.kind, text),
                _ => text.to_string(),
            },
            (Node::Number(number), _) => number.to_string(),
            (Node::Bool(value), _) => if *value { "Y" } else { "N" }.to_owned(),
            _ => return None,
        };
        (!text.trim().is_empty()).then_some(text)
    }

    /// A time as v2 writes it: without an offset where the receiver's own zone says it, for old systems know none.
    fn local_time(&self, kind: &str, text: &str) -> String {
        let time = text::to_v2_time(text);
        let (Some(zone), Some(offset)) = (&self.source.zone, time.find(['+', '-'])) else { return time };
        let local = &time[..offset];
        let reads_back =
            text::primitive(kind, Cow::Borrowed(local), Some(zone)).is_ok_and(|read| read.as_str() == Some(text));
        let is_one_moment = text::event_time(local, Some(zone)).is_some_and(|moment| moment.low_us == moment.high_us);
        if reads_back && is_one_moment { local.to_owned() } else { time }
    }

    /// Whether what stands in the message already says what the node says.
    fn reads_as(&self, rule: &Rule, known: &str, node: &Node<'_>) -> bool {
        match rule.convert {
            Convert::Mapped(map) => self.plan.maps[map].to_fhir(known.trim()) == node.as_str(),
            _ => {
                let read = text::primitive(rule.place.leaf.kind, Cow::Borrowed(known), self.source.zone.as_ref());
                read.is_ok_and(|read| read == *node)
            }
        }
    }

    /// Writes text where nothing stands, and agrees with what stands there and says the same.
    fn put(&mut self, spot: Spot, text: String, node: &Node<'_>, same: impl Fn(&Self, &str) -> bool) -> bool {
        let known = self.page.text(spot).map(|known| known == text || same(self, known));
        match known {
            Some(true) => self.agreed += 1,
            Some(false) => {
                self.conflicts += usize::from(!self.frozen);
                return false;
            }
            None if self.frozen => return false,
            None => self.page.write(spot, text),
        }
        self.said.note(node);
        true
    }

    /// The resource that a reference leads to, read by a profile of its own.
    fn resource(&mut self, index: usize, node: &Node<'_>, at: At) -> bool {
        let Some((object, number)) = self.follow(node) else { return false };
        let wanted = match &self.profile_of(index).target {
            Target::First(_) => true,
            Target::Resource(kind) | Target::Part(kind) => object.str("resourceType") == Some(kind),
        };
        if !wanted || number.is_some_and(|number| self.is_refused(number)) {
            return false;
        }
        let outer = if number.is_some() { std::mem::replace(&mut self.root, object) } else { self.root };
        let stands = self.attempt(|back| back.apply(index, object, at, true));
        self.root = outer;
        if stands {
            self.said.note(node);
            if let (Some(survey), Some(number)) = (&mut self.survey, number) {
                survey.followed.push(number);
            }
        }
        stands
    }

    /// A coded value whose codes are mapped. The original code, where it was kept, goes back as it came; else the mapped
    /// one by its preferred inverse.
    fn unmapped(&mut self, index: usize, map: &CodeMap, object: &Object<'_>, at: At) -> bool {
        let in_concept = object.get("coding").is_some();
        let codings = if in_concept { object.items("coding") } else { &[] };
        let first = if in_concept { codings.first().and_then(Node::as_object) } else { Some(object) };
        let Some(first) = first else { return self.apply(index, object, at, true) };
        let is_original = |coding: &Node<'_>| {
            let coding = coding.as_object().and_then(|coding| coding.str("code"));
            coding.and_then(|code| map.to_coding(code)).is_some_and(|(system, code)| is_coding(first, system, code))
        };
        let original = codings.iter().skip(1).any(is_original);
        let mut copy = object.clone();
        if original {
            let kept = codings[1..].to_vec();
            copy.set("coding", Node::List(kept));
        } else if let Some(code) = source_code(map, first) {
            let back = Node::Object(as_source_has_it(map, first, code, in_concept));
            let others = codings.iter().skip(1).cloned();
            match back {
                Node::Object(back) if !in_concept => copy = back,
                back => copy.set("coding", Node::List(std::iter::once(back).chain(others).collect())),
            }
        }
        let outer = std::mem::take(&mut self.said);
        let stands = self.apply(index, &copy, at, true);
        let copied = std::mem::replace(&mut self.said, outer);
        if stands {
            self.note_copied(&copied, &copy, object, usize::from(original));
            self.note_map_adds(map, first);
        }
        stands
    }

    /// The system and the words that the map added go with its code.
    fn note_map_adds(&mut self, map: &CodeMap, coding: &Object<'_>) {
        let said = coding.get("code").is_some_and(|code| self.said.has(code));
        let mapped = source_code(map, coding).is_some();
        let added = [coding.get("system").filter(|_| mapped), coding.get("display").filter(|_| map_words(map, coding))];
        added.into_iter().flatten().filter(|_| said).for_each(|node| self.said.note(node));
    }

    /// Notes in the object what was said of its copy, from which the first `left_out` codings are missing.
    fn note_copied(&mut self, copied: &Said, copy: &Object<'_>, object: &Object<'_>, left_out: usize) {
        for (name, node) in &object.fields {
            match (copy.get(name), node) {
                (Some(Node::List(copies)), Node::List(originals)) if *name == "coding" => {
                    originals[..left_out].iter().for_each(|coding| self.said.note(coding));
                    let pairs = copies.iter().zip(&originals[left_out..]);
                    pairs.for_each(|(copy, original)| self.said.note_as(copied, copy, original));
                }
                (Some(copy), node) => self.said.note_as(copied, copy, node),
                (None, _) => {}
            }
        }
    }

    /// Text over several lines: a repetition each.
    pub(super) fn lines(&mut self, node: &Node<'_>, slot: &Slot, at: At) -> bool {
        let Some(text) = node.as_str() else { return false };
        let spots: Vec<Spot> = if self.frozen { self.spots(slot, at) } else { Vec::new() };
        let lines = text.split('\n').filter(|_| is_several(slot) || spots.is_empty());
        for (number, line) in lines.enumerate() {
            let spot = if self.frozen { spots.get(number).copied() } else { self.open(slot, at) };
            let Some(spot) = spot else { return false };
            if !self.put(spot, line.to_owned(), node, |_, _| false) {
                return false;
            }
        }
        true
    }

    fn built_in(&mut self, built_in: BuiltIn, node: &Node<'_>, spot: Spot) -> bool {
        let said = match node {
            Node::Text(text) | Node::Number(text) => text.as_ref(),
            _ => return false,
        };
        match built_in {
            BuiltIn::Authority => self.authority(said, node, spot),
            BuiltIn::CodeSystem => {
                let name = self.code_system(said);
                let uri = said;
                self.put(spot, name, node, |back, known| {
                    back.code_systems().and_then(|map| map.to_fhir(known)) == Some(uri)
                })
            }
            BuiltIn::Base64 => self.put(spot, said.to_owned(), node, |_, _| false),
            _ => {
                // One way: it can only be found that it stands there.
                let there = self
                    .page
                    .text(spot)
                    .is_some_and(|known| read(built_in, known, &self.page.whole(spot)).as_deref() == Some(said));
                if there {
                    self.said.note(node);
                }
                there
            }
        }
    }

    /// A range as laboratories write it.
    pub(super) fn bounds(&mut self, range: &Object<'_>, spot: Spot) -> bool {
        let value = |name: &str| range.get(name).and_then(Node::as_object).and_then(|bound| bound.get("value"));
        let number = |node: Option<&Node<'_>>| match node {
            Some(Node::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let (low, high) = (value("low"), value("high"));
        let text = match (number(low), number(high)) {
            (Some(low), Some(high)) => format!("{low}-{high}"),
            (Some(low), None) => format!(">={low}"),
            (None, Some(high)) => format!("<={high}"),
            (None, None) => return false,
        };
        low.into_iter().chain(high).all(|node| self.put(spot, text.clone(), node, |_, _| false))
    }

    /// The uri of an authority as HD: namespace, universal id and its type.
    fn authority(&mut self, uri: &str, node: &Node<'_>, spot: Spot) -> bool {
        let parts = self.source.named_authority(uri);
        for (number, text) in (1..).zip(parts).filter(|(_, text)| !text.is_empty()) {
            let Some(part) = spot.part(number) else { return false };
            if !self.put(part, text, node, |_, _| false) {
                return false;
            }
        }
        self.said.note(node);
        true
    }

    fn code_systems(&self) -> Option<&'b CodeMap> {
        self.plan.code_systems.map(|map| &self.plan.maps[map])
    }

    /// The name of a coding system in table 0396, else its table, its OID, the receiver's own name, or the uri itself.
    fn code_system(&self, uri: &str) -> String {
        if let Some(name) = self.code_systems().and_then(|map| map.to_source(uri)) {
            return name.to_owned();
        }
        let table = uri.strip_prefix("http://terminology.hl7.org/CodeSystem/v2-");
        if let Some(table) = table.filter(|table| table.len() == 4 && table.bytes().all(|byte| byte.is_ascii_digit())) {
            return format!("HL7{table}");
        }
        match self.source.named_authority(uri) {
            [namespace, universal, _] if namespace.is_empty() && !universal.is_empty() => universal,
            [namespace, ..] if !namespace.is_empty() => namespace,
            _ => uri.to_owned(),
        }
    }
}

fn is_coding(coding: &Object<'_>, system: Option<&str>, code: &str) -> bool {
    coding.str("code") == Some(code) && (system.is_none() || coding.str("system") == system)
}

/// The source's code for a coding that the map can produce.
fn source_code<'m>(map: &'m CodeMap, coding: &Object<'_>) -> Option<&'m str> {
    let code = coding.str("code")?;
    let system = coding.str("system");
    let named = system.and_then(|system| map.to_source(&format!("{system}|{code}")));
    named
        .or_else(|| map.to_source(code).filter(|_| system.is_none() || map.to.is_none() || system == map.to.as_deref()))
}

/// Whether the words of a coding are the map's.
fn map_words(map: &CodeMap, coding: &Object<'_>) -> bool {
    let own = coding.str("code").and_then(|code| map.display(code));
    own.is_some() && own == coding.str("display")
}

/// A mapped coding with the source's code, and in a concept with its table; where only one coding fits, the field fixes
/// the table. Words that are the map's own are not the source's.
fn as_source_has_it<'n>(map: &CodeMap, coding: &Object<'n>, code: &str, in_concept: bool) -> Object<'n> {
    let mut back = coding.clone();
    if map_words(map, coding) {
        back.remove("display");
    }
    back.set("code", Node::text(code.to_owned()));
    match &map.from {
        Some(from) if in_concept => back.set("system", Node::text(from.clone())),
        _ => drop(back.remove("system")),
    }
    back
}

/// What a conversion that goes one way makes of text that stands in the message.
fn read(built_in: BuiltIn, known: &str, whole: &str) -> Option<String> {
    match built_in {
        BuiltIn::Low => text::bounds(known).0.map(Cow::into_owned),
        BuiltIn::High => text::bounds(known).1.map(Cow::into_owned),
        BuiltIn::Comparator => text::compared(known).map(|(sign, _)| sign.to_owned()),
        BuiltIn::Number => text::compared(known).map(|(_, number)| number.into_owned()),
        BuiltIn::Base64OfText => Some(text::encode_base64(known.as_bytes())),
        BuiltIn::Base64OfHex => text::decode_hex(known).map(|bytes| text::encode_base64(&bytes)),
        BuiltIn::Text => Some(whole.replace('^', " ")),
        _ => None,
    }
}
