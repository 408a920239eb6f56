//! The search parameters of R4, by resource type (`profiles/r4/search.txt`; R4 §3.1.1 and the search registry).
//!
//! The file is split into lines when the table is first asked for; a type's expressions are compiled when a resource of
//! that type is first extracted, so that a start pays for neither the 146 types nor the ones never used.

use std::sync::{LazyLock, OnceLock};

use super::ParameterId;
use super::composite::Composite;
use super::plan::Plan;
use crate::schema;

/// The kinds of search parameter (R4 §3.1.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterClass {
    Number,
    Date,
    String,
    Token,
    Reference,
    Composite,
    Quantity,
    Uri,
    Special,
}

/// One search parameter of one resource type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub id: ParameterId,
    /// The resource type that it is asked of: `Observation` for `_id` too, which every type has as its own.
    pub kind: &'static str,
    /// The name in the query: `code`, `_lastUpdated`.
    pub code: &'static str,
    pub class: ParameterClass,
    /// FHIRPath from the resource; empty where R4 gives none (`_text`, `_content`, `_query`).
    pub expression: &'static str,
    /// The types that a reference may have, with commas; empty for other classes.
    pub(super) targets: &'static str,
    /// `name=expression; …` of a composite, each relative to `expression`; see `Table::composite`.
    pub components: &'static str,
    /// The canonical address of its definition.
    pub url: &'static str,
    /// How a site's own parameter is found; those of R4 are in the plan of their type.
    pub(super) own: Option<OwnPlan>,
}

/// A plan for one parameter alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnPlan(pub &'static Plan);

impl PartialEq for OwnPlan {
    fn eq(&self, other: &OwnPlan) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for OwnPlan {}

/// All parameters. There is one table: [`table`].
#[derive(Debug)]
pub struct Table {
    types: Vec<TypeParameters>,
    /// Where a parameter is: type, then position, by id.
    places: Vec<Option<(u16, u16)>>,
}

#[derive(Debug)]
struct TypeParameters {
    kind: &'static str,
    parameters: Vec<Parameter>,
    plan: OnceLock<Plan>,
}

/// The parameters that every type has get ids from here on, [`COMMON_MAX`] a type in the order of the types' names;
/// below it an id is the position of the parameter's line.
const COMMON_FIRST: usize = 4096;
const COMMON_MAX: usize = 16;

/// The search parameters of R4.
pub fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("../../../../profiles/r4/search.txt")));
    &TABLE
}

/// The name of a resource type as the tables hold it, or `None` where R4 has no such type.
pub fn resource_name(kind: &str) -> Option<&'static str> {
    table().of(kind).map(|of| of.kind)
}

impl Table {
    /// The parameters of a resource type, those of every type last; none where R4 has no such type.
    pub fn parameters(&self, kind: &str) -> &[Parameter] {
        self.of(kind).map_or(&[], |of| &of.parameters)
    }

    pub fn find(&self, kind: &str, code: &str) -> Option<&Parameter> {
        self.parameters(kind).iter().find(|parameter| parameter.code == code)
    }

    pub fn get(&self, id: ParameterId) -> Option<&Parameter> {
        let (of, position) = (*self.places.get(usize::from(id.0))?)?;
        self.types[usize::from(of)].parameters.get(usize::from(position))
    }

    /// The resource types, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.types.iter().map(|of| of.kind)
    }

    /// How the values of a type's parameters are found, compiled the first time; none where R4 has no such type.
    pub(super) fn plan(&'static self, kind: &str) -> Option<&'static Plan> {
        let of = self.of(kind)?;
        Some(of.plan.get_or_init(|| Plan::compile(of.kind, &of.parameters)))
    }

    fn of(&self, kind: &str) -> Option<&TypeParameters> {
        let at = self.types.binary_search_by(|of| of.kind.cmp(kind)).ok()?;
        self.types.get(at)
    }

    fn read(text: &'static str) -> Table {
        let mut kinds: Vec<&'static str> = schema::r4().resources().map(|kind| kind.name).collect();
        kinds.sort_unstable();
        let mut types: Vec<TypeParameters> = kinds
            .into_iter()
            .map(|kind| TypeParameters { kind, parameters: Vec::new(), plan: OnceLock::new() })
            .collect();
        let mut common = Vec::new();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        for (position, line) in lines.enumerate() {
            let parameter = Parameter::read(position, line);
            match types.binary_search_by(|of| of.kind.cmp(parameter.kind)) {
                Ok(of) => types[of].parameters.push(parameter),
                Err(_) => common.push(parameter),
            }
        }
        assert!(common.len() <= COMMON_MAX, "more parameters for every type than ids are kept for");
        for (of, parameters) in types.iter_mut().enumerate() {
            parameters.add_common(COMMON_FIRST + of * COMMON_MAX, &common);
        }
        let places = places(&types);
        Table { types, places }
    }
}

