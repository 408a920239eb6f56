//! Around every request: the count of what is in hand, its time and status, and headers that are always right.
//!
//! What is logged and counted is the route's pattern, never the path or the query: those name patients.

use std::time::Instant;

use crate::app::App;
use crate::metrics::InHand;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;

/// Clinical content is kept by no cache and run by no browser.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

pub async fn watch(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let app = request.app_data::<Data<App>>().expect("the routes are made with it").clone();
    let (began, method) = (Instant::now(), word(request.method()));
    let _in_hand = InHand::of(&app.metrics.http_in_hand);
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    if app.shutdown.is_draining() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let (status, took) = (response.status().as_u16(), began.elapsed());
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    app.metrics.request(&route, method, status, took);
    tracing::debug!(route, method, status, duration_ms = took.as_millis(), "answered a request");
    Ok(response)
}

/// Methods become labels, so that one which nobody knows is not repeated.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
