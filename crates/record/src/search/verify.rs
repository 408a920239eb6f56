//! What hashes matched is held against the words before it is shown.
//!
//! A hash of 64 bits meets another one by chance once in a very long time. Whoever has the words of a value anywhere in
//! its body is taken at once: nobody gains by writing a code into a resource and having it found by another's hash. Where
//! the words are not found as they stand (they are escaped, say), the body is read and judged.

use fhir::search::{Clause, Code, Criterion, Modifier, ParameterClass, matches_clause};

use crate::version::Version;

/// Whether the index decided the clause by hashes.
pub fn is_hashed(clause: &Clause) -> bool {
    use ParameterClass::{Quantity, Reference, Token, Uri};
    matches!(clause.parameter.class, Quantity | Reference | Token | Uri)
        && !matches!(clause.modifier, Modifier::Missing | Modifier::Not)
        && clause.parameter.code != "_id"
}

/// Whether what the hashes matched matches by its words too.
pub fn truly(hashed: &[Clause], version: &Version) -> bool {
    let body = version.body.as_deref().unwrap_or_default();
    let text = str::from_utf8(body).unwrap_or_default();
    let doubtful: Vec<&Clause> = hashed.iter().filter(|clause| !says(clause, text)).collect();
    if doubtful.is_empty() {
        return true;
    }
    match fhir::json::read(body) {
        Ok(resource) => doubtful.iter().all(|clause| matches_clause(clause, &resource)),
        Err(_) => {
            tracing::error!(kind = %version.key.kind, id = %version.key.id, "a stored body cannot be read");
            false
        }
    }
}

/// Whether the words of one of the values stand in the text.
fn says(clause: &Clause, text: &str) -> bool {
    clause.values.iter().any(|criterion| match criterion {
        Criterion::Token(code) | Criterion::Identifier(code) => match code {
            Code::AnySystem(word) | Code::NoSystem(word) | Code::System(word) => quoted(text, word),
            Code::InSystem { system, code } => quoted(text, code) && quoted(text, system),
        },
        Criterion::OfType { code, value, .. } => quoted(text, code) && quoted(text, value),
        Criterion::Reference { kind: Some(kind), id } => text.contains(&format!("\"{kind}/{id}\"")),
        Criterion::Url { url, .. } | Criterion::Uri(url) => quoted(text, url),
        _ => false,
    })
}

fn quoted(text: &str, word: &str) -> bool {
    text.contains(&format!("\"{word}\""))
}
