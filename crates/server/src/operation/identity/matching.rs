//! `Patient/$match` (R4 §8.1.6, operation "Patient-match"; IHE PDQm ITI-119): who may be meant by what is known of somebody.
//!
//! The sources are answered, the likeliest first, each whole, with its score from 0 to 1 and its grade. `certain` is what the engine would
//! link without asking a person. What the requester may not see is not offered, and does not count.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fhir::{Node, Object, Resource};
use identity::linkage::Verdict;
use identity::worker::Candidate;
use record::Key;

use super::person;
use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::{Answer, Bundle};

/// Candidates where the client does not say how many, and at most.
const COUNT_DEFAULT: usize = 10;
const COUNT_MAX: usize = 100;
/// From here on what the engine would not link by itself is called probable.
const PROBABLE: f64 = 0.5;
/// One of these has to be there: by anything else nobody is told from anybody.
const TELLING: [&str; 5] = ["identifier", "name", "telecom", "birthDate", "address"];
const FORM: &str = "send Parameters with `resource` (a Patient), `onlyCertainMatches` (valueBoolean) and `count` (valueInteger), each once at \
     most and the first at least; or the Patient alone";

pub async fn find(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    ask.may_read("Patient")?;
    let given = http::fhir_body(&request, payload, &ask.app.config.http).await?;
    let asked = Asked::read(given)?;
    let found = ask.app.identity.find(&asked.patient, COUNT_MAX).await?;
    let found = if asked.certain { certain(found) } else { found };
    let keys: Vec<Key> = found.iter().map(|of| Key::new("Patient", of.id.as_str())).collect();
    let versions = ask.app.record.current_many(&ask.access, &keys).await?;
    let shown: Vec<_> = found.iter().zip(versions).filter_map(|(of, version)| Some((of, version?))).collect();
    let shown: Vec<_> = shown.into_iter().filter(|(_, version)| version.body.is_some()).take(asked.count).collect();
    let mut bundle = Bundle::begin("searchset", Some(shown.len() as u64), &[]);
    for (of, version) in &shown {
        let grade = match of.verdict {
            Verdict::Link => "certain",
            _ if of.probability >= PROBABLE => "probable",
            _ => "possible",
        };
        let body = version.body.as_deref().unwrap_or_default();
        bundle.graded(&ask.base, version, body, of.probability, grade);
    }
    Ok(http::answer(Answer::of_resource(StatusCode::OK, bundle.end())))
}

/// Those of whom the engine is certain. Several who are not one person are a question, and no certain answer, also where one
/// of them is hidden from whoever asks.
fn certain(mut found: Vec<Candidate>) -> Vec<Candidate> {
    found.retain(|of| of.verdict == Verdict::Link);
    let people = found.iter().map(person).collect::<BTreeSet<_>>().len();
    if people > 1 { Vec::new() } else { found }
}

struct Asked {
    patient: Resource<'static>,
    certain: bool,
    count: usize,
}

impl Asked {
    /// Parameters with `resource`, or the Patient alone.
    fn read(given: Resource<'static>) -> Result<Asked, Failure> {
        if given.kind() == "Patient" {
            return Ok(Asked { patient: telling(given)?, certain: false, count: COUNT_DEFAULT });
        }
        let invalid = || Failure::new(Kind::Invalid, FORM);
        if given.kind() != "Parameters" {
            return Err(invalid());
        }
        let (mut patient, mut certain, mut count) = (None, None, None);
        for parameter in given.object.items("parameter") {
            let parameter = parameter.as_object().ok_or_else(invalid)?;
            let is_new = match parameter.str("name") {
                Some("resource") => patient.replace(resource(parameter).ok_or_else(invalid)?).is_none(),
                Some("onlyCertainMatches") => match parameter.get("valueBoolean") {
                    Some(Node::Bool(only)) => certain.replace(*only).is_none(),
                    _ => false,
                },
                Some("count") => match parameter.get("valueInteger") {
                    Some(Node::Number(number)) => count.replace(counted(number)?).is_none(),
                    _ => false,
                },
                _ => false,
            };
            if !is_new {
                return Err(invalid());
            }
        }
        let patient = telling(patient.ok_or_else(invalid)?)?;
        Ok(Asked { patient, certain: certain.unwrap_or(false), count: count.unwrap_or(COUNT_DEFAULT) })
    }
}

fn counted(number: &str) -> Result<usize, Failure> {
    let count = number.parse().ok().filter(|count| (1..=COUNT_MAX).contains(count));
    count.ok_or_else(|| Failure::new(Kind::Invalid, format!("count must be from 1 to {COUNT_MAX}")))
}

