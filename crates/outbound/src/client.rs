//! Requests to one server, bounded in time and size.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{
    CONTENT_LOCATION, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder};

use crate::address::Address;

/// What a request may take of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until the connection stands; default 5 seconds.
    pub connect: Duration,
    /// Until the answer is whole, or of a stream until its next part; default 2 minutes.
    pub whole: Duration,
    /// Of the answer; default 128 MiB. A stream has no limit but its reader's.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { connect: Duration::from_secs(5), whole: Duration::from_secs(120), body_bytes_max: 128 << 20 }
    }
}

/// A stream that takes longer has to begin again.
const STREAM_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    limits: Limits,
}

/// What is asked of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `PUT` and so on.
    pub method: &'static str,
    /// Below the server's base, and its query.
    pub path: String,
    /// Names in lower case. A secret among them is in no text of a [`Failure`].
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    pub status: u16,
    /// `Content-Type`, `ETag` and `Location` (or else `Content-Location`); empty where it does not say.
    pub media: String,
    pub etag: String,
    pub location: String,
    /// How long it asks to be left alone (`Retry-After` in seconds; a date is not read).
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// An answer whose body is read part by part.
#[derive(Debug)]
pub struct Stream {
    pub status: u16,
    /// Its media type as it was sent; empty where there is none.
    pub media: String,
    response: reqwest::Response,
    client: Client,
}

/// Why there is no answer. Texts name the server, never what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The url cannot be used.
    BadAddress(&'static str),
    /// The name has no address.
    Unknown(String),
    /// The address lies outside the allowed networks.
    NotAllowed(IpAddr),
    /// Nobody listens there, or the connection broke off.
    Unreachable(String),
    /// It did not answer in time.
    Timeout(String),
    /// The answer has more bytes than allowed.
    TooLarge(usize),
}

impl Client {
    pub fn new(address: Address, limits: Limits) -> Client {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(limits.connect)
            .timeout(limits.whole)
            .user_agent(concat!("hilum/", env!("CARGO_PKG_VERSION")))
            .resolve_to_addrs(&address.host, &address.pinned)
            .build();
        let http = client.expect("a client without TLS needs nothing of the system");
        Client { http, base: address.base, limits }
    }

