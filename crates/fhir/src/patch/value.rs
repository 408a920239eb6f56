//! Any JSON value, FHIR or not: what RFC 6902 works on.
//!
//! Numbers keep their digits, members their order. A list or object remembers whether it was emptied, because FHIR
//! wants it gone then.

use std::borrow::Cow;
use std::collections::HashSet;

use jiter::{Jiter, JiterError, Peek};

use crate::json::write_node;
use crate::node::Node;
use crate::primitive::Primitive;

/// Lists and objects inside one another, which is more than the strict reader takes.
pub const DEPTH_MAX: usize = 136;
/// Members up to which a repeated name is looked for by comparing each with each.
const FEW: usize = 16;

#[derive(Debug, Clone)]
pub enum Value<'a> {
    Object(Branch<(Cow<'a, str>, Value<'a>)>),
    List(Branch<Value<'a>>),
    Text(Cow<'a, str>),
    /// As written.
    Number(Cow<'a, str>),
    Bool(bool),
    Null,
}

#[derive(Debug, Clone)]
pub struct Branch<T> {
    pub items: Vec<T>,
    /// Whether the last item was taken out by an operation.
    emptied: bool,
}

/// How much a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// Lists and objects inside one another.
    pub depth: usize,
    /// Values in it, itself included.
    pub values: usize,
    /// Of its text, names and numbers; and one a value.
    pub bytes: usize,
}

impl<T> Branch<T> {
    pub fn of(items: Vec<T>) -> Branch<T> {
        Branch { items, emptied: false }
    }

    pub fn remove(&mut self, at: usize) -> T {
        let item = self.items.remove(at);
        self.emptied = self.items.is_empty();
        item
    }
}

impl<'a> Value<'a> {
    /// Reads a document. The fault says what is wrong and where, and repeats nothing.
    pub fn read(bytes: &'a [u8]) -> Result<Value<'a>, String> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|fault| format!("not UTF-8 at byte {}", fault.valid_up_to()))?;
        let mut reader = Reader { text, tokens: Jiter::new(bytes), depth: 0 };
        let value = reader.next()?;
        match reader.tokens.finish() {
            Ok(()) => Ok(value),
            Err(fault) => Err(reader.at(&fault)),
        }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Object(members) => {
                out.push(b'{');
                for (at, (name, value)) in members.items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_node(&Node::Text(Cow::Borrowed(name)), out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
            Value::List(items) => {
                out.push(b'[');
                for (at, value) in items.items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.write(out);
                }
                out.push(b']');
            }
            Value::Text(text) => write_node(&Node::Text(Cow::Borrowed(text)), out),
            Value::Number(text) => out.extend_from_slice(text.as_bytes()),
            Value::Bool(value) => write_node(&Node::Bool(*value), out),
            Value::Null => write_node(&Node::Null, out),
        }
    }

    pub fn member(&self, name: &str) -> Option<&Value<'a>> {
        match self {
            Value::Object(members) => members.items.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn extent(&self) -> Extent {
        let inner = |sum: Extent, value: &Value<'_>, name: usize| {
            let inner = value.extent();
            Extent {
                depth: sum.depth.max(inner.depth + 1),
                values: sum.values + inner.values,
                bytes: sum.bytes + inner.bytes + name,
            }
        };
        match self {
            Value::Object(members) => {
                let empty = Extent { depth: 1, values: 1, bytes: 1 };
                members.items.iter().fold(empty, |sum, (name, value)| inner(sum, value, name.len()))
            }
            Value::List(items) => {
                items.items.iter().fold(Extent { depth: 1, values: 1, bytes: 1 }, |sum, value| inner(sum, value, 0))
            }
            Value::Text(text) | Value::Number(text) => Extent { depth: 0, values: 1, bytes: text.len() + 1 },
            Value::Bool(_) | Value::Null => Extent { depth: 0, values: 1, bytes: 1 },
        }
    }

    /// Equality of RFC 6902 §4.6: members in any order, numbers by what they are and not by how they are written.
    pub fn equals(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Value::Object(left), Value::Object(right)) => {
                left.items.len() == right.items.len()
                    && left.items.iter().all(|(name, value)| other.member(name).is_some_and(|o| value.equals(o)))
            }
            (Value::List(left), Value::List(right)) => {
                left.items.len() == right.items.len() && left.items.iter().zip(&right.items).all(|(l, r)| l.equals(r))
            }
            (Value::Text(left), Value::Text(right)) => left == right,
            (Value::Number(left), Value::Number(right)) => left == right || magnitude(left) == magnitude(right),
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Null, Value::Null) => true,
            _ => false,
        }
    }

    /// Takes out the lists and objects that operations emptied, and those that hold nothing after that.
    pub fn drop_emptied(&mut self) {
        match self {
            Value::Object(members) => {
                let before = members.items.len();
                members.items.retain_mut(|(_, value)| !value.is_emptied());
                members.emptied |= before > 0 && members.items.is_empty();
            }
            Value::List(items) => {
                let before = items.items.len();
                items.items.retain_mut(|value| !value.is_emptied());
                items.emptied |= before > 0 && items.items.is_empty();
            }
            _ => {}
        }
    }

    fn is_emptied(&mut self) -> bool {
        self.drop_emptied();
        match self {
            Value::Object(members) => members.emptied && members.items.is_empty(),
            Value::List(items) => items.emptied && items.items.is_empty(),
            _ => false,
        }
    }
}

