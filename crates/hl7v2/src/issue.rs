//! What is wrong with a message and where: the material of an ERR segment (HL7 v2.5.1 §2.15.5).
//!
//! An [`Issue`] is an oddity that was read over; a [`Fault`] is an issue that left nothing to read. Texts name the
//! place and what to do, never a value, so that both can be logged and sent to the other party.

use std::borrow::Cow;
use std::fmt;

/// One finding, with its place as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    pub kind: Kind,
    pub severity: Severity,
    pub place: Place,
    /// For people: lower case, no full stop, never a value of the message.
    pub text: Cow<'static, str>,
}

/// The issue that made a message, frame or answer unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub Issue);

/// Table 0516, the severities of ERR-4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Information,
    Warning,
    Error,
}

/// Where in a message. A number that is not known is 0; all numbers count from 1, as ERR-2 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    pub segment: Option<SegmentId>,
    /// Which of the segments with this id.
    pub occurrence: u32,
    pub field: u16,
    pub repetition: u16,
    pub component: u16,
    pub subcomponent: u16,
}

/// Three ASCII letters or digits, upper case, such as `PID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId([u8; 3]);

/// What sort of finding it is; [`Kind::code`] gives its code of table 0357.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No bytes, or nothing but blanks.
    Empty,
    /// No MSH, or something before it.
    MissingMsh,
    /// The message stops inside MSH-1 or MSH-2.
    Truncated,
    BadSeparators,
    /// A limit of [`crate::Limits`] or [`crate::mllp::Options`] was passed.
    OverLimit,
    /// Blanks, VT, blank lines or `.` lines around segments.
    Noise,
    /// Segments end otherwise than with CR.
    Terminator,
    /// A line that starts no segment; it was read as part of the field before it.
    StrayLine,
    /// A segment id in lower case, or alone on its line.
    SegmentId,
    /// A control byte inside a value.
    ControlByte,
    /// Character set unknown, undeclared or contradicted by the bytes.
    Charset,
    /// The MLLP envelope is not as the protocol says.
    Framing,
    /// A batch or file envelope contradicts its content.
    Envelope,
    SegmentSequence,
    RequiredField,
    DataType,
    TableValue,
    TooLong,
    MessageType,
    EventCode,
    ProcessingId,
    VersionId,
    UnknownKey,
    DuplicateKey,
    RecordLocked,
    Application,
}

/// A code of table 0357, message error condition codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    pub number: u16,
    pub text: &'static str,
}

impl Issue {
    pub fn new(kind: Kind, severity: Severity, place: Place, text: impl Into<Cow<'static, str>>) -> Self {
        Issue { kind, severity, place, text: text.into() }
    }

    pub fn information(kind: Kind, place: Place, text: impl Into<Cow<'static, str>>) -> Self {
        Issue::new(kind, Severity::Information, place, text)
    }

    pub fn warning(kind: Kind, place: Place, text: impl Into<Cow<'static, str>>) -> Self {
        Issue::new(kind, Severity::Warning, place, text)
    }

    pub fn error(kind: Kind, place: Place, text: impl Into<Cow<'static, str>>) -> Self {
        Issue::new(kind, Severity::Error, place, text)
    }

    /// The code of table 0357 for ERR-3.
    pub fn code(&self) -> ErrorCode {
        self.kind.code()
    }
}

impl Fault {
    pub(crate) fn new(kind: Kind, place: Place, text: impl Into<Cow<'static, str>>) -> Self {
        Fault(Issue::error(kind, place, text))
    }
}

impl Kind {
    pub fn code(self) -> ErrorCode {
        let (number, text) = match self {
            Kind::MissingMsh | Kind::SegmentSequence | Kind::StrayLine => (100, "Segment sequence error"),
            Kind::Truncated | Kind::RequiredField | Kind::Empty => (101, "Required field missing"),
            Kind::DataType | Kind::ControlByte | Kind::Charset | Kind::BadSeparators => (102, "Data type error"),
            Kind::TableValue => (103, "Table value not found"),
            Kind::TooLong => (104, "Value too long"),
            Kind::MessageType => (200, "Unsupported message type"),
            Kind::EventCode => (201, "Unsupported event code"),
            Kind::ProcessingId => (202, "Unsupported processing id"),
            Kind::VersionId => (203, "Unsupported version id"),
            Kind::UnknownKey => (204, "Unknown key identifier"),
            Kind::DuplicateKey => (205, "Duplicate key identifier"),
            Kind::RecordLocked => (206, "Application record locked"),
            Kind::OverLimit
            | Kind::Noise
            | Kind::Terminator
            | Kind::SegmentId
            | Kind::Framing
            | Kind::Envelope
            | Kind::Application => (207, "Application error"),
        };
        ErrorCode { number, text }
    }
}

impl Severity {
    /// The code of table 0516.
    pub fn code(self) -> &'static str {
        match self {
            Severity::Information => "I",
            Severity::Warning => "W",
            Severity::Error => "E",
        }
    }
}

impl Place {
    /// Nowhere in particular: the whole message.
    pub const MESSAGE: Place =
        Place { segment: None, occurrence: 0, field: 0, repetition: 0, component: 0, subcomponent: 0 };

    /// The first segment of that id.
    pub const fn segment(id: SegmentId) -> Place {
        Place { segment: Some(id), occurrence: 1, ..Place::MESSAGE }
    }

    /// A field of the first segment of that id, such as MSH-10.
    pub const fn field(id: SegmentId, field: u16) -> Place {
        Place { field, ..Place::segment(id) }
    }

    /// A field of MSH.
    pub const fn msh(field: u16) -> Place {
        Place::field(SegmentId::MSH, field)
    }
}

impl SegmentId {
    pub const MSH: SegmentId = SegmentId(*b"MSH");
    pub const PID: SegmentId = SegmentId(*b"PID");

    /// Reads three ASCII letters or digits of which the first is a letter; lower case becomes upper case.
    pub fn new(id: &str) -> Option<SegmentId> {
        SegmentId::of(id.as_bytes()).filter(|_| id.len() == 3)
    }

    /// The id at the head of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Option<SegmentId> {
        let id: [u8; 3] = bytes.get(..3)?.try_into().ok()?;
        let valid = id[0].is_ascii_alphabetic() && id[1].is_ascii_alphanumeric() && id[2].is_ascii_alphanumeric();
        valid.then(|| SegmentId(id.map(|byte| byte.to_ascii_uppercase())))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("letters and digits only, checked in `of`")
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `OBX[3]-5[2].1.1`; a first occurrence and a first repetition are left out.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(segment) = self.segment else { return f.write_str("message") };
        write!(f, "{segment}")?;
        if self.occurrence > 1 {
            write!(f, "[{}]", self.occurrence)?;
        }
        if self.field > 0 {
            write!(f, "-{}", self.field)?;
        }
        if self.repetition > 1 {
            write!(f, "[{}]", self.repetition)?;
        }
        for number in [self.component, self.subcomponent] {
            if number > 0 {
                write!(f, ".{number}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Fault {}
