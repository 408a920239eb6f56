//! History: former versions, newest first, of a resource, a type or everything (R4 §3.1.0.10).

use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use record::{HISTORY_PAGE_MAX, HistoryOf, HistoryQuery, Position, Time};

use super::answer::Answer;
use super::bundle::Bundle;
use super::{key_of, kind_of, not_found};
use crate::http::{self, Ask, Failure, Kind};

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
    Ok(http::answer(run(ask, of, http::pairs(request.query_string())).await?, ask.form))
}

pub async fn run(ask: &Ask, of: HistoryOf, pairs: Vec<(String, String)>) -> Result<Answer, Failure> {
    let asked = Asked::read(pairs)?;
    let path = match &of {
        HistoryOf::Resource(key) => format!("{key}/_history"),
        HistoryOf::Kind(kind) => format!("{kind}/_history"),
        HistoryOf::Everything => "_history".to_owned(),
    };
    let page = ask.app.record.history(&ask.access, &asked.query(of.clone())).await?;
    if let (HistoryOf::Resource(key), Some(0)) = (&of, page.total) {
        return Err(not_found(key));
    }
    Ok(Answer::of_resource(StatusCode::OK, bundle(ask, &asked, &path, &page)))
}

/// The parameters of a history.
struct Asked {
    count: usize,
    since: Option<Time>,
    /// The place where a page begins.
    page: Option<Position>,
    /// What goes on in the link to the next page.
    kept: Vec<(String, String)>,
}

impl Asked {
    fn read(pairs: Vec<(String, String)>) -> Result<Asked, Failure> {
        let mut asked = Asked { count: COUNT_DEFAULT, since: None, page: None, kept: Vec::new() };
        for (name, mut value) in pairs {
            let wrong = |expected: &str| Failure::new(Kind::Invalid, format!("{name} must be {expected}"));
            match name.as_str() {
                "_count" => {
                    let count: usize = value.parse().map_err(|_| wrong("a whole number from 1"))?;
                    asked.count = count.clamp(1, HISTORY_PAGE_MAX);
                }
                "_since" => {
                    // An unencoded `+` of the zone reads as a blank.
                    value = value.replace(' ', "+");
                    asked.since = Some(instant(&value).ok_or_else(|| wrong("an instant with its zone"))?);
                }
                "_page" => {
                    asked.page = Some(value.parse().map_err(|_| wrong("as it came in a link"))?);
                    continue;
                }
                "_format" | "_pretty" => {}
                "_at" | "_list" | "_sort" => {
                    return Err(Failure::new(Kind::NotServed, format!("not served yet: {name} of a history")));
                }
                _ => {
                    let text = "a history takes _count and _since, and no other parameter";
                    return Err(Failure::new(Kind::Invalid, text));
                }
            }
            asked.kept.push((name, value));
        }
        Ok(asked)
    }

    fn query(&self, of: HistoryOf) -> HistoryQuery {
        HistoryQuery { of, before: self.page, since: self.since, limit: self.count }
    }

    fn address(&self, base: &str, path: &str, page: Option<Position>) -> String {
        let mut pairs: Vec<String> =
            self.kept.iter().map(|(name, value)| format!("{name}={}", http::encoded(value))).collect();
        pairs.extend(page.map(|page| format!("_page={page}")));
        let mark = if pairs.is_empty() { "" } else { "?" };
        format!("{base}/{path}{mark}{}", pairs.join("&"))
    }
}

fn bundle(ask: &Ask, asked: &Asked, path: &str, page: &record::HistoryPage) -> Vec<u8> {
    let mut links = vec![("self", asked.address(&ask.base, path, asked.page))];
    links.extend(page.next.map(|next| ("next", asked.address(&ask.base, path, Some(next)))));
    // With `_since` the resource's count of versions would be the total of something else.
    let total = page.total.filter(|_| asked.since.is_none());
    let mut bundle = Bundle::begin("history", total, &links);
    for version in &page.versions {
        bundle.former(&ask.base, version);
    }
    bundle.end()
}

fn instant(text: &str) -> Option<Time> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Time(time.as_microsecond()))
}
