//! `GET /openapi.json`: the whole HTTP surface as an OpenAPI 3.1 document, for those whose tools are made for that.
//!
//! It is written from what the server does it with: the list of routes, the table of search parameters, the element
//! tables of R4, the configured limits. It says nothing of anybody, so it is shown to everybody, and it is made once.

mod deed;
mod own;
mod parameters;
mod schemas;

pub use deed::summary;

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use fhir::search::{Parameter, table};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::config::Config;
use crate::http::{Deed, FHIR, PLACES, Place};
use crate::interaction::capabilities::served_parameters;

pub async fn show(app: Data<App>) -> HttpResponse {
    static WRITTEN: OnceLock<Bytes> = OnceLock::new();
    let body = WRITTEN.get_or_init(|| Bytes::from(document(&app.config).to_string()));
    HttpResponse::Ok().content_type("application/json").body(body.clone())
}

fn document(config: &Config) -> Value {
    let root = config.http.base_url.as_deref().unwrap_or(FHIR).trim_end_matches('/');
    // What is beside FHIR stands beside it in the paths too.
    let root = root.strip_suffix(FHIR).unwrap_or(root);
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "Hilum",
            "summary": "FHIR R4 (4.0.1) over HTTP, and HL7 v2 messages in",
            "description": about(config),
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": if root.is_empty() { "/" } else { root } }],
        "security": [],
        "tags": tags(),
        "paths": paths(),
        "components": {
            "parameters": parameters::all(),
            "headers": deed::headers(),
            "requestBodies": deed::bodies(),
            "responses": deed::responses(),
            "schemas": schemas::all(),
        },
    })
}

fn about(config: &Config) -> String {
    let http = &config.http;
    format!(
        "Who may ask: there are no credentials yet. Requesters on the server's own machine are let in where \
         http.open_on_loopback says so; everybody else is answered 401, but for this document, the CapabilityStatement and \
         the health checks.\n\n\
         Formats: application/fhir+json and application/fhir+xml, by Accept with weights or by _format, which covers it; \
         bodies may be gzip or zstd both ways.\n\n\
         Unknown search parameters are refused (400) unless the request says Prefer: handling=lenient.\n\n\
         Limits: {} bytes of a body before and after unpacking (413), {} bytes of an address (414), 128 KiB and 96 headers \
         of a request's head (431), {} seconds until a request has come whole (408), {} connections.\n\n\
         Every failure is an OperationOutcome that says what is wrong, where, and what to do.",
        http.body_bytes_max, http.url_bytes_max, http.request_seconds, http.connections_max
    )
}

fn tags() -> Value {
    let own = [
        ("system", "All types together, and what the server says of itself"),
        ("messages", "HL7 v2 messages"),
        ("exports", "Exports of many resources, made in the background"),
        ("peers", "Servers that records travel to"),
        ("operation", "For operators"),
    ];
    let own = own.map(|(name, description)| json!({ "name": name, "description": description }));
    let kinds = table().kinds().map(|kind| json!({ "name": kind }));
    own.into_iter().chain(kinds).collect()
}

fn paths() -> Value {
    let mut paths = Map::new();
    for place in PLACES {
        if place.path.contains("{kind}") {
            for kind in table().kinds() {
                paths.insert(format!("{FHIR}{}", place.path.replace("{kind}", kind)), at(place, Some(kind)));
            }
        } else {
            paths.insert(format!("{FHIR}{}", place.path), at(place, None));
        }
    }
    paths.extend(own::paths());
    Value::Object(paths)
}

/// What is done at one path, of one type where it is of one.
fn at(place: &Place, kind: Option<&'static str>) -> Value {
    let mut item = Map::new();
    let named = place.path.split(['{', '}']).skip(1).step_by(2).filter(|name| *name != "kind");
    let parameters: Vec<Value> = named.map(|name| deed::reference("parameters", name)).collect();
    if !parameters.is_empty() {
        item.insert("parameters".to_owned(), Value::Array(parameters));
    }
    for (verb, deed) in place.deeds {
        let name = verb.name().to_ascii_lowercase();
        item.insert(name, deed::operation(*deed, kind));
    }
    Value::Object(item)
}

/// The parameters of a search on a type, as the table has them.
fn search_parameters(kind: &str) -> Vec<Value> {
    served_parameters(kind).map(search_parameter).collect()
}

fn search_parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.code,
        "in": "query",
        "description": format!("search parameter of type {}", parameter.class.name()),
        "schema": { "type": "array", "items": { "type": "string" } },
    })
}

/// The name by which tools call an operation: `Patient.read`, `search-system`.
fn operation_id(deed: Deed, kind: Option<&str>) -> String {
    match kind {
        Some(kind) => format!("{kind}.{}", deed.name()),
        None => deed.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_described_and_every_reference_leads_somewhere() {
        let document = document(&Config::default());
        let paths = document["paths"].as_object().expect("paths");
        let kinds = table().kinds().count();
        let of_kind = PLACES.iter().filter(|place| place.path.contains("{kind}")).count();
        assert!(paths.len() >= kinds * of_kind + PLACES.len() - of_kind, "{}", paths.len());
        for path in ["/fhir/metadata", "/fhir/Patient/{id}", "/fhir/Observation/_search", "/hl7v2", "/livez"] {
            assert!(paths.contains_key(path), "{path}");
        }
        let mut ids = BTreeSet::new();
        for (path, item) in paths {
            for (method, operation) in
                item.as_object().expect("an item").iter().filter(|(name, _)| *name != "parameters")
            {
                let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
                assert!(ids.insert(id.to_owned()), "{id} is given twice");
                assert!(operation["responses"].as_object().is_some_and(|all| all.len() > 1), "{id}");
            }
        }
        let mut references = BTreeSet::new();
        collect(&document, &mut references);
        assert!(references.len() > 200);
        for reference in references {
            let pointer = reference.strip_prefix('#').expect("nothing leads out of the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let named = document["paths"]["/fhir/Patient"]["get"]["parameters"].to_string();
        assert!(named.contains("\"family\"") && named.contains("\"birthdate\""), "{named}");
    }

    fn collect(value: &Value, references: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str().filter(|_| name == "$ref") {
                        Some(reference) => drop(references.insert(reference.to_owned())),
                        None => collect(value, references),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
            _ => {}
        }
    }
}
