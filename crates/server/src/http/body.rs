//! Bodies of requests: bounded in size and time; and the work that goes on when the client has gone.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::web::{Bytes, BytesMut, Data, Payload};
use actix_web::{HttpMessage, HttpRequest};

use fhir::Resource;
use fhir::json::Limits;
use futures_core::Stream;

use super::access::Ask;
use super::budget::FREE_BYTES;
use super::coding::{self, Coding, RATIO_MAX, Refused, largest};
use super::failure::{Failure, Kind};
use super::format::{self, Format};
use super::link;
use super::sent::Sent;
use crate::app::App;
use crate::config;

/// The body of a request that carries a resource, read strictly.
pub async fn fhir_body(
    request: &HttpRequest,
    payload: Payload,
    settings: &config::Http,
) -> Result<Resource<'static>, Failure> {
    Ok(fhir_sent(request, payload, settings).await?.0)
}

/// The same with what was sent, for who has more to say of it.
pub async fn fhir_sent(
    request: &HttpRequest,
    payload: Payload,
    settings: &config::Http,
) -> Result<(Resource<'static>, Sent), Failure> {
    // Without a type it is taken for JSON, and read as strictly.
    let media = request.headers().get(CONTENT_TYPE).map(|media| media.to_str().unwrap_or("unreadable"));
    let format = media.map_or(Some(Format::Json), Format::of).ok_or_else(|| {
        let text = format!("not a format that is read; these are: {}", format::SERVED);
        Failure::at(Kind::UnsupportedMedia, "http.Content-Type", text)
    })?;
    let sent = Sent { bytes: read_body(request, payload, settings).await?, format };
    // What is stored is read again elsewhere, where it has to be within the usual depth.
    let usual = Limits::default();
    let limits = Limits { depth_max: settings.depth_max.min(usual.depth_max), ..usual };
    if sent.bytes.len() < BLOCKING_BYTES {
        return Ok((read_resource(&sent, limits)?, sent));
    }
    if format == Format::Json && is_heap(&sent.bytes) {
        return Err(Failure::new(Kind::TooLarge, "the body has more parts than any resource or Bundle of its size"));
    }
    let read = actix_web::web::block(move || Ok((read_resource(&sent, limits)?, sent))).await;
    read.unwrap_or_else(|_| Err(Failure::new(Kind::Busy, "more is being read than there are threads; try again soon")))
}

const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters of a search that is posted: those of the address, then those of the body. What they say of the form
/// counts as if it stood in the address.
pub async fn search_body(ask: &Ask, request: &HttpRequest, payload: Payload) -> Result<Vec<(String, String)>, Failure> {
    if content_type(request).as_deref() != Some(FORM) {
        let text = format!("send the parameters as {FORM}");
        return Err(Failure::at(Kind::UnsupportedMedia, "http.Content-Type", text));
    }
    let body = read_body(request, payload, &ask.app.config.http).await?;
    let text = std::str::from_utf8(&body).ok().filter(|text| link::is_sound(text));
    let text = text.ok_or_else(|| {
        Failure::new(
            Kind::Invalid,
            "the parameters have a % that begins no byte, or are not UTF-8; encode them as forms are",
        )
    })?;
    let mut pairs = link::pairs(request.query_string());
    pairs.extend(link::pairs(text));
    let form = ask.form.shaped(&pairs)?;
    request.extensions_mut().insert(form);
    Ok(pairs)
}

/// From this size on a body is read on a thread of its own, so that small requests are not held up.
const BLOCKING_BYTES: usize = 128 * 1024;

/// Whether a large body is so full of parts that what is read from it would be larger than any other by far. Real
/// resources have a comma to 20 bytes and more.
fn is_heap(body: &[u8]) -> bool {
    body.iter().filter(|byte| **byte == b',').count() > body.len() / COMMA_BYTES_MIN
}

const COMMA_BYTES_MIN: usize = 8;

fn read_resource(sent: &Sent, limits: Limits) -> Result<Resource<'static>, Failure> {
    let read = match sent.format {
        Format::Json => fhir::json::read_within(&sent.bytes, limits),
        Format::Xml => fhir::xml::read_within(&sent.bytes, limits),
    };
    read.map(Resource::into_owned).map_err(|issues| Failure::of(Kind::Invalid, issues).located(sent))
}

/// The body, if it is within the limit before and after unpacking, and whole in time.
pub async fn read_body(request: &HttpRequest, payload: Payload, settings: &config::Http) -> Result<Bytes, Failure> {
    let coding = coding(request)?;
    let time = Duration::from_secs(settings.request_seconds);
    let body = tokio::time::timeout(time, receive(request, payload, settings.body_bytes_max, coding.is_some())).await;
    let body = body.unwrap_or_else(|_| {
        Err(Failure::new(Kind::Timeout, format!("the body was not whole after {} seconds", time.as_secs())))
    })?;
    match coding {
        Some(coding) => unpack(coding, body, settings.body_bytes_max).await,
        None => Ok(body),
    }
}

/// The bytes as they come. A large body, or one that may be large when it is unpacked, has its room until the request is
/// answered.
async fn receive(request: &HttpRequest, mut payload: Payload, limit: usize, is_packed: bool) -> Result<Bytes, Failure> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let whole = declared.unwrap_or(limit);
    let whole = if is_packed { limit.min(largest(whole)) } else { whole };
    let mut body = BytesMut::new();
    let mut has_room = false;
    while let Some(chunk) = poll_fn(|context| Pin::new(&mut payload).poll_next(context)).await {
        let chunk = chunk.map_err(|_| Failure::new(Kind::Invalid, "the body broke off; send it again"))?;
        let bytes = body.len() + chunk.len();
        if bytes > limit {
            return Err(too_large(limit));
        }
        if !has_room && (bytes > FREE_BYTES || (is_packed && whole > FREE_BYTES)) {
            let app = request.app_data::<Data<App>>().expect("the routes are made with it");
            let room = app.bodies.room(whole).await;
            request.extensions_mut().insert(room);
            has_room = true;
        }
        if body.is_empty() && declared == Some(chunk.len()) {
            return Ok(chunk);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

async fn unpack(coding: Coding, body: Bytes, limit: usize) -> Result<Bytes, Failure> {
    let unpacked = if body.len() < BLOCKING_BYTES {
        coding.unpack(&body, limit)
    } else {
        let unpacked = actix_web::web::block(move || coding.unpack(&body, limit)).await;
        unpacked
            .map_err(|_| Failure::new(Kind::Busy, "more is being unpacked than there are threads; try again soon"))?
    };
    unpacked.map(Bytes::from).map_err(|refused| match refused {
        Refused::TooLarge => too_large(limit),
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

fn too_large(limit: usize) -> Failure {
    let text = format!("the body has more than {limit} bytes (http.body_bytes_max); send less at once");
    Failure::new(Kind::TooLarge, text)
}

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
