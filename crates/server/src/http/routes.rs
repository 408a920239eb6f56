//! Which paths there are, and what is done at each: the one list by which requests are routed, other methods refused, and
//! the CapabilityStatement and the OpenAPI document written.
//!
//! HEAD is wherever GET is, OPTIONS everywhere. Headers and parameters that would stand for another method (`_method`,
//! `X-HTTP-Method-Override`) are not read.

use std::future::ready;

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard};

use super::deed::{Deed, Verb};
use super::edge::edge;
use super::failure::{Failure, Kind};
use crate::app::App;
use crate::interaction::{batch, capabilities, create, delete, history, patch, read, search, update, vread};
use crate::operation::{
    definitions, digests, everything, export, health, hl7v2, identity, import, lastn, merge, messages, meta, metrics,
    openapi, peers, reindex, relocate, strangers, subscription, validate, websocket,
};

/// The path under which FHIR is served.
pub const FHIR: &str = "/fhir";

/// A path and what is done there.
#[derive(Debug)]
pub struct Place {
    /// Below [`FHIR`], with names in braces.
    pub path: &'static str,
    pub deeds: &'static [(Verb, Deed)],
}

/// In the order in which they are tried: what is named stands before what is open.
pub const PLACES: &[Place] = &[
    Place { path: "/metadata", deeds: &[(Verb::Get, Deed::Capabilities)] },
    Place { path: "", deeds: &[(Verb::Get, Deed::SearchSystem), (Verb::Post, Deed::Batch)] },
    Place { path: "/_search", deeds: &[(Verb::Post, Deed::SearchSystemForm)] },
    Place { path: "/_history", deeds: &[(Verb::Get, Deed::HistorySystem)] },
    Place { path: "/$reindex", deeds: &[(Verb::Get, Deed::Reindexed), (Verb::Post, Deed::Reindex)] },
    Place { path: "/$meta", deeds: &[(Verb::Get, Deed::MetaSystem)] },
    Place { path: "/$import", deeds: &[(Verb::Post, Deed::Import)] },
    Place { path: "/$export", deeds: &[(Verb::Get, Deed::Export), (Verb::Post, Deed::ExportForm)] },
    Place {
        path: "/{kind}",
        deeds: &[
            (Verb::Get, Deed::SearchType),
            (Verb::Post, Deed::Create),
            (Verb::Put, Deed::UpdateWhere),
            (Verb::Patch, Deed::PatchWhere),
            (Verb::Delete, Deed::DeleteWhere),
        ],
    },
    Place { path: "/OperationDefinition/hilum-{own}", deeds: &[(Verb::Get, Deed::OperationDefinition)] },
    Place { path: "/Patient/{id}/$everything", deeds: &[(Verb::Get, Deed::Everything)] },
    Place {
        path: "/Patient/$export",
        deeds: &[(Verb::Get, Deed::ExportPatients), (Verb::Post, Deed::ExportPatientsForm)],
    },
    Place {
        path: "/Group/{id}/$export",
        deeds: &[(Verb::Get, Deed::ExportGroup), (Verb::Post, Deed::ExportGroupForm)],
    },
    Place { path: "/Patient/$match", deeds: &[(Verb::Post, Deed::Match)] },
    Place { path: "/Patient/$member-match", deeds: &[(Verb::Post, Deed::MemberMatch)] },
    Place {
        path: "/Patient/$ihe-pix",
        deeds: &[(Verb::Get, Deed::CrossReference), (Verb::Post, Deed::CrossReferenceForm)],
    },
    Place { path: "/Patient/$merge", deeds: &[(Verb::Post, Deed::Merge)] },
    Place { path: "/Patient/$unmerge", deeds: &[(Verb::Post, Deed::Unmerge)] },
    Place { path: "/Patient/$identity-explain", deeds: &[(Verb::Get, Deed::IdentityExplain)] },
    Place { path: "/Patient/$identity-decide", deeds: &[(Verb::Post, Deed::IdentityDecide)] },
    Place { path: "/Observation/$lastn", deeds: &[(Verb::Get, Deed::LastN)] },
    Place { path: "/Subscription/$status", deeds: &[(Verb::Get, Deed::SubscriptionStatuses)] },
    Place { path: "/Subscription/{id}/$status", deeds: &[(Verb::Get, Deed::SubscriptionStatus)] },
    Place { path: "/Subscription/{id}/$events", deeds: &[(Verb::Get, Deed::SubscriptionEvents)] },
    Place { path: "/Subscription/$get-ws-binding-token", deeds: &[(Verb::Get, Deed::SocketTokens)] },
    Place { path: "/Subscription/{id}/$get-ws-binding-token", deeds: &[(Verb::Get, Deed::SocketToken)] },
    Place { path: "/{kind}/$validate", deeds: &[(Verb::Post, Deed::ValidateType)] },
    Place { path: "/{kind}/$meta", deeds: &[(Verb::Get, Deed::MetaType)] },
    Place { path: "/{kind}/_search", deeds: &[(Verb::Post, Deed::SearchTypeForm)] },
    Place { path: "/{kind}/_history", deeds: &[(Verb::Get, Deed::HistoryType)] },
    Place {
        path: "/{kind}/{id}",
        deeds: &[
            (Verb::Get, Deed::Read),
            (Verb::Put, Deed::Update),
            (Verb::Patch, Deed::Patch),
            (Verb::Delete, Deed::Delete),
        ],
    },
    Place { path: "/{kind}/{id}/$move", deeds: &[(Verb::Post, Deed::Relocate)] },
    Place {
        path: "/{kind}/{id}/$validate",
        deeds: &[(Verb::Get, Deed::ValidateStored), (Verb::Post, Deed::ValidateInstance)],
    },
    Place { path: "/{kind}/{id}/$meta", deeds: &[(Verb::Get, Deed::Meta)] },
    Place { path: "/{kind}/{id}/$meta-add", deeds: &[(Verb::Post, Deed::MetaAdd)] },
    Place { path: "/{kind}/{id}/$meta-delete", deeds: &[(Verb::Post, Deed::MetaDelete)] },
    Place { path: "/{kind}/{id}/_history", deeds: &[(Verb::Get, Deed::HistoryInstance)] },
    Place { path: "/{kind}/{id}/_history/{vid}", deeds: &[(Verb::Get, Deed::Vread)] },
    Place { path: "/{compartment}/{id}/{inner}", deeds: &[(Verb::Get, Deed::SearchCompartment)] },
    Place { path: "/{compartment}/{id}/{inner}/_search", deeds: &[(Verb::Post, Deed::SearchCompartmentForm)] },
];

