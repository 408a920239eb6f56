//! Character sets: what MSH-18 declares (table 0211), and what the bytes turn out to be.
//!
//! Grieve's rule: a byte order mark beats MSH-18. After it come MSH-18, the source's configured set, and a guess. Bytes
//! that do not fit never lose a message: beside UTF-8 they are read as Windows-1252, which has a character for every
//! byte; inside another set they become U+FFFD. Either is said, and the message keeps its bytes.

use std::borrow::Cow;

use encoding_rs::{BIG5, Encoding, GB18030, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::{Issue, Kind, Place};

/// A character set that can be read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset(Repertoire);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repertoire {
    Ascii,
    Encoding(&'static Encoding),
}

impl Charset {
    pub const ASCII: Charset = Charset(Repertoire::Ascii);
    pub const UTF_8: Charset = Charset(Repertoire::Encoding(UTF_8));
    pub const WINDOWS_1252: Charset = Charset(Repertoire::Encoding(WINDOWS_1252));
    const UTF_16LE: Charset = Charset(Repertoire::Encoding(UTF_16LE));
    const UTF_16BE: Charset = Charset(Repertoire::Encoding(UTF_16BE));

    /// Finds a set by its name in table 0211 or by a common name of the same set, without regard to case, blanks, `-`,
    /// `_` and `/`.
    pub fn named(name: &str) -> Option<Charset> {
        let ignored = [' ', '-', '_', '/', '.'];
        let key: String = name.chars().filter(|c| !ignored.contains(c)).map(|c| c.to_ascii_uppercase()).collect();
        let encoding = match key.as_str() {
            "ASCII" | "USASCII" | "ISOIR6" | "ISO646" => return Some(Charset::ASCII),
            "UNICODE" | "UNICODEUTF8" | "UTF8" | "ISOIR192" => UTF_8,
            "UNICODEUTF16" | "UTF16" | "UTF16LE" => UTF_16LE,
            "UTF16BE" => UTF_16BE,
            "ISOIR14" | "ISOIR87" | "ISOIR159" | "JAS2020" | "JISX0202" | "ISO2022JP" => ISO_2022_JP,
            "GB18030" | "GB180302000" | "GBK" | "GB2312" => GB18030,
            "CNS116431992" | "BIG5" => BIG5,
            "KSX1001" => encoding_rs::EUC_KR,
            "ISOIR100" | "LATIN1" | "CP1252" | "ANSI" => WINDOWS_1252,
            "ISOIR101" => encoding_rs::ISO_8859_2,
            "ISOIR144" => encoding_rs::ISO_8859_5,
            other => return iso_8859(other).or_else(|| Encoding::for_label(name.trim().as_bytes())).map(Charset::of),
        };
        Some(Charset::of(encoding))
    }

    /// The name of the set in the IANA registry, such as `windows-1252`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Repertoire::Ascii => "US-ASCII",
            Repertoire::Encoding(encoding) => encoding.name(),
        }
    }

    /// Writes text in this set. What the set lacks becomes `?`, and the second value is true.
    pub fn encode(self, text: &str) -> (Vec<u8>, bool) {
        let Repertoire::Encoding(encoding) = self.0 else {
            return encode_by(text, |c| c.is_ascii().then_some(c as u8));
        };
        if encoding == UTF_16LE || encoding == UTF_16BE {
            let bytes = |unit: u16| if encoding == UTF_16LE { unit.to_le_bytes() } else { unit.to_be_bytes() };
            return (text.encode_utf16().flat_map(bytes).collect(), false);
        }
        let (bytes, _, lossy) = encoding.encode(text);
        if !lossy {
            return (bytes.into_owned(), false);
        }
        let fits = |c: char| !encoding.encode(c.encode_utf8(&mut [0; 4])).2;
        let safe: String = text.chars().map(|c| if fits(c) { c } else { '?' }).collect();
        (encoding.encode(&safe).0.into_owned(), true)
    }

    fn of(encoding: &'static Encoding) -> Charset {
        Charset(Repertoire::Encoding(encoding))
    }

    fn is_japanese(self) -> bool {
        self == Charset::of(ISO_2022_JP)
    }
}

fn encode_by(text: &str, byte_of: impl Fn(char) -> Option<u8>) -> (Vec<u8>, bool) {
    let bytes = text.chars().map(|c| byte_of(c).unwrap_or(b'?')).collect();
    (bytes, text.chars().any(|c| byte_of(c).is_none()))
}

/// `8859/15`, `ISO-8859-15` and the like, after normalisation.
fn iso_8859(key: &str) -> Option<&'static Encoding> {
    let part = key.strip_prefix("ISO").unwrap_or(key).strip_prefix("8859")?;
    Encoding::for_label(format!("iso-8859-{part}").as_bytes())
}

/// Bytes made text.
#[derive(Debug)]
pub(crate) struct Decoded<'a> {
    pub text: Cow<'a, str>,
    pub charset: Charset,
}

