//! Queries that come as HL7 v2 messages and are answered at once: demographics (QBP^Q22, IHE PDQ, ITI-21) and the identifiers of a
//! person (QBP^Q23, IHE PIX, ITI-9). HL7 v2.5, 5.3 and 3.3.56 to 3.3.57; IHE ITI TF-2, 3.9 and 3.21.
//!
//! A query changes nothing and is not stored: what is asked about whom is in no message store and in no log line. Whoever asks is a
//! configured source, and reads as an authenticated requester does; `queries = false` closes the door. What cannot be known
//! yet (who is one person, while the index is made) is answered AE, never "nobody".

mod pdq;
mod pid;
mod pix;

use consent::Access;
use gateway::{Gateway, IdKey};
use hl7v2::ack::{self, Code, Stamp, Verdict};
use hl7v2::{Issue, Kind, Message, Place, Segment, SegmentId};
use identity::worker::Identity;
use record::{ReadError, Record};

use crate::source::Source;

/// What an answer is made of.
pub struct Desk<'d> {
    pub record: &'d Record,
    pub identity: &'d Identity,
    pub gateway: &'d Gateway,
    pub ids: &'d IdKey,
    /// Of the source that asks.
    pub access: &'d Access,
    pub source: &'d Source,
}

/// What a query comes to.
#[derive(Default)]
struct Found {
    /// Messages that hold one PID each.
    people: Vec<pid::Written>,
    /// All who match, shown or not.
    total: u64,
    /// Those that come after these.
    remaining: u64,
    /// DSC-1, where there is more.
    pointer: Option<String>,
    /// What is left out, and why.
    warnings: Vec<Issue>,
}

/// The times and control ids of the answers.
pub struct Stamps<'s> {
    pub accept: Stamp<'s>,
    pub response: Stamp<'s>,
}

/// MSH-9.1 of what asks.
pub const CODE: &str = "QBP";

/// Whether it asks, and says nothing.
pub fn is_query(message: &Message<'_>) -> bool {
    message.header().kind == CODE
}

/// The answers in their order: the accept acknowledgement where it is wanted, and the response. `None`: no such query is
/// answered here.
pub async fn answer(desk: &Desk<'_>, message: &Message<'_>, stamps: Stamps<'_>) -> Option<Vec<Vec<u8>>> {
    let (trigger, qpd) = (message.header().trigger.to_string(), segment(message, "QPD"));
    let (kind, found) = match trigger.as_str() {
        "Q22" => (["RSP", "K22", "RSP_K21"], within(qpd, pdq::find(desk, message)).await),
        "Q23" => (["RSP", "K23", "RSP_K23"], within(qpd, pix::find(desk, message)).await),
        _ => return None,
    };
    let (shown, status) = match &found {
        Ok(found) => (found.people.len(), if found.total == 0 { "NF" } else { "OK" }),
        Err(_) => (0, "AE"),
    };
    tracing::debug!(source = %desk.source.name, query = trigger, status, shown, "answered a query");
    let accepted = ack::accept(Some(message), &Verdict::accepted(), stamps.accept);
    Some(accepted.into_iter().chain([response(message, kind, status, found, stamps.response)]).collect())
}

/// Without a QPD nothing is asked.
async fn within(
    qpd: Option<Segment<'_>>,
    found: impl Future<Output = Result<Found, Vec<Issue>>>,
) -> Result<Found, Vec<Issue>> {
    match qpd {
        Some(_) => found.await,
        None => Err(vec![Issue::error(
            Kind::SegmentSequence,
            Place::segment(id("QPD")),
            "there is no QPD: say what is asked",
        )]),
    }
}

fn response(
    message: &Message<'_>,
    kind: [&str; 3],
    status: &str,
    found: Result<Found, Vec<Issue>>,
    stamp: Stamp<'_>,
) -> Vec<u8> {
    let (code, faults, found) = match found {
        Ok(mut found) => (Code::AA, std::mem::take(&mut found.warnings), found),
        Err(faults) => (Code::AE, faults, Found::default()),
    };
    let mut draft = ack::respond(message, kind, code, &faults, stamp);
    let qpd = segment(message, "QPD");
    let qak = draft.segment("QAK");
    if let Some(qpd) = &qpd {
        qak.set_field(1, &qpd.field(2).component(1).text());
    }
    qak.set_field(2, status);
    if let Some(qpd) = &qpd {
        for (component, text) in (1..).zip([1, 2, 3].map(|component| qpd.field(1).component(component).text())) {
            qak.set(3, 0, component, 1, &text);
        }
    }
    if code == Code::AA {
        let counts = [found.total, found.people.len() as u64, found.remaining];
        for (field, count) in (4..).zip(counts) {
            qak.set_field(field, &count.to_string());
        }
    }
    if let Some(qpd) = &qpd {
        draft.segment("QPD").copy(qpd, 1);
    }
    for (number, written) in (1_u32..).zip(&found.people) {
        written.print(draft.segment("PID").set_field(1, &number.to_string()));
    }
    if let Some(pointer) = &found.pointer {
        draft.segment("DSC").set_field(1, pointer).set_field(2, "I");
    }
    ack::encode(message, &draft.print())
}

fn segment<'m>(message: &'m Message<'m>, name: &str) -> Option<Segment<'m>> {
    message.segments().find(|segment| segment.id() == name)
}

fn id(name: &str) -> SegmentId {
    SegmentId::new(name).expect("a segment id is a letter and two letters or digits")
}

/// A place in the query, to name it to whoever asks.
fn place(segment: &str, field: u16, repetition: u16, component: u16) -> Place {
    Place { repetition, component, ..Place::field(id(segment), field) }
}

/// Ours to mend: the same query may be answered later.
fn not_now(error: &ReadError) -> Vec<Issue> {
    if !matches!(error, ReadError::Busy) {
        tracing::warn!(%error, "a query cannot be answered");
    }
    vec![Issue::error(Kind::Application, Place::MESSAGE, "cannot be answered now: ask again later")]
}

/// The uri of an authority that was asked for: the component or its subcomponents, as CX.4 has them.
fn system(desk: &Desk<'_>, authority: &hl7v2::Component<'_>) -> Option<String> {
    let part = |number| authority.subcomponent(number).text();
    let (namespace, universal, kind) = (part(1), part(2), part(3));
    (!authority.is_empty()).then(|| desk.source.gateway.authority(&namespace, &universal, &kind))
}

/// The domains that an answer is narrowed to, and those of them that nobody here has an identifier of.
async fn domains(desk: &Desk<'_>, qpd: &Segment<'_>, field: u16) -> Result<Vec<String>, Vec<Issue>> {
    let (mut systems, mut unknown) = (Vec::new(), Vec::new());
    for (repetition, asked) in (1..).zip(qpd.field(field).repetitions()) {
        let Some(system) = system(desk, &asked.component(4)).or_else(|| system(desk, &asked.component(1))) else {
            continue;
        };
        if systems.len() == DOMAINS_MAX {
            let text = format!("at most {DOMAINS_MAX} domains can be asked for at once");
            return Err(vec![Issue::error(Kind::OverLimit, place("QPD", field, repetition, 0), text)]);
        }
        match pix::is_known(desk, &system).await.map_err(|error| not_now(&error))? {
            true => systems.push(system),
            false => {
                let text = "nobody here has an identifier of this domain";
                unknown.push(Issue::error(Kind::UnknownKey, place("QPD", field, repetition, 0), text));
            }
        }
    }
    if unknown.is_empty() { Ok(systems) } else { Err(unknown) }
}

/// Domains of one query.
const DOMAINS_MAX: usize = 50;
