//! `Patient/$member-match` (Da Vinci HRex 1.1, operation "member-match"): under which identifier a member of another plan is
//! known here.
//!
//! It is answered for exactly one person of whom the engine is certain, and otherwise 422 with always the same words: whoever
//! asks is not told whether there was nobody or more than one. What decides is the person; the Coverage has to be there,
//! and decides nothing. Of the Consent it is seen that it is active, permits, is in its time and is of this member; its policy,
//! actors, purposes and kinds of data are not evaluated yet, and neither it nor `CoverageToLink` is stored.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fhir::reference::{Literal, literal};
use fhir::{Node, Object, Resource};
use identity::linkage::Verdict;
use record::{Key, Version};

use super::{parameter, part, person};
use crate::app;
use crate::http::{self, Ask, Failure, Kind};
use crate::interaction::Answer;

/// Candidates that are looked at.
const LOOKED_AT_MAX: usize = 100;
/// Member number (HL7 v2 table 0203), and the unique member identifier of HRex.
const MEMBER_TYPES: [&str; 2] = ["UMB", "MB"];
const FORM: &str = "send Parameters with the resources MemberPatient (a Patient), CoverageToMatch (a Coverage) and Consent (a \
                    Consent), and CoverageToLink (a Coverage) where there is one";

pub async fn member(ask: Ask, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Failure> {
    ask.may_read("Patient")?;
    let given = http::fhir_body(&request, payload, &ask.app.config.http).await?;
    let asked = Asked::read(&given)?;
    asked.consented(&today())?;
    let found = ask.app.identity.find(&asked.patient, LOOKED_AT_MAX).await?;
    let certain: Vec<_> = found.iter().filter(|of| of.verdict == Verdict::Link).collect();
    let people: BTreeSet<_> = certain.iter().map(|of| person(of)).collect();
    if people.len() != 1 {
        return Err(unknown());
    }
    // Only those who were found themselves: what a machine has linked with them is not what was consented to (`safety.md` 12).
    let keys: Vec<Key> = certain.iter().map(|of| Key::new("Patient", of.id.as_str())).collect();
    let versions = ask.app.record.current_many(&ask.access, &keys).await?;
    let (key, identifier) =
        versions.iter().flatten().filter_map(member_of).min_by_key(|of| of.0).ok_or_else(unknown).map(|of| of.1)?;
    let mut parameters = Resource::new("Parameters");
    let reference = Object { fields: vec![("reference", Node::text(key.to_string()))] };
    parameters.object.push("parameter", part("MemberIdentifier", ("valueIdentifier", identifier)));
    parameters.object.push("parameter", part("MemberId", ("valueReference", Node::Object(reference))));
    let mut json = Vec::new();
    fhir::json::write(&parameters, &mut json);
    Ok(http::answer(Answer::of_resource(StatusCode::OK, json)))
}

/// The one refusal, whatever was found.
fn unknown() -> Failure {
    Failure::new(
        Kind::Unprocessable,
        "no one member can be given for this; the demographics may be incomplete or in error",
    )
}

/// The date of today in UTC, as FHIR writes it.
fn today() -> String {
    let now = jiff::Timestamp::from_microsecond(app::now().0).expect("the clock's own time");
    now.to_string().chars().take("2026-01-31".len()).collect()
}

struct Asked {
    patient: Resource<'static>,
    consent: Object<'static>,
}

impl Asked {
    fn read(given: &Resource<'_>) -> Result<Asked, Failure> {
        let invalid = || Failure::new(Kind::Invalid, FORM);
        let resource = |name: &str, kind: &str| match parameter(given, name) {
            None => Ok(None),
            Some(of) => {
                let resource = of.get("resource").and_then(Node::as_object);
                resource.filter(|of| of.str("resourceType") == Some(kind)).map(Some).ok_or_else(invalid)
            }
        };
        let needed = |name: &str, kind: &str| resource(name, kind)?.ok_or_else(invalid);
        let patient = Resource { object: needed("MemberPatient", "Patient")?.clone() }.into_owned();
        let consent = needed("Consent", "Consent")?.clone().into_owned();
        let coverages = [Some(needed("CoverageToMatch", "Coverage")?), resource("CoverageToLink", "Coverage")?];
        for coverage in coverages.into_iter().flatten() {
            let beneficiary = coverage.get("beneficiary").and_then(Node::as_object);
            if beneficiary.is_some_and(|of| names(of, &patient) == Some(false)) {
                let text = "the Coverage is of somebody else than MemberPatient";
                return Err(Failure::new(Kind::Unprocessable, text));
            }
        }
        Ok(Asked { patient, consent })
    }

    /// Whether the Consent lets this member's identifier go out, as far as that is looked at.
    fn consented(&self, today: &str) -> Result<(), Failure> {
        let refused = |text: &str| Err(Failure::new(Kind::Unprocessable, text));
        if self.consent.str("status") != Some("active") {
            return refused("the Consent is not active");
        }
        let patient = self.consent.get("patient").and_then(Node::as_object);
        if patient.and_then(|of| names(of, &self.patient)) != Some(true) {
            return refused("the Consent does not name MemberPatient, by its id or by an identifier, as its patient");
        }
        let provision = self.consent.get("provision").and_then(Node::as_object);
        if provision.and_then(|of| of.str("type")) == Some("deny") {
            return refused("the Consent denies");
        }
        let period = provision.and_then(|of| of.get("period")?.as_object());
        let at = |name: &str| period.and_then(|of| of.str(name));
        let day = |date: &str| date.get(..date.len().min(today.len())).unwrap_or_default().to_owned();
        let begun = at("start").is_none_or(|start| *day(start) <= *today);
        let over = at("end").is_some_and(|end| *day(end) < today[..day(end).len()]);
        if begun && !over { Ok(()) } else { refused("the Consent is not in force today") }
    }
}

/// Whether a reference is to this Patient. None where neither its text nor its identifier can be compared.
fn names(reference: &Object<'_>, patient: &Resource<'_>) -> Option<bool> {
    let told = reference.str("reference").and_then(literal).zip(patient.id());
    let by_id = told.and_then(|(literal, id)| match literal {
        Literal::Local { kind, id: told, .. } => Some(kind == "Patient" && told == id),
        Literal::Absolute { url, kind: Some("Patient") } => Some(url.rsplit('/').next() == Some(id)),
        _ => None,
    });
    let by_number = reference.get("identifier").and_then(Node::as_object).map(|wanted| {
        let of = |object: &Object<'_>| Some((object.str("system")?.to_owned(), object.str("value")?.to_owned()));
        let mut own = patient.object.items("identifier").iter().filter_map(Node::as_object);
        of(wanted).is_some_and(|wanted| own.any(|own| of(own).as_ref() == Some(&wanted)))
    });
    match (by_id, by_number) {
        (None, None) => None,
        (by_id, by_number) => Some(by_id.unwrap_or(true) && by_number.unwrap_or(true)),
    }
}

/// A source's identifier of its person, with how good it is as a member's: 0 is one that says it is, 1 any other.
fn member_of(version: &Version) -> Option<(u8, (Key, Node<'static>))> {
    let patient = fhir::json::read(version.body.as_deref()?).ok()?;
    let whole =
        |of: &&Node<'_>| of.as_object().is_some_and(|of| of.str("system").is_some() && of.str("value").is_some());
    let current = |of: &&Node<'_>| of.as_object().and_then(|of| of.str("use")) != Some("old");
    let identifiers: Vec<&Node<'_>> = patient.object.items("identifier").iter().filter(whole).filter(current).collect();
    let is_member = |of: &&&Node<'_>| {
        let coded = of.as_object().and_then(|of| of.get("type")?.as_object());
        let mut codings = coded.into_iter().flat_map(|of| of.items("coding")).filter_map(Node::as_object);
        codings.any(|coding| coding.str("code").is_some_and(|code| MEMBER_TYPES.contains(&code)))
    };
    let members = identifiers.iter().find(is_member);
    let (rank, chosen) = members.map(|of| (0, *of)).or_else(|| identifiers.first().map(|of| (1, *of)))?;
    Some((rank, (version.key.clone(), chosen.clone().into_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(consent: &str) -> Asked {
        let read = |json: &str| fhir::json::read(json.as_bytes()).unwrap_or_else(|why| panic!("{why:?}")).into_owned();
        let patient = r#"{"resourceType":"Patient","id":"1","identifier":[{"system":"urn:m","value":"7"}]}"#;
        let needed = r#""scope":{"text":"privacy"},"category":[{"text":"disclosure"}]"#;
        let consent = format!(r#"{{"resourceType":"Consent",{needed}{consent}}}"#);
        Asked { patient: read(patient), consent: read(&consent).object }
    }

    #[test]
    fn a_consent_is_active_and_of_this_member_and_of_today() {
        let of = |patient: &str, provision: &str| {
            format!(r#","status":"active","patient":{{{patient}}},"provision":{{{provision}}}"#)
        };
        let (by_id, permit) = (r#""reference":"Patient/1""#, r#""type":"permit""#);
        let period = |start: &str, end: &str| format!(r#""period":{{"start":"{start}","end":"{end}"}}"#);
        for (consent, taken) in [
            (of(by_id, permit), true),
            (of(r#""reference":"https://old.example/fhir/Patient/1""#, permit), true),
            (of(r#""identifier":{"system":"urn:m","value":"7"}"#, permit), true),
            (of(by_id, &period("2026", "2026")), true),
            (of(by_id, &period("2026-03-01", "2026-03-01")), true),
            (of(by_id, &period("2026-03-01T09:00:00Z", "2026-04")), true),
            (of(by_id, &period("2026-03-02", "2027")), false),
            (of(by_id, &period("2025", "2026-02")), false),
            (of(by_id, &period("2025", "2026-02-28")), false),
            (of(by_id, r#""type":"deny""#), false),
            (of(r#""reference":"Patient/2""#, permit), false),
            (of(r#""reference":"Practitioner/1""#, permit), false),
            (of(r##""reference":"#1""##, permit), false),
            (of(r#""reference":"Patient/1","identifier":{"system":"urn:m","value":"8"}"#, permit), false),
            (of(r#""identifier":{"value":"7"}"#, permit), false),
            (of(r#""display":"she""#, permit), false),
            (r#","status":"inactive","patient":{"reference":"Patient/1"}"#.to_owned(), false),
            (r#","status":"active""#.to_owned(), false),
        ] {
            assert_eq!(asked(&consent).consented("2026-03-01").is_ok(), taken, "{consent}");
        }
    }
}
