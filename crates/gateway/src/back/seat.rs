//! Which segment of which group each resource sits on.
//!
//! A resource sits where its references come out as they are when the message is read: an observation below the order
//! that it is based on, an account on the PID of its patient. It never sits where the message would say that it belongs
//! to another patient, visit or order than it does: then it is refused, with that reason (`safety.md` 1).

use std::collections::HashSet;

use fhir::{Issue, IssueType};
use hl7v2::SegmentId;

use super::rules::{At, Back};
use super::survey::{self, Claim};
use crate::plan::{Direction, Source as From};

/// A segment, and the resources that are said on it: use and number in the Bundle.
#[derive(Debug)]
pub struct Seat {
    pub segment: usize,
    pub instance: usize,
    pub sitting: Vec<(usize, usize)>,
}

/// Where a new segment could stand.
struct Position {
    /// The instance that holds it, or in which its own group opens.
    instance: usize,
    opens: Option<usize>,
    score: i32,
}

pub fn place(back: &mut Back<'_>) -> Result<(), Vec<Issue>> {
    let mut uses: Vec<usize> = (0..back.spec.resources.len()).collect();
    uses.sort_by_key(|use_| depth(back, back.spec.resources[*use_].each));
    let said_by_others = said_by_others(back);
    for use_ in uses {
        for resource in 0..back.claims.len() {
            let is_its = back.claims[resource].as_ref().is_some_and(|claim| claim.use_ == use_);
            if is_its && !said_by_others.contains(&resource) {
                seat(back, resource, use_);
            }
        }
    }
    let outermost = |instance: usize| back.page.instances[instance].group > 0;
    if back.seats.iter().any(|seat| outermost(seat.instance)) {
        return Ok(());
    }
    let mut issues = std::mem::take(&mut back.issues);
    issues.push(Issue::error(IssueType::Required, "", "the Bundle says of nobody anything that this message can say"));
    Err(issues)
}

/// How deep the deepest group is in which such a segment may stand: outer groups are made first.
fn depth(back: &Back<'_>, id: SegmentId) -> usize {
    let groups = &back.spec.groups;
    let depth = |at: usize| std::iter::successors(Some(at), |at| (*at > 0).then(|| groups[*at].within)).count();
    let stands = |at: &usize| groups[*at].opens.contains(&id) || groups[*at].holds.contains(&id);
    (1..groups.len()).filter(stands).map(depth).max().unwrap_or(0)
}

/// Resources that others say through `as`, and that none refers to by name: they need no segment of their own.
fn said_by_others(back: &Back<'_>) -> HashSet<usize> {
    let claims = || back.claims.iter().enumerate().filter_map(|(at, claim)| Some((at, claim.as_ref()?)));
    let followed = claims().flat_map(|(at, claim)| claim.followed.iter().copied().filter(move |other| *other != at));
    let named: HashSet<usize> =
        claims().flat_map(|(_, claim)| claim.refs.iter().filter_map(|known| known.target)).collect();
    followed.filter(|resource| !named.contains(resource)).collect()
}

fn seat(back: &mut Back<'_>, resource: usize, use_: usize) {
    if let Some(shared) = shared(back, resource, use_) {
        back.seats[shared].sitting.push((use_, resource));
        return;
    }
    match new_seat(back, resource, use_) {
        Ok(seat) => back.seats.push(seat),
        Err(text) => back.refuse(resource, text),
    }
}

/// A segment on which a resource sits that this one refers to, or that refers to it.
fn shared(back: &Back<'_>, resource: usize, use_: usize) -> Option<usize> {
    let id = back.spec.resources[use_].each;
    back.seats.iter().position(|seat| {
        let free = back.page.segments[seat.segment].id == id && seat.sitting.iter().all(|(known, _)| *known != use_);
        free && seat.sitting.iter().any(|(_, other)| refers(back, resource, *other) || refers(back, *other, resource))
            && seat.sitting.iter().all(|(known, other)| !contradicts(back, resource, *known, *other))
    })
}