/// Sign, digits without zeros at the ends, and the power of ten of the last digit: the same for the same number. An
/// exponent of more than 18 digits is none that two programs agree on, so such numbers equal none written otherwise.
fn magnitude(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().ok().filter(|exponent: &i64| exponent.unsigned_abs() < 10u64.pow(18))?;
    let (negative, digits) = mantissa.strip_prefix('-').map_or((false, mantissa), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let kept = all.trim_end_matches('0');
    let zeros = i64::try_from(all.len() - kept.len()).ok()?;
    let exponent = exponent - i64::try_from(fraction.len()).ok()? + zeros;
    let kept = kept.trim_start_matches('0').to_owned();
    // Zero has no sign and no exponent.
    if kept.is_empty() { Some((false, kept, 0)) } else { Some((negative, kept, exponent)) }
}

struct Reader<'a> {
    text: &'a str,
    tokens: Jiter<'a>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Value<'a>, String> {
        match self.tokens.peek() {
            Err(fault) => Err(self.at(&fault)),
            Ok(Peek::Object) => self.nested(Reader::object),
            Ok(Peek::Array) => self.nested(Reader::list),
            Ok(Peek::String) => {
                let text = self.tokens.known_str().map(str::to_owned);
                text.map(|text| Value::Text(Cow::Owned(text))).map_err(|fault| self.at(&fault))
            }
            Ok(Peek::Null) => self.tokens.known_null().map(|()| Value::Null).map_err(|fault| self.at(&fault)),
            Ok(peek @ (Peek::True | Peek::False)) => {
                self.tokens.known_bool(peek).map(Value::Bool).map_err(|fault| self.at(&fault))
            }
            Ok(peek) => self.number(peek),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Value<'a>, String>) -> Result<Value<'a>, String> {
        if self.depth == DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX} lists and objects"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value<'a>, String> {
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        let mut name = self.tokens.known_object().map(|name| name.map(str::to_owned));
        loop {
            match name {
                Err(fault) => return Err(self.at(&fault)),
                Ok(None) => break,
                Ok(Some(name)) => {
                    let value = self.next()?;
                    members.push((Cow::Owned(name), value));
                }
            }
            name = self.tokens.next_key().map(|name| name.map(str::to_owned));
        }
        if has_repeated(&members) {
            let place = self.tokens.current_position();
            return Err(format!("an object that ends at line {} has a name twice", place.line));
        }
        Ok(Value::Object(Branch::of(members)))
    }

    fn list(&mut self) -> Result<Value<'a>, String> {
        let mut items = Vec::new();
        let mut next = self.tokens.known_array();
        loop {
            match next {
                Err(fault) => return Err(self.at(&fault)),
                Ok(None) => return Ok(Value::List(Branch::of(items))),
                Ok(Some(_)) => items.push(self.next()?),
            }
            next = self.tokens.array_step();
        }
    }

    fn number(&mut self, peek: Peek) -> Result<Value<'a>, String> {
        let start = self.tokens.current_index();
        if let Err(fault) = self.tokens.known_number_bytes(peek) {
            return Err(self.at(&fault));
        }
        let written = &self.text[start..self.tokens.current_index()];
        // The tokens may let words such as NaN through.
        match Primitive::Decimal.check(written) {
            Ok(()) => Ok(Value::Number(Cow::Borrowed(written))),
            Err(_) => Err(format!("no JSON number at line {}", self.tokens.current_position().line)),
        }
    }

    fn at(&self, fault: &JiterError) -> String {
        let place = self.tokens.error_position(fault.index);
        format!("not JSON at line {} column {}: {}", place.line, place.column, fault.error_type)
    }
}

fn has_repeated(members: &[(Cow<'_, str>, Value<'_>)]) -> bool {
    if members.len() <= FEW {
        return members.iter().enumerate().any(|(at, (name, _))| members[..at].iter().any(|(other, _)| other == name));
    }
    let mut met = HashSet::with_capacity(members.len());
    !members.iter().all(|(name, _)| met.insert(name.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let number = |text: &'static str| Value::Number(Cow::Borrowed(text));
        let same = [("1", "1.0"), ("100", "1e2"), ("-0", "0.00"), ("0.010", "1E-2"), ("120e-1", "12")];
        for (left, right) in same {
            assert!(number(left).equals(&number(right)), "{left} {right}");
        }
        let more = [("1", "10"), ("1", "-1"), ("1e2", "1e3"), ("0.1", "0.10000000000000000000000000000000000000001")];
        for (left, right) in more {
            assert!(!number(left).equals(&number(right)), "{left} {right}");
        }
    }

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in [r#"{"b":[1.10,-0,1E+3,"\u0001é\"",{}],"a":null,"":[[],true]}"#, "7", "\"\"", "[]"] {
            let mut out = Vec::new();
            Value::read(text.as_bytes()).expect(text).write(&mut out);
            assert_eq!(String::from_utf8(out).expect("text"), text);
        }
    }

    #[test]
    fn what_is_no_document_is_told() {
        let (deep, many) = ("[".repeat(100_000), format!("{{{}\"a\":1,\"a\":2}}", "\"b\":1,".repeat(20)));
        for text in ["", "{", "[1,]", "NaN", "1 2", "01", r#"{"a":1,"\u0061":2}"#, "\"\\ud800\"", &deep, &many] {
            assert!(Value::read(text.as_bytes()).is_err(), "{}", &text[..text.len().min(20)]);
        }
    }
}
