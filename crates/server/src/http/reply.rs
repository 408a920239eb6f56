//! Answers that carry a resource or a Bundle.

use std::time::SystemTime;

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HttpDate, LAST_MODIFIED, LOCATION};
use actix_web::{HttpResponse, HttpResponseBuilder};
use fhir::{Issue, IssueType};
use record::Version;

use super::form::{Form, Return};
use super::precondition::moment;

/// The media type of everything that is FHIR.
pub const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";

/// A body of FHIR JSON.
pub fn json(status: StatusCode, body: Vec<u8>, form: Form) -> HttpResponse {
    HttpResponse::build(status).content_type(FHIR_JSON).body(layout(body, form))
}

/// A version that is no delete, with its tag and time.
pub fn resource(version: Version, form: Form) -> HttpResponse {
    let mut response = of_version(StatusCode::OK, &version);
    response.content_type(FHIR_JSON).body(layout(version.body.unwrap_or_default(), form))
}

/// What a write answers with: R4 §3.1.0.1.9. `at` is where the version is, given for what was created.
pub fn written(status: StatusCode, version: Version, at: Option<String>, form: Form) -> HttpResponse {
    let mut response = of_version(status, &version);
    if let Some(at) = at {
        response.insert_header((LOCATION, at));
    }
    match (form.wanted, version.body) {
        (Return::Representation, Some(body)) => response.content_type(FHIR_JSON).body(layout(body, form)),
        (Return::OperationOutcome, _) => {
            let text = format!("{} is now version {}", version.key, version.vid);
            let issue = Issue::information(IssueType::Informational, "", text);
            let mut body = Vec::new();
            fhir::json::write(&fhir::outcome(&[issue]), &mut body);
            response.content_type(FHIR_JSON).body(layout(body, form))
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

/// Lines and blanks where a person reads.
fn layout(body: Vec<u8>, form: Form) -> Vec<u8> {
    if !form.pretty {
        return body;
    }
    let Ok(resource) = fhir::json::read(&body) else { return body };
    let mut pretty = Vec::with_capacity(body.len() * 2);
    fhir::json::write_pretty(&resource, &mut pretty);
    pretty.push(b'\n');
    pretty
}
