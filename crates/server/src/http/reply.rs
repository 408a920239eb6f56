//! Answers that carry a resource or a Bundle. They are JSON here; `edge` brings them into the form that is asked for.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HttpDate, LAST_MODIFIED, LOCATION, WARNING};

use super::format::Format;
use super::precondition::moment;
use crate::interaction::{Answer, INCOMPLETE};

/// A body of FHIR JSON.
pub fn json(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    HttpResponse::build(status).content_type(Format::Json.content_type()).body(body)
}

/// What an interaction answers.
pub fn answer(answer: Answer) -> HttpResponse {
    let mut response = HttpResponse::build(answer.status);
    if let Some(version) = &answer.version {
        response.insert_header((ETAG, version.tag()));
        response.insert_header((LAST_MODIFIED, HttpDate::from(moment(version.time)).to_string()));
    }
    if answer.incomplete {
        // RFC 7234 §5.5: what a search says in its Bundle a read can say only here.
        response.insert_header((WARNING, format!("199 hilum \"{INCOMPLETE}\"")));
    }
    if let Some(at) = answer.location {
        response.insert_header((LOCATION, at));
    }
    match answer.body {
        Some(body) => response.content_type(Format::Json.content_type()).body(body),
        None => response.finish(),
    }
}
