//! The head of the message: which message it is, MSH and EVN. HL7 v2.9, 2.14.9 and 3.4.1.
//!
//! Without being told, an event that the Bundle's MessageHeader names is taken; else results go as ORU^R01, and a visit
//! as the event of its status: A08 while it goes on, because an update asks the receiver for nothing, and A05, A03, A11
//! or A21 where A08 could not say what it is. A patient alone is A31. What a resource says about the head is written
//! only where the stamp leaves it open.

use fhir::{Issue, IssueType, Node, Object, Resource};
use hl7v2::SegmentId;

use super::page::Spot;
use super::rules::Back;
use super::{BackOptions, Stamp};
use crate::plan::{Message, Plan, Slot};

/// Type of resource, its status (empty for any), and the message that tells of it; the first that is there counts.
const MESSAGES: &[(&str, &str, &str)] = &[
    ("DiagnosticReport", "", "ORU^R01"),
    ("Observation", "", "ORU^R01"),
    ("Encounter", "planned", "ADT^A05"),
    ("Encounter", "finished", "ADT^A03"),
    ("Encounter", "cancelled", "ADT^A11"),
    ("Encounter", "onleave", "ADT^A21"),
    ("Encounter", "", "ADT^A08"),
    ("Patient", "", "ADT^A31"),
];

/// Segments whose first field counts them (data type SI).
const NUMBERED: &[&str] =
    &["PID", "NK1", "PV1", "AL1", "IAM", "DG1", "PR1", "GT1", "IN1", "OBR", "OBX", "NTE", "SPM", "SFT", "TQ1"];

const VERSION: &str = "2.5.1";

/// What to write, and by which profiles.
pub struct Chosen<'b> {
    pub spec: &'b Message,
    pub profiles: Vec<usize>,
    pub code: String,
    pub event: String,
    pub structure: String,
}

pub fn choose<'b>(plan: &'b Plan, bundle: &Resource<'_>, options: &BackOptions<'_>) -> Result<Chosen<'b>, Vec<Issue>> {
    let refuse = |text: String| vec![Issue::error(IssueType::NotSupported, "", text)];
    let named = options.message.map(str::to_owned);
    let message = named.or_else(|| of_header(plan, bundle)).or_else(|| of_content(bundle));
    let message = message.ok_or_else(|| refuse("nothing in it says which message to write: name one".to_owned()))?;
    let (code, event) = message.split_once('^').unwrap_or((&message, ""));
    let structure = hl7v2::structure(code, event).unwrap_or_default();
    let fits = |spec: &&Message, name: &str| {
        spec.messages.iter().any(|known| known == name) && matches(&spec.matching, options)
    };
    let names = [message.as_str(), structure];
    let spec = names
        .into_iter()
        .filter(|name| !name.is_empty())
        .find_map(|name| plan.messages.iter().rev().find(|spec| fits(spec, name)));
    let spec = spec.ok_or_else(|| refuse(format!("no profile for the message {message:?}")))?;
    let (code, event, structure) = (code.to_owned(), event.to_owned(), structure.to_owned());
    Ok(Chosen { spec, profiles: overlays(plan, options), code, event, structure })
}

/// The event of the MessageHeader, in the message that has such an event.
fn of_header(plan: &Plan, bundle: &Resource<'_>) -> Option<String> {
    let header = resources(bundle).find(|object| object.str("resourceType") == Some("MessageHeader"))?;
    let event = header.get("eventCoding")?.as_object()?.str("code")?;
    let ends = |name: &&String| name.split_once('^').is_some_and(|(_, known)| known == event);
    plan.messages.iter().flat_map(|spec| &spec.messages).find(ends).cloned()
}

fn of_content(bundle: &Resource<'_>) -> Option<String> {
    let there = |kind: &str, status: &str| {
        let fits = |object: &Object<'_>| {
            object.str("resourceType") == Some(kind) && (status.is_empty() || object.str("status") == Some(status))
        };
        resources(bundle).any(fits)
    };
    MESSAGES.iter().find(|(kind, status, _)| there(kind, status)).map(|(_, _, message)| (*message).to_owned())
}

