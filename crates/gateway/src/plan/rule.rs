//! One rule, checked and compiled for the target that it writes to.

use fhir::apply::Journal;
use hl7v2::SegmentId;

use crate::run::SEGMENTS_MAX;

use super::{BuiltIn, Convert, Direction, Key, Op, Place, Profile, RULES_MAX, Rule, Slot, Source, Target, place};
use crate::path;
use crate::profile::{self, MapUse};

/// What names in rules mean: the profiles and maps that there are.
pub struct Names<'n> {
    pub profiles: &'n dyn Fn(&str) -> Option<usize>,
    pub maps: &'n dyn Fn(&MapUse) -> Result<usize, String>,
    pub targets: &'n [Target],
    pub map_targets: &'n dyn Fn(usize) -> Vec<String>,
}

pub fn compile(rule: &profile::Rule, target: &str, names: &Names<'_>) -> Result<Rule, String> {
    let steps = rule.fhir.as_deref().ok_or("a rule says `fhir`")?;
    let place = match rule.clear {
        true => place::compile_clear(target, steps, &rule.name)?,
        false => place::compile(target, steps, &rule.name)?,
    };
    let mut place = place;
    if rule.journal.is_some() {
        // All steps of one history are one owner's.
        "journal".clone_into(&mut place.owner);
    }
    let source = source(rule, &place)?;
    let convert = match &source {
        Source::Slots(_) => conversion(rule, &place, names)?,
        _ => Convert::Plain,
    };
    let fallback_target = item_kind(&place);
    let fallback = rule.fallback.iter().map(|(steps, text)| {
        let within = place::compile(fallback_target, steps, &rule.name)?;
        let constant = place::constant(within.leaf, text)?;
        Ok((within, constant))
    });
    let compiled = Rule {
        name: rule.name.clone(),
        guards: guards(&rule.when),
        guard_numbers: Vec::new(),
        unless: Vec::new(),
        fallback: fallback.collect::<Result<_, String>>()?,
        op: op(rule, &place)?,
        direction: rule.direction,
        source,
        place,
        convert,
    };
    invertible(&compiled)?;
    Ok(compiled)
}

/// The type of what the rule produces: what `else` fills.
fn item_kind(place: &Place) -> &'static str {
    place.leaf.kind
}

fn source(rule: &profile::Rule, place: &Place) -> Result<Source, String> {
    let said = usize::from(!rule.v2.is_empty())
        + usize::from(rule.constant.is_some())
        + usize::from(rule.reference.is_some())
        + usize::from(rule.clear);
    match said {
        0 if rule.journal.is_some() => return Ok(Source::None),
        1 => {}
        _ => return Err("a rule says one of `v2`, `const`, `ref` and `clear`".to_owned()),
    }
    if let Some(text) = &rule.constant {
        return place::constant(place.leaf, text).map(Source::Constant);
    }
    if let Some(name) = &rule.reference {
        if place.leaf.kind != "Reference" {
            return Err(format!("`ref` needs a Reference, this is a {}", place.leaf.kind));
        }
        let (name, all) = name.strip_suffix("[*]").map_or((name.as_str(), false), |name| (name, true));
        return Ok(Source::Reference { name: name.to_owned(), all });
    }
    if rule.clear {
        return Ok(Source::None);
    }
    Ok(Source::Slots(rule.v2.iter().map(slot).collect()))
}

fn conversion(rule: &profile::Rule, place: &Place, names: &Names<'_>) -> Result<Convert, String> {
    let map = rule.map.as_ref().map(names.maps).transpose()?;
    let Some(name) = rule.convert.as_deref() else {
        return plain(place, map, names);
    };
    if let Some(built_in) = built_in(name) {
        return Ok(Convert::BuiltIn(built_in));
    }
    if name == place.leaf.kind {
        return plain(place, map, names);
    }
    let index = (names.profiles)(name).ok_or_else(|| format!("no profile {name:?}"))?;
    let target = first_target(index, names.targets);
    match target {
        Some(Target::Resource(_)) if place.leaf.kind == "Reference" => Ok(Convert::Resource(index)),
        Some(Target::Resource(kind)) if place.steps.is_empty() && *kind == place.leaf.kind => {
            Ok(Convert::Part(index, map))
        }
        Some(Target::Part(kind)) if fits(kind, place.leaf.kind) => Ok(Convert::Part(index, map)),
        Some(Target::Part(kind) | Target::Resource(kind)) => {
            Err(format!("{name:?} makes a {kind}, here stands a {}", place.leaf.kind))
        }
        _ => Err(format!("{name:?} makes nothing")),
    }
}

