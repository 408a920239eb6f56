//! Running the rules of a profile over a segment or a value.

use std::borrow::Cow;

use fhir::apply::{EventTime, Write};
use fhir::{Issue, Node, Object};

use super::frame::Frame;
use super::memo::Memo;
use super::view::{Depth, Reader, Scope, View};
use super::writes::{clears, nodes_into};
use super::{Planned, Traced, build, text};
use crate::key::{IdKey, IdMap};
use crate::plan::{BuiltIn, Convert, Op, Plan, Profile, Rule, Slot, Source as From, Target};
use crate::source::Source;

/// How deeply profiles may call each other: CX within PID within a message is three.
const DEPTH_MAX: usize = 12;

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
    /// The instances of each name.
    pub named: Vec<(&'a str, Vec<usize>)>,
    pub planned: Vec<Planned<'a>>,
    /// Where in `planned` each id is; an id is of one type.
    pub by_id: IdMap<usize>,
    pub occurrences: IdMap<u32>,
    pub unnamed: Vec<&'static str>,
    pub issues: Vec<Issue>,
    /// How many values were refused.
    pub refused: usize,
    pub memo: Memo<'a>,
    pub trace: Option<Vec<Traced>>,
    /// The resource that is being made.
    pub current: Said,
    pub depth: usize,
    /// Where in it, for the trace.
    pub element: String,
    /// Values found by the rule at hand and those that called it.
    found: Vec<View<'a>>,
}

/// Of whom something is said, when it happened, and whether it is only shown and not stored; so is then what it alone
/// refers to.
#[derive(Default)]
pub(super) struct Said {
    pub id: String,
    pub time: Option<EventTime>,
    pub transient: bool,
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
pub(super) enum Produced<'a> {
    Nothing,
    /// `""`: the element is to be removed.
    Null,
    One(Node<'a>),
    Several(Vec<Node<'a>>),
}

impl<'a> Runner<'a> {
    pub fn new(
        (plan, spec, chosen): (&'a Plan, &'a crate::plan::Message, Vec<usize>),
        (source, ids): (&'a Source, &'a IdKey),
        reader: Reader<'a>,
        (event, code): (String, String),
        trace: bool,
    ) -> Runner<'a> {
        Runner {
            plan,
            spec,
            chosen,
            source,
            ids,
            reader,
            event,
            code,
            instances: Vec::new(),
            named: spec.resources.iter().map(|use_| (use_.name.as_str(), Vec::new())).collect(),
            planned: Vec::new(),
            by_id: IdMap::default(),
            occurrences: IdMap::default(),
            unnamed: Vec::new(),
            issues: Vec::new(),
            refused: 0,
            memo: Memo::default(),
            trace: trace.then(Vec::new),
            current: Said::default(),
            depth: 0,
            element: String::new(),
            found: Vec::new(),
        }
    }

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
        let mut frame = Frame::new(scope, view);
        let mut substantial = false;
        for at in self.reader.awake(profile, &mut frame).iter() {
            let rule = &profile.rules[at];
            if !self.runs(profile, at, &mut frame) {
                continue;
            }
            if rule.place.steps.is_empty() {
                if self.fill_target(rule, &mut frame, object) {
                    frame.remember_wrote(at);
                    substantial = true;
                }
                continue;
            }
            match self.produce(profile, rule, &mut frame) {
                Produced::Nothing | Produced::Null => continue,
                Produced::One(node) => build::place(object, &rule.place.steps, node),
                Produced::Several(nodes) => {
                    nodes.into_iter().for_each(|node| build::place(object, &rule.place.steps, node));
                }
            }
            frame.remember_wrote(at);
            substantial |= rule.is_substantial();
        }
        self.depth -= 1;
        substantial
    }

    /// `fhir: "$"`: another profile fills this very target.
    fn fill_target(&mut self, rule: &'a Rule, frame: &mut Frame<'_, 'a>, object: &mut Object<'a>) -> bool {
        let (From::Slots(slots), Convert::Part(index, _)) = (&rule.source, &rule.convert) else { return false };
        let found = slots.iter().find_map(|slot| self.reader.first(slot, frame));
        found.is_some_and(|found| self.part(*index, frame.scope, Some(found), object))
    }

    /// Runs a profile that makes a resource: what it writes, and whether anything but constants was.
    pub fn writes(&mut self, profile: &'a Profile, scope: Scope<'_>, view: Option<View<'a>>) -> (Vec<Write<'a>>, bool) {
        let mut writes: Vec<Write<'a>> = Vec::with_capacity(16);
        let mut substantial = false;
        if self.depth >= DEPTH_MAX {
            return (writes, substantial);
        }
        self.depth += 1;
        let mut frame = Frame::new(scope, view);
        for at in self.reader.awake(profile, &mut frame).iter() {
            let rule = &profile.rules[at];
            if !self.runs(profile, at, &mut frame) {
                continue;
            }
            if rule.place.steps.is_empty() {
                if self.fill_resource(rule, &mut frame, &mut writes) {
                    frame.remember_wrote(at);
                    substantial = true;
                }
                continue;
            }
            let produced = match rule.op {
                Op::Clear => Produced::Null,
                Op::Journal(_) if matches!(rule.source, From::None) => Produced::Several(Vec::new()),
                _ => self.produce(profile, rule, &mut frame),
            };
            match produced {
                Produced::Nothing => continue,
                Produced::Null => writes.push(clears(&rule.place)),
                nodes => nodes_into(&mut writes, &rule.place, rule.op, nodes),
            }
            frame.remember_wrote(at);
            substantial |= rule.is_substantial();
        }
        self.depth -= 1;
        (writes, substantial)
    }

