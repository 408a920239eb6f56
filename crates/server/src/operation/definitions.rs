//! The OperationDefinitions of this server's own operations (R4 §5.5), where R4 and the guides have none:
//! `GET /fhir/OperationDefinition/hilum-merge` and its like.
//!
//! They are made of the list by which requests are routed, and cannot be written. They are part of the program and not of the
//! record: a search of OperationDefinition finds what a site has stored, and the CapabilityStatement names these.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use fhir::{Node, Object, Resource};
use record::Key;

use super::openapi::summary;
use crate::app::App;
use crate::http::{self, Deed, Failure, PLACES, Verb};
use crate::interaction::{View, not_found};

const KIND: &str = "OperationDefinition";
/// Before the name of the operation, in the id.
const PREFIX: &str = "hilum-";

/// An operation of our own and what it takes and gives. Where it stands, and whether it changes anything, the routes say.
struct Own {
    deed: Deed,
    takes: &'static [Parameter],
    gives: &'static [Parameter],
}

/// Name, least and most times, type; the parts where it has no value of its own.
struct Parameter(&'static str, u8, &'static str, &'static str, &'static [Parameter]);

const MERGE_TAKES: &[Parameter] = &[
    Parameter("source-patient", 1, "1", "Reference", &[]),
    Parameter("target-patient", 1, "1", "Reference", &[]),
    Parameter("preview", 0, "1", "boolean", &[]),
];
const MERGE_GIVES: &[Parameter] = &[
    Parameter("source-patient", 1, "1", "Reference", &[]),
    Parameter("target-patient", 1, "1", "Reference", &[]),
    Parameter("preview", 1, "1", "boolean", &[]),
    Parameter("result", 1, "1", "Patient", &[]),
];
const STANDING: &[Parameter] = &[
    Parameter("onePerson", 1, "1", "boolean", &[]),
    Parameter("decision", 1, "1", "Reference", &[]),
    Parameter("golden", 0, "1", "Reference", &[]),
    Parameter("engine", 1, "1", "code", &[]),
    Parameter("weight", 1, "1", "decimal", &[]),
    Parameter("reason", 0, "*", "string", &[]),
];
/// The same, but where one was split off: then only the decision of each pair.
const DECIDED: &[Parameter] = &[
    Parameter("onePerson", 0, "1", "boolean", &[]),
    Parameter("decision", 1, "*", "Reference", &[]),
    Parameter("golden", 0, "1", "Reference", &[]),
    Parameter("engine", 0, "1", "code", &[]),
    Parameter("weight", 0, "1", "decimal", &[]),
    Parameter("reason", 0, "*", "string", &[]),
];
const MOVED: &[Parameter] = &[
    Parameter("resource", 1, "1", "Reference", &[]),
    Parameter("becomes", 1, "1", "code", &[]),
    Parameter("new", 0, "1", "Reference", &[]),
];
const STAYS: &[Parameter] = &[Parameter("resource", 1, "1", "Reference", &[]), Parameter("why", 1, "1", "string", &[])];
const SEARCH_PARAMETER: &[Parameter] = &[
    Parameter("type", 1, "1", "code", &[]),
    Parameter("code", 1, "1", "code", &[]),
    Parameter("definition", 1, "1", "uri", &[]),
    Parameter("state", 1, "1", "code", &[]),
];
const LEFT_OUT: &[Parameter] = &[Parameter("definition", 1, "1", "uri", &[]), Parameter("why", 1, "1", "string", &[])];

const INPUT: &[Parameter] = &[Parameter("type", 0, "1", "code", &[]), Parameter("url", 1, "1", "uri", &[])];

const OWN: [Own; 7] = [
    Own {
        deed: Deed::Import,
        takes: &[
            Parameter("inputFormat", 1, "1", "code", &[]),
            Parameter("inputSource", 0, "1", "uri", &[]),
            Parameter("input", 1, "*", "", INPUT),
        ],
        gives: &[],
    },
    Own { deed: Deed::Merge, takes: MERGE_TAKES, gives: MERGE_GIVES },
    Own { deed: Deed::Unmerge, takes: MERGE_TAKES, gives: MERGE_GIVES },
    Own {
        deed: Deed::IdentityDecide,
        takes: &[Parameter("patient", 1, "2", "Reference", &[]), Parameter("decision", 1, "1", "code", &[])],
        gives: DECIDED,
    },
    Own {
        deed: Deed::Relocate,
        takes: &[Parameter("patient", 1, "1", "Reference", &[]), Parameter("preview", 0, "1", "boolean", &[])],
        gives: &[
            Parameter("preview", 1, "1", "boolean", &[]),
            Parameter("from", 0, "1", "Reference", &[]),
            Parameter("to", 1, "1", "Reference", &[]),
            Parameter("moved", 0, "*", "", MOVED),
            Parameter("stays", 0, "*", "", STAYS),
        ],
    },
    Own { deed: Deed::IdentityExplain, takes: &[Parameter("patient", 2, "2", "string", &[])], gives: STANDING },
    Own {
        deed: Deed::Reindex,
        takes: &[],
        gives: &[
            Parameter("position", 1, "1", "decimal", &[]),
            Parameter("end", 1, "1", "decimal", &[]),
            Parameter("searchParameter", 0, "*", "", SEARCH_PARAMETER),
            Parameter("leftOut", 0, "*", "", LEFT_OUT),
        ],
    },
];

