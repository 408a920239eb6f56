//! JSON Pointer (RFC 6901): a place in a JSON document.

use std::borrow::Cow;

use super::Fault;
use super::value::{Branch, DEPTH_MAX, Value};

/// Longest name in a pointer that an issue repeats.
const SHOWN_BYTES_MAX: usize = 64;

/// The names and indexes from the whole document down. None is the document itself.
pub struct Pointer {
    parts: Vec<String>,
}

/// What a pointer's last part means in the list or object before it.
pub enum Slot<'v, 'a> {
    /// The name, and where it stands if it is there.
    Member(&'v mut Branch<(Cow<'a, str>, Value<'a>)>, Option<usize>),
    /// An index, from 0 up to the list's length.
    Item(&'v mut Branch<Value<'a>>, usize),
}

impl Pointer {
    pub fn read(text: &str) -> Result<Pointer, Fault> {
        if text.is_empty() {
            return Ok(Pointer { parts: Vec::new() });
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(Fault::malformed("a JSON pointer is empty or begins with /"));
        };
        let parts: Vec<String> = rest.split('/').map(unescaped).collect::<Result<_, _>>()?;
        if parts.len() > DEPTH_MAX {
            return Err(Fault::malformed(format!("a JSON pointer goes deeper than {DEPTH_MAX}")));
        }
        Ok(Pointer { parts })
    }

    pub fn is_whole(&self) -> bool {
        self.parts.is_empty()
    }

    pub fn depth(&self) -> usize {
        self.parts.len()
    }

    /// The last part; empty for the whole document.
    pub fn last(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// Whether `other` lies inside what this points at.
    pub fn holds(&self, other: &Pointer) -> bool {
        other.parts.len() > self.parts.len() && other.parts.starts_with(&self.parts)
    }

    /// The value that is pointed at.
    pub fn find<'v, 'a>(&self, document: &'v mut Value<'a>, steps: &mut usize) -> Result<&'v mut Value<'a>, Fault> {
        if self.is_whole() {
            return Ok(document);
        }
        match self.slot(document, steps)? {
            Slot::Member(members, Some(at)) => Ok(&mut members.items[at].1),
            Slot::Item(items, at) if at < items.items.len() => Ok(&mut items.items[at]),
            Slot::Member(..) | Slot::Item(..) => Err(nothing_there()),
        }
    }

    /// The place that is pointed at, whether or not something is there. The list or object around it must be there.
    pub fn slot<'v, 'a>(&self, document: &'v mut Value<'a>, steps: &mut usize) -> Result<Slot<'v, 'a>, Fault> {
        let (last, way) = self.parts.split_last().expect("the whole document has been dealt with");
        let mut value = document;
        for part in way {
            value = match slot(value, part, steps)? {
                Slot::Member(members, Some(at)) => &mut members.items[at].1,
                Slot::Item(items, at) if at < items.items.len() => &mut items.items[at],
                Slot::Member(..) | Slot::Item(..) => {
                    return Err(Fault::inapplicable("there is nothing on the way to it"));
                }
            };
        }
        slot(value, last, steps)
    }

    /// As a FHIRPath, for people: a name that could not be an element's ends it.
    pub fn shown(&self, kind: &str) -> String {
        let mut path = kind.to_owned();
        for part in &self.parts {
            if !part.is_empty() && part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit()) {
                path.push_str(&format!("[{part}]"));
                continue;
            }
            let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if part.is_empty() || !plain || part.len() > SHOWN_BYTES_MAX {
                break;
            }
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(part);
        }
        path
    }
}

pub fn nothing_there() -> Fault {
    Fault::inapplicable("there is nothing there")
}

fn slot<'v, 'a>(value: &'v mut Value<'a>, part: &str, steps: &mut usize) -> Result<Slot<'v, 'a>, Fault> {
    match value {
        Value::Object(members) => {
            let at = members.items.iter().position(|(name, _)| name == part);
            *steps += at.map_or(members.items.len(), |at| at + 1);
            Ok(Slot::Member(members, at))
        }
        Value::List(items) => {
            let at = index(part, items.items.len())?;
            *steps += 1;
            Ok(Slot::Item(items, at))
        }
        _ => Err(Fault::inapplicable("a value on the way to it has nothing inside")),
    }
}

/// RFC 6901 §4: digits without a zero before them; `-` is behind the last item.
fn index(part: &str, length: usize) -> Result<usize, Fault> {
    if part == "-" {
        return Ok(length);
    }
    let plain = part == "0" || (!part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit()));
    match part.parse::<usize>() {
        Ok(at) if plain && at <= length => Ok(at),
        Ok(_) if plain => {
            Err(Fault::inapplicable(format!("the list has {length} items, and the index is behind them")))
        }
        _ => Err(Fault::inapplicable("a list wants an index: digits without a zero before them, or -")),
    }
}

/// `~1` is `/` and `~0` is `~`; no other escape exists.
fn unescaped(part: &str) -> Result<String, Fault> {
    let mut plain = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '~' { chars.next() } else { None }) {
            ('~', Some('0')) => plain.push('~'),
            ('~', Some('1')) => plain.push('/'),
            ('~', _) => return Err(Fault::malformed("in a JSON pointer ~ must be written ~0, and / inside a name ~1")),
            _ => plain.push(c),
        }
    }
    Ok(plain)
}
