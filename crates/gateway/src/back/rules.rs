//! Running the rules of a profile backwards: from elements of a resource to places of the message.
//!
//! Rules are tried in file order, and the first writer of a place keeps it. A rule that goes one way (`->`) writes
//! nothing; but where what it would read stands in the message already and says the same, its element has been said.

use std::collections::{HashMap, HashSet};

use fhir::{Issue, Node, Object, Resource};

use super::header::Chosen;
use super::links::{self, Links};
use super::page::{Page, Spot};
use super::place::{Found, is_several, nodes};
use super::said::Said;
use super::seat::Seat;
use super::survey::{Claim, Ref, Survey};
use super::{BackOptions, page, said};
use crate::path::Index;
use crate::plan::{BuiltIn, Constant, Convert, Direction, Op, Plan, Profile, Rule, Slot, Source as From, Step, Target};
use crate::source::Source;

/// How deeply profiles may call each other, and references be followed.
const DEPTH_MAX: usize = 16;

/// The state of one way back.
pub(super) struct Back<'b> {
    pub plan: &'b Plan,
    pub spec: &'b crate::plan::Message,
    /// The profile that stands for each, after the overlays for this receiver.
    pub chosen: Vec<usize>,
    pub source: &'b Source,
    pub code: String,
    pub event: String,
    /// MSH-9.3.
    pub structure: String,
    pub links: Links<'b>,
    pub page: Page,
    pub said: Said,
    /// The resource that is being read: what `#id` is looked up in.
    pub root: &'b Object<'b>,
    pub claims: Vec<Option<Claim>>,
    pub seats: Vec<Seat>,
    /// Resources that are not sent, each with an issue.
    pub refused: HashSet<usize>,
    /// While it is only found out what a resource would say.
    pub survey: Option<Survey>,
    /// Nothing may be written: what is read must stand there already.
    pub frozen: bool,
    /// Places where something stood already: the same, and something else.
    pub agreed: usize,
    pub conflicts: usize,
    pub depth: usize,
    /// The modifier element that no rule could say, where a profile failed for that.
    pub unsaid: Option<String>,
    pub issues: Vec<Issue>,
}

/// Where a profile is applied.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub instance: usize,
    pub segment: usize,
    pub view: Option<Spot>,
}

/// One profile being applied to one object.
pub(super) struct Run<'b, 'n> {
    pub profile: &'b Profile,
    pub object: &'n Object<'n>,
    pub at: At,
    /// Which rules have written.
    pub wrote: Vec<bool>,
    /// Items of lists that a rule has said.
    claimed: HashSet<usize>,
    /// For items that several rules could say: whose they are.
    assigned: HashMap<usize, usize>,
    assigned_lists: Vec<Vec<Step>>,
    /// Segments that were one item each.
    pub taken: Vec<usize>,
    /// A reference that this very segment contradicts.
    pub broken: bool,
}

impl<'b> Back<'b> {
    pub fn new(plan: &'b Plan, bundle: &'b Resource<'b>, options: &BackOptions<'b>, chosen: Chosen<'b>) -> Back<'b> {
        let links = Links::of(bundle);
        Back {
            plan,
            spec: chosen.spec,
            chosen: chosen.profiles,
            source: options.source,
            code: chosen.code,
            event: chosen.event,
            structure: chosen.structure,
            claims: links.resources.iter().map(|_| None).collect(),
            links,
            page: Page::new(),
            said: Said::default(),
            root: &bundle.object,
            seats: Vec::new(),
            refused: HashSet::new(),
            survey: None,
            frozen: false,
            agreed: 0,
            conflicts: 0,
            depth: 0,
            unsaid: None,
            issues: Vec::new(),
        }
    }

    /// Does something that may fail. What it wrote and said until then is taken back.
    pub fn attempt(&mut self, act: impl FnOnce(&mut Self) -> bool) -> bool {
        let before = self.mark();
        let done = act(self) && self.said.hits_since(before.1) > 0;
        if !done {
            self.back_to(before);
        }
        done
    }

    /// How much something would say, if it can be said.
    pub fn trial(&mut self, act: impl FnOnce(&mut Self) -> bool) -> Option<usize> {
        let before = self.mark();
        let said = act(self).then(|| self.said.hits_since(before.1));
        self.back_to(before);
        said.filter(|hits| *hits > 0)
    }

    fn mark(&self) -> (page::Mark, said::Mark, Option<(usize, usize)>) {
        (self.page.mark(), self.said.mark(), self.survey.as_ref().map(Survey::mark))
    }

    fn back_to(&mut self, (page, said, survey): (page::Mark, said::Mark, Option<(usize, usize)>)) {
        self.page.back_to(page);
        self.said.back_to(said);
        if let (Some(known), Some(mark)) = (&mut self.survey, survey) {
            known.back_to(mark);
        }
    }

    pub fn profile_of(&self, index: usize) -> &'b Profile {
        &self.plan.profiles[self.chosen[index]]
    }

