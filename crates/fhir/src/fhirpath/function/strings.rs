//! Text (FHIRPath §5.6). Places are counted in characters.

use super::{Call, Function, Gives, give, pattern, plain};
use crate::fhirpath::evaluate::{ENOUGH, EvaluateError, MORE, Step, text};
use crate::fhirpath::item::{Item, Visit};

const TRUTH: Gives = Gives::System("Boolean");
const TEXT: Gives = Gives::System("String");
const COUNT: Gives = Gives::System("Integer");

pub const FUNCTIONS: &[Function] = &[
    plain("startsWith", 1..=1, TRUTH, |call, visit| test(call, |text, part| text.starts_with(part), visit)),
    plain("endsWith", 1..=1, TRUTH, |call, visit| test(call, |text, part| text.ends_with(part), visit)),
    plain("contains", 1..=1, TRUTH, |call, visit| test(call, |text, part| text.contains(part), visit)),
    plain("indexOf", 1..=1, COUNT, |call, visit| place(call, |text, part| text.find(part), visit)),
    plain("lastIndexOf", 1..=1, COUNT, |call, visit| place(call, |text, part| text.rfind(part), visit)),
    plain("substring", 1..=2, TEXT, |call, visit| give(substring(call)?, visit)),
    plain("lower", 0..=0, TEXT, |call, visit| mapped(call, |text| text.to_lowercase(), visit)),
    plain("upper", 0..=0, TEXT, |call, visit| mapped(call, |text| text.to_uppercase(), visit)),
    plain("trim", 0..=0, TEXT, |call, visit| mapped(call, |text| text.trim().to_owned(), visit)),
    plain("length", 0..=0, COUNT, |call, visit| give(call.text()?.map(|text| length(&text)), visit)),
    plain("toChars", 0..=0, TEXT, |call, visit| {
        let Some(text) = call.text()? else { return MORE };
        each_part(call, text.chars().map(String::from), visit)
    }),
    plain("split", 1..=1, TEXT, |call, visit| {
        let (Some(text), Some(separator)) = (call.text()?, call.text_argument(0)?) else { return MORE };
        match separator.is_empty() {
            true => each_part(call, text.chars().map(String::from), visit),
            false => each_part(call, text.split(&*separator).map(str::to_owned), visit),
        }
    }),
    plain("join", 0..=1, TEXT, |call, visit| visit(&joined(call)?)),
    plain("replace", 2..=2, TEXT, |call, visit| give(replaced(call)?, visit)),
    plain("matches", 1..=1, TRUTH, |call, visit| {
        let (Some(text), Some(pattern)) = (call.text()?, call.text_argument(0)?) else { return MORE };
        visit(&Item::from(pattern::matching(call.scope, &pattern, &text, |regex| regex.is_match(&text))?))
    }),
    plain("matchesFull", 1..=1, TRUTH, |call, visit| {
        let (Some(text), Some(pattern)) = (call.text()?, call.text_argument(0)?) else { return MORE };
        let whole = pattern::whole(&pattern);
        visit(&Item::from(pattern::matching(call.scope, &whole, &text, |regex| regex.is_match(&text))?))
    }),
    plain("replaceMatches", 2..=2, TEXT, |call, visit| give(replaced_matches(call)?, visit)),
];

/// The longest text that a function makes of others.
const MADE_BYTES_MAX: usize = 1024 * 1024;

fn test<'r>(call: &Call<'_, 'r>, holds: fn(&str, &str) -> bool, visit: Visit<'_, 'r>) -> Step {
    let mut found = None;
    call.each_input(&mut |item| {
        if found.is_some() {
            return Err(EvaluateError::new("expected one item, found several"));
        }
        let (text, part) = (text(item)?, call.text_argument(0)?);
        call.scope.spend(text.as_ref().map_or(0, |text| text.len() / 16))?;
        found = Some(text.zip(part).map(|(text, part)| holds(&text, &part)));
        MORE
    })?;
    give(found.flatten(), visit)
}

fn place<'r>(call: &Call<'_, 'r>, find: fn(&str, &str) -> Option<usize>, visit: Visit<'_, 'r>) -> Step {
    let (Some(text), Some(part)) = (call.text()?, call.text_argument(0)?) else { return MORE };
    visit(&Item::from(find(&text, &part).map_or(-1, |at| length(&text[..at]))))
}

fn length(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

fn mapped<'r>(call: &Call<'_, 'r>, change: fn(&str) -> String, visit: Visit<'_, 'r>) -> Step {
    give(call.text()?.map(|text| change(&text)), visit)
}

/// From a place on, and at most so many characters. Nothing where the text does not reach so far.
fn substring(call: &Call<'_, '_>) -> Result<Option<String>, EvaluateError> {
    let (Some(text), Some(start)) = (call.text()?, call.integer_argument(0)?) else { return Ok(None) };
    let count = match (call.arguments.len(), call.integer_argument(1)?) {
        (2, Some(count)) => usize::try_from(count).unwrap_or(0),
        _ => usize::MAX,
    };
    let Ok(start) = usize::try_from(start) else { return Ok(None) };
    let Some((from, _)) = text.char_indices().nth(start) else { return Ok(None) };
    Ok(Some(text[from..].chars().take(count).collect()))
}

fn each_part<'r>(call: &Call<'_, 'r>, parts: impl Iterator<Item = String>, visit: Visit<'_, 'r>) -> Step {
    for part in parts {
        call.scope.spend(0)?;
        if visit(&Item::from(part))?.is_enough() {
            return ENOUGH;
        }
    }
    MORE
}

fn joined<'r>(call: &Call<'_, 'r>) -> Result<Item<'r>, EvaluateError> {
    let separator = call.text_argument(0)?.unwrap_or_default();
    let (mut joined, mut first) = (String::new(), true);
    call.each_input(&mut |item| {
        let Some(part) = text(item)? else { return MORE };
        if !std::mem::take(&mut first) {
            joined.push_str(&separator);
        }
        joined.push_str(&part);
        call.scope.spend(part.len())?;
        bounded(joined.len())?;
        MORE
    })?;
    Ok(Item::from(joined))
}

fn replaced(call: &Call<'_, '_>) -> Result<Option<String>, EvaluateError> {
    let (Some(text), Some(part), Some(by)) = (call.text()?, call.text_argument(0)?, call.text_argument(1)?) else {
        return Ok(None);
    };
    // An empty part is before each character, and FHIRPath puts the substitute there.
    let places = if part.is_empty() { text.len() + 1 } else { text.len() / part.len() };
    bounded(places.saturating_mul(by.len()).saturating_add(text.len()))?;
    call.scope.spend(text.len())?;
    Ok(Some(text.replace(&*part, &by)))
}

/// An empty pattern changes nothing.
fn replaced_matches(call: &Call<'_, '_>) -> Result<Option<String>, EvaluateError> {
    let (Some(text), Some(pattern), Some(by)) = (call.text()?, call.text_argument(0)?, call.text_argument(1)?) else {
        return Ok(None);
    };
    if pattern.is_empty() {
        return Ok(Some(text.into_owned()));
    }
    // A substitute may name groups, each at most as long as the text.
    bounded((text.len() + 1).saturating_mul(by.len() + 1))?;
    pattern::matching(call.scope, &pattern, &text, |regex| Some(regex.replace_all(&text, &*by).into_owned()))
}

fn bounded(bytes: usize) -> Result<(), EvaluateError> {
    if bytes > MADE_BYTES_MAX {
        return Err(EvaluateError::new(format!("the expression makes a text of more than {MADE_BYTES_MAX} bytes")));
    }
    Ok(())
}
