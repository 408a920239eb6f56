//! What is wrong, where, and what to do: the issues that an OperationOutcome is made of (R4 §2.23).

/// One finding about something that was read or asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    pub severity: Severity,
    pub code: IssueType,
    /// The element as a FHIRPath such as `Patient.name[0].given[1]`, or the v2 place such as `PID-7`; may be empty.
    pub path: String,
    /// For people: lower case, no full stop, names the thing, never a value of a patient's.
    pub text: String,
    /// Where it is in what was read, where that is known.
    pub place: Option<Place>,
}

/// A place in a text: line and column (in characters), both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

/// How much it weighs, the heaviest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Fatal,
    Error,
    Warning,
    Information,
}

/// The codes of <http://hl7.org/fhir/issue-type> that Hilum uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueType {
    Invalid,
    Structure,
    Required,
    Value,
    Invariant,
    NotSupported,
    Duplicate,
    NotFound,
    Deleted,
    TooLong,
    CodeInvalid,
    BusinessRule,
    Conflict,
    Login,
    Forbidden,
    Suppressed,
    Processing,
    Transient,
    Throttled,
    Timeout,
    TooCostly,
    Exception,
    Informational,
}

impl Issue {
    pub fn new(severity: Severity, code: IssueType, path: impl Into<String>, text: impl Into<String>) -> Self {
        Issue { severity, code, path: path.into(), text: text.into(), place: None }
    }

    pub fn error(code: IssueType, path: impl Into<String>, text: impl Into<String>) -> Self {
        Issue::new(Severity::Error, code, path, text)
    }

    pub fn warning(code: IssueType, path: impl Into<String>, text: impl Into<String>) -> Self {
        Issue::new(Severity::Warning, code, path, text)
    }

    pub fn information(code: IssueType, path: impl Into<String>, text: impl Into<String>) -> Self {
        Issue::new(Severity::Information, code, path, text)
    }
}

impl Place {
    /// The place of a byte of a text.
    pub fn of(text: &str, at: usize) -> Place {
        let before = &text.as_bytes()[..at.min(text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        let begins_character = |byte: &&u8| **byte & 0xC0 != 0x80;
        let column =
            before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().iter().filter(begins_character).count();
        let from_one = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        Place { line: from_one(line), column: from_one(column) }
    }
}

impl Severity {
    pub fn code(self) -> &'static str {
        match self {
            Severity::Fatal => "fatal",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        }
    }
}

impl IssueType {
    pub fn code(self) -> &'static str {
        match self {
            IssueType::Invalid => "invalid",
            IssueType::Structure => "structure",
            IssueType::Required => "required",
            IssueType::Value => "value",
            IssueType::Invariant => "invariant",
            IssueType::NotSupported => "not-supported",
            IssueType::Duplicate => "duplicate",
            IssueType::NotFound => "not-found",
            IssueType::Deleted => "deleted",
            IssueType::TooLong => "too-long",
            IssueType::CodeInvalid => "code-invalid",
            IssueType::BusinessRule => "business-rule",
            IssueType::Conflict => "conflict",
            IssueType::Login => "login",
            IssueType::Forbidden => "forbidden",
            IssueType::Suppressed => "suppressed",
            IssueType::Processing => "processing",
            IssueType::Transient => "transient",
            IssueType::Throttled => "throttled",
            IssueType::Timeout => "timeout",
            IssueType::TooCostly => "too-costly",
            IssueType::Exception => "exception",
            IssueType::Informational => "informational",
        }
    }
}
