//! Page links: what a client is given to come back with, and cannot make himself.
//!
//! The place where a page begins goes out with a code that only we can make (HMAC-SHA256, RFC 2104), over the place, the
//! query that it belongs to and the requester who was given it. Another query, another requester or a changed place is
//! refused. What the requester may see is decided anew at each page; the link grants nothing.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::failure::{Failure, Kind};

/// What the key of links is made of, beside the record's key.
const PURPOSE: &[u8] = b"hilum page links 1";
/// Bytes of the code that go into a link: 128 bits are not guessed.
const CODE_BYTES: usize = 16;
/// Longer places are none of ours.
const PLACE_BYTES_MAX: usize = 1024;

/// The link's text for a place in the answer to this query.
pub fn seal(id_key: &[u8; 32], requester: &str, query: &str, place: &str) -> String {
    let code = code(id_key, requester, query, place).finalize().into_bytes();
    [place.as_bytes(), &code[..CODE_BYTES]].concat().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The place in a link that this requester was given for this query.
pub fn open(id_key: &[u8; 32], requester: &str, query: &str, link: &str) -> Result<String, Failure> {
    read(id_key, requester, query, link).ok_or_else(|| {
        let text = "this page link was not given to you for this search; follow the link as it came, or search again";
        Failure::at(Kind::Forbidden, "http._page", text)
    })
}

/// A text for whoever comes with it, sealed for a purpose.
pub fn sealed(id_key: &[u8; 32], purpose: &str, text: &str) -> String {
    seal(id_key, "", purpose, text)
}

/// The text that was sealed for this purpose.
pub fn opened(id_key: &[u8; 32], purpose: &str, sealed: &str) -> Option<String> {
    read(id_key, "", purpose, sealed)
}

fn read(id_key: &[u8; 32], requester: &str, query: &str, link: &str) -> Option<String> {
    let bytes = unhex(link)?;
    let (place, given) = bytes.split_at_checked(bytes.len().checked_sub(CODE_BYTES)?)?;
    let place = std::str::from_utf8(place).ok()?;
    code(id_key, requester, query, place).verify_truncated_left(given).ok()?;
    Some(place.to_owned())
}

fn code(id_key: &[u8; 32], requester: &str, query: &str, place: &str) -> Hmac<Sha256> {
    let key = mac(id_key).chain_update(PURPOSE).finalize().into_bytes();
    let mut code = mac(&key);
    for part in [requester, query, place] {
        // With its length before it, so that no part runs into the next.
        code.update(&(part.len() as u64).to_be_bytes());
        code.update(part.as_bytes());
    }
    code
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() > 2 * (PLACE_BYTES_MAX + CODE_BYTES) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn a_link_is_good_for_its_query_and_requester_only() {
        let link = seal(&KEY, "a", "Patient?name=x", "41-b17");
        let opened = |key: &[u8; 32], requester: &str, query: &str, link: &str| open(key, requester, query, link).ok();
        assert_eq!(opened(&KEY, "a", "Patient?name=x", &link).as_deref(), Some("41-b17"));
        assert_eq!(opened(&KEY, "b", "Patient?name=x", &link), None, "another requester");
        assert_eq!(opened(&KEY, "a", "Patient?name=y", &link), None, "another query");
        assert_eq!(opened(&[8; 32], "a", "Patient?name=x", &link), None, "another server");
        assert_eq!(opened(&KEY, "aP", "atient?name=x", &link), None, "no part runs into the next");
        for place in 0..link.len() {
            let mut forged = link.clone().into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).expect("hexadecimal digits");
            assert_eq!(opened(&KEY, "a", "Patient?name=x", &forged), None, "{place}");
        }
    }

    #[test]
    fn what_is_no_link_is_refused() {
        let link = seal(&KEY, "a", "q", "1-o50");
        let short = "0".repeat(2 * CODE_BYTES - 2);
        let long = "0".repeat(1 << 20);
        for text in ["", "zz", "41-b17", "é", &link[..link.len() - 1], &link[2..], &short, &long, "+1+1"] {
            let refused = open(&KEY, "a", "q", text).expect_err(text);
            assert_eq!(refused.kind(), Kind::Forbidden, "{text}");
        }
    }
}