fn first_target(index: usize, targets: &[Target]) -> Option<&Target> {
    match &targets[index] {
        Target::First(list) => list.first().and_then(|first| targets.get(*first)),
        target => Some(target),
    }
}

fn fits(made: &str, wanted: &str) -> bool {
    const QUANTITIES: [&str; 6] = ["Quantity", "SimpleQuantity", "Age", "Duration", "Distance", "Count"];
    made == wanted || (QUANTITIES.contains(&made) && QUANTITIES.contains(&wanted))
}

fn plain(place: &Place, map: Option<usize>, names: &Names<'_>) -> Result<Convert, String> {
    let kind = place.leaf.kind;
    if !kind.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(format!("a {kind} is made by a profile: say `as`"));
    }
    let Some(map) = map else { return Ok(Convert::Plain) };
    if let Some(codes) = place.leaf.codes
        && let Some(wrong) = (names.map_targets)(map).iter().find(|code| !codes.contains(code))
    {
        return Err(format!("the map makes {wrong:?}, which is not among the codes that R4 requires here"));
    }
    Ok(Convert::Mapped(map))
}

fn built_in(name: &str) -> Option<BuiltIn> {
    Some(match name {
        "authority" => BuiltIn::Authority,
        "code-system" => BuiltIn::CodeSystem,
        "lines" => BuiltIn::Lines,
        "base64" => BuiltIn::Base64,
        "phone" => BuiltIn::Phone,
        "text" => BuiltIn::Text,
        "base64-text" => BuiltIn::Base64OfText,
        "base64-hex" => BuiltIn::Base64OfHex,
        "low" => BuiltIn::Low,
        "high" => BuiltIn::High,
        "bounds" => BuiltIn::Bounds,
        "comparator" => BuiltIn::Comparator,
        "number" => BuiltIn::Number,
        _ => return None,
    })
}

fn op(rule: &profile::Rule, place: &Place) -> Result<Op, String> {
    let said = [rule.fill, rule.clear, rule.keep, rule.journal.is_some()];
    if said.iter().filter(|said| **said).count() > 1 {
        return Err("a rule says one of `fill`, `clear`, `keep` and `journal`".to_owned());
    }
    if (rule.keep || rule.journal.is_some()) && !place.steps.last().is_some_and(|step| step.many) {
        return Err("`keep` and `journal` are for lists".to_owned());
    }
    Ok(match rule.journal.as_deref() {
        Some("add") => Op::Journal(Journal::Add),
        Some("undo") => Op::Journal(Journal::Undo),
        Some("close") => Op::Journal(Journal::Close),
        Some("past") => Op::Journal(Journal::Past),
        Some(_) => return Err("`journal` is add, undo, close or past".to_owned()),
        None if rule.fill => Op::Fill,
        None if rule.clear => Op::Clear,
        None if rule.keep => Op::Keep,
        None => Op::Set,
    })
}

/// A rule that cannot be read backwards must say that it goes one way.
fn invertible(rule: &Rule) -> Result<(), String> {
    let one_way = match (&rule.convert, &rule.source) {
        (Convert::BuiltIn(built_in), _) => {
            matches!(built_in, BuiltIn::Phone | BuiltIn::Low | BuiltIn::High | BuiltIn::Text | BuiltIn::Base64OfHex)
        }
        _ => false,
    };
    if one_way && rule.direction != Direction::ToFhir {
        return Err("this conversion has no way back: say dir: \"->\"".to_owned());
    }
    Ok(())
}

pub fn guards(when: &[(path::Slot, super::Guard)]) -> Vec<(Slot, super::Guard)> {
    when.iter().map(|(slot_path, guard)| (slot(slot_path), guard.clone())).collect()
}

fn segment_id(name: &str) -> SegmentId {
    SegmentId::new(name).expect("its form was checked when the path was read")
}

