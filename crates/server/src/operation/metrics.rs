//! `/metrics`: everything that is counted, in Prometheus' text format.

use actix_web::HttpResponse;
use actix_web::web::Data;
use prometheus::{TEXT_FORMAT, TextEncoder};

use crate::app::{self, App};
use crate::http::{Failure, Kind};

pub async fn show(app: Data<App>) -> Result<HttpResponse, Failure> {
    app.metrics.stored(&app.record.counts().await?);
    let waits = app.identity.oldest_review().await?.map_or(0, |since| (app::now().0 - since.0) / 1_000_000);
    app.metrics.identity(&app.identity.standing(), u64::try_from(waits).unwrap_or_default());
    let peers: Vec<_> = app.peers.list().into_iter().map(|(peer, told)| (peer.name, told)).collect();
    app.metrics.peers.stand(&peers);
    let text = TextEncoder::new().encode_to_string(&app.metrics.registry.gather());
    let text = text.map_err(|_| Failure::new(Kind::Broken, "the metrics cannot be written"))?;
    Ok(HttpResponse::Ok().content_type(TEXT_FORMAT).body(text))
}