fn refers(back: &Back<'_>, from: usize, to: usize) -> bool {
    claim(back, from).is_some_and(|claim| claim.refs.iter().any(|known| known.target == Some(to)))
}

fn claim<'c>(back: &'c Back<'_>, resource: usize) -> Option<&'c Claim> {
    back.claims[resource].as_ref()
}

/// Whether a resource refers, under the name of a use, to others than the one that is there.
fn contradicts(back: &Back<'_>, resource: usize, use_: usize, there: usize) -> bool {
    let name = &back.spec.resources[use_].name;
    let mut targets = claim(back, resource)
        .into_iter()
        .flat_map(|claim| &claim.refs)
        .filter(|known| known.name == *name && !known.all);
    targets.clone().next().is_some() && targets.all(|known| known.target != Some(there))
}

fn new_seat(back: &mut Back<'_>, resource: usize, use_: usize) -> Result<Seat, &'static str> {
    let id = back.spec.resources[use_].each;
    let positions = positions(back, id);
    if positions.is_empty() {
        return at_message(back, resource, use_);
    }
    let mut best: Option<Position> = None;
    for position in positions {
        let Some(score) = score(back, resource, use_, position.instance) else { continue };
        if best.as_ref().is_none_or(|best| score > best.score) {
            best = Some(Position { score, ..position });
        }
    }
    let Some(best) = best else {
        return Err(
            "the message would say that it belongs to another: what it refers to is not there, or there is no place beside it",
        );
    };
    match best.opens {
        Some(group) => open_group(back, resource, use_, group, best.instance),
        None => hold(back, resource, use_, best.instance),
    }
}

/// Where a segment may stand: in what holds it, or as the opener of a new group. Where no group of the kind is there,
/// in the group around it.
fn positions(back: &Back<'_>, id: SegmentId) -> Vec<Position> {
    let groups = &back.spec.groups;
    let instances_of = |group: usize| {
        let is = move |at: &usize| back.page.instances[*at].group == group;
        (0..back.page.instances.len()).filter(is)
    };
    let mut positions = Vec::new();
    for (at, group) in groups.iter().enumerate().skip(1) {
        if group.opens.contains(&id) {
            positions.extend(instances_of(group.within).map(|instance| Position {
                instance,
                opens: Some(at),
                score: 0,
            }));
        } else if group.holds.contains(&id) {
            let around = std::iter::successors(Some(at), |at| Some(groups[*at].within)).take_while(|at| *at > 0);
            let mut around = around.skip_while(|at| instances_of(*at).next().is_none());
            let found = around.next().into_iter().flat_map(instances_of);
            positions.extend(found.map(|instance| Position { instance, opens: None, score: 0 }));
        }
    }
    positions
}

/// A segment that no group names stands in the message itself.
fn at_message(back: &mut Back<'_>, resource: usize, use_: usize) -> Result<Seat, &'static str> {
    let id = back.spec.resources[use_].each;
    if back.spec.groups.iter().any(|group| group.opens.contains(&id) || group.holds.contains(&id)) {
        return Err("the message has no group that it could stand in");
    }
    hold(back, resource, use_, 0)
}

/// How well the references come out at a place; none where one of them would come out as another.
fn score(back: &Back<'_>, resource: usize, use_: usize, instance: usize) -> Option<i32> {
    let claim = claim(back, resource)?;
    let name = &back.spec.resources[use_].name;
    let mut score = 0;
    for (near, _) in near_names(back, use_) {
        let found = back.nearest(near, instance);
        let mut targets = claim.refs.iter().filter(|known| known.name == near && !known.all).peekable();
        match (found, targets.peek().is_some()) {
            (Some(found), true) if targets.any(|known| known.target == Some(found)) => score += 2,
            (Some(_), true) => return None,
            (Some(_), false) => score -= 1,
            (None, _) => {}
        }
    }
    for seat in &back.seats {
        let encloses = back.page.is_within(instance, seat.instance);
        for (_, other) in &seat.sitting {
            let lists = |of: &Claim| {
                of.refs.iter().any(|known| known.all && known.name == *name && known.target == Some(resource))
            };
            let listing = self::claim(back, *other)
                .is_some_and(|of| of.refs.iter().any(|known| known.all && known.name == *name));
            match (self::claim(back, *other).is_some_and(lists), encloses) {
                (true, true) => score += 2,
                (true, false) => score -= 2,
                (false, true) if listing => score -= 1,
                _ => {}
            }
            score += i32::from(*other == resource && encloses);
        }
    }
    Some(score)
}

/// The names by which a use refers to the nearest resource.
fn near_names<'p>(back: &Back<'p>, use_: usize) -> impl Iterator<Item = (&'p str, usize)> {
    let profile = back.profile_of(back.spec.resources[use_].profile);
    profile.rules.iter().enumerate().filter_map(|(at, rule)| match &rule.source {
        From::Reference { name, all: false } if rule.direction != Direction::ToFhir => Some((name.as_str(), at)),
        _ => None,
    })
}

/// Opens a group. The outermost is a person's: only the use that makes the person opens it, and a second account is no
/// second person. Deeper groups repeat: a second report of one order is a second OBR, on which the order sits again.
fn open_group(
    back: &mut Back<'_>,
    resource: usize,
    use_: usize,
    group: usize,
    within: usize,
) -> Result<Seat, &'static str> {
    let id = back.spec.resources[use_].each;
    let first = back.spec.resources.iter().position(|known| known.each == id && !known.transient);
    if back.spec.groups[group].within == 0 && first != Some(use_) {
        return Err("the message has room for one of its kind, or nobody whose it is");
    }
    let instance = back.page.add_instance(group, within);
    let segment = back.page.add_segment(id, instance).ok_or("the message has too many segments")?;
    let mut sitting = vec![(use_, resource)];
    for (other, known) in
        back.spec.resources.iter().enumerate().filter(|(other, known)| *other != use_ && known.each == id)
    {
        let refs = claim(back, resource).into_iter().flat_map(|claim| &claim.refs);
        let target = refs.filter(|of| of.name == known.name && !of.all).find_map(|of| of.target);
        sitting.extend(target.filter(|target| back.is_claimed_as(*target, other)).map(|target| (other, target)));
    }
    Ok(Seat { segment, instance, sitting })
}