fn resources<'r>(bundle: &'r Resource<'_>) -> impl Iterator<Item = &'r Object<'r>> {
    let entries = bundle.object.items("entry").iter().filter_map(Node::as_object);
    let inside = entries.filter_map(|entry| entry.get("resource")?.as_object());
    inside.chain(std::iter::once(&bundle.object))
}

/// For each profile the overlay that stands for it towards this receiver.
fn overlays(plan: &Plan, options: &BackOptions<'_>) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..plan.profiles.len()).collect();
    for (at, profile) in plan.profiles.iter().enumerate() {
        let Some(base) = profile.replaces else { continue };
        if matches(&profile.matching, options) {
            let stands = chosen[base];
            chosen.iter_mut().filter(|known| **known == stands).for_each(|known| *known = at);
        }
    }
    chosen
}

/// An overlay for messages *from* an application or facility is for messages *to* it, too.
fn matches(matching: &[(Slot, Vec<String>)], options: &BackOptions<'_>) -> bool {
    let stamp = &options.stamp;
    let is = |values: &[String], hd: &str| values.iter().any(|value| value == hd.split('^').next().unwrap_or_default());
    matching.iter().all(|(slot, values)| match slot {
        Slot::SourceName => values.contains(&options.source.name),
        Slot::Field { segment, field: 3, .. } if *segment == SegmentId::MSH => {
            is(values, stamp.receiving_application) || is(values, stamp.sending_application)
        }
        Slot::Field { segment, field: 4, .. } if *segment == SegmentId::MSH => {
            is(values, stamp.receiving_facility) || is(values, stamp.sending_facility)
        }
        _ => false,
    })
}

/// Writes MSH, before any resource does.
pub fn open(back: &mut Back<'_>, stamp: &Stamp<'_>) {
    let msh = back.page.add_segment(SegmentId::MSH, 0).expect("it is the first segment");
    let or = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
    let kind = format!("{}^{}^{}", back.code, back.event, back.structure);
    for (field, text) in [
        (3, stamp.sending_application.to_owned()),
        (4, stamp.sending_facility.to_owned()),
        (5, stamp.receiving_application.to_owned()),
        (6, stamp.receiving_facility.to_owned()),
        (7, stamp.time.to_owned()),
        (9, kind),
        (10, stamp.control_id.to_owned()),
        (11, or(stamp.processing_id, "P")),
        (12, or(stamp.version, VERSION)),
    ] {
        write_parts(back, Spot::field(msh, field, 0), &text);
    }
    if let Some(evn) = segment_of_events(back) {
        let evn = back.page.add_segment(evn, 0).expect("it is the second segment");
        let event = back.event.clone();
        write_parts(back, Spot::field(evn, 1, 0), &event);
    }
}

fn segment_of_events(back: &Back<'_>) -> Option<SegmentId> {
    let evn = SegmentId::new("EVN")?;
    back.spec.resources.iter().any(|use_| use_.each == evn).then_some(evn)
}

fn write_parts(back: &mut Back<'_>, spot: Spot, text: &str) {
    for (number, part) in (1..).zip(text.split('^')).filter(|(_, part)| !part.is_empty()) {
        let part_spot = spot.part(number).expect("a repetition has components");
        back.page.write(part_spot, part.to_owned());
    }
}

/// What the head needs and nobody has said: EVN-2 is required, and the character set where text is not ASCII.
pub fn close(back: &mut Back<'_>, stamp: &Stamp<'_>) {
    if let Some(evn) = segment_of_events(back).and_then(|id| back.page.find(0, id)) {
        let recorded = Spot::field(evn, 2, 0);
        if !back.page.is_valued(recorded) {
            write_parts(back, recorded, stamp.time);
        }
    }
    let charset = Spot::field(0, 18, 0);
    if !back.page.is_ascii() && !back.page.is_valued(charset) {
        write_parts(back, charset, "UNICODE UTF-8");
    }
}

pub fn print(back: &Back<'_>) -> String {
    let order: Vec<SegmentId> = back.spec.resources.iter().map(|use_| use_.each).collect();
    back.page.print(&back.spec.groups, &order, NUMBERED)
}
