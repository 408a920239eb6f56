//! Addresses: uri, url and canonical where R4 says more of them than their format (R4 §2.24.0.1, §2.5).

use super::walk::{Frame, Walk};
use crate::primitive::Primitive;
use crate::reference::has_scheme;
use crate::schema::{Class, Element, Type};
use crate::{IssueType, Object};

/// Under this are the definitions of R4 itself.
pub const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// HL7's value sets: an address under it is not a code system.
const VALUE_SETS: [&str; 2] = ["http://hl7.org/fhir/ValueSet/", "http://terminology.hl7.org/ValueSet/"];

/// One value of an element that may be an address.
pub fn check(walk: &mut Walk<'_, '_>, frame: &Frame<'_>, owner: &Type, element: &Element, text: &str) {
    match element.primitive {
        Some(Primitive::Canonical) => canonical(walk, frame, text),
        Some(Primitive::Uri | Primitive::Url) => {
            urn(walk, text);
            let is_system = element.name == "system" && matches!(owner.name, "Coding" | "Identifier" | "Quantity");
            let is_system = is_system || (owner.name == "ValueSet.compose.include" && element.name == "system");
            let is_home = owner.class == Class::Resource && element.name == "url";
            if (is_system || is_home) && !has_scheme(text) {
                walk.error(IssueType::Value, "must be an absolute address, such as http://… or urn:oid:…");
            } else if is_system && VALUE_SETS.iter().any(|sets| text.starts_with(sets)) {
                walk.error(IssueType::CodeInvalid, "is a value set, not a code system; name the system of the code");
            }
        }
        _ => {}
    }
}

fn canonical(walk: &mut Walk<'_, '_>, frame: &Frame<'_>, text: &str) {
    urn(walk, text);
    if let Some(id) = text.strip_prefix('#') {
        if !id.is_empty() && frame.contained(id).is_none() {
            walk.error(IssueType::NotFound, "no resource with this id is contained here");
        }
    } else if !has_scheme(text) {
        // R4's own examples do it, and later versions forbid it.
        walk.warning(IssueType::Value, "should be an absolute address, or #id of a contained resource");
    }
}

/// What calls itself an OID or a UUID is one.
fn urn(walk: &mut Walk<'_, '_>, text: &str) {
    let whole = text.split(['|', '#']).next().unwrap_or_default();
    if text.starts_with("oid:") || text.starts_with("uuid:") {
        walk.error(IssueType::Value, "an OID or UUID is written urn:oid:… or urn:uuid:…");
    } else if whole.starts_with("urn:oid:") && Primitive::Oid.check(whole).is_err() {
        walk.error(IssueType::Value, "must be an OID behind urn:oid:");
    } else if whole.starts_with("urn:uuid:") && Primitive::Uuid.check(&whole.to_ascii_lowercase()).is_err() {
        walk.error(IssueType::Value, "must be a UUID behind urn:uuid:");
    }
}

/// The url of an extension says which it is: an address, but a name alone inside another extension.
pub fn extension(walk: &mut Walk<'_, '_>, owner: &Type, extension: &Object<'_>) {
    let Some(url) = extension.str("url") else { return };
    if owner.name != "Extension" && !has_scheme(url) {
        walk.error(IssueType::Value, "the url of an extension must be an absolute address");
    } else if url.contains('|') {
        walk.error(IssueType::Value, "the url of an extension must be without a version");
    }
}
