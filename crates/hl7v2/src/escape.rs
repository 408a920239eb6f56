//! Escape sequences in text (HL7 v2.9 §2.7), both ways.
//!
//! Formatting commands become what they mean in plain text: line breaks and blanks, or nothing. Whatever is
//! unterminated, unknown or locally defined (`\Z..\`) stays as it was sent, so that nothing is lost. A sequence can
//! never start a segment or a field: it is resolved after splitting.

use std::borrow::Cow;

use encoding_rs::{ISO_2022_JP, WINDOWS_1252};
use memchr::memchr;

use crate::Separators;

/// The greatest count that `\.sp n\` and `\.sk n\` are believed.
const COUNT_MAX: usize = 99;

/// Resolves the escape sequences of a raw value. Borrows where there are none.
pub fn unescape<'a>(raw: &'a str, separators: &Separators) -> Cow<'a, str> {
    let Some(escape) = separators.escape else { return raw.into() };
    let Some(first) = memchr(escape, raw.as_bytes()) else { return raw.into() };
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..first]);
    let mut rest = &raw[first..];
    while !rest.is_empty() {
        // `rest` starts with an escape character.
        let Some(length) = memchr(escape, &rest.as_bytes()[1..]) else { break };
        let used = match resolve(&rest[1..=length], separators, &mut out) {
            Resolved::Done => length + 2,
            Resolved::Japanese => length + 2 + japanese(&rest[length + 2..], escape, &mut out),
            Resolved::Unknown => {
                // The second character may open a sequence of its own.
                out.push_str(&rest[..=length]);
                rest = &rest[length + 1..];
                continue;
            }
        };
        rest = &rest[used..];
        let plain = memchr(escape, rest.as_bytes()).unwrap_or(rest.len());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    out.push_str(rest);
    out.into()
}

/// Makes text fit for a value: delimiters, line breaks and control characters are escaped. Borrows where there are none.
///
/// `unescape` gives the text back. Without an escape character delimiters and control characters become blanks.
pub fn escape<'a>(text: &'a str, separators: &Separators) -> Cow<'a, str> {
    let is_null = text == "\"\"";
    if !is_null && !text.bytes().any(|byte| byte < b' ' || letter(byte, separators).is_some()) {
        return text.into();
    }
    let Some(escape) = separators.escape.map(char::from) else { return blanked(text, separators).into() };
    if is_null {
        return format!("{escape}X22{escape}\"").into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        let byte = u8::try_from(c).ok().filter(u8::is_ascii);
        match byte.and_then(|byte| letter(byte, separators)) {
            Some(letter) => out.extend([escape, letter, escape]),
            None if c == '\n' => out.extend([escape, '.', 'b', 'r', escape]),
            None if c < ' ' && c != '\t' => out.push_str(&format!("{escape}X{:02X}{escape}", c as u32)),
            None => out.push(c),
        }
    }
    out.into()
}

fn blanked(text: &str, separators: &Separators) -> String {
    let unfit =
        |c: char| c < ' ' || u8::try_from(c).is_ok_and(|byte| byte.is_ascii() && letter(byte, separators).is_some());
    text.chars().map(|c| if unfit(c) { ' ' } else { c }).collect()
}

/// The letter that stands for a delimiter.
fn letter(byte: u8, separators: &Separators) -> Option<char> {
    let byte = Some(byte);
    match byte {
        _ if byte == Some(separators.field) => Some('F'),
        _ if byte == separators.component => Some('S'),
        _ if byte == separators.subcomponent => Some('T'),
        _ if byte == separators.repetition => Some('R'),
        _ if byte == separators.escape => Some('E'),
        _ if byte == separators.truncation => Some('P'),
        _ => None,
    }
}

enum Resolved {
    Done,
    /// What follows is JIS X 0208 in seven bits.
    Japanese,
    Unknown,
}

fn resolve(sequence: &str, separators: &Separators, out: &mut String) -> Resolved {
    let delimiter = match sequence {
        "F" => Some(separators.field),
        "S" => separators.component,
        "T" => separators.subcomponent,
        "R" => separators.repetition,
        "E" => separators.escape,
        "P" => Some(separators.truncation.unwrap_or(b'#')),
        "H" | "N" => return Resolved::Done,
        _ => return resolve_long(sequence, out),
    };
    // A delimiter that the message does not declare has its usual meaning.
    let usual = match sequence {
        "S" => '^',
        "T" => '&',
        _ => '~',
    };
    out.push(delimiter.map_or(usual, char::from));
    Resolved::Done
}

fn resolve_long(sequence: &str, out: &mut String) -> Resolved {
    let (Some(kind), Some(rest)) = (sequence.chars().next(), sequence.get(1..)) else { return Resolved::Unknown };
    let known = match kind {
        '.' => format_command(rest, out),
        'X' => push_hexadecimal(rest, out),
        // A switch of the character set; the text was decoded as a whole, and ASCII and Latin-1 need no more.
        'C' => rest.len() == 4 && hexadecimal(rest).is_some(),
        'M' if matches!(rest, "2442" | "2440") => return Resolved::Japanese,
        _ => false,
    };
    if known { Resolved::Done } else { Resolved::Unknown }
}

/// A formatting command of FT, without its dot.
fn format_command(command: &str, out: &mut String) -> bool {
    let Some(name) = command.get(..2) else { return false };
    let argument = command[2..].trim();
    let count = argument.parse::<usize>().ok();
    let valid =
        argument.is_empty() || argument.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit());
    if !valid {
        return false;
    }
    let count = if argument.is_empty() { 1 } else { count.unwrap_or(COUNT_MAX).min(COUNT_MAX) };
    match name {
        "br" | "ce" => out.push('\n'),
        "sp" => out.extend(std::iter::repeat_n('\n', count)),
        "sk" => out.extend(std::iter::repeat_n(' ', count)),
        "in" | "ti" | "fi" | "nf" => {}
        _ => return false,
    }
    true
}

/// `\Xhh..\`: bytes, read as UTF-8 where they are and as Windows-1252 otherwise.
fn push_hexadecimal(digits: &str, out: &mut String) -> bool {
    let Some(bytes) = hexadecimal(digits) else { return false };
    match std::str::from_utf8(&bytes) {
        Ok(text) => out.push_str(text),
        Err(_) => out.push_str(&WINDOWS_1252.decode_without_bom_handling(&bytes).0),
    }
    true
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    digits.as_bytes().chunks_exact(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

/// Seven-bit JIS X 0208 up to the next escape sequence; returns how many bytes were used.
fn japanese(rest: &str, escape: u8, out: &mut String) -> usize {
    let end = memchr(escape, rest.as_bytes()).unwrap_or(rest.len());
    let mut bytes = b"\x1b$B".to_vec();
    bytes.extend_from_slice(&rest.as_bytes()[..end]);
    out.push_str(&ISO_2022_JP.decode_without_bom_handling(&bytes).0);
    end
}
