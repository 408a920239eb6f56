//! Answers that carry a resource or a Bundle.

use std::time::SystemTime;

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HttpDate, LAST_MODIFIED, LOCATION};
use actix_web::{HttpResponse, HttpResponseBuilder};
use fhir::{Issue, IssueType, Severity};
use record::Version;

use super::form::{Form, Return};
use super::format::Format;
use super::precondition::moment;

/// The media type of what handlers give; `edge` brings it into the form that is asked for.
const FHIR_JSON: &str = Format::Json.content_type();

/// A body of FHIR JSON.
pub fn json(status: StatusCode, body: Vec<u8>, _form: Form) -> HttpResponse {
    HttpResponse::build(status).content_type(FHIR_JSON).body(body)
}

/// A version that is no delete, with its tag and time.
pub fn resource(version: Version, _form: Form) -> HttpResponse {
    let mut response = of_version(StatusCode::OK, &version);
    response.content_type(FHIR_JSON).body(version.body.unwrap_or_default())
}

/// What a write answers with: R4 §3.1.0.1.9. `at` is where the version is, given for what was created.
pub fn written(status: StatusCode, version: Version, at: Option<String>, form: Form) -> HttpResponse {
    let mut response = of_version(status, &version);
    if let Some(at) = at {
        response.insert_header((LOCATION, at));
    }
    match (form.wanted, version.body) {
        (Return::Representation, Some(body)) => response.content_type(FHIR_JSON).body(body),
        (Return::OperationOutcome, _) => {
            let issue = Issue {
                severity: Severity::Information,
                code: IssueType::Informational,
                path: String::new(),
                text: format!("{} is now version {}", version.key, version.vid),
            };
            let mut body = Vec::new();
            fhir::json::write(&fhir::outcome(&[issue]), &mut body);
            response.content_type(FHIR_JSON).body(body)
        }
        (Return::Representation | Return::Minimal, _) => response.finish(),
    }
}

/// The head of an answer about a version: ETag and Last-Modified.
pub fn of_version(status: StatusCode, version: &Version) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((ETAG, format!("W/\"{}\"", version.vid)));
    let time: SystemTime = moment(version.time);
    response.insert_header((LAST_MODIFIED, HttpDate::from(time).to_string()));
    response
}