/// Shown to everybody: it says nothing of anybody.
pub async fn show(app: Data<App>, request: HttpRequest, name: Path<String>) -> Result<HttpResponse, Failure> {
    let own = OWN.iter().find(|own| own.deed.name() == *name);
    let own = own.ok_or_else(|| not_found(&Key::new(KIND, format!("{PREFIX}{name}"))))?;
    let base = http::base(&request, app.config.http.base_url.as_deref());
    let view = View::of(KIND, &http::pairs(request.query_string()))?;
    let mut json = Vec::new();
    fhir::json::write(&own.resource(&base), &mut json);
    Ok(http::json(StatusCode::OK, view.show(json)))
}

/// The canonical URL of an operation of our own, at which its definition can be read.
pub fn canonical(base: &str, deed: Deed) -> Option<String> {
    OWN.iter().any(|own| own.deed == deed).then(|| format!("{base}/{KIND}/{PREFIX}{}", deed.name()))
}

impl Own {
    fn resource(&self, base: &str) -> Resource<'static> {
        let (path, verb) = self.place();
        let kind = path.strip_prefix('/').and_then(|path| path.split_once('/')).map(|(kind, _)| kind);
        let kind = kind.map(|kind| if kind == "{kind}" { "Resource" } else { kind });
        let mut definition = Resource::new(KIND);
        let mut set = |name: &'static str, node: Node<'static>| definition.object.set(name, node);
        set("id", Node::text(format!("{PREFIX}{}", self.deed.name())));
        set("url", Node::text(canonical(base, self.deed).expect("it is one of ours")));
        set("version", Node::text(env!("CARGO_PKG_VERSION")));
        set("name", Node::text(computable(self.deed.name())));
        set("title", Node::text(summary(self.deed)));
        set("status", Node::text("active"));
        set("kind", Node::text("operation"));
        set("description", Node::text(summary(self.deed)));
        set("affectsState", Node::Bool(verb != Verb::Get));
        set("code", Node::text(self.deed.name()));
        if let Some(kind) = kind {
            set("resource", Node::List(vec![Node::text(kind)]));
        }
        let of_one = path.contains("/{id}/");
        set("system", Node::Bool(kind.is_none()));
        set("type", Node::Bool(kind.is_some() && !of_one));
        set("instance", Node::Bool(of_one));
        let takes = self.takes.iter().map(|of| of.node("in"));
        set("parameter", Node::List(takes.chain(self.gives.iter().map(|of| of.node("out"))).collect()));
        definition
    }

    /// Where it is done, and by which method.
    fn place(&self) -> (&'static str, Verb) {
        let deeds = PLACES.iter().flat_map(|place| place.deeds.iter().map(|(verb, deed)| (place.path, *verb, *deed)));
        let found = deeds.filter(|(_, _, deed)| *deed == self.deed).map(|(path, verb, _)| (path, verb)).next();
        found.expect("an operation that is defined is routed")
    }
}

impl Parameter {
    fn node(&self, usage: &'static str) -> Node<'static> {
        let Parameter(name, min, max, kind, parts) = *self;
        let mut fields = vec![
            ("name", Node::text(name)),
            ("use", Node::text(usage)),
            ("min", Node::number(min)),
            ("max", Node::text(max)),
        ];
        if parts.is_empty() {
            fields.push(("type", Node::text(kind)));
        } else {
            fields.push(("part", Node::List(parts.iter().map(|part| part.node(usage)).collect())));
        }
        Node::Object(Object { fields })
    }
}

/// `identity-decide` as a name that programs can have: `IdentityDecide`.
fn computable(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    name.split('-').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::validate::{Options, validate};

    #[test]
    fn each_is_an_operation_definition_that_says_where_it_is() {
        for own in &OWN {
            let definition = own.resource("http://localhost/fhir");
            let mut json = Vec::new();
            fhir::json::write(&definition, &mut json);
            let read = fhir::json::read(&json).unwrap_or_else(|issues| panic!("{issues:?}"));
            let issues = validate(&read, &Options { least: fhir::Severity::Warning, ..Options::default() });
            let issues: Vec<_> = issues.iter().filter(|issue| !issue.text.contains("narrative")).collect();
            assert!(issues.is_empty(), "{}: {issues:?}", own.deed.name());
            let at = format!("http://localhost/fhir/OperationDefinition/hilum-{}", own.deed.name());
            assert_eq!(read.str("url"), Some(at.as_str()));
        }
        let of = |deed: Deed| OWN.iter().find(|own| own.deed == deed).expect("ours").resource("http://x");
        let said = |of: &Resource<'_>, name: &str| of.get(name).cloned().map(Node::into_owned);
        let (merge, explain, reindex) = (of(Deed::Merge), of(Deed::IdentityExplain), of(Deed::Reindex));
        assert_eq!(said(&merge, "affectsState"), Some(Node::Bool(true)));
        assert_eq!(said(&explain, "affectsState"), Some(Node::Bool(false)));
        assert_eq!((said(&merge, "type"), said(&reindex, "type")), (Some(Node::Bool(true)), Some(Node::Bool(false))));
        assert_eq!(
            (said(&merge, "system"), said(&reindex, "system")),
            (Some(Node::Bool(false)), Some(Node::Bool(true)))
        );
        assert_eq!(merge.str("name"), Some("Merge"));
        assert_eq!(explain.str("name"), Some("IdentityExplain"));
    }
}
