//! Answers to messages (HL7 v2.9 §2.9): whether one is wanted, what it says, and reading those of others.
//!
//! Original mode answers AA, AE or AR. Where MSH-15 or MSH-16 asks for it, enhanced mode answers twice: CA, CE or CR
//! when the message is safe or refused, and AA, AE or AR when it was worked on. When to answer is the caller's: never
//! before the message is on disk. Time and control id are arguments.

mod read;

use crate::{
    AckCondition, Draft, Fault, Header, Issue, Message, Place, ProcessingId, SegmentId, Separators, Severity, Version,
};

pub use read::{Ack, AckError};

/// What became of a message, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub outcome: Outcome,
    /// Written as ERR; at most 20 of them.
    pub faults: Vec<Issue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk, translated or parked.
    Accepted,
    /// Its content is at fault; sending it again as it is will not help.
    Error,
    /// Its type, version or processing id is not taken here, or nothing can be taken now.
    Rejected,
}

/// MSA-1, table 0008.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    AA,
    AE,
    AR,
    CA,
    CE,
    CR,
}

/// What an answer cannot make for itself.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// MSH-7 of the answer.
    pub time: &'a str,
    /// MSH-10 of the answer.
    pub control_id: &'a str,
}

/// ERR segments of one answer.
const ERRORS_MAX: usize = 20;
/// The version of an answer to a message that names none.
const VERSION_ASSUMED: &str = "2.5.1";

/// The accept acknowledgement, if one is wanted: enhanced mode only.
///
/// `request` is the message, or its header by [`Message::parse_header`]; None where not even that can be read.
pub fn accept(request: Option<&Message<'_>>, verdict: &Verdict, stamp: Stamp<'_>) -> Option<Vec<u8>> {
    let header = request?.header();
    let condition = header.accept_ack.unwrap_or(AckCondition::Never);
    let wanted = header.is_enhanced() && condition.wants(verdict.outcome == Outcome::Accepted);
    wanted.then(|| write(request, accept_code(verdict), &verdict.faults, stamp))
}

/// The application acknowledgement, if one is wanted: in original mode always, but never to an acknowledgement; in
/// enhanced mode as MSH-16 says.
pub fn application(request: Option<&Message<'_>>, verdict: &Verdict, stamp: Stamp<'_>) -> Option<Vec<u8>> {
    let wanted = request.map(Message::header).is_none_or(|header| {
        let original = if header.kind == "ACK" { AckCondition::Never } else { AckCondition::Always };
        let enhanced = header.application_ack.unwrap_or(AckCondition::Never);
        let condition = if header.is_enhanced() { enhanced } else { original };
        condition.wants(verdict.outcome == Outcome::Accepted)
    });
    let code = match verdict.outcome {
        Outcome::Accepted => Code::AA,
        Outcome::Error => Code::AE,
        Outcome::Rejected => Code::AR,
    };
    wanted.then(|| write(request, code, &verdict.faults, stamp))
}

/// CR is for MSH-9, MSH-11 and MSH-12 alone; every other trouble, ours included, is CE.
fn accept_code(verdict: &Verdict) -> Code {
    let of_header = |place: &Place| place.segment == Some(SegmentId::MSH) && matches!(place.field, 9 | 11 | 12);
    match verdict.outcome {
        Outcome::Accepted => Code::CA,
        Outcome::Rejected if verdict.faults.iter().any(|fault| of_header(&fault.place)) => Code::CR,
        Outcome::Rejected | Outcome::Error => Code::CE,
    }
}

/// Writes an answer with this code, in the character set and with the delimiters of the request.
pub fn write(request: Option<&Message<'_>>, code: Code, faults: &[Issue], stamp: Stamp<'_>) -> Vec<u8> {
    let text = begin(request, code, faults, stamp).print();
    request.map_or_else(|| text.clone().into_bytes(), |message| encode(message, &text))
}

/// An answer in the character set of the request.
pub fn encode(request: &Message<'_>, text: &str) -> Vec<u8> {
    request.charset().encode(text).0
}

/// The response to a query (HL7 v2.9 §5.3), begun: MSH with this message type, MSA and ERR. QAK, QPD and what was found are
/// the caller's.
pub fn respond(request: &Message<'_>, kind: [&str; 3], code: Code, faults: &[Issue], stamp: Stamp<'_>) -> Draft {
    let mut draft = begin(Some(request), code, faults, stamp);
    let msh = draft.segments_mut().first_mut().expect("an answer begins with MSH");
    for (component, text) in (1..).zip(kind) {
        msh.set(9, 0, component, 1, text);
    }
    draft
}

fn begin(request: Option<&Message<'_>>, code: Code, faults: &[Issue], stamp: Stamp<'_>) -> Draft {
    let separators = request.map_or(Separators::default(), |message| *message.separators());
    let header = request.map(Message::header);
    let mut draft = Draft::new(separators);
    write_header(&mut draft, header.as_ref(), stamp);
    let msa = draft.segment("MSA").set_field(1, code.as_str());
    if let Some(header) = &header {
        msa.set_field(2, &header.control_id);
    }
    if let Some(fault) = faults.first().filter(|_| !code.is_positive()) {
        msa.set_field(3, &fault.to_string());
    }
    let version = header.as_ref().and_then(|header| header.version).unwrap_or(Version::V2_5);
    if version < Version::V2_5 {
        write_errors_before_2_5(&mut draft, faults);
    } else {
        faults.iter().take(ERRORS_MAX).for_each(|fault| write_error(&mut draft, fault));
    }
    draft
}

