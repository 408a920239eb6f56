//! Whether a message is taken at all: what MSH says, against what its source may send (`safety.md` 2 and 9).

use hl7v2::ack::Verdict;
use hl7v2::{Issue, Kind, Message, Place, ProcessingId, SegmentId};
use record::CommitError;

use crate::source::{Allowed, Processing, Source};

pub fn verdict(source: &Source, message: &Message<'_>) -> Verdict {
    let header = message.header();
    let verdict = Verdict::of_header(header.issues());
    if verdict.outcome != hl7v2::ack::Outcome::Accepted {
        return verdict;
    }
    if !source.facilities.permits(&header.sending_facility) {
        return refuse(Kind::UnknownKey, 4, "this sending facility is not configured for the source");
    }
    if !source.applications.permits(&header.sending_application) {
        return refuse(Kind::UnknownKey, 3, "this sending application is not configured for the source");
    }
    if !assigners_fit(source, message) {
        let place = Place::field(SegmentId::PID, 3);
        let text = "this assigning authority is not configured for the source";
        return Verdict::rejected(vec![Issue::error(Kind::UnknownKey, place, text)]);
    }
    let fits = match (source.processing, &header.processing_id) {
        (Processing::Any, _) | (_, ProcessingId::Missing) => true,
        (Processing::Production, id) => *id == ProcessingId::Production,
        (Processing::Test, id) => *id != ProcessingId::Production,
    };
    match (fits, source.processing) {
        (true, _) => Verdict::accepted(),
        (false, Processing::Test) => {
            refuse(Kind::ProcessingId, 11, "production messages are not taken by a test source")
        }
        (false, _) => refuse(Kind::ProcessingId, 11, "test messages are not taken by a production source"),
    }
}

/// Whether every identifier that may name a person was given by somebody whose numbers the source may use. One without an
/// authority is the source's own.
fn assigners_fit(source: &Source, message: &Message<'_>) -> bool {
    if matches!(source.assigners, Allowed::Any) {
        return true;
    }
    let patients = message.segments().filter(|segment| segment.segment_id() == SegmentId::PID);
    patients.flat_map(|patient| patient.field(3).repetitions()).all(|identifier| {
        let kind = identifier.component(5).text();
        let names_a_person = kind.is_empty() || source.gateway.person_types.iter().any(|known| *known == kind);
        let authority = identifier.component(4);
        let (namespace, universal) = (authority.subcomponent(1).text(), authority.subcomponent(2).text());
        !names_a_person || authority.is_empty() || source.assigners.permits_names(&namespace, &universal)
    })
}

/// No profile is for this type and trigger.
pub fn unknown_type() -> Verdict {
    refuse(Kind::EventCode, 9, "this message type is not taken here")
}

/// The source is not configured to ask.
pub fn may_not_ask() -> Verdict {
    refuse(Kind::EventCode, 9, "this source may not ask: it is configured with queries = false")
}

/// Ours to mend, not the sender's: it is to send again later.
pub fn not_now() -> Verdict {
    Verdict::rejected(vec![Issue::error(Kind::Application, Place::MESSAGE, "cannot be taken now: send it again later")])
}

pub fn failed(error: &CommitError) -> Verdict {
    match error {
        CommitError::Refused(why) => Verdict::error(vec![Issue::error(Kind::Application, Place::MESSAGE, *why)]),
        _ => not_now(),
    }
}

fn refuse(kind: Kind, field: u16, text: &'static str) -> Verdict {
    Verdict::rejected(vec![Issue::error(kind, Place::msh(field), text)])
}
