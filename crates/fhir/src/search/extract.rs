//! What a resource has under each of its type's parameters (R4 §3.1.1.5).
//!
//! This runs once for every version that is written. Paths are followed and values borrowed without allocation, except
//! for text that must be normalised. One file reads one class of parameter.

mod date;
mod quantity;
mod reference;
mod text;
mod token;

use super::plan::Plan;
use super::table::{Parameter, ParameterClass, table};
use super::value::{Entry, ParameterId, Value};
use crate::fhirpath::{Element, Form, Item, Scalar};
use crate::{Node, Object, Resource};

/// Every value of every parameter of the resource, in no order that means anything.
pub fn extract<'r>(resource: &'r Resource<'_>) -> Vec<Entry<'r>> {
    let mut entries = Vec::with_capacity(32);
    each(resource, &mut |entry| entries.push(entry));
    entries
}

/// The same, one at a time, for callers that keep buffers of their own. A resource of a type that R4 does not have gives
/// nothing.
pub fn each<'r>(resource: &'r Resource<'_>, visit: &mut dyn FnMut(Entry<'r>)) {
    walk(resource, &|_| true, visit);
}

/// What the resource, of the parameter's type, has under one parameter: of R4's, or of a site's own.
pub fn values<'r>(resource: &'r Resource<'_>, parameter: &Parameter, visit: &mut dyn FnMut(Entry<'r>)) {
    run(parameter.plan(), resource, &|id| id == parameter.id, visit);
}

/// The same for some of R4's parameters.
pub fn each_of<'r>(resource: &'r Resource<'_>, wanted: &[ParameterId], visit: &mut dyn FnMut(Entry<'r>)) {
    walk(resource, &|parameter| wanted.contains(&parameter), visit);
}

fn walk<'r>(resource: &'r Resource<'_>, wanted: &dyn Fn(ParameterId) -> bool, visit: &mut dyn FnMut(Entry<'r>)) {
    if let Some(plan) = table().plan(resource.kind()) {
        run(plan, resource, wanted, visit);
    }
}

fn run<'r>(
    plan: &Plan,
    resource: &'r Resource<'_>,
    wanted: &dyn Fn(ParameterId) -> bool,
    visit: &mut dyn FnMut(Entry<'r>),
) {
    for source in plan.paths.iter().filter(|source| wanted(source.parameter)) {
        source.path.each(resource, &mut |node| {
            source.reader.read(node, &mut |value| visit(Entry { parameter: source.parameter, value }));
        });
    }
    for (parameter, class, expression) in plan.expressions.iter().filter(|(parameter, ..)| wanted(*parameter)) {
        // An expression that cannot be applied to this resource finds nothing in it.
        for item in expression.evaluate(resource).unwrap_or_default() {
            read_item(*class, &item, &mut |value| visit(Entry { parameter: *parameter, value }));
        }
    }
}

/// The words beside the values of a token or reference parameter: what a code, an identifier's type, a reference is
/// called (R4 §3.1.1.4.4 `:text`).
pub fn texts<'r>(resource: &'r Resource<'_>, parameter: &Parameter, visit: &mut dyn FnMut(&'r str)) {
    let plan = parameter.plan();
    for source in plan.paths.iter().filter(|source| source.parameter == parameter.id) {
        source.path.each(resource, &mut |node| {
            if let Some(object) = node.as_object() {
                source.reader.words(object, visit);
            }
        });
    }
    for (_, class, expression) in plan.expressions.iter().filter(|(id, ..)| *id == parameter.id) {
        for item in expression.evaluate(resource).unwrap_or_default() {
            if let Item::Element(Element { kind, form: Form::Object(object), .. }) = item
                && let Some(reader) = Reader::choose(*class, kind.name)
            {
                reader.words(object, visit);
            }
        }
    }
}

/// How a value of one type is read for one class of parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Coding,
    CodeableConcept,
    Identifier,
    ContactPoint,
    /// A code or another text, without a system.
    PlainToken,
    Boolean,
    Reference,
    Canonical,
    /// A resource that stands in the place of a reference, in a Bundle.
    Resource,
    Moment,
    Period,
    Timing,
    Number,
    NumberRange,
    Quantity,
    Money,
    Range,
    SampledData,
    Text,
    HumanName,
    Address,
    Uri,
}

type Emit<'e, 'r> = &'e mut dyn FnMut(Value<'r>);

