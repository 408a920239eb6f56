//! Capabilities: what this server does, made of what it does it with (R4 §3.1.0.9 and §5.6).
//!
//! Types and search parameters come from the table by which searches are read; an interaction is listed here when its
//! file is in this room.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use fhir::search::{Parameter, ParameterClass, table};
use fhir::{Node, Object, Resource};

use crate::app::App;
use crate::http::{self, Failure};

/// When what this file says last changed.
const CHANGED: &str = "2026-11-22";

const OF_A_TYPE: [&str; 8] =
    ["read", "vread", "update", "delete", "history-instance", "history-type", "create", "search-type"];

/// Shown to everybody: it says nothing of anybody.
pub async fn show(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let base = http::base(&request, app.config.http.base_url.as_deref());
    let mut body = Vec::with_capacity(256 * 1024);
    fhir::json::write(&statement(&base), &mut body);
    Ok(http::json(StatusCode::OK, body))
}

fn statement(base: &str) -> Resource<'static> {
    let mut statement = Resource::new("CapabilityStatement");
    let mut set = |name: &'static str, node: Node<'static>| statement.object.set(name, node);
    set("status", Node::text("active"));
    set("date", Node::text(CHANGED));
    set("kind", Node::text("instance"));
    set("software", object([("name", Node::text("Hilum")), ("version", Node::text(env!("CARGO_PKG_VERSION")))]));
    set(
        "implementation",
        object([("description", Node::text("a FHIR gateway for clinics")), ("url", Node::text(base.to_owned()))]),
    );
    set("fhirVersion", Node::text("4.0.1"));
    set("format", Node::List(vec![Node::text("application/fhir+json"), Node::text("json")]));
    let rest = object([
        ("mode", Node::text("server")),
        ("resource", Node::List(table().kinds().map(of_kind).collect())),
        ("interaction", interactions(["history-system"])),
    ]);
    set("rest", Node::List(vec![rest]));
    statement
}

fn of_kind(kind: &'static str) -> Node<'static> {
    let served = |parameter: &&Parameter| parameter.is_indexed();
    let parameters = table().parameters(kind).iter().filter(served).map(parameter).collect();
    object([
        ("type", Node::text(kind)),
        ("interaction", interactions(OF_A_TYPE)),
        ("versioning", Node::text("versioned-update")),
        ("readHistory", Node::Bool(true)),
        ("updateCreate", Node::Bool(true)),
        ("conditionalCreate", Node::Bool(false)),
        ("conditionalRead", Node::text("full-support")),
        ("conditionalUpdate", Node::Bool(false)),
        ("conditionalDelete", Node::text("not-supported")),
        ("searchParam", Node::List(parameters)),
    ])
}

fn parameter(parameter: &Parameter) -> Node<'static> {
    object([("name", Node::text(parameter.code)), ("type", Node::text(class(parameter)))])
}

/// The kind of a search parameter, as R4 calls it.
pub fn class(parameter: &Parameter) -> &'static str {
    match parameter.class {
        ParameterClass::Number => "number",
        ParameterClass::Date => "date",
        ParameterClass::String => "string",
        ParameterClass::Token => "token",
        ParameterClass::Reference => "reference",
        ParameterClass::Composite => "composite",
        ParameterClass::Quantity => "quantity",
        ParameterClass::Uri => "uri",
        ParameterClass::Special => "special",
    }
}

fn interactions<const N: usize>(codes: [&'static str; N]) -> Node<'static> {
    Node::List(codes.map(|code| object([("code", Node::text(code))])).to_vec())
}

fn object<const N: usize>(fields: [(&'static str, Node<'static>); N]) -> Node<'static> {
    Node::Object(Object { fields: Vec::from(fields) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_one_and_names_what_is_searched() {
        let mut bytes = Vec::new();
        fhir::json::write(&statement("http://x/fhir"), &mut bytes);
        let statement = fhir::json::read(&bytes).unwrap_or_else(|issues| panic!("{issues:?}"));
        let rest = statement.object.items("rest")[0].as_object().expect("rest is an object");
        assert_eq!(rest.items("resource").len(), 146);
        let patient =
            rest.items("resource").iter().filter_map(Node::as_object).find(|of| of.str("type") == Some("Patient"));
        let names: Vec<&str> = patient
            .expect("Patient")
            .items("searchParam")
            .iter()
            .filter_map(|of| of.as_object()?.str("name"))
            .collect();
        assert!(["family", "identifier", "_id", "_lastUpdated"].iter().all(|name| names.contains(name)), "{names:?}");
    }
}