    /// `fhir: "$"` of a resource: another profile says more about it.
    fn fill_resource(&mut self, rule: &'a Rule, frame: &mut Frame<'_, 'a>, writes: &mut Vec<Write<'a>>) -> bool {
        let (From::Slots(slots), Convert::Part(index, _)) = (&rule.source, &rule.convert) else { return false };
        let Some(found) = slots.iter().find_map(|slot| self.reader.first(slot, frame)) else { return false };
        let plan = self.plan;
        let (more, substantial) = self.writes(&plan.profiles[self.chosen[*index]], frame.scope, Some(found));
        writes.extend(more);
        substantial
    }

    /// Whether a rule that is awake is to run here. One that is so always may have nothing to read; that is asked first.
    fn runs(&mut self, profile: &'a Profile, at: usize, frame: &mut Frame<'_, 'a>) -> bool {
        let rule = &profile.rules[at];
        if let From::Slots(slots) = &rule.source
            && profile.awake.contains(at)
            && !slots.iter().any(|slot| self.reader.is_valued(slot, frame))
        {
            return false;
        }
        !rule.unless.iter().any(|other| frame.wrote(*other))
            && self.rule_holds(&profile.guards, &rule.guard_numbers, frame)
    }

    fn produce(&mut self, profile: &'a Profile, rule: &'a Rule, frame: &mut Frame<'_, 'a>) -> Produced<'a> {
        match &rule.source {
            From::Constant(constant) => Produced::One(build::constant(constant)),
            From::Reference { name, all } => self.references(name, *all, frame.scope),
            From::None => Produced::Nothing,
            From::Slots(slots) => {
                let start = self.found.len();
                for slot in slots {
                    if let Some(text) = self.said_by_name(slot) {
                        return Produced::One(Node::text(text));
                    }
                    self.reader.collect(slot, frame, &mut self.found);
                    if self.found.len() > start {
                        break;
                    }
                }
                if slots.len() > 1 {
                    self.note_equals(slots, frame, start);
                }
                let produced = self.convert_all(profile, rule, frame.scope, start);
                self.found.truncate(start);
                produced
            }
        }
    }

    /// Other paths of a list that say the same as the one taken (ORC-3 as OBR-3) are not residue.
    fn note_equals(&mut self, slots: &[Slot], frame: &mut Frame<'_, 'a>, start: usize) {
        let mut others = Vec::new();
        slots.iter().skip(1).for_each(|slot| self.reader.collect(slot, frame, &mut others));
        for other in others {
            if self.found[start..].iter().any(|taken| taken.raw == other.raw) {
                self.reader.note(other);
            }
        }
    }

    fn said_by_name(&self, slot: &Slot) -> Option<String> {
        match slot {
            Slot::Event => Some(self.event.clone()),
            Slot::MessageCode => Some(self.code.clone()),
            Slot::SourceName => Some(self.source.name.clone()),
            _ => None,
        }
    }

    /// Converts the values found from `start` on.
    fn convert_all(&mut self, profile: &'a Profile, rule: &'a Rule, scope: Scope<'_>, start: usize) -> Produced<'a> {
        let count = self.found.len() - start;
        if count == 0 {
            return Produced::Nothing;
        }
        if count == 1 && self.found[start].is_null() {
            self.reader.note(self.found[start]);
            return Produced::Null;
        }
        if let Convert::BuiltIn(BuiltIn::Lines) = rule.convert {
            return self.lines(start);
        }
        if count == 1 || !rule.place.each {
            let view = self.found[start];
            return self.convert_one(profile, rule, scope, view).map_or(Produced::Nothing, Produced::One);
        }
        let mut nodes = Vec::with_capacity(count);
        for at in start..start + count {
            let view = self.found[at];
            nodes.extend(self.convert_one(profile, rule, scope, view));
        }
        if nodes.is_empty() { Produced::Nothing } else { Produced::Several(nodes) }
    }

    fn convert_one(
        &mut self,
        profile: &'a Profile,
        rule: &'a Rule,
        scope: Scope<'_>,
        view: View<'a>,
    ) -> Option<Node<'a>> {
        if view.is_null() {
            return None;
        }
        let depth = self.element.len();
        self.enter_element(rule);
        let node = self.convert(rule, scope, view);
        if node.is_some() {
            self.traced(profile, rule, view);
        }
        self.element.truncate(depth);
        node.map(|node| with_fallback(rule, node))
    }

    fn lines(&mut self, start: usize) -> Produced<'a> {
        let mut lines = Vec::with_capacity(self.found.len() - start);
        for at in start..self.found.len() {
            let view = self.found[at];
            self.reader.note(view);
            lines.push(match view.depth {
                Depth::Repetition => self.reader.unescaped(view.raw),
                _ => self.reader.text(view),
            });
        }
        let joined = if let [only] = &mut lines[..] { std::mem::take(only) } else { Cow::Owned(lines.join("\n")) };
        text::primitive("string", joined, None).map_or(Produced::Nothing, Produced::One)
    }

    fn enter_element(&mut self, rule: &Rule) {
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
        let Some(trace) = &mut self.trace else { return };
        trace.push(Traced {
            profile: profile.name.clone(),
            rule: rule.name.clone(),
            span: self.reader.span(view),
            place: self.reader.place(view),
            element: self.element.clone(),
        });
    }
}

/// Adds the constants that a rule gives to what it produced, where they are missing.
fn with_fallback<'a>(rule: &'a Rule, mut node: Node<'a>) -> Node<'a> {
    if let Node::Object(object) = &mut node {
        for (place, constant) in &rule.fallback {
            if !build::is_there(object, &place.steps) {
                build::place(object, &place.steps, build::constant(constant));
            }
        }
    }
    node
}
