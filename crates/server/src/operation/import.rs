//! `$import`: many resources at once, in the background. NDJSON in the body, or a manifest of files that are fetched from permitted
//! networks (the SMART Bulk Data Import proposal: `inputFormat`, `inputSource`, `input` of `type` and `url`, `storageDetail`).
//!
//! Each line is put under its own id as `PUT` would put it. The same `submissionId` of the same requester is the same job.

use actix_web::http::header::CONTENT_LOCATION;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::export::{answer_refusal, host, later};
use crate::app;
use crate::bulk::{Import, Input};
use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::kind_of;

/// Files of one manifest.
const INPUTS_MAX: usize = 1_000;
const SUBMISSION_BYTES_MAX: usize = 128;

pub async fn begin(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    later(&request)?;
    let mut submission = String::new();
    for (name, value) in http::pairs(request.query_string()) {
        match name.as_str() {
            "submissionId" if value.len() <= SUBMISSION_BYTES_MAX => submission = value,
            "_format" | "_pretty" => {}
            _ => {
                let text = "takes submissionId, of 128 bytes at most, and no other parameter in the address";
                return Err(Failure::new(Kind::Invalid, text));
            }
        }
    }
    let media = http::content_type(&request).unwrap_or_default();
    let body = http::read_body(&request, payload, &ask.app.config.http).await?;
    let (import, bytes) = match media.as_str() {
        "application/fhir+ndjson" | "application/ndjson" | "application/x-ndjson" => {
            (Import { submission, inputs: vec![Input { kind: None, url: None }] }, Some(body))
        }
        "application/json" | "application/fhir+json" => (manifest(&body, submission)?, None),
        _ => {
            let text = "send application/fhir+ndjson, or a manifest as application/json or Parameters";
            return Err(Failure::at(Kind::UnsupportedMedia, "http.Content-Type", text));
        }
    };
    let (bulk, who) = (ask.app.bulk.clone(), ask.access.who().to_owned());
    let address = format!("{}{}", host(&ask), request.uri());
    let begun = actix_web::web::block(move || bulk.begin_import(&who, address, import, bytes.as_deref(), app::now()));
    let job = match begun.await {
        Ok(Ok(job)) => job,
        Ok(Err(refusal)) => return answer_refusal(&refusal),
        Err(_) => return Err(Failure::new(Kind::Busy, "more is being taken than there are threads; try again soon")),
    };
    let at = format!("{}/hilum/bulk/{}", host(&ask), job.kept().id);
    Ok(HttpResponse::Accepted().insert_header((CONTENT_LOCATION, at)).finish())
}

/// The manifest, as JSON of its own or as Parameters.
fn manifest(body: &[u8], submission: String) -> Result<Import, Failure> {
    let invalid = |text: &str| Failure::new(Kind::Invalid, text);
    let json: Value = serde_json::from_slice(body).map_err(|_| invalid("the manifest is no JSON"))?;
    let is_parameters = json["resourceType"] == "Parameters";
    let format =
        if is_parameters { of_parameters(&json["parameter"], "inputFormat") } else { json["inputFormat"].as_str() };
    if !matches!(format, Some("application/fhir+ndjson" | "application/ndjson")) {
        return Err(invalid("inputFormat must be application/fhir+ndjson"));
    }
    let read = |kind: Option<&str>, url: Option<&str>| -> Result<Input, Failure> {
        let url = url.ok_or_else(|| invalid("each input needs a url"))?.to_owned();
        let kind = kind.map(kind_of).transpose().map_err(|_| invalid("the type of an input is none of R4"))?;
        Ok(Input { kind: kind.map(str::to_owned), url: Some(url) })
    };
    let items = if is_parameters { &json["parameter"] } else { &json["input"] };
    let mut inputs = Vec::new();
    for item in items.as_array().into_iter().flatten() {
        if is_parameters && item["name"] != "input" {
            continue;
        }
        let input = match is_parameters {
            true => read(of_parameters(&item["part"], "type"), of_parameters(&item["part"], "url")),
            false => read(item["type"].as_str(), item["url"].as_str()),
        };
        inputs.push(input?);
    }
    if inputs.is_empty() || inputs.len() > INPUTS_MAX {
        return Err(invalid("the manifest needs input, 1 to 1000 of them"));
    }
    Ok(Import { submission, inputs })
}

/// The value of a parameter, whatever its datatype.
fn of_parameters<'v>(parameters: &'v Value, name: &str) -> Option<&'v str> {
    let found = parameters.as_array()?.iter().find(|parameter| parameter["name"] == name)?;
    let values = ["valueCode", "valueString", "valueUri", "valueUrl"];
    values.iter().find_map(|value| found[*value].as_str())
}
