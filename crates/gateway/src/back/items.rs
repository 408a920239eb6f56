//! Items of lists: which rule says which item, and where.
//!
//! Several rules may write one list towards FHIR (home and business numbers, attending and referring doctors), so
//! backwards each item has to find its rule. It is tried: an item goes to the rule whose constants or `else` it has,
//! else to the one that says most of it, else to the first with room.

use std::cmp::Reverse;
use std::collections::HashSet;

use fhir::Node;

use super::page::Spot;
use super::place::{Found, is_several, nodes};
use super::rules::{At, Back, Run, constants, equals};
use crate::path::Index;
use crate::plan::{BuiltIn, Constant, Convert, Direction, Op, Place, Rule, Slot, Source as From, Step};

/// How well a rule says an item: its number, whether by constants or `else`, and how much.
type Rank = (usize, bool, usize);

impl<'b> Back<'b> {
    pub(super) fn items(&mut self, run: &mut Run<'b, '_>, number: usize, slots: &[Slot]) -> bool {
        let rule = &run.profile.rules[number];
        let mut found = nodes(run.object, &rule.place.steps, false);
        if matches!(rule.op, Op::Journal(_)) {
            // The latest step of a history is the one to tell.
            found.reverse();
        }
        if let (Convert::BuiltIn(BuiltIn::Lines), Some(first)) = (&rule.convert, found.first()) {
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
            match (self.item(run, number, found), found.item) {
                (Some(segment), item) => {
                    said = true;
                    run.claimed.extend(item);
                    run.taken.push(segment);
                }
                // The rule that it was for cannot say it after all: those below may.
                (None, Some(item)) if !self.frozen => drop(run.assigned.remove(&item)),
                _ => {}
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
                let best = free.max_by_key(|(rule, special, hits)| (*special, *hits, Reverse(*rule)));
                let Some((rule, ..)) = best else { continue };
                run.assigned.insert(*item, *rule);
                if !has_room(&run.profile.rules[*rule]) {
                    full.insert(*rule);
                }
            }
        }
    }

    /// For each item the rules that can say it, whether by constants or `else`, and how much.
    fn ranks(&mut self, run: &Run<'b, '_>, rules: &[usize]) -> Vec<(usize, Vec<Rank>)> {
        let mut ranks: Vec<(usize, Vec<Rank>)> = Vec::new();
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
        let has = |(place, constant): &(Place, Constant)| {
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
