//! Around every request to FHIR: what it asks of the form is read once, and the answer is brought into it.
//!
//! Everything behind speaks JSON. XML and indentation are made here, of the bytes that are on their way out; a plain
//! JSON answer passes untouched. Failures are brought into the form like all else.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RANGE};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes, Data};
use actix_web::{Error, HttpMessage, ResponseError};
use fhir::search::Handling;
use fhir::{Issue, IssueType};

use super::failure::{Failure, Kind};
use super::form::Form;
use super::format::Format;
use super::link::{is_sound, pairs};
use super::routes::{FHIR, PLACES};
use crate::app::App;

/// Larger bodies would hold up those who wait for this thread.
const BLOCKING_BYTES: usize = 64 * 1024;

pub async fn edge<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let form = match admit(&request) {
        Ok(form) => form,
        Err(failure) => return Ok(request.into_response(failure.error_response())),
    };
    request.extensions_mut().insert(form);
    let response = next.call(request).await?.map_into_boxed_body();
    // A search by form may have said in its body how it wants the answer.
    let form = response.request().extensions().get::<Form>().copied().unwrap_or(form);
    if form.is_as_stored() || !is_fhir_json(&response) {
        return Ok(response);
    }
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(body) => body,
        Err(body) => return Ok(ServiceResponse::new(request, response.set_body(body))),
    };
    match bring(body, form).await {
        Ok(body) => {
            let media = HeaderValue::from_static(form.format.content_type());
            response.headers_mut().insert(CONTENT_TYPE, media);
            Ok(ServiceResponse::new(request, response.set_body(BoxBody::new(body))))
        }
        Err(failure) => Ok(ServiceResponse::new(request, failure.error_response())),
    }
}

/// The form that is asked for, of an address that is short enough.
fn admit(request: &ServiceRequest) -> Result<Form, Failure> {
    let settings = &request.app_data::<Data<App>>().expect("the routes are made with it").config.http;
    let bytes = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    if bytes > settings.url_bytes_max {
        let text = format!(
            "the address has more than {} bytes (http.url_bytes_max); send a search by POST to _search",
            settings.url_bytes_max
        );
        return Err(Failure::new(Kind::LongAddress, text));
    }
    let query = request.query_string();
    if query.contains('%') && !is_sound(query) {
        let text = "the query has a % that begins no byte, or is not UTF-8; encode it as forms are";
        return Err(Failure::new(Kind::Invalid, text));
    }
    if request.headers().get(RANGE).is_some_and(|range| !is_modest(range)) {
        let text = "parts of a resource are not given; ask for the whole, for _elements or for _summary";
        return Err(Failure::at(Kind::NoRange, "http.Range", text));
    }
    let form = Form::of(request.request())?;
    if !query.is_empty() && form.handling == Handling::Strict {
        knows(request, query)?;
    }
    Ok(form)
}

/// A parameter that means nothing where it stands could be a condition that somebody relies on.
fn knows(request: &ServiceRequest, query: &str) -> Result<(), Failure> {
    let pattern = request.match_pattern().unwrap_or_default();
    let path = pattern.strip_prefix(FHIR).unwrap_or_default().trim_end_matches('/');
    let method = if request.method() == Method::HEAD { "GET" } else { request.method().as_str() };
    let place = PLACES.iter().find(|place| place.path == path);
    let deed = place.and_then(|place| place.deeds.iter().find(|(verb, _)| verb.name() == method));
    let Some(known) = deed.and_then(|(_, deed)| deed.parameters()) else { return Ok(()) };
    if pairs(query).iter().all(|(name, _)| Form::is_shape(name) || known.contains(&name.as_str())) {
        return Ok(());
    }
    let known = [known, &Form::SHAPES].concat().join(", ");
    let text = format!("a parameter that means nothing here; these do: {known}; a create's condition is If-None-Exist");
    let issue = Issue::error(IssueType::NotSupported, "http", text);
    Err(Failure::of(Kind::Invalid, vec![issue]))
}

/// One range of bytes may be passed over, as RFC 9110 §14.2 allows; many, or what is none, is no honest question.
fn is_modest(range: &HeaderValue) -> bool {
    range.to_str().is_ok_and(|range| range.starts_with("bytes=") && !range.contains(','))
}

fn is_fhir_json(response: &ServiceResponse) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|media| media == Format::Json.content_type())
}

async fn bring(body: Bytes, form: Form) -> Result<Vec<u8>, Failure> {
    if body.len() < BLOCKING_BYTES {
        return write(&body, form);
    }
    let written = web::block(move || write(&body, form)).await;
    written.unwrap_or_else(|_| Err(Failure::new(Kind::Busy, "more is being written than there are threads")))
}

/// The JSON of a resource in the form that is asked for.
fn write(body: &[u8], form: Form) -> Result<Vec<u8>, Failure> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let ours = |_| Failure::new(Kind::Broken, "the answer could not be written in this format; ask for JSON");
    let resource = fhir::json::read(body).map_err(ours)?;
    let mut out = Vec::with_capacity(body.len() * 2);
    match (form.format, form.pretty) {
        (Format::Json, false) => fhir::json::write(&resource, &mut out),
        (Format::Json, true) => fhir::json::write_pretty(&resource, &mut out),
        (Format::Xml, false) => fhir::xml::write(&resource, &mut out),
        (Format::Xml, true) => fhir::xml::write_pretty(&resource, &mut out),
    }
    if form.pretty {
        out.push(b'\n');
    }
    Ok(out)
}
