//! QBP^Q22: who has these demographics? IHE PDQ, ITI-21 (ITI TF-2, 3.21).
//!
//! The fields of QPD-3 become the parameters of a FHIR search on Patient, as ITI-78 has them: families, given names and addresses by
//! how they begin, the rest exactly. Sources are found, not golden Patients, and none that was merged into another. A
//! continuation (DSC-1) goes on where the answer before ended, in the record as it was then; it is bound to the source and the question.

use fhir::search::{Handling, Query};
use fhir::{Node, Resource};
use hl7v2::{Issue, Kind, Message, Segment};
use record::ReadError;

use super::{Desk, Found, domains, not_now, pid, place, segment};

/// People of one answer, whatever is asked for.
const PEOPLE_MAX: u64 = 100;
/// Fields of one question.
const FIELDS_MAX: usize = 50;
/// Characters of one value.
const VALUE_MAX: usize = 200;

/// Names of QPD-3 without `@`, and the search parameter that answers for each.
const FIELDS: &[(&str, &str)] = &[
    ("PID.5.1", "family"),
    ("PID.5.1.1", "family"),
    ("PID.5.2", "given"),
    ("PID.7", "birthdate"),
    ("PID.7.1", "birthdate"),
    ("PID.8", "gender"),
    ("PID.11.1", "address"),
    ("PID.11.1.1", "address"),
    ("PID.11.3", "address-city"),
    ("PID.11.4", "address-state"),
    ("PID.11.5", "address-postalcode"),
    ("PID.11.6", "address-country"),
    ("PID.13", "phone"),
    ("PID.13.1", "phone"),
    ("PID.13.12", "phone"),
    ("PID.13.4", "email"),
];

/// @PID.3 is one parameter made of its parts.
#[derive(Default)]
struct Number {
    value: String,
    authority: [String; 3],
}

type Pairs = Vec<(String, String)>;

pub async fn find(desk: &Desk<'_>, message: &Message<'_>) -> Result<Found, Vec<Issue>> {
    let qpd = segment(message, "QPD").expect("the caller has looked for it");
    let mut pairs = asked(desk, &qpd)?;
    let limit = limit(message)?;
    let systems = domains(desk, &qpd, 8).await?;
    if !systems.is_empty() {
        let any: Vec<String> = systems.iter().map(|system| format!("{}|", escaped(system))).collect();
        pairs.push(("identifier".to_owned(), any.join(",")));
    }
    let question = desk.ids.id(["continuation", &desk.source.name]
        .into_iter()
        .chain(pairs.iter().flat_map(|(name, value)| [name.as_str(), value])));
    let (before, page) = continued(desk, message, &question)?;
    for (name, value) in [("active:not", "false"), ("_total", "accurate"), ("_count", &limit.to_string())] {
        pairs.push((name.to_owned(), value.to_owned()));
    }
    let not_understood =
        |_| vec![Issue::error(Kind::DataType, place("QPD", 3, 0, 0), "a value cannot be searched for")];
    let query = Query::parse("Patient", &pairs, Handling::Strict).map_err(not_understood)?;
    let found = desk.record.search(desk.access, &query, page.as_deref()).await.map_err(|error| match error {
        ReadError::BadPage => vec![stale()],
        error => not_now(&error),
    })?;
    let (mut people, mut warnings) = (Vec::new(), Vec::new());
    for version in &found.versions {
        let Some(Ok(mut patient)) = version.body.as_deref().map(fhir::json::read) else { continue };
        narrow(&mut patient, &systems);
        match pid::whole(desk, &patient) {
            Ok(written) => people.push(written),
            Err(warning) => warnings.push(warning),
        }
    }
    let shown = before + found.versions.len() as u64;
    let total = found.total.unwrap_or(shown);
    let pointer = found.next.map(|page| pointer(desk, &question, shown, &page));
    Ok(Found { people, total, remaining: total.saturating_sub(shown), pointer, warnings })
}

/// QPD-3 as search parameters. Everything that is wrong is said.
fn asked(desk: &Desk<'_>, qpd: &Segment<'_>) -> Result<Pairs, Vec<Issue>> {
    let (mut pairs, mut number, mut faults) = (Pairs::new(), Number::default(), Vec::new());
    for (repetition, field) in (1..).zip(qpd.field(3).repetitions()) {
        let at = |component| place("QPD", 3, repetition, component);
        if usize::from(repetition) > FIELDS_MAX {
            let text = format!("at most {FIELDS_MAX} fields can be asked for at once");
            return Err(vec![Issue::error(Kind::OverLimit, at(0), text)]);
        }
        let (name, value) = (field.component(1).text(), field.component(2).text());
        let value = value.trim().trim_end_matches('*');
        if name.is_empty() && value.is_empty() {
            continue;
        }
        if value.is_empty() {
            faults.push(Issue::error(Kind::RequiredField, at(2), "a field is asked for without a value"));
        } else if value.chars().count() > VALUE_MAX {
            faults.push(Issue::error(Kind::TooLong, at(2), format!("a value has at most {VALUE_MAX} characters")));
        } else if let Err((kind, component, text)) = take(name.trim(), value, &mut pairs, &mut number) {
            faults.push(Issue::error(kind, at(component), text));
        }
    }
    let authority = &number.authority;
    let known = authority.iter().any(|part| !part.is_empty());
    let system = known.then(|| desk.source.gateway.authority(&authority[0], &authority[1], &authority[2]));
    match (system, number.value.as_str()) {
        (None, "") => {}
        (None, value) => pairs.push(("identifier".to_owned(), escaped(value))),
        (Some(system), value) => {
            pairs.push(("identifier".to_owned(), format!("{}|{}", escaped(&system), escaped(value))))
        }
    }
    if faults.is_empty() && pairs.is_empty() {
        faults.push(Issue::error(Kind::RequiredField, place("QPD", 3, 0, 0), "say by what people are to be found"));
    }
    if faults.is_empty() { Ok(pairs) } else { Err(faults) }
}

