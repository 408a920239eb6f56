//! The text behind `name=` to criteria: commas, bars, escapes, prefixes (R4 §3.1.1.4.5 to §3.1.1.5).

use super::{Bounds, Code, Criterion, Modifier, Prefix, QuantityUnit};
use crate::decimal::Decimal;
use crate::reference::{Literal, is_id, literal};
use crate::search::{Interval, Parameter, ParameterClass, normalise, table};

/// The values that commas separate, still escaped.
pub fn split(text: &str, separator: u8) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        if byte == separator && !escaped {
            parts.push(&text[start..at]);
            start = at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

/// `\,` `\|` `\$` and `\\` are what follows the backslash; before anything else a backslash is itself.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some(',' | '|' | '$' | '\\')) => plain.extend(characters.next()),
            _ => plain.push(character),
        }
    }
    plain
}

/// Reads one value. The error says what was expected, and never the value.
pub fn criterion(parameter: &Parameter, modifier: Modifier, raw: &str) -> Result<Criterion, &'static str> {
    if raw.is_empty() {
        return Err("has an empty value");
    }
    match (modifier, parameter.class) {
        (Modifier::Missing, _) => match raw {
            "true" => Ok(Criterion::Missing(true)),
            "false" => Ok(Criterion::Missing(false)),
            _ => Err(":missing must be true or false"),
        },
        (Modifier::OfType, _) => of_type(raw),
        (Modifier::Identifier, _) => code(raw).map(Criterion::Identifier),
        (_, ParameterClass::Token) => token(parameter, raw),
        (_, ParameterClass::String) => string(raw),
        (_, ParameterClass::Reference) => reference(parameter, modifier, raw),
        (_, ParameterClass::Date) => date(raw),
        (_, ParameterClass::Number) => {
            let (prefix, bounds) = number(raw)?;
            Ok(Criterion::Number { prefix, bounds })
        }
        (_, ParameterClass::Quantity) => quantity(raw),
        (_, ParameterClass::Uri) => Ok(Criterion::Uri(unescape(raw))),
        (_, ParameterClass::Composite | ParameterClass::Special) => Err("is not served yet"),
    }
}

fn token(parameter: &Parameter, raw: &str) -> Result<Criterion, &'static str> {
    let implied = table().plan(parameter.kind).is_some_and(|plan| plan.implies_system(parameter.id));
    Ok(Criterion::Token(match code(raw)? {
        // The system of such an element is its definition's, which the index does not hold and cannot differ.
        Code::InSystem { code, .. } if implied => Code::AnySystem(code),
        Code::System(_) if implied => return Err("needs a code: the system is implied by the element"),
        code => code,
    }))
}

fn code(raw: &str) -> Result<Code, &'static str> {
    match split(raw, b'|').as_slice() {
        [code] => Ok(Code::AnySystem(unescape(code))),
        ["", ""] => Err("must be code, system|code, |code or system|"),
        ["", code] => Ok(Code::NoSystem(unescape(code))),
        [system, ""] => Ok(Code::System(unescape(system))),
        [system, code] => Ok(Code::InSystem { system: unescape(system), code: unescape(code) }),
        _ => Err("must be code, system|code, |code or system| (a bar within is written \\|)"),
    }
}

fn of_type(raw: &str) -> Result<Criterion, &'static str> {
    match split(raw, b'|').as_slice() {
        [system, code, value] if !code.is_empty() && !value.is_empty() => {
            let system = Some(unescape(system)).filter(|system| !system.is_empty());
            Ok(Criterion::OfType { system, code: unescape(code), value: unescape(value) })
        }
        _ => Err(":of-type must be system|code|value"),
    }
}

fn string(raw: &str) -> Result<Criterion, &'static str> {
    let exact = unescape(raw);
    let normalised = normalise(&exact).into_owned();
    if normalised.is_empty() {
        return Err("has a value without letters, which would match everything");
    }
    Ok(Criterion::String { normalised, exact })
}

