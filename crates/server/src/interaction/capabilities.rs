//! Capabilities: what this server does, made of what it does it with (R4 §3.1.0.9 and §5.6).
//!
//! Interactions and operations come from the list by which requests are routed, types and search parameters from the
//! table by which searches are read. What does not depend on who is asked where is written once.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use fhir::search::{Parameter, ParameterClass, Registry, table};
use fhir::{Node, Object, Resource};
use sync::subscription::{TOPICS, Topic};

use super::subset::View;
use crate::app::App;
use crate::http::{self, Deed, Failure, PLACES};
use crate::operation::definitions;
use crate::peers::NODE_EXTENSION;

/// When what this file says last changed.
const CHANGED: &str = "2026-11-25";

const FORMATS: [&str; 4] = ["application/fhir+json", "application/fhir+xml", "json", "xml"];
/// JSON Patch; FHIRPath Patch as Parameters.
const PATCH_FORMATS: [&str; 3] = ["application/json-patch+json", "application/fhir+json", "application/fhir+xml"];
/// Stands for our own address where it is not known yet.
const HERE: &str = "urn:hilum:here";
const PIXM_MANAGER: &str = "https://profiles.ihe.net/ITI/PIXm/CapabilityStatement/IHE.PIXm.Manager";
const PDQM_SUPPLIERS: [&str; 2] = [
    "https://profiles.ihe.net/ITI/PDQm/CapabilityStatement/IHE.PDQm.PatientDemographicsSupplier",
    "https://profiles.ihe.net/ITI/PDQm/CapabilityStatement/IHE.PDQm.PatientDemographicsSupplierMatch",
];
const GUIDES: [&str; 4] = [
    "http://hl7.org/fhir/uv/subscriptions-backport/ImplementationGuide/hl7.fhir.uv.subscriptions-backport",
    "https://profiles.ihe.net/ITI/PIXm/ImplementationGuide/ihe.iti.pixm",
    "https://profiles.ihe.net/ITI/PDQm/ImplementationGuide/ihe.iti.pdqm",
    "http://hl7.org/fhir/us/davinci-hrex/ImplementationGuide/hl7.fhir.us.davinci-hrex",
];
const SUBSCRIPTION_STATUS: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-status";
const SUBSCRIPTION_EVENTS: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-events";
const SOCKET_TOKEN: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-get-ws-binding-token";
const SUBSCRIPTION_SERVER: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/CapabilityStatement/backport-subscription-server-r4";
const TOPIC_EXTENSION: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical";
const SUBSCRIPTION_PROFILE: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription";
const DEFINITIONS: &str = "http://hl7.org/fhir/OperationDefinition";
const COMPARTMENTS: [&str; 5] = ["device", "encounter", "patient", "practitioner", "relatedPerson"];

/// Shown to everybody: it says nothing of anybody.
pub async fn show(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let base = http::base(&request, app.config.http.base_url.as_deref());
    let view = View::of("CapabilityStatement", &http::pairs(request.query_string()))?;
    Ok(http::json(StatusCode::OK, view.show(statement(&base, app.peers.node(), &app.record.registry()))))
}

fn statement(base: &str, node: &str, registry: &Registry) -> Vec<u8> {
    static REST: OnceLock<String> = OnceLock::new();
    let own;
    let rest = if registry.own().is_empty() {
        REST.get_or_init(|| rest(registry))
    } else {
        own = rest(registry);
        &own
    };
    let mut statement = Vec::with_capacity(rest.len() + 2048);
    fhir::json::write(&head(base, node, registry), &mut statement);
    // `rest` is the last of what is said.
    statement.pop();
    statement.extend_from_slice(b",\"rest\":");
    let quoted = serde_json::Value::from(base).to_string();
    statement.extend_from_slice(rest.replace(HERE, quoted.trim_matches('"')).as_bytes());
    statement.push(b'}');
    statement
}

fn rest(registry: &Registry) -> String {
    let mut rest = Vec::with_capacity(512 * 1024);
    fhir::json::write_node(&Node::List(vec![rest_of_all(registry)]), &mut rest);
    String::from_utf8(rest).expect("JSON is UTF-8")
}

