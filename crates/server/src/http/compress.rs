//! Around every request: the answer pressed, where whoever asks takes that and it is worth it (RFC 9110 §8.4, §12.5.3).
//!
//! Tags of versions are weak, so that they stay what they are. Large bodies are pressed on a thread of their own.

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes};

use super::coding::Coding;

/// Smaller bodies fit into the packet that goes anyway.
const FROM_BYTES: u64 = 1024;
/// Larger ones would hold up those who wait for this thread.
const BLOCKING_BYTES: usize = 128 * 1024;

pub async fn compress<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<BoxBody, B>>, Error> {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let coding = accepted.and_then(Coding::accepted);
    let mut response = next.call(request).await?;
    if !is_worth_it(&response) {
        return Ok(response.map_body(|_, body| EitherBody::right(body)));
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some(coding) = coding else { return Ok(response.map_body(|_, body| EitherBody::right(body))) };
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(body) => body,
        // A stream goes as it comes.
        Err(body) => return Ok(ServiceResponse::new(request, response.set_body(EitherBody::right(body)))),
    };
    let body = match press(coding, body.clone()).await {
        Some(pressed) => {
            let name = HeaderValue::from_static(coding.name());
            response.headers_mut().insert(header::CONTENT_ENCODING, name);
            pressed
        }
        None => body,
    };
    Ok(ServiceResponse::new(request, response.set_body(EitherBody::left(BoxBody::new(body)))))
}

fn is_worth_it(response: &ServiceResponse<impl MessageBody>) -> bool {
    let large = matches!(response.response().body().size(), BodySize::Sized(bytes) if bytes >= FROM_BYTES);
    large
        && response.status() != StatusCode::PARTIAL_CONTENT
        && !response.headers().contains_key(header::CONTENT_ENCODING)
}

/// None where it fails or makes it no smaller: then it goes as it is.
async fn press(coding: Coding, body: Bytes) -> Option<Bytes> {
    let bytes = body.len();
    let pressed = if bytes < BLOCKING_BYTES {
        coding.press(&body)
    } else {
        web::block(move || coding.press(&body)).await.ok()?
    };
    pressed.ok().filter(|pressed| pressed.len() < bytes).map(Bytes::from)
}
