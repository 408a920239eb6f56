//! Running the rules of a profile over a segment or a value.

use std::borrow::Cow;
use std::collections::HashMap;

use fhir::apply::{Change, EventTime, Write};
use fhir::{Issue, IssueType, Node, Object};

use super::view::{Depth, Reader, Scope, View};
use super::{Planned, Traced, build, text};
use crate::key::IdKey;
use crate::path::Index;
use crate::plan::{BuiltIn, Convert, Direction, Guard, Op, Place, Plan, Profile, Rule, Slot, Source as From, Target};
use crate::source::Source;

/// How deeply profiles may call each other: CX within PID within a message is three.
const DEPTH_MAX: usize = 12;
/// Issues of one message; what is beyond is only counted.
const ISSUES_MAX: usize = 200;

/// The state of one translation.
pub(super) struct Runner<'a> {
    pub plan: &'a Plan,
    pub spec: &'a crate::plan::Message,
    /// The profile that stands for each, after the overlays that match this message.
    pub chosen: Vec<usize>,
    pub source: &'a Source,
    pub ids: &'a IdKey,
    pub reader: Reader<'a>,
    pub event: String,
    pub code: String,
    pub instances: Vec<Instance<'a>>,
    pub planned: Vec<Planned<'a>>,
    pub by_id: HashMap<(&'static str, String), usize>,
    pub occurrences: HashMap<String, u32>,
    pub issues: Vec<Issue>,
    pub trace: Option<Vec<Traced>>,
    /// The resource that is being made: its id, and when what is said of it happened.
    pub current: (String, Option<EventTime>),
    /// Whether it is only shown and not stored; so is then what it alone refers to.
    pub transient: bool,
    pub unnamed: Vec<&'static str>,
    pub depth: usize,
    pub element: String,
}

/// A resource of the message, before its rules run.
pub(super) struct Instance<'a> {
    pub name: &'a str,
    pub kind: &'static str,
    pub id: String,
    pub group: u32,
    pub segment: u32,
    pub joined: Vec<u32>,
}

/// What a rule makes of its source.
enum Produced<'a> {
    Nothing,
    /// `""`: the element is to be removed.
    Null,
    Nodes(Vec<Node<'a>>),
}

impl<'a> Runner<'a> {
    /// Runs a profile that makes a part of a resource into `object`. Answers whether anything but constants was written.
    pub fn part(&mut self, index: usize, scope: Scope<'_>, view: Option<View<'a>>, object: &mut Object<'a>) -> bool {
        let plan = self.plan;
        let profile = &plan.profiles[self.chosen[index]];
        if let Target::First(list) = &profile.target {
            return list.iter().any(|first| {
                let mut made = Object::default();
                let substantial = self.part(*first, scope, view, &mut made);
                if substantial {
                    build::place(object, &[], Node::Object(made));
                }
                substantial
            });
        }
        if self.depth >= DEPTH_MAX {
            return false;
        }
        self.depth += 1;
        let mut wrote = vec![false; profile.rules.len()];
        let mut substantial = false;
        for (at, rule) in profile.rules.iter().enumerate() {
            if !self.runs(rule, &wrote, scope, view) {
                continue;
            }
            if rule.place.steps.is_empty() {
                wrote[at] = self.fill_target(rule, scope, view, object);
                substantial |= wrote[at];
                continue;
            }
            if let Produced::Nodes(nodes) = self.produce(profile, rule, scope, view) {
                wrote[at] = true;
                substantial |= !matches!(rule.source, From::Constant(_) | From::Reference { .. });
                nodes.into_iter().for_each(|node| build::place(object, &rule.place.steps, node));
            }
        }
        self.depth -= 1;
        substantial
    }

    /// `fhir: "$"`: another profile fills this very target.
    fn fill_target(&mut self, rule: &'a Rule, scope: Scope<'_>, view: Option<View<'a>>, object: &mut Object<'a>) -> bool {
        let (From::Slots(slots), Convert::Part(index, _)) = (&rule.source, &rule.convert) else { return false };
        let found = slots.iter().find_map(|slot| self.reader.first(slot, scope, view));
        found.is_some_and(|found| self.part(*index, scope, Some(found), object))
    }

