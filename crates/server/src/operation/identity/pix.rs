//! `Patient/$ihe-pix` (IHE PIXm, ITI-83): by which identifiers and resources a person is known elsewhere.
//!
//! An identifier that nobody here has is 404, and so is a domain that nobody here knows, as PIXm 2:3.83.4.2 has it; `targetSystem`
//! narrows the answer and may stand several times.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use fhir::search::{Handling, Query};
use fhir::{Issue, IssueType, Node, Object, Resource};
use record::{Key, Version};

use super::part;
use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::Answer;

pub async fn by_query(ask: Ask, request: HttpRequest) -> Result<HttpResponse, Failure> {
    answer(&ask, http::pairs(request.query_string())).await
}

pub async fn by_form(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    let given = http::fhir_body(&request, payload, &ask.app.config.http).await?;
    let given = given.object.items("parameter").iter().filter_map(Node::as_object);
    let pairs = given.filter_map(|of| {
        let value = of.str("valueString").or(of.str("valueUri")).map(str::to_owned);
        let identifier = of.get("valueIdentifier").and_then(Node::as_object);
        let identifier = identifier
            .map(|of| format!("{}|{}", of.str("system").unwrap_or_default(), of.str("value").unwrap_or_default()));
        Some((of.str("name")?.to_owned(), value.or(identifier)?))
    });
    let pairs: Vec<(String, String)> = pairs.collect();
    // In which format, the body may say too (PIXm 2:3.83.4.1.2).
    let form = ask.form.shaped(&pairs)?;
    request.extensions_mut().insert(form);
    answer(&ask, pairs).await
}

async fn answer(ask: &Ask, pairs: Vec<(String, String)>) -> Result<HttpResponse, Failure> {
    ask.may_read("Patient")?;
    let invalid = |text: &str| Failure::new(Kind::Invalid, text);
    let (mut source, mut targets) = (None, Vec::new());
    for (name, value) in pairs {
        match name.as_str() {
            "sourceIdentifier" if source.is_none() => source = Some(value),
            "targetSystem" => targets.push(value),
            "_format" | "_pretty" => {}
            _ => return Err(invalid("takes sourceIdentifier once and targetSystem, and no other parameter")),
        }
    }
    let source = source.ok_or_else(|| invalid("sourceIdentifier is missing: system|value"))?;
    let Some((system, value)) =
        source.split_once('|').filter(|(system, value)| !system.is_empty() && !value.is_empty())
    else {
        return Err(invalid("sourceIdentifier must be system|value"));
    };
    for target in &targets {
        if identified(ask, &format!("{target}|")).await?.is_empty() {
            let text = "targetSystem is a domain that nobody here has an identifier of";
            return Err(Failure::of(
                Kind::Forbidden,
                vec![Issue::error(IssueType::CodeInvalid, "http.targetSystem", text)],
            ));
        }
    }
    let known = identified(ask, &source).await?;
    let Some(first) = known.first() else {
        let text = "nobody here has the identifier sourceIdentifier";
        return Err(Failure::of(
            Kind::NotFound,
            vec![Issue::error(IssueType::NotFound, "http.sourceIdentifier", text)],
        ));
    };
    let (same, _) = ask.app.identity.same(&first.key.id).await?;
    // The one that was asked by is known to whoever asks.
    let others =
        same.iter().map(|id| Key::new("Patient", id.as_str())).filter(|key| !known.iter().any(|of| of.key == *key));
    let keys: Vec<Key> = others.collect();
    let versions = ask.app.record.current_many(&ask.access, &keys).await?;
    let mut parameters = Resource::new("Parameters");
    for version in versions.into_iter().flatten() {
        cross(&mut parameters, &version, (system, value), &targets);
    }
    let mut json = Vec::new();
    fhir::json::write(&parameters, &mut json);
    Ok(http::answer(Answer::of_resource(StatusCode::OK, json)))
}

/// What one Patient is known by.
fn cross(parameters: &mut Resource<'static>, version: &Version, asked: (&str, &str), targets: &[String]) {
    let Some(Ok(patient)) = version.body.as_deref().map(fhir::json::read) else { return };
    let identifiers = patient.object.items("identifier").iter().filter_map(Node::as_object);
    let wanted = identifiers.filter_map(|identifier| {
        let (system, value) = (identifier.str("system")?, identifier.str("value")?);
        let wanted = targets.is_empty() || targets.iter().any(|target| target == system);
        (wanted && (system, value) != asked).then(|| {
            let fields = vec![("system", Node::text(system.to_owned())), ("value", Node::text(value.to_owned()))];
            part("targetIdentifier", ("valueIdentifier", Node::Object(Object { fields })))
        })
    });
    let wanted: Vec<Node<'static>> = wanted.collect();
    if wanted.is_empty() && !targets.is_empty() {
        return;
    }
    let reference = Object { fields: vec![("reference", Node::text(version.key.to_string()))] };
    parameters.object.push("parameter", part("targetId", ("valueReference", Node::Object(reference))));
    wanted.into_iter().for_each(|identifier| parameters.object.push("parameter", identifier));
}

/// The sources with an identifier, or with any of a system.
async fn identified(ask: &Ask, token: &str) -> Result<Vec<Version>, Failure> {
    let pairs = [("identifier", token), ("_count", "20"), ("_total", "none")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let query =
        Query::parse("Patient", &pairs, Handling::Strict).map_err(|issues| Failure::of(Kind::Invalid, issues))?;
    let found = ask.app.record.search(&ask.access, &query, None).await?;
    Ok(found.versions.into_iter().filter(|version| !version.key.is_golden()).collect())
}
