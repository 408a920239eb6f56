//! Translating one message: its groups, the resources that it names, and what it says of each.

use fhir::apply::Change;
use fhir::{Issue, IssueType};
use hl7v2::Message;

use super::build;
use super::frame::Frame;
use super::group::Grouping;
use super::rules::{Instance, Produced, Runner, Said};
use super::view::{Reader, Scope};
use super::writes::nodes_into;
use super::{Merging, Planned, Snapshot, Translation, text};
use crate::key::IdKey;
use crate::path::Repetition;
use crate::plan::{self, Plan, Profile, ResourceUse, Slot, Target};
use crate::source::Source;

/// Translates a message by the profile for its type, if there is one.
pub fn translate<'a>(
    plan: &'a Plan,
    message: &'a Message<'a>,
    source: &'a Source,
    ids: &'a IdKey,
    trace: bool,
) -> Option<Translation<'a>> {
    let header = message.header();
    let event = if header.trigger.is_empty() { event_of(message) } else { header.trigger.to_string() };
    let names =
        [format!("{}^{event}", header.kind), header.declared_structure.to_string(), header.structure.to_string()];
    let spec = choose(plan, message, source, &names)?;
    let reader = Reader::new(message, Grouping::of(message, &spec.groups));
    let chosen = overlays(plan, message, source);
    let code = header.kind.to_string();
    let mut runner = Runner::new((plan, spec, chosen), (source, ids), reader, (event, code), trace);
    let uses = runner.name_resources(spec);
    let mut translation = Translation { profile: &spec.name, ..Translation::default() };
    runner.run_resources(spec, &uses, &mut translation);
    runner.merges(spec, &mut translation);
    runner.ignore(spec, &uses);
    translation.planned = runner.planned;
    translation.issues = runner.issues;
    translation.unnamed = runner.unnamed;
    translation.residue = runner.reader.residue();
    translation.values = if trace { runner.reader.values() } else { 0 };
    translation.trace = runner.trace.unwrap_or_default();
    Some(translation)
}

/// EVN-1 says the event where MSH-9 does not (versions before 2.3.1).
fn event_of(message: &Message<'_>) -> String {
    let evn = message.segments().find(|segment| segment.id() == "EVN");
    evn.map_or_else(String::new, |evn| evn.field(1).component(1).text().trim().to_owned())
}

/// By type and trigger first, then by structure; of several, the last layer that matches.
fn choose<'a>(plan: &'a Plan, message: &Message<'_>, source: &Source, names: &[String]) -> Option<&'a plan::Message> {
    let fits =
        |spec: &&plan::Message, name: &String| spec.messages.contains(name) && matches(&spec.matching, message, source);
    names
        .iter()
        .filter(|name| !name.is_empty())
        .find_map(|name| plan.messages.iter().rev().find(|spec| fits(spec, name)))
}

fn matches(matching: &[(Slot, Vec<String>)], message: &Message<'_>, source: &Source) -> bool {
    matching.iter().all(|(slot, values)| match slot {
        Slot::SourceName => values.contains(&source.name),
        Slot::Field { segment, field, component, .. } => {
            let found = message.segments().find(|known| known.segment_id() == *segment);
            let said = found
                .map(|known| known.field(*field).component(u16::from((*component).max(1))).text().trim().to_owned());
            said.is_some_and(|said| values.contains(&said))
        }
        _ => false,
    })
}

/// For each profile the one that stands for it here: overlays whose `match` holds replace what they extend.
fn overlays(plan: &Plan, message: &Message<'_>, source: &Source) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..plan.profiles.len()).collect();
    for (at, profile) in plan.profiles.iter().enumerate() {
        let Some(base) = profile.replaces else { continue };
        if matches(&profile.matching, message, source) {
            let stands = chosen[base];
            chosen.iter_mut().filter(|known| **known == stands).for_each(|known| *known = at);
        }
    }
    chosen
}

impl<'a> Runner<'a> {
    /// Finds the resources that the message names, and their ids, before any rule runs: rules refer to them.
    /// Answers the use of each instance.
    fn name_resources(&mut self, spec: &'a plan::Message) -> Vec<usize> {
        let mut uses = Vec::new();
        for (at, use_) in spec.resources.iter().enumerate() {
            let profile = &self.plan.profiles[self.chosen[use_.profile]];
            let Target::Resource(kind) = profile.target else { continue };
            for segment in 0..self.reader.message.segment_count() as u32 {
                if self.reader.message.segment(segment as usize).segment_id() != use_.each {
                    continue;
                }
                let scope = Scope { instance: self.reader.grouping.instance_of(segment), segment, joined: &[] };
                if self.holds(&use_.guards, &mut Frame::new(scope, None)) && !self.joins(use_, scope) {
                    self.name_resource(use_, profile, kind, scope, &mut uses, at);
                }
            }
        }
        uses
    }

