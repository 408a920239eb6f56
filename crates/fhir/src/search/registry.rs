//! The search parameters in force: R4's, and those that a site defines itself by SearchParameter resources (R4 §3.1.1.1.1,
//! SearchParameter).
//!
//! A site's own parameter is compiled once and lives as long as the program, as R4's do, so that queries borrow both alike.
//! It is asked for only when everything that is stored has been looked through for it; until then it is said to be on its
//! way, since an index with half of the record in it would answer "nobody" of people who are there.

use super::extract::{self, Reader};
use super::plan::Plan;
use super::table::{OwnPlan, Parameter, ParameterClass, resource_name, table};
use super::value::{Entry, ParameterId};
use crate::fhirpath::Expression;
use crate::schema;
use crate::{Issue, IssueType, Node, Resource};

/// The first id of a site's own parameters; R4's are below.
pub const OWN_FIRST: u16 = 8_192;
/// Own parameters of one site, each type counted: far more than anybody needs, few enough for every write.
pub const OWN_MAX: usize = 2_000;

/// What a SearchParameter says of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub kind: &'static str,
    pub code: String,
    pub class: ParameterClass,
    pub expression: String,
    /// The types that a reference may have, with commas.
    pub targets: String,
    pub url: String,
}

/// R4's parameters and a site's own.
#[derive(Debug, Default)]
pub struct Registry {
    own: Vec<Own>,
}

/// One of a site's own.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    pub parameter: &'static Parameter,
    /// Whether all that is stored has its entries, so that it can be asked for.
    pub ready: bool,
}

/// Whether a name is known.
pub enum Found {
    Known(&'static Parameter),
    /// It is defined, and what is stored is still being looked through.
    OnItsWay,
    Unknown,
}

impl Registry {
    pub fn new(own: Vec<Own>) -> Registry {
        Registry { own }
    }

    /// A site's own parameters, those on their way too.
    pub fn own(&self) -> &[Own] {
        &self.own
    }

    /// Whether another registry finds the same values in every resource.
    pub fn extracts_as(&self, other: &Registry) -> bool {
        let ids = |registry: &Registry| registry.own.iter().map(|own| own.parameter.id).collect::<Vec<_>>();
        self.own.is_empty() && other.own.is_empty() || ids(self) == ids(other)
    }

    /// What can be asked of a type.
    pub fn parameters(&self, kind: &str) -> impl Iterator<Item = &'static Parameter> {
        let own = self.own_of(kind).filter(|own| own.ready).map(|own| own.parameter);
        table().parameters(kind).iter().chain(own)
    }

    pub fn find(&self, kind: &str, code: &str) -> Option<&'static Parameter> {
        match self.look(kind, code) {
            Found::Known(parameter) => Some(parameter),
            Found::OnItsWay | Found::Unknown => None,
        }
    }

    pub fn look(&self, kind: &str, code: &str) -> Found {
        if let Some(parameter) = table().find(kind, code) {
            return Found::Known(parameter);
        }
        match self.own_of(kind).find(|own| own.parameter.code == code) {
            Some(own) if own.ready => Found::Known(own.parameter),
            Some(_) => Found::OnItsWay,
            None => Found::Unknown,
        }
    }

    /// Every value of every parameter of the resource, those on their way too.
    pub fn extract<'r>(&self, resource: &'r Resource<'_>) -> Vec<Entry<'r>> {
        let mut entries = extract::extract(resource);
        for own in self.own_of(resource.kind()) {
            extract::values(resource, own.parameter, &mut |entry| entries.push(entry));
        }
        entries
    }

    fn own_of(&self, kind: &str) -> impl Iterator<Item = &Own> {
        self.own.iter().filter(move |own| own.parameter.kind == kind)
    }
}

impl Definition {
    /// What an active SearchParameter defines: one parameter for each of its types. An issue says what stands against it.
    pub fn read(resource: &Resource<'_>) -> Result<Vec<Definition>, Issue> {
        let text = |name: &str| resource.str(name).ok_or_else(|| refuse(name, "is missing"));
        let (code, url) = (text("code")?, text("url")?);
        let class = ParameterClass::read(text("type")?).ok_or_else(|| refuse("type", "is none that R4 has"))?;
        if matches!(class, ParameterClass::Composite | ParameterClass::Special) {
            return Err(refuse("type", "is composite or special: only R4's own of these are served"));
        }
        if !is_code(code) {
            return Err(refuse("code", "must be letters, digits, - and _, and begin with a letter"));
        }
        let expression = text("expression")?;
        let mut targets: Vec<&str> = list(resource, "target").filter_map(resource_name).collect();
        targets.sort_unstable();
        let mut definitions = Vec::new();
        for kind in kinds(list(resource, "base"))? {
            if table().find(kind, code).is_some() {
                return Err(refuse("code", &format!("{code} is a parameter that {kind} has in R4: take another name")));
            }
            definitions.push(Definition {
                kind,
                code: code.to_owned(),
                class,
                expression: belonging(expression, kind),
                targets: targets.join(","),
                url: url.to_owned(),
            });
        }
        // A type of `Resource` at large that lacks the element has nothing to find.
        let at_large = list(resource, "base").any(is_abstract);
        let sound = |definition: &Definition| definition.plan(ParameterId(OWN_FIRST));
        definitions.retain(|definition| !definition.expression.is_empty() && (!at_large || sound(definition).is_ok()));
        if definitions.is_empty() {
            return Err(refuse("expression", "begins at none of the types of base"));
        }
        definitions.iter().try_for_each(|definition| sound(definition).map(drop))?;
        Ok(definitions)
    }

