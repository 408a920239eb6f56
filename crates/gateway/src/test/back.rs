//! `back: true`: a message as FHIR, that as a message again. This says the same in FHIR, ids included, and the values
//! that rules read both ways stand where they stood.
//!
//! A value may come back as another that its rule reads as the same (a map that loses, a time with its seconds), as
//! another repetition of its field, or in the first path of a list of paths, for that is what is declared.

use std::borrow::Cow;

use hl7v2::{Message, Options};

use super::differ::differences;
use crate::plan::{Convert, Direction, Plan, Rule, Slot, Source as From};
use crate::run::text;
use crate::{BackOptions, Gateway, IdKey, Source, Stamp, Traced, bundle};

/// MSH-9.3 is always written, whether or not it was sent.
const STRUCTURE: &[&str] = &[".eventCoding.display", ".activity"];

pub fn check(gateway: &Gateway, message: &str, source: &Source) -> Result<(), String> {
    let ids = IdKey::fixed();
    let bytes = message.replace('\n', "\r").into_bytes();
    let there = parse(&bytes)?;
    let first = gateway.translate(&there, source, &ids, true).ok_or("no profile is for this message")?;
    let first_trace = first.trace.clone();
    let first = bundle(first);
    let sent = send(gateway, &first, &there, source)?;
    let again = parse(sent.text.as_bytes())?;
    let second = gateway.translate(&again, source, &ids, true).ok_or("what came back is another message")?;
    let second_trace = second.trace.clone();
    let mut faults = differences(&first, &bundle(second));
    faults.retain(|path| !STRUCTURE.iter().any(|part| path.contains(part)));
    faults.extend(slots(&gateway.plan, source, (&first_trace, &there), (&second_trace, &again)));
    if faults.is_empty() { Ok(()) } else { Err(format!("back and forth it differs: {}", faults.join(", "))) }
}

fn parse(bytes: &[u8]) -> Result<Message<'_>, String> {
    Message::parse(bytes, &Options::default()).map(|parsed| parsed.message).map_err(|fault| fault.to_string())
}

/// Writes the Bundle as a message with the head of the one that it came from.
fn send(
    gateway: &Gateway,
    bundle: &fhir::Resource<'_>,
    like: &Message<'_>,
    source: &Source,
) -> Result<crate::Sent, String> {
    let head = like.segment(0);
    let raw = |field: u16| head.field(field).raw();
    let kind = format!("{}^{}", head.field(9).component(1).raw(), like.header().trigger);
    let stamp = Stamp {
        time: raw(7),
        control_id: raw(10),
        sending_application: raw(3),
        sending_facility: raw(4),
        receiving_application: raw(5),
        receiving_facility: raw(6),
        processing_id: raw(11),
        version: raw(12),
    };
    let options = BackOptions { message: Some(&kind), source, stamp };
    gateway
        .back(bundle, &options)
        .map_err(|issues| issues.iter().map(|issue| issue.text.as_str()).collect::<Vec<_>>().join(", "))
}

type Traces<'t> = (&'t [Traced], &'t Message<'t>);

/// Places whose values a rule of both ways read, and that did not come back.
fn slots(plan: &Plan, source: &Source, (there, message): Traces<'_>, (back, again): Traces<'_>) -> Vec<String> {
    let mut lost = Vec::new();
    for traced in there {
        let Some(rule) = rule_of(plan, traced) else { continue };
        let is_value = matches!(rule.convert, Convert::Plain | Convert::Mapped(_));
        if !is_value || rule.direction != Direction::Both || there.iter().any(|outer| is_one_way(plan, outer, traced)) {
            continue;
        }
        let said = said(message, traced);
        let comes_back = |other: &&Traced| {
            let same_rule = other.rule == traced.rule && other.profile == traced.profile;
            let same_place = field_of(&other.place) == field_of(&traced.place)
                || is_alternative(plan, &traced.place)
                || (matches!(&rule.source, From::Slots(slots) if slots.len() > 1)
                    && whole_field(other) == whole_field(traced));
            same_rule && same_place && reads_same(plan, source, rule, &said, &self::said(again, other))
        };
        if back.iter().find(comes_back).is_none() {
            lost.push(traced.place.clone());
        }
    }
    lost
}

fn rule_of<'p>(plan: &'p Plan, traced: &Traced) -> Option<&'p Rule> {
    let profile = plan.profiles.iter().find(|profile| profile.name == traced.profile)?;
    profile.rules.iter().find(|rule| rule.name == traced.rule)
}

/// Whether `outer` is a rule towards FHIR alone, within which `inner` was read.
fn is_one_way(plan: &Plan, outer: &Traced, inner: &Traced) -> bool {
    let (low, high) = outer.span;
    let within = low <= inner.span.0 && inner.span.1 <= high;
    let Some(rule) = rule_of(plan, outer).filter(|rule| within && rule.direction == Direction::ToFhir) else {
        return false;
    };
    match rule.convert {
        Convert::Part(..) => inner.element.starts_with(&outer.element),
        Convert::Resource(_) => true,
        _ => false,
    }
}

fn said<'m>(message: &'m Message<'_>, traced: &Traced) -> Cow<'m, str> {
    let raw = &message.text()[traced.span.0..traced.span.1];
    let simple = raw.split(['^', '&']).next().unwrap_or_default();
    hl7v2::unescape(simple, message.separators())
}

fn reads_same(plan: &Plan, source: &Source, rule: &Rule, one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    let read = |said| text::primitive(rule.place.leaf.kind, Cow::Borrowed(said), source.zone.as_ref()).ok();
    one == other
        || match rule.convert {
            Convert::Mapped(map) => plan.maps[map].to_fhir(one) == plan.maps[map].to_fhir(other),
            _ => read(one).is_some_and(|one| Some(one) == read(other)),
        }
}

/// A place without the number of its repetition: `PID-3[2].1` is `PID-3.1`.
fn field_of(place: &str) -> String {
    let Some((segment, field)) = place.split_once('-') else { return place.to_owned() };
    match (field.find('['), field.find(']')) {
        (Some(open), Some(close)) => format!("{segment}-{}{}", &field[..open], &field[close + 1..]),
        _ => place.to_owned(),
    }
}

/// The field of a value: `PID-3.1` stands in `PID-3`.
fn whole_field(traced: &Traced) -> String {
    let field = field_of(&traced.place);
    field.split('.').next().unwrap_or_default().to_owned()
}

/// Whether some rule reads this field only where another is empty: what stands there goes back to the other.
fn is_alternative(plan: &Plan, place: &str) -> bool {
    let is_here = |slot: &Slot| match slot {
        Slot::Field { segment, field, .. } => {
            let (name, rest) = place.split_once('-').unwrap_or((place, ""));
            let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
            name.split('[').next() == Some(segment.as_str()) && number == field.to_string()
        }
        _ => false,
    };
    let rules = plan.profiles.iter().flat_map(|profile| &profile.rules);
    rules.into_iter().any(|rule| matches!(&rule.source, From::Slots(slots) if slots.iter().skip(1).any(is_here)))
}
