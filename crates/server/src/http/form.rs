//! What the requester wants the answer to look like: format, layout, how much (R4 §3.1.0.1.11, `Prefer` RFC 7240).

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;
use fhir::search::Handling;

use super::failure::{Failure, Kind};
use super::format::{self, Format};
use super::link;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    pub format: Format,
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

impl Form {
    /// The parameters that say how an answer is written, and nothing of what is in it.
    pub const SHAPES: [&str; 2] = ["_format", "_pretty"];

    /// What the request's head asks for. `_format` covers `Accept`.
    pub fn of(request: &HttpRequest) -> Result<Form, Failure> {
        let query = request.query_string();
        // Most queries say nothing of the form, and need not be taken apart for it. A `_` may be written `%5F`.
        let pairs = match query.contains("_format") || query.contains("_pretty") || query.contains('%') {
            true => link::pairs(query),
            false => Vec::new(),
        };
        let headers = |name| request.headers().get_all(name).filter_map(|value| value.to_str().ok());
        let format = match pairs.iter().any(|(name, _)| name == "_format") {
            true => Format::default(),
            false => Format::accepted(headers(ACCEPT.as_str())).ok_or_else(|| not_acceptable("http.Accept"))?,
        };
        let prefer: Vec<&str> = headers("prefer").collect();
        Form { format, ..Form::preferred(&prefer) }.shaped(&pairs)
    }

    /// The same with what the parameters say of it.
    pub fn shaped(mut self, pairs: &[(String, String)]) -> Result<Form, Failure> {
        for (name, value) in pairs {
            match name.as_str() {
                "_format" => {
                    self.format = Format::of_parameter(value).ok_or_else(|| not_acceptable("http._format"))?;
                }
                "_pretty" => self.pretty = value == "true",
                _ => {}
            }
        }
        Ok(self)
    }

    /// Whether a parameter says how the answer is written, and nothing of what is in it.
    pub fn is_shape(name: &str) -> bool {
        Form::SHAPES.contains(&name)
    }

    /// Whether the JSON that the handlers give goes out as it is.
    pub fn is_as_stored(self) -> bool {
        self.format == Format::Json && !self.pretty
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

fn not_acceptable(place: &str) -> Failure {
    Failure::at(Kind::NotAcceptable, place, format!("not a format that is served; these are: {}", format::SERVED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn the_format_is_asked_for_by_parameter_or_by_header() {
        for (query, accept, served) in [
            ("", None, Some(Format::Json)),
            ("", Some("application/fhir+xml"), Some(Format::Xml)),
            ("", Some("text/turtle"), None),
            ("?_format=json", Some("application/fhir+xml"), Some(Format::Json)),
            ("?_format=xml", Some("application/fhir+json"), Some(Format::Xml)),
            ("?%5Fformat=xml", None, Some(Format::Xml)),
            ("?_format=application/fhir%2Bxml", None, Some(Format::Xml)),
            ("?_format=application/fhir+xml", None, Some(Format::Xml)),
            ("?_format=text/xml", Some("text/turtle"), Some(Format::Xml)),
            ("?_format=ttl", None, None),
            ("?_format=", None, None),
        ] {
            let mut request = TestRequest::with_uri(&format!("/fhir/Patient{query}"));
            if let Some(accept) = accept {
                request = request.insert_header((ACCEPT, accept));
            }
            let form = Form::of(&request.to_http_request());
            assert_eq!(form.as_ref().ok().map(|form| form.format), served, "{query} {accept:?}");
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
