//! One entry of a batch or transaction as the interaction that it asks for (R4 §3.1.0.11, `Bundle.entry.request`).

use fhir::{Node, Object, Resource};
use record::{HistoryOf, Key};

use super::search::Scope;
use super::{key_of, kind_of};
use crate::http::{self, Failure, Kind, Match};

/// What an entry asks for.
#[derive(Debug, Clone)]
pub struct Call {
    pub deed: Deed,
    /// The entry's address of the resource, by which others of the Bundle refer to it.
    pub full_url: Option<String>,
    pub if_match: Option<Match>,
    pub if_none_match: Option<Match>,
}

#[derive(Debug, Clone)]
pub enum Deed {
    Create { kind: &'static str, resource: Resource<'static>, unless: Option<String> },
    Update { key: Key, resource: Resource<'static> },
    UpdateWhere { kind: &'static str, criteria: String, resource: Resource<'static> },
    Patch { key: Key, patch: Resource<'static> },
    PatchWhere { kind: &'static str, criteria: String, patch: Resource<'static> },
    Delete { key: Key },
    DeleteWhere { kind: &'static str, criteria: String },
    Ask(Question),
}

/// What is only read.
#[derive(Debug, Clone)]
pub enum Question {
    Read { key: Key, pairs: Vec<(String, String)> },
    Vread { key: Key, vid: String },
    History { of: HistoryOf, pairs: Vec<(String, String)> },
    Search { scope: Scope, pairs: Vec<(String, String)> },
}

impl Call {
    /// Reads one entry. `base` is our own address, which an entry's address may begin with.
    pub fn read(entry: Object<'static>, base: &str) -> Result<Call, Failure> {
        let mut parts = Parts::of(entry)?;
        let deed = parts.deed(base)?;
        let tags = |text: Option<String>, name: &str| match text {
            Some(text) => Match::read(&text).map(Some).ok_or_else(|| {
                invalid(format!("request.{name} is no version; send it as it came in an ETag, such as W/\"3\""))
            }),
            None => Ok(None),
        };
        Ok(Call {
            deed,
            full_url: parts.full_url,
            if_match: tags(parts.if_match, "ifMatch")?,
            if_none_match: tags(parts.if_none_match, "ifNoneMatch")?,
        })
    }
}

impl Deed {
    /// Whether somebody else's write may come between what is decided for it and the commit.
    pub fn may_race(&self) -> bool {
        match self {
            Deed::Create { unless, .. } => unless.is_some(),
            // That it is there is decided before.
            Deed::Ask(question) => matches!(question, Question::Read { .. }),
            _ => true,
        }
    }
}

/// The texts of an entry.
struct Parts {
    method: String,
    url: String,
    full_url: Option<String>,
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_none_exist: Option<String>,
    resource: Option<Resource<'static>>,
}

impl Parts {
    fn of(mut entry: Object<'static>) -> Result<Parts, Failure> {
        let Some(Node::Object(request)) = entry.remove("request") else {
            return Err(invalid("has no request; say its method and url"));
        };
        let text = |name: &str| request.str(name).map(str::to_owned);
        let needed = |name: &str| text(name).ok_or_else(|| invalid(format!("request.{name} is missing")));
        let resource = match entry.remove("resource") {
            Some(Node::Object(object)) => Some(Resource { object }),
            _ => None,
        };
        Ok(Parts {
            method: needed("method")?,
            url: needed("url")?,
            full_url: entry.str("fullUrl").map(str::to_owned),
            if_match: text("ifMatch"),
            if_none_match: text("ifNoneMatch"),
            if_none_exist: text("ifNoneExist"),
            resource,
        })
    }

    fn deed(&mut self, base: &str) -> Result<Deed, Failure> {
        let url = self.url.strip_prefix(base).unwrap_or(&self.url).trim_start_matches('/').to_owned();
        let (path, query) = url.split_once('?').map_or((url.as_str(), None), |(path, query)| (path, Some(query)));
        if path.contains("://") {
            return Err(invalid("request.url is an address of another server; make it relative to this one"));
        }
        let steps: Vec<&str> = path.split('/').collect();
        match (self.method.as_str(), steps.as_slice(), query) {
            ("GET" | "HEAD", steps, query) => question(steps, http::pairs(query.unwrap_or_default())).map(Deed::Ask),
            ("POST", [kind], None) if !kind.is_empty() => {
                let kind = kind_of(kind)?;
                Ok(Deed::Create { kind, resource: self.resource()?, unless: self.if_none_exist.take() })
            }
            ("PUT", [kind, id], None) => Ok(Deed::Update { key: key(kind, id)?, resource: self.resource()? }),
            ("PUT", [kind], Some(query)) => {
                Ok(Deed::UpdateWhere { kind: kind_of(kind)?, criteria: query.to_owned(), resource: self.resource()? })
            }
            ("PATCH", [kind, id], None) => Ok(Deed::Patch { key: key(kind, id)?, patch: self.resource()? }),
            ("PATCH", [kind], Some(query)) => {
                Ok(Deed::PatchWhere { kind: kind_of(kind)?, criteria: query.to_owned(), patch: self.resource()? })
            }
            ("DELETE", [kind, id], None) => Ok(Deed::Delete { key: key(kind, id)? }),
            ("DELETE", [kind], Some(query)) => {
                Ok(Deed::DeleteWhere { kind: kind_of(kind)?, criteria: query.to_owned() })
            }
            _ => Err(invalid("request.method and request.url name no interaction that a Bundle can ask for")),
        }
    }

    fn resource(&mut self) -> Result<Resource<'static>, Failure> {
        self.resource.take().ok_or_else(|| invalid("has no resource, which its request needs"))
    }
}

fn question(steps: &[&str], pairs: Vec<(String, String)>) -> Result<Question, Failure> {
    Ok(match steps {
        ["_history"] => Question::History { of: HistoryOf::Everything, pairs },
        [""] => Question::Search { scope: Scope::All, pairs },
        [kind] => Question::Search { scope: Scope::Kind(kind_of(kind)?), pairs },
        [kind, "_history"] => Question::History { of: HistoryOf::Kind(kind_of(kind)?.to_owned()), pairs },
        [kind, id] => Question::Read { key: key(kind, id)?, pairs },
        [kind, id, "_history"] => Question::History { of: HistoryOf::Resource(key(kind, id)?), pairs },
        [kind, id, inner] if !inner.starts_with(['_', '$']) => {
            let scope = Scope::compartment(((*kind).to_owned(), (*id).to_owned(), (*inner).to_owned()))?;
            Question::Search { scope, pairs }
        }
        [kind, id, "_history", vid] => Question::Vread { key: key(kind, id)?, vid: (*vid).to_owned() },
        _ => return Err(invalid("request.url names nothing that a Bundle can ask for")),
    })
}

fn key(kind: &str, id: &str) -> Result<Key, Failure> {
    key_of(&(kind.to_owned(), id.to_owned()))
}

fn invalid(text: impl Into<String>) -> Failure {
    Failure::new(Kind::Invalid, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: &str, resource: &str) -> Result<String, Kind> {
        let text = format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{{"request":{request}{resource}}}]}}"#);
        let bundle = fhir::json::read(text.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}")).into_owned();
        let entry = bundle.object.items("entry")[0].as_object().expect("an entry is an object").clone();
        let call = Call::read(entry, "http://x/fhir").map_err(|failure| failure.kind())?;
        Ok(match call.deed {
            Deed::Create { kind, unless, .. } => format!("create {kind} {}", unless.unwrap_or_default()),
            Deed::Update { key, .. } => format!("update {key}"),
            Deed::UpdateWhere { kind, criteria, .. } => format!("update {kind} where {criteria}"),
            Deed::Patch { key, .. } => format!("patch {key}"),
            Deed::PatchWhere { kind, criteria, .. } => format!("patch {kind} where {criteria}"),
            Deed::Delete { key } => format!("delete {key}"),
            Deed::DeleteWhere { kind, criteria } => format!("delete {kind} where {criteria}"),
            Deed::Ask(Question::Read { key, pairs }) => format!("read {key} {pairs:?}"),
            Deed::Ask(Question::Vread { key, vid }) => format!("vread {key} {vid}"),
            Deed::Ask(Question::History { of, .. }) => format!("history {of:?}"),
            Deed::Ask(Question::Search { scope, pairs }) => format!("search {scope:?} {pairs:?}"),
        })
    }

    #[test]
    fn entries_are_read_as_the_interactions_they_ask_for() {
        let patient = r#","resource":{"resourceType":"Patient","id":"a"}"#;
        for (method, url, resource, expected) in [
            ("POST", "Patient", patient, Ok("create Patient ")),
            ("PUT", "Patient/a", patient, Ok("update Patient/a")),
            ("PUT", "/Patient/a", patient, Ok("update Patient/a")),
            ("PUT", "http://x/fhir/Patient/a", patient, Ok("update Patient/a")),
            ("PUT", "Patient?identifier=x|y", patient, Ok("update Patient where identifier=x|y")),
            ("PATCH", "Patient/a", patient, Ok("patch Patient/a")),
            ("PATCH", "Patient?identifier=x", patient, Ok("patch Patient where identifier=x")),
            ("DELETE", "Patient/a", "", Ok("delete Patient/a")),
            ("DELETE", "Patient?identifier=x", "", Ok("delete Patient where identifier=x")),
            ("GET", "Patient/a?_summary=true", "", Ok(r#"read Patient/a [("_summary", "true")]"#)),
            ("GET", "Patient/a/_history/3", "", Ok("vread Patient/a 3")),
            ("GET", "Patient?name=a%20b", "", Ok(r#"search Kind("Patient") [("name", "a b")]"#)),
            ("HEAD", "_history", "", Ok("history Everything")),
            ("PUT", "http://elsewhere/fhir/Patient/a", patient, Err(Kind::Invalid)),
            ("POST", "Patient?x=y", patient, Err(Kind::Invalid)),
            ("PUT", "Patient/a", "", Err(Kind::Invalid)),
            ("POST", "Patience", patient, Err(Kind::NotFound)),
            ("DELETE", "Patient", "", Err(Kind::Invalid)),
            ("GET", "Patient/a/b/c/d", "", Err(Kind::Invalid)),
            ("GET", "Patient/../x", "", Err(Kind::Invalid)),
        ] {
            let request = format!(r#"{{"method":"{method}","url":"{url}"}}"#);
            assert_eq!(read(&request, resource).as_deref(), expected.as_deref(), "{method} {url}");
        }
        let request = r#"{"method":"POST","url":"Patient","ifNoneExist":"identifier=x"}"#;
        assert_eq!(read(request, patient).as_deref(), Ok("create Patient identifier=x"));
        assert_eq!(read(r#"{"method":"PUT","url":"Patient/a","ifMatch":"3"}"#, patient), Err(Kind::Invalid));
    }
}
