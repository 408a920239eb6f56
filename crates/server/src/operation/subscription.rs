//! What a subscriber asks of his subscriptions (Backport guide): `$status`, `$events`, `$get-ws-binding-token`.
//!
//! A subscription is its author's: to others it looks as if it were not there.

use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fhir::search::Context;
use fhir::{Node, Object, Resource};
use record::Key;
use sync::subscription::{
    Channel, Content, Format, Head, Kind as Notification, State, Style, Terms, bundle, status as told,
};

use crate::app;
use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::{Answer, Bundle, not_found};
use crate::subscription::{fresh_uuid, store, written};

/// Events of one answer to `$events`; the client asks on from the last.
const EVENTS_MAX: u64 = 500;
/// Subscriptions that one token binds.
const TOKEN_IDS_MAX: usize = 12;
/// How long a token is good for: it is made to be used at once.
const TOKEN_SECONDS: i64 = 60;
/// What a token is sealed for.
pub const TOKEN_PURPOSE: &str = "websocket binding";

pub async fn statuses(ask: Ask, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let pairs = http::pairs(request.query_string());
    let wanted = |name: &str, value: &str| {
        let mut values = pairs.iter().filter(|(of, _)| of == name).flat_map(|(_, value)| value.split(',')).peekable();
        values.peek().is_none() || values.any(|of| of == value)
    };
    let mut found = Vec::new();
    for (id, state) in store::states(&ask.app.record).await? {
        if state.who == ask.access.who() && wanted("id", &id) && wanted("status", state.status.code()) {
            found.push((id, state));
        }
    }
    shown(&ask, &found, "").await
}

pub async fn status(ask: Ask, id: Path<String>) -> Result<HttpResponse, Failure> {
    let own = own(&ask, &id).await?;
    shown(&ask, &[(id.clone(), own)], &format!("{id}/")).await
}

async fn shown(ask: &Ask, found: &[(String, State)], path: &str) -> Result<HttpResponse, Failure> {
    let link = format!("{}/Subscription/{path}$status", ask.base);
    let mut all = Bundle::begin("searchset", Some(found.len() as u64), &[("self", link)]);
    for (id, state) in found {
        let topic = terms(ask, id).await?.and_then(|terms| terms.topic());
        let (uuid, now) = (uuid()?, store::instant(app::now()));
        let head = head(ask, id, state, topic, Notification::QueryStatus, &uuid, &now);
        all.resource(&format!("urn:uuid:{uuid}"), &written(&told(&head, &[], Content::IdOnly), Format::Json));
    }
    Ok(http::answer(Answer::of_resource(StatusCode::OK, all.end())))
}

/// What he was told of, or missed, with what he may see of it now.
pub async fn events(ask: Ask, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Failure> {
    let state = own(&ask, &id).await?;
    let terms = terms(&ask, &id).await?.ok_or_else(|| not_found(&Key::new("Subscription", id.as_str())))?;
    let pairs = http::pairs(request.query_string());
    let one = |name: &str| pairs.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str());
    let number = |name: &str, otherwise: u64| match one(name) {
        None => Ok(otherwise),
        Some(text) => {
            text.parse().map_err(|_| Failure::new(Kind::Invalid, format!("{name} must be the number of an event")))
        }
    };
    let (from, to) =
        (number("eventsSinceNumber", 1)?.max(1), number("eventsUntilNumber", state.events)?.min(state.events));
    let most = match terms.style {
        Style::Backport { content, .. } => content,
        Style::Classic(None) => Content::Empty,
        Style::Classic(Some(_)) => Content::Full,
    };
    let content = match one("content") {
        None => most,
        Some(code) => Content::read(code)
            .ok_or_else(|| Failure::new(Kind::Invalid, "content must be empty, id-only or full-resource"))?,
    };
    let to = to.min(from.saturating_add(EVENTS_MAX - 1));
    let events = match from <= to {
        true => store::told(&ask.app, &ask.access, &id, from, to).await?,
        false => Vec::new(),
    };
    let (uuid, now) = (uuid()?, store::instant(app::now()));
    let head = head(&ask, &id, &state, terms.topic(), Notification::QueryEvent, &uuid, &now);
    Ok(http::json(StatusCode::OK, written(&bundle(&head, events, content), Format::Json)))
}

