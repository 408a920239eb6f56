//! The text behind `name=` to criteria: commas, bars, escapes, prefixes (R4 §3.1.1.4.5 to §3.1.1.5).

use super::{Bounds, Code, Criterion, InBase, Modifier, Prefix, QuantityUnit};
use crate::decimal::Decimal;
use crate::reference::{Literal, is_id, literal};
use crate::schema;
use crate::search::{Interval, Parameter, ParameterClass, hierarchical, normalise};

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
pub fn unescape(text: &str) -> String {
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

/// Why a value cannot be used. The text follows the parameter's name, says what was expected, and never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not written as it must be.
    Form(&'static str),
    /// It is understood, and nothing here knows the answer.
    Unanswerable(&'static str),
}

/// Reads one value. It is one criterion, or (a value set whose codes are known) several.
pub fn criteria(parameter: &'static Parameter, modifier: Modifier, raw: &str) -> Result<Vec<Criterion>, Fault> {
    if raw.is_empty() {
        return Err(Fault::Form("has an empty value"));
    }
    match (modifier, parameter.class) {
        (Modifier::In | Modifier::NotIn, _) => value_set(raw),
        (Modifier::Above | Modifier::Below, _) => hierarchy(parameter, modifier, raw).map(|criterion| vec![criterion]),
        _ => criterion(parameter, modifier, raw).map(|criterion| vec![criterion]).map_err(Fault::Form),
    }
}

fn criterion(parameter: &'static Parameter, modifier: Modifier, raw: &str) -> Result<Criterion, &'static str> {
    match (modifier, parameter.class) {
        (Modifier::Missing, _) => match raw {
            "true" => Ok(Criterion::Missing(true)),
            "false" => Ok(Criterion::Missing(false)),
            _ => Err(":missing must be true or false"),
        },
        (Modifier::OfType, _) => of_type(raw),
        (Modifier::Identifier, _) => code(raw).map(Criterion::Identifier),
        (Modifier::Text, _) => string(raw),
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
        (_, ParameterClass::Composite) => composite(parameter, raw),
        (_, ParameterClass::Special) => Err("is not served"),
    }
}

/// One value for each component, with a dollar sign between.
fn composite(parameter: &'static Parameter, raw: &str) -> Result<Criterion, &'static str> {
    let composite = parameter.composite().expect("a composite that is served is compiled");
    let parts = split(raw, b'$');
    if parts.len() != composite.components.len() || parts.iter().any(|part| part.is_empty()) {
        return Err("must have a value for each of its components, with $ between them");
    }
    let pairs = composite.components.iter().zip(parts);
    let read = pairs.map(|(component, part)| criterion(component.parameter, Modifier::Plain, part));
    Ok(Criterion::Composite(read.collect::<Result<_, _>>()?))
}

/// The required value sets of R4 are known here; another is for whoever has the resources to look for.
fn value_set(raw: &str) -> Result<Vec<Criterion>, Fault> {
    const R4: &str = "http://hl7.org/fhir/ValueSet/";
    let url = unescape(raw);
    let name = url.strip_prefix(R4).map(|name| name.split_once('|').map_or(name, |(name, _)| name));
    if let Some(codes) = name.and_then(|name| schema::r4().codes(name)) {
        let token = |code: &&str| Criterion::Token(Code::AnySystem((*code).to_owned()));
        return Ok(codes.codes().iter().map(token).collect());
    }
    match literal(&url) {
        Some(Literal::Local { kind: "ValueSet", version: None, .. } | Literal::Absolute { .. }) => {
            Ok(vec![Criterion::ValueSet(url)])
        }
        _ => Err(Fault::Form("must be the URL of a value set, or ValueSet/id")),
    }
}

/// `:above` and `:below`: what stands over or under a value.
fn hierarchy(parameter: &'static Parameter, modifier: Modifier, raw: &str) -> Result<Criterion, Fault> {
    let read = criterion(parameter, Modifier::Plain, raw).map_err(Fault::Form)?;
    match &read {
        Criterion::Uri(_) | Criterion::Token(Code::InSystem { .. }) => Ok(read),
        Criterion::Token(_) => Err(Fault::Form("with :above or :below must be system|code")),
        Criterion::Reference { kind: Some(kind), .. } if hierarchical(kind).is_some() => Ok(read),
        Criterion::Reference { kind: Some(_), .. } => {
            Err(Fault::Unanswerable("refers to a type whose resources are not parts of one another"))
        }
        Criterion::Reference { kind: None, .. } => Err(Fault::Form("with :above or :below must be Type/id")),
        _ if modifier == Modifier::Above => Err(Fault::Unanswerable("has no answer to :above of a URL with versions")),
        _ => Err(Fault::Unanswerable("has no answer to :below of a URL with versions")),
    }
}

fn token(parameter: &Parameter, raw: &str) -> Result<Criterion, &'static str> {
    let implied = parameter.plan().implies_system(parameter.id);
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
    let in_base = InBase::of(bounds, &unit);
    Ok(Criterion::Quantity { prefix, bounds, unit, in_base })
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