    /// Applies a profile. Answers whether it said anything but constants and, for a `whole` object, all its modifiers.
    pub fn apply(&mut self, index: usize, object: &Object<'_>, at: At, whole: bool) -> bool {
        let profile = self.profile_of(index);
        let kind = match &profile.target {
            Target::First(list) => {
                return list.iter().any(|first| self.attempt(|back| back.apply(*first, object, at, whole)));
            }
            Target::Resource(kind) | Target::Part(kind) => kind,
        };
        if self.depth >= DEPTH_MAX || !fits(profile, object) {
            return false;
        }
        self.depth += 1;
        let mut run = Run {
            profile,
            object,
            at,
            wrote: vec![false; profile.rules.len()],
            claimed: HashSet::new(),
            assigned: HashMap::new(),
            assigned_lists: Vec::new(),
            taken: Vec::new(),
            broken: false,
        };
        let substantial = self.all_rules(&mut run);
        self.depth -= 1;
        substantial && !run.broken && (!whole || self.modifiers_said(kind, object))
    }

    /// Rules that write first, then those that can only find that it has been said.
    fn all_rules(&mut self, run: &mut Run<'b, '_>) -> bool {
        let mut substantial = false;
        for one_way in [false, true] {
            for (at, rule) in run.profile.rules.iter().enumerate() {
                let skipped = self.frozen && rule.direction == Direction::FromFhir;
                let excluded = rule.unless.iter().any(|other| run.wrote[*other]);
                if (rule.direction == Direction::ToFhir) != one_way || skipped || (excluded && !one_way) {
                    continue;
                }
                let frozen = self.frozen;
                self.frozen |= one_way;
                let said = self.rule(run, at);
                self.frozen = frozen;
                run.wrote[at] |= said && !one_way;
                substantial |= said && (frozen || !one_way) && !matches!(rule.source, From::Constant(_));
            }
        }
        substantial
    }

    fn rule(&mut self, run: &mut Run<'b, '_>, number: usize) -> bool {
        let rule = &run.profile.rules[number];
        if !self.event_holds(&rule.guards) {
            return false;
        }
        match &rule.source {
            From::None => false,
            From::Constant(constant) => self.constant(run, number, constant),
            From::Reference { name, all } => self.reference(run, number, name, *all),
            From::Slots(slots) if rule.place.steps.is_empty() => self.same_object(run, number, slots),
            From::Slots(slots) => self.items(run, number, slots),
        }
    }

    /// An element that equals the constant has been said where the guards hold or can be made to.
    fn constant(&mut self, run: &Run<'b, '_>, number: usize, constant: &Constant) -> bool {
        let rule = &run.profile.rules[number];
        let found = nodes(run.object, &rule.place.steps, true).into_iter().find(|found| equals(found.node, constant));
        found.is_some_and(|found| {
            self.attempt(|back| {
                back.said.note(found.node);
                back.guards(&rule.guards, Some((run, number)), run.at)
            })
        })
    }

    fn reference(&mut self, run: &mut Run<'b, '_>, number: usize, name: &str, all: bool) -> bool {
        let rule = &run.profile.rules[number];
        let mut said = false;
        for found in nodes(run.object, &rule.place.steps, false) {
            let text = found.node.as_object().and_then(|node| node.str("reference"));
            let target = text.and_then(|text| self.links.find(text));
            if target.is_some_and(|target| !self.may_be(target, name)) {
                continue;
            }
            let to = Ref { name: name.to_owned(), all, target };
            said |= self.refers(to, run)
                && self.attempt(|back| {
                    back.said.note(found.node);
                    back.guards(&rule.guards, Some((run, number)), run.at)
                });
        }
        said
    }

    /// `fhir: "$"`: another profile says more of the same object.
    fn same_object(&mut self, run: &Run<'b, '_>, number: usize, slots: &[Slot]) -> bool {
        let rule = &run.profile.rules[number];
        self.attempt(|back| {
            let spot = if back.frozen { back.look(&slots[0], run.at) } else { back.open(&slots[0], run.at) };
            let said = spot.is_some_and(|spot| match rule.convert {
                Convert::Part(index, _) => back.apply(index, run.object, run.at.viewing(spot), false),
                Convert::BuiltIn(BuiltIn::Bounds) => back.bounds(run.object, spot),
                _ => false,
            });
            said && back.guards(&rule.guards, Some((run, number)), run.at)
        })
    }

