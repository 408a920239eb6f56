//! Notifications over a WebSocket (RFC 6455): R4's `bind ID`, answered by `bound ID` and a `ping ID` for each event; and the
//! Backport guide's `bind-with-token TOKEN`, answered by the notifications themselves.
//!
//! A socket holds no events. It knows the number of the newest one it has told of each subscription, and reads on from the record
//! when there are more: however slow its client is, nothing is kept for it, and when it goes away everything is free.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, Session};
use fhir::search::Context;
use sync::subscription::{Content, Format, Head, Kind as Notification, Style, Terms, bundle};
use tokio::sync::watch;

use super::subscription::TOKEN_PURPOSE;
use crate::app::{self, App};
use crate::http::{self, Ask, Failure, Kind};
use crate::subscription::{fresh_uuid, store, written};

/// Where sockets are opened.
pub const PATH: &str = "/websocket";
/// Of a message of a client.
const FRAME_BYTES_MAX: usize = 4_096;
/// Subscriptions of one socket.
const BOUND_MAX: usize = 64;
/// Between two signs of life that we ask for; a client that gives none until the next is gone.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long a client may take nothing.
const SEND_MAX: Duration = Duration::from_secs(30);
/// Events of one notification.
const EVENTS_MAX: u64 = 20;

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One of the sockets that there may be, until it is dropped.
struct Place;

