//! What a steward decides of two Patients, and why the engine thinks what it does: `Patient/$identity-decide` and
//! `Patient/$identity-explain`.
//!
//! R4 has no such operations. A decision is a version of the pair's Linkage; `undo` leaves the two to the engine again, and
//! `split` says of one Patient that it is none of those whom it is linked with.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fhir::reference::{Literal, literal};
use fhir::{Node, Object, Resource};
use identity::linkage::{Pair, Verdict};
use record::Key;

use super::{parameter, part};
use crate::app;
use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::Answer;

const FORM: &str = "send Parameters with two parameters `patient` (valueReference to a Patient) and `decision` (valueCode link, \
                    not-same or undo), or with one and split";

const NOT_KNOWN: &str = "one of the two is not known here as a source that is in use";

pub async fn decide(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    ask.may_write("Linkage")?;
    ask.may_read("Patient")?;
    let given = http::fhir_body(&request, payload, &ask.app.config.http).await?;
    let invalid = || Failure::new(Kind::Invalid, FORM);
    let references = given.object.items("parameter").iter().filter_map(Node::as_object);
    let references = references.filter(|of| of.str("name") == Some("patient"));
    let ids: Vec<String> = references.filter_map(referred).collect();
    let decision = parameter(&given, "decision").and_then(|of| of.str("valueCode"));
    let verdict = match (decision, ids.as_slice()) {
        (Some("split"), [id]) => return split(&ask, id).await,
        (Some("link"), _) => Some(Verdict::Link),
        (Some("not-same"), _) => Some(Verdict::NotSame),
        (Some("undo"), _) => None,
        _ => return Err(invalid()),
    };
    let [one, other] = ids.as_slice() else { return Err(invalid()) };
    let pair = Pair::of(one, other).ok_or_else(invalid)?;
    if !are_seen(&ask, [one, other]).await? {
        return Err(Failure::new(Kind::Unprocessable, NOT_KNOWN));
    }
    let (identity, who) = (ask.app.identity.clone(), ask.access.who().to_owned());
    let decided = pair.clone();
    http::detached(async move { Ok(identity.decide(&decided, verdict, &who, app::now()).await?) }).await?;
    shown(&ask, &pair).await
}

/// One is none of those whom he is linked with: a decision of each, which can be taken back as any other.
async fn split(ask: &Ask, id: &str) -> Result<HttpResponse, Failure> {
    let (same, _) = ask.app.identity.same(id).await?;
    if !are_seen(ask, same.iter().chain([&id.to_owned()])).await? {
        let text = "not all whom this Patient is linked with are known here as sources that are in use";
        return Err(Failure::new(Kind::Unprocessable, text));
    }
    let (identity, who, one) = (ask.app.identity.clone(), ask.access.who().to_owned(), id.to_owned());
    let others = http::detached(async move { Ok(identity.split(&one, &who, app::now()).await?) }).await?;
    let mut parameters = Resource::new("Parameters");
    for pair in others.iter().filter_map(|other| Pair::of(id, other)) {
        parameters.object.push("parameter", part("decision", ("valueReference", reference(&pair.key()))));
    }
    let mut json = Vec::new();
    fhir::json::write(&parameters, &mut json);
    Ok(http::answer(Answer::of_resource(StatusCode::OK, json)))
}

pub async fn explain(ask: Ask, request: HttpRequest) -> Result<HttpResponse, Failure> {
    ask.may_read("Patient")?;
    let pairs = http::pairs(request.query_string());
    let ids: Vec<&str> = pairs.iter().filter(|(name, _)| name == "patient").map(|(_, value)| value.as_str()).collect();
    let id = |text: &str| text.strip_prefix("Patient/").unwrap_or(text).to_owned();
    let pair = match ids.as_slice() {
        [one, other] => Pair::of(&id(one), &id(other)),
        _ => None,
    };
    let pair = pair.ok_or_else(|| Failure::new(Kind::Invalid, "say which two: patient=Patient/a&patient=Patient/b"))?;
    shown(&ask, &pair).await
}

/// Whether whoever asks may see them all. One that he may not see is to him as one that is not there.
async fn are_seen(ask: &Ask, ids: impl IntoIterator<Item = &String>) -> Result<bool, Failure> {
    let keys: Vec<Key> = ids.into_iter().map(|id| Key::new("Patient", id.as_str())).collect();
    Ok(ask.app.record.current_many(&ask.access, &keys).await?.iter().all(Option::is_some))
}

/// How the two stand, and what the engine says field by field.
async fn shown(ask: &Ask, pair: &Pair) -> Result<HttpResponse, Failure> {
    let not_known = || Failure::new(Kind::NotFound, NOT_KNOWN);
    if !are_seen(ask, [&pair.a, &pair.b]).await? {
        return Err(not_known());
    }
    let (judged, reasons) = ask.app.identity.explain(pair).await?.ok_or_else(not_known)?;
    let (same, golden) = ask.app.identity.same(&pair.a).await?;
    let mut parameters = Resource::new("Parameters");
    let mut say = |name: &'static str, value: (&'static str, Node<'static>)| {
        parameters.object.push("parameter", part(name, value));
    };
    say("onePerson", ("valueBoolean", Node::Bool(same.contains(&pair.b))));
    say("decision", ("valueReference", reference(&pair.key())));
    if let Some(golden) = golden.filter(|_| same.contains(&pair.b)) {
        say("golden", ("valueReference", reference(&golden)));
    }
    say("engine", ("valueCode", Node::text(judged.verdict.code())));
    say("weight", ("valueDecimal", Node::number(format!("{:.3}", judged.weight))));
    for reason in reasons {
        say("reason", ("valueString", Node::text(reason)));
    }
    let mut json = Vec::new();
    fhir::json::write(&parameters, &mut json);
    Ok(http::answer(Answer::of_resource(StatusCode::OK, json)))
}

fn reference(key: &Key) -> Node<'static> {
    Node::Object(Object { fields: vec![("reference", Node::text(key.to_string()))] })
}

fn referred(parameter: &Object<'_>) -> Option<String> {
    match literal(parameter.get("valueReference")?.as_object()?.str("reference")?)? {
        Literal::Local { kind: "Patient", id, .. } => Some(id.to_owned()),
        _ => None,
    }
}
