//! What is served beside FHIR, for OpenAPI.

use serde_json::{Map, Value, json};

use super::deed;

const ER7: &str = "x-application/hl7-v2+er7";
const NUMBER: &str = "the number of the message";

/// A path and what can be done there.
type Item = (&'static str, Value);

pub fn paths() -> Map<String, Value> {
    let of_server = [
        ("/openapi.json", json!({ "get": get("openapi", "operation", "This document") })),
        ("/hl7v2", json!({ "post": send() })),
    ];
    let all = of_server.into_iter().chain(of_messages()).chain(of_travel()).chain(of_operators());
    all.map(|(path, item)| (path.to_owned(), item)).collect()
}

fn of_messages() -> Vec<Item> {
    let number = json!([{ "name": "id", "in": "path", "required": true, "description": NUMBER, "schema": { "type": "integer" } }]);
    let listed = [
        asked("limit", "how many, newest first"),
        asked("outcome", "applied, parked, refused or another outcome"),
        asked("source", "the name of a source"),
    ];
    vec![
        (
            "/hilum/messages",
            json!({ "get": with(get("messages", "messages", "Messages that came in"), "parameters", json!(listed)) }),
        ),
        (
            "/hilum/messages/{id}",
            json!({ "parameters": number, "get": with(get("message", "messages", "One message and what became of it"), "parameters", json!([asked("trace", "true: which rule made what")])) }),
        ),
        ("/hilum/messages/{id}/raw", json!({ "parameters": number, "get": raw() })),
        (
            "/hilum/messages/{id}/replay",
            json!({ "parameters": number, "post": act("replay", "Try a message again, as it came or as the body mends it") }),
        ),
        (
            "/hilum/messages/{id}/undo",
            json!({ "parameters": number, "post": act("undo", "Take back what a message merged") }),
        ),
        (
            "/hilum/messages/{id}/move",
            json!({ "parameters": number, "post": with(act("move", "Move what a message made to the patient whom it is about"), "parameters", json!([
                asked("to", "Patient/ID"), asked("preview", "true: say what would be done, and do nothing")
            ])) }),
        ),
    ]
}

/// What leaves the server, and where to.
fn of_travel() -> Vec<Item> {
    let in_path = |name: &str, text: &str| json!({ "name": name, "in": "path", "required": true, "description": text, "schema": { "type": "string" } });
    vec![
        (
            "/hilum/digests",
            json!({ "get": with(get("digests", "exports", "Digests of what the store holds, to compare two stores by"), "parameters",
                json!([asked("prefix", "Patient/ or Patient/3f, several with commas; none for the types")])) }),
        ),
        (
            "/hilum/bulk/{id}",
            json!({ "parameters": named(&["id"]), "get": later("export-status", "How far an export is, and where its files are"),
                "delete": later("export-cancel", "Cancel an export, or remove its files") }),
        ),
        ("/hilum/bulk/{id}/{file}", json!({ "parameters": named(&["id", "file"]), "get": ndjson() })),
        (
            "/hilum/peers",
            json!({ "get": get("peers", "peers", "Servers that records travel to, and how each stands"),
                "post": order("addPeer", "Begin to send to a server: a JSON object with its url") }),
        ),
        (
            "/hilum/peers/{name}",
            json!({ "parameters": [in_path("name", "the peer's name")],
                "get": get("peer", "peers", "One peer, and what is not delivered to it with its own words") }),
        ),
        (
            "/hilum/peers/{name}/{what}",
            json!({ "parameters": [in_path("name", "the peer's name"), in_path("what", "pause, resume, redrive, resend, remove")],
                "post": order("tellPeer", "Pause, resume, redrive, resend or remove a peer") }),
        ),
    ]
}

fn of_operators() -> Vec<Item> {
    vec![
        (
            "/websocket",
            json!({ "get": text("websocket", "Notifications of subscriptions over a WebSocket: bind ID, or bind-with-token TOKEN") }),
        ),
        (
            "/hilum/strangers",
            json!({ "get": get("strangers", "operation", "Addresses and facilities that were refused") }),
        ),
        ("/livez", json!({ "get": text("livez", "Whether the process answers") })),
        ("/readyz", json!({ "get": ready() })),
        ("/metrics", json!({ "get": text("metrics", "Counters, as Prometheus reads them") })),
    ]
}

fn asked(name: &str, text: &str) -> Value {
    json!({ "name": name, "in": "query", "description": text, "schema": { "type": "string" } })
}

fn with(mut operation: Value, name: &str, value: Value) -> Value {
    operation[name] = value;
    operation
}

fn good(media: &str, schema: &Value) -> Value {
    json!({ "description": "done", "content": { media: { "schema": schema } } })
}

fn get(id: &str, tag: &str, summary: &str) -> Value {
    let mut responses =
        json!({ "200": good("application/json", &json!(true)), "503": deed::reference("responses", "503") });
    if tag != "operation" {
        responses["401"] = deed::reference("responses", "401");
        responses["404"] = deed::reference("responses", "404");
    }
    json!({ "operationId": id, "tags": [tag], "summary": summary, "responses": responses })
}

fn named(names: &[&str]) -> Value {
    let one = |name: &&str| json!({ "name": name, "in": "path", "required": true, "description": "as the answer before names it", "schema": { "type": "string" } });
    names.iter().map(one).collect()
}

fn later(id: &str, summary: &str) -> Value {
    let mut operation = get(id, "exports", summary);
    operation["responses"]["202"] = json!({ "description": "under way, or cancelled" });
    operation
}

fn ndjson() -> Value {
    let mut operation = get("export-file", "exports", "A file of an export, one resource a line");
    operation["responses"]["200"] = good("application/fhir+ndjson", &json!({ "type": "string" }));
    operation["responses"]["206"] = json!({ "description": "the part that was asked for" });
    operation
}

fn raw() -> Value {
    let mut operation = get("raw", "messages", "A message as it came");
    operation["responses"]["200"] = good(ER7, &json!({ "type": "string" }));
    operation
}

fn act(id: &str, summary: &str) -> Value {
    let mut operation = get(id, "messages", summary);
    operation["responses"]["409"] = deed::reference("responses", "409");
    operation
}

/// Of a peer.
fn order(id: &str, summary: &str) -> Value {
    let mut operation = get(id, "peers", summary);
    for status in ["409", "422"] {
        operation["responses"][status] = deed::reference("responses", status);
    }
    operation
}

fn text(id: &str, summary: &str) -> Value {
    let mut operation = get(id, "operation", summary);
    operation["responses"]["200"] = good("text/plain", &json!({ "type": "string" }));
    operation
}

fn ready() -> Value {
    let mut operation = get("readyz", "operation", "Whether it can store what it is given");
    operation["responses"]["503"] = good("application/json", &json!(true));
    operation["responses"]["503"]["description"] = json!("it cannot; the body says why");
    operation
}

fn send() -> Value {
    let schema = json!({ "type": "string" });
    json!({
        "operationId": "hl7v2",
        "tags": ["messages"],
        "summary": "A message, a batch or MLLP frames; the acknowledgements come in the body",
        "requestBody": { "required": true, "content": { ER7: { "schema": schema }, "application/hl7-v2": { "schema": schema }, "text/plain": { "schema": schema } } },
        "responses": {
            "200": good(ER7, &schema),
            "204": { "description": "taken, and no acknowledgement was asked for" },
            "400": deed::reference("responses", "400"),
            "403": deed::reference("responses", "403"),
            "413": deed::reference("responses", "413"),
            "415": deed::reference("responses", "415"),
        },
    })
}
