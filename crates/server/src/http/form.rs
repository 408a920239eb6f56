//! What the requester wants the answer to look like: format, layout, how much (R4 §3.1.0.1.11, `Prefer` RFC 7240).

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;
use fhir::search::Handling;

use super::failure::{Failure, Kind};
use super::link;

/// The form of an answer. JSON is the only format yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    pub pretty: bool,
    /// What a write answers with, where the client says; see [`Form::wanted`] and [`Form::of_entries`].
    pub returns: Option<Return>,
    pub handling: Handling,
}

/// `Prefer: return=`: what a write answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    Representation,
    Minimal,
    OperationOutcome,
}

const JSON: [&str; 4] = ["json", "application/json", "application/fhir+json", "text/json"];

impl Form {
    /// What the request asks for. `_format` covers `Accept`.
    pub fn of(request: &HttpRequest) -> Result<Form, Failure> {
        let pairs = link::pairs(request.query_string());
        let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let accept: Vec<&str> = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok()).collect();
        let acceptable = match value("_format") {
            // `application/fhir+json` unencoded in a query reads as a blank.
            Some(format) => is_json(&format.replace(' ', "+")),
            None => accept.is_empty() || accept.iter().flat_map(|header| header.split(',')).any(accepts_json),
        };
        if !acceptable {
            let text = "only JSON is served yet: ask for application/fhir+json";
            return Err(Failure::new(Kind::NotAcceptable, text));
        }
        let prefer: Vec<&str> = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok()).collect();
        Ok(Form { pretty: value("_pretty") == Some("true"), ..Form::preferred(&prefer) })
    }

    /// What a write that came alone answers with: the resource, unless the client wants less.
    pub fn wanted(&self) -> Return {
        self.returns.unwrap_or(Return::Representation)
    }

    /// The same for the entries of a Bundle: what was done, and the resource only where the client asks for it.
    pub fn of_entries(self) -> Form {
        Form { returns: Some(self.returns.unwrap_or(Return::Minimal)), ..self }
    }

    /// The preferences of all `Prefer` headers; one that is not known is passed over, as RFC 7240 wants it.
    fn preferred(headers: &[&str]) -> Form {
        let mut form = Form::default();
        for preference in headers.iter().flat_map(|header| header.split([',', ';'])) {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            match (name.trim(), value.trim().trim_matches('"')) {
                ("return", "minimal") => form.returns = Some(Return::Minimal),
                ("return", "representation") => form.returns = Some(Return::Representation),
                ("return", "OperationOutcome") => form.returns = Some(Return::OperationOutcome),
                ("handling", "lenient") => form.handling = Handling::Lenient,
                _ => {}
            }
        }
        form
    }
}

/// One entry of `Accept`, such as `application/fhir+json;fhirVersion=4.0;q=0.9`.
fn accepts_json(entry: &str) -> bool {
    let mut parts = entry.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let wanted = parts.all(|parameter| match parameter.split_once('=') {
        Some(("q", weight)) => weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0),
        Some(("fhirVersion", version)) => version.starts_with("4.0"),
        _ => true,
    });
    wanted && (is_json(media) || matches!(media, "*/*" | "application/*"))
}

/// Whether a media type, with its parameters or without, is JSON.
pub fn is_json(media: &str) -> bool {
    let media = media.split(';').next().unwrap_or_default().trim();
    JSON.iter().any(|known| known.eq_ignore_ascii_case(media))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn json_is_served_and_nothing_else() {
        for (query, accept, served) in [
            ("", None, true),
            ("", Some("application/fhir+json"), true),
            ("", Some("application/json;q=0.8"), true),
            ("", Some("application/fhir+xml, application/fhir+json;q=0.5"), true),
            ("", Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), true),
            ("", Some("application/fhir+json; fhirVersion=4.0"), true),
            ("", Some("application/fhir+json; fhirVersion=5.0"), false),
            ("", Some("application/fhir+xml"), false),
            ("", Some("application/fhir+json;q=0"), false),
            ("", Some("text/turtle"), false),
            ("?_format=json", Some("application/fhir+xml"), true),
            ("?_format=application/fhir%2Bjson", None, true),
            ("?_format=application/fhir+json", None, true),
            ("?_format=xml", Some("application/fhir+json"), false),
            ("?_format=ttl", None, false),
        ] {
            let mut request = TestRequest::with_uri(&format!("/fhir/Patient{query}"));
            if let Some(accept) = accept {
                request = request.insert_header((ACCEPT, accept));
            }
            let form = Form::of(&request.to_http_request());
            assert_eq!(form.is_ok(), served, "{query} {accept:?}");
            if let Err(failure) = form {
                assert_eq!(failure.kind(), Kind::NotAcceptable);
            }
        }
    }

    #[test]
    fn preferences() {
        let lenient = Form { handling: Handling::Lenient, ..Form::default() };
        for (headers, expected) in [
            (&["return=minimal"][..], Form { returns: Some(Return::Minimal), ..Form::default() }),
            (
                &["return=OperationOutcome; handling=lenient"],
                Form { returns: Some(Return::OperationOutcome), ..lenient },
            ),
            (&["handling=lenient", "return=minimal"], Form { returns: Some(Return::Minimal), ..lenient }),
            (&["respond-async, wait=10, handling=\"lenient\""], lenient),
            (&["return=everything", ""], Form::default()),
            (&["handling=strict"], Form::default()),
        ] {
            assert_eq!(Form::preferred(headers), expected, "{headers:?}");
        }
    }
}
