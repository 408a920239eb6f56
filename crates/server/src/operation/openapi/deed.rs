//! What each of FHIR's interactions takes and answers, for OpenAPI.

use fhir::search::table;
use serde_json::{Map, Value, json};

use super::{operation_id, schemas, search_parameters};
use crate::http::Deed;

const JSON: &str = "application/fhir+json";
const XML: &str = "application/fhir+xml";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON_PATCH: &str = "application/json-patch+json";

/// The operation of a deed on a type, or on all of them.
pub fn operation(deed: Deed, kind: Option<&'static str>) -> Value {
    let mut operation = json!({
        "operationId": operation_id(deed, kind),
        "tags": [kind.unwrap_or("system")],
        "summary": summary(deed),
        "responses": answers(deed, kind),
    });
    let mut parameters: Vec<Value> = shared(deed).iter().map(|name| reference("parameters", name)).collect();
    if let (Deed::SearchType, Some(kind)) = (deed, kind) {
        parameters.extend(search_parameters(kind));
    }
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = body(deed, kind) {
        operation["requestBody"] = body;
    }
    operation
}

pub fn reference(of: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{of}/{name}") })
}

/// What a deed does, in one line.
pub fn summary(deed: Deed) -> &'static str {
    match deed {
        Deed::Capabilities => "What this server can do, as a CapabilityStatement",
        Deed::OperationDefinition => "What an operation of this server's own takes and gives",
        Deed::SearchSystem => "Search all types at once",
        Deed::SearchSystemForm => "Search all types at once, with the parameters in the body",
        Deed::Batch => "A batch (each entry by itself) or a transaction (all or none)",
        Deed::HistorySystem => "Former versions of everything, newest first",
        Deed::SearchType => "Search",
        Deed::SearchTypeForm => {
            "Search with the parameters in the body, where they would not fit into an address or be logged"
        }
        Deed::SearchCompartment => "Search within a compartment",
        Deed::SearchCompartmentForm => "Search within a compartment, with the parameters in the body",
        Deed::Create => "Create under an id that the server makes; with If-None-Exist only where nothing matches",
        Deed::HistoryType => "Former versions of a type, newest first",
        Deed::UpdateWhere => "Update the one resource that matches, or create it where none does",
        Deed::PatchWhere => "Patch the one resource that matches",
        Deed::DeleteWhere => "Delete what matches",
        Deed::Read => "Read the current version",
        Deed::Update => "Update, or create under an id that the client chose",
        Deed::Patch => "Change parts by JSON Patch or FHIRPath Patch",
        Deed::Delete => "Delete; the history stays",
        Deed::HistoryInstance => "Former versions of one resource, newest first",
        Deed::Vread => "Read one version",
        Deed::Everything => "The whole record of a person, page by page",
        Deed::Match => "Who may be meant by what is known of somebody",
        Deed::MemberMatch => "Under which identifier a member of another plan is known here",
        Deed::CrossReference | Deed::CrossReferenceForm => "By which identifiers a person is known elsewhere",
        Deed::Merge => "One Patient replaces another of its source",
        Deed::Unmerge => "Take back that one Patient replaces another",
        Deed::IdentityExplain => "How the engine compares two Patients",
        Deed::IdentityDecide => "Decide that two Patients are one person, or are not, or leave it to the engine again",
        Deed::Relocate => "Move what was filed under the wrong patient to the right one",
        Deed::LastN => "The newest results, some of each kind",
        Deed::Meta => "Profiles, tags and labels",
        Deed::MetaType => "Profiles, tags and labels in use on resources of a type",
        Deed::MetaSystem => "Profiles, tags and labels in use",
        Deed::MetaAdd => "Add profiles, tags and labels",
        Deed::MetaDelete => "Take away profiles, tags and labels",
        Deed::Export => "Export everything in the background",
        Deed::ExportForm => "Export everything in the background, with the parameters in the body",
        Deed::ExportPatients => "Export the records of all patients in the background",
        Deed::ExportPatientsForm => "Export the records of patients in the background, with the parameters in the body",
        Deed::ExportGroup => "Export the records of a Group's members in the background",
        Deed::ExportGroupForm => "Export the records of a Group's members, with the parameters in the body",
        Deed::Import => "Import NDJSON, or the files of a manifest, in the background",
        Deed::Reindex => "Put the search parameters in force that active SearchParameters define",
        Deed::Reindexed => "Search parameters of this site, and how far the record is looked through for them",
        Deed::SubscriptionStatuses => "How the requester's subscriptions stand",
        Deed::SubscriptionStatus => "How a subscription stands",
        Deed::SubscriptionEvents => "Events that a subscriber was told of, or missed",
        Deed::SocketTokens | Deed::SocketToken => "A token by which a WebSocket is bound to subscriptions",
        Deed::ValidateType => "Say what is wrong with a resource, and do not write it",
        Deed::ValidateInstance => "Say what is wrong with a resource that would be written here, and do not write it",
        Deed::ValidateStored => "Say what is wrong with the resource as it is stored",
    }
}

