//! `/livez` and `/readyz`: for whoever restarts or routes to this server. They say nothing of anybody.
//!
//! Alive: it answers. Ready: it can store what it is given, and is not on its way out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use tokio::sync::Mutex;

use crate::app::App;

/// A finding stays good for so long: the store is not written to as fast as somebody can ask.
const KEPT: Duration = Duration::from_secs(2);
/// A cursor that is moved only to see that it can be.
const PROBE: &str = "server:ready";

/// The last look at the store.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<Option<Look>>>);

struct Look {
    when: Instant,
    /// Why nothing could be stored.
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// What is in the way.
    why: Option<String>,
    profiles: usize,
    rules: usize,
}

pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

pub async fn readyz(app: Data<App>) -> HttpResponse {
    let why = match app.shutdown.is_draining() {
        true => Some("the server is shutting down".to_owned()),
        false => app.health.trouble(&app).await,
    };
    let (profiles, rules, _) = app.intake.gateway().counts();
    let ready = Ready { ready: why.is_none(), why, profiles, rules };
    if ready.ready { HttpResponse::Ok().json(ready) } else { HttpResponse::ServiceUnavailable().json(ready) }
}

impl Health {
    /// Why nothing can be stored; none where it can. Those who ask at once share one look.
    async fn trouble(&self, app: &App) -> Option<String> {
        let mut last = self.0.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.when.elapsed() < KEPT) {
            return look.trouble.clone();
        }
        let trouble = write(app).await.err();
        *last = Some(Look { when: Instant::now(), trouble: trouble.clone() });
        trouble
    }
}

async fn write(app: &App) -> Result<(), String> {
    let position = app.record.position().await.map_err(|error| error.to_string())?;
    app.record.advance(PROBE, position).await.map_err(|error| error.to_string())
}
