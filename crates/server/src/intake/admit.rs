//! Whether a message is taken at all: what MSH says, against what its source may send (`safety.md` 2 and 9).

use hl7v2::ack::Verdict;
use hl7v2::{Header, Issue, Kind, Place, ProcessingId};
use record::CommitError;

use crate::source::{Processing, Source};

pub fn verdict(source: &Source, header: &Header<'_>) -> Verdict {
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

/// No profile is for this type and trigger.
pub fn unknown_type() -> Verdict {
    refuse(Kind::EventCode, 9, "this message type is not taken here")
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
