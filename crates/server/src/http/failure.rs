//! What went wrong, as a requester is told it: an OperationOutcome (R4 §2.23) with a status (R4 §3.1.0).
//!
//! The rooms below say what sort of thing happened; [`Kind::says`] is the one place that knows status codes. Why the store
//! failed is in the log, where it happened, and not in the answer.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use fhir::patch::{PatchError, Reason};
use fhir::{Issue, IssueType};
use record::{CommitError, ReadError};

use super::coding;
use super::format::Format;
use super::sent::Sent;

/// A request that was not answered as it was meant.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    issues: Vec<Issue>,
    /// The methods that there are, on a 405.
    allow: Option<String>,
}

/// What sort of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be understood, or its body is no resource of R4.
    Invalid,
    /// Nobody proved who asks.
    Login,
    /// Whoever asks may not.
    Forbidden,
    NotFound,
    /// It was there, and was deleted.
    Gone,
    MethodNotAllowed,
    NotAcceptable,
    /// The body did not come in time.
    Timeout,
    /// It is understood, and a rule of ours forbids it.
    Unprocessable,
    /// Somebody changed it at the same moment.
    Conflict,
    /// It is not the version that the requester expects.
    Stale,
    TooLarge,
    /// The address is longer than it may be.
    LongAddress,
    /// It would look at more than is allowed at once.
    TooCostly,
    UnsupportedMedia,
    /// Parts are asked for that are not given.
    NoRange,
    /// R4 has it, this server has not yet.
    NotServed,
    /// Try again soon.
    Busy,
    /// There is no room on the disk.
    Full,
    /// Ours; the log says what.
    Broken,
}

impl Kind {
    /// The status, and the issue type where no issue has a better one.
    fn says(self) -> (StatusCode, IssueType) {
        match self {
            Kind::Invalid => (StatusCode::BAD_REQUEST, IssueType::Invalid),
            Kind::Login => (StatusCode::UNAUTHORIZED, IssueType::Login),
            Kind::Forbidden => (StatusCode::FORBIDDEN, IssueType::Forbidden),
            Kind::NotFound => (StatusCode::NOT_FOUND, IssueType::NotFound),
            Kind::Gone => (StatusCode::GONE, IssueType::Deleted),
            Kind::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, IssueType::NotSupported),
            Kind::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, IssueType::NotSupported),
            Kind::Timeout => (StatusCode::REQUEST_TIMEOUT, IssueType::Timeout),
            Kind::Unprocessable => (StatusCode::UNPROCESSABLE_ENTITY, IssueType::BusinessRule),
            Kind::Conflict => (StatusCode::CONFLICT, IssueType::Conflict),
            Kind::Stale => (StatusCode::PRECONDITION_FAILED, IssueType::Conflict),
            Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, IssueType::TooLong),
            Kind::LongAddress => (StatusCode::URI_TOO_LONG, IssueType::TooLong),
            Kind::NoRange => (StatusCode::RANGE_NOT_SATISFIABLE, IssueType::NotSupported),
            Kind::TooCostly => (StatusCode::UNPROCESSABLE_ENTITY, IssueType::TooCostly),
            Kind::UnsupportedMedia => (StatusCode::UNSUPPORTED_MEDIA_TYPE, IssueType::NotSupported),
            Kind::NotServed => (StatusCode::NOT_IMPLEMENTED, IssueType::NotSupported),
            Kind::Busy => (StatusCode::SERVICE_UNAVAILABLE, IssueType::Transient),
            Kind::Full => (StatusCode::INSUFFICIENT_STORAGE, IssueType::Transient),
            Kind::Broken => (StatusCode::INTERNAL_SERVER_ERROR, IssueType::Exception),
        }
    }
}

impl Failure {
    pub fn new(kind: Kind, text: impl Into<String>) -> Failure {
        Failure::at(kind, "", text)
    }

    /// About one place: an element, or a header or parameter as R4 §2.23 names it, such as `http.Accept`.
    pub fn at(kind: Kind, place: &str, text: impl Into<String>) -> Failure {
        Failure::of(kind, vec![Issue::error(kind.says().1, place, text)])
    }

    /// With the issues that a room below found.
    pub fn of(kind: Kind, issues: Vec<Issue>) -> Failure {
        Failure { kind, issues, allow: None }
    }

