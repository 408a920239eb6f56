//! `$validate`: what is wrong with a resource, without writing it (R4 §3.1.0.12 "Validating Resources", operation
//! "Resource-validate").
//!
//! The answer is an OperationOutcome with 200, whatever it says: the question was answered. Profiles and terminology are not
//! judged yet, and a profile that is asked for is told so. What was sent is told with its lines and columns.

use actix_web::http::StatusCode;
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fhir::validate::{Options, validate};
use fhir::{Issue, IssueType, Node, Resource};
use record::Key;

use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::{Answer, gone, key_of, kind_of, not_found};

pub async fn of_kind(
    ask: Ask,
    request: HttpRequest,
    kind: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let kind = kind_of(&kind)?;
    given(ask, &request, kind, None, payload).await
}

pub async fn of_resource(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let kind = kind_of(&key.kind)?;
    given(ask, &request, kind, Some(key), payload).await
}

/// What is stored, as it is.
pub async fn stored(ask: Ask, request: HttpRequest, path: Path<(String, String)>) -> Result<HttpResponse, Failure> {
    let key = key_of(&path)?;
    let version = ask.app.record.read(&ask.access, &key).await?.ok_or_else(|| not_found(&key))?;
    let body = version.body.ok_or_else(|| gone(&key))?;
    let profile = http::pairs(request.query_string()).into_iter().any(|(name, _)| name == "profile");
    let resource = fhir::json::read(&body).map_err(|issues| Failure::of(Kind::Broken, issues))?;
    let mut issues = asked_for_profile(profile);
    issues.extend(validate(&resource, &Options::default()));
    Ok(http::answer(outcome(issues)))
}

async fn given(
    ask: Ask,
    request: &HttpRequest,
    kind: &'static str,
    key: Option<Key>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let query = http::pairs(request.query_string());
    let (body, sent) = match http::fhir_sent(request, payload, &ask.app.config.http).await {
        Ok(body) => body,
        // That it is no legal R4 is the answer, and no failure to answer.
        Err(failure) if failure.status() == StatusCode::BAD_REQUEST => {
            return Ok(http::answer(outcome(failure.issues().to_vec())));
        }
        Err(failure) => return Err(failure),
    };
    let asked = Asked::of(body, &query)?;
    let judged = move || {
        let mut issues = asked.judge(kind, key.as_ref());
        match &asked.root {
            Some(root) => sent.locate_within(root, &mut issues),
            None => sent.locate(&mut issues),
        }
        issues
    };
    let issues = actix_web::web::block(judged).await;
    let issues = issues.map_err(|_| Failure::new(Kind::Busy, "too much is being judged at once; try again soon"))?;
    Ok(http::answer(outcome(issues)))
}

/// What is to be judged, and how.
struct Asked {
    resource: Option<Resource<'static>>,
    /// Where in what was sent it stands, where that is not the whole.
    root: Option<String>,
    mode: Option<String>,
    profile: bool,
}

impl Asked {
    /// A resource as it is, or Parameters with `resource`, `mode` and `profile`.
    fn of(body: Resource<'static>, query: &[(String, String)]) -> Result<Asked, Failure> {
        let said = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let mut asked = Asked { resource: None, root: None, mode: said("mode"), profile: said("profile").is_some() };
        let parameters = body.object.items("parameter");
        let named = |name: &str| {
            parameters.iter().filter_map(Node::as_object).find(|parameter| parameter.str("name") == Some(name))
        };
        if body.kind() != "Parameters" || named("resource").is_none() && named("mode").is_none() {
            asked.resource = Some(body);
            return Ok(asked);
        }
        if let Some(Node::Object(object)) = named("resource").and_then(|parameter| parameter.get("resource")) {
            asked.resource = Some(Resource { object: object.clone() });
            let at = |item: &Node<'_>| item.as_object().and_then(|of| of.str("name")) == Some("resource");
            asked.root = parameters.iter().position(at).map(|at| format!("Parameters.parameter[{at}].resource"));
        }
        if let Some(mode) = named("mode") {
            asked.mode = mode.str("valueCode").map(str::to_owned);
        }
        asked.profile |= named("profile").is_some();
        match asked.mode.as_deref() {
            None | Some("create" | "update" | "delete" | "profile") => Ok(asked),
            Some(_) => Err(Failure::new(Kind::Invalid, "mode must be create, update, delete or profile")),
        }
    }

    fn judge(&self, kind: &str, key: Option<&Key>) -> Vec<Issue> {
        let mut issues = asked_for_profile(self.profile || self.mode.as_deref() == Some("profile"));
        let Some(resource) = &self.resource else {
            if self.mode.as_deref() != Some("delete") {
                issues.push(Issue::error(IssueType::Required, "", "no resource was sent to be judged"));
            }
            return issues;
        };
        if resource.kind() != kind {
            let text = format!("the resource is not a {kind}, which the address names");
            issues.push(Issue::error(IssueType::Invalid, resource.kind(), text));
        }
        let place = format!("{kind}.id");
        match (self.mode.as_deref(), resource.id(), key) {
            (Some("create"), Some(_), _) => {
                let text = "the id is passed over when it is created: the server gives one";
                issues.push(Issue::warning(IssueType::Informational, place, text));
            }
            (Some("update"), id, Some(key)) if id != Some(key.id.as_str()) => {
                issues.push(Issue::error(IssueType::Invalid, place, "must be the id in the address"));
            }
            (Some("update"), None, None) => {
                issues.push(Issue::error(IssueType::Required, place, "is required to update"));
            }
            _ => {}
        }
        issues.extend(validate(resource, &Options::default()));
        issues
    }
}

fn asked_for_profile(asked: bool) -> Vec<Issue> {
    let text = "profiles are not judged by this server yet; what follows is R4 itself";
    asked.then(|| Issue::warning(IssueType::NotSupported, "", text)).into_iter().collect()
}

fn outcome(mut issues: Vec<Issue>) -> Answer {
    if issues.is_empty() {
        issues.push(Issue::information(IssueType::Informational, "", "nothing is wrong with it as R4 itself goes"));
    }
    let mut body = Vec::new();
    fhir::json::write(&fhir::outcome(&issues), &mut body);
    Answer::of_resource(StatusCode::OK, body)
}
