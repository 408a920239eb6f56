//! Answers that carry a resource or a Bundle.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HttpDate, LAST_MODIFIED, LOCATION};

use super::form::Form;
use super::precondition::moment;
use crate::interaction::Answer;

/// The media type of everything that is FHIR.
pub const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";

/// A body of FHIR JSON.
pub fn json(status: StatusCode, body: Vec<u8>, form: Form) -> HttpResponse {
    HttpResponse::build(status).content_type(FHIR_JSON).body(layout(body, form))
}

/// What an interaction answers, in the form that was asked for.
pub fn answer(answer: Answer, form: Form) -> HttpResponse {
    let mut response = HttpResponse::build(answer.status);
    if let Some(version) = &answer.version {
        response.insert_header((ETAG, version.tag()));
        response.insert_header((LAST_MODIFIED, HttpDate::from(moment(version.time)).to_string()));
    }
    if let Some(at) = answer.location {
        response.insert_header((LOCATION, at));
    }
    match answer.body {
        Some(body) => response.content_type(FHIR_JSON).body(layout(body, form)),
        None => response.finish(),
    }
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
