//! One walk through a resource: every element with its type, its path and the resource that it is in.

use std::collections::HashSet;
use std::rc::Rc;

use super::ask::{self, Answer};
use super::found::Issues;
use super::rules::{self, Rule, Rules};
use super::{
    Options, address, bundle, concept, contained, definition, narrative, plain, questionnaire, quick, reference, value,
    words,
};
use crate::fhirpath::{self, Environment, Form};
use crate::schema::{self, Class, Element, Type};
use crate::strict::Path;
use crate::{Issue, IssueType, Node, Object, Resource, Severity};

/// The issues of a resource. With `plain`, no invariant is answered by hand.
pub fn walk(resource: &Resource<'_>, options: &Options<'_>, plain: bool) -> Vec<Issue> {
    let mut walk = Walk {
        options: *options,
        path: Path::default(),
        issues: Issues::new(options),
        ids: HashSet::new(),
        narrative_ids: HashSet::new(),
        profiles: HashSet::new(),
        beside: schema::r4().kind("Element").expect("Element is a type of R4"),
        entry: 0,
        plain,
    };
    if let Some(kind) = schema::r4().resource(resource.kind()) {
        walk.path.enter(kind.name);
        walk.resource(&Frame::of(&resource.object, kind, None));
    }
    walk.issues.into_list()
}

/// The resource that the walk is in.
pub struct Frame<'r> {
    /// `%resource`
    pub resource: &'r Object<'r>,
    pub kind: &'static Type,
    /// `%rootResource`: the resource around a contained one, otherwise the resource itself.
    pub root: &'r Object<'r>,
    root_kind: &'static Type,
    /// What the root contains, where it contains anything.
    by_id: Option<Rc<contained::ById<'r>>>,
    /// The Bundle that it is in, and in which entry; a contained resource is in that of the resource around it.
    pub bundle: Option<(Rc<bundle::Index<'r>>, usize)>,
}

impl<'r> Frame<'r> {
    fn of(resource: &'r Object<'r>, kind: &'static Type, bundle: Option<(Rc<bundle::Index<'r>>, usize)>) -> Frame<'r> {
        let by_id = contained::by_id(resource).map(Rc::new);
        Frame { resource, kind, root: resource, root_kind: kind, by_id, bundle }
    }

    /// The resource with this id that the root contains.
    pub fn contained(&self, id: &str) -> Option<&'r Object<'r>> {
        self.by_id.as_ref()?.get(id).copied()
    }

    pub fn is_contained(&self) -> bool {
        !std::ptr::eq(self.resource, self.root)
    }

    pub fn environment<'o>(&self, now: Option<&'o str>) -> Environment<'o, 'r> {
        Environment {
            resource: fhirpath::Element { kind: self.kind, form: Form::Object(self.resource) },
            root: fhirpath::Element { kind: self.root_kind, form: Form::Object(self.root) },
            bundle: self.bundle.as_ref().map(|(index, _)| index.bundle),
            now,
        }
    }
}

pub struct Walk<'r, 'o> {
    pub options: Options<'o>,
    pub path: Path,
    issues: Issues,
    /// Ids of elements in the resource that is walked through, with those that it contains.
    ids: HashSet<&'r str>,
    /// The same of its narrative.
    narrative_ids: HashSet<&'r str>,
    /// Profiles that have been named.
    profiles: HashSet<&'r str>,
    /// The type of what stands beside a primitive.
    beside: &'static Type,
    /// Which entry of the Bundle it is in.
    entry: usize,
    /// Every invariant is evaluated, none is answered by hand.
    plain: bool,
}