/// The Patient in a parameter.
fn resource(parameter: &Object<'_>) -> Option<Resource<'static>> {
    let object = parameter.get("resource").and_then(Node::as_object)?;
    let resource = Resource { object: object.clone() };
    (resource.kind() == "Patient").then(|| resource.into_owned())
}

/// The Patient, if anybody could be found by it. What would change the meaning of what it says (PDQm's profile of the input
/// forbids both) is not understood here, and refused.
fn telling(patient: Resource<'static>) -> Result<Resource<'static>, Failure> {
    if patient.get("modifierExtension").is_some() || patient.get("implicitRules").is_some() {
        let text = "a Patient to be found must not have modifierExtension or implicitRules";
        return Err(Failure::new(Kind::Unprocessable, text));
    }
    if TELLING.iter().all(|element| patient.get(element).is_none()) {
        let text = format!("the Patient tells too little: give at least one of {}", TELLING.join(", "));
        return Err(Failure::new(Kind::Invalid, text));
    }
    Ok(patient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: &str, golden: Option<&str>, verdict: Verdict) -> Candidate {
        let golden = golden.map(|id| Key::new("Patient", id));
        Candidate { id: id.to_owned(), golden, verdict, weight: 1.0, probability: 0.5 }
    }

    #[test]
    fn certain_is_one_person_or_nobody() {
        use Verdict::{Link, Possible};
        let ids = |found: Vec<Candidate>| certain(found).into_iter().map(|of| of.id).collect::<Vec<_>>().join(" ");
        assert_eq!(ids(vec![candidate("a", Some("g"), Link), candidate("b", Some("g"), Link)]), "a b");
        assert_eq!(ids(vec![candidate("a", None, Link), candidate("b", None, Possible)]), "a");
        assert_eq!(ids(vec![candidate("a", None, Link), candidate("b", None, Link)]), "");
        assert_eq!(ids(vec![candidate("a", Some("g"), Link), candidate("g", None, Link)]), "");
        assert_eq!(ids(vec![candidate("a", None, Possible)]), "");
    }

    #[test]
    fn what_is_asked_is_read_strictly() {
        let of = |parameters: &str| {
            let json = format!(r#"{{"resourceType":"Parameters","parameter":[{parameters}]}}"#);
            let read = fhir::json::read(json.as_bytes()).unwrap_or_else(|why| panic!("{json}: {why:?}"));
            let asked = Asked::read(read.into_owned());
            asked.map(|asked| (asked.certain, asked.count)).map_err(|failure| failure.kind())
        };
        let patient = r#"{"name":"resource","resource":{"resourceType":"Patient","birthDate":"1961"}}"#;
        let with = |more: &str| of(&format!("{patient},{more}"));
        assert_eq!(of(patient), Ok((false, COUNT_DEFAULT)));
        assert_eq!(with(r#"{"name":"onlyCertainMatches","valueBoolean":true}"#), Ok((true, COUNT_DEFAULT)));
        assert_eq!(with(r#"{"name":"count","valueInteger":100}"#), Ok((false, 100)));
        for wrong in [
            r#"{"name":"count","valueInteger":0}"#,
            r#"{"name":"count","valueInteger":-1}"#,
            r#"{"name":"count","valueInteger":101}"#,
            r#"{"name":"count","valueString":"1"}"#,
            r#"{"name":"count","valueInteger":1},{"name":"count","valueInteger":2}"#,
            r#"{"name":"onlyCertainMatches","valueString":"true"}"#,
            r#"{"name":"onlyCertainMatches"}"#,
            r#"{"name":"fast","valueBoolean":true}"#,
            patient,
        ] {
            assert_eq!(with(wrong), Err(Kind::Invalid), "{wrong}");
        }
        let resource = |resource: &str| of(&format!(r#"{{"name":"resource","resource":{resource}}}"#));
        assert_eq!(resource(r#"{"resourceType":"Person","birthDate":"1961"}"#), Err(Kind::Invalid));
        assert_eq!(resource(r#"{"resourceType":"Patient","gender":"male"}"#), Err(Kind::Invalid));
        assert_eq!(of(r#"{"name":"resource","valueString":"Doe"}"#), Err(Kind::Invalid));
        assert_eq!(of(r#"{"name":"count","valueInteger":3}"#), Err(Kind::Invalid));
        let modified = r#"{"resourceType":"Patient","birthDate":"1961","modifierExtension":[{"url":"urn:x","valueBoolean":true}]}"#;
        let ruled = r#"{"resourceType":"Patient","birthDate":"1961","implicitRules":"urn:x"}"#;
        assert_eq!(resource(modified), Err(Kind::Unprocessable));
        assert_eq!(resource(ruled), Err(Kind::Unprocessable));
    }
}