impl Reader {
    /// The table of R4 §3.1.1.5: which types a class of parameter can hold.
    pub fn choose(class: ParameterClass, kind: &str) -> Option<Reader> {
        use ParameterClass as Class;
        Some(match (class, kind) {
            (Class::Token, "Coding") => Reader::Coding,
            (Class::Token, "CodeableConcept") => Reader::CodeableConcept,
            (Class::Token, "Identifier") => Reader::Identifier,
            (Class::Token, "ContactPoint") => Reader::ContactPoint,
            (Class::Token, "code" | "string" | "id" | "uri" | "url" | "canonical" | "oid" | "uuid") => {
                Reader::PlainToken
            }
            (Class::Token, "boolean") => Reader::Boolean,
            (Class::Reference, "Reference") => Reader::Reference,
            (Class::Reference, "canonical" | "uri" | "url") => Reader::Canonical,
            (Class::Reference, "Resource") => Reader::Resource,
            (Class::Date, "date" | "dateTime" | "instant") => Reader::Moment,
            (Class::Date, "Period") => Reader::Period,
            (Class::Date, "Timing") => Reader::Timing,
            (Class::Number, "decimal" | "integer" | "positiveInt" | "unsignedInt") => Reader::Number,
            (Class::Number, "Range") => Reader::NumberRange,
            (Class::Quantity, "Quantity" | "Age" | "Count" | "Distance" | "Duration") => Reader::Quantity,
            (Class::Quantity, "Money") => Reader::Money,
            (Class::Quantity, "Range") => Reader::Range,
            (Class::Quantity, "SampledData") => Reader::SampledData,
            (Class::String, "string" | "markdown" | "code") => Reader::Text,
            (Class::String, "HumanName") => Reader::HumanName,
            (Class::String, "Address") => Reader::Address,
            (Class::Uri, "uri" | "url" | "canonical" | "oid" | "uuid") => Reader::Uri,
            _ => return None,
        })
    }

    /// Gives what one value says; nothing where it says nothing that can be searched.
    pub fn read<'r>(self, node: &'r Node<'_>, emit: Emit<'_, 'r>) {
        match (self, node) {
            (Reader::PlainToken, Node::Text(text)) => token::plain(text, emit),
            (Reader::Boolean, Node::Bool(value)) => token::boolean(*value, emit),
            (Reader::Canonical, Node::Text(text)) => reference::canonical(text, emit),
            (Reader::Moment, Node::Text(text)) => date::moment(text, emit),
            (Reader::Number, Node::Number(text)) => quantity::number(text, emit),
            (Reader::Text, Node::Text(text)) => text::text(text, emit),
            (Reader::Uri, Node::Text(text)) => emit(Value::Uri(text)),
            (_, Node::Object(object)) => self.read_object(object, emit),
            // What the reader of resources lets through always has the form of its type.
            _ => {}
        }
    }

    fn words<'r>(self, object: &'r Object<'_>, visit: &mut dyn FnMut(&'r str)) {
        match self {
            Reader::Coding | Reader::Reference => object.str("display").into_iter().for_each(visit),
            Reader::CodeableConcept => token::words(object, visit),
            Reader::Identifier => {
                let kind = object.get("type").and_then(Node::as_object);
                kind.into_iter().for_each(|kind| token::words(kind, visit));
            }
            _ => {}
        }
    }

    fn read_object<'r>(self, object: &'r Object<'_>, emit: Emit<'_, 'r>) {
        match self {
            Reader::Coding => token::coding(object, emit),
            Reader::CodeableConcept => token::codeable_concept(object, emit),
            Reader::Identifier => token::identifier(object, emit),
            Reader::ContactPoint => token::contact_point(object, emit),
            Reader::Reference => reference::reference(object, emit),
            Reader::Resource => reference::resource(object, emit),
            Reader::Period => date::period(object, emit),
            Reader::Timing => date::timing(object, emit),
            Reader::NumberRange => quantity::number_range(object, emit),
            Reader::Quantity => quantity::quantity(object, emit),
            Reader::Money => quantity::money(object, emit),
            Reader::Range => quantity::range(object, emit),
            Reader::SampledData => quantity::sampled_data(object, emit),
            Reader::HumanName => text::human_name(object, emit),
            Reader::Address => text::address(object, emit),
            _ => {}
        }
    }
}

/// The result of an expression that is no path: elements as ever, and the truths that it made.
fn read_item<'r>(class: ParameterClass, item: &Item<'r>, emit: Emit<'_, 'r>) {
    match item {
        Item::Scalar(Scalar::Boolean(value)) if class == ParameterClass::Token => token::boolean(*value, emit),
        Item::Scalar(_) => {}
        Item::Element(element) => {
            let Some(reader) = Reader::choose(class, element.kind.name) else { return };
            match element.form {
                Form::Primitive { value: Some(node), .. } => reader.read(node, emit),
                Form::Primitive { .. } => {}
                Form::Object(object) => reader.read_object(object, emit),
            }
        }
    }
}
