//! `$move` of one resource: what was filed under the wrong patient is moved to the right one (`safety.md` 14).
//!
//! R4 has no such operation; what is done is told in `intake::moving`, and is what `hilum message move` does to all that a message
//! made. Asked again it changes nothing, and `preview` writes nothing at all.

use actix_web::http::StatusCode;
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fhir::reference::{Literal, literal};
use fhir::{Node, Object, Resource};
use record::Key;

use crate::http::{self, Ask, Failure, Kind};
use crate::intake::moving::{Moved, Order, Trouble, What};
use crate::interaction::Answer;

const FORM: &str = "send Parameters with `patient`, a valueReference to the Patient to whom it belongs, and `preview` (valueBoolean) \
                    where nothing is to be written";

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        match trouble {
            Trouble::Unknown(text) => Failure::new(Kind::NotFound, text),
            Trouble::Refused(text) => Failure::new(Kind::Unprocessable, text),
            Trouble::Read(error) => error.into(),
            Trouble::Commit(error) => error.into(),
        }
    }
}

pub async fn relocate(
    ask: Ask,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let (kind, id) = path.into_inner();
    let given = http::fhir_body(&request, payload, &ask.app.config.http).await?;
    let (to, preview) = asked(&given).ok_or_else(|| Failure::new(Kind::Invalid, FORM))?;
    let order = Order { what: What::Resource(Key::new(kind, id)), to, preview };
    let moved = http::detached(async move {
        let moved = ask.app.intake.move_to(&ask.access, &order).await?;
        Ok(moved)
    });
    let mut json = Vec::new();
    fhir::json::write(&shown(&moved.await?, preview), &mut json);
    Ok(http::answer(Answer::of_resource(StatusCode::OK, json)))
}

fn asked(given: &Resource<'_>) -> Option<(Key, bool)> {
    let parameter = |name: &str| {
        let mut given = given.object.items("parameter").iter().filter_map(Node::as_object);
        given.find(|of| of.str("name") == Some(name))
    };
    let reference = parameter("patient")?.get("valueReference")?.as_object()?.str("reference")?;
    let Literal::Local { kind: "Patient", id, .. } = literal(reference)? else { return None };
    let preview = parameter("preview").and_then(|of| of.get("valueBoolean")) == Some(&Node::Bool(true));
    Some((Key::new("Patient", id), preview))
}

/// What was moved, each with what became of it; and what stays, with the reason.
fn shown(moved: &Moved, preview: bool) -> Resource<'static> {
    let mut parameters = Resource::new("Parameters");
    let mut say = |name: &'static str, field: (&'static str, Node<'static>)| {
        parameters.object.push("parameter", object(vec![("name", Node::text(name)), field]));
    };
    say("preview", ("valueBoolean", Node::Bool(preview)));
    if let Some(from) = &moved.from {
        say("from", ("valueReference", reference(from)));
    }
    say("to", ("valueReference", reference(&moved.to)));
    for item in &moved.items {
        let mut parts = vec![
            part("resource", ("valueReference", reference(&item.old))),
            part("becomes", ("valueCode", Node::text(item.becomes))),
        ];
        parts.extend(item.new.as_ref().map(|new| part("new", ("valueReference", reference(new)))));
        say("moved", ("part", Node::List(parts)));
    }
    for (key, why) in &moved.stays {
        let parts =
            vec![part("resource", ("valueReference", reference(key))), part("why", ("valueString", Node::text(*why)))];
        say("stays", ("part", Node::List(parts)));
    }
    parameters
}

fn part(name: &'static str, field: (&'static str, Node<'static>)) -> Node<'static> {
    object(vec![("name", Node::text(name)), field])
}

fn reference(key: &Key) -> Node<'static> {
    object(vec![("reference", Node::text(key.to_string()))])
}

fn object(fields: Vec<(&'static str, Node<'static>)>) -> Node<'static> {
    Node::Object(Object { fields })
}