/// The names of the shared parameters.
fn shared(deed: Deed) -> &'static [&'static str] {
    match deed {
        Deed::Capabilities => &["_format", "_pretty"],
        Deed::OperationDefinition => &["_format", "_pretty", "_summary", "_elements"],
        Deed::SearchSystem => &[
            "_format",
            "_pretty",
            "_summary",
            "_elements",
            "_count",
            "_sort",
            "_total",
            "_include",
            "_revinclude",
            "_page",
            "_type",
            "Prefer",
        ],
        Deed::SearchType | Deed::SearchCompartment => &[
            "_format",
            "_pretty",
            "_summary",
            "_elements",
            "_count",
            "_sort",
            "_total",
            "_include",
            "_revinclude",
            "_page",
            "Prefer",
        ],
        Deed::SearchTypeForm | Deed::SearchSystemForm | Deed::SearchCompartmentForm => &["Prefer"],
        Deed::Everything => &["_format", "_pretty", "start", "end", "_since", "_type", "_count", "_page"],
        Deed::Match | Deed::MemberMatch | Deed::CrossReferenceForm | Deed::Relocate => &["_format", "_pretty"],
        Deed::IdentityDecide | Deed::Merge | Deed::Unmerge => &["_format", "_pretty"],
        Deed::CrossReference => &["_format", "_pretty", "sourceIdentifier", "targetSystem"],
        Deed::IdentityExplain => &["_format", "_pretty", "patient"],
        Deed::Export | Deed::ExportPatients | Deed::ExportGroup => &["Prefer", "_since", "_type"],
        Deed::ExportForm | Deed::ExportPatientsForm | Deed::ExportGroupForm => &["Prefer"],
        Deed::Import => &["Prefer"],
        Deed::LastN => &["_format", "_pretty", "max", "criteria"],
        Deed::Meta | Deed::MetaType | Deed::MetaSystem => &["_format", "_pretty"],
        Deed::MetaAdd | Deed::MetaDelete | Deed::Reindex | Deed::Reindexed => &["_format", "_pretty"],
        Deed::ValidateType | Deed::ValidateInstance | Deed::ValidateStored => &["_format", "_pretty"],
        Deed::SubscriptionStatuses | Deed::SubscriptionStatus | Deed::SocketTokens | Deed::SocketToken => {
            &["_format", "_pretty"]
        }
        Deed::SubscriptionEvents => &["_format", "_pretty"],
        Deed::Batch => &["_format", "_pretty", "Prefer"],
        Deed::HistorySystem | Deed::HistoryType | Deed::HistoryInstance => {
            &["_format", "_pretty", "_summary", "_elements", "_count", "_since", "_at", "_page"]
        }
        Deed::Create => &["_format", "_pretty", "Prefer", "If-None-Exist"],
        Deed::Update => &["_format", "_pretty", "Prefer", "If-Match", "If-None-Match"],
        Deed::Patch => &["_format", "_pretty", "Prefer", "If-Match"],
        Deed::UpdateWhere | Deed::PatchWhere => &["criteria", "_format", "_pretty", "Prefer", "If-Match"],
        Deed::Delete => &["If-Match"],
        Deed::DeleteWhere => &["criteria", "If-Match"],
        Deed::Read => &["_format", "_pretty", "_summary", "_elements", "If-None-Match", "If-Modified-Since"],
        Deed::Vread => &["_format", "_pretty", "_summary", "_elements"],
    }
}

fn body(deed: Deed, kind: Option<&str>) -> Option<Value> {
    let name = match deed {
        Deed::Create | Deed::Update | Deed::UpdateWhere | Deed::ValidateType | Deed::ValidateInstance => {
            kind.unwrap_or("Resource")
        }
        Deed::Batch => "Bundle",
        Deed::MetaAdd | Deed::MetaDelete => "Parameters",
        Deed::ExportForm | Deed::ExportPatientsForm | Deed::ExportGroupForm => "Parameters",
        Deed::Match | Deed::MemberMatch | Deed::CrossReferenceForm | Deed::Relocate => "Parameters",
        Deed::IdentityDecide | Deed::Merge | Deed::Unmerge => "Parameters",
        Deed::Import => "import",
        Deed::Patch | Deed::PatchWhere => "patch",
        Deed::SearchTypeForm | Deed::SearchSystemForm | Deed::SearchCompartmentForm => "criteria",
        _ => return None,
    };
    Some(reference("requestBodies", name))
}

