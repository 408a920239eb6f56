//! The parameters and headers that deeds share, for OpenAPI: each stands once in the document and is referred to.

use serde_json::{Map, Value, json};

/// What a parameter's value is.
#[derive(Clone, Copy)]
enum Of {
    Text,
    Bool,
    /// A whole number from here on.
    Number(u32),
    Instant,
    Id,
    Among(&'static [&'static str]),
}

type Parameter = (&'static str, &'static str, Of);

const PATH: [Parameter; 5] = [
    ("id", "1 to 64 letters, digits, hyphens and dots", Of::Id),
    ("vid", "the number of a version, from 1", Of::Text),
    ("compartment", "the type of the compartment", Of::Text),
    ("inner", "a type of resource, or * for all", Of::Text),
    ("own", "the name of an operation of this server's own", Of::Text),
];

const QUERY: [Parameter; 19] = [
    ("_format", "json, xml, or a media type; covers Accept", Of::Text),
    ("_pretty", "with lines and indentation", Of::Bool),
    ("_summary", "a part of each resource, or the count alone", Of::Among(&["true", "text", "data", "count", "false"])),
    ("_elements", "these top-level elements and what is required, with commas", Of::Text),
    ("_count", "entries a page; a greater number than the server's is cut to it", Of::Number(0)),
    ("_sort", "search parameters with commas, with - before one for descending order", Of::Text),
    ("_total", "how well the number of matches must be known", Of::Among(&["none", "estimate", "accurate"])),
    (
        "_include",
        "what a match refers to: Type:parameter, Type:parameter:Target, Type:* or *; also _include:iterate",
        Of::Text,
    ),
    ("_revinclude", "what refers to a match, in the same way; also _revinclude:iterate", Of::Text),
    ("_page", "of the links of an answer; made for one search and one requester", Of::Text),
    ("sourceIdentifier", "the identifier that is known, as system|value", Of::Text),
    ("targetSystem", "only identifiers of this system", Of::Text),
    ("patient", "one of two Patients; given twice", Of::Text),
    ("max", "how many of each kind", Of::Number(1)),
    ("start", "care at this time or later", Of::Text),
    ("end", "care at this time or earlier", Of::Text),
    ("_type", "the types to search, with commas", Of::Text),
    ("_since", "versions of this instant or later", Of::Instant),
    ("_at", "versions that were current at some moment of this time", Of::Text),
];

const HEADER: [Parameter; 5] = [
    (
        "Prefer",
        "return=minimal, representation or OperationOutcome; handling=strict (the default) or lenient",
        Of::Text,
    ),
    ("If-Match", "the version that is replaced, as it came in ETag", Of::Text),
    ("If-None-Match", "of a read: the version that you have; of an update: * where it must not be there", Of::Text),
    ("If-Modified-Since", "when the version that you have was last modified", Of::Text),
    ("If-None-Exist", "a search; nothing is created where it finds something", Of::Text),
];

pub fn all() -> Value {
    let places = [("path", &PATH[..]), ("query", &QUERY), ("header", &HEADER)];
    let mut all = Map::new();
    for (place, parameters) in places {
        all.extend(parameters.iter().map(|of| (of.0.to_owned(), parameter(place, of))));
    }
    all.insert("criteria".to_owned(), criteria());
    Value::Object(all)
}

fn parameter(place: &str, (name, description, of): &Parameter) -> Value {
    let mut parameter = json!({ "name": name, "in": place, "description": description, "schema": schema(*of) });
    if place == "path" {
        parameter["required"] = json!(true);
    }
    parameter
}

fn schema(of: Of) -> Value {
    match of {
        Of::Text => json!({ "type": "string" }),
        Of::Bool => json!({ "type": "boolean" }),
        Of::Number(least) => json!({ "type": "integer", "minimum": least }),
        Of::Instant => json!({ "type": "string", "format": "date-time" }),
        Of::Id => json!({ "type": "string", "pattern": "^[A-Za-z0-9.-]{1,64}$" }),
        Of::Among(values) => json!({ "type": "string", "enum": values }),
    }
}

/// The search by which a conditional interaction finds what it is about.
fn criteria() -> Value {
    json!({
        "name": "criteria",
        "in": "query",
        "required": true,
        "description": "the parameters of a search on this type, at least one",
        "style": "form",
        "explode": true,
        "schema": { "type": "object", "additionalProperties": { "type": "string" }, "minProperties": 1 },
    })
}
