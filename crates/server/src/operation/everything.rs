//! `Patient/$everything`: the whole record of one person (R4 §8.1.5.1, operation "Patient-everything").
//!
//! All that is in the patient's compartment, and what that refers to (who, where, which medication), page by page and all
//! pages of one moment. `start` and `end` are about when care happened: what has no such date is shown whatever they say. The
//! index does not know that, so that a page is filled by looking on; it is shorter where very much is passed over.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fhir::search::{Context, Interval, ParameterClass, Query, Value, each, table};
use record::{Key, Version};

use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::search::{self, Brings, Keep, Shown};
use crate::interaction::{gone, key_of, not_found};

/// Resources a page where the client does not say: a chart is read whole.
const COUNT_DEFAULT: &str = "200";
/// Dates that say nothing of when care happened.
const NO_CARE: [&str; 3] = ["_lastUpdated", "birthdate", "death-date"];

pub async fn show(ask: Ask, request: HttpRequest, path: Path<String>) -> Result<HttpResponse, Failure> {
    let key = key_of(&("Patient".to_owned(), path.into_inner()))?;
    let current = ask.app.record.read(&ask.access, &key).await?.ok_or_else(|| not_found(&key))?;
    if current.is_deleted() {
        return Err(gone(&key));
    }
    let asked = Asked::read(http::pairs(request.query_string()))?;
    let query = asked.query(&ask, &key)?;
    let brings = if asked.names_types() { Brings::Nothing } else { Brings::Surroundings };
    let Asked { used, start, end, page, .. } = asked;
    let shown = Shown {
        path: format!("{key}/$everything"),
        used,
        keep: (start.is_some() || end.is_some())
            .then(|| -> Keep { Box::new(move |version| keeps(start, end, version)) }),
        brings,
    };
    Ok(http::answer(search::page(&ask, &shown, &query, page).await?))
}

/// What is asked, in the operation's own words.
struct Asked {
    /// As search parameters.
    pairs: Vec<(String, String)>,
    /// As they came, for the links.
    used: Vec<(String, String)>,
    start: Option<Interval>,
    end: Option<Interval>,
    page: Option<String>,
}

impl Asked {
    fn read(given: Vec<(String, String)>) -> Result<Asked, Failure> {
        let mut asked = Asked { pairs: Vec::new(), used: Vec::new(), start: None, end: None, page: None };
        for (name, value) in given {
            let invalid = |what: &str| Failure::new(Kind::Invalid, format!("{name} must be {what}"));
            let date = || Interval::read(&value).ok_or_else(|| invalid("a date such as 2024-01-31"));
            match name.as_str() {
                "_page" => {
                    asked.page = Some(value);
                    continue;
                }
                "start" => asked.start = Some(date()?),
                "end" => asked.end = Some(date()?),
                // An unencoded `+` of the zone reads as a blank.
                "_since" => asked.pairs.push(("_lastUpdated".to_owned(), format!("ge{}", value.replace(' ', "+")))),
                "_type" | "_count" => asked.pairs.push((name.clone(), value.clone())),
                "_format" | "_pretty" => {}
                _ => {
                    let text = "takes start, end, _since, _type and _count, and no other parameter";
                    return Err(Failure::new(Kind::Invalid, text));
                }
            }
            asked.used.push((name, value));
        }
        if !asked.pairs.iter().any(|(name, _)| name == "_count") {
            asked.pairs.push(("_count".to_owned(), COUNT_DEFAULT.to_owned()));
        }
        Ok(asked)
    }

    /// Whether only some types are wanted, and then nothing beside them.
    fn names_types(&self) -> bool {
        self.pairs.iter().any(|(name, _)| name == "_type")
    }

    fn query(&self, ask: &Ask, key: &Key) -> Result<Query, Failure> {
        let query = Query::across(Context::default(), &self.pairs, ask.form.handling);
        let query = query.map_err(|issues| Failure::of(Kind::Invalid, issues))?;
        query.within(&key.kind, &key.id).map_err(|issue| Failure::of(Kind::Invalid, vec![issue]))
    }
}

/// Whether care happened in the time that is asked for, or the resource does not say when.
fn keeps(start: Option<Interval>, end: Option<Interval>, version: &Version) -> bool {
    let Some(Ok(resource)) = version.body.as_deref().map(fhir::json::read) else { return true };
    let (mut dated, mut within) = (false, false);
    each(&resource, &mut |entry| {
        let parameter = table().get(entry.parameter);
        let is_care = parameter.is_some_and(|of| of.class == ParameterClass::Date && !NO_CARE.contains(&of.code));
        if let (true, Value::Date(when)) = (is_care, &entry.value) {
            dated = true;
            within |= start.is_none_or(|start| when.high_us > start.low_us)
                && end.is_none_or(|end| when.low_us < end.high_us);
        }
    });
    within || !dated
}
