//! `Patient/$match` (R4 §8.1.6, operation "Patient-match"; IHE PDQm ITI-119): who may be meant by what is known of somebody.
//!
//! The sources are answered, the likeliest first, each with its score from 0 to 1 and its grade. `certain` is what the engine would
//! link without asking a person.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fhir::{Node, Resource};
use identity::linkage::Verdict;
use record::Key;

use super::parameter;
use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::{Answer, Bundle};

/// Candidates where the client does not say how many, and at most.
const COUNT_DEFAULT: usize = 10;
const COUNT_MAX: usize = 100;
/// From here on what the engine would not link by itself is called probable.
const PROBABLE: f64 = 0.5;

pub async fn find(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    let given = http::fhir_body(&request, payload, &ask.app.config.http).await?;
    let asked = Asked::read(given)?;
    let found = ask.app.identity.find(&asked.patient, COUNT_MAX).await?;
    let found: Vec<_> = found.into_iter().filter(|of| !asked.certain || of.verdict == Verdict::Link).collect();
    // Several who are not one person are a question, and no certain answer.
    let people: std::collections::BTreeSet<_> =
        found.iter().map(|of| (of.golden.clone(), of.golden.is_none().then(|| of.id.clone()))).collect();
    let found = if asked.certain && people.len() > 1 { Vec::new() } else { found };
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

struct Asked {
    patient: Resource<'static>,
    certain: bool,
    count: usize,
}

impl Asked {
    /// Parameters with `resource`, or the Patient alone.
    fn read(given: Resource<'static>) -> Result<Asked, Failure> {
        let invalid = |text: &str| Failure::new(Kind::Invalid, text);
        if given.kind() == "Patient" {
            return Ok(Asked { patient: given, certain: false, count: COUNT_DEFAULT });
        }
        let resource = parameter(&given, "resource").and_then(|of| of.get("resource")).and_then(Node::as_object);
        let patient = resource.map(|object| Resource { object: object.clone() }).filter(|of| of.kind() == "Patient");
        let patient =
            patient.ok_or_else(|| invalid("send Parameters with a parameter `resource` that is a Patient"))?;
        let certain = parameter(&given, "onlyCertainMatches").and_then(|of| of.get("valueBoolean"));
        let count = match parameter(&given, "count").and_then(|of| of.get("valueInteger")) {
            Some(Node::Number(count)) => count.parse().ok().filter(|count| (1..=COUNT_MAX).contains(count)),
            _ => Some(COUNT_DEFAULT),
        };
        let count = count.ok_or_else(|| invalid(&format!("count must be from 1 to {COUNT_MAX}")))?;
        Ok(Asked { patient: patient.into_owned(), certain: certain == Some(&Node::Bool(true)), count })
    }
}