pub fn routes(config: &mut ServiceConfig) {
    let mut fhir = web::scope(FHIR);
    for place in PLACES {
        fhir = fhir.service(resource(place, place.path));
        if place.path.is_empty() {
            // Some clients end the base with a `/`.
            fhir = fhir.service(resource(place, "/"));
        }
    }
    config.service(fhir.default_service(web::to(nothing_here)).wrap(actix_web::middleware::from_fn(edge)));
    others(config);
}

/// What is served beside FHIR.
fn others(config: &mut ServiceConfig) {
    let at = web::resource::<&str>;
    let get = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    config
        .service(only("GET, HEAD", at("/openapi.json").route(get().to(openapi::show))))
        .service(only("POST", at("/hl7v2").post(hl7v2::take)))
        .service(only("GET, HEAD", at("/hilum/messages").route(get().to(messages::list))))
        .service(only("GET, HEAD", at("/hilum/messages/{id}").route(get().to(messages::show))))
        .service(only("GET, HEAD", at("/hilum/messages/{id}/raw").route(get().to(messages::raw))))
        .service(only("POST", at("/hilum/messages/{id}/replay").post(messages::replay)))
        .service(only("POST", at("/hilum/messages/{id}/undo").post(messages::undo)))
        .service(only("POST", at("/hilum/messages/{id}/move").post(messages::move_to)))
        .service(only(
            "GET, HEAD, DELETE",
            at("/hilum/bulk/{id}").route(get().to(export::status)).route(web::delete().to(export::cancel)),
        ))
        .service(only("GET, HEAD", at("/hilum/bulk/{id}/{file}").route(get().to(export::file))))
        .service(only("GET, HEAD", at("/hilum/digests").route(get().to(digests::show))))
        .service(only("GET, HEAD, POST", at("/hilum/peers").route(get().to(peers::list)).post(peers::add)))
        .service(only("GET, HEAD", at("/hilum/peers/{name}").route(get().to(peers::show))))
        .service(only("POST", at("/hilum/peers/{name}/{what}").post(peers::act)))
        .service(only("GET", at(websocket::PATH).route(web::get().to(websocket::open))))
        .service(only("GET, HEAD", at("/hilum/strangers").route(get().to(strangers::show))))
        .service(only("GET, HEAD", at("/livez").route(get().to(health::livez))))
        .service(only("GET, HEAD", at("/readyz").route(get().to(health::readyz))))
        .service(only("GET, HEAD", at("/metrics").route(get().to(metrics::show))))
        .default_service(web::to(nothing_here));
}

fn resource(place: &'static Place, path: &str) -> Resource {
    let mut resource = web::resource(path);
    for (verb, deed) in place.deeds {
        resource = resource.route(handler(*deed, route(*verb)));
    }
    let options = web::method(Method::OPTIONS);
    resource = match place.path {
        "" => resource.route(options.to(move |app, request| what_the_base_can(place, app, request))),
        _ => {
            resource.route(options.to(move || ready(HttpResponse::Ok().insert_header((ALLOW, place.allow())).finish())))
        }
    };
    resource.default_service(web::to(move || ready(Err::<HttpResponse, _>(Failure::method_not_allowed(place.allow())))))
}

/// OPTIONS of the base: the CapabilityStatement, with the methods.
async fn what_the_base_can(place: &Place, app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let mut response = capabilities::show(app, request).await?;
    let allow = place.allow().parse().expect("names of methods are a header's text");
    response.headers_mut().insert(ALLOW, allow);
    Ok(response)
}