fn write_header(draft: &mut Draft, header: Option<&Header<'_>>, stamp: Stamp<'_>) {
    let msh = draft.segment("MSH");
    msh.set_field(7, stamp.time).set_field(10, stamp.control_id);
    msh.set_field(9, "ACK");
    let Some(header) = header else {
        msh.set_field(11, ProcessingId::Missing.code()).set_field(12, VERSION_ASSUMED);
        return;
    };
    let parties = [
        &header.receiving_application,
        &header.receiving_facility,
        &header.sending_application,
        &header.sending_facility,
    ];
    for (field, party) in (3..).zip(parties) {
        msh.set(field, 0, 1, 1, &party.namespace);
        msh.set(field, 0, 2, 1, &party.universal_id);
        msh.set(field, 0, 3, 1, &party.universal_id_type);
    }
    if !header.trigger.is_empty() {
        msh.set(9, 0, 2, 1, &header.trigger).set(9, 0, 3, 1, "ACK");
    }
    let version = if header.version.is_some() { &header.declared_version } else { VERSION_ASSUMED };
    msh.set_field(11, header.processing_id.code()).set_field(12, version).set_field(18, &header.charset);
}

/// ERR since 2.5: one for each fault, with ERR-2 to ERR-8.
fn write_error(draft: &mut Draft, fault: &Issue) {
    let err = draft.segment("ERR");
    let Place { segment, occurrence, field, repetition, component, subcomponent } = fault.place;
    if let Some(segment) = segment {
        err.set_field(2, segment.as_str());
    }
    let numbers = [occurrence, field.into(), repetition.into(), component.into(), subcomponent.into()];
    for (at, number) in (2..).zip(numbers).filter(|&(_, number)| number > 0) {
        err.set(2, 0, at, 1, &number.to_string());
    }
    let code = fault.code();
    err.set(3, 0, 1, 1, &code.number.to_string()).set(3, 0, 2, 1, code.text).set(3, 0, 3, 1, "HL70357");
    err.set_field(4, fault.severity.code()).set_field(7, &fault.to_string()).set_field(8, &fault.text);
}

/// ERR before 2.5: one segment, ERR-1 repeated: segment, sequence, field, code.
fn write_errors_before_2_5(draft: &mut Draft, faults: &[Issue]) {
    if faults.is_empty() {
        return;
    }
    let err = draft.segment("ERR");
    for (repetition, fault) in (0..).zip(faults.iter().take(ERRORS_MAX)) {
        let place = fault.place;
        if let Some(segment) = place.segment {
            err.set(1, repetition, 1, 1, segment.as_str());
        }
        for (at, number) in
            [(2, place.occurrence), (3, place.field.into())].into_iter().filter(|&(_, number)| number > 0)
        {
            err.set(1, repetition, at, 1, &number.to_string());
        }
        let code = fault.code();
        err.set(1, repetition, 4, 1, &code.number.to_string());
        err.set(1, repetition, 4, 2, code.text).set(1, repetition, 4, 3, "HL70357");
    }
}

impl Verdict {
    pub fn accepted() -> Verdict {
        Verdict { outcome: Outcome::Accepted, faults: Vec::new() }
    }

    /// The content is at fault.
    pub fn error(faults: Vec<Issue>) -> Verdict {
        Verdict { outcome: Outcome::Error, faults }
    }

    /// The type, version or processing id is not taken, or nothing can be taken now.
    pub fn rejected(faults: Vec<Issue>) -> Verdict {
        Verdict { outcome: Outcome::Rejected, faults }
    }

    /// What MSH alone decides: whether its issues, as [`Header::issues`] gives them, forbid taking the message.
    pub fn of_header(issues: Vec<Issue>) -> Verdict {
        let faults: Vec<Issue> = issues.into_iter().filter(|issue| issue.severity == Severity::Error).collect();
        let rejects = |issue: &Issue| matches!(issue.place.field, 9 | 11 | 12);
        match faults.iter().any(rejects) {
            _ if faults.is_empty() => Verdict::accepted(),
            true => Verdict::rejected(faults),
            false => Verdict::error(faults),
        }
    }
}

impl From<Fault> for Verdict {
    /// A message that cannot be read is at fault in its content.
    fn from(fault: Fault) -> Verdict {
        Verdict::error(vec![fault.0])
    }
}

impl Code {
    pub fn as_str(self) -> &'static str {
        match self {
            Code::AA => "AA",
            Code::AE => "AE",
            Code::AR => "AR",
            Code::CA => "CA",
            Code::CE => "CE",
            Code::CR => "CR",
        }
    }

    fn read(text: &str) -> Option<Code> {
        let codes = [Code::AA, Code::AE, Code::AR, Code::CA, Code::CE, Code::CR];
        codes.into_iter().find(|code| text.trim().eq_ignore_ascii_case(code.as_str()))
    }

    /// AA or CA.
    pub fn is_positive(self) -> bool {
        matches!(self, Code::AA | Code::CA)
    }

    /// CA, CE or CR: the message was received, not worked on.
    pub fn is_accept(self) -> bool {
        matches!(self, Code::CA | Code::CE | Code::CR)
    }
}
