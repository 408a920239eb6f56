//! Vread: one version of a resource (R4 §3.1.0.3).

use actix_web::HttpResponse;
use actix_web::web::Path;

use super::{erased, gone, key_of};
use crate::http::{self, Ask, Failure, Kind};

pub async fn vread(ask: Ask, path: Path<(String, String, String)>) -> Result<HttpResponse, Failure> {
    let (kind, id, vid) = path.into_inner();
    let key = key_of(&(kind, id))?;
    let missing = || Failure::new(Kind::NotFound, format!("{key} has no such version"));
    // Versions are numbers from 1; another name is one of no version.
    let vid = vid.parse().map_err(|_| missing())?;
    let version = ask.app.record.vread(&ask.access, &key, vid).await?.ok_or_else(missing)?;
    match &version.body {
        Some(_) => Ok(http::resource(version, ask.form)),
        None if version.is_deleted() => Err(gone(&key)),
        None => Err(erased(&key)),
    }
}
