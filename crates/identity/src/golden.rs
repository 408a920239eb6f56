//! The golden Patient: what the sources of one person say together (`safety.md` 12).
//!
//! A function of the sources and of the rules alone, so that taking a link back and making it again gives the same bytes, and
//! that a requester who may not see every source is shown what the others say. Each value names the source that it is from.

mod rules;

use fhir::{Node, Object, Resource};
use record::{Key, Time};

pub use rules::{Rule, Rules};

/// Marks a golden Patient, beside its id.
pub const TAG_SYSTEM: &str = record::GOLDEN_TAG.0;
pub const TAG_GOLDEN: &str = record::GOLDEN_TAG.1;
/// System of the tag that says by which rules it was put together.
pub const RULES_SYSTEM: &str = "urn:hilum:identity:rules";
/// Extension of a value: the source that says it, as a Reference.
pub const SOURCE: &str = "urn:hilum:identity:source";

/// A Patient of a source, as it is now.
#[derive(Debug, Clone)]
pub struct Source<'r> {
    pub id: &'r str,
    /// When it was last written.
    pub time: Time,
    pub resource: &'r Resource<'r>,
}

/// One value and who says it.
struct Said<'s, 'r> {
    node: &'s Node<'r>,
    by: &'s Source<'r>,
    /// How many sources say the same.
    votes: usize,
}

/// Puts the sources together under the golden key.
pub fn compose(key: &Key, sources: &[Source<'_>], rules: &Rules) -> Resource<'static> {
    let mut sources: Vec<&Source<'_>> = sources.iter().collect();
    // The newest first; of one moment, in the order of their ids.
    sources.sort_by(|left, right| right.time.cmp(&left.time).then_with(|| left.id.cmp(right.id)));
    let mut golden = Resource::new("Patient");
    golden.object.set("id", Node::text(key.id.clone()));
    golden.object.set("meta", meta(rules));
    golden.object.set("active", Node::Bool(sources.iter().any(|source| is_active(source.resource))));
    let mut by_trust = sources.clone();
    by_trust.sort_by_key(|source| rules.place(source.resource));
    for (element, rule) in rules.iter() {
        let sources = if rule == Rule::Trusted { &by_trust } else { &sources };
        take(&mut golden.object, element, rule, sources);
    }
    let mut ids: Vec<&str> = sources.iter().map(|source| source.id).collect();
    ids.sort_unstable();
    golden.object.set("link", Node::List(ids.into_iter().map(link).collect()));
    golden
}

/// Whether a Patient is in use: `active` is true where nothing is said.
pub fn is_active(patient: &Resource<'_>) -> bool {
    !matches!(patient.get("active"), Some(Node::Bool(false)))
}

fn meta(rules: &Rules) -> Node<'static> {
    let tag = |system, code: String| object([("system", Node::text(system)), ("code", Node::text(code))]);
    let tags = vec![tag(TAG_SYSTEM, TAG_GOLDEN.to_owned()), tag(RULES_SYSTEM, rules.version())];
    object([("tag", Node::List(tags))])
}

fn link(id: &str) -> Node<'static> {
    object([("other", reference(id)), ("type", Node::text("seealso"))])
}

fn reference(id: &str) -> Node<'static> {
    object([("reference", Node::text(format!("Patient/{id}")))])
}

fn object<const N: usize>(fields: [(&'static str, Node<'static>); N]) -> Node<'static> {
    Node::Object(Object { fields: Vec::from(fields) })
}