impl TypeParameters {
    /// `DomainResource` and `Resource` are not told apart: what R4 has for the former alone, `_text`, is not served.
    fn add_common(&mut self, first: usize, common: &[Parameter]) {
        for (position, parameter) in common.iter().enumerate() {
            self.parameters.push(Parameter { id: id(first + position), kind: self.kind, ..parameter.clone() });
        }
    }
}

impl Parameter {
    /// The types that a reference may have.
    pub fn targets(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.targets.split(',').filter(|target| !target.is_empty())
    }

    /// Whether a site defined it, and not R4.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Whether it can be asked for by its values. `_text`, `_content` and `_query` have no expression (the first two are
    /// searches for words); `near` wants a map; `phonetic` wants an ear, and answering it by letters would say "nobody" of
    /// people who are there.
    pub fn is_served(&self) -> bool {
        self.is_indexed() || self.class == ParameterClass::Composite
    }

    /// Whether the resource has index entries under it. A composite has none: it joins those of its components.
    pub fn is_indexed(&self) -> bool {
        !self.expression.is_empty()
            && self.code != "phonetic"
            && !matches!(self.class, ParameterClass::Composite | ParameterClass::Special)
    }

    /// Of a composite: for each component the parameter whose values its values are among.
    pub fn parts(&self) -> Vec<&'static Parameter> {
        let components = self.composite().into_iter().flat_map(|composite| &composite.components);
        components.map(|component| component.parameter).collect()
    }

    /// Whether no resource has more than one element that it finds: all on the way is single, alternatives are the names
    /// of one choice.
    pub fn is_single(&self) -> bool {
        self.plan().singles.contains(&self.id)
    }

    /// Whether resources can be put in the order of their values.
    pub fn is_sortable(&self) -> bool {
        self.is_indexed()
    }

    /// How its values are found.
    pub(super) fn plan(&self) -> &'static Plan {
        match self.own {
            Some(OwnPlan(plan)) => plan,
            None => table().plan(self.kind).expect("the table's types are R4's"),
        }
    }

    /// How a composite joins its components; none where the parameter is no composite.
    pub(super) fn composite(&self) -> Option<&'static Composite> {
        self.plan().composites.iter().find(|(id, _)| *id == self.id).map(|(_, composite)| composite)
    }

    fn read(position: usize, line: &'static str) -> Parameter {
        let mut columns = line.split('\t');
        let mut column = || columns.next().expect("search.txt has seven columns");
        let (kind, code, class) = (column(), column(), column());
        let class = ParameterClass::read(class).expect("search.txt names a kind of parameter that R4 has");
        Parameter {
            id: id(position),
            kind,
            code,
            class,
            expression: column(),
            targets: column(),
            components: column(),
            url: column(),
            own: None,
        }
    }
}

impl ParameterClass {
    /// As R4 names it (search-param-type).
    pub fn name(self) -> &'static str {
        match self {
            ParameterClass::Number => "number",
            ParameterClass::Date => "date",
            ParameterClass::String => "string",
            ParameterClass::Token => "token",
            ParameterClass::Reference => "reference",
            ParameterClass::Composite => "composite",
            ParameterClass::Quantity => "quantity",
            ParameterClass::Uri => "uri",
            ParameterClass::Special => "special",
        }
    }

    /// By R4's name.
    pub fn read(text: &str) -> Option<ParameterClass> {
        Some(match text {
            "number" => ParameterClass::Number,
            "date" => ParameterClass::Date,
            "string" => ParameterClass::String,
            "token" => ParameterClass::Token,
            "reference" => ParameterClass::Reference,
            "composite" => ParameterClass::Composite,
            "quantity" => ParameterClass::Quantity,
            "uri" => ParameterClass::Uri,
            "special" => ParameterClass::Special,
            _ => return None,
        })
    }
}

fn id(number: usize) -> ParameterId {
    ParameterId(u16::try_from(number).expect("R4 has fewer than 65,536 pairs of type and parameter"))
}

fn places(types: &[TypeParameters]) -> Vec<Option<(u16, u16)>> {
    let mut places = Vec::new();
    for (of, parameters) in types.iter().enumerate() {
        for (position, parameter) in parameters.parameters.iter().enumerate() {
            let at = usize::from(parameter.id.0);
            if places.len() <= at {
                places.resize(at + 1, None);
            }
            places[at] = Some((id(of).0, id(position).0));
        }
    }
    places
}