    fn items(&mut self, run: &mut Run<'b, '_>, number: usize, slots: &[Slot]) -> bool {
        let rule = &run.profile.rules[number];
        let mut found = nodes(run.object, &rule.place.steps, false);
        if matches!(rule.op, Op::Journal(_)) {
            // The latest step of a history is the one to tell.
            found.reverse();
        }
        if let (BuiltIn::Lines, Some(first)) = (rule.convert.built_in(), found.first()) {
            let lines = |back: &mut Self| back.lines(first.node, &slots[0], run.at);
            return self.attempt(|back| lines(back) && back.guards(&rule.guards, Some((run, number)), run.at));
        }
        if !self.frozen {
            self.assign(run, number);
        }
        // Guards of a rule that writes repetitions are about all of them together.
        let before = self.mark();
        let mut said = false;
        for found in found {
            let others =
                |item: usize| run.claimed.contains(&item) || run.assigned.get(&item).is_some_and(|to| *to != number);
            if found.item.is_some_and(others) || (said && !is_several(&slots[0])) {
                continue;
            }
            if let Some(segment) = self.item(run, number, found) {
                said = true;
                run.claimed.extend(found.item);
                run.taken.push(segment);
            }
        }
        if said && is_repeated(&slots[0]) && !self.guards(&rule.guards, Some((run, number)), run.at) {
            self.back_to(before);
            return false;
        }
        said
    }

    /// Says one item by a rule; answers the segment in which it now stands.
    fn item(&mut self, run: &Run<'b, '_>, number: usize, found: Found<'_>) -> Option<usize> {
        let rule = &run.profile.rules[number];
        let From::Slots(slots) = &rule.source else { return None };
        if let Slot::Segment { segment, all: true } = slots[0] {
            return self.item_as_segment(run, number, found, segment);
        }
        let at = run.at;
        let write = |back: &mut Self, spot: Spot| {
            let guarded = !is_repeated(&slots[0]);
            back.convert(rule, found.node, spot, at) && (!guarded || back.guards(&rule.guards, Some((run, number)), at))
        };
        if !self.frozen {
            let mut segment = None;
            let said = self.attempt(|back| {
                back.open(&slots[0], at).is_some_and(|spot| {
                    segment = Some(spot.segment);
                    write(back, spot)
                })
            });
            return segment.filter(|_| said);
        }
        let spots: Vec<Spot> = slots.iter().flat_map(|slot| self.spots(slot, at)).collect();
        spots.into_iter().find(|spot| self.attempt(|back| write(back, *spot))).map(|spot| spot.segment)
    }

    /// A segment as one item (`NTE[*]`): one that says the same already, else a new one.
    fn item_as_segment(
        &mut self,
        run: &Run<'b, '_>,
        number: usize,
        found: Found<'_>,
        id: hl7v2::SegmentId,
    ) -> Option<usize> {
        let rule = &run.profile.rules[number];
        let instance = run.at.instance;
        let write = |back: &mut Self, segment: usize| {
            let at = At { instance: back.page.segments[segment].instance, segment, view: Some(Spot::segment(segment)) };
            back.convert(rule, found.node, Spot::segment(segment), at) && back.guards(&rule.guards, None, at)
        };
        let known: Vec<usize> = self
            .page
            .enclosing(instance)
            .flat_map(|at| self.page.find_in(at, id))
            .filter(|at| !run.taken.contains(at))
            .collect();
        for segment in known {
            let (agreed, conflicts) = (self.agreed, self.conflicts);
            let same = |back: &mut Self| write(back, segment) && back.conflicts == conflicts && back.agreed > agreed;
            if self.attempt(same) {
                return Some(segment);
            }
        }
        if self.frozen {
            return None;
        }
        let mut made = None;
        let said = self.attempt(|back| {
            made = back.new_segment(id, instance);
            made.is_some_and(|segment| write(back, segment))
        });
        made.filter(|_| said)
    }

    /// Where several rules could say the items of one list: an item goes to the rule whose constants it has, else to
    /// the rule that says most of it, else to the first with room.
    fn assign(&mut self, run: &mut Run<'b, '_>, number: usize) {
        let list = list_of(&run.profile.rules[number]);
        if list.is_empty() || run.assigned_lists.iter().any(|known| known == list) {
            return;
        }
        run.assigned_lists.push(list.to_vec());
        let of_list = |rule: &Rule| list_of(rule) == list && rule.direction != Direction::ToFhir;
        let rules: Vec<usize> = (0..run.profile.rules.len())
            .filter(|at| of_list(&run.profile.rules[*at]) && self.event_holds(&run.profile.rules[*at].guards))
            .collect();
        if rules.len() < 2 {
            return;
        }
        let ranks = self.ranks(run, &rules);
        let mut full = HashSet::new();
        for only_special in [true, false] {
            for (item, ranked) in &ranks {
                if run.assigned.contains_key(item) {
                    continue;
                }
                let free =
                    ranked.iter().filter(|(rule, special, _)| !full.contains(rule) && (*special || !only_special));
                let best = free.max_by_key(|(rule, special, hits)| (*special, *hits, std::cmp::Reverse(*rule)));
                let Some((rule, ..)) = best else { continue };
                run.assigned.insert(*item, *rule);
                if !has_room(&run.profile.rules[*rule]) {
                    full.insert(*rule);
                }
            }
        }
    }

