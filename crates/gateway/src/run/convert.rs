//! One value of a message as what its element holds.

use std::borrow::Cow;

use fhir::apply::Change;
use fhir::{Issue, IssueType, Node, Object};

use super::frame::Frame;
use super::rules::Runner;
use super::view::{Depth, Scope, View};
use super::{Planned, text};
use crate::plan::{BuiltIn, Convert, Place, Profile, Rule, Target};

/// Issues of one message; what is beyond is left out.
const ISSUES_MAX: usize = 200;

impl<'a> Runner<'a> {
    pub(super) fn convert(&mut self, rule: &'a Rule, scope: Scope<'_>, view: View<'a>) -> Option<Node<'a>> {
        match &rule.convert {
            Convert::Plain => self.plain(&rule.place, view),
            Convert::Mapped(map) => self.mapped(&rule.place, *map, view),
            Convert::BuiltIn(built_in) => self.built_in(*built_in, &rule.place, view),
            Convert::Part(index, _) | Convert::Resource(index) => {
                let once = self.trace.is_none()
                    && self.plan.profiles[self.chosen[*index]].alone
                    && view.depth != Depth::Segment;
                if once {
                    self.convert_once(&rule.convert, scope, view)
                } else {
                    self.by_profile(&rule.convert, scope, view)
                }
            }
        }
    }

    /// By a profile that makes the same of the same: what was made of an equal value before is made of this.
    fn convert_once(&mut self, convert: &'a Convert, scope: Scope<'_>, view: View<'a>) -> Option<Node<'a>> {
        let transient = self.current.transient;
        if let Some((node, marks)) = self.memo.find(convert, view, transient) {
            self.reader.mark(view, marks);
            return node;
        }
        let refused = self.refused;
        let before = self.reader.unmark(view);
        let node = self.by_profile(convert, scope, view);
        let marks = self.reader.marks_since(view, before);
        // What was refused is an issue at each place.
        if self.refused == refused {
            self.memo.remember((convert, view, transient), node.clone(), marks);
        }
        node
    }

    fn by_profile(&mut self, convert: &'a Convert, scope: Scope<'_>, view: View<'a>) -> Option<Node<'a>> {
        match convert {
            Convert::Part(index, map) => {
                let scope = self.within(view, scope);
                let mut object = Object::default();
                let substantial = self.part(*index, scope, Some(view), &mut object);
                if let Some(map) = map {
                    self.map_coding(&mut object, *map);
                }
                substantial.then_some(Node::Object(object))
            }
            Convert::Resource(index) => self.resource(*index, self.within(view, scope), view),
            Convert::Plain | Convert::Mapped(_) | Convert::BuiltIn(_) => None,
        }
    }

    /// A segment as a value is the current segment for what is made of it.
    fn within<'s>(&self, view: View<'a>, scope: Scope<'s>) -> Scope<'s> {
        match self.reader.segment_of(view) {
            Some(segment) if segment != scope.segment => {
                Scope { instance: self.reader.grouping.instance_of(segment), segment, joined: &[] }
            }
            _ => scope,
        }
    }

    fn plain(&mut self, place: &Place, view: View<'a>) -> Option<Node<'a>> {
        let text = self.reader.text(view);
        if text.is_empty() {
            return None;
        }
        let made = text::primitive(place.leaf.kind, text, self.source.zone.as_ref());
        let allowed = |node: &Node<'_>| {
            place.leaf.codes.is_none_or(|codes| node.as_str().is_some_and(|code| codes.contains(code)))
        };
        match made {
            Ok(node) if allowed(&node) => {
                self.reader.note_simple(view);
                Some(node)
            }
            Ok(_) => self.refuse(view, IssueType::CodeInvalid, "not among the codes that FHIR allows here: map it"),
            Err(reason) => self.refuse(view, IssueType::Value, reason),
        }
    }

    fn mapped(&mut self, place: &Place, map: usize, view: View<'a>) -> Option<Node<'a>> {
        let plan = self.plan;
        let map = &plan.maps[map];
        let code = self.reader.text(view);
        match map.to_fhir(code.trim()) {
            Some(target) => {
                self.reader.note_simple(view);
                text::primitive(place.leaf.kind, Cow::Borrowed(target), None).ok()
            }
            None => {
                let reason = format!("a code that the map {} does not list: add it there", map.name);
                self.refuse(view, IssueType::CodeInvalid, &reason)
            }
        }
    }

    /// Puts the mapped code in front of the original, which stays; a Coding can hold only one, and becomes the mapped.
    fn map_coding(&self, object: &mut Object<'a>, map: usize) {
        let plan = self.plan;
        let map = &plan.maps[map];
        let in_concept = matches!(object.get("coding"), Some(Node::List(_)));
        let coding = if in_concept { object.items("coding").first().and_then(Node::as_object) } else { Some(&*object) };
        let Some(code) = coding.and_then(|coding| coding.str("code")).map(str::to_owned) else { return };
        let Some((system, target)) = map.to_coding(&code) else { return };
        let mut mapped = Object::default();
        if let Some(system) = system {
            mapped.set("system", Node::text(system));
        }
        mapped.set("code", Node::text(target));
        if let Some(display) = map.display(target) {
            mapped.set("display", Node::text(display));
        }
        match object.get_mut("coding") {
            Some(Node::List(codings)) => {
                // The original says which table it is from; one that says the same as the mapped is not repeated.
                if let (Some(Node::Object(original)), Some(from)) = (codings.first_mut(), &map.from)
                    && original.get("system").is_none()
                {
                    original.fields.insert(0, ("system", Node::text(from.as_str())));
                }
                let same = codings.first().and_then(Node::as_object).is_some_and(|original| {
                    original.str("code") == Some(target) && (system.is_none() || original.str("system") == system)
                });
                if !same {
                    codings.insert(0, Node::Object(mapped));
                }
            }
            _ => *object = mapped,
        }
    }

    /// A resource of its own for this value, and the reference to it.
    fn resource(&mut self, index: usize, scope: Scope<'_>, view: View<'a>) -> Option<Node<'a>> {
        let plan = self.plan;
        let profile = &plan.profiles[self.chosen[index]];
        if let Target::First(list) = &profile.target {
            return list.iter().find_map(|first| self.resource(*first, scope, view));
        }
        let Target::Resource(kind) = profile.target else { return None };
        let parent = std::mem::take(&mut self.current.id);
        let id = self.key(profile, &mut Frame::new(scope, Some(view)), &parent);
        let reference = id.and_then(|id| self.resource_of(profile, kind, id, scope, view));
        self.current.id = parent;
        reference
    }

    fn resource_of(
        &mut self,
        profile: &'a Profile,
        kind: &'static str,
        id: String,
        scope: Scope<'_>,
        view: View<'a>,
    ) -> Option<Node<'a>> {
        self.current.id.clone_from(&id);
        let element = std::mem::take(&mut self.element);
        if self.trace.is_some() {
            self.element = format!("{kind}/{id} ");
        }
        let (writes, substantial) = self.writes(profile, scope, Some(view));
        self.element = element;
        if !substantial {
            return None;
        }
        let reference = Node::Object(Object { fields: vec![("reference", Node::text([kind, "/", &id].concat()))] });
        let change = Change { kind, id, rank: 0, time: self.current.time, stub: false, writes };
        let transient = self.current.transient;
        self.plan_change(Planned { change, name: "", transient, same: None, stamp: &profile.stamp, scope: None });
        Some(reference)
    }

    fn built_in(&mut self, built_in: BuiltIn, place: &Place, view: View<'a>) -> Option<Node<'a>> {
        let said = match built_in {
            BuiltIn::Authority => {
                self.reader.note(view);
                return Some(Node::text(self.authority(Some(view))));
            }
            BuiltIn::CodeSystem => {
                self.reader.note_simple(view);
                let name = self.reader.text(view);
                return Some(Node::text(self.code_system(name.trim())));
            }
            BuiltIn::Text => {
                self.reader.note(view);
                return text::primitive(place.leaf.kind, Cow::Owned(self.reader.whole_text(view)), None).ok();
            }
            BuiltIn::Phone => {
                self.reader.note(view);
                return Some(Node::text(self.phone(view)));
            }
            BuiltIn::Lines => unreachable!("all values at once, see `lines`"),
            _ => self.reader.text(view),
        };
        let made: Result<Node<'a>, &str> = match built_in {
            BuiltIn::Base64 => text::base64(&said).map(Node::text),
            BuiltIn::Base64OfText => Ok(Node::text(text::encode_base64(said.as_bytes()))),
            BuiltIn::Base64OfHex => {
                text::decode_hex(&said).map(|bytes| Node::text(text::encode_base64(&bytes))).ok_or("not hexadecimal")
            }
            BuiltIn::Low => {
                text::bounds(&said).0.map(|low| Node::Number(low.into_owned().into())).ok_or("no lower bound")
            }
            BuiltIn::High => {
                text::bounds(&said).1.map(|high| Node::Number(high.into_owned().into())).ok_or("no upper bound")
            }
            BuiltIn::Comparator => text::compared(&said).map(|(sign, _)| Node::text(sign)).ok_or("no comparator"),
            BuiltIn::Number => {
                text::compared(&said).map(|(_, number)| Node::Number(number.into_owned().into())).ok_or("no number")
            }
            _ => Err("not a text"),
        };
        match made {
            Ok(node) => {
                self.reader.note_simple(view);
                Some(node)
            }
            Err(reason) => self.refuse(view, IssueType::Value, reason),
        }
    }

    /// The uri of a coding system that v2 names by its table 0396 name, a table number, an OID or locally.
    pub(super) fn code_system(&self, name: &str) -> String {
        let listed = self.plan.code_systems.and_then(|map| self.plan.maps[map].to_fhir(name));
        if let Some(uri) = listed {
            return uri.to_owned();
        }
        let table = name.strip_prefix("HL7").or_else(|| name.strip_prefix("hl7")).unwrap_or(name);
        if (1..=4).contains(&table.len()) && table.bytes().all(|byte| byte.is_ascii_digit()) {
            return format!("http://terminology.hl7.org/CodeSystem/v2-{table:0>4}");
        }
        if name.contains("://") || name.starts_with("urn:") {
            return name.split_whitespace().collect();
        }
        if name.contains('.') && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return format!("urn:oid:{name}");
        }
        self.source.authority(name, "", "")
    }

    fn phone(&self, view: View<'a>) -> String {
        let part = |part| self.reader.part_text(view, part);
        let mut words = Vec::new();
        for (number, sign) in [(1, "+"), (2, ""), (3, ""), (4, "X")] {
            let said = part(number);
            if !said.is_empty() {
                words.push(format!("{sign}{}", said.strip_prefix(sign).unwrap_or(&said)));
            }
        }
        words.join(" ")
    }

    fn refuse(&mut self, view: View<'a>, code: IssueType, reason: &str) -> Option<Node<'a>> {
        self.refused += 1;
        // What is only shown and not stored has nobody to mend it.
        if self.issues.len() < ISSUES_MAX && !self.current.transient {
            let issue = Issue::warning(code, self.reader.place(view), reason);
            if !self.issues.contains(&issue) {
                self.issues.push(issue);
            }
        }
        None
    }
}