    fn name_resource(
        &mut self,
        use_: &'a ResourceUse,
        profile: &'a Profile,
        kind: &'static str,
        scope: Scope<'_>,
        uses: &mut Vec<usize>,
        at: usize,
    ) {
        let parent = self.instances.first().map_or_else(String::new, |first| first.id.clone());
        let Some(id) = self.key(profile, &mut Frame::new(scope, None), &parent) else {
            let place = self.reader.message.segment(scope.segment as usize).place().to_string();
            if !use_.transient && !self.unnamed.contains(&kind) {
                self.unnamed.push(kind);
            }
            let text = format!("nothing in it names the {kind}: it was not made");
            self.issues.push(Issue::warning(IssueType::Required, place, text));
            return;
        };
        uses.push(at);
        let (group, segment) = (scope.instance, scope.segment);
        self.add_instance(Instance { name: &use_.name, kind, id, group, segment, joined: Vec::new() });
    }

    /// Whether a segment continues the one before it: text over many OBX of one identifier.
    fn joins(&mut self, use_: &'a ResourceUse, scope: Scope<'_>) -> bool {
        if use_.join.is_empty() || !self.holds(&use_.join, &mut Frame::new(scope, None)) {
            return false;
        }
        let Some(last) = self.instances.iter().rposition(|known| known.name == use_.name) else { return false };
        let before = Scope { instance: self.instances[last].group, segment: self.instances[last].segment, joined: &[] };
        let same_parent = self.reader.grouping.enclosing(scope.instance).nth(1)
            == self.reader.grouping.enclosing(before.instance).nth(1);
        let message = self.reader.message;
        let same = |field: u16| {
            message.field(scope.segment as usize, field).raw() == message.field(before.segment as usize, field).raw()
        };
        // OBX-3 identifier and OBX-4 sub-id; OBX-2 is what the guard asks about.
        if !same_parent || !same(3) || !same(4) || !self.holds(&use_.join, &mut Frame::new(before, None)) {
            return false;
        }
        self.instances[last].joined.push(scope.segment);
        true
    }

    fn run_resources(&mut self, spec: &'a plan::Message, uses: &[usize], translation: &mut Translation<'a>) {
        for (at, use_) in uses.iter().enumerate() {
            let use_ = &spec.resources[*use_];
            let profile = &self.plan.profiles[self.chosen[use_.profile]];
            let instance = &mut self.instances[at];
            let joined = std::mem::take(&mut instance.joined);
            let (id, kind) = (instance.id.clone(), instance.kind);
            let scope = Scope { instance: instance.group, segment: instance.segment, joined: &joined };
            self.note_joined(scope);
            let mut frame = Frame::new(scope, None);
            profile.understood.iter().for_each(|slot| self.note_slot(slot, &mut frame));
            let time = self.time(profile, scope);
            self.current = Said { id: id.clone(), time, transient: use_.transient };
            self.element = if self.trace.is_some() { format!("{kind}/{id} ") } else { String::new() };
            let (mut writes, _) = self.writes(profile, scope, None);
            if let Some((slot, _)) = &profile.action {
                self.note_slot(slot, &mut frame);
            }
            let gone = self.acts_gone(profile, scope);
            if gone {
                writes.extend(gone_writes(profile));
            }
            let scope_hash = self.snapshot(use_, profile, kind, scope, &id, (gone, time), translation);
            let rank = self.rank(profile, scope);
            let change = Change { kind, id, rank, time, stub: use_.stub, writes };
            self.plan_change(Planned {
                change,
                name: &use_.name,
                transient: use_.transient,
                same: profile.same,
                stamp: &profile.stamp,
                scope: scope_hash,
            });
        }
    }

    /// Fields of a continuing segment that say the same as the first are not residue.
    fn note_joined(&mut self, scope: Scope<'_>) {
        let message = self.reader.message;
        for joined in scope.joined {
            for number in 1..=message.segment(*joined as usize).field_count() as u16 {
                let field = message.field(*joined as usize, number);
                if number == 1 || field.raw() == message.field(scope.segment as usize, number).raw() {
                    let mut found = Vec::new();
                    let slot = Slot::Field {
                        segment: message.segment(*joined as usize).segment_id(),
                        number: u8::MAX,
                        all_segments: false,
                        field: number,
                        repetition: crate::path::Repetition::All,
                        component: 0,
                        subcomponent: 0,
                    };
                    let scope = Scope { segment: *joined, joined: &[], ..scope };
                    self.reader.collect(&slot, &mut Frame::new(scope, None), &mut found);
                    found.into_iter().for_each(|view| self.reader.note(view));
                }
            }
        }
    }

    fn time(&self, profile: &Profile, scope: Scope<'_>) -> Option<fhir::apply::EventTime> {
        profile.time.iter().find_map(|slot| {
            let found = self.reader.first(slot, &mut Frame::new(scope, None))?;
            text::event_time(&self.reader.text(found), self.source.zone.as_ref())
        })
    }

    fn rank(&self, profile: &Profile, scope: Scope<'_>) -> u8 {
        let Some((slot, ranks)) = &profile.rank else { return 0 };
        let Some(found) = self.reader.first(slot, &mut Frame::new(scope, None)) else { return 0 };
        let code = self.reader.text(found);
        ranks.iter().find(|(known, _)| *known == code.trim()).map_or(0, |(_, rank)| *rank)
    }