    /// For each item the rules that can say it, whether by constants or `else`, and how much.
    fn ranks(&mut self, run: &Run<'b, '_>, rules: &[usize]) -> Vec<(usize, Vec<(usize, bool, usize)>)> {
        let mut ranks: Vec<(usize, Vec<(usize, bool, usize)>)> = Vec::new();
        for rule in rules {
            let compiled = &run.profile.rules[*rule];
            let mut found = nodes(run.object, &compiled.place.steps, false);
            if matches!(compiled.op, Op::Journal(_)) {
                found.reverse();
            }
            for found in found {
                let Some(item) = found.item else { continue };
                let Some(hits) = self.trial(|back| back.item(run, *rule, found).is_some()) else { continue };
                let ranked = (*rule, self.is_special(compiled, found.node), hits);
                match ranks.iter_mut().find(|(known, _)| *known == item) {
                    Some((_, known)) => known.push(ranked),
                    None => ranks.push((item, vec![ranked])),
                }
            }
        }
        ranks
    }

    /// Whether an item has what a rule's `else` or the constants of its profile say.
    fn is_special(&self, rule: &Rule, node: &Node<'_>) -> bool {
        let has = |(place, constant): &(crate::plan::Place, Constant)| {
            let inside = node.as_object().map(|object| nodes(object, &place.steps, true)).unwrap_or_default();
            inside.iter().any(|found| equals(found.node, constant))
        };
        let by_else = !rule.fallback.is_empty() && rule.fallback.iter().all(has);
        by_else
            || match rule.convert {
                Convert::Part(index, _) | Convert::Resource(index) => {
                    constants(self.profile_of(index)).next().is_some()
                }
                _ => false,
            }
    }

    /// The object that a reference leads to, and its number in the Bundle where it is not contained.
    pub fn follow(&self, node: &Node<'_>) -> Option<(&'b Object<'b>, Option<usize>)> {
        let text = node.as_object()?.str("reference")?;
        if let Some(object) = links::contained(self.root, text) {
            return Some((object, None));
        }
        let at = self.links.find(text)?;
        Some((self.links.resources[at].object, Some(at)))
    }
}

impl At {
    pub fn viewing(self, spot: Spot) -> At {
        At { view: Some(spot), ..self }
    }
}

impl Convert {
    fn built_in(&self) -> BuiltIn {
        match self {
            Convert::BuiltIn(built_in) => *built_in,
            _ => BuiltIn::Text,
        }
    }
}

/// The steps up to the list whose items a rule says one by one; none where it does not.
fn list_of(rule: &Rule) -> &[Step] {
    let last = rule.place.steps.iter().rposition(|step| step.index == Index::All);
    last.map_or(&[], |at| &rule.place.steps[..=at])
}

/// Whether a rule writes repetitions of one field; segments that are one item each are guarded one by one.
fn is_repeated(slot: &Slot) -> bool {
    is_several(slot) && !matches!(slot, Slot::Segment { .. })
}

fn has_room(rule: &Rule) -> bool {
    matches!(&rule.source, From::Slots(slots) if is_several(&slots[0]))
}

/// Constants that every object of a profile has: backwards they are a condition.
pub(super) fn constants(profile: &Profile) -> impl Iterator<Item = (&Rule, &Constant)> {
    profile.rules.iter().filter_map(|rule| match &rule.source {
        From::Constant(constant) => {
            let always = rule.guards.is_empty() && rule.unless.is_empty();
            (always && rule.op != Op::Fill && rule.direction == Direction::Both).then_some((rule, constant))
        }
        _ => None,
    })
}

fn fits(profile: &Profile, object: &Object<'_>) -> bool {
    constants(profile)
        .all(|(rule, constant)| nodes(object, &rule.place.steps, true).iter().any(|found| equals(found.node, constant)))
}

fn equals(node: &Node<'_>, constant: &Constant) -> bool {
    match (node, constant) {
        (Node::Text(text), Constant::Text(wanted)) | (Node::Number(text), Constant::Number(wanted)) => text == wanted,
        (Node::Bool(value), Constant::Bool(wanted)) => value == wanted,
        _ => false,
    }
}
