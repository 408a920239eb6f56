//! Bodies of requests: bounded in size and time; and the work that goes on when the client has gone.

use std::future::Future;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::web::{Bytes, Payload};

use fhir::Resource;

use super::failure::{Failure, Kind};
use super::form::is_json;
use crate::config;

/// The body of a request that carries a resource, read strictly.
pub async fn fhir_body(
    request: &HttpRequest,
    payload: Payload,
    settings: &config::Http,
) -> Result<Resource<'static>, Failure> {
    // Without a type it is taken for JSON, and read as strictly.
    if !content_type(request).is_none_or(|media| is_json(&media)) {
        let text = "only JSON is read yet: send application/fhir+json";
        return Err(Failure::new(Kind::UnsupportedMedia, text));
    }
    let body = read_body(request, payload, settings).await?;
    if body.len() < BLOCKING_BYTES {
        return read_resource(&body);
    }
    let read = actix_web::web::block(move || read_resource(&body)).await;
    read.unwrap_or_else(|_| Err(Failure::new(Kind::Busy, "more is being read than there are threads; try again soon")))
}

/// From this size on a body is read on a thread of its own, so that small requests are not held up.
const BLOCKING_BYTES: usize = 128 * 1024;

fn read_resource(body: &[u8]) -> Result<Resource<'static>, Failure> {
    let read = fhir::json::read(body).map(Resource::into_owned);
    read.map_err(|issues| Failure::of(Kind::Invalid, issues))
}

/// The body, if it is within the limit, not compressed, and whole in time.
pub async fn read_body(request: &HttpRequest, payload: Payload, settings: &config::Http) -> Result<Bytes, Failure> {
    if request.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Failure::new(Kind::UnsupportedMedia, "a compressed body is not read; send it as it is"));
    }
    let limit = settings.body_bytes_max;
    let too_large = || {
        let text = format!("the body has more than {limit} bytes; send less, or raise http.body_bytes_max");
        Failure::new(Kind::TooLarge, text)
    };
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let time = Duration::from_secs(settings.request_seconds);
    match tokio::time::timeout(time, payload.to_bytes_limited(limit)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(Failure::new(Kind::Invalid, "the body broke off; send it again")),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Failure::new(Kind::Timeout, format!("the body was not whole after {} seconds", time.as_secs()))),
    }
}

/// The media type of the body, without its parameters, in lower case.
pub fn content_type(request: &HttpRequest) -> Option<String> {
    let media = request.headers().get(CONTENT_TYPE)?.to_str().unwrap_or("unreadable");
    Some(media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// A header that must be text where it is there.
pub fn header_text(request: &HttpRequest, name: HeaderName) -> Result<Option<String>, Failure> {
    let Some(value) = request.headers().get(&name) else { return Ok(None) };
    let text = value.to_str().map(str::to_owned);
    text.map(Some).map_err(|_| Failure::new(Kind::Invalid, format!("the header {name} is not text in ASCII")))
}

/// Does something to its end, even when the client goes away and the handler with it.
pub async fn detached<T: 'static>(work: impl Future<Output = Result<T, Failure>> + 'static) -> Result<T, Failure> {
    let ended = actix_web::rt::spawn(work).await;
    ended.unwrap_or_else(|_| Err(Failure::new(Kind::Broken, "the request could not be worked on; the log says why")))
}