/// What is sent: a resource of each type, a patch, a search.
pub fn bodies() -> Value {
    let required = |content: Value| json!({ "required": true, "content": content });
    let mut all: Map<String, Value> = table().kinds().map(|kind| (kind.to_owned(), required(resource(kind)))).collect();
    let mut patch = resource("Parameters");
    patch[JSON_PATCH] = json!({ "schema": schemas::reference("JsonPatch") });
    all.insert("patch".to_owned(), required(patch));
    let form = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    all.insert("criteria".to_owned(), required(json!({ FORM: { "schema": form } })));
    let lines = json!({ "application/fhir+ndjson": { "schema": { "type": "string" } }, "application/json": { "schema": { "type": "object" } } });
    all.insert("import".to_owned(), required(lines));
    Value::Object(all)
}

/// A resource in the formats that are served.
fn resource(kind: &str) -> Value {
    json!({ JSON: { "schema": schemas::reference(kind) }, XML: { "schema": { "type": "string" } } })
}

/// A status and the name of the shared response.
type Answers = &'static [(&'static str, &'static str)];

fn answers(deed: Deed, kind: Option<&str>) -> Value {
    let (good, failures): (Answers, &[&str]) = match deed {
        Deed::Capabilities => (&[("200", "CapabilityStatement")], &[]),
        Deed::OperationDefinition => (&[("200", "OperationDefinition")], &["404"]),
        Deed::SearchSystem | Deed::SearchType | Deed::SearchCompartment => {
            (&[("200", "matches")], &["400", "403", "410", "414"])
        }
        Deed::SearchTypeForm | Deed::SearchSystemForm | Deed::SearchCompartmentForm => {
            (&[("200", "matches")], &["400", "403", "410", "413", "415", "422"])
        }
        Deed::Batch => (&[("200", "outcomes")], &["400", "409", "412", "413", "415", "422"]),
        Deed::HistorySystem | Deed::HistoryType | Deed::HistoryInstance => {
            (&[("200", "versions")], &["400", "403", "404"])
        }
        Deed::Create => (&[("201", ".created"), ("200", "")], &["400", "404", "412", "413", "415", "422"]),
        Deed::Update | Deed::UpdateWhere => {
            (&[("200", ""), ("201", ".created")], &["400", "404", "409", "412", "413", "415", "422"])
        }
        Deed::Patch | Deed::PatchWhere => (&[("200", "")], &["400", "404", "409", "410", "412", "413", "415", "422"]),
        Deed::Delete | Deed::DeleteWhere => (&[("204", "deleted")], &["400", "404", "409", "412"]),
        Deed::Read => (&[("200", ""), ("304", "known")], &["400", "404", "410"]),
        Deed::Vread => (&[("200", "")], &["404", "410"]),
        Deed::Everything => (&[("200", "matches")], &["400", "403", "404", "410", "422"]),
        Deed::Match => (&[("200", "matches")], &["400", "403", "413", "415", "422"]),
        Deed::MemberMatch => (&[("200", "Parameters")], &["400", "403", "413", "415", "422"]),
        Deed::CrossReference => (&[("200", "Parameters")], &["400", "403", "404"]),
        Deed::CrossReferenceForm => (&[("200", "Parameters")], &["400", "403", "404", "413", "415"]),
        Deed::IdentityExplain => (&[("200", "Parameters")], &["400", "403", "404"]),
        Deed::Relocate => (&[("200", "Parameters")], &["400", "404", "409", "413", "415", "422"]),
        Deed::Merge | Deed::Unmerge => (&[("200", "Parameters")], &["400", "404", "409", "410", "413", "415", "422"]),
        Deed::IdentityDecide => (&[("200", "Parameters")], &["400", "403", "404", "413", "415", "422"]),
        Deed::LastN => (&[("200", "matches")], &["400", "422"]),
        Deed::Meta => (&[("200", "Parameters")], &["404", "410"]),
        Deed::MetaType => (&[("200", "Parameters")], &["404", "422"]),
        Deed::MetaSystem => (&[("200", "Parameters")], &["422"]),
        Deed::ValidateType | Deed::ValidateInstance => (&[("200", "OperationOutcome")], &["400", "404", "413", "415"]),
        Deed::Export | Deed::ExportPatients => (&[("202", "begun")], &["400", "403", "429"]),
        Deed::ExportGroup => (&[("202", "begun")], &["400", "403", "404", "410", "429"]),
        Deed::ExportForm | Deed::ExportPatientsForm => (&[("202", "begun")], &["400", "403", "413", "415", "429"]),
        Deed::ExportGroupForm => (&[("202", "begun")], &["400", "403", "404", "410", "413", "415", "429"]),
        Deed::Import => (&[("202", "begun")], &["400", "413", "415", "429"]),
        Deed::Reindex => (&[("200", "Parameters")], &["403", "422"]),
        Deed::Reindexed => (&[("200", "Parameters")], &["403"]),
        Deed::SubscriptionStatuses => (&[("200", "matches")], &["400"]),
        Deed::SubscriptionStatus => (&[("200", "matches")], &["400", "404"]),
        Deed::SubscriptionEvents => (&[("200", "versions")], &["400", "404"]),
        Deed::SocketTokens | Deed::SocketToken => (&[("200", "Parameters")], &["400", "404"]),
        Deed::ValidateStored => (&[("200", "OperationOutcome")], &["404", "410"]),
        Deed::MetaAdd | Deed::MetaDelete => {
            (&[("200", "Parameters")], &["400", "404", "409", "410", "412", "413", "415", "422"])
        }
    };
    let mut answers = Map::new();
    for (status, name) in good {
        let name = match *name {
            "" | ".created" => format!("{}{name}", kind.unwrap_or("Resource")),
            name => name.to_owned(),
        };
        answers.insert((*status).to_owned(), reference("responses", &name));
    }
    let open = matches!(deed, Deed::Capabilities | Deed::OperationDefinition);
    for status in failures.iter().chain((!open).then_some(&"401")).chain(["406", "503"].iter()) {
        answers.insert((*status).to_owned(), reference("responses", status));
    }
    Value::Object(answers)
}

