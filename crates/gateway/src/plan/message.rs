//! Message profiles: which groups a message has, and which resources come of which segments.

use std::collections::HashMap;

use hl7v2::SegmentId;

use super::{Group, Key, Merge, Message, ResourceUse, rule};
use crate::profile::{self, Profile};
use crate::yaml::Fault;

pub fn compile(document: &Profile, profiles: &dyn Fn(&str) -> Option<usize>) -> Result<Message, Vec<Fault>> {
    let spec = document.message.as_ref().expect("only called for message profiles");
    let mut faults = Vec::new();
    let groups = groups(spec, &mut faults);
    let names: HashMap<&str, usize> =
        spec.resources.iter().enumerate().map(|(at, use_)| (use_.name.as_str(), at)).collect();
    let mut resources = Vec::new();
    for use_ in &spec.resources {
        match resource(use_, profiles, &names, &groups) {
            Ok(resource) => resources.push(resource),
            Err(text) => faults.push(Fault::new(use_.line, format!("resource {:?}: {text}", use_.name))),
        }
    }
    let mut merges = Vec::new();
    for merge in &spec.merges {
        match compile_merge(merge, &names) {
            Ok(merge) => merges.push(merge),
            Err(text) => faults.push(Fault::new(merge.line, text)),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Message {
        name: document.name.clone(),
        matching: document.matching.iter().map(|(slot, values)| (rule::slot(slot), values.clone())).collect(),
        messages: spec.messages.clone(),
        groups,
        resources,
        merges,
        ignore: document.ignore.iter().map(rule::slot).collect(),
        tests: document.tests.clone(),
        file: document.file.clone(),
    })
}

fn groups(spec: &profile::Message, faults: &mut Vec<Fault>) -> Vec<Group> {
    let mut groups = vec![Group { name: "message".to_owned(), ..Group::default() }];
    for group in &spec.groups {
        let within = match &group.within {
            None => 0,
            Some(name) => groups.iter().position(|known| known.name == *name).unwrap_or_else(|| {
                let text = format!("group {:?} stands within {name:?}, which is not above it", group.name);
                faults.push(Fault::new(group.line, text));
                0
            }),
        };
        let mut ids = |names: &[String]| -> Vec<SegmentId> {
            let known = names.iter().map(|name| SegmentId::new(name).ok_or(name));
            known
                .filter_map(|id| {
                    id.map_err(|name| faults.push(Fault::new(group.line, format!("{name:?} is no segment")))).ok()
                })
                .collect()
        };
        let (opens, holds) = (ids(&group.opens), ids(&group.holds));
        groups.push(Group { name: group.name.clone(), opens, within, holds });
    }
    groups
}

fn resource(
    use_: &profile::ResourceUse,
    profiles: &dyn Fn(&str) -> Option<usize>,
    names: &HashMap<&str, usize>,
    groups: &[Group],
) -> Result<ResourceUse, String> {
    let snapshot = match use_.snapshot.as_deref() {
        None => None,
        Some(name) => Some(*names.get(name).ok_or_else(|| format!("`snapshot` names no resource: {name:?}"))?),
    };
    let each = SegmentId::new(&use_.each).ok_or_else(|| format!("{:?} is no segment", use_.each))?;
    Ok(ResourceUse {
        name: use_.name.clone(),
        profile: profiles(&use_.profile).ok_or_else(|| format!("no profile {:?}", use_.profile))?,
        each,
        held_by: (0..groups.len()).map(|group| may_hold(groups, group, each)).collect(),
        stub: use_.stub,
        transient: use_.transient,
        snapshot,
        guards: rule::guards(&use_.when),
        join: rule::guards(&use_.join),
    })
}

/// Whether the definition of a group lets such a segment stand in it or below it.
fn may_hold(groups: &[Group], group: usize, id: SegmentId) -> bool {
    let here = |at: usize| groups[at].opens.contains(&id) || groups[at].holds.contains(&id);
    let below =
        |at: usize| std::iter::successors(Some(at), |at| (*at > 0).then(|| groups[*at].within)).any(|at| at == group);
    (0..groups.len()).any(|at| here(at) && below(at))
}

fn compile_merge(merge: &profile::Merge, names: &HashMap<&str, usize>) -> Result<Merge, String> {
    let of = *names.get(merge.of.as_str()).ok_or_else(|| format!("`of` names no resource: {:?}", merge.of))?;
    let each = SegmentId::new(&merge.each).ok_or_else(|| format!("{:?} is no segment", merge.each))?;
    Ok(Merge { of, each, prior: key(&merge.prior), how: merge.how, guards: rule::guards(&merge.when) })
}

pub fn key(key: &profile::Key) -> Key {
    match key {
        profile::Key::Person(slot) => Key::Person(rule::slot(slot)),
        profile::Key::Id { id, authority, only_if } => {
            Key::Id { id: rule::slot(id), authority: authority.as_ref().map(rule::slot), only_if: only_if.clone() }
        }
        profile::Key::Parts { parts, within, word, occurrence, only_if } => Key::Parts {
            word: word.clone(),
            parts: parts.iter().map(|slots| slots.iter().map(rule::slot).collect()).collect(),
            within: within.clone(),
            occurrence: *occurrence,
            only_if: only_if.clone(),
        },
        profile::Key::Content { only_if } => Key::Content { only_if: only_if.clone() },
    }
}
