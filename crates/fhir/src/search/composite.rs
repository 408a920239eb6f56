//! Composite parameters (R4 §3.1.1.4.12): values that have to meet in one element.
//!
//! `component-code-value-quantity=8480-6$gt140` asks for a component that has both. Its definition gives the element (or
//! elements: the Observation and each of its components) and for every component an expression relative to it. Nothing
//! is indexed for a composite: what has the parts by their own parameters is narrow enough, and the resource then tells
//! whether they stand together.

use super::extract::Reader;
use super::table::{Parameter, ParameterClass};
use super::value::Value;
use crate::fhirpath::{Expression, Path};
use crate::schema::{self, Type};
use crate::{Node, Object, Resource};

/// How one composite joins its components.
#[derive(Debug)]
pub struct Composite {
    contexts: Vec<Context>,
    /// In the order of the values that a client gives.
    pub components: Vec<Component>,
}

#[derive(Debug)]
pub struct Component {
    /// The parameter whose values those of the component are among, and by whose rules a client writes them.
    pub parameter: &'static Parameter,
}

/// Where the components are joined.
#[derive(Debug)]
struct Context {
    /// None: the resource itself.
    path: Option<Path>,
    /// Of each component.
    sources: Vec<Vec<Source>>,
}

/// One way from the element to values.
#[derive(Debug)]
struct Source {
    /// From the whole resource instead (`%resource.…`).
    absolute: bool,
    steps: Vec<&'static str>,
    reader: Reader,
}

impl Composite {
    /// R4's own definitions are part of the program, so that one which does not compile is a broken build.
    pub fn compile(composite: &'static Parameter, parameters: &'static [Parameter]) -> Composite {
        let parts: Vec<(&str, &str)> =
            composite.components.split("; ").map(|part| part.split_once('=').expect("name=expression")).collect();
        let resource = schema::r4().resource(composite.kind).expect("the table's types are R4's");
        let contexts: Vec<(Option<Path>, &'static Type)> = contexts(composite, resource);
        let named: Vec<&'static Parameter> =
            parts.iter().map(|(name, _)| find(parameters, name).expect("R4 defines it")).collect();
        let ends: Vec<&'static Type> = contexts.iter().map(|(_, kind)| *kind).collect();
        let components: Vec<Component> = parts
            .iter()
            .enumerate()
            .map(|(at, (_, text))| Component { parameter: holder(named[at], &named, &steps(text, &ends, resource)) })
            .collect();
        let sources = |kind: &'static Type| -> Vec<Vec<Source>> {
            let pairs = parts.iter().zip(&components);
            pairs.map(|((_, text), component)| sources(text, kind, resource, component.parameter.class)).collect()
        };
        let contexts = contexts.into_iter().map(|(path, kind)| Context { path, sources: sources(kind) }).collect();
        Composite { contexts, components }
    }

    /// Whether in one element every component has a value that `meets` it, by the component's number.
    pub fn holds(&self, resource: &Resource<'_>, meets: &dyn Fn(usize, &Value<'_>) -> bool) -> bool {
        self.contexts.iter().any(|context| {
            let mut found = false;
            match &context.path {
                None => found = context.holds(resource, &resource.object, meets),
                Some(path) => path.each(resource, &mut |node| {
                    found = found || node.as_object().is_some_and(|object| context.holds(resource, object, meets));
                }),
            }
            found
        })
    }
}

impl Context {
    fn holds(&self, resource: &Resource<'_>, object: &Object<'_>, meets: &dyn Fn(usize, &Value<'_>) -> bool) -> bool {
        self.sources.iter().enumerate().all(|(component, sources)| {
            sources.iter().any(|source| {
                let from = if source.absolute { &resource.object } else { object };
                let mut found = false;
                walk(&source.steps, from, &mut |node| {
                    source.reader.read(node, &mut |value| found = found || meets(component, &value));
                });
                found
            })
        })
    }
}

fn walk<'r>(steps: &[&str], object: &'r Object<'_>, visit: &mut dyn FnMut(&'r Node<'_>)) {
    let Some((name, rest)) = steps.split_first() else { return };
    for node in object.items(name) {
        match (rest.is_empty(), node) {
            (true, _) => visit(node),
            (false, Node::Object(object)) => walk(rest, object, visit),
            (false, _) => {}
        }
    }
}