fn head(base: &str, node: &str, registry: &Registry) -> Resource<'static> {
    let mut head = Resource::new("CapabilityStatement");
    let mut set = |name: &'static str, node: Node<'static>| head.object.set(name, node);
    // By which other nodes know us.
    let node = object([("url", Node::text(NODE_EXTENSION)), ("valueString", Node::text(node.to_owned()))]);
    set("extension", Node::List(vec![node]));
    set("status", Node::text("active"));
    set("date", Node::text(CHANGED));
    set("kind", Node::text("instance"));
    set("instantiates", texts_of(instantiates(registry)));
    set("software", object([("name", Node::text("Hilum")), ("version", Node::text(env!("CARGO_PKG_VERSION")))]));
    set(
        "implementation",
        object([("description", Node::text("a FHIR gateway for clinics")), ("url", Node::text(base.to_owned()))]),
    );
    set("implementationGuide", texts(GUIDES));
    set("fhirVersion", Node::text("4.0.1"));
    set("format", texts(FORMATS));
    set("patchFormat", texts(PATCH_FORMATS));
    head
}

fn rest_of_all(registry: &Registry) -> Node<'static> {
    let security = "There are no credentials yet: requesters on the server's own machine are let in where \
                    http.open_on_loopback says so, everybody else is answered 401.";
    let documentation = "Unknown search parameters are refused (400) unless the request says Prefer: handling=lenient. \
                         /openapi.json describes the whole surface. IHE: ITI-83 and ITI-104 of PIXm, whose feed is the \
                         conditional update of Patient by identifier (a newly said replaced-by link merges) and the \
                         conditional delete; ITI-119 of PDQm, and ITI-78 with mothersMaidenName where the site has \
                         defined that search parameter ($reindex). Da Vinci HRex: $member-match. Subscriptions: criteria of \
                         one type that need no other resource, and the topics of the Backport guide that Subscription's \
                         extensions name; rest-hook where the operator permits the network, and websocket at /websocket.";
    let definitions = COMPARTMENTS.map(|name| format!("http://hl7.org/fhir/CompartmentDefinition/{name}"));
    let rest = vec![
        ("mode", Node::text("server")),
        ("documentation", Node::text(documentation)),
        ("security", object([("description", Node::text(security))])),
        ("resource", Node::List(table().kinds().map(|kind| of_kind(registry, kind)).collect())),
        ("interaction", interactions(served(|path| !path.contains('{')).flat_map(system_code))),
        ("searchParam", Node::List(of_all_types().map(parameter).collect())),
        ("operation", operations_of(|path| path.contains('$') && !path[1..].contains('/'))),
        ("compartment", texts(definitions)),
    ];
    Node::Object(Object { fields: rest })
}

fn of_kind(registry: &Registry, kind: &'static str) -> Node<'static> {
    let has = |deed: Deed| served(|_| true).any(|other| other == deed);
    let parameters = registry.parameters(kind).filter(|of| of.is_served()).map(parameter).collect();
    let mut of_kind = vec![
        ("type", Node::text(kind)),
        ("profile", Node::text(format!("http://hl7.org/fhir/StructureDefinition/{kind}"))),
        ("interaction", interactions(served(|path| path.contains("{kind}")).filter_map(type_code))),
        ("versioning", Node::text("versioned-update")),
        ("readHistory", Node::Bool(true)),
        ("updateCreate", Node::Bool(true)),
        ("conditionalCreate", Node::Bool(true)),
        ("conditionalRead", Node::text("full-support")),
        ("conditionalUpdate", Node::Bool(has(Deed::UpdateWhere))),
        ("conditionalDelete", Node::text(if has(Deed::DeleteWhere) { "single" } else { "not-supported" })),
        ("referencePolicy", texts(["literal", "logical", "local"])),
        ("searchInclude", includes(registry, kind)),
        ("searchRevInclude", reverse_includes(registry, kind)),
        ("searchParam", Node::List(parameters)),
    ];
    let own = format!("/{kind}/");
    let operations = operations_of(|path| path.contains('$') && (path.contains("{kind}") || path.starts_with(&own)));
    of_kind.push(("operation", operations));
    if kind == "Subscription" {
        let topic =
            |topic: &Topic| object([("url", Node::text(TOPIC_EXTENSION)), ("valueCanonical", Node::text(topic.url))]);
        of_kind.insert(0, ("extension", Node::List(TOPICS.iter().map(topic).collect())));
        let profile = of_kind.iter().position(|(name, _)| *name == "profile").expect("each type has one");
        of_kind.insert(profile + 1, ("supportedProfile", texts([SUBSCRIPTION_PROFILE])));
    }
    Node::Object(Object { fields: of_kind })
}

/// The actors of IHE that this server is. PDQm asks for a search parameter that R4 does not have, and that a site puts in force.
fn instantiates(registry: &Registry) -> impl Iterator<Item = &'static str> {
    let supplies = registry.find("Patient", "mothersMaidenName").is_some();
    [PIXM_MANAGER, SUBSCRIPTION_SERVER].into_iter().chain(PDQM_SUPPLIERS.into_iter().filter(move |_| supplies))
}