pub fn slot(slot: &path::Slot) -> Slot {
    match slot {
        path::Slot::Field(field) => Slot::Field {
            segment: segment_id(&field.segment),
            number: u8::MAX,
            all_segments: field.all_segments,
            field: field.field,
            repetition: field.repetition,
            component: field.component.unwrap_or(0),
            subcomponent: field.subcomponent.unwrap_or(0),
        },
        path::Slot::Segment { segment, all } => Slot::Segment { segment: segment_id(segment), all: *all },
        path::Slot::Part { part, below, deeper, all } => {
            Slot::Part { part: *part, below: below.unwrap_or(0), deeper: deeper.unwrap_or(0), all: *all }
        }
        path::Slot::Slice { first, last } => Slot::Slice { first: *first, last: *last },
        path::Slot::Whole => Slot::Whole,
        path::Slot::Event => Slot::Event,
        path::Slot::MessageCode => Slot::MessageCode,
        path::Slot::SourceName => Slot::SourceName,
    }
}

impl Profile {
    /// Resolves `unless` and finds the lists that several owners write.
    pub(super) fn tie(&mut self, unless: &[Vec<String>]) -> Result<(), String> {
        for (at, names) in unless.iter().enumerate() {
            for name in names {
                let other = self.rules.iter().position(|rule| rule.name == *name);
                let other = other.ok_or_else(|| format!("`unless` names no rule: {name:?}"))?;
                if other >= at {
                    return Err(format!("rule {:?}: `unless` must name a rule above it", self.rules[at].name));
                }
                self.rules[at].unless.push(other);
            }
        }
        self.gather_understood();
        self.number_segments();
        self.number_guards();
        if self.rules.len() > RULES_MAX || self.guards.len() > RULES_MAX {
            return Err(format!("{:?} has more than {RULES_MAX} rules or guards: part it", self.name));
        }
        self.find_wakes();
        for at in 0..self.rules.len() {
            let place = &self.rules[at].place;
            let list = place.head > 0 && place.steps[place.head - 1].many;
            // A rule that clears an element clears it whole, whoever's items are in it.
            let shares = |other: &Rule| {
                other.op != Op::Clear && other.place.path == place.path && other.place.owner != place.owner
            };
            let shared = list && self.rules[at].op != Op::Clear && self.rules.iter().any(shares);
            self.rules[at].place.shared = shared;
        }
        Ok(())
    }

    fn gather_understood(&mut self) {
        let of_key = |key: &Key| match key {
            Key::Parts { parts, .. } => parts.concat(),
            Key::Person(_) | Key::Id { .. } | Key::Content { .. } => Vec::new(),
        };
        let rank = self.rank.iter().map(|(slot, _)| slot.clone());
        for slot in self.keys.iter().flat_map(of_key).chain(self.time.iter().cloned()).chain(rank) {
            if !self.understood.contains(&slot) {
                self.understood.push(slot);
            }
        }
    }

    /// Numbers the segments that the rules read, so that each is looked for once; those beyond the most are looked for
    /// each time.
    fn number_segments(&mut self) {
        let mut known: Vec<SegmentId> = Vec::new();
        let mut give = |slot: &mut Slot| {
            let Slot::Field { segment, number, .. } = slot else { return };
            let at = known.iter().position(|id| id == segment).unwrap_or(known.len());
            if at == known.len() && at < SEGMENTS_MAX {
                known.push(*segment);
            }
            *number = if at < SEGMENTS_MAX { at as u8 } else { u8::MAX };
        };
        for rule in &mut self.rules {
            if let Source::Slots(slots) = &mut rule.source {
                slots.iter_mut().for_each(&mut give);
            }
            rule.guards.iter_mut().for_each(|(slot, _)| give(slot));
        }
        self.understood.iter_mut().for_each(&mut give);
        for key in &mut self.keys {
            if let Key::Parts { parts, .. } = key {
                parts.iter_mut().flatten().for_each(&mut give);
            }
        }
    }

    fn number_guards(&mut self) {
        for rule in &mut self.rules {
            for guard in &rule.guards {
                let at = self.guards.iter().position(|known| known == guard).unwrap_or(self.guards.len());
                if at == self.guards.len() {
                    self.guards.push(guard.clone());
                }
                rule.guard_numbers.push(at as u16);
            }
        }
    }
}
