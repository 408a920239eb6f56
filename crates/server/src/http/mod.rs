//! HTTP: the listener, the routes, and what every request has in common (R4 §3.1.0).
//!
//! Types of actix stay in here, in `interaction` and in `operation`. A handler is an ordinary function: what it needs of
//! the request in, a response or a [`Failure`] out. What it must not know is how a failure becomes a status.

mod access;
mod body;
mod budget;
mod coding;
mod compress;
mod deed;
mod edge;
mod failure;
mod form;
mod format;
mod link;
mod page;
mod precondition;
mod reply;
mod routes;
mod sent;
mod watch;

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App as Routes, HttpServer, web};

pub use access::{Ask, client_address};
pub use body::{content_type, detached, fhir_body, fhir_sent, header_text, read_body, search_body};
pub use budget::Budget;
pub use deed::{Deed, Verb};
pub use failure::{Failure, Kind};
pub use form::{Form, Return};
pub use link::{base, encoded, pairs, query};
pub use page::{opened, sealed};
pub use precondition::{Fresh, Match};
pub use reply::{answer, json};
pub use routes::{FHIR, PLACES, Place};

use crate::app::App;

/// An idle connection is kept this long for the next request.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a drain looks whether all is answered, and what the last answers get to be read.
const LOOK: Duration = Duration::from_millis(5);
const LAST_BYTES: Duration = Duration::from_secs(1);

/// A server that answers on a listener.
pub struct Http {
    handle: ServerHandle,
    app: App,
}

impl Http {
    /// Begins to answer. The threads that answer are actix's own.
    pub fn start(app: &App, listener: TcpListener) -> std::io::Result<Http> {
        let settings = &app.config.http;
        close_on_the_deaf(&listener, settings.write_seconds)?;
        let workers = match settings.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let shared = app.clone();
        let factory = move || {
            let routes = Routes::new().app_data(web::Data::new(shared.clone()));
            routes.wrap(from_fn(compress::compress)).wrap(from_fn(watch::watch)).configure(routes::routes)
        };
        let server: Server = HttpServer::new(factory)
            .workers(workers)
            .max_connections(settings.connections_max.div_ceil(workers))
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(Duration::from_secs(settings.request_seconds))
            .disable_signals()
            .listen(listener)?
            .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Http { handle, app: app.clone() })
    }

    /// Takes no new connections, and waits until what is in hand is answered and the answers had a moment to be read. It
    /// does not wait for idle connections; the caller bounds the time.
    pub async fn drain(self) {
        let in_hand = async {
            while self.app.metrics.http_in_hand.get() > 0 {
                tokio::time::sleep(LOOK).await;
            }
            tokio::time::sleep(LAST_BYTES).await;
        };
        tokio::select! {
            () = self.handle.stop(true) => {}
            () = in_hand => {}
        }
    }
}

/// Connections that this listener takes end when the other side has taken nothing of what is sent for so long. Actix has no
/// such limit; TCP has (RFC 5482), and knows as nobody above it does whether anything was taken.
fn close_on_the_deaf(listener: &TcpListener, seconds: u64) -> std::io::Result<()> {
    let ms = u32::try_from(seconds.saturating_mul(1_000)).unwrap_or(u32::MAX);
    Ok(rustix::net::sockopt::set_tcp_user_timeout(listener, ms)?)
}

#[cfg(test)]
mod tests;