pub async fn tokens(ask: Ask, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let pairs = http::pairs(request.query_string());
    let named = pairs.iter().filter(|(name, _)| name == "id").flat_map(|(_, value)| value.split(','));
    let mut ids: Vec<String> = named.map(str::to_owned).collect();
    if ids.is_empty() {
        let all = store::states(&ask.app.record).await?.into_iter();
        for (id, _) in all.filter(|(_, state)| state.who == ask.access.who()) {
            if terms(&ask, &id).await?.is_some_and(|terms| terms.channel == Channel::WebSocket) {
                ids.push(id);
            }
        }
    }
    sealed(&ask, ids).await
}

pub async fn token(ask: Ask, id: Path<String>) -> Result<HttpResponse, Failure> {
    sealed(&ask, vec![id.into_inner()]).await
}

/// A token that binds a WebSocket to these, for whoever comes with it in time.
async fn sealed(ask: &Ask, ids: Vec<String>) -> Result<HttpResponse, Failure> {
    if ids.is_empty() || ids.len() > TOKEN_IDS_MAX {
        let text = format!("name 1 to {TOKEN_IDS_MAX} subscriptions of the channel websocket by id");
        return Err(Failure::new(Kind::Invalid, text));
    }
    for id in &ids {
        own(ask, id).await?;
        if terms(ask, id).await?.is_none_or(|terms| terms.channel != Channel::WebSocket) {
            return Err(Failure::new(Kind::Invalid, format!("Subscription/{id} is not one of the channel websocket")));
        }
    }
    let until = record::Time(app::now().0 + TOKEN_SECONDS * 1_000_000);
    let place = format!("{}|{}|{}", until.0, ask.access.who(), ids.join(","));
    let token = crate::http::sealed(ask.app.record.id_key(), TOKEN_PURPOSE, &place);
    let mut answer = Resource::new("Parameters");
    let mut add = |name: &'static str, of: &'static str, value: String| {
        let fields = vec![("name", Node::text(name)), (of, Node::text(value))];
        answer.object.push("parameter", Node::Object(Object { fields }));
    };
    add("token", "valueString", token);
    add("expiration", "valueDateTime", store::instant(until));
    ids.iter().for_each(|id| add("subscription", "valueString", id.clone()));
    let root = ask.base.strip_suffix(http::FHIR).unwrap_or(&ask.base);
    let root = root.replacen("http", "ws", 1);
    add("websocket-url", "valueUrl", format!("{root}{}", super::websocket::PATH));
    Ok(http::json(StatusCode::OK, written(&answer, Format::Json)))
}

/// The state of a subscription of the requester's own.
async fn own(ask: &Ask, id: &str) -> Result<State, Failure> {
    let state = store::state(&ask.app.record, id).await?.filter(|state| state.who == ask.access.who());
    state.ok_or_else(|| not_found(&Key::new("Subscription", id)))
}

async fn terms(ask: &Ask, id: &str) -> Result<Option<Terms>, Failure> {
    let newest = store::subscription(&ask.app, id).await?;
    let body = newest.and_then(|version| version.body);
    let resource = body.as_deref().and_then(|body| fhir::json::read(body).ok());
    Ok(resource.and_then(|resource| Terms::read(Context::default(), &resource).ok()))
}

fn head<'h>(
    ask: &'h Ask,
    id: &'h str,
    state: &'h State,
    topic: Option<&'h str>,
    kind: Notification,
    uuid: &'h str,
    now: &'h str,
) -> Head<'h> {
    let (status, error) = (state.status.code(), state.error.as_str());
    Head { kind, base: &ask.base, subscription: id, topic, status, events: state.events, error, now, uuid }
}

fn uuid() -> Result<String, Failure> {
    fresh_uuid().ok_or_else(|| Failure::new(Kind::Broken, "the system gives no random bytes to make an id of"))
}