/// What is done at the paths that are meant.
fn served(meant: impl Fn(&str) -> bool) -> impl Iterator<Item = Deed> {
    let places = PLACES.iter().filter(move |place| meant(place.path));
    places.flat_map(|place| place.deeds.iter().map(|(_, deed)| *deed))
}

/// The name of an interaction with a type, as R4 has it.
fn type_code(deed: Deed) -> Option<&'static str> {
    let known = [
        Deed::Read,
        Deed::Vread,
        Deed::Update,
        Deed::Patch,
        Deed::Delete,
        Deed::HistoryInstance,
        Deed::HistoryType,
        Deed::Create,
        Deed::SearchType,
    ];
    known.contains(&deed).then(|| deed.name())
}

fn system_code(deed: Deed) -> Vec<&'static str> {
    match deed {
        Deed::Batch => vec!["transaction", "batch"],
        Deed::SearchSystem | Deed::HistorySystem => vec![deed.name()],
        _ => Vec::new(),
    }
}

/// The operations at the paths that are meant, each once, with their definitions.
fn operations_of(meant: impl Fn(&str) -> bool) -> Node<'static> {
    let named: BTreeMap<&str, String> = served(meant).filter_map(definition).collect();
    let node =
        |(name, of): (&'static str, String)| object([("name", Node::text(name)), ("definition", Node::text(of))]);
    Node::List(named.into_iter().map(node).collect())
}

/// The name of an operation, and the canonical URL of its definition.
fn definition(deed: Deed) -> Option<(&'static str, String)> {
    if let Some(own) = definitions::canonical(HERE, deed) {
        return Some((deed.name(), own));
    }
    let (name, of) = defined_elsewhere(deed)?;
    Some((name, if of.contains(':') { of.to_owned() } else { format!("{DEFINITIONS}/{of}") }))
}

/// The name of an operation, and of its definition: in R4, or whole where a guide defines it.
fn defined_elsewhere(deed: Deed) -> Option<(&'static str, &'static str)> {
    Some(match deed {
        Deed::Everything => ("everything", "Patient-everything"),
        Deed::LastN => ("lastn", "Observation-lastn"),
        Deed::Meta | Deed::MetaType | Deed::MetaSystem => ("meta", "Resource-meta"),
        Deed::MetaAdd => ("meta-add", "Resource-meta-add"),
        Deed::MetaDelete => ("meta-delete", "Resource-meta-delete"),
        Deed::Export => ("export", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"),
        Deed::ExportPatients => ("export", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export"),
        Deed::ExportGroup => ("export", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export"),
        Deed::ValidateType => ("validate", "Resource-validate"),
        Deed::Match => ("match", "Patient-match"),
        Deed::MemberMatch => ("member-match", "http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match"),
        Deed::SubscriptionStatus | Deed::SubscriptionStatuses => ("status", SUBSCRIPTION_STATUS),
        Deed::SubscriptionEvents => ("events", SUBSCRIPTION_EVENTS),
        Deed::SocketToken | Deed::SocketTokens => ("get-ws-binding-token", SOCKET_TOKEN),
        Deed::CrossReference => ("ihe-pix", "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix"),
        _ => return None,
    })
}

/// The search parameters of a type that can be asked for.
pub fn served_parameters(kind: &str) -> impl Iterator<Item = &'static Parameter> {
    table().parameters(kind).iter().filter(|parameter| parameter.is_served())
}

/// Those that every type has.
pub fn of_all_types() -> impl Iterator<Item = &'static Parameter> {
    // Basic has the fewest of its own.
    served_parameters("Basic").filter(|parameter| parameter.code.starts_with('_'))
}

fn references(registry: &Registry, kind: &str) -> impl Iterator<Item = &'static Parameter> {
    registry.parameters(kind).filter(|parameter| parameter.class == ParameterClass::Reference)
}