/// A segment within a group. What is no list (`snapshot`) stands there once.
fn hold(back: &mut Back<'_>, resource: usize, use_: usize, instance: usize) -> Result<Seat, &'static str> {
    let known = &back.spec.resources[use_];
    let taken = |segment: usize| {
        back.seats.iter().any(|seat| seat.segment == segment && seat.sitting.iter().any(|(of, _)| *of == use_))
    };
    let here: Vec<usize> = back.page.find_in(instance, known.each).collect();
    let free = here.iter().copied().find(|segment| !taken(*segment) && known.snapshot.is_none());
    if known.snapshot.is_none() && free.is_none() && !here.is_empty() {
        return Err("the message has room for one of its kind: send another message");
    }
    let segment =
        free.or_else(|| back.page.add_segment(known.each, instance)).ok_or("the message has too many segments")?;
    Ok(Seat { segment, instance, sitting: vec![(use_, resource)] })
}

/// Says every resource where it sits; what refers to others comes after them, so that it can find what they said.
pub fn run(back: &mut Back<'_>) {
    for use_ in (0..back.spec.resources.len()).rev() {
        for seat in 0..back.seats.len() {
            let sitting: Vec<usize> = back.seats[seat]
                .sitting
                .iter()
                .filter(|(known, _)| *known == use_)
                .map(|(_, resource)| *resource)
                .collect();
            sitting.into_iter().for_each(|resource| say_at(back, resource, use_, seat));
        }
    }
    for resource in 0..back.claims.len() {
        say_again(back, resource);
    }
}

fn say_at(back: &mut Back<'_>, resource: usize, use_: usize, seat: usize) {
    let at = At { instance: back.seats[seat].instance, segment: back.seats[seat].segment, view: None };
    back.unsaid = None;
    if !back.attempt(|back| back.say(resource, use_, at)) {
        let text = match back.unsaid.take() {
            Some(element) => {
                format!("{element} changes what the rest means, and no rule says it here: the resource is not sent")
            }
            None => "nothing of it can be said where it would stand".to_owned(),
        };
        back.refuse(resource, &text);
    }
}

/// What one use could not say another of the same type may: the documents of a report.
fn say_again(back: &mut Back<'_>, resource: usize) {
    let Some(first) = claim(back, resource).map(|claim| claim.use_) else { return };
    let seated = |use_: usize| back.seats.iter().any(|seat| seat.sitting.contains(&(use_, resource)));
    if back.is_refused(resource) || !seated(first) {
        return;
    }
    for use_ in survey::uses_of(back, resource) {
        let other = back.spec.resources[use_].each != back.spec.resources[first].each;
        if other
            && survey::news(back, resource, use_) > 0
            && let Ok(seat) = new_seat(back, resource, use_)
        {
            back.seats.push(seat);
            say_at(back, resource, use_, back.seats.len() - 1);
        }
    }
}

impl Back<'_> {
    fn is_claimed_as(&self, resource: usize, use_: usize) -> bool {
        claim(self, resource).is_some_and(|claim| claim.use_ == use_)
    }

    /// The resource that a `ref` of this name would find from here, as `run/references.rs` finds it.
    pub(super) fn nearest(&self, name: &str, instance: usize) -> Option<usize> {
        let use_ = self.spec.resources.iter().position(|use_| use_.name == name)?;
        let each = self.spec.resources[use_].each;
        let sitting = |fits: &dyn Fn(usize) -> bool| -> Vec<usize> {
            let seats = self.seats.iter().filter(|seat| fits(seat.instance));
            seats
                .flat_map(|seat| &seat.sitting)
                .filter(|(known, _)| *known == use_)
                .map(|(_, resource)| *resource)
                .collect()
        };
        let only = |found: Vec<usize>| found.first().copied().filter(|first| found.iter().all(|other| other == first));
        for at in self.page.enclosing(instance) {
            if let Some(here) = sitting(&|instance| instance == at).last() {
                return Some(*here);
            }
            let group = self.page.instances[at].group;
            if group != 0 && self.may_hold(group, each) {
                return only(sitting(&|instance| self.page.is_within(instance, at)));
            }
        }
        only(sitting(&|_| true))
    }

    fn may_hold(&self, group: usize, id: SegmentId) -> bool {
        let groups = &self.spec.groups;
        let below = |at: usize| {
            std::iter::successors(Some(at), |at| (*at > 0).then(|| groups[*at].within)).any(|at| at == group)
        };
        (0..groups.len()).any(|at| (groups[at].opens.contains(&id) || groups[at].holds.contains(&id)) && below(at))
    }

    /// Whether a resource sits on this very segment under this name.
    pub(super) fn sits(&self, name: &str, resource: usize, segment: usize) -> bool {
        let is = |(use_, known): &(usize, usize)| *known == resource && self.spec.resources[*use_].name == name;
        self.seats.iter().any(|seat| seat.segment == segment && seat.sitting.iter().any(is))
    }

    /// Whether a resource sits under this name in this instance or below.
    pub(super) fn sits_below(&self, name: &str, resource: usize, instance: usize) -> bool {
        let is = |(use_, known): &(usize, usize)| *known == resource && self.spec.resources[*use_].name == name;
        self.seats.iter().any(|seat| self.page.is_within(seat.instance, instance) && seat.sitting.iter().any(is))
    }
}
