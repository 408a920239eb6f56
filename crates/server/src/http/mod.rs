//! HTTP: the listener, the routes, and what every request has in common (R4 §3.1.0).
//!
//! Types of actix stay in here, in `interaction` and in `operation`. A handler is an ordinary function: what it needs of
//! the request in, a response or a [`Failure`] out. What it must not know is how a failure becomes a status.

mod access;
mod body;
mod failure;
mod form;
mod link;
mod precondition;
mod reply;
mod watch;

use std::future::ready;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App as Routes, HttpResponse, HttpServer, Resource};

pub use access::{Ask, client_address};
pub use body::{content_type, detached, fhir_body, header_text, read_body};
pub use failure::{Failure, Kind};
pub use form::{Form, Return};
pub use link::{base, encoded, pairs};
pub use precondition::{Fresh, Match};
pub use reply::{answer, json};

use crate::app::App;

/// The path under which FHIR is served.
pub const FHIR: &str = "/fhir";
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
        let workers = match settings.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let shared = app.clone();
        let factory = move || {
            let routes = Routes::new().app_data(web::Data::new(shared.clone()));
            routes.wrap(actix_web::middleware::from_fn(watch::watch)).configure(routes_of)
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

fn routes_of(config: &mut ServiceConfig) {
    use crate::interaction::{batch, capabilities, create, delete, history, patch, read, search, update, vread};
    use crate::operation::{health, hl7v2, lastn, messages, meta, metrics, strangers};
    let one = at("/{kind}/{id}").get(read::read).head(read::read).put(update::update).delete(delete::delete);
    let all = at("/{kind}").get(search::by_query).head(search::by_query).post(create::create);
    let all = all.put(update::where_matches).patch(patch::where_matches).delete(delete::where_matches);
    let fhir = web::scope(FHIR)
        .service(only("GET, HEAD", at("/metadata").get(capabilities::show).head(capabilities::show)))
        .service(only("GET, POST", at("").get(not_served_yet).post(batch::post)))
        .service(only("GET, POST", at("/").get(not_served_yet).post(batch::post)))
        .service(only("GET", at("/_history").get(history::of_everything)))
        .service(only("GET, HEAD, POST, PUT, PATCH, DELETE", all))
        .service(only("POST", at("/{kind}/_search").post(search::by_form)))
        .service(only("GET", at("/Observation/$lastn").get(lastn::show)))
        .service(only("GET", at("/{kind}/{id}/$meta").get(meta::show)))
        .service(only("POST", at("/{kind}/{id}/$meta-add").post(meta::add)))
        .service(only("POST", at("/{kind}/{id}/$meta-delete").post(meta::delete)))
        .service(only("GET", at("/{kind}/_history").get(history::of_kind)))
        .service(only("GET, HEAD, PUT, PATCH, DELETE", one.patch(patch::patch)))
        .service(only("GET", at("/{kind}/{id}/_history").get(history::of_resource)))
        .service(only("GET, HEAD", at("/{kind}/{id}/_history/{vid}").get(vread::vread).head(vread::vread)));
    config
        .service(fhir)
        .service(only("POST", at("/hl7v2").post(hl7v2::take)))
        .service(only("GET", at("/hilum/messages").get(messages::list)))
        .service(only("GET", at("/hilum/messages/{id}").get(messages::show)))
        .service(only("GET", at("/hilum/messages/{id}/raw").get(messages::raw)))
        .service(only("POST", at("/hilum/messages/{id}/replay").post(messages::replay)))
        .service(only("POST", at("/hilum/messages/{id}/undo").post(messages::undo)))
        .service(only("GET", at("/hilum/strangers").get(strangers::show)))
        .service(only("GET, HEAD", at("/livez").get(health::livez).head(health::livez)))
        .service(only("GET, HEAD", at("/readyz").get(health::readyz).head(health::readyz)))
        .service(only("GET", at("/metrics").get(metrics::show)))
        .default_service(web::to(nothing_here));
}

fn at(path: &str) -> Resource {
    web::resource(path)
}

/// Another method is answered 405 with the ones that there are.
fn only(methods: &'static str, resource: Resource) -> Resource {
    resource.default_service(web::to(move || ready(Err::<HttpResponse, _>(Failure::method_not_allowed(methods)))))
}

/// What R4 has and this server has not yet.
async fn not_served_yet() -> Result<HttpResponse, Failure> {
    Err(Failure::new(Kind::NotServed, "not served yet: searching all types at once"))
}

async fn nothing_here() -> Result<HttpResponse, Failure> {
    Err(Failure::new(Kind::NotFound, "nothing is served under this path; FHIR is under /fhir"))
}

#[cfg(test)]
mod tests;