    /// Of one entry of a Bundle, counted from 0.
    pub fn of_entry(mut self, at: usize) -> Failure {
        for issue in &mut self.issues {
            let place = format!("Bundle.entry[{at}]");
            issue.path = match issue.path.as_str() {
                "" => place,
                path if path.starts_with("http.") => format!("{place}.request.url"),
                path => format!("{place}.resource.{}", path.split_once('.').map_or(path, |(_, rest)| rest)),
            };
        }
        self
    }

    /// With the lines and columns of what was sent.
    pub fn located(mut self, sent: &Sent) -> Failure {
        sent.locate(&mut self.issues);
        self
    }

    pub fn status(&self) -> StatusCode {
        self.kind.says().0
    }

    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    pub fn method_not_allowed(allow: String) -> Failure {
        let failure = Failure::new(Kind::MethodNotAllowed, format!("not a method of this path; these are: {allow}"));
        Failure { allow: Some(allow), ..failure }
    }

    /// Whether the system is at fault, and not whoever asks.
    pub fn is_ours(&self) -> bool {
        self.status_code().is_server_error()
    }

    #[cfg(test)]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        let kind = match error {
            ReadError::Busy => Kind::Busy,
            ReadError::Unanswerable(issue) => return Failure::of(Kind::Invalid, vec![*issue]),
            ReadError::BadPage => Kind::Invalid,
            ReadError::TooCostly(_) | ReadError::OutOfTime => Kind::TooCostly,
            ReadError::Forbidden(_) => Kind::Forbidden,
            ReadError::Expired => Kind::Gone,
            ReadError::Broken => Kind::Broken,
        };
        Failure::new(kind, error.to_string())
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Failure {
        let kind = match error {
            CommitError::Stale(_) | CommitError::Moved | CommitError::Duplicate(_) => Kind::Conflict,
            CommitError::Denied(_) => Kind::Forbidden,
            CommitError::ReadOnly { .. } => {
                let allow = Some("GET, HEAD, OPTIONS".to_owned());
                return Failure { allow, ..Failure::new(Kind::MethodNotAllowed, error.to_string()) };
            }
            CommitError::Refused(_) => Kind::Invalid,
            CommitError::Full => Kind::Full,
            CommitError::Busy => Kind::Busy,
            CommitError::Broken => Kind::Broken,
        };
        Failure::new(kind, error.to_string())
    }
}

impl From<PatchError> for Failure {
    fn from(error: PatchError) -> Failure {
        let kind = match error.reason {
            Reason::Malformed => Kind::Invalid,
            Reason::TooLarge => Kind::TooLarge,
            Reason::Inapplicable | Reason::TestFailed | Reason::Illegal => Kind::Unprocessable,
        };
        Failure::of(kind, error.issues)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.issues.first().map_or("no issue", |issue| issue.text.as_str()))
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.kind.says().0
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self.kind {
            Kind::Login => response.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"hilum\"")),
            Kind::Busy => response.insert_header((RETRY_AFTER, "1")),
            Kind::Full => response.insert_header((RETRY_AFTER, "60")),
            Kind::UnsupportedMedia => response.insert_header((ACCEPT_ENCODING, coding::SERVED)),
            _ => &mut response,
        };
        if let Some(methods) = &self.allow {
            response.insert_header((ALLOW, methods.as_str()));
        }
        let mut body = Vec::new();
        fhir::json::write(&fhir::outcome(&self.issues), &mut body);
        response.content_type(Format::Json.content_type()).body(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Key;

    #[test]
    fn every_error_of_the_store_has_its_status() {
        let key = || Key::new("Patient", "x");
        let cases: [(Failure, u16); 12] = [
            (ReadError::Busy.into(), 503),
            (ReadError::BadPage.into(), 400),
            (ReadError::Expired.into(), 410),
            (ReadError::TooCostly("too much").into(), 422),
            (ReadError::OutOfTime.into(), 422),
            (ReadError::Forbidden("Patient").into(), 403),
            (ReadError::Broken.into(), 500),
            (CommitError::Stale(key()).into(), 409),
            (CommitError::Denied(key()).into(), 403),
            (CommitError::Full.into(), 507),
            (CommitError::Busy.into(), 503),
            (CommitError::Broken.into(), 500),
        ];
        for (failure, status) in cases {
            assert_eq!(failure.status_code().as_u16(), status, "{failure}");
            assert!(
                failure
                    .error_response()
                    .headers()
                    .get("content-type")
                    .is_some_and(|of| of == Format::Json.content_type())
            );
        }
    }
}
