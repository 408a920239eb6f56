//! The way to a peer: what it is asked, and what its answers are.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fhir::Resource;
use outbound::{Address, Client, Failure, Limits, Request};
use record::Key;

use crate::engine::{Body, Heard};
use crate::home::Source;

/// Says which node sends; a server that does not know it passes it over.
pub const NODE: &str = "x-hilum-node";
/// Says which version of its home a delete is: a DELETE has no body to say it in.
pub const SOURCE: &str = "x-hilum-source";

/// What an answer may take. A peer that sends a byte a second, or ten gigabytes, has not answered.
const LIMITS: Limits =
    Limits { connect: Duration::from_secs(5), whole: Duration::from_secs(30), body_bytes_max: 1 << 20 };

/// A peer's address. It is looked up when it is first needed, and again when nobody answers there any more.
#[derive(Clone)]
pub struct Link {
    url: Arc<str>,
    find: Find,
    client: Arc<Mutex<Option<Client>>>,
}

/// An address that is being looked up.
pub type Looked = Pin<Box<dyn Future<Output = Result<Address, Failure>> + Send>>;
/// Looks an address up, within the networks that are permitted.
type Find = Arc<dyn Fn(String) -> Looked + Send + Sync>;

impl Link {
    pub fn new(url: &str, find: impl Fn(String) -> Looked + Send + Sync + 'static) -> Link {
        Link { url: url.into(), find: Arc::new(find), client: Arc::default() }
    }

    async fn client(&self) -> Result<Client, Failure> {
        let known = self.client.lock().expect("nobody panics with it").clone();
        if let Some(client) = known {
            return Ok(client);
        }
        let client = Client::new((self.find)(self.url.to_string()).await?, LIMITS);
        *self.client.lock().expect("nobody panics with it") = Some(client.clone());
        Ok(client)
    }

    /// Asks, and says what came back; that nobody answered is an answer too.
    pub async fn ask(&self, request: Request) -> Heard {
        let deleting = request.method == "DELETE";
        let nobody = Heard { status: 0, body: Body::Empty, retry_after_ms: None, version: None, deleting };
        let Ok(client) = self.client().await else { return nobody };
        match client.ask(request).await {
            Ok(answer) => Heard {
                status: answer.status,
                body: body(&answer.media, &answer.body),
                retry_after_ms: answer.retry_after.and_then(|after| u64::try_from(after.as_millis()).ok()),
                version: version(&answer.etag),
                deleting,
            },
            Err(failure) => {
                if matches!(failure, Failure::Unreachable(_)) {
                    *self.client.lock().expect("nobody panics with it") = None;
                }
                nobody
            }
        }
    }
}

/// `W/"3"`
fn version(etag: &str) -> Option<u64> {
    etag.trim_start_matches("W/").trim_matches('"').parse().ok()
}

fn body(media: &str, bytes: &[u8]) -> Body {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Body::Empty;
    }
    if !media.contains("json") {
        return Body::Foreign;
    }
    match fhir::json::read(bytes) {
        Ok(resource) if resource.kind() == "OperationOutcome" => Body::Outcome(error(&resource)),
        Ok(_) => Body::Resource,
        Err(_) => Body::Foreign,
    }
}

/// The words of the first issue that is an error.
fn error(outcome: &Resource<'_>) -> Option<String> {
    let issues = outcome.object.items("issue").iter().filter_map(|issue| issue.as_object());
    let worst = issues.into_iter().find(|issue| matches!(issue.str("severity"), Some("error" | "fatal")))?;
    let details = worst.get("details").and_then(|details| details.as_object()?.str("text"));
    let words = worst.str("diagnostics").or(details).or(worst.str("code")).unwrap_or("no reason was given");
    Some(words.to_owned())
}

pub fn put(node: &str, there: &Key, body: Vec<u8>) -> Request {
    let headers = vec![
        ("content-type", "application/fhir+json".to_owned()),
        ("accept", "application/fhir+json".to_owned()),
        ("prefer", "return=minimal".to_owned()),
        (NODE, node.to_owned()),
    ];
    Request { method: "PUT", path: format!("/{there}"), headers, body }
}

pub fn delete(node: &str, source: &Source) -> Request {
    let headers =
        vec![("accept", "application/fhir+json".to_owned()), (NODE, node.to_owned()), (SOURCE, source.to_string())];
    Request { method: "DELETE", path: format!("/{}", source.replica()), headers, body: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let said = br#"{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"processing"},{"severity":"error","code":"invalid","diagnostics":"no"}]}"#;
        let fine =
            br#"{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational"}]}"#;
        for (media, bytes, expected) in [
            ("", &b""[..], Body::Empty),
            ("text/html", b" \r\n", Body::Empty),
            ("text/html", b"<html>log in</html>", Body::Foreign),
            ("application/fhir+json", br#"{"resourceType":"Patient","id":"x"}"#, Body::Resource),
            ("application/json", br#"{"resourceType":"Pat"#, Body::Foreign),
            ("application/json", br#"{"error":"x"}"#, Body::Foreign),
            ("application/fhir+json;charset=UTF-8", said, Body::Outcome(Some("no".to_owned()))),
            ("application/fhir+json", fine, Body::Outcome(None)),
        ] {
            assert_eq!(body(media, bytes), expected, "{media}");
        }
        for (etag, expected) in [("W/\"3\"", Some(3)), ("\"3\"", Some(3)), ("", None), ("W/\"a\"", None)] {
            assert_eq!(version(etag), expected, "{etag}");
        }
    }
}
