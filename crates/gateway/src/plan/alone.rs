//! Which profiles make of a value the same wherever it stands: they read nothing but the value, and refer to nothing
//! else in the message. What such a profile made once in a message need not be made again.

use super::{Convert, Key, Plan, Profile, ProfileIndex, Slot, Source, Target};

/// Marks these profiles.
pub fn mark(plan: &mut Plan) {
    for at in 0..plan.profiles.len() {
        let mut seen = vec![false; 2 * plan.profiles.len()];
        plan.profiles[at].alone = stands_alone(plan, at, false, &mut seen);
    }
}

/// `within` tells that a resource refers to what the profile makes: then its key may be made within that one.
fn stands_alone(plan: &Plan, at: ProfileIndex, within: bool, seen: &mut [bool]) -> bool {
    if std::mem::replace(&mut seen[2 * at + usize::from(within)], true) {
        return true;
    }
    let profile = &plan.profiles[at];
    if !reads_only_the_value(profile) || !profile.keys.iter().all(|key| key_stands_alone(key, within)) {
        return false;
    }
    let within = within || matches!(profile.target, Target::Resource(_));
    // An overlay may take the place of any of them.
    let overlays =
        plan.profiles.iter().enumerate().filter(|(_, overlay)| overlay.replaces == Some(at)).map(|(at, _)| at);
    let called: Vec<ProfileIndex> = called(profile).chain(overlays).collect();
    called.into_iter().all(|called| stands_alone(plan, called, within, seen))
}

fn called(profile: &Profile) -> impl Iterator<Item = ProfileIndex> + '_ {
    let first = if let Target::First(list) = &profile.target { &list[..] } else { &[] };
    let of_rules = profile.rules.iter().filter_map(|rule| match rule.convert {
        Convert::Part(index, _) | Convert::Resource(index) => Some(index),
        Convert::Plain | Convert::Mapped(_) | Convert::BuiltIn(_) => None,
    });
    first.iter().copied().chain(of_rules)
}

fn reads_only_the_value(profile: &Profile) -> bool {
    profile.guards.iter().all(|(slot, _)| is_of_value(slot))
        && profile.rules.iter().all(|rule| match &rule.source {
            Source::Slots(slots) => slots.iter().all(is_of_value),
            Source::Constant(_) | Source::None => true,
            Source::Reference { .. } => false,
        })
}

fn key_stands_alone(key: &Key, within: bool) -> bool {
    match key {
        Key::Person(slot) => is_of_value(slot),
        Key::Id { id, authority, .. } => is_of_value(id) && authority.iter().all(is_of_value),
        Key::Parts { parts, within, occurrence, .. } => {
            within == "source" && !occurrence && parts.iter().flatten().all(is_of_value)
        }
        Key::Content { .. } => within,
    }
}

/// The value itself, or what all of a message says alike.
fn is_of_value(slot: &Slot) -> bool {
    match slot {
        Slot::Part { .. } | Slot::Slice { .. } | Slot::Whole | Slot::Event | Slot::MessageCode | Slot::SourceName => {
            true
        }
        Slot::Field { .. } | Slot::Segment { .. } => false,
    }
}
