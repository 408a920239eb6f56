//! `$export` of the system, of all patients and of a Group (FHIR Bulk Data Access IG 3.0, "Bulk Data Export"): asked for here,
//! made by `bulk`, fetched from where the answer says.
//!
//! A job that is another's looks as one that is not there. The files are whole records: whoever fetches them has the job's
//! own requester's access, and its name that nobody guesses.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LOCATION, EXPIRES, HeaderName, HttpDate, RETRY_AFTER};
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fhir::{Issue, IssueType};
use serde_json::json;

use crate::app;
use crate::bulk::{self, Asked, Job, Kept, Level, Part, Refusal, State};
use crate::http::{self, Ask, FHIR, Failure, Kind};
use crate::interaction::{gone, key_of, not_found};

mod file;

pub use file::show as file;

/// When to ask again: a busy job is worth a look now and then.
const LOOK_AGAIN: &str = "2";
const PROGRESS: HeaderName = HeaderName::from_static("x-progress");

pub async fn of_system(ask: Ask, request: HttpRequest) -> Result<HttpResponse, Failure> {
    begin(&ask, &request, Level::System, http::pairs(request.query_string())).await
}

pub async fn of_system_posted(ask: Ask, request: HttpRequest, body: Payload) -> Result<HttpResponse, Failure> {
    let pairs = posted(&ask, &request, body).await?;
    begin(&ask, &request, Level::System, pairs).await
}

pub async fn of_patients(ask: Ask, request: HttpRequest) -> Result<HttpResponse, Failure> {
    begin(&ask, &request, Level::Patients, http::pairs(request.query_string())).await
}

pub async fn of_patients_posted(ask: Ask, request: HttpRequest, body: Payload) -> Result<HttpResponse, Failure> {
    let pairs = posted(&ask, &request, body).await?;
    begin(&ask, &request, Level::Patients, pairs).await
}

