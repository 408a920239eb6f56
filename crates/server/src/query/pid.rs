//! PID of an answer: from a Patient, by the rules of `profiles/hl7v2/PID` read backwards; for a list of identifiers, PID-3 alone.

use fhir::{Node, Object, Resource};
use gateway::{BackOptions, Stamp};
use hl7v2::{DraftSegment, Issue, Kind, Message, Options, Place};

use super::Desk;

/// A PID that is ready to be printed.
pub enum Written {
    /// The message that the rules made of a Patient.
    Whole(String),
    /// Identifiers: number, authority (namespace, universal id, its type), type.
    Identifiers(Vec<Identifier>),
}

pub struct Identifier {
    pub value: String,
    pub authority: [String; 3],
    pub kind: String,
}

/// The Patient as the source that asks would read it. A warning where it cannot be said in PID.
pub fn whole(desk: &Desk<'_>, patient: &Resource<'_>) -> Result<Written, Issue> {
    let stamp = Stamp { time: "19700101", ..Stamp::default() };
    let options = BackOptions { message: Some("ADT^A31"), source: &desk.source.gateway, stamp };
    let sent = desk.gateway.back(patient, &options).ok().filter(|sent| sent.text.contains("\rPID|"));
    let text = "somebody who matches is left out: what is known of the person cannot be said in PID";
    sent.map(|sent| Written::Whole(sent.text)).ok_or_else(|| Issue::warning(Kind::Application, Place::MESSAGE, text))
}

/// What PID-3 says of an identifier; none without a system or a value.
pub fn identifier(desk: &Desk<'_>, of: &Object<'_>) -> Option<Identifier> {
    let coding = of.get("type").and_then(Node::as_object).map(|kind| kind.items("coding"));
    let mut codings = coding.unwrap_or_default().iter().filter_map(Node::as_object);
    let table = codings.find(|coding| coding.str("system").is_some_and(|system| system.ends_with("/v2-0203")));
    Some(Identifier {
        value: of.str("value")?.to_owned(),
        authority: desk.source.gateway.named_authority(of.str("system")?),
        kind: table.and_then(|coding| coding.str("code")).unwrap_or_default().to_owned(),
    })
}

impl Written {
    /// Sets everything but PID-1.
    pub fn print(&self, pid: &mut DraftSegment) {
        match self {
            Written::Whole(text) => {
                let options = Options::default();
                let Ok(parsed) = Message::parse(text.as_bytes(), &options) else { return };
                if let Some(read) = super::segment(&parsed.message, "PID") {
                    pid.copy(&read, 2);
                }
            }
            Written::Identifiers(identifiers) => {
                for (repetition, of) in (0..).zip(identifiers) {
                    pid.set(3, repetition, 1, 1, &of.value).set(3, repetition, 5, 1, &of.kind);
                    for (part, text) in (1..).zip(&of.authority) {
                        pid.set(3, repetition, 4, part, text);
                    }
                }
                // PID-5 is required, and no name is told (ITI-9, 3.9.4.2.2.6).
                pid.set(5, 1, 7, 1, "S");
            }
        }
    }
}
