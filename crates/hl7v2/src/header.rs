//! MSH by name (HL7 v2.9 §2.13.9), read as tolerantly as real senders write it.

use std::borrow::Cow;

use crate::structure::{structure, usual_trigger};
use crate::{Issue, Kind, Message, Place, Value};

/// Who sends what to whom, and which answers it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<'m> {
    pub sending_application: Hd<'m>,
    pub sending_facility: Hd<'m>,
    pub receiving_application: Hd<'m>,
    pub receiving_facility: Hd<'m>,
    /// MSH-7 as sent; [`crate::Timestamp::read`] reads it.
    pub time: Cow<'m, str>,
    /// MSH-9.1 in upper case, such as `ADT`.
    pub kind: Cow<'m, str>,
    /// MSH-9.2 in upper case, such as `A01`; where it is missing, EVN-1 or the only usual event of the type.
    pub trigger: Cow<'m, str>,
    /// What the event says (table 0354), else MSH-9.3, else empty.
    pub structure: Cow<'m, str>,
    /// MSH-9.3 as sent.
    pub declared_structure: Cow<'m, str>,
    pub control_id: Cow<'m, str>,
    pub processing_id: ProcessingId,
    /// MSH-12.1, as sent.
    pub declared_version: Cow<'m, str>,
    /// None where MSH-12 is missing or no version.
    pub version: Option<Version>,
    /// MSH-15; None where it is empty.
    pub accept_ack: Option<AckCondition>,
    /// MSH-16; None where it is empty.
    pub application_ack: Option<AckCondition>,
    /// MSH-18, first repetition, as sent.
    pub charset: Cow<'m, str>,
}

/// A hierarchic designator: an application or facility.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hd<'m> {
    pub namespace: Cow<'m, str>,
    pub universal_id: Cow<'m, str>,
    /// Table 0301, such as `ISO`.
    pub universal_id_type: Cow<'m, str>,
}

/// MSH-11.1, table 0103.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessingId {
    Production,
    Training,
    Debugging,
    Missing,
    Unknown,
}

/// A release of the standard; compares as releases follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u8,
    pub minor: u8,
    pub patch: u8,
}

/// When an answer is wanted, table 0155.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckCondition {
    Always,
    Never,
    OnError,
    OnSuccess,
    /// No code of the table; answered as if it said always.
    Unknown,
}

impl<'m> Header<'m> {
    /// Reads MSH, and EVN-1 where MSH-9 has no event.
    pub fn read(message: &'m Message<'m>) -> Header<'m> {
        let first = |field| message.field(0, field).component(1).text();
        let (kind, trigger) = event(message);
        let declared_structure = message.field(0, 9).component(3).text();
        let structure = structure(&kind, &trigger).map_or_else(|| declared_structure.clone(), Cow::Borrowed);
        let declared_version = first(12);
        Header {
            sending_application: Hd::read(message, 3),
            sending_facility: Hd::read(message, 4),
            receiving_application: Hd::read(message, 5),
            receiving_facility: Hd::read(message, 6),
            time: first(7),
            kind,
            trigger,
            structure,
            declared_structure,
            control_id: trimmed(message.field(0, 10).text()),
            processing_id: ProcessingId::read(&first(11)),
            version: Version::read(&declared_version),
            declared_version,
            accept_ack: AckCondition::read(&first(15)),
            application_ack: AckCondition::read(&first(16)),
            charset: first(18),
        }
    }

    /// Whether MSH-15 or MSH-16 asks for enhanced acknowledgement.
    pub fn is_enhanced(&self) -> bool {
        self.accept_ack.is_some() || self.application_ack.is_some()
    }

    /// What MSH lacks or has wrong. An error is what no receiver should let pass: no message type, no control id.
    pub fn issues(&self) -> Vec<Issue> {
        let mut issues = Vec::new();
        let mut check = |holds: bool, kind: Kind, severe: bool, field: u16, component: u16, text: &'static str| {
            if !holds {
                let place = Place { component, ..Place::msh(field) };
                issues.push(if severe { Issue::error(kind, place, text) } else { Issue::warning(kind, place, text) });
            }
        };
        let (required, table) = (Kind::RequiredField, Kind::TableValue);
        check(!self.time.is_empty(), required, false, 7, 0, "no time of message");
        check(!self.kind.is_empty(), required, true, 9, 1, "no message type: send it, such as ADT^A01");
        check(
            !self.trigger.is_empty() || self.kind == "ACK",
            required,
            true,
            9,
            2,
            "no trigger event: send it, such as A01",
        );
        let unlike = !self.declared_structure.is_empty() && self.declared_structure != self.structure;
        check(
            !unlike,
            Kind::MessageType,
            false,
            9,
            3,
            "structure does not belong to the event; the event was believed",
        );
        check(!self.control_id.is_empty(), required, true, 10, 0, "no message control id: send one that is unique");
        check(self.processing_id != ProcessingId::Missing, required, false, 11, 1, "no processing id");
        check(
            self.processing_id != ProcessingId::Unknown,
            Kind::ProcessingId,
            true,
            11,
            1,
            "processing id is not P, T or D",
        );
        check(!self.declared_version.is_empty(), required, false, 12, 1, "no version id");
        let readable = self.version.is_some() || self.declared_version.is_empty();
        check(readable, Kind::VersionId, true, 12, 1, "no version of HL7 v2: send one, such as 2.5.1");
        check(self.accept_ack != Some(AckCondition::Unknown), table, false, 15, 0, "not AL, NE, ER or SU: taken as AL");
        check(
            self.application_ack != Some(AckCondition::Unknown),
            table,
            false,
            16,
            0,
            "not AL, NE, ER or SU: taken as AL",
        );
        issues
    }
}