pub fn headers() -> Value {
    let header = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "ETag": header("the version as a weak tag, such as W/\"3\""),
        "Last-Modified": header("when this version was made"),
        "Location": header("where the version is"),
    })
}

/// A resource of each type, what else is answered, and a failure of each status.
pub fn responses() -> Value {
    let mut all = Map::new();
    let version =
        json!({ "ETag": reference("headers", "ETag"), "Last-Modified": reference("headers", "Last-Modified") });
    for kind in table().kinds() {
        let shown = json!({ "description": "the resource", "headers": version, "content": resource(kind) });
        let mut created = shown.clone();
        created["headers"]["Location"] = reference("headers", "Location");
        all.insert(format!("{kind}.created"), created);
        all.insert(kind.to_owned(), shown);
    }
    for (name, kind, text) in SHARED {
        let mut response = json!({ "description": text });
        if !kind.is_empty() {
            response["content"] = resource(kind);
        }
        all.insert(name.to_owned(), response);
    }
    Value::Object(all)
}

/// The name of a response, the type of what is in it, and what it says.
const SHARED: [(&str, &str, &str); 20] = [
    ("matches", "Bundle", "a page of matches, as a Bundle of type searchset"),
    ("versions", "Bundle", "a page of versions, as a Bundle of type history"),
    ("outcomes", "Bundle", "what became of each entry"),
    ("deleted", "", "deleted, or not there"),
    ("begun", "", "begun; Content-Location says where to ask how far it is"),
    ("known", "", "it is the version that you have"),
    ("400", OUTCOME, "the request cannot be understood, or the body is no resource of R4"),
    ("401", OUTCOME, "nobody proved who asks"),
    ("403", OUTCOME, "whoever asks may not, or the page link was not made for him"),
    ("404", OUTCOME, "not there, or not for whoever asks"),
    ("406", OUTCOME, "no format that is asked for is served"),
    ("409", OUTCOME, "somebody changed it at the same moment"),
    ("410", OUTCOME, "it was deleted, or the page link is too old"),
    ("412", OUTCOME, "it is not the version that is expected, or more than one resource matches"),
    ("413", OUTCOME, "the body is too large"),
    ("414", OUTCOME, "the address is too long"),
    ("415", OUTCOME, "the body's format or coding is not read"),
    ("422", OUTCOME, "a rule forbids it"),
    ("429", OUTCOME, "as many are kept as may be"),
    ("503", OUTCOME, "try again soon"),
];

const OUTCOME: &str = "OperationOutcome";
