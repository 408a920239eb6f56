//! Writing Bundles (R4 §2.36): the stored resources go in as they are, without being read again.

use std::fmt::Write;

use actix_web::http::StatusCode;
use record::{Method, Version};

use super::answer::Answer;
use crate::http::Failure;

/// A Bundle that is being written.
pub struct Bundle {
    out: Vec<u8>,
    has_entries: bool,
}

impl Bundle {
    /// `total`, where it is known; `links` by relation.
    pub fn begin(kind: &str, total: Option<u64>, links: &[(&str, String)]) -> Bundle {
        let mut head = format!(r#"{{"resourceType":"Bundle","type":"{kind}""#);
        if let Some(total) = total {
            write!(head, r#","total":{total}"#).expect("a String takes all that is written");
        }
        let links: Vec<String> =
            links.iter().map(|(of, url)| format!(r#"{{"relation":"{of}","url":{}}}"#, quoted(url))).collect();
        if !links.is_empty() {
            write!(head, r#","link":[{}]"#, links.join(",")).expect("a String takes all that is written");
        }
        Bundle { out: head.into_bytes(), has_entries: false }
    }

    /// A match of a search.
    pub fn found(&mut self, base: &str, version: &Version, body: &[u8]) {
        let url = quoted(&format!("{base}/{}", version.key));
        self.entry(&format!(r#""fullUrl":{url}"#), Some(body), r#","search":{"mode":"match"}"#);
    }

    /// Somebody who may be meant, with a score from 0 to 1 and its grade (R4 extension match-grade).
    pub fn graded(&mut self, base: &str, version: &Version, body: &[u8], score: f64, grade: &str) {
        let url = quoted(&format!("{base}/{}", version.key));
        let tail = format!(
            r#","search":{{"extension":[{{"url":"http://hl7.org/fhir/StructureDefinition/match-grade","valueCode":"{grade}"}}],"mode":"match","score":{score:.4}}}"#
        );
        self.entry(&format!(r#""fullUrl":{url}"#), Some(body), &tail);
    }

    /// A match that is nowhere stored.
    pub fn resource(&mut self, url: &str, body: &[u8]) {
        self.entry(&format!(r#""fullUrl":{}"#, quoted(url)), Some(body), r#","search":{"mode":"match"}"#);
    }

    /// What a match brings with it.
    pub fn included(&mut self, base: &str, version: &Version, body: &[u8]) {
        let url = quoted(&format!("{base}/{}", version.key));
        self.entry(&format!(r#""fullUrl":{url}"#), Some(body), r#","search":{"mode":"include"}"#);
    }

    /// What a search has to say beside its matches.
    pub fn outcome(&mut self, issues: &[fhir::Issue]) {
        let mut body = Vec::new();
        fhir::json::write(&fhir::outcome(issues), &mut body);
        self.entry("", Some(&body), r#","search":{"mode":"outcome"}"#);
    }

    /// A former version.
    pub fn former(&mut self, base: &str, version: &Version) {
        let key = &version.key;
        let (method, url, status) = match version.method {
            Method::Create => ("POST", key.kind.clone(), "201"),
            Method::Update => ("PUT", key.to_string(), "200"),
            Method::Delete => ("DELETE", key.to_string(), "204"),
        };
        let full = quoted(&format!("{base}/{key}"));
        let tail = format!(
            r#","request":{{"method":"{method}","url":"{url}"}},"response":{{"status":"{status}","etag":"W/\"{}\"","lastModified":"{}"}}"#,
            version.vid,
            instant(version.time),
        );
        self.entry(&format!(r#""fullUrl":{full}"#), version.body.as_deref(), &tail);
    }

    /// The outcome of an entry of a batch or transaction.
    pub fn answered(&mut self, answer: Result<&Answer, &Failure>) {
        match answer {
            Ok(answer) => match &answer.body {
                Some(body) => self.entry("", Some(body), &format!(",{}", response(answer))),
                None => self.entry(&response(answer), None, ""),
            },
            Err(failure) => {
                let mut outcome = Vec::new();
                fhir::json::write(&fhir::outcome(failure.issues()), &mut outcome);
                let outcome = String::from_utf8(outcome).expect("JSON is UTF-8");
                let status = status(failure.status());
                self.entry(&format!(r#""response":{{"status":"{status}","outcome":{outcome}}}"#), None, "");
            }
        }
    }

    pub fn end(mut self) -> Vec<u8> {
        self.out.extend_from_slice(if self.has_entries { b"]}" } else { b"}" });
        self.out
    }

    fn entry(&mut self, head: &str, resource: Option<&[u8]>, tail: &str) {
        self.out.extend_from_slice(if self.has_entries { b",{" } else { br#","entry":[{"# });
        self.has_entries = true;
        self.out.extend_from_slice(head.as_bytes());
        match resource {
            Some(body) => {
                self.out.extend_from_slice(if head.is_empty() { br#""resource":"# } else { br#","resource":"# });
                self.out.extend_from_slice(body);
            }
            None => assert!(!head.is_empty(), "an entry without a resource has a fullUrl before its tail"),
        }
        self.out.extend_from_slice(tail.as_bytes());
        self.out.push(b'}');
    }
}

/// `"response":{…}` of what was done.
fn response(answer: &Answer) -> String {
    let mut response = format!(r#""response":{{"status":"{}""#, status(answer.status));
    let mut more = |name: &str, value: String| {
        write!(response, r#","{name}":{value}"#).expect("a String takes all that is written");
    };
    if let Some(at) = &answer.location {
        more("location", quoted(at));
    }
    if let Some(version) = &answer.version {
        more("etag", quoted(&version.tag()));
        more("lastModified", quoted(&instant(version.time)));
    }
    response + "}"
}

/// `201 Created`
fn status(status: StatusCode) -> String {
    format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or_default()).trim_end().to_owned()
}

/// A text as JSON has it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// R4 §2.24.0.1 instant, in UTC, as `meta.lastUpdated` has it.
fn instant(time: record::Time) -> String {
    let time = jiff::Timestamp::from_microsecond(time.0).expect("the log's times are this clock's");
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::{Issue, IssueType};
    use record::{Key, Position, Time};

    fn version(method: Method, body: Option<&str>) -> Version {
        Version {
            position: Position::START,
            key: Key::new("Patient", "a"),
            vid: 2,
            method,
            transaction: Position::START,
            time: Time(1_767_225_600_123_000),
            origin: "test".to_owned(),
            message: None,
            source_time: None,
            state: Vec::new(),
            body: body.map(|body| body.as_bytes().to_vec()),
        }
    }

    fn checked(bundle: Bundle) -> String {
        let bytes = bundle.end();
        if let Err(issues) = fhir::json::read(&bytes) {
            panic!("{issues:?} in {}", String::from_utf8_lossy(&bytes));
        }
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    #[test]
    fn what_is_written_is_a_bundle() {
        let body = r#"{"resourceType":"Patient","id":"a"}"#;
        let links = [("self", "http://x/Patient?name=\"q\"".to_owned()), ("next", "http://x/?_page=1-b2".to_owned())];
        let mut search = Bundle::begin("searchset", Some(7), &links);
        search.found("http://x/fhir", &version(Method::Update, Some(body)), body.as_bytes());
        search.outcome(&[Issue::warning(IssueType::NotSupported, "http.foo", "was left out")]);
        let search = checked(search);
        assert!(
            search.contains(r#""fullUrl":"http://x/fhir/Patient/a","resource":{"resourceType":"Patient","id":"a"}"#)
        );
        assert!(search.contains(r#""total":7"#));
        let empty = checked(Bundle::begin("searchset", None, &[]));
        assert_eq!(empty, r#"{"resourceType":"Bundle","type":"searchset"}"#);
    }

    #[test]
    fn history_tells_of_deletes() {
        let mut history = Bundle::begin("history", Some(3), &[]);
        history.former("http://x", &version(Method::Delete, None));
        history.former("http://x", &version(Method::Create, Some(r#"{"resourceType":"Patient","id":"a"}"#)));
        let history = checked(history);
        assert!(history.contains(r#""request":{"method":"DELETE","url":"Patient/a"}"#), "{history}");
        assert!(history.contains(r#""status":"204","etag":"W/\"2\"","lastModified":"2026-01-01T00:00:00.123Z""#));
    }
}