/// `Observation:subject`, and all of them.
fn includes(registry: &Registry, kind: &str) -> Node<'static> {
    let own = references(registry, kind).map(|parameter| format!("{}:{}", parameter.kind, parameter.code));
    let all = ["*".to_owned(), format!("{kind}:*")].into_iter().chain(own);
    Node::List(all.map(Node::text).collect())
}

/// What may refer to the type. A reference that may be to anything is left to `*`.
fn reverse_includes(registry: &Registry, kind: &str) -> Node<'static> {
    let to_it = table().kinds().flat_map(|kind| references(registry, kind)).filter(|parameter| {
        let targets = parameter.targets().count();
        targets < ANYTHING && parameter.targets().any(|target| target == kind)
    });
    let all =
        ["*".to_owned()].into_iter().chain(to_it.map(|parameter| format!("{}:{}", parameter.kind, parameter.code)));
    Node::List(all.map(Node::text).collect())
}

/// A parameter with so many targets may refer to anything.
const ANYTHING: usize = 100;

fn parameter(parameter: &Parameter) -> Node<'static> {
    let mut said = vec![("name", Node::text(parameter.code))];
    if !parameter.url.is_empty() {
        said.push(("definition", Node::text(parameter.url)));
    }
    said.push(("type", Node::text(parameter.class.name())));
    Node::Object(Object { fields: said })
}

/// Each once.
fn interactions(codes: impl Iterator<Item = &'static str>) -> Node<'static> {
    let mut codes: Vec<&'static str> = codes.collect();
    codes.sort_unstable();
    codes.dedup();
    Node::List(codes.into_iter().map(|code| object([("code", Node::text(code))])).collect())
}

fn texts<T: Into<String>, const N: usize>(texts: [T; N]) -> Node<'static> {
    texts_of(texts.into_iter())
}

fn texts_of<T: Into<String>>(texts: impl Iterator<Item = T>) -> Node<'static> {
    Node::List(texts.map(|text| Node::text(text.into())).collect())
}

fn object<const N: usize>(fields: [(&'static str, Node<'static>); N]) -> Node<'static> {
    Node::Object(Object { fields: Vec::from(fields) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'n>(of: &'n Object<'_>, list: &str, name: &str) -> Vec<&'n str> {
        of.items(list).iter().filter_map(|of| of.as_object()?.str(name)).collect()
    }

    #[test]
    fn the_statement_is_one_and_says_what_is_served() {
        let bytes = statement("http://x/fhir", "00112233445566aa", &Registry::default());
        let statement = fhir::json::read(&bytes).unwrap_or_else(|issues| panic!("{issues:?}"));
        let rest = statement.object.items("rest")[0].as_object().expect("rest is an object");
        assert_eq!(rest.items("resource").len(), 146);
        let mut kinds = rest.items("resource").iter().filter_map(Node::as_object);
        let observation = kinds.find(|of| of.str("type") == Some("Observation")).expect("Observation");
        assert!(names(observation, "operation", "name").contains(&"lastn"));
        let patient = kinds.find(|of| of.str("type") == Some("Patient")).expect("Patient");
        let parameters = names(patient, "searchParam", "name");
        assert!(["family", "identifier", "_id", "_lastUpdated"].iter().all(|name| parameters.contains(name)));
        let texts = |list: &str| patient.items(list).iter().filter_map(Node::as_str).collect::<Vec<_>>();
        assert!(texts("searchInclude").contains(&"Patient:general-practitioner"), "{:?}", texts("searchInclude"));
        assert!(texts("searchRevInclude").contains(&"Observation:subject"), "{:?}", texts("searchRevInclude"));
        let family = patient.items("searchParam").iter().filter_map(Node::as_object);
        let family = family.filter(|of| of.str("name") == Some("family")).map(|of| of.str("definition")).next();
        assert_eq!(family, Some(Some("http://hl7.org/fhir/SearchParameter/individual-family")));
        assert_eq!(
            names(patient, "interaction", "code"),
            "create delete history-instance history-type patch read search-type update vread"
                .split(' ')
                .collect::<Vec<_>>()
        );
        assert!(names(patient, "operation", "name").contains(&"meta"));
        assert!(!names(patient, "operation", "name").contains(&"lastn"));
        assert_eq!(names(rest, "operation", "name"), ["export", "import", "meta", "reindex"]);
        let system = names(rest, "interaction", "code");
        assert!(
            ["batch", "transaction", "history-system", "search-system"].iter().all(|code| system.contains(code)),
            "{system:?}"
        );
    }
}