pub async fn of_group(ask: Ask, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Failure> {
    let level = members(&ask, id.into_inner()).await?;
    begin(&ask, &request, level, http::pairs(request.query_string())).await
}

pub async fn of_group_posted(
    ask: Ask,
    request: HttpRequest,
    id: Path<String>,
    body: Payload,
) -> Result<HttpResponse, Failure> {
    let level = members(&ask, id.into_inner()).await?;
    let pairs = posted(&ask, &request, body).await?;
    begin(&ask, &request, level, pairs).await
}

/// Who is in a Group, if whoever asks may see the Group.
async fn members(ask: &Ask, id: String) -> Result<Level, Failure> {
    let key = key_of(&("Group".to_owned(), id))?;
    let group = ask.app.record.read(&ask.access, &key).await?.ok_or_else(|| not_found(&key))?;
    let Some(body) = group.body else { return Err(gone(&key)) };
    let read = fhir::json::read(&body).map_err(|issues| Failure::of(Kind::Broken, issues))?;
    Ok(Level::Some(bulk::members(&read)?))
}

async fn posted(ask: &Ask, request: &HttpRequest, body: Payload) -> Result<Vec<(String, String)>, Failure> {
    let parameters = http::fhir_body(request, body, &ask.app.config.http).await?;
    let mut pairs = http::pairs(request.query_string());
    pairs.extend(bulk::posted(&parameters)?);
    Ok(pairs)
}

async fn begin(
    ask: &Ask,
    request: &HttpRequest,
    level: Level,
    pairs: Vec<(String, String)>,
) -> Result<HttpResponse, Failure> {
    later(request)?;
    if level != Level::System {
        ask.may_read("Patient")?;
    }
    let asked = Asked::read(ask, level, &pairs)?;
    let address = format!("{}{}", host(ask), request.uri());
    let (bulk, who) = (ask.app.bulk.clone(), ask.access.who().to_owned());
    let begun = actix_web::web::block(move || bulk.begin(&who, address, asked, app::now())).await;
    let job = match begun {
        Ok(Ok(job)) => job,
        Ok(Err(refusal)) => return answer_refusal(&refusal),
        Err(_) => return Err(Failure::new(Kind::Busy, "more is being taken than there are threads; try again soon")),
    };
    let at = format!("{}/hilum/bulk/{}", host(ask), job.kept().id);
    Ok(HttpResponse::Accepted().insert_header((CONTENT_LOCATION, at)).finish())
}

/// What is made in the background is asked for so.
pub fn later(request: &HttpRequest) -> Result<(), Failure> {
    let prefers = request.headers().get_all("prefer").filter_map(|prefer| prefer.to_str().ok());
    if prefers.flat_map(|prefer| prefer.split([',', ';'])).any(|word| word.trim() == "respond-async") {
        return Ok(());
    }
    Err(Failure::at(Kind::Invalid, "http.Prefer", "this is done in the background: ask with Prefer: respond-async"))
}

pub fn answer_refusal(refusal: &Refusal) -> Result<HttpResponse, Failure> {
    match refusal {
        Refusal::Disk => Err(Failure::new(Kind::Full, "it cannot be kept on disk; try again when there is room")),
        Refusal::Crowded => {
            let text = "as many exports and imports are kept as may be (bulk.jobs_max); delete those that are done";
            let mut response = failed(StatusCode::TOO_MANY_REQUESTS, IssueType::Throttled, text);
            response.headers_mut().insert(RETRY_AFTER, LOOK_AGAIN.parse().expect("a number is a header's text"));
            Ok(response)
        }
    }
}

/// `GET` where the kick-off's answer leads: how far it is, and at the end where the files are.
pub async fn status(ask: Ask, id: Path<String>) -> Result<HttpResponse, Failure> {
    let job = found(&ask, &id)?;
    let kept = job.kept();
    match &kept.state {
        State::Waiting => Ok(progress("waiting for those before it".to_owned())),
        State::Working => {
            let done = job.done.load(std::sync::atomic::Ordering::Relaxed);
            Ok(progress(format!("{done} resources")))
        }
        State::Failed(why) => Ok(failed(StatusCode::INTERNAL_SERVER_ERROR, IssueType::Exception, why)),
        State::Done => Ok(manifest(&ask, &kept)),
    }
}

/// `DELETE`: it is not wanted any more.
pub async fn cancel(ask: Ask, id: Path<String>) -> Result<HttpResponse, Failure> {
    let job = found(&ask, &id)?;
    let bulk = ask.app.bulk.clone();
    let removed = actix_web::web::block(move || bulk.cancel(&job)).await;
    removed.map_err(|_| Failure::new(Kind::Busy, "more is being removed than there are threads; try again soon"))?;
    Ok(HttpResponse::Accepted().finish())
}

fn found(ask: &Ask, id: &str) -> Result<std::sync::Arc<Job>, Failure> {
    let found = ask.app.bulk.find(id, ask.access.who());
    found.ok_or_else(|| {
        Failure::new(Kind::NotFound, "there is no such export or import; it may have been kept long enough")
    })
}

fn progress(progress: String) -> HttpResponse {
    let mut response = HttpResponse::Accepted();
    response.insert_header((PROGRESS, progress)).insert_header((RETRY_AFTER, LOOK_AGAIN));
    response.finish()
}

fn manifest(ask: &Ask, kept: &Kept) -> HttpResponse {
    let host = host(ask);
    let url = |part: &Part| format!("{host}/hilum/bulk/{}/{}", kept.id, part.name);
    let list = |parts: &[Part]| -> Vec<_> {
        parts.iter().map(|part| json!({ "type": part.kind, "url": url(part), "count": part.count })).collect()
    };
    let body = json!({
        "transactionTime": kept.moment,
        "request": kept.request,
        // Whoever fetches a file has to be who asked for it.
        "requiresAccessToken": kept.who != bulk::LOOPBACK,
        "output": list(&kept.output),
        "deleted": list(&kept.deleted),
        "error": list(&kept.errors),
    });
    let hours = std::time::Duration::from_secs(3600 * u64::from(ask.app.bulk.limits().keep_hours));
    let ended = u64::try_from(kept.ended.unwrap_or(kept.begun)).unwrap_or(0);
    let expires = std::time::UNIX_EPOCH + std::time::Duration::from_micros(ended) + hours;
    let mut response = HttpResponse::Ok();
    response.insert_header((EXPIRES, HttpDate::from(expires).to_string()));
    response.content_type("application/json").body(body.to_string())
}

/// An OperationOutcome with a status that no other failure has.
fn failed(status: StatusCode, kind: IssueType, text: &str) -> HttpResponse {
    let mut body = Vec::new();
    fhir::json::write(&fhir::outcome(&[Issue::error(kind, "", text)]), &mut body);
    http::json(status, body)
}

/// Our own address, without FHIR's path.
pub fn host(ask: &Ask) -> &str {
    ask.base.strip_suffix(FHIR).unwrap_or(&ask.base)
}
