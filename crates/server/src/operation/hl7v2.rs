//! `POST /hl7v2`: messages over HTTP, as HL7's own transport has it (HL7 over HTTP, HAPI's specification).
//!
//! The body is a message, a batch, or MLLP frames. Whether a message was taken is said by the acknowledgement in the body of
//! a 200, AE and AR too; another status means that no message was looked at. The client's address names the source.

use std::sync::Arc;

use actix_web::http::header::ORIGIN;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use hl7v2::mllp::{self, Decoder, Event};

use crate::app::App;
use crate::http::{self, Failure, Kind};
use crate::source::Source;

const MEDIA: [&str; 3] = ["x-application/hl7-v2+er7", "application/hl7-v2", "text/plain"];

pub async fn take(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    let media = http::content_type(&request).and_then(|sent| MEDIA.into_iter().find(|known| *known == sent));
    let media = media.ok_or_else(|| {
        Failure::new(Kind::UnsupportedMedia, format!("send the message as one of {}", MEDIA.join(", ")))
    })?;
    let (source, peer) = sender(&app, &request)?;
    let body = http::read_body(&request, payload, &app.config.http).await?;
    if body.is_empty() {
        return Err(Failure::new(Kind::Invalid, "the body is empty; send a message"));
    }
    let framed = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&mllp::START);
    let messages = if framed { unframed(&body, &source)? } else { vec![body.to_vec()] };
    let app = App::clone(&app);
    let answers = http::detached(async move {
        let mut answers = Vec::new();
        for message in messages {
            answers.extend(app.take(&source, &peer, message).await.acks);
        }
        Ok(answers)
    });
    let answers = answers.await?;
    if answers.is_empty() {
        return Ok(HttpResponse::NoContent().finish());
    }
    let body: Vec<u8> = answers.into_iter().flat_map(|ack| if framed { mllp::encode(&ack) } else { ack }).collect();
    Ok(HttpResponse::Ok().content_type(media).body(body))
}

/// The source that may send from this address, and the address. Of several the first that is configured.
fn sender(app: &App, request: &HttpRequest) -> Result<(Arc<Source>, String), Failure> {
    // Only a browser sends an Origin, and no page has a message to send.
    if request.headers().contains_key(ORIGIN) {
        return Err(Failure::new(Kind::Forbidden, "messages are not taken from web pages"));
    }
    let address = http::client_address(request);
    let source = address.and_then(|address| app.sources.iter().find(|source| source.http && source.permits(address)));
    match (source, address) {
        (Some(source), Some(address)) => Ok((Arc::clone(source), address.to_canonical().to_string())),
        (_, address) => {
            if let Some(address) = address {
                app.doors.refuse_http(address);
            }
            let text = "no source is configured for your address; add it to the peers of a source with http = true";
            Err(Failure::new(Kind::Forbidden, text))
        }
    }
}

/// The messages of MLLP frames. All of them, or none: whoever frames wrongly is told before anything is taken.
fn unframed(body: &[u8], source: &Source) -> Result<Vec<Vec<u8>>, Failure> {
    let frame_bytes_max = source.options.limits.message_bytes;
    let mut decoder = Decoder::new(mllp::Options { frame_bytes_max, ..mllp::Options::default() });
    let mut events = Vec::new();
    decoder.decode(body, &mut events);
    decoder.finish(&mut events);
    let mut messages = Vec::new();
    for event in events {
        match event {
            Event::Frame(message) => messages.push(message),
            Event::Noted(_) => {}
            Event::Refused { fault, .. } | Event::Hopeless(fault) => {
                return Err(Failure::new(Kind::Invalid, fault.0.text));
            }
        }
    }
    Ok(messages)
}
