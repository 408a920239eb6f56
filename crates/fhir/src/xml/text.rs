//! The values of attributes (XML 1.0 §2.2, §3.3.3, §4.1): taking them, and writing them so that they come back.
//!
//! The five entities of XML and numeric references are all there are. A blank of any kind that is not a reference
//! comes out as a space, as every XML reader must have it; so line ends and tabs are written as references.

use std::borrow::Cow;

use crate::scan;

/// The first byte of U+FFFE and U+FFFF, which XML does not have, and of many that it has.
const LAST_OF_PLANE: u8 = 0xEF;

/// What stands in place of a character that XML cannot hold.
const REPLACEMENT: &str = "\u{FFFD}";

pub const NO_CHARACTER: &str = "a character that XML does not have";
const NO_REFERENCE: &str =
    "a reference that XML does not know: write &amp; for &, and the character or its number for any other";

/// The text that the raw value of an attribute stands for.
#[inline]
pub fn value(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    match scan::find(raw.as_bytes(), [b'&', b'<', LAST_OF_PLANE]) {
        None => Ok(Cow::Borrowed(raw)),
        Some(at) => taken(raw, at).map(Cow::Owned),
    }
}

fn taken(raw: &str, mut at: usize) -> Result<String, &'static str> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    loop {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut chars = rest.chars();
        match chars.next() {
            None => return Ok(text),
            Some('<') => return Err("a < in the value of an attribute: write &lt;"),
            Some('&') => {
                let (name, after) = rest[1..].split_once(';').ok_or(NO_REFERENCE)?;
                text.push(reference(name)?);
                chars = after.chars();
            }
            Some('\r' | '\n' | '\t') => {
                text.push(' ');
                if rest.starts_with("\r\n") {
                    chars.next();
                }
            }
            Some(c) if is_character(c) => text.push(c),
            Some(_) => return Err(NO_CHARACTER),
        }
        rest = chars.as_str();
        at = scan::find(rest.as_bytes(), [b'&', b'<', LAST_OF_PLANE]).unwrap_or(rest.len());
    }
}

/// What stands between `&` and `;`.
pub fn reference(name: &str) -> Result<char, &'static str> {
    let code = match name {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ => match name.strip_prefix('#') {
            Some(number) => code_point(number),
            None => return Err(NO_REFERENCE),
        },
    };
    code.and_then(char::from_u32).filter(|&c| is_character(c)).ok_or("a reference to no character of XML")
}

fn code_point(number: &str) -> Option<u32> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, radix).ok().filter(|_| plain)
}

/// XML 1.0 §2.2 `Char`.
pub fn is_character(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Appends a text so that it can stand in quotes, or between tags.
pub fn write(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = scan::find(rest, [b'&', b'<', b'>', b'"', LAST_OF_PLANE]) {
        out.extend_from_slice(&rest[..at]);
        let (written, taken): (&[u8], usize) = match &rest[at..] {
            [b'&', ..] => (b"&amp;", 1),
            [b'<', ..] => (b"&lt;", 1),
            [b'>', ..] => (b"&gt;", 1),
            [b'"', ..] => (b"&quot;", 1),
            [b'\n', ..] => (b"&#10;", 1),
            [b'\r', ..] => (b"&#13;", 1),
            [b'\t', ..] => (b"&#9;", 1),
            [LAST_OF_PLANE, 0xBF, 0xBE | 0xBF, ..] => (REPLACEMENT.as_bytes(), 3),
            [LAST_OF_PLANE, ..] => (&[LAST_OF_PLANE], 1),
            _ => (REPLACEMENT.as_bytes(), 1),
        };
        out.extend_from_slice(written);
        rest = &rest[at + taken..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken() {
        let good = [
            ("plain é €", "plain é €"),
            ("a &amp;&lt;&gt;&quot;&apos; b", "a &<>\"' b"),
            ("&#9;&#10;&#xD;&#x1F600;", "\t\n\r\u{1F600}"),
            ("a\tb\nc\rd\r\ne\n\rf", "a b c d e  f"),
            ("&amp;amp;", "&amp;"),
            ("\u{FF21}\u{FFFD}", "\u{FF21}\u{FFFD}"),
        ];
        for (raw, text) in good {
            assert_eq!(value(raw).as_deref(), Ok(text), "{raw}");
        }
        assert!(matches!(value("x > 'y'"), Ok(Cow::Borrowed(_))));
        for raw in [
            "&",
            "&amp",
            "&;",
            "&nbsp;",
            "&#;",
            "&#x;",
            "&#0;",
            "&#1;",
            "&#xFFFE;",
            "&#xD800;",
            "&#+5;",
            "&#x+5;",
            "&#-5;",
            "&#1114112;",
            "&#99999999999;",
            "&#X41;",
            "& amp;",
            "a<b",
            "\u{1}",
            "\u{FFFF}",
        ] {
            assert!(value(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn what_is_written_comes_back() {
        for text in ["", "a", "<a b=\"c\" d='e'>&amp;</a>", "\r\n\t \u{FF21}", "é\u{10FFFF}", "]]>"] {
            let mut out = Vec::new();
            write(text, &mut out);
            let raw = String::from_utf8(out).expect("text");
            assert_eq!(value(&raw).as_deref(), Ok(text), "{raw}");
        }
        let mut out = Vec::new();
        write("a\u{1}\u{FFFE}\u{FFFF}b", &mut out);
        assert_eq!(String::from_utf8(out).expect("text"), "a\u{FFFD}\u{FFFD}\u{FFFD}b");
    }
}