/// Takes one field of QPD-3; the fault says which component of it is wrong.
fn take(name: &str, value: &str, pairs: &mut Pairs, number: &mut Number) -> Result<(), (Kind, u16, &'static str)> {
    let field = name.strip_prefix('@').unwrap_or(name);
    match field {
        "PID.3" | "PID.3.1" => number.value = value.to_owned(),
        "PID.3.4" | "PID.3.4.1" => number.authority[0] = value.to_owned(),
        "PID.3.4.2" => number.authority[1] = value.to_owned(),
        "PID.3.4.3" => number.authority[2] = value.to_owned(),
        _ => {
            let unknown = (Kind::UnknownKey, 1, "people are not found by this field");
            let parameter = FIELDS.iter().find(|(known, _)| *known == field).ok_or(unknown)?.1;
            let value = match parameter {
                "birthdate" => day(value).ok_or((Kind::DataType, 2, "a birth date is YYYY, YYYYMM or YYYYMMDD"))?,
                "gender" => gender(value).ok_or((Kind::TableValue, 2, "not a code of table 0001"))?.to_owned(),
                _ => escaped(value),
            };
            pairs.push((parameter.to_owned(), value));
        }
    }
    Ok(())
}

fn day(value: &str) -> Option<String> {
    let digits = value.get(..value.len().min(8)).filter(|of| of.bytes().all(|byte| byte.is_ascii_digit()))?;
    match digits.len() {
        4 => Some(digits.to_owned()),
        6 => Some(format!("{}-{}", &digits[..4], &digits[4..])),
        8 => Some(format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..])),
        _ => None,
    }
}

/// Table 0001, as the rules of PID read it.
fn gender(code: &str) -> Option<&'static str> {
    match code {
        "F" => Some("female"),
        "M" => Some("male"),
        "O" | "A" | "N" => Some("other"),
        "U" => Some("unknown"),
        _ => None,
    }
}

/// RCP-2: how many at once.
fn limit(message: &Message<'_>) -> Result<u64, Vec<Issue>> {
    let Some(rcp) = segment(message, "RCP") else { return Ok(PEOPLE_MAX) };
    let quantity = rcp.field(2);
    let (count, unit) = (quantity.component(1).text(), quantity.component(2).text());
    if count.is_empty() {
        return Ok(PEOPLE_MAX);
    }
    let wrong = |component, text| vec![Issue::error(Kind::DataType, place("RCP", 2, 0, component), text)];
    if !matches!(&*unit, "" | "RD") {
        return Err(wrong(2, "quantities are limited in records (RD)"));
    }
    match count.trim().parse::<u64>() {
        Ok(count) if count > 0 => Ok(count.min(PEOPLE_MAX)),
        _ => Err(wrong(1, "the quantity is a whole number from 1")),
    }
}

/// DSC-1: how many were shown before, and the page that comes.
fn continued(desk: &Desk<'_>, message: &Message<'_>, question: &str) -> Result<(u64, Option<String>), Vec<Issue>> {
    let given = segment(message, "DSC").map(|dsc| dsc.field(1).component(1).text().into_owned()).unwrap_or_default();
    if given.is_empty() {
        return Ok((0, None));
    }
    let mut parts = given.split('.');
    let read = (|| Some((parts.next()?.parse::<u64>().ok()?, parts.next()?.to_owned())))();
    let (shown, page) = read.ok_or_else(|| vec![stale()])?;
    if pointer(desk, question, shown, &page) != given {
        return Err(vec![stale()]);
    }
    Ok((shown, Some(page)))
}

/// Bound by a keyed hash to who asks and what is asked, so that nobody goes on with another's question.
fn pointer(desk: &Desk<'_>, question: &str, shown: u64, page: &str) -> String {
    let seal = desk.ids.id(["pointer", question, &shown.to_string(), page]);
    format!("{shown}.{page}.{seal}")
}

fn stale() -> Issue {
    let text = "this is no continuation of this question of yours, or it is too old: ask anew";
    Issue::error(Kind::UnknownKey, place("DSC", 1, 0, 0), text)
}

/// Leaves the identifiers of the domains that were asked for.
fn narrow(patient: &mut Resource<'_>, systems: &[String]) {
    if let Some(Node::List(identifiers)) = patient.object.get_mut("identifier").filter(|_| !systems.is_empty()) {
        let wanted = |node: &Node<'_>| {
            node.as_object().and_then(|of| of.str("system")).is_some_and(|of| systems.iter().any(|known| known == of))
        };
        identifiers.retain(wanted);
    }
}

/// A value as a search parameter has it (R4 §3.1.1.4.0.3).
pub fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '\\' | ',' | '$' | '|') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
