//! `GET /hilum/strangers`: who was refused because no source is configured for its address (`safety.md` 2).
//!
//! An address and how often it came is all there is to say: nothing that it sent was read.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use actix_web::web::Json;
use serde::Serialize;

use crate::http::{Ask, Failure};
use crate::mllp::{Count, Strangers};

/// Where strangers came to: `POST /hl7v2`, and the MLLP listeners by source once they are bound.
#[derive(Clone, Default)]
pub struct Doors {
    http: Arc<Strangers>,
    mllp: Arc<OnceLock<Vec<Door>>>,
}

/// A source's name, and what its listener counts.
type Door = (String, Arc<Count>);

#[derive(Serialize)]
pub struct Listing {
    strangers: Vec<Stranger>,
}

#[derive(Serialize)]
struct Stranger {
    /// The source whose listener it came to, or `POST /hl7v2`.
    at: String,
    address: String,
    times: u64,
}

impl Doors {
    /// The listeners, said once at the start.
    pub fn bound(&self, listeners: Vec<Door>) {
        self.mllp.set(listeners).expect("listeners are bound once");
    }

    /// A stranger over HTTP. The log is told at the first, second, fourth … time.
    pub fn refuse_http(&self, address: IpAddr) {
        if let Some(times) = self.http.note(address.to_canonical()) {
            tracing::warn!(peer = %address, times, "refused a sender over HTTP: no source with http = true has its address");
        }
    }

    fn list(&self) -> Listing {
        let listed = |at: &str, strangers: &Strangers| {
            let stranger =
                |(address, times): (IpAddr, u64)| Stranger { at: at.to_owned(), address: address.to_string(), times };
            strangers.list().into_iter().map(stranger).collect::<Vec<_>>()
        };
        let mut strangers = listed("POST /hl7v2", &self.http);
        for (source, count) in self.mllp.get().into_iter().flatten() {
            strangers.extend(listed(source, &count.strangers));
        }
        Listing { strangers }
    }
}

pub async fn show(ask: Ask) -> Result<Json<Listing>, Failure> {
    Ok(Json(ask.app.doors.list()))
}