/// The elements in which the components are joined, with their types.
fn contexts(composite: &Parameter, resource: &'static Type) -> Vec<(Option<Path>, &'static Type)> {
    let mut contexts = Vec::new();
    for alternative in composite.expression.split(" | ") {
        if alternative == composite.kind {
            contexts.push((None, resource));
            continue;
        }
        let expression = Expression::compile(alternative, resource)
            .unwrap_or_else(|error| panic!("{} {}: {error}", composite.kind, composite.code));
        for path in expression.paths().expect("the context of a composite is a path") {
            contexts.push((Some(path.clone()), schema::r4().kind(path.kind).expect("a path ends at a type")));
        }
    }
    contexts
}

fn find(parameters: &'static [Parameter], code: &str) -> Option<&'static Parameter> {
    parameters.iter().find(|parameter| parameter.code == code)
}

/// The parameter that can hold what the expression gives. In DocumentReference `relationship` R4 has exchanged the
/// definitions of its two components; then it is the other one.
fn holder(
    named: &'static Parameter,
    all: &[&'static Parameter],
    ends: &[(Vec<&'static str>, &'static str)],
) -> &'static Parameter {
    let holds = |parameter: &Parameter| ends.iter().any(|(_, kind)| Reader::choose(parameter.class, kind).is_some());
    let other = all.iter().copied().find(|parameter| holds(parameter));
    if holds(named) { named } else { other.expect("a component of R4's finds something") }
}

/// Everything that a component's expression leads to, from any of the contexts.
fn steps(text: &str, contexts: &[&'static Type], resource: &'static Type) -> Vec<(Vec<&'static str>, &'static str)> {
    contexts.iter().flat_map(|context| ways(text, context, resource)).map(|(_, steps, kind)| (steps, kind)).collect()
}

fn sources(text: &str, context: &'static Type, resource: &'static Type, class: ParameterClass) -> Vec<Source> {
    let ways = ways(text, context, resource).into_iter();
    ways.filter_map(|(absolute, steps, kind)| Some(Source { absolute, steps, reader: Reader::choose(class, kind)? }))
        .collect()
}

type Way = (bool, Vec<&'static str>, &'static str);

/// Component expressions are names, a cast at the end, and alternatives: `value.as(Quantity) | value.as(Range)`.
fn ways(text: &str, context: &'static Type, resource: &'static Type) -> Vec<Way> {
    text.split(" | ").flat_map(|text| way(text, context, resource)).collect()
}

fn way(text: &str, context: &'static Type, resource: &'static Type) -> Vec<Way> {
    let (absolute, text) = match text.strip_prefix("%resource.") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (text, cast) = match text.strip_suffix(')').and_then(|text| text.split_once(".as(")) {
        // R4 writes one of its casts with a capital.
        Some((text, "DateTime")) => (text, Some("dateTime")),
        Some((text, kind)) => (text, Some(kind)),
        None => (text, None),
    };
    let start = if absolute { resource } else { context };
    let mut ends: Vec<(Vec<&'static str>, &'static Type)> = vec![(Vec::new(), start)];
    for name in text.split('.') {
        let mut next = Vec::new();
        for (steps, kind) in &ends {
            for element in kind.stem(name) {
                let mut steps = steps.clone();
                steps.push(element.name);
                next.push((steps, schema::r4().kind_of(element)));
            }
        }
        ends = next;
    }
    ends.retain(|(_, kind)| cast.is_none_or(|cast| cast == kind.name));
    ends.into_iter().map(|(steps, kind)| (absolute, steps, kind.name)).collect()
}