fn handler(deed: Deed, route: Route) -> Route {
    match deed {
        Deed::Capabilities => route.to(capabilities::show),
        Deed::OperationDefinition => route.to(definitions::show),
        Deed::SearchSystem => route.to(search::across_by_query),
        Deed::SearchSystemForm => route.to(search::across_by_form),
        Deed::Batch => route.to(batch::post),
        Deed::HistorySystem => route.to(history::of_everything),
        Deed::SearchType => route.to(search::by_query),
        Deed::SearchTypeForm => route.to(search::by_form),
        Deed::SearchCompartment => route.to(search::within_by_query),
        Deed::SearchCompartmentForm => route.to(search::within_by_form),
        Deed::Create => route.to(create::create),
        Deed::HistoryType => route.to(history::of_kind),
        Deed::UpdateWhere => route.to(update::where_matches),
        Deed::PatchWhere => route.to(patch::where_matches),
        Deed::DeleteWhere => route.to(delete::where_matches),
        Deed::Read => route.to(read::read),
        Deed::Update => route.to(update::update),
        Deed::Patch => route.to(patch::patch),
        Deed::Delete => route.to(delete::delete),
        Deed::HistoryInstance => route.to(history::of_resource),
        Deed::Vread => route.to(vread::vread),
        Deed::Everything => route.to(everything::show),
        Deed::Match => route.to(identity::find),
        Deed::MemberMatch => route.to(identity::member),
        Deed::CrossReference => route.to(identity::cross_reference),
        Deed::CrossReferenceForm => route.to(identity::cross_reference_by_form),
        Deed::Merge => route.to(merge::merge),
        Deed::Unmerge => route.to(merge::unmerge),
        Deed::IdentityExplain => route.to(identity::explain),
        Deed::IdentityDecide => route.to(identity::decide),
        Deed::Relocate => route.to(relocate::relocate),
        Deed::LastN => route.to(lastn::show),
        Deed::Meta => route.to(meta::show),
        Deed::MetaType => route.to(meta::of_kind),
        Deed::MetaSystem => route.to(meta::of_everything),
        Deed::MetaAdd => route.to(meta::add),
        Deed::MetaDelete => route.to(meta::delete),
        Deed::Reindex => route.to(reindex::begin),
        Deed::Reindexed => route.to(reindex::show),
        Deed::Export => route.to(export::of_system),
        Deed::ExportForm => route.to(export::of_system_posted),
        Deed::ExportPatients => route.to(export::of_patients),
        Deed::ExportPatientsForm => route.to(export::of_patients_posted),
        Deed::ExportGroup => route.to(export::of_group),
        Deed::ExportGroupForm => route.to(export::of_group_posted),
        Deed::Import => route.to(import::begin),
        Deed::SubscriptionStatuses => route.to(subscription::statuses),
        Deed::SubscriptionStatus => route.to(subscription::status),
        Deed::SubscriptionEvents => route.to(subscription::events),
        Deed::SocketTokens => route.to(subscription::tokens),
        Deed::SocketToken => route.to(subscription::token),
        Deed::ValidateType => route.to(validate::of_kind),
        Deed::ValidateInstance => route.to(validate::of_resource),
        Deed::ValidateStored => route.to(validate::stored),
    }
}

impl Place {
    /// The methods, as `Allow` has them.
    pub fn allow(&self) -> String {
        let mut names: Vec<&str> = self.deeds.iter().map(|(verb, _)| verb.name()).collect();
        if names.first() == Some(&"GET") {
            names.insert(1, "HEAD");
        }
        names.push("OPTIONS");
        names.join(", ")
    }
}

fn route(verb: Verb) -> Route {
    match verb {
        Verb::Get => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
        Verb::Post => web::post(),
        Verb::Put => web::put(),
        Verb::Patch => web::patch(),
        Verb::Delete => web::delete(),
    }
}

/// Another method is answered 405 with the ones that there are.
fn only(methods: &'static str, resource: Resource) -> Resource {
    resource.default_service(web::to(move || {
        ready(Err::<HttpResponse, _>(Failure::method_not_allowed(methods.to_owned())))
    }))
}

async fn nothing_here() -> Result<HttpResponse, Failure> {
    Err(Failure::new(Kind::NotFound, "nothing is served under this path; FHIR is under /fhir"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_path_stands_once_and_says_its_methods() {
        let paths: BTreeSet<&str> = PLACES.iter().map(|place| place.path).collect();
        assert_eq!(paths.len(), PLACES.len());
        for (path, allow) in [
            ("/metadata", "GET, HEAD, OPTIONS"),
            ("", "GET, HEAD, POST, OPTIONS"),
            ("/{kind}", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
            ("/{kind}/_search", "POST, OPTIONS"),
            ("/{kind}/{id}", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ] {
            let place = PLACES.iter().find(|place| place.path == path).expect(path);
            assert_eq!(place.allow(), allow, "{path}");
        }
    }
}