    /// Runs a profile that makes a resource: what it writes, and whether anything but constants was.
    pub fn writes(&mut self, profile: &'a Profile, scope: Scope<'_>, view: Option<View<'a>>) -> (Vec<Write<'a>>, bool) {
        let mut writes: Vec<Write<'a>> = Vec::with_capacity(profile.rules.len() / 2);
        let mut wrote = vec![false; profile.rules.len()];
        let mut substantial = false;
        self.depth += 1;
        for (at, rule) in profile.rules.iter().enumerate() {
            if self.depth > DEPTH_MAX || !self.runs(rule, &wrote, scope, view) {
                continue;
            }
            if rule.place.steps.is_empty() {
                wrote[at] = self.fill_resource(rule, scope, view, &mut writes);
                substantial |= wrote[at];
                continue;
            }
            let produced = match rule.op {
                Op::Clear => Produced::Null,
                Op::Journal(_) if matches!(rule.source, From::None) => Produced::Nodes(Vec::new()),
                _ => self.produce(profile, rule, scope, view),
            };
            wrote[at] = match produced {
                Produced::Nothing => false,
                Produced::Null => {
                    writes.push(write(&rule.place, fhir::apply::Op::Clear));
                    true
                }
                Produced::Nodes(nodes) => {
                    nodes_into(&mut writes, &rule.place, rule.op, nodes);
                    true
                }
            };
            substantial |= wrote[at] && !matches!(rule.source, From::Constant(_) | From::Reference { .. });
        }
        self.depth -= 1;
        (writes, substantial)
    }

    /// `fhir: "$"` of a resource: another profile says more about it.
    fn fill_resource(&mut self, rule: &'a Rule, scope: Scope<'_>, view: Option<View<'a>>, writes: &mut Vec<Write<'a>>) -> bool {
        let (From::Slots(slots), Convert::Part(index, _)) = (&rule.source, &rule.convert) else { return false };
        let Some(found) = slots.iter().find_map(|slot| self.reader.first(slot, scope, view)) else { return false };
        let plan = self.plan;
        let (more, substantial) = self.writes(&plan.profiles[self.chosen[*index]], scope, Some(found));
        writes.extend(more);
        substantial
    }

    fn runs(&mut self, rule: &'a Rule, wrote: &[bool], scope: Scope<'_>, view: Option<View<'a>>) -> bool {
        if rule.direction == Direction::FromFhir || rule.unless.iter().any(|other| wrote[*other]) {
            return false;
        }
        self.holds(&rule.guards, scope, view)
    }

    pub fn holds(&mut self, guards: &[(Slot, Guard)], scope: Scope<'_>, view: Option<View<'a>>) -> bool {
        guards.iter().all(|(slot, guard)| self.guard(slot, guard, scope, view))
    }

    fn guard(&mut self, slot: &Slot, guard: &Guard, scope: Scope<'_>, view: Option<View<'a>>) -> bool {
        let named = match slot {
            Slot::Event => Some(self.event.as_str()),
            Slot::MessageCode => Some(self.code.as_str()),
            Slot::SourceName => Some(self.source.name.as_str()),
            _ => None,
        };
        if let Some(named) = named {
            return guard_text(guard, named);
        }
        if let Slot::Segment { segment, .. } = slot {
            return self.reader.has_segment(*segment, scope) == (*guard == Guard::Valued);
        }
        let found = self.reader.first(slot, scope, view);
        match guard {
            Guard::Empty => found.is_none(),
            Guard::Null => found.is_some_and(|found| found.is_null()),
            Guard::Valued => found.is_some_and(|found| !found.is_null()),
            Guard::Decimal | Guard::Timed | Guard::Compared | Guard::Low | Guard::High => {
                let text = found.map(|found| hl7v2::unescape(found.raw, self.reader.message.separators())).unwrap_or_default();
                guard_text(guard, text.trim())
            }
            Guard::OneOf(_) | Guard::NoneOf(_) => {
                let text = found.map(|found| self.reader.text(found)).unwrap_or_default();
                let holds = guard_text(guard, text.trim());
                // What an equality compared was understood; it is no residue.
                if let (true, Guard::OneOf(_), Some(found)) = (holds, guard, found) {
                    self.reader.note_simple(found);
                }
                holds
            }
        }
    }

