//! Create: a new resource, its id made here (R4 §3.1.0.8).

use actix_web::web::{Bytes, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fhir::Node;
use record::{Change, CommitError, Key};

use super::{identifier, kind_of, write};
use crate::app;
use crate::http::{self, Ask, Failure, Kind};

/// Tries with another id; one is enough unless the random bytes are none.
const TRIES: usize = 3;

pub async fn create(
    ask: Ask,
    request: HttpRequest,
    kind: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let kind = kind_of(&kind)?;
    if request.headers().contains_key("if-none-exist") {
        let text = "not served yet: conditional create; search first, then create without If-None-Exist";
        return Err(Failure::new(Kind::NotServed, text));
    }
    let body = http::fhir_body(&request, payload, &ask.app.config.http).await?;
    http::detached(store(ask, kind, body)).await
}

async fn store(ask: Ask, kind: &'static str, body: Bytes) -> Result<HttpResponse, Failure> {
    for _ in 0..TRIES {
        let no_random = || Failure::new(Kind::Broken, "the system gives no random bytes to make an id of");
        let id = identifier::fresh(app::now()).ok_or_else(no_random)?;
        let key = Key::new(kind, id.clone());
        let prepared = {
            let mut resource = write::read_as(&body, kind)?;
            resource.object.set("id", Node::text(id));
            record::prepare(&resource)
        };
        match write::commit(&ask, &key, Change::Put(prepared), None).await {
            Ok(committed) => return write::answer(&ask, &key, &committed, true).await,
            Err(CommitError::Stale(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new(Kind::Busy, "no free id was found; try again"))
}
