//! Running the rules of a profile backwards: from elements of a resource to places of the message.
//!
//! Rules are tried in file order, and the first writer of a place keeps it. A rule that goes one way (`->`) writes
//! nothing; but where what it would read stands in the message already and says the same, its element has been said.

use std::collections::{HashMap, HashSet};

use fhir::{Issue, Node, Object, Resource};

use super::header::Chosen;
use super::links::{self, Links};
use super::page::{Page, Spot};
use super::place::nodes;
use super::said::Said;
use super::seat::Seat;
use super::survey::{Claim, Ref, Survey};
use super::{BackOptions, page, said};
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

/// A state to go back to.
type Mark = (page::Mark, said::Mark, Option<(usize, usize)>);

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
    pub claimed: HashSet<usize>,
    /// For items that several rules could say: whose they are.
    pub assigned: HashMap<usize, usize>,
    pub assigned_lists: Vec<Vec<Step>>,
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

    pub fn mark(&self) -> Mark {
        (self.page.mark(), self.said.mark(), self.survey.as_ref().map(Survey::mark))
    }

    pub fn back_to(&mut self, (page, said, survey): Mark) {
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

pub(super) fn equals(node: &Node<'_>, constant: &Constant) -> bool {
    match (node, constant) {
        (Node::Text(text), Constant::Text(wanted)) | (Node::Number(text), Constant::Number(wanted)) => text == wanted,
        (Node::Bool(value), Constant::Bool(wanted)) => value == wanted,
        _ => false,
    }
}
