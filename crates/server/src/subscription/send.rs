//! A notification to an endpoint (rest-hook): to permitted networks only, resolved, checked and pinned, no redirects.

use std::time::Duration;

use fhir::Resource;
use ipnet::IpNet;
use outbound::{Address, Client, Failure, Limits, Request};
use sync::subscription::{Content, Format, Head, Kind, State, Told, bundle, uuid};

use super::store;
use crate::app;

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// What a receiver answers is not read further.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What became of a notification.
pub enum Sent {
    Taken,
    /// For people; never with a path, a header or a body in it.
    Not {
        why: String,
        retry_after: Option<Duration>,
    },
}

pub struct Hook {
    server: String,
    path: String,
    headers: Vec<(String, String)>,
    networks: Vec<IpNet>,
    limits: Limits,
    base: String,
    id: String,
    /// Made anew after each failure, so that a name which moved is found.
    client: Option<Client>,
}

impl Hook {
    pub fn new(
        endpoint: &str,
        headers: Vec<(String, String)>,
        networks: Vec<IpNet>,
        timeout: Duration,
        base: String,
        id: &str,
    ) -> Hook {
        let (server, path) = split(endpoint);
        let limits = Limits { connect: CONNECT, whole: timeout, body_bytes_max: ANSWER_BYTES_MAX };
        Hook { server, path, headers, networks, limits, base, id: id.to_owned(), client: None }
    }

    /// R4: with a payload an update of the resource below the endpoint, else a POST of nothing.
    pub async fn classic(&mut self, format: Option<Format>, told: Vec<Told>) -> Sent {
        let Some(format) = format else { return self.post("POST", self.path.clone(), None, Vec::new()).await };
        for what in told.into_iter().filter_map(|told| told.what) {
            let Some(resource) = &what.resource else { continue };
            let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            let path = format!("{}/{}/{}{query}", path.trim_end_matches('/'), what.kind, what.id);
            let body = written(resource, format);
            match self.post("PUT", path, Some(format), body).await {
                Sent::Taken => {}
                not => return not,
            }
        }
        // What may not be seen any more is passed over.
        Sent::Taken
    }

    /// The guide: a Bundle.
    pub async fn backport(
        &mut self,
        kind: Kind,
        topic: Option<&str>,
        state: &State,
        format: Format,
        content: Content,
        told: Vec<Told>,
    ) -> Sent {
        let Some(uuid) = fresh_uuid() else {
            return Sent::Not { why: "the system gives no random bytes".to_owned(), retry_after: None };
        };
        let now = store::instant(app::now());
        let head = Head {
            kind,
            base: &self.base,
            subscription: &self.id,
            topic,
            status: state.status.code(),
            events: state.events,
            error: "",
            now: &now,
            uuid: &uuid,
        };
        let body = written(&bundle(&head, told, content), format);
        self.post("POST", self.path.clone(), Some(format), body).await
    }

    async fn post(&mut self, method: &'static str, path: String, format: Option<Format>, body: Vec<u8>) -> Sent {
        let headers = format.map(|format| ("content-type", format.media().to_owned())).into_iter().collect();
        let request = Request { method, path, headers, body };
        let answer = match self.client().await {
            Ok(client) => client.ask_with(request, &self.headers).await,
            Err(failure) => Err(failure),
        };
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => Sent::Taken,
            Ok(answer) => {
                let why = format!("{} answered {}; it is asked again until it takes it", self.server, answer.status);
                Sent::Not { why, retry_after: answer.retry_after }
            }
            Err(failure) => {
                self.client = None;
                Sent::Not { why: said(&failure), retry_after: None }
            }
        }
    }

    async fn client(&mut self) -> Result<Client, Failure> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = Client::new(find(&self.server, &self.networks).await?, self.limits);
        self.client = Some(client.clone());
        Ok(client)
    }
}

/// Where an endpoint is, if it may be connected to.
pub async fn find(server: &str, networks: &[IpNet]) -> Result<Address, Failure> {
    let found = tokio::time::timeout(CONNECT, Address::find(server, networks)).await;
    found.unwrap_or_else(|_| Err(Failure::Timeout(server.to_owned())))
}

/// `http://host:port` and the path with its query.
pub fn split(endpoint: &str) -> (String, String) {
    let host = endpoint.find("://").map_or(0, |at| at + 3);
    let end = endpoint[host..].find(['/', '?']).map_or(endpoint.len(), |at| host + at);
    let (server, path) = endpoint.split_at(end);
    let slash = if path.starts_with('/') { "" } else { "/" };
    (server.to_owned(), format!("{slash}{path}"))
}

pub fn said(failure: &Failure) -> String {
    match failure {
        Failure::NotAllowed(_) => {
            "the endpoint lies outside the networks of [subscriptions] networks, to which alone we connect".to_owned()
        }
        other => other.to_string(),
    }
}

pub fn fresh_uuid() -> Option<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    Some(uuid(random))
}

pub fn written(resource: &Resource<'_>, format: Format) -> Vec<u8> {
    let mut body = Vec::new();
    match format {
        Format::Json => fhir::json::write(resource, &mut body),
        Format::Xml => fhir::xml::write(resource, &mut body),
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_server_and_a_path() {
        for (endpoint, server, path) in [
            ("http://127.0.0.1:9/a/b?c=d", "http://127.0.0.1:9", "/a/b?c=d"),
            ("http://127.0.0.1:9", "http://127.0.0.1:9", "/"),
            ("https://[::1]?x=http://y/", "https://[::1]", "/?x=http://y/"),
        ] {
            assert_eq!(split(endpoint), (server.to_owned(), path.to_owned()));
        }
    }
}
