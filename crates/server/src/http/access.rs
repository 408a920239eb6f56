//! Who is asking, and what he may.
//!
//! Credentials come with a later issue. Until then a requester is somebody on this machine, where that is open, or nobody.
//! Being on this machine is believed only of a request that says nothing else: a proxy on this machine (Forwarded, Via)
//! speaks for others, a page of another site (Origin, or a Host that its DNS points here) speaks through a browser.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{HOST, ORIGIN};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use consent::{Access, Purpose, Requester};
use record::Position;

use super::failure::{Failure, Kind};
use super::form::Form;
use super::{link, page};
use crate::app::App;

/// A request that may go on: who asks, what for, and how the answer shall look.
#[derive(Clone)]
pub struct Ask {
    pub app: App,
    pub access: Access,
    pub form: Form,
    /// Our own address, without a `/` at its end.
    pub base: String,
    /// The position of the log that reads, searches and histories see; the newest where there is none.
    pub at: Option<Position>,
}

impl Ask {
    fn of(request: &HttpRequest) -> Result<Ask, Failure> {
        let app: &Data<App> = request.app_data().expect("the routes are made with it");
        let access = app.policy.access(&requester(request), Purpose::Treatment);
        if access.is_nobody() {
            let text =
                "this server knows no credentials yet and serves nobody; see http.open_on_loopback, or use --demo";
            return Err(Failure::new(Kind::Login, text));
        }
        let base = link::base(request, app.config.http.base_url.as_deref());
        // Beside FHIR nobody reads one.
        let form = request.extensions().get::<Form>().copied().unwrap_or_default();
        Ok(Ask { app: App::clone(app), access, form, base, at: None })
    }
}

impl Ask {
    /// Refuses an operation that reads resources of a type to whoever may read none of them.
    pub fn may_read(&self, kind: &str) -> Result<(), Failure> {
        if self.access.read().covers(kind) { Ok(()) } else { Err(Ask::refused("read", kind)) }
    }

    /// The same of an operation that writes them.
    pub fn may_write(&self, kind: &str) -> Result<(), Failure> {
        if self.access.write().covers(kind) { Ok(()) } else { Err(Ask::refused("write", kind)) }
    }

    fn refused(what: &str, kind: &str) -> Failure {
        Failure::new(Kind::Forbidden, format!("the policy does not let this requester {what} {kind}"))
    }

    /// The text of a link to a place in the answer to this query, good for this requester.
    pub fn seal(&self, query: &str, place: &str) -> String {
        page::seal(self.app.record.id_key(), self.access.who(), query, place)
    }

    /// The place in such a text.
    pub fn open(&self, query: &str, link: &str) -> Result<String, Failure> {
        page::open(self.app.record.id_key(), self.access.who(), query, link)
    }
}

impl FromRequest for Ask {
    type Error = Failure;
    type Future = Ready<Result<Ask, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ask::of(request))
    }
}

fn requester(request: &HttpRequest) -> Requester {
    let here = client_address(request).is_some_and(|address| address.to_canonical().is_loopback());
    if here && !is_forwarded(request) && !is_foreign(request) { Requester::Loopback } else { Requester::Anonymous }
}

/// The address at the other end of the connection; what headers say is not asked.
pub fn client_address(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|peer| peer.ip())
}

fn is_forwarded(request: &HttpRequest) -> bool {
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"]
        .iter()
        .any(|header| request.headers().contains_key(*header))
}

/// Whether a browser sends it for a page that is not ours: by its Origin, or by a Host that is not this machine.
fn is_foreign(request: &HttpRequest) -> bool {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let from = header(ORIGIN).map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    [header(HOST), from].into_iter().flatten().any(|host| !is_this_machine(host))
}

/// `localhost:8080`, `127.0.0.1`, `[::1]:80`.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_who_is_really_here_is_loopback() {
        let here = "127.0.0.1:50000";
        for (peer, headers, expected) in [
            (here, &[("host", "127.0.0.1:8080")][..], Requester::Loopback),
            (here, &[("host", "localhost:8080")], Requester::Loopback),
            (here, &[("host", "[::1]:8080")], Requester::Loopback),
            ("[::1]:50000", &[("host", "localhost")], Requester::Loopback),
            (here, &[("host", "localhost"), ("origin", "http://localhost:3000")], Requester::Loopback),
            ("10.1.2.3:50000", &[("host", "localhost")], Requester::Anonymous),
            (here, &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")], Requester::Anonymous),
            (here, &[("host", "localhost"), ("via", "1.1 proxy")], Requester::Anonymous),
            (here, &[("host", "evil.example:8080")], Requester::Anonymous),
            (here, &[("host", "127.0.0.1.evil.example")], Requester::Anonymous),
            (here, &[("host", "localhost"), ("origin", "https://evil.example")], Requester::Anonymous),
            (here, &[("host", "localhost"), ("origin", "null")], Requester::Anonymous),
        ] {
            let request = TestRequest::default().peer_addr(peer.parse().expect("an address"));
            let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
            assert_eq!(requester(&request.to_http_request()), expected, "{peer} {headers:?}");
        }
    }
}
