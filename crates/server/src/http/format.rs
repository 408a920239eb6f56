//! The formats of FHIR, and which of them a request wants (R4 §3.1.0.1.11 content types and encodings; RFC 9110 §12.5.1).
//!
//! `_format` covers `Accept`. Of what `Accept` names, the format with the greater weight is served; of two with the same
//! weight the one that is named rather than meant by a `*`, then the one that is named first, then JSON.

/// How a resource is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Json,
    Xml,
}

/// What is served, for whoever asked for something else.
pub const SERVED: &str = "application/fhir+json (or json) and application/fhir+xml (or xml), of fhirVersion 4.0";

const JSON: [&str; 4] = ["application/fhir+json", "application/json", "text/json", "json"];
const XML: [&str; 4] = ["application/fhir+xml", "application/xml", "text/xml", "xml"];
/// Entries of `Accept` that are looked at; the rest of a longer list is passed over.
const ENTRIES_MAX: usize = 64;

impl Format {
    /// The format of a media type or of a short name such as `xml`, with parameters or without; none of another, of
    /// another release of FHIR, or in another encoding than UTF-8.
    pub fn of(media: &str) -> Option<Format> {
        let entry = Entry::read(media);
        (entry.is_release_4 && entry.is_utf8).then(|| entry.names()).flatten()
    }

    /// The format that `_format` asks for. An unencoded `+` reads as a blank there.
    pub fn of_parameter(value: &str) -> Option<Format> {
        Format::of(&value.trim().replace("fhir ", "fhir+"))
    }

    /// The best of what all `Accept` headers take; none where they take neither.
    pub fn accepted<'h>(headers: impl IntoIterator<Item = &'h str>) -> Option<Format> {
        let (mut json, mut xml) = (Wish::default(), Wish::default());
        let entries = headers.into_iter().flat_map(|header| header.split(',')).filter(|entry| !entry.trim().is_empty());
        let mut any = false;
        for (place, entry) in entries.take(ENTRIES_MAX).enumerate() {
            any = true;
            let entry = Entry::read(entry);
            if !entry.is_release_4 {
                continue;
            }
            match entry.names() {
                Some(Format::Json) => json.hear(Closeness::Named, entry.weight, place),
                Some(Format::Xml) => xml.hear(Closeness::Named, entry.weight, place),
                None => {
                    let Some(closeness) = entry.closeness() else { continue };
                    json.hear(closeness, entry.weight, place);
                    xml.hear(closeness, entry.weight, place);
                }
            }
        }
        if !any {
            return Some(Format::Json);
        }
        match (json.weight > 0, xml.weight > 0) {
            (false, false) => None,
            (true, false) => Some(Format::Json),
            (false, true) => Some(Format::Xml),
            (true, true) => Some(if xml.beats(&json) { Format::Xml } else { Format::Json }),
        }
    }

    /// The Content-Type of an answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/fhir+json; charset=utf-8",
            Format::Xml => "application/fhir+xml; charset=utf-8",
        }
    }
}

/// How exactly an entry of `Accept` says what it means; the most exact one decides, whatever its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Anything,
    Application,
    Named,
}

/// How much a format is wanted.
#[derive(Debug, Default)]
struct Wish {
    closeness: Option<Closeness>,
    /// Thousandths.
    weight: u16,
    place: usize,
}

impl Wish {
    fn hear(&mut self, closeness: Closeness, weight: u16, place: usize) {
        let closer = Some(closeness) > self.closeness;
        if closer || (Some(closeness) == self.closeness && weight > self.weight) {
            *self = Wish { closeness: Some(closeness), weight, place };
        }
    }

    fn beats(&self, json: &Wish) -> bool {
        let first = std::cmp::Reverse;
        (self.weight, self.closeness, first(self.place)) > (json.weight, json.closeness, first(json.place))
    }
}

/// One entry of `Accept`, such as `application/fhir+json; fhirVersion=4.0; q=0.9`.
struct Entry<'e> {
    media: &'e str,
    weight: u16,
    is_release_4: bool,
    is_utf8: bool,
}