fn reference(parameter: &Parameter, modifier: Modifier, raw: &str) -> Result<Criterion, &'static str> {
    const FORM: &str = "must be an id, Type/id or an absolute URL";
    let typed = match modifier {
        Modifier::Type(kind) => Some(kind),
        _ => None,
    };
    let text = unescape(raw);
    if is_id(&text) {
        let mut targets = parameter.targets();
        let sole = targets.next().filter(|_| targets.next().is_none());
        return Ok(Criterion::Reference { kind: typed.or(sole), id: text });
    }
    match literal(&text) {
        Some(Literal::Local { kind, .. }) if typed.is_some_and(|typed| typed != kind) => {
            Err("names another type than its modifier")
        }
        Some(Literal::Local { version: Some(_), .. }) => Err("must not name a version: references are found by id"),
        Some(Literal::Local { kind, id, .. }) => Ok(Criterion::Reference { kind: Some(kind), id: id.to_owned() }),
        Some(Literal::Absolute { .. }) if typed.is_some() => Err("with a type as modifier must be an id"),
        Some(Literal::Absolute { .. }) => {
            let (url, version) = match text.split_once('|') {
                Some((url, version)) => (url, Some(version.to_owned())),
                None => (text.as_str(), None),
            };
            Ok(Criterion::Url { url: url.to_owned(), version })
        }
        Some(Literal::Contained(_)) => Err("must not name a contained resource"),
        None => Err(FORM),
    }
}

fn date(raw: &str) -> Result<Criterion, &'static str> {
    const FORM: &str =
        "must be a date such as 2024, 2024-01, 2024-01-31 or 2024-01-31T10:00:00Z, with a prefix if need be";
    let (prefix, text) = prefix(raw).ok_or(FORM)?;
    // A plus sign that was not encoded has become a blank on its way here.
    let interval = Interval::read(&text.replace(' ', "+")).ok_or(FORM)?;
    Ok(Criterion::Date { prefix, interval })
}

fn quantity(raw: &str) -> Result<Criterion, &'static str> {
    let (amount, unit) = match split(raw, b'|').as_slice() {
        [amount] => (*amount, QuantityUnit::Any),
        [amount, "", ""] => (*amount, QuantityUnit::Any),
        [amount, "", code] => (*amount, QuantityUnit::CodeOrUnit(unescape(code))),
        [amount, system, code] if !code.is_empty() => {
            (*amount, QuantityUnit::Coded { system: unescape(system), code: unescape(code) })
        }
        _ => return Err("must be number, number||unit or number|system|code"),
    };
    let (prefix, bounds) = number(amount)?;
    Ok(Criterion::Quantity { prefix, bounds, unit })
}

fn number(raw: &str) -> Result<(Prefix, Bounds), &'static str> {
    const FORM: &str = "must be a number such as 5, 5.40 or 5.4e-3, with a prefix if need be";
    let (prefix, text) = prefix(raw).ok_or(FORM)?;
    let decimal = Decimal::read(text).ok_or(FORM)?;
    let value = decimal.to_f64();
    if !value.is_finite() {
        return Err(FORM);
    }
    // Where more digits are written than a double tells apart, the value itself must still be within.
    let low = decimal.half_unit(-1).to_f64();
    let high = decimal.half_unit(1).to_f64().max(value.next_up());
    Ok((prefix, Bounds { value, low, high }))
}

/// The two letters before a number or date; `None` where the letters are no prefix.
fn prefix(raw: &str) -> Option<(Prefix, &str)> {
    if !raw.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Some((Prefix::Eq, raw));
    }
    let prefix = match raw.get(..2)? {
        "eq" => Prefix::Eq,
        "ne" => Prefix::Ne,
        "gt" => Prefix::Gt,
        "lt" => Prefix::Lt,
        "ge" => Prefix::Ge,
        "le" => Prefix::Le,
        "sa" => Prefix::Sa,
        "eb" => Prefix::Eb,
        "ap" => Prefix::Ap,
        _ => return None,
    };
    Some((prefix, &raw[2..]))
}
