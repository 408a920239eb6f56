//! What a reference points at, read from its text alone (R4 §2.3.0, References between resources).
//!
//! Nothing is fetched or resolved here. Which base URL is our own is not known here either: an absolute URL stays one.

use crate::Object;
use crate::schema;

/// The text of `Reference.reference`, or of a canonical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Literal<'r> {
    /// `Patient/17`, `Patient/17/_history/2`.
    Local { kind: &'static str, id: &'r str, version: Option<&'r str> },
    /// `#17`: in the resource that refers.
    Contained(&'r str),
    /// `https://example.org/fhir/Patient/17`, `urn:uuid:…`; with the type where the URL ends in one and an id.
    Absolute { url: &'r str, kind: Option<&'static str> },
}

/// Reads a literal; `None` where it is neither a type and an id, nor a fragment, nor a URI with a scheme.
pub fn literal(text: &str) -> Option<Literal<'_>> {
    if let Some(id) = text.strip_prefix('#') {
        return Some(Literal::Contained(id));
    }
    if has_scheme(text) {
        return Some(Literal::Absolute { url: text, kind: last_kind(text) });
    }
    let mut parts = text.split('/');
    let kind = schema::r4().resource(parts.next()?)?.name;
    let id = parts.next().filter(|id| is_id(id))?;
    let version = match (parts.next(), parts.next(), parts.next()) {
        (None, _, _) => None,
        (Some("_history"), Some(version), None) if is_id(version) => Some(version),
        _ => return None,
    };
    Some(Literal::Local { kind, id, version })
}

/// The type of the resource that a Reference points at: what its text ends in, or what it says of itself.
pub fn kind<'r>(reference: &'r Object<'_>) -> Option<&'r str> {
    let literal = reference.str("reference").and_then(literal);
    let told = match literal {
        Some(Literal::Local { kind, .. } | Literal::Absolute { kind: Some(kind), .. }) => Some(kind),
        _ => None,
    };
    told.or_else(|| reference.str("type"))
}

/// R4's id: letters, digits, `-` and `.`, at most 64.
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// `scheme:` as RFC 3986 has it.
pub fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// The type in `…/Patient/17` or `…/Patient/17/_history/2`.
fn last_kind(url: &str) -> Option<&'static str> {
    let mut parts = url.rsplit('/');
    let mut id = parts.next()?;
    let mut kind = parts.next()?;
    if kind == "_history" {
        (id, kind) = (parts.next()?, parts.next()?);
    }
    if !is_id(id) {
        return None;
    }
    schema::r4().resource(kind).map(|kind| kind.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_told_by_its_text() {
        let local = |kind, id, version| Some(Literal::Local { kind, id, version });
        let absolute = |url, kind| Some(Literal::Absolute { url, kind });
        for (text, expected) in [
            ("Patient/17", local("Patient", "17", None)),
            ("Patient/17/_history/2", local("Patient", "17", Some("2"))),
            ("#p1", Some(Literal::Contained("p1"))),
            ("urn:uuid:4c", absolute("urn:uuid:4c", None)),
            ("http://a.org/fhir/Patient/17", absolute("http://a.org/fhir/Patient/17", Some("Patient"))),
            ("http://a.org/Patient/17/_history/2", absolute("http://a.org/Patient/17/_history/2", Some("Patient"))),
            ("http://a.org/fhir/ValueSet", absolute("http://a.org/fhir/ValueSet", None)),
            ("Patient", None),
            ("Patient/", None),
            ("Patient/a b", None),
            ("Patient/17/x", None),
            ("Person17/1", None),
            ("/Patient/17", None),
            ("Patient?identifier=a|b", None),
            ("", None),
        ] {
            assert_eq!(literal(text), expected, "{text}");
        }
    }
}