    /// The parameter that it defines. It lives as long as the program.
    pub fn compile(&self, id: ParameterId) -> Result<&'static Parameter, Issue> {
        let leak = |text: &str| -> &'static str { String::leak(text.to_owned()) };
        let plan = self.plan(id)?;
        Ok(Box::leak(Box::new(Parameter {
            id,
            kind: self.kind,
            code: leak(&self.code),
            class: self.class,
            expression: leak(&self.expression),
            targets: leak(&self.targets),
            components: "",
            url: leak(&self.url),
            own: Some(OwnPlan(Box::leak(Box::new(plan)))),
        })))
    }

    fn plan(&self, id: ParameterId) -> Result<Plan, Issue> {
        let context = schema::r4().resource(self.kind).expect("a definition's type is R4's");
        let expression = Expression::compile(&self.expression, context)
            .map_err(|error| refuse("expression", &format!("cannot be read for {}: {error}", self.kind)))?;
        if expression.finds_nothing() {
            return Err(refuse("expression", &format!("finds nothing in any {}", self.kind)));
        }
        let paths = expression.paths().unwrap_or_default();
        if !paths.is_empty() && paths.iter().all(|path| Reader::choose(self.class, path.kind).is_none()) {
            let text = format!("finds {}, which a parameter of this type cannot hold", paths[0].kind);
            return Err(refuse("expression", &text));
        }
        Ok(Plan::of_one(id, self.class, expression))
    }
}

fn refuse(element: &str, text: &str) -> Issue {
    Issue::error(IssueType::NotSupported, format!("SearchParameter.{element}"), format!("{element} {text}"))
}

fn list<'r>(resource: &'r Resource<'_>, name: &str) -> impl Iterator<Item = &'r str> {
    resource.object.items(name).iter().filter_map(Node::as_str)
}

fn is_abstract(base: &str) -> bool {
    matches!(base, "Resource" | "DomainResource")
}

/// The types of `base`; all where it says `Resource`.
fn kinds<'b>(bases: impl Iterator<Item = &'b str>) -> Result<Vec<&'static str>, Issue> {
    let mut kinds = Vec::new();
    for base in bases {
        match resource_name(base) {
            _ if is_abstract(base) => kinds.extend(table().kinds()),
            Some(kind) => kinds.push(kind),
            None => return Err(refuse("base", "names no resource type of R4")),
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() { Err(refuse("base", "is missing")) } else { Ok(kinds) }
}

/// A name that can stand in a query as it is. A leading `_` is R4's.
fn is_code(code: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    code.len() <= 64 && code.starts_with(|c: char| c.is_ascii_alphabetic()) && code.chars().all(plain)
}

/// Of a union over several types, the alternatives that begin at this one, or at no type.
fn belonging(expression: &str, kind: &str) -> String {
    let belongs = |alternative: &&str| {
        let head = alternative.trim_start_matches('(').split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        head == kind || is_abstract(head) || resource_name(head).is_none()
    };
    alternatives(expression).into_iter().filter(belongs).collect::<Vec<_>>().join(" | ")
}

/// Splits at each `|` that is in no parentheses and in no text.
fn alternatives(expression: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0, false);
    for (at, character) in expression.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            '|' if !quoted && depth == 0 => {
                parts.push(expression[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(expression[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(members: &str) -> Result<Vec<Definition>, String> {
        let text = format!(
            r#"{{"resourceType":"SearchParameter","url":"http://x/sp","name":"X","status":"active","description":"x",{members}}}"#
        );
        let resource = crate::json::read(text.as_bytes()).unwrap_or_else(|issues| panic!("{text}: {issues:?}"));
        Definition::read(&resource).map_err(|issue| issue.text)
    }

    #[test]
    fn a_definition_is_one_parameter_a_type() {
        let found = read(
            r#""code":"colour","type":"string","base":["Patient","Practitioner"],
               "expression":"Patient.extension('http://x/c').value | Practitioner.extension('http://x/c').value""#,
        );
        let found = found.expect("well defined");
        let pairs: Vec<_> = found.iter().map(|of| (of.kind, of.expression.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("Patient", "Patient.extension('http://x/c').value"),
                ("Practitioner", "Practitioner.extension('http://x/c').value"),
            ]
        );
        let everywhere = r#""code":"anything","type":"uri","base":["Resource"],"expression":"Resource.implicitRules""#;
        assert_eq!(read(everywhere).expect("well defined").len(), table().kinds().count());
    }

    #[test]
    fn what_cannot_be_served_is_refused_with_its_reason() {
        for (members, expected) in [
            (r#""code":"x","type":"composite","base":["Patient"],"expression":"Patient""#, "composite or special"),
            (r#""code":"name","type":"string","base":["Patient"],"expression":"Patient.name""#, "has in R4"),
            (r#""code":"x:y","type":"string","base":["Patient"],"expression":"Patient.name""#, "letters, digits"),
            (r#""code":"x","type":"string","base":["Patient"]"#, "expression is missing"),
            (r#""code":"x","type":"string","base":["Patient"],"expression":"Patient.name.(""#, "cannot be read"),
            (r#""code":"x","type":"date","base":["Patient"],"expression":"Patient.gender""#, "finds code, which"),
            (r#""code":"x","type":"string","base":["Patient"],"expression":"Group.name""#, "none of the types of base"),
        ] {
            let found = read(members).expect_err(members);
            assert!(found.contains(expected), "{members}: {found}");
        }
    }
}