impl<'e> Entry<'e> {
    fn read(text: &'e str) -> Entry<'e> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let mut entry = Entry { media, weight: 1000, is_release_4: true, is_utf8: true };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("q") {
                entry.weight = weight(value);
            } else if name.trim().eq_ignore_ascii_case("fhirVersion") {
                entry.is_release_4 = value == "4.0";
            } else if name.trim().eq_ignore_ascii_case("charset") {
                entry.is_utf8 = ["utf-8", "utf8", "us-ascii"].iter().any(|known| known.eq_ignore_ascii_case(value));
            }
        }
        entry
    }

    fn names(&self) -> Option<Format> {
        let one_of = |names: [&str; 4]| names.iter().any(|name| name.eq_ignore_ascii_case(self.media));
        if one_of(JSON) {
            Some(Format::Json)
        } else if one_of(XML) {
            Some(Format::Xml)
        } else {
            None
        }
    }

    /// Of a `*`. Some old clients write one where two belong.
    fn closeness(&self) -> Option<Closeness> {
        match self.media {
            "*/*" | "*" => Some(Closeness::Anything),
            "application/*" => Some(Closeness::Application),
            _ => None,
        }
    }
}

/// RFC 9110 §12.4.2, in thousandths; what is no weight is none.
pub fn weight(text: &str) -> u16 {
    let weight = text.trim().parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight));
    weight.map_or(0, |weight| (weight * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_accept_says_is_weighed() {
        let (json, xml) = (Some(Format::Json), Some(Format::Xml));
        for (accept, expected) in [
            (&[][..], json),
            (&[""], json),
            (&["*/*"], json),
            (&["application/fhir+json"], json),
            (&["application/fhir+xml"], xml),
            (&["APPLICATION/FHIR+XML"], xml),
            (&["text/xml"], xml),
            (&["application/json;q=0.8, application/xml;q=0.9"], xml),
            (&["application/fhir+xml, application/fhir+json;q=0.5"], xml),
            (&["application/fhir+xml;q=0.5, application/fhir+json"], json),
            (&["application/fhir+json, application/fhir+xml"], json),
            (&["application/fhir+xml, application/fhir+json"], xml),
            (&["application/fhir+xml", "application/fhir+json;q=0.9"], xml),
            (&["*/*, application/fhir+xml"], xml),
            (&["application/fhir+json;q=0, */*"], xml),
            (&["application/*;q=0.4, */*;q=0.9"], json),
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], xml),
            (&["text/html, image/gif, *; q=.2, */*; q=.2"], json),
            (&["application/fhir+json; fhirVersion=4.0"], json),
            (&["application/fhir+json; fhirVersion=\"4.0\"; charset=UTF-8"], json),
            (&["application/fhir+json; fhirVersion=5.0"], None),
            (&["application/fhir+json; fhirVersion=5.0, application/fhir+xml"], xml),
            (&["application/fhir+xml;fhirVersion=3.0"], None),
            (&["application/fhir+json;q=0"], None),
            (&["application/fhir+json;q=2"], None),
            (&["application/fhir+json;q=x"], None),
            (&["text/turtle"], None),
            (&["../../"], None),
            (&["text/html, text/plain;q=0.5"], None),
        ] {
            assert_eq!(Format::accepted(accept.iter().copied()), expected, "{accept:?}");
        }
    }

    #[test]
    fn formats_have_long_and_short_names() {
        for (name, expected) in [
            ("json", Some(Format::Json)),
            ("xml", Some(Format::Xml)),
            ("application/fhir+json", Some(Format::Json)),
            ("application/fhir json", Some(Format::Json)),
            ("application/fhir+xml; charset=utf-8", Some(Format::Xml)),
            ("text/xml", Some(Format::Xml)),
            ("text/xml; charset=iso-8859-1", None),
            ("application/fhir+json;fhirVersion=3.0", None),
            ("ttl", None),
            ("html", None),
            ("*/*", None),
            ("", None),
        ] {
            assert_eq!(Format::of_parameter(name), expected, "{name}");
        }
    }
}