/// Sets one element of the golden Patient from what the sources say.
fn take(golden: &mut Object<'static>, element: &'static str, rule: Rule, sources: &[&Source<'_>]) {
    let said = said(element, sources);
    let Some(first) = said.first() else { return };
    if rules::repeats(element) {
        // Of a source that is trusted more nothing of the others is added.
        let all = said.iter().filter(|said| rule == Rule::All || said.by.id == first.by.id);
        golden.set(element, Node::List(all.map(|said| signed(said.node, said.by.id)).collect()));
        return;
    }
    let best = match rule {
        // The first of the most: what is newer stands before.
        Rule::Most => said.iter().rev().max_by_key(|said| said.votes).unwrap_or(first),
        Rule::Newest | Rule::All | Rule::Trusted => first,
    };
    match best.node {
        Node::Object(_) => golden.set(element, signed(best.node, best.by.id)),
        primitive => {
            golden.set(element, primitive.clone().into_owned());
            if let Some(name) = rules::extras(element) {
                golden.set(name, object([("extension", Node::List(vec![extension(best.by.id)]))]));
            }
        }
    }
}

/// The different values of an element, those of the newest source first.
fn said<'s, 'r>(element: &str, sources: &[&'s Source<'r>]) -> Vec<Said<'s, 'r>> {
    let mut said: Vec<(Vec<u8>, Said<'s, 'r>)> = Vec::new();
    for &source in sources {
        for node in source.resource.object.items(element) {
            let sense = sense(node);
            match said.iter_mut().find(|(known, _)| *known == sense) {
                Some((_, known)) => known.votes += usize::from(known.by.id != source.id),
                None => said.push((sense, Said { node, by: source, votes: 1 })),
            }
        }
    }
    said.into_iter().map(|(_, said)| said).collect()
}

/// What a value says, without its id, its extensions, and since when it is so: letters of one size.
fn sense(node: &Node<'_>) -> Vec<u8> {
    let mut plain = node.clone();
    if let Node::Object(object) = &mut plain {
        object.fields.retain(|(name, _)| !matches!(*name, "id" | "extension" | "period" | "use" | "rank" | "assigner"));
        object.fields.sort_by_key(|(name, _)| *name);
    }
    let mut json = Vec::new();
    fhir::json::write_node(&plain, &mut json);
    json.make_ascii_lowercase();
    json
}

/// The value with the name of its source.
fn signed(node: &Node<'_>, source: &str) -> Node<'static> {
    let mut node = node.clone().into_owned();
    if let Node::Object(object) = &mut node {
        object.push("extension", extension(source));
    }
    node
}

fn extension(source: &str) -> Node<'static> {
    object([("url", Node::text(SOURCE)), ("valueReference", reference(source))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Resource<'static> {
        fhir::json::read(json.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?} in {json}")).into_owned()
    }

    fn text(golden: &Resource<'_>) -> String {
        let mut json = Vec::new();
        fhir::json::write(golden, &mut json);
        String::from_utf8(json).expect("JSON is UTF-8")
    }

    fn golden(sources: &[(&str, i64, &Resource<'_>)]) -> Resource<'static> {
        let sources: Vec<Source<'_>> =
            sources.iter().map(|(id, time, resource)| Source { id, time: Time(*time), resource }).collect();
        compose(&Key::golden([7; 16]), &sources, &Rules::default())
    }

    #[test]
    fn each_value_names_its_source_and_what_most_say_stands() {
        let a = read(
            r#"{"resourceType":"Patient","id":"a","name":[{"family":"Maran","given":["Ida"]}],"birthDate":"1980-02-01","gender":"female",
                "identifier":[{"system":"urn:a","value":"1"}],"telecom":[{"system":"phone","value":"1"}]}"#,
        );
        let b = read(
            r#"{"resourceType":"Patient","id":"b","name":[{"family":"MARAN","given":["Ida"]}],"birthDate":"1980-02-01",
                "identifier":[{"system":"urn:b","value":"2"}]}"#,
        );
        let c = read(
            r#"{"resourceType":"Patient","id":"c","name":[{"family":"Quist","given":["Ida"]}],"birthDate":"1980-01-02","active":false,
                "identifier":[{"system":"urn:a","value":"1"}]}"#,
        );
        let golden = golden(&[("a", 1, &a), ("b", 2, &b), ("c", 3, &c)]);
        assert_eq!(golden.str("birthDate"), Some("1980-02-01"), "two of three say so");
        let json = text(&golden);
        assert!(json.contains(r#""_birthDate":{"extension":[{"url":"urn:hilum:identity:source","valueReference":{"reference":"Patient/b"}}]}"#), "{json}");
        assert_eq!(golden.object.items("identifier").len(), 2, "one of them twice: {json}");
        assert_eq!(golden.object.items("name").len(), 2, "{json}");
        assert_eq!(golden.get("active"), Some(&Node::Bool(true)));
        let sources = record::sources_of(&golden);
        assert_eq!(sources, ["a", "b", "c"]);
        assert!(fhir::json::read(json.as_bytes()).is_ok(), "{json}");
    }

    #[test]
    fn a_source_that_is_trusted_is_shown_before_newer_ones() {
        let a = read(
            r#"{"resourceType":"Patient","id":"a","birthDate":"1980-02-01","name":[{"family":"Maran"}],
                "identifier":[{"system":"urn:registry","value":"1"}]}"#,
        );
        let b = read(
            r#"{"resourceType":"Patient","id":"b","birthDate":"1980-02-02","name":[{"family":"Quist"}],"gender":"female",
                "identifier":[{"system":"urn:b","value":"2"}]}"#,
        );
        let sources = [("a", 1, &a), ("b", 2, &b)].map(|(id, time, resource): (_, _, &Resource<'_>)| Source {
            id,
            time: Time(time),
            resource,
        });
        let rules = ["birthDate", "name", "gender"]
            .into_iter()
            .try_fold(Rules::default(), |rules, element| rules.with(element, Rule::Trusted));
        let rules = rules.unwrap().trusting(["urn:registry".to_owned()]);
        let golden = compose(&Key::golden([7; 16]), &sources, &rules);
        assert_eq!((golden.str("birthDate"), golden.str("gender")), (Some("1980-02-01"), Some("female")));
        let json = text(&golden);
        assert!(json.contains("Maran") && !json.contains("Quist"), "{json}");
        assert_eq!(golden.object.items("identifier").len(), 2, "{json}");
    }

    #[test]
    fn the_order_in_which_sources_are_given_changes_nothing() {
        let a = read(r#"{"resourceType":"Patient","id":"a","birthDate":"1980-02-01","maritalStatus":{"text":"x"}}"#);
        let b = read(r#"{"resourceType":"Patient","id":"b","birthDate":"1980-02-02","maritalStatus":{"text":"y"}}"#);
        let one = text(&golden(&[("a", 1, &a), ("b", 1, &b)]));
        assert_eq!(one, text(&golden(&[("b", 1, &b), ("a", 1, &a)])));
        // Without the one, nothing of it is left.
        let alone = text(&golden(&[("a", 1, &a)]));
        assert!(!alone.contains("Patient/b") && !alone.contains("1980-02-02"), "{alone}");
    }
}