    fn produce(&mut self, profile: &'a Profile, rule: &'a Rule, scope: Scope<'_>, view: Option<View<'a>>) -> Produced<'a> {
        match &rule.source {
            From::Constant(constant) => Produced::Nodes(vec![build::constant(constant)]),
            From::Reference { name, all } => self.references(name, *all, scope),
            From::None => Produced::Nothing,
            From::Slots(slots) => {
                let mut found = Vec::new();
                for slot in slots {
                    if let Some(text) = self.named(slot) {
                        return Produced::Nodes(vec![Node::text(text)]);
                    }
                    self.reader.collect(slot, scope, view, &mut found);
                    if !found.is_empty() {
                        break;
                    }
                }
                if slots.len() > 1 {
                    self.note_equals(slots, scope, view, &found);
                }
                self.convert_all(profile, rule, scope, &found)
            }
        }
    }

    /// Other paths of a list that say the same as the one taken (ORC-3 as OBR-3) are not residue.
    fn note_equals(&mut self, slots: &[Slot], scope: Scope<'_>, view: Option<View<'a>>, taken: &[View<'a>]) {
        let mut others = Vec::new();
        slots.iter().skip(1).for_each(|slot| self.reader.collect(slot, scope, view, &mut others));
        for other in others {
            if taken.iter().any(|taken| taken.raw == other.raw) {
                self.reader.note(other);
            }
        }
    }

    fn named(&self, slot: &Slot) -> Option<String> {
        match slot {
            Slot::Event => Some(self.event.clone()),
            Slot::MessageCode => Some(self.code.clone()),
            Slot::SourceName => Some(self.source.name.clone()),
            _ => None,
        }
    }

    fn references(&self, name: &str, all: bool, scope: Scope<'_>) -> Produced<'a> {
        let reference = |instance: &Instance<'_>| {
            let text = format!("{}/{}", instance.kind, instance.id);
            Node::Object(Object { fields: vec![("reference", Node::text(text))] })
        };
        if !all {
            let found = self.nearest_instance(name, scope);
            return found.map_or(Produced::Nothing, |instance| Produced::Nodes(vec![reference(instance)]));
        }
        let mut nodes = Vec::new();
        for instance in &self.instances {
            if instance.name == name && self.reader.grouping.is_within(instance.group, scope.instance) {
                let node = reference(instance);
                if !nodes.contains(&node) {
                    nodes.push(node);
                }
            }
        }
        if nodes.is_empty() { Produced::Nothing } else { Produced::Nodes(nodes) }
    }

    /// The resource of this name in the nearest enclosing group; of several there, the last before this segment. Below
    /// a group only where there is one: of two specimens none is named rather than the wrong one.
    fn nearest_instance(&self, name: &str, scope: Scope<'_>) -> Option<&Instance<'a>> {
        let named = || self.instances.iter().filter(|instance| instance.name == name);
        let grouping = &self.reader.grouping;
        let each = self.spec.resources.iter().find(|use_| use_.name == name)?.each;
        for group in grouping.enclosing(scope.instance) {
            let here = || named().filter(|instance| instance.group == group);
            let nearest = here().rfind(|instance| instance.segment <= scope.segment).or_else(|| here().next());
            if nearest.is_some() {
                return nearest;
            }
            // An order without a specimen has none: that of another order is not looked for.
            if group != 0 && grouping.may_hold(group, each, &self.spec.groups) {
                let mut below = named().filter(|instance| grouping.is_within(instance.group, group));
                let first = below.next()?;
                return below.all(|other| other.id == first.id).then_some(first);
            }
        }
        let mut all = named();
        let first = all.next()?;
        all.all(|other| other.id == first.id).then_some(first)
    }

    pub fn nearest(&self, name: &str, scope: Scope<'_>) -> Option<String> {
        self.nearest_instance(name, scope).map(|instance| instance.id.clone())
    }

    fn convert_all(&mut self, profile: &'a Profile, rule: &'a Rule, scope: Scope<'_>, found: &[View<'a>]) -> Produced<'a> {
        match found {
            [] => return Produced::Nothing,
            [only] if only.is_null() => {
                self.reader.note(*only);
                return Produced::Null;
            }
            _ => {}
        }
        if let Convert::BuiltIn(BuiltIn::Lines) = rule.convert {
            return self.lines(found);
        }
        let several = matches!(rule.place.steps.last().map(|step| &step.index), Some(Index::All))
            || rule.place.steps.iter().any(|step| step.index == Index::All);
        let found = if several { found } else { &found[..1] };
        let mut nodes = Vec::with_capacity(found.len());
        for view in found.iter().filter(|view| !view.is_null()) {
            let depth = self.element.len();
            self.push_element(rule);
            if let Some(node) = self.convert(rule, scope, *view) {
                self.traced(profile, rule, *view);
                nodes.push(self.with_fallback(rule, node));
            }
            self.element.truncate(depth);
        }
        if nodes.is_empty() { Produced::Nothing } else { Produced::Nodes(nodes) }
    }

    fn lines(&mut self, found: &[View<'a>]) -> Produced<'a> {
        let mut lines = Vec::with_capacity(found.len());
        for view in found {
            self.reader.note(*view);
            lines.push(match view.depth {
                Depth::Repetition => hl7v2::unescape(view.raw, self.reader.message.separators()),
                _ => self.reader.text(*view),
            });
        }
        match text::primitive("string", Cow::Owned(lines.join("\n")), None) {
            Ok(node) => Produced::Nodes(vec![node]),
            Err(_) => Produced::Nothing,
        }
    }

    fn with_fallback(&self, rule: &'a Rule, mut node: Node<'a>) -> Node<'a> {
        if let Node::Object(object) = &mut node {
            for (place, constant) in &rule.fallback {
                let mut known = Vec::new();
                build::find(object, &place.steps, &mut known);
                if known.is_empty() {
                    build::place(object, &place.steps, build::constant(constant));
                }
            }
        }
        node
    }

    fn convert(&mut self, rule: &'a Rule, scope: Scope<'_>, view: View<'a>) -> Option<Node<'a>> {
        match &rule.convert {
            Convert::Plain => self.plain(&rule.place, view),
            Convert::Mapped(map) => self.mapped(&rule.place, *map, view),
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
            Convert::BuiltIn(built_in) => self.built_in(*built_in, &rule.place, view),
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
        let allowed = |node: &Node<'_>| place.leaf.codes.is_none_or(|codes| node.as_str().is_some_and(|code| codes.contains(code)));
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
        let parent = self.current.0.clone();
        let id = self.key(profile, scope, Some(view), &parent)?;
        let reference = Node::Object(Object { fields: vec![("reference", Node::text(format!("{kind}/{id}")))] });
        let outer = std::mem::replace(&mut self.current.0, id.clone());
        let element = std::mem::take(&mut self.element);
        self.element = format!("{kind}/{id} ");
        let (writes, substantial) = self.writes(profile, scope, Some(view));
        self.element = element;
        self.current.0 = outer;
        if !substantial {
            return None;
        }
        let change = Change { kind, id, rank: 0, time: self.current.1, stub: false, writes };
        self.plan_change(Planned { change, name: "", transient: self.transient, same: None, stamp: &profile.stamp, scope: None });
        Some(reference)
    }

    /// Adds a change; what was already said of the same resource in this message is completed by it.
    pub fn plan_change(&mut self, planned: Planned<'a>) {
        let key = (planned.change.kind, planned.change.id.clone());
        let Some(at) = self.by_id.get(&key).copied() else {
            self.by_id.insert(key, self.planned.len());
            self.planned.push(planned);
            return;
        };
        let known = &mut self.planned[at];
        known.transient &= planned.transient;
        if known.name.is_empty() {
            known.name = planned.name;
            known.scope = planned.scope;
        }
        for write in planned.change.writes {
            complete(&mut known.change.writes, write);
        }
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
            BuiltIn::Base64OfHex => text::decode_hex(&said).map(|bytes| Node::text(text::encode_base64(&bytes))).ok_or("not hexadecimal"),
            BuiltIn::Low => text::bounds(&said).0.map(|low| Node::Number(low.into())).ok_or("no lower bound"),
            BuiltIn::High => text::bounds(&said).1.map(|high| Node::Number(high.into())).ok_or("no upper bound"),
            BuiltIn::Comparator => text::compared(&said).map(|(sign, _)| Node::text(sign)).ok_or("no comparator"),
            BuiltIn::Number => text::compared(&said).map(|(_, number)| Node::Number(number.into())).ok_or("no number"),
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
        let scope = Scope { instance: 0, segment: 0, joined: &[] };
        let part = |part| {
            let found = self.reader.first(&Slot::part(part), scope, Some(view));
            found.map_or_else(String::new, |found| self.reader.text(found).trim().to_owned())
        };
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
        // What is only shown and not stored has nobody to mend it.
        if self.issues.len() < ISSUES_MAX && !self.transient {
            let issue = Issue::warning(code, self.reader.place(view), reason);
            if !self.issues.contains(&issue) {
                self.issues.push(issue);
            }
        }
        None
    }

    fn push_element(&mut self, rule: &Rule) {
        if self.trace.is_none() {
            return;
        }
        for step in &rule.place.steps {
            if !self.element.ends_with(' ') {
                self.element.push('.');
            }
            self.element.push_str(step.name);
        }
    }

    fn traced(&mut self, profile: &Profile, rule: &Rule, view: View<'a>) {
        let (span, place) = match &self.trace {
            Some(_) => (self.reader.span(view), self.reader.place(view)),
            None => return,
        };
        let traced = Traced { profile: profile.name.clone(), rule: rule.name.clone(), span, place, element: self.element.clone() };
        self.trace.iter_mut().for_each(|trace| trace.push(traced.clone()));
    }
}

fn guard_text(guard: &Guard, text: &str) -> bool {
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

fn write<'a>(place: &'a Place, op: fhir::apply::Op<'a>) -> Write<'a> {
    Write { path: &place.path, owner: &place.owner, shared: place.shared, displaces: &place.displaces, op }
}

/// What a rule produced, as writes: one for all items of a list, or into the item that several rules build together.
pub(super) fn nodes_into<'a>(writes: &mut Vec<Write<'a>>, place: &'a Place, op: Op, nodes: Vec<Node<'a>>) {
    use fhir::apply::Op as To;
    let (head, rest) = place.steps.split_at(place.head);
    let list = head.last().filter(|step| step.many);
    let Some(step) = list else {
        let Some(node) = nodes.into_iter().next() else { return };
        let op = if op == Op::Fill { To::Fill(node) } else { To::Set(node) };
        writes.push(write(place, op));
        return;
    };
    if let Op::Journal(journal) = op {
        let item = nodes.into_iter().next().map(|node| item_of(step, rest, node));
        writes.push(write(place, To::Journal(journal, item)));
        return;
    }
    if step.index != Index::All
        && let Some(Node::List(items)) = known_list(writes, place)
    {
        nodes.into_iter().for_each(|node| add_to_item(items, step, rest, node));
        return;
    }
    let mut items = Vec::with_capacity(nodes.len());
    for node in nodes {
        match step.index {
            Index::All => items.push(item_of(step, rest, node)),
            _ => add_to_item(&mut items, step, rest, node),
        }
    }
    writes.push(write(place, match op {
        Op::Fill => To::Fill(Node::List(items)),
        Op::Keep => To::Keep(items),
        _ => To::Set(Node::List(items)),
    }));
}

fn item_of<'a>(step: &crate::plan::Step, rest: &[crate::plan::Step], node: Node<'a>) -> Node<'a> {
    let mut items = Vec::new();
    build::place_in_list(&mut items, &step.index, rest, node);
    items.pop().unwrap_or(Node::Null)
}

