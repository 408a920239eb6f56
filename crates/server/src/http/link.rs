//! Addresses: the base of our own, and the pairs of a query, read and written.

use actix_web::HttpRequest;
use actix_web::http::header::HOST;

use super::FHIR;

/// The name by which we are reached, without a `/` at its end: as configured, else by the request's Host, which
/// only goes back to whoever sent it.
pub fn base(request: &HttpRequest, configured: Option<&str>) -> String {
    if let Some(base) = configured {
        return base.trim_end_matches('/').to_owned();
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_host(host));
    let own = request.app_config().local_addr().to_string();
    format!("http://{}{FHIR}", host.unwrap_or(&own))
}

/// A host name or address with or without a port; nothing that could be markup.
fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'[' | b']' | b'_');
    !host.is_empty() && host.len() <= 256 && host.bytes().all(plain)
}

/// The decoded `name=value` pairs of a query or a form.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    actix_web::web::Query::<Vec<(String, String)>>::from_query(query).map_or_else(|_| Vec::new(), |pairs| pairs.0)
}

/// Whether every `%` begins a byte in hexadecimal digits, and all of them are UTF-8. What is not could be read as
/// something that nobody asked for.
pub fn is_sound(query: &str) -> bool {
    let mut bytes = Vec::with_capacity(query.len());
    let mut rest = query.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = after.split_at_checked(2);
        let coded = digits.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let Some((byte, after)) = coded else { return false };
        bytes.push(byte);
        rest = after;
    }
    std::str::from_utf8(&bytes).is_ok()
}

/// Pairs as a query, with its `?` where there are any.
pub fn query<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(&encoded(name));
        query.push('=');
        query.push_str(&encoded(value));
    }
    query
}

/// A text as it stands in a query: letters, digits and what is harmless there; the rest in percent signs.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b',' | b'/' | b'|' | b'$' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn what_is_encoded_reads_the_same() {
        for text in ["a b&c=d+e", "ä|ö", "http://x/y?z#1", "100%", "", "\"<>'"] {
            let query = format!("name={}&x=1", encoded(text));
            assert_eq!(pairs(&query), [("name".to_owned(), text.to_owned()), ("x".to_owned(), "1".to_owned())]);
            assert!(query.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>'".contains(&byte)), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_not_guessed_at() {
        for (query, sound) in [
            ("", true),
            ("name=a%20b&x=%C3%A4", true),
            ("name=%", false),
            ("name=%2", false),
            ("name=%zz", false),
            ("name=%+1", false),
            ("name=%ff", false),
            ("name=%C3&x=%A4", false),
        ] {
            assert_eq!(is_sound(query), sound, "{query}");
        }
    }

    #[test]
    fn the_base_is_configured_or_the_hosts() {
        let request = |host: &str| TestRequest::default().insert_header((HOST, host)).to_http_request();
        assert_eq!(base(&request("a:1"), Some("https://x/fhir/")), "https://x/fhir");
        assert_eq!(base(&request("localhost:8080"), None), "http://localhost:8080/fhir");
        assert_eq!(base(&request("[::1]:8080"), None), "http://[::1]:8080/fhir");
        assert_eq!(base(&request("a\"<b>"), None), "http://127.0.0.1:8080/fhir", "what is no host is not repeated");
    }
}