    /// Asks for a path such as `/hilum/messages?limit=5`.
    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(self.request(Method::GET, path)?).await
    }

    /// Sends a body of this media type to a path.
    pub async fn post(&self, path: &str, media: &'static str, body: Vec<u8>) -> Result<Answer, Failure> {
        self.post_with(path, &[(CONTENT_TYPE.as_str(), media)], body).await
    }

    /// Sends a body with these headers, whose names are in lower case.
    pub async fn post_with(
        &self,
        path: &str,
        headers: &[(&'static str, &'static str)],
        body: Vec<u8>,
    ) -> Result<Answer, Failure> {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        self.send(self.request(Method::POST, path)?.headers(headers.collect::<HeaderMap>()).body(body)).await
    }

    /// Asks whatever is to be asked.
    pub async fn ask(&self, request: Request) -> Result<Answer, Failure> {
        self.ask_with(request, &[]).await
    }

    /// The same with headers whose names are not ours.
    pub async fn ask_with(&self, request: Request, more: &[(String, String)]) -> Result<Answer, Failure> {
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| Failure::BadAddress("there is no such method"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            let value = HeaderValue::from_str(&value).map_err(|_| Failure::BadAddress("a header cannot hold that"))?;
            headers.append(HeaderName::from_static(name), value);
        }
        for (name, value) in more {
            let (name, value) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(Failure::BadAddress("a header cannot hold that"));
            };
            // They may be secrets.
            value.set_sensitive(true);
            headers.append(name, value);
        }
        self.send(self.request(method, &request.path)?.headers(headers).body(request.body)).await
    }

    /// Asks for a path whose answer may be large.
    pub async fn open(&self, path: &str) -> Result<Stream, Failure> {
        let request = self.request(Method::GET, path)?.timeout(STREAM_MAX);
        let sent = tokio::time::timeout(self.limits.whole, request.send()).await;
        let response = sent.map_err(|_| Failure::Timeout(self.base.clone()))?.map_err(|error| self.failed(&error))?;
        let media = response.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
        Ok(Stream {
            status: response.status().as_u16(),
            media: media.unwrap_or_default().to_owned(),
            response,
            client: self.clone(),
        })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        // Without the slash a path could go on with the host's name or the port.
        match path.starts_with('/') {
            true => Ok(self.http.request(method, format!("{}{path}", self.base))),
            false => Err(Failure::BadAddress("a path begins with /")),
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let mut response = request.send().await.map_err(|error| self.failed(&error))?;
        let status = response.status().as_u16();
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
        let header = |name| {
            let value = response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (media, etag, mut location) = (header(CONTENT_TYPE), header(ETAG), header(LOCATION));
        if location.is_empty() {
            // Where a job is that was begun (FHIR asynchronous request pattern).
            location = header(CONTENT_LOCATION);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + chunk.len() > self.limits.body_bytes_max {
                return Err(Failure::TooLarge(self.limits.body_bytes_max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, media, etag, location, retry_after: retry_after.map(Duration::from_secs), body })
    }

    fn failed(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() { Failure::Timeout(self.base.clone()) } else { Failure::Unreachable(self.base.clone()) }
    }
}

impl Stream {
    /// The next part, or nothing after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let next = tokio::time::timeout(self.client.limits.whole, self.response.chunk()).await;
        match next.map_err(|_| Failure::Timeout(self.client.base.clone()))? {
            Ok(chunk) => Ok(chunk.map(Vec::from)),
            Err(error) => Err(self.client.failed(&error)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::BadAddress(why) => write!(out, "the server's address cannot be used: {why}"),
            Failure::Unknown(host) => write!(out, "no address is known for {host}"),
            Failure::NotAllowed(address) => {
                write!(out, "{address} is not on this machine; without TLS only servers on this machine are asked")
            }
            Failure::Unreachable(server) => write!(out, "nobody answers at {server}; is the server running there?"),
            Failure::Timeout(server) => write!(out, "{server} did not answer in time; try again"),
            Failure::TooLarge(limit) => write!(out, "the answer has more than {limit} bytes"),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server that answers every connection once with these bytes, and a client of it.
    async fn against(answer: &'static [u8], limits: Limits) -> (Client, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).await.expect("a request");
            stream.write_all(answer).await.expect("the client reads");
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        (Client::new(Address::find(&url, &loopback()).await.expect("loopback"), limits), served)
    }

    #[tokio::test]
    async fn an_answer_is_read_whatever_its_status() {
        let (client, served) =
            against(b"HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\nno\n", Limits::default()).await;
        assert_eq!(client.get("/x?y=1").await, Ok(Answer { status: 404, body: b"no\n".to_vec(), ..Answer::default() }));
        let request = served.await.expect("served");
        assert!(request.starts_with("GET /x?y=1 HTTP/1.1\r\n"), "{request}");
        assert!(!request.to_lowercase().contains("accept-encoding"), "{request}");
    }

    #[tokio::test]
    async fn what_is_asked_is_sent_as_it_is_and_headers_come_back() {
        let created =
            b"HTTP/1.1 201 Created\r\netag: W/\"1\"\r\nlocation: /Patient/a/_history/1\r\ncontent-length: 0\r\n\r\n";
        let (client, served) = against(created, Limits::default()).await;
        let headers = vec![("if-match", "W/\"0\"".to_owned())];
        let put = Request { method: "PUT", path: "/Patient/a".to_owned(), headers, body: b"{}".to_vec() };
        let answer = client.ask(put.clone()).await.expect("an answer");
        assert_eq!(
            (answer.status, answer.etag.as_str(), answer.location.as_str()),
            (201, "W/\"1\"", "/Patient/a/_history/1")
        );
        let said = served.await.expect("served");
        assert!(said.starts_with("PUT /Patient/a HTTP/1.1\r\n") && said.contains("if-match: W/\"0\"\r\n"), "{said}");
        let broken = Request { headers: vec![("if-match", "a\r\nb: c".to_owned())], ..put };
        assert!(matches!(client.ask(broken).await, Err(Failure::BadAddress(_))));
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let moved = b"HTTP/1.1 302 Found\r\nlocation: http://10.1.2.3/\r\ncontent-length: 0\r\n\r\n";
        let (client, _served) = against(moved, Limits::default()).await;
        assert_eq!(client.post("/x", "text/plain", Vec::new()).await.map(|answer| answer.status), Ok(302));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_not_kept() {
        let limits = Limits { body_bytes_max: 4, ..Limits::default() };
        let (client, _served) = against(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345", limits).await;
        assert_eq!(client.get("/").await, Err(Failure::TooLarge(4)));
    }

    #[tokio::test]
    async fn a_busy_server_says_when_to_come_back() {
        for (after, expected) in [("7", Some(7)), ("Wed, 21 Oct 2015 07:28:00 GMT", None), ("-1", None)] {
            let answer = format!("HTTP/1.1 503 Busy\r\nretry-after: {after}\r\ncontent-length: 0\r\n\r\n").leak();
            let (client, served) = against(answer.as_bytes(), Limits::default()).await;
            let headers = [("content-type", "text/plain"), ("prefer", "return=minimal")];
            let answer = client.post_with("/x", &headers, b"y".to_vec()).await.expect("an answer");
            assert_eq!((answer.status, answer.retry_after), (503, expected.map(Duration::from_secs)));
            assert!(served.await.expect("served").contains("prefer: return=minimal\r\n"));
        }
    }

    #[tokio::test]
    async fn a_stream_comes_in_parts_and_may_break_off() {
        let limits = Limits { body_bytes_max: 1, ..Limits::default() };
        let whole = b"HTTP/1.1 200 OK\r\ncontent-type: application/fhir+ndjson\r\ncontent-length: 5\r\n\r\n12345";
        for (answer, good) in [(&whole[..], true), (&whole[..whole.len() - 2], false)] {
            let (client, _served) = against(answer, limits).await;
            let mut stream = client.open("/x").await.expect("an answer");
            assert_eq!((stream.status, stream.media.as_str()), (200, "application/fhir+ndjson"));
            let mut read = Vec::new();
            let ended = loop {
                match stream.next().await {
                    Ok(Some(part)) => read.extend(part),
                    Ok(None) => break true,
                    Err(_) => break false,
                }
            };
            assert_eq!((ended, &read[..]), (good, if good { &b"12345"[..] } else { &b"123"[..] }));
        }
    }

    #[tokio::test]
    async fn half_an_answer_is_none() {
        let (client, _served) = against(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12", Limits::default()).await;
        assert!(matches!(client.get("/").await, Err(Failure::Unreachable(_))));
        assert!(matches!(client.get("x").await, Err(Failure::BadAddress(_))));
    }
}