impl<'r> Walk<'r, '_> {
    fn resource(&mut self, frame: &Frame<'r>) {
        let ids = (!frame.is_contained()).then(|| std::mem::take(&mut self.ids));
        let narrative_ids = std::mem::take(&mut self.narrative_ids);
        self.profiles(frame.resource);
        match self.plain {
            true => plain::resource(self, frame),
            false => contained::check(self, frame),
        }
        definition::check(self, frame);
        questionnaire::check(self, frame);
        if frame.kind.name == "Bundle" {
            let index = Rc::new(bundle::Index::of(frame.resource));
            bundle::check(self, frame.resource, &index);
            let inside = Frame { bundle: Some((index, 0)), by_id: frame.by_id.clone(), ..*frame };
            self.elements(&inside, frame.kind, frame.resource);
        } else {
            self.elements(frame, frame.kind, frame.resource);
        }
        self.narrative_ids = narrative_ids;
        if let Some(ids) = ids {
            self.ids = ids;
        }
    }

    /// All elements of an object, once what is asked of itself has been asked.
    fn elements(&mut self, frame: &Frame<'r>, kind: &'static Type, object: &'r Object<'r>) {
        let rules = rules::of(kind);
        let environment = frame.environment(self.options.now);
        for rule in rules.map_or(&[][..], |rules| &rules.own) {
            if self.issues.wants(rule.severity) {
                let answer = self.ask(rule, frame, &environment, kind, object);
                self.answered(rule, answer);
            }
        }
        for (name, node) in &object.fields {
            if self.issues.is_over() {
                return;
            }
            if let Some(element) = kind.element(name) {
                self.each(element, node, &mut |walk, item, _| walk.value(frame, kind, rules, element, item));
            } else if let Some(element) = name.strip_prefix('_').and_then(|name| kind.element(name)) {
                let values = object.items(element.name);
                self.each(element, node, &mut |walk, item, at| {
                    let value = values.get(at).filter(|value| **value != Node::Null);
                    walk.beside(frame, schema::r4().kind_of(element), item, value);
                });
            }
        }
    }

    /// The values of an element, each at its path.
    fn each(&mut self, element: &Element, node: &'r Node<'r>, visit: &mut dyn FnMut(&mut Self, &'r Node<'r>, usize)) {
        self.path.enter(element.stem);
        match node {
            Node::List(items) => {
                for (at, item) in items.iter().enumerate().filter(|(_, item)| **item != Node::Null) {
                    if self.issues.is_over() {
                        break;
                    }
                    self.path.enter_item(at);
                    visit(self, item, at);
                    self.path.leave();
                }
            }
            one => visit(self, one, 0),
        }
        self.path.leave();
    }

    fn value(
        &mut self,
        frame: &Frame<'r>,
        owner: &'static Type,
        rules: Option<&'static Rules>,
        element: &'static Element,
        node: &'r Node<'r>,
    ) {
        let kind = schema::r4().kind_of(element);
        let asked = rules.map_or(&[][..], |rules| &rules.elements);
        let environment = frame.environment(self.options.now);
        for (_, rule) in asked.iter().filter(|(name, _)| *name == element.stem) {
            if !self.issues.wants(rule.severity) {
                continue;
            }
            let answer = match node {
                Node::Object(object) => self.ask(rule, frame, &environment, kind, object),
                _ => ask::of_primitive(rule, &environment, kind, Some(node), None),
            };
            self.answered(rule, answer);
        }
        match node {
            Node::Object(object) if kind.class == Class::Abstract => self.nested(frame, owner, element, object),
            Node::Object(object) => self.object(frame, owner, element, kind, object),
            _ if self.plain => plain::primitive(self, frame, kind, Some(node), None),
            Node::Text(text) => {
                // A definition's two lists of elements have the same ids, and invariants of their own for them.
                if element.name == "id" && kind.name != "id" && owner.name != "ElementDefinition" {
                    self.id(text);
                }
                address::check(self, frame, owner, element, text);
            }
            _ => {}
        }
    }

    /// A resource inside another.
    fn nested(&mut self, frame: &Frame<'r>, owner: &'static Type, element: &Element, object: &'r Object<'r>) {
        let Some(kind) = object.str("resourceType").and_then(|name| schema::r4().resource(name)) else { return };
        let nested = match (owner.name, element.name) {
            (_, "contained") => {
                Frame { resource: object, kind, by_id: frame.by_id.clone(), bundle: frame.bundle.clone(), ..*frame }
            }
            ("Bundle.entry" | "Bundle.entry.response", _) => {
                let bundle = frame.bundle.as_ref().map(|(index, _)| (Rc::clone(index), self.entry));
                Frame::of(object, kind, bundle)
            }
            // What Parameters have in them is in the Bundle that they are in.
            _ => Frame::of(object, kind, frame.bundle.clone()),
        };
        let entry = self.entry;
        self.resource(&nested);
        self.entry = entry;
    }

    fn object(
        &mut self,
        frame: &Frame<'r>,
        owner: &'static Type,
        element: &'static Element,
        kind: &'static Type,
        object: &'r Object<'r>,
    ) {
        match self.plain {
            true => plain::object(self, frame, kind, object),
            false => self.by_hand(kind, object),
        }
        match kind.name {
            "Extension" => address::extension(self, owner, object),
            "Reference" => reference::check(self, frame, element, object),
            "Attachment" => value::attachment(self, object),
            "Coding" => value::coding(self, object),
            "CodeableConcept" => concept::check(self, owner, element, object),
            "Quantity" | "Age" | "Count" | "Distance" | "Duration" => value::quantity(self, object),
            "Bundle.entry" => self.entry = self.path.last_index(),
            _ => {}
        }
        self.elements(frame, kind, object);
    }

    /// The invariants of an element that are answered by hand.
    fn by_hand(&mut self, kind: &'static Type, object: &'r Object<'r>) {
        if !quick::has_content(object) {
            self.broken("ele-1", Severity::Error);
        }
        match kind.name {
            "Extension" if !quick::is_either(object) => self.broken("ext-1", Severity::Error),
            "ElementDefinition" if object.str("path").is_some_and(|path| !quick::is_element_path(path)) => {
                self.broken("eld-19", Severity::Error);
            }
            "Narrative" => narrative::judge(self, object),
            _ => {}
        }
    }

    /// The id and extensions beside a primitive.
    fn beside(&mut self, frame: &Frame<'r>, kind: &'static Type, extras: &'r Node<'r>, value: Option<&'r Node<'r>>) {
        let Node::Object(object) = extras else { return };
        match self.plain {
            true => plain::primitive(self, frame, kind, value, Some(object)),
            false if value.is_none() && !quick::has_content(object) => self.broken("ele-1", Severity::Error),
            false => {}
        }
        self.elements(frame, self.beside, object);
    }

    pub fn narrative_id(&mut self, id: &'r str) {
        if !self.narrative_ids.insert(id) {
            // HL7's own tools write such narrative.
            let text = "an id is in the narrative twice, so that nothing can point at either";
            self.note_at("div", Severity::Warning, IssueType::Duplicate, text);
        }
    }

    /// The id of an element.
    pub fn id(&mut self, id: &'r str) {
        if !self.ids.insert(id) {
            self.error(IssueType::Duplicate, "this id is in the resource already; each must be there once");
        }
    }

    fn profiles(&mut self, resource: &'r Object<'r>) {
        let Some(Node::Object(meta)) = resource.get("meta") else { return };
        if !self.issues.wants(Severity::Information) {
            return;
        }
        for (at, profile) in meta.items("profile").iter().filter_map(Node::as_str).enumerate() {
            let name = profile.strip_prefix(address::CORE);
            let is_type = name.is_some_and(|name| schema::r4().resource(name).is_some());
            if !is_type && self.profiles.insert(profile) {
                let text = "a profile is claimed that is not checked here: only what R4 itself asks is";
                self.note_at(&format!("meta.profile[{at}]"), Severity::Information, IssueType::NotSupported, text);
            }
        }
    }

    fn ask(
        &self,
        rule: &Rule,
        frame: &Frame<'r>,
        environment: &Environment<'_, 'r>,
        kind: &'static Type,
        object: &'r Object<'r>,
    ) -> Answer {
        let by_hand = rule.quick.filter(|_| !self.plain).and_then(|quick| quick(frame, object));
        by_hand.map_or_else(|| ask::of_object(rule, environment, kind, object), Answer::of)
    }

    pub fn answered(&mut self, rule: &Rule, answer: Answer) {
        match answer {
            Answer::Holds => {}
            Answer::Broken => self.invariant(rule.key, rule.severity, rule.expression),
            Answer::Untold => {
                let text = format!("{}: cannot be told, since what it compares is not known well enough", rule.key);
                self.warning(IssueType::Invariant, text);
            }
            Answer::Failed(why) => {
                self.warning(IssueType::Processing, format!("{}: cannot be asked here: {why}", rule.key));
            }
        }
    }

    /// An invariant that is answered by hand does not hold.
    pub fn broken(&mut self, key: &str, severity: Severity) {
        self.invariant(key, severity, "");
    }

    fn invariant(&mut self, key: &str, severity: Severity, expression: &str) {
        let text = match words::of(key) {
            Some(words) => format!("{key}: {words}"),
            None => format!("{key}: this must be true here: {expression}"),
        };
        self.note(severity, IssueType::Invariant, text);
    }

    pub fn error(&mut self, code: IssueType, text: impl Into<String>) {
        self.note(Severity::Error, code, text);
    }

    pub fn warning(&mut self, code: IssueType, text: impl Into<String>) {
        self.note(Severity::Warning, code, text);
    }

    pub fn note(&mut self, severity: Severity, code: IssueType, text: impl Into<String>) {
        if self.issues.wants(severity) {
            self.issues.add(Issue::new(severity, code, self.path.to_string(), text));
        }
    }

    /// Notes something of an element below this place.
    pub fn note_at(&mut self, below: &str, severity: Severity, code: IssueType, text: impl Into<String>) {
        if self.issues.wants(severity) {
            self.issues.add(Issue::new(severity, code, self.path.of(below), text));
        }
    }

    /// Whether nothing more need be looked for.
    pub fn is_over(&self) -> bool {
        self.issues.is_over()
    }
}