/// Within one owner there is one item, whatever its index among all.
fn add_to_item<'a>(items: &mut Vec<Node<'a>>, step: &crate::plan::Step, rest: &[crate::plan::Step], node: Node<'a>) {
    let index = if let Index::Url(_) = step.index { step.index.clone() } else { Index::At(0) };
    build::place_in_list(items, &index, rest, node);
}

fn known_list<'w, 'a>(writes: &'w mut [Write<'a>], place: &Place) -> Option<&'w mut Node<'a>> {
    writes.iter_mut().find(|write| write.owner == place.owner && write.path == place.path).and_then(|write| match &mut write.op {
        fhir::apply::Op::Set(node) | fhir::apply::Op::Fill(node) => Some(node),
        _ => None,
    })
}

/// A second say about the same resource in one message: items add up, the rest is said again.
fn complete<'a>(writes: &mut Vec<Write<'a>>, write: Write<'a>) {
    use fhir::apply::Op as To;
    let known = writes.iter_mut().find(|known| known.path == write.path && known.owner == write.owner);
    let Some(known) = known else {
        writes.push(write);
        return;
    };
    match (&mut known.op, write.op) {
        (To::Set(Node::List(items)), To::Set(Node::List(more))) | (To::Keep(items), To::Keep(more)) => {
            for item in more {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
        }
        (_, To::Fill(_)) => {}
        (op, again) => *op = again,
    }
}
