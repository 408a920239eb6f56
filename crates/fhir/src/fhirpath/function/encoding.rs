//! Encodings and escapes of text (FHIRPath 2.1, additional string functions).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::{Call, Function, Gives, give, plain};
use crate::fhirpath::evaluate::{EvaluateError, Step};
use crate::fhirpath::item::Visit;

const TEXT: Gives = Gives::System("String");

pub const FUNCTIONS: &[Function] = &[
    plain("encode", 1..=1, TEXT, |call, visit| coded(call, encode, visit)),
    plain("decode", 1..=1, TEXT, |call, visit| coded(call, decode, visit)),
    plain("escape", 1..=1, TEXT, |call, visit| coded(call, escape, visit)),
    plain("unescape", 1..=1, TEXT, |call, visit| coded(call, unescape, visit)),
];

/// `None` for a scheme that is not known; nothing inside for a text that is not of the scheme.
type Coding = fn(&str, &str) -> Option<Option<String>>;

fn coded<'r>(call: &Call<'_, 'r>, code: Coding, visit: Visit<'_, 'r>) -> Step {
    let (Some(text), Some(scheme)) = (call.text()?, call.text_argument(0)?) else { return give(None::<bool>, visit) };
    call.scope.spend(text.len())?;
    let Some(found) = code(&text, &scheme) else {
        return Err(EvaluateError::new("an encoding must be base64, urlbase64 or hex, an escape html or json"));
    };
    give(found, visit)
}

fn encode(text: &str, scheme: &str) -> Option<Option<String>> {
    Some(Some(match scheme {
        "base64" => STANDARD.encode(text),
        "urlbase64" => URL_SAFE.encode(text),
        "hex" => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        _ => return None,
    }))
}

fn decode(text: &str, scheme: &str) -> Option<Option<String>> {
    let bytes = match scheme {
        "base64" => STANDARD.decode(text).ok(),
        "urlbase64" => URL_SAFE.decode(text).ok(),
        "hex" => hex(text),
        _ => return None,
    };
    Some(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? * 16 + digit(*pair.get(1)?)?)).collect()
}

const HTML: [(&str, char); 5] = [("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\''), ("&amp;", '&')];

fn escape(text: &str, scheme: &str) -> Option<Option<String>> {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match (scheme, character) {
            ("html", _) => match HTML.iter().find(|(_, plain)| *plain == character) {
                Some((entity, _)) => escaped.push_str(entity),
                None => escaped.push(character),
            },
            ("json", '"' | '\\') => escaped.extend(['\\', character]),
            ("json", '\n') => escaped.push_str("\\n"),
            ("json", '\r') => escaped.push_str("\\r"),
            ("json", '\t') => escaped.push_str("\\t"),
            ("json", '\0'..='\u{1f}') => escaped.push_str(&format!("\\u{:04x}", u32::from(character))),
            ("json", _) => escaped.push(character),
            _ => return None,
        }
    }
    matches!(scheme, "html" | "json").then_some(Some(escaped))
}

fn unescape(text: &str, scheme: &str) -> Option<Option<String>> {
    match scheme {
        "html" => Some(Some(unescape_html(text))),
        "json" => Some(unescape_json(text)),
        _ => None,
    }
}

/// An entity that is not known stays as it is.
fn unescape_html(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = HTML.iter().find(|(entity, _)| rest.starts_with(entity));
        let (taken, character) = known.map_or((1, '&'), |(entity, character)| (entity.len(), *character));
        plain.push(character);
        rest = &rest[taken..];
    }
    plain.push_str(rest);
    plain
}

fn unescape_json(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        plain.push(match characters.next()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let mut code = 0;
                for _ in 0..4 {
                    code = code * 16 + characters.next()?.to_digit(16)?;
                }
                char::from_u32(code)?
            }
            same @ ('"' | '\\' | '/') => same,
            _ => return None,
        });
    }
    Some(plain)
}