fn event<'m>(message: &'m Message<'m>) -> (Cow<'m, str>, Cow<'m, str>) {
    let part = |number| message.field(0, 9).component(number);
    let (kind, trigger) = (upper(part(1)), upper(part(2)));
    if !trigger.is_empty() {
        return (kind, trigger);
    }
    if let Some((kind, trigger)) = kind.split_once('_') {
        return (kind.to_string().into(), trigger.to_string().into());
    }
    let evn = message.segments().take(EVN_WITHIN).find(|segment| segment.id() == "EVN");
    let recorded = evn.map(|evn| upper(evn.field(1).component(1))).filter(|trigger| !trigger.is_empty());
    let trigger = recorded.or_else(|| usual_trigger(&kind).map(Cow::Borrowed));
    (kind, trigger.unwrap_or_default())
}

/// EVN follows MSH, perhaps after SFT and UAC segments.
const EVN_WITHIN: usize = 10;

fn upper<'m>(value: impl std::ops::Deref<Target = Value<'m>>) -> Cow<'m, str> {
    let text = trimmed(value.text());
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) { text.to_ascii_uppercase().into() } else { text }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => text.trim().into(),
        Cow::Owned(text) => text.trim().to_string().into(),
    }
}

impl<'m> Hd<'m> {
    fn read(message: &'m Message<'m>, field: u16) -> Hd<'m> {
        let part = |number| trimmed(message.field(0, field).component(number).text());
        Hd { namespace: part(1), universal_id: part(2), universal_id_type: part(3) }
    }

    pub fn is_empty(&self) -> bool {
        self.namespace.is_empty() && self.universal_id.is_empty()
    }
}

impl ProcessingId {
    fn read(text: &str) -> ProcessingId {
        match text.trim() {
            "P" | "p" => ProcessingId::Production,
            "T" | "t" => ProcessingId::Training,
            "D" | "d" => ProcessingId::Debugging,
            "" => ProcessingId::Missing,
            _ => ProcessingId::Unknown,
        }
    }

    /// The code of table 0103; production where none was sent.
    pub fn code(self) -> &'static str {
        match self {
            ProcessingId::Training => "T",
            ProcessingId::Debugging => "D",
            ProcessingId::Production | ProcessingId::Missing | ProcessingId::Unknown => "P",
        }
    }
}

impl Version {
    pub const V2_5: Version = Version { major: 2, minor: 5, patch: 0 };

    /// Reads `2.5.1`, `V2.3` or `v2.5`.
    pub fn read(text: &str) -> Option<Version> {
        let mut numbers = text.trim().trim_start_matches(['v', 'V']).trim_start().split('.').map(str::parse::<u8>);
        let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let patch = numbers.next().unwrap_or(Ok(0)).ok()?;
        (major == 2 && numbers.next().is_none()).then_some(Version { major, minor, patch })
    }
}

impl AckCondition {
    fn read(text: &str) -> Option<AckCondition> {
        match text.trim().to_ascii_uppercase().as_str() {
            "" => None,
            "AL" => Some(AckCondition::Always),
            "NE" => Some(AckCondition::Never),
            "ER" => Some(AckCondition::OnError),
            "SU" => Some(AckCondition::OnSuccess),
            _ => Some(AckCondition::Unknown),
        }
    }

    /// Whether an answer is wanted to a success or a failure.
    pub fn wants(self, success: bool) -> bool {
        match self {
            AckCondition::Always | AckCondition::Unknown => true,
            AckCondition::Never => false,
            AckCondition::OnError => !success,
            AckCondition::OnSuccess => success,
        }
    }
}