impl Place {
    fn take(max: usize) -> Option<Place> {
        let taken = OPEN.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |open| (open < max).then_some(open + 1));
        taken.ok().map(|_| Place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Opened to everybody: what is bound needs a token, or a requester who may ask.
pub async fn open(
    app: Data<App>,
    ask: Result<Ask, Failure>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let place = Place::take(app.config.subscriptions.sockets_max).ok_or_else(|| {
        Failure::new(Kind::Busy, "as many WebSockets are open as [subscriptions] sockets_max permits")
    })?;
    let refused =
        |_| Failure::new(Kind::Invalid, "this is the address of a WebSocket: connect by an Upgrade (RFC 6455)");
    let (response, session, stream) = actix_ws::handle(&request, payload).map_err(refused)?;
    let base = http::base(&request, app.config.http.base_url.as_deref());
    let stream = stream.max_frame_size(FRAME_BYTES_MAX).aggregate_continuations();
    let stream = stream.max_continuation_size(FRAME_BYTES_MAX);
    let socket = Socket { app: App::clone(&app), who: ask.ok().map(|ask| ask.access.who().to_owned()), base, session };
    actix_web::rt::spawn(async move {
        let _place = place;
        socket.run(stream).await;
    });
    Ok(response)
}

struct Socket {
    app: App,
    /// Who opened it, where that is known.
    who: Option<String>,
    base: String,
    session: Session,
}

/// A subscription that the socket tells of.
struct Bound {
    /// R4's way of telling; else the guide's.
    classic: bool,
    /// The number of the newest event that was told.
    told: u64,
    news: watch::Receiver<u64>,
}

/// The client is gone, or did what is not to be done.
struct Gone(Option<CloseCode>);

impl Socket {
    async fn run(mut self, mut stream: AggregatedMessageStream) {
        let mut bound: HashMap<String, Bound> = HashMap::new();
        let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
        let mut alive = true;
        let shutdown = self.app.shutdown.clone();
        let end = loop {
            let done = tokio::select! {
                () = shutdown.begun() => break Some(CloseCode::Away),
                message = stream.recv() => {
                    alive = true;
                    match message {
                        Some(Ok(message)) => self.hear(message, &mut bound).await,
                        Some(Err(_)) => Err(Gone(Some(CloseCode::Size))),
                        None => Err(Gone(None)),
                    }
                }
                id = news(&mut bound) => self.tell(&id, &mut bound).await,
                _ = ping.tick() => {
                    let was = std::mem::replace(&mut alive, false);
                    if was { sent(self.session.ping(b"")).await } else { Err(Gone(Some(CloseCode::Policy))) }
                }
            };
            if let Err(Gone(code)) = done {
                break code;
            }
        };
        // Whoever is gone does not hear it.
        let _ = tokio::time::timeout(SEND_MAX, self.session.close(end.map(Into::into))).await;
    }

    async fn hear(&mut self, message: AggregatedMessage, bound: &mut HashMap<String, Bound>) -> Result<(), Gone> {
        match message {
            AggregatedMessage::Text(text) => match text.trim().split_once(' ') {
                Some(("bind", id)) => self.bind(id.trim(), bound).await,
                Some(("bind-with-token", token)) => self.bind_with_token(token.trim(), bound).await,
                _ => self.say("error say `bind ID`, or `bind-with-token TOKEN`".to_owned()).await,
            },
            AggregatedMessage::Ping(bytes) => sent(self.session.pong(&bytes)).await,
            AggregatedMessage::Pong(_) => Ok(()),
            AggregatedMessage::Binary(_) => Err(Gone(Some(CloseCode::Unsupported))),
            AggregatedMessage::Close(_) => Err(Gone(None)),
        }
    }

    /// R4: by the right of whoever opened the socket.
    async fn bind(&mut self, id: &str, bound: &mut HashMap<String, Bound>) -> Result<(), Gone> {
        let state = store::state(&self.app.record, id).await.ok().flatten();
        let own = state.filter(|state| self.who.as_ref() == Some(&state.who));
        let news = self.app.subscriptions.listen(id);
        let (Some(_), Some(mut news), true) = (own, news, bound.len() < BOUND_MAX) else {
            return self.say(format!("error no such subscription to bind: {}", cut(id))).await;
        };
        let told = *news.borrow_and_update();
        bound.insert(id.to_owned(), Bound { classic: true, told, news });
        self.say(format!("bound {id}")).await
    }

    /// The guide: by the token, whoever comes with it.
    async fn bind_with_token(&mut self, token: &str, bound: &mut HashMap<String, Bound>) -> Result<(), Gone> {
        let place = http::opened(self.app.record.id_key(), TOKEN_PURPOSE, token);
        let place = place.as_deref().and_then(|place| {
            let mut parts = place.splitn(3, '|');
            let until: i64 = parts.next()?.parse().ok()?;
            let (who, ids) = (parts.next()?, parts.next()?);
            (app::now().0 < until).then(|| (who.to_owned(), ids.split(',').map(str::to_owned).collect::<Vec<_>>()))
        });
        let Some((who, ids)) = place else {
            return self.say("error the token is none of ours, or too old; get another".to_owned()).await;
        };
        for id in ids {
            let state = store::state(&self.app.record, &id).await.ok().flatten();
            let (Some(state), Some(mut news)) =
                (state.filter(|state| state.who == who), self.app.subscriptions.listen(&id))
            else {
                continue;
            };
            if bound.len() >= BOUND_MAX {
                return Err(Gone(Some(CloseCode::Policy)));
            }
            let told = *news.borrow_and_update();
            bound.insert(id.clone(), Bound { classic: false, told: told.max(state.events), news });
            self.notify(&id, Notification::Handshake, 1, 0).await?;
        }
        Ok(())
    }

    /// Tells what is new of a subscription, a part at a time.
    async fn tell(&mut self, id: &str, bound: &mut HashMap<String, Bound>) -> Result<(), Gone> {
        let Some(of) = bound.get_mut(id) else { return Ok(()) };
        let Ok(events) = of.news.has_changed().map(|_| *of.news.borrow_and_update()) else {
            // It was switched off, or deleted.
            bound.remove(id);
            return Ok(());
        };
        while of.told < events {
            let (from, to) = (of.told + 1, events.min(of.told + EVENTS_MAX));
            if of.classic {
                self.say(format!("ping {id}")).await?;
                of.told = from;
            } else {
                self.notify(id, Notification::Event, from, to).await?;
                of.told = to;
            }
        }
        Ok(())
    }

    async fn notify(&mut self, id: &str, kind: Notification, from: u64, to: u64) -> Result<(), Gone> {
        let broken = |_| Gone(Some(CloseCode::Error));
        let record = &self.app.record;
        let Some(state) = store::state(record, id).await.map_err(broken)? else { return Ok(()) };
        let newest = store::subscription(&self.app, id).await.map_err(broken)?;
        let body = newest.and_then(|version| version.body).unwrap_or_default();
        let resource = fhir::json::read(&body).ok();
        let terms = resource.and_then(|resource| Terms::read(Context::default(), &resource).ok());
        let Some(terms) = terms else { return Ok(()) };
        let (format, content) = match terms.style {
            Style::Backport { format, content } => (format, content),
            Style::Classic(_) => (Format::Json, Content::Empty),
        };
        let access = store::access(&self.app, &state.who);
        let told = match from <= to {
            true => store::told(&self.app, &access, id, from, to).await.map_err(broken)?,
            false => Vec::new(),
        };
        let (uuid, now) = (fresh_uuid().ok_or(Gone(Some(CloseCode::Error)))?, store::instant(app::now()));
        let (status, topic, base) = (state.status.code(), terms.topic(), self.base.as_str());
        let (events, error) = (state.events, state.error.as_str());
        let head = Head { kind, base, subscription: id, topic, status, events, error, now: &now, uuid: &uuid };
        let text = String::from_utf8(written(&bundle(&head, told, content), format)).expect("JSON and XML are UTF-8");
        self.say(text).await
    }

    async fn say(&mut self, text: String) -> Result<(), Gone> {
        sent(self.session.text(text)).await
    }
}

/// What goes out, within the time that a client may take nothing.
async fn sent(sending: impl Future<Output = Result<(), actix_ws::Closed>>) -> Result<(), Gone> {
    match tokio::time::timeout(SEND_MAX, sending).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Gone(None)),
    }
}

/// Waits until one of them has news, or is no more followed. Its id.
async fn news(bound: &mut HashMap<String, Bound>) -> String {
    let mut waiting: Vec<_> = bound
        .iter_mut()
        .map(|(id, of)| {
            let id = id.clone();
            Box::pin(async move {
                // That the other side is gone is news too.
                let _ = of.news.changed().await;
                id
            })
        })
        .collect();
    std::future::poll_fn(|context| {
        for wait in &mut waiting {
            if let std::task::Poll::Ready(id) = wait.as_mut().poll(context) {
                return std::task::Poll::Ready(id);
            }
        }
        std::task::Poll::Pending
    })
    .await
}

/// No more of what a client said than an id has.
fn cut(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(64).collect()
}
