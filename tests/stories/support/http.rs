//! FHIR over HTTP as a client sees it.

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

use super::PATIENCE;
use super::json::contains;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
    /// The bytes, where they are text.
    pub text: String,
}

impl Reply {
    /// The body, or null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// The body, which has to be an OperationOutcome with an issue of this code; its diagnostics.
    pub fn outcome(&self, code: &str) -> String {
        let outcome = self.json();
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{self:?}");
        let issues = outcome["issue"].as_array().expect("issues");
        let issue = issues.iter().find(|issue| issue["code"] == code);
        let issue = issue.unwrap_or_else(|| panic!("no issue {code}: {outcome}"));
        issue["diagnostics"].as_str().or(issue["details"]["text"].as_str()).unwrap_or_default().to_owned()
    }
}

/// The largest answer that is read.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// Asks; any status is an answer.
pub fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(PATIENCE))
        .build()
        .into();
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).expect("a request");
    let response = agent.run(request);
    let mut response = response.unwrap_or_else(|fault| panic!("{method} {url}: {fault}"));
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let bytes = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec();
    let bytes = bytes.unwrap_or_else(|fault| panic!("{method} {url}: {fault}"));
    Reply {
        status: response.status().as_u16(),
        headers: response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
        bytes,
    }
}

/// A FHIR server at its base address.
#[derive(Debug, Clone)]
pub struct Fhir {
    pub base: String,
}

impl Fhir {
    pub fn get(&self, path: &str) -> Reply {
        ask("GET", &format!("{}/{path}", self.base), &[], &[])
    }

    pub fn put(&self, path: &str, headers: &[(&str, &str)], resource: &Value) -> Reply {
        self.send("PUT", path, headers, resource)
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], resource: &Value) -> Reply {
        self.send("POST", path, headers, resource)
    }

    pub fn delete(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        ask("DELETE", &format!("{}/{path}", self.base), headers, &[])
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], resource: &Value) -> Reply {
        let mut all = vec![("content-type", "application/fhir+json")];
        all.extend_from_slice(headers);
        ask(method, &format!("{}/{path}", self.base), &all, resource.to_string().as_bytes())
    }

    /// The matches of a search, of one page of 1,000.
    pub fn search(&self, query: &str) -> Vec<Value> {
        let sign = if query.contains('?') { '&' } else { '?' };
        let reply = self.get(&format!("{query}{sign}_count=1000"));
        assert_eq!(reply.status, 200, "{query}: {}", reply.text);
        let bundle = reply.json();
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        let matches = entries.into_iter().filter(|entry| entry["search"]["mode"] != "outcome");
        matches.map(|entry| entry["resource"].clone()).collect()
    }

    /// The one match of a search.
    pub fn one(&self, query: &str) -> Value {
        let mut found = self.search(query);
        assert_eq!(found.len(), 1, "{query}: {found:#?}");
        found.remove(0)
    }

    pub fn none(&self, query: &str) {
        let found = self.search(query);
        assert!(found.is_empty(), "{query}: {found:#?}");
    }

    /// The one match says at least this. Gives it.
    pub fn expect(&self, query: &str, expected: &Value) -> Value {
        let found = self.one(query);
        if let Err(fault) = contains(&found, expected) {
            panic!("{query}: {fault}\n{found:#}");
        }
        found
    }

    /// The resources of a type about the one Patient with this number.
    pub fn of(&self, kind: &str, number: &str) -> Vec<Value> {
        let patient = self.reference(&format!("Patient?identifier={number}"));
        self.search(&format!("{kind}?patient={patient}"))
    }

    /// The one resource of a type about the one Patient with this number.
    pub fn one_of(&self, kind: &str, number: &str) -> Value {
        let mut found = self.of(kind, number);
        assert_eq!(found.len(), 1, "{kind} of {number}: {found:#?}");
        found.remove(0)
    }

    /// `Type/id` of the one match.
    pub fn reference(&self, query: &str) -> String {
        reference(&self.one(query))
    }

    /// How many versions a resource has.
    pub fn versions(&self, reference: &str) -> usize {
        self.history(reference).len()
    }

    /// Entries of a resource's history, newest first.
    pub fn history(&self, reference: &str) -> Vec<Value> {
        let reply = self.get(&format!("{reference}/_history?_count=1000"));
        assert_eq!(reply.status, 200, "{reference}: {}", reply.text);
        reply.json()["entry"].as_array().cloned().unwrap_or_default()
    }
}

/// `Type/id` of a resource.
pub fn reference(resource: &Value) -> String {
    let text = |name: &str| resource[name].as_str().expect("a stored resource has type and id").to_owned();
    format!("{}/{}", text("resourceType"), text("id"))
}