/// Decodes a message by BOM, MSH-18, the configured set or a guess, in this order, and says each oddity.
pub(crate) fn decode<'a>(
    bytes: &'a [u8],
    declared: &[u8],
    default: Option<Charset>,
    issues: &mut Vec<Issue>,
) -> Decoded<'a> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return by_mark(bytes, encoding, declared, issues);
    }
    if let Some(charset) = double_byte(bytes) {
        issues.push(warning("message is UTF-16 without a byte order mark"));
        return by_set(bytes, charset, issues);
    }
    match declared_set(declared, issues) {
        None => by_default(bytes, false, default, issues),
        Some(Charset::ASCII) => by_default(bytes, true, default, issues),
        Some(charset) => by_set(bytes, charset, issues),
    }
}

/// Text that keeps its mark when it is UTF-8, so that it stays borrowed and prints back as it was.
fn by_mark<'a>(bytes: &'a [u8], encoding: &'static Encoding, declared: &[u8], issues: &mut Vec<Issue>) -> Decoded<'a> {
    let charset = Charset::of(encoding);
    if declared_set(declared, &mut Vec::new()).is_some_and(|other| other != charset && other != Charset::ASCII) {
        issues.push(warning("MSH-18 contradicts the byte order mark, which was believed"));
    }
    if encoding == UTF_8 {
        return by_set(bytes, charset, issues);
    }
    by_set(&bytes[2..], charset, issues)
}

/// The charset of MSH-18: its first repetition, or a Japanese set of a later one, because those switch by escape
/// sequences from ASCII.
fn declared_set(declared: &[u8], issues: &mut Vec<Issue>) -> Option<Charset> {
    if declared.is_empty() {
        return None;
    }
    let names = String::from_utf8_lossy(declared);
    let mut sets = names.split('~').map(|name| Charset::named(name.split('^').next().unwrap_or(name)));
    let first = sets.next().flatten();
    if first.is_none() && !names.starts_with('~') {
        issues.push(warning("MSH-18 is no character set of table 0211 that can be read; it was passed over"));
    }
    let plain = first.is_none() || first == Some(Charset::ASCII);
    if plain { sets.flatten().find(|set| set.is_japanese()).or(first) } else { first }
}

fn by_default<'a>(
    bytes: &'a [u8],
    declared_ascii: bool,
    default: Option<Charset>,
    issues: &mut Vec<Issue>,
) -> Decoded<'a> {
    let default = default.filter(|&charset| charset != Charset::ASCII);
    if let Ok(text) = std::str::from_utf8(bytes) {
        if text.is_ascii() && !default.is_some_and(Charset::is_japanese) {
            return Decoded { text: text.into(), charset: Charset::ASCII };
        }
        if declared_ascii || default.is_none() || default == Some(Charset::UTF_8) {
            if declared_ascii {
                issues.push(warning("MSH-18 allows no more than ASCII, but the bytes are UTF-8 and were read so"));
            }
            return Decoded { text: text.into(), charset: Charset::UTF_8 };
        }
    }
    if default.is_none() {
        issues.push(warning("MSH-18 does not tell the character set of bytes beyond ASCII: read as Windows-1252"));
    }
    by_set(bytes, default.unwrap_or(Charset::WINDOWS_1252), issues)
}

fn by_set<'a>(bytes: &'a [u8], charset: Charset, issues: &mut Vec<Issue>) -> Decoded<'a> {
    let Repertoire::Encoding(encoding) = charset.0 else { unreachable!("ASCII is read by `by_default`") };
    if encoding == UTF_8 {
        return by_utf8(bytes, issues);
    }
    let (text, malformed) = encoding.decode_without_bom_handling(bytes);
    let utf8 = std::str::from_utf8(bytes).ok();
    if let Some(utf8) = utf8.filter(|_| malformed) {
        issues.push(warning("bytes do not fit the declared character set, but are UTF-8 and were read so"));
        return Decoded { text: utf8.into(), charset: Charset::UTF_8 };
    }
    if malformed {
        issues.push(warning("some bytes do not fit the declared character set: they were read as U+FFFD"));
    } else if utf8.is_some_and(|utf8| encoding.is_single_byte() && !utf8.is_ascii()) {
        issues.push(warning("the bytes are also valid UTF-8: check that MSH-18 or the configured set is right"));
    }
    Decoded { text, charset }
}

/// UTF-8 in which each byte that does not fit is read as Windows-1252, so that one bad byte does not spoil the rest.
fn by_utf8<'a>(bytes: &'a [u8], issues: &mut Vec<Issue>) -> Decoded<'a> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Decoded { text: text.into(), charset: Charset::UTF_8 };
    }
    issues.push(warning("some bytes are not UTF-8: they were read as Windows-1252"));
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(&windows_1252(chunk.invalid()));
    }
    Decoded { text: text.into(), charset: Charset::UTF_8 }
}

fn windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    WINDOWS_1252.decode_without_bom_handling(bytes).0
}

/// UTF-16 without a mark shows as `M\0S\0` or `\0M\0S`.
fn double_byte(bytes: &[u8]) -> Option<Charset> {
    match bytes.get(..4)? {
        b"M\0S\0" => Some(Charset::UTF_16LE),
        b"\0M\0S" => Some(Charset::UTF_16BE),
        _ => None,
    }
}

fn warning(text: &'static str) -> Issue {
    Issue::warning(Kind::Charset, Place::msh(18), text)
}
