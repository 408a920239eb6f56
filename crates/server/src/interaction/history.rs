//! History: former versions, newest first, of a resource, a type or everything (R4 §3.1.0.10).

use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fhir::search::Interval;
use record::{HISTORY_PAGE_MAX, HistoryOf, HistoryQuery, Position, ReadError, Time};

use super::answer::Answer;
use super::bundle::Bundle;
use super::subset::Shape;
use super::{key_of, kind_of, not_found};
use crate::http::{self, Ask, Failure, Form, Kind};

/// Versions a page where the client does not say.
const COUNT_DEFAULT: usize = 50;

pub async fn of_resource(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    show(&ask, HistoryOf::Resource(key_of(&path)?), &request).await
}

pub async fn of_kind(ask: Ask, request: HttpRequest, kind: Path<String>) -> Result<HttpResponse, Failure> {
    show(&ask, HistoryOf::Kind(kind_of(&kind)?.to_owned()), &request).await
}

pub async fn of_everything(ask: Ask, request: HttpRequest) -> Result<HttpResponse, Failure> {
    show(&ask, HistoryOf::Everything, &request).await
}

async fn show(ask: &Ask, of: HistoryOf, request: &HttpRequest) -> Result<HttpResponse, Failure> {
    Ok(http::answer(run(ask, of, http::pairs(request.query_string())).await?))
}

pub async fn run(ask: &Ask, of: HistoryOf, pairs: Vec<(String, String)>) -> Result<Answer, Failure> {
    let (path, kind) = match &of {
        HistoryOf::Resource(key) => (format!("{key}/_history"), Some(key.kind.as_str())),
        HistoryOf::Kind(kind) => (format!("{kind}/_history"), Some(kind.as_str())),
        HistoryOf::Everything => ("_history".to_owned(), None),
    };
    let asked = Asked::read(pairs)?;
    let shape = Shape::of(kind, &asked.kept)?;
    let bound = asked.bound(&path);
    let before = asked.page.as_deref().map(|link| ask.open(&bound, link)).transpose()?;
    let before: Option<Position> =
        before.map(|place| place.parse().map_err(|_| Failure::from(ReadError::BadPage))).transpose()?;
    let before = before.or(ask.at.map(Position::next));
    let query = HistoryQuery { of, before, since: asked.since, at: asked.at, limit: asked.count };
    let page = ask.app.record.history(&ask.access, &query).await?;
    if let (HistoryOf::Resource(key), Some(0)) = (&query.of, page.total) {
        return Err(not_found(key));
    }
    let mut links = vec![("self", asked.address(&ask.base, &path, asked.page.as_deref()))];
    let next = page.next.map(|next| ask.seal(&bound, &next.to_string()));
    links.extend(next.map(|next| ("next", asked.address(&ask.base, &path, Some(&next)))));
    // The resource's count of versions would be the total of something else.
    let total = page.total.filter(|_| asked.since.is_none() && asked.at.is_none() && ask.at.is_none());
    let mut bundle = Bundle::begin("history", total, &links);
    for mut version in page.versions {
        version.body = version.body.map(|body| shape.view(&version.key.kind).show(body));
        bundle.former(&ask.base, &version);
    }
    Ok(Answer::of_resource(StatusCode::OK, bundle.end()))
}

/// The parameters of a history.
struct Asked {
    count: usize,
    since: Option<Time>,
    at: Option<(Time, Time)>,
    /// The link by which the page is asked for.
    page: Option<String>,
    /// What goes on in the link to the next page.
    kept: Vec<(String, String)>,
}

impl Asked {
    fn read(pairs: Vec<(String, String)>) -> Result<Asked, Failure> {
        let mut asked = Asked { count: COUNT_DEFAULT, since: None, at: None, page: None, kept: Vec::new() };
        for (name, mut value) in pairs {
            let place = format!("http.{name}");
            let wrong = |expected: &str| Failure::at(Kind::Invalid, &place, format!("{name} must be {expected}"));
            match name.as_str() {
                "_count" => {
                    let count: usize = value.parse().map_err(|_| wrong("a whole number from 0"))?;
                    asked.count = count.clamp(1, HISTORY_PAGE_MAX);
                }
                "_since" => {
                    // An unencoded `+` of the zone reads as a blank.
                    value = value.replace(' ', "+");
                    asked.since = Some(instant(&value).ok_or_else(|| wrong("an instant with its zone"))?);
                }
                "_at" => {
                    value = value.replace(' ', "+");
                    let at = Interval::read(&value).ok_or_else(|| wrong("a date, or a time with its zone"))?;
                    asked.at = Some((Time(at.low_us), Time(at.high_us)));
                }
                "_page" => {
                    asked.page = Some(value);
                    continue;
                }
                "_format" | "_pretty" | "_summary" | "_elements" => {}
                "_list" | "_sort" => {
                    return Err(Failure::at(Kind::NotServed, &place, format!("not served yet: {name} of a history")));
                }
                _ => {
                    let text = "a history takes _count, _since, _at, _summary and _elements, and no other parameter";
                    return Err(Failure::new(Kind::Invalid, text));
                }
            }
            asked.kept.push((name, value));
        }
        Ok(asked)
    }

    /// What a page link is good for.
    fn bound(&self, path: &str) -> String {
        let pairs = self.pairs().filter(|(name, _)| !Form::is_shape(name));
        format!("{path}{}", http::query(pairs))
    }

    fn address(&self, base: &str, path: &str, page: Option<&str>) -> String {
        format!("{base}/{path}{}", http::query(self.pairs().chain(page.map(|page| ("_page", page)))))
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kept.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn instant(text: &str) -> Option<Time> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Time(time.as_microsecond()))
}
