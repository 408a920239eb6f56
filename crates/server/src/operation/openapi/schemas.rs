//! The types of R4 as JSON Schema, from the element tables.
//!
//! It says less than our reader checks: formats of primitives and which of a choice's names may stand together are not in
//! it. An element that must be there is required here only where it cannot be replaced by its extensions (`_name`).

use fhir::primitive::Primitive;
use fhir::schema::{self, Class, Element, Type};
use serde_json::{Map, Value, json};

pub fn all() -> Value {
    let kinds = schema::r4().kinds().filter(|kind| kind.class != Class::Primitive);
    let mut all: Map<String, Value> = kinds.map(|kind| (kind.name.to_owned(), of(kind))).collect();
    let any = json!({ "type": "object", "properties": { "resourceType": { "type": "string" } }, "required": ["resourceType"] });
    all.insert("Resource".to_owned(), any);
    all.insert("JsonPatch".to_owned(), json_patch());
    all.insert(BESIDE.to_owned(), beside());
    Value::Object(all)
}

/// What stands beside a primitive, under its name with a `_`.
const BESIDE: &str = "PrimitiveExtension";

/// Where a type's schema is.
pub fn reference(kind: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{kind}") })
}

fn of(kind: &Type) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    if kind.class == Class::Resource {
        properties.insert("resourceType".to_owned(), json!({ "const": kind.name }));
        required.push("resourceType");
    }
    for element in &kind.elements {
        properties.insert(element.name.to_owned(), many(element, one(element)));
        if element.primitive.is_some() {
            // An id of a datatype, an Extension's url and a div have nothing beside them.
            if !element.sibling.is_empty() {
                properties.insert(element.sibling.to_owned(), many(element, reference(BESIDE)));
            }
        } else if element.min > 0 && !element.choice {
            required.push(element.name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn many(element: &Element, one: Value) -> Value {
    if element.many { json!({ "type": "array", "items": one, "minItems": 1 }) } else { one }
}

fn one(element: &Element) -> Value {
    match (element.primitive, element.codes) {
        (Some(_), Some(list)) => json!({ "type": "string", "enum": list.codes() }),
        (Some(primitive), None) => json!({ "type": json_type(primitive) }),
        (None, _) if matches!(element.kind, "Resource" | "DomainResource") => reference("Resource"),
        (None, _) => reference(element.kind),
    }
}

/// The id and extensions of a primitive.
fn beside() -> Value {
    let object = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string" },
            "extension": { "type": "array", "items": reference("Extension"), "minItems": 1 },
        },
        "additionalProperties": false,
    });
    json!({ "anyOf": [object, { "type": "null" }] })
}

fn json_type(primitive: Primitive) -> &'static str {
    match primitive {
        Primitive::Boolean => "boolean",
        Primitive::Integer | Primitive::PositiveInt | Primitive::UnsignedInt => "integer",
        Primitive::Decimal => "number",
        _ => "string",
    }
}

/// RFC 6902.
fn json_patch() -> Value {
    let step = json!({
        "type": "object",
        "properties": {
            "op": { "type": "string", "enum": ["add", "remove", "replace", "move", "copy", "test"] },
            "path": { "type": "string" },
            "from": { "type": "string" },
            "value": true,
        },
        "required": ["op", "path"],
    });
    json!({ "type": "array", "items": step })
}