    /// Whether the segment's own action code says that what it names is gone.
    fn acts_gone(&self, profile: &Profile, scope: Scope<'_>) -> bool {
        self.action(profile, scope).is_some_and(|(code, gone)| gone.contains(&code))
    }

    fn action<'p>(&self, profile: &'p Profile, scope: Scope<'_>) -> Option<(String, &'p Vec<String>)> {
        let (slot, gone) = profile.action.as_ref()?;
        let found = self.reader.first(slot, &mut Frame::new(scope, None))?;
        Some((self.reader.text(found).trim().to_owned(), gone))
    }

    /// What a merge or an action code reads was understood; it is no residue.
    fn note_slot(&mut self, slot: &Slot, frame: &mut Frame<'_, 'a>) {
        if let Slot::Field { repetition: Repetition::First, all_segments: false, .. } = slot {
            let found = self.reader.first(slot, frame);
            found.into_iter().for_each(|view| self.reader.note(view));
            return;
        }
        let mut found = Vec::new();
        self.reader.collect(slot, frame, &mut found);
        found.into_iter().for_each(|view| self.reader.note(view));
    }

    fn note_key(&mut self, key: &plan::Key, frame: &mut Frame<'_, 'a>) {
        match key {
            plan::Key::Person(slot) => self.note_slot(slot, frame),
            plan::Key::Id { id, authority, .. } => {
                self.note_slot(id, frame);
                authority.iter().for_each(|slot| self.note_slot(slot, frame));
            }
            plan::Key::Parts { parts, .. } => parts.iter().flatten().for_each(|slot| self.note_slot(slot, frame)),
            plan::Key::Content { .. } => {}
        }
    }

    /// Notes a member of a list. A list with action codes is no snapshot: what it does not name stays.
    #[allow(clippy::too_many_arguments)]
    fn snapshot(
        &mut self,
        use_: &'a ResourceUse,
        profile: &'a Profile,
        kind: &'static str,
        scope: Scope<'_>,
        id: &str,
        (gone, time): (bool, Option<fhir::apply::EventTime>),
        translation: &mut Translation<'a>,
    ) -> Option<u64> {
        let outer = use_.snapshot?;
        let outer = self.nearest(&self.spec.resources[outer].name, scope)?;
        let hash = self.ids.scope([self.source.name.as_str(), &use_.name, &outer]);
        if gone || self.action(profile, scope).is_some() {
            return Some(hash);
        }
        match translation.snapshots.iter_mut().find(|known| known.scope == hash) {
            Some(known) => known.present.push(id.to_owned()),
            None => {
                translation.snapshots.push(Snapshot { kind, scope: hash, present: vec![id.to_owned()], profile, time })
            }
        }
        Some(hash)
    }

    fn merges(&mut self, spec: &'a plan::Message, translation: &mut Translation<'a>) {
        for merge in &spec.merges {
            let of = &spec.resources[merge.of];
            let profile = &self.plan.profiles[self.chosen[of.profile]];
            let Target::Resource(kind) = profile.target else { continue };
            for segment in 0..self.reader.message.segment_count() as u32 {
                if self.reader.message.segment(segment as usize).segment_id() != merge.each {
                    continue;
                }
                let scope = Scope { instance: self.reader.grouping.instance_of(segment), segment, joined: &[] };
                if !self.holds(&merge.guards, &mut Frame::new(scope, None)) {
                    continue;
                }
                self.note_key(&merge.prior, &mut Frame::new(scope, None));
                let prior = self.one_key(kind, &merge.prior, &mut Frame::new(scope, None), "");
                let survivor = match merge.how {
                    // Both are PIDs of the one message: the first is who is spoken of.
                    plan::How::Link | plan::How::Unlink => {
                        self.instances.iter().find(|known| known.name == of.name).map(|first| first.id.clone())
                    }
                    _ => self.nearest(&of.name, scope),
                };
                if let (Some(survivor), Some(prior)) = (survivor, prior)
                    && survivor != prior
                {
                    translation.merges.push(Merging { kind, survivor, prior, how: merge.how });
                }
            }
        }
    }

    /// Slots that carry nothing for a record were still understood.
    fn ignore(&mut self, spec: &'a plan::Message, uses: &[usize]) {
        let mut scopes = vec![(0, 0, &spec.ignore)];
        for (instance, use_) in self.instances.iter().zip(uses) {
            let profile = &self.plan.profiles[self.chosen[spec.resources[*use_].profile]];
            scopes.push((instance.group, instance.segment, &profile.ignore));
        }
        for (instance, segment, slots) in scopes {
            let mut frame = Frame::new(Scope { instance, segment, joined: &[] }, None);
            slots.iter().for_each(|slot| self.note_slot(slot, &mut frame));
        }
    }
}

/// What becomes of a resource that is gone, as the profile says.
pub fn gone_writes(profile: &Profile) -> Vec<fhir::apply::Write<'_>> {
    let mut writes = Vec::new();
    for (place, constant) in &profile.gone {
        nodes_into(&mut writes, place, plan::Op::Set, Produced::One(build::constant(constant)));
    }
    writes
}
