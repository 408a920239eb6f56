//! What each resource of the Bundle would be in the message, before anything is written.
//!
//! Every use of its type is tried on a scratch segment: the one whose constants it has, else the one that says most, is
//! its own. What it refers to is noted on the way, because that decides where it sits.

use fhir::{Issue, IssueType};

use super::rules::{At, Back, constants};
use crate::plan::{ResourceUse, Target};

/// What a resource will be.
#[derive(Debug)]
pub struct Claim {
    pub use_: usize,
    pub refs: Vec<Ref>,
    /// Resources that it says itself, through `as`.
    pub followed: Vec<usize>,
}

/// A reference by a name of the message profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Ref {
    pub name: String,
    /// To all below, not to the nearest.
    pub all: bool,
    /// None where the Bundle does not have it.
    pub target: Option<usize>,
}

/// What is noted during a trial.
#[derive(Debug, Default)]
pub struct Survey {
    pub refs: Vec<Ref>,
    pub followed: Vec<usize>,
}

impl Survey {
    pub fn mark(&self) -> (usize, usize) {
        (self.refs.len(), self.followed.len())
    }

    pub fn back_to(&mut self, (refs, followed): (usize, usize)) {
        self.refs.truncate(refs);
        self.followed.truncate(followed);
    }
}

/// How a use did in its trial.
struct Tried {
    claim: Claim,
    special: bool,
    hits: usize,
}

pub fn survey(back: &mut Back<'_>) {
    for at in 0..back.links.resources.len() {
        let mut best: Option<Tried> = None;
        let mut unsaid = None;
        for use_ in uses_of(back, at) {
            back.unsaid = None;
            match try_use(back, at, use_) {
                Some(tried)
                    if best.as_ref().is_none_or(|best| (tried.special, tried.hits) > (best.special, best.hits)) =>
                {
                    best = Some(tried);
                }
                Some(_) => {}
                None => unsaid = unsaid.or(back.unsaid.take()),
            }
        }
        if let (None, Some(element)) = (&best, unsaid) {
            back.refuse(
                at,
                &format!("{element} changes what the rest means, and no rule says it here: the resource is not sent"),
            );
        }
        back.claims[at] = best.map(|best| best.claim);
    }
}

/// The uses of the message profile that are of a resource's type.
pub fn uses_of(back: &Back<'_>, resource: usize) -> Vec<usize> {
    let kind = back.links.resources[resource].object.str("resourceType");
    let is =
        |use_: &ResourceUse| matches!(back.profile_of(use_.profile).target, Target::Resource(of) if Some(of) == kind);
    (0..back.spec.resources.len()).filter(|at| is(&back.spec.resources[*at])).collect()
}

fn try_use(back: &mut Back<'_>, resource: usize, use_: usize) -> Option<Tried> {
    back.survey = Some(Survey::default());
    let hits = on_scratch(back, use_, |back, at| {
        let before = back.said.mark();
        let said = back.say(resource, use_, at).then(|| back.said.hits_since(before));
        said.map(|hits| (hits, back.survey.take()))
    });
    back.survey = None;
    let (hits, survey) = hits?;
    let survey = survey.expect("it was set above");
    let special = constants(back.profile_of(back.spec.resources[use_].profile)).next().is_some();
    Some(Tried { claim: Claim { use_, refs: survey.refs, followed: survey.followed }, special, hits })
}

/// How many elements a use would say that nothing has said yet.
pub fn news(back: &mut Back<'_>, resource: usize, use_: usize) -> usize {
    back.survey = Some(Survey::default());
    let news = on_scratch(back, use_, |back, at| {
        let before = back.said.mark();
        back.say(resource, use_, at).then(|| back.said.new_since(before))
    });
    back.survey = None;
    news.unwrap_or(0)
}

/// Does something on a segment of its own, of which nothing stays.
fn on_scratch<T>(back: &mut Back<'_>, use_: usize, act: impl FnOnce(&mut Back<'_>, At) -> T) -> T {
    let id = back.spec.resources[use_].each;
    let groups = &back.spec.groups;
    let group = groups.iter().position(|group| group.opens.contains(&id) || group.holds.contains(&id)).unwrap_or(0);
    let before = (back.page.mark(), back.said.mark());
    let instance = back.page.add_instance(group, 0);
    let known = if group == 0 { back.page.find(0, id) } else { None };
    let segment = known.or_else(|| back.page.add_segment(id, instance));
    let segment = segment.expect("a message has fewer segments than a page has room for");
    let done = act(back, At { instance, segment, view: None });
    back.page.back_to(before.0);
    back.page.remove_last_instance();
    back.said.back_to(before.1);
    done
}

impl Back<'_> {
    /// Says a resource on a segment, as a use of the message profile does. What fails is left half done.
    pub(super) fn say(&mut self, resource: usize, use_: usize, at: At) -> bool {
        let use_ = &self.spec.resources[use_];
        let object = self.links.resources[resource].object;
        self.root = object;
        self.apply(use_.profile, object, at, true) && self.guards(&use_.guards, None, at)
    }

    /// Whether a resource is of the type that a name of the message profile stands for.
    pub(super) fn may_be(&self, resource: usize, name: &str) -> bool {
        uses_of(self, resource).iter().any(|use_| self.spec.resources[*use_].name == name)
    }

    pub(super) fn refuse(&mut self, resource: usize, text: &str) {
        self.refused.insert(resource);
        let path = self.links.resources[resource].path.clone();
        self.issues.push(Issue::error(IssueType::NotSupported, path, text));
    }

    pub(super) fn is_refused(&self, resource: usize) -> bool {
        self.refused.contains(&resource)
    }
}
