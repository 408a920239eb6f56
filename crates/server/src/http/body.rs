//! Bodies of requests: bounded in size and time; and the work that goes on when the client has gone.

use std::future::Future;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, Payload};

use super::coding::{self, Coding, RATIO_MAX, Refused};
use super::failure::{Failure, Kind};
use super::format::{self, Format};
use crate::config;

/// The body of a request that writes a resource, as JSON.
pub async fn fhir_body(request: &HttpRequest, payload: Payload, settings: &config::Http) -> Result<Bytes, Failure> {
    // Without a type it is taken for JSON, and read as strictly.
    let format = content_type(request).map_or(Some(Format::Json), |media| Format::of(&media)).ok_or_else(|| {
        let text = format!("not a format that is read; these are: {}", format::SERVED);
        Failure::at(Kind::UnsupportedMedia, "http.Content-Type", text)
    })?;
    let body = read_body(request, payload, settings).await?;
    match format {
        Format::Json => Ok(body),
        Format::Xml => {
            let resource = fhir::xml::read(&body).map_err(|issues| Failure::of(Kind::Invalid, issues))?;
            let mut json = Vec::with_capacity(body.len());
            fhir::json::write(&resource, &mut json);
            Ok(json.into())
        }
    }
}

/// The body, if it is within the limit before and after unpacking, and whole in time.
pub async fn read_body(request: &HttpRequest, payload: Payload, settings: &config::Http) -> Result<Bytes, Failure> {
    let coding = coding(request)?;
    let limit = settings.body_bytes_max;
    let too_large = || {
        let text = format!("the body has more than {limit} bytes (http.body_bytes_max); send less at once");
        Failure::new(Kind::TooLarge, text)
    };
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let time = Duration::from_secs(settings.request_seconds);
    let body = match tokio::time::timeout(time, payload.to_bytes_limited(limit)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(Failure::new(Kind::Invalid, "the body broke off; send it again")),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Failure::new(Kind::Timeout, format!("the body was not whole after {} seconds", time.as_secs()))),
    }?;
    let Some(coding) = coding else { return Ok(body) };
    let unpacked = if body.len() < BLOCKING_BYTES {
        coding.unpack(&body, limit)
    } else {
        let unpacked = actix_web::web::block(move || coding.unpack(&body, limit)).await;
        unpacked
            .map_err(|_| Failure::new(Kind::Busy, "more is being unpacked than there are threads; try again soon"))?
    };
    unpacked.map(Bytes::from).map_err(|refused| match refused {
        Refused::TooLarge => too_large(),
        Refused::TooDense => {
            let text = format!("the body unpacks to more than {RATIO_MAX} times its size; send it less densely packed");
            Failure::new(Kind::TooLarge, text)
        }
        Refused::Damaged => {
            let text = format!("the body is no {}, as Content-Encoding says, or broke off", coding.name());
            Failure::at(Kind::Invalid, "http.Content-Encoding", text)
        }
    })
}

/// Larger bodies would hold up those who wait for this thread.
const BLOCKING_BYTES: usize = 64 * 1024;

/// How the body is packed; one coding, once.
fn coding(request: &HttpRequest) -> Result<Option<Coding>, Failure> {
    let mut names = request.headers().get_all(CONTENT_ENCODING);
    let Some(name) = names.next() else { return Ok(None) };
    match name.to_str().ok().filter(|_| names.next().is_none()) {
        Some(name) if name.trim().eq_ignore_ascii_case("identity") => Ok(None),
        name => name.and_then(Coding::of).map(Some).ok_or_else(|| {
            let text =
                format!("not a coding that is read; send the body as it is, or packed once by {}", coding::SERVED);
            Failure::at(Kind::UnsupportedMedia, "http.Content-Encoding", text)
        }),
    }
}

/// The media type of the body, without its parameters, in lower case.
pub fn content_type(request: &HttpRequest) -> Option<String> {
    let media = request.headers().get(CONTENT_TYPE)?.to_str().unwrap_or("unreadable");
    Some(media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Does something to its end, even when the client goes away and the handler with it.
pub async fn detached<T: 'static>(work: impl Future<Output = Result<T, Failure>> + 'static) -> Result<T, Failure> {
    let ended = actix_web::rt::spawn(work).await;
    ended.unwrap_or_else(|_| Err(Failure::new(Kind::Broken, "the request could not be worked on; the log says why")))
}
