//! What is wrong, where, and what to do: the issues that an OperationOutcome is made of (R4 §2.23).

/// One finding about something that was read or asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Issue {
    pub severity: Severity,
    pub code: IssueType,
    /// The element as a FHIRPath such as `Patient.name[0].given[1]`, or the v2 place such as `PID-7`; may be empty.
    pub path: String,
    /// For people: lower case, no full stop, names the thing, never a value of a patient's.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub fn error(code: IssueType, path: impl Into<String>, text: impl Into<String>) -> Self {
        Issue { severity: Severity::Error, code, path: path.into(), text: text.into() }
    }

    pub fn warning(code: IssueType, path: impl Into<String>, text: impl Into<String>) -> Self {
        Issue { severity: Severity::Warning, code, path: path.into(), text: text.into() }
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
