//! Profiles as they are written: documents with their lines, before overlay and compilation.
//!
//! The language is described in `profiles/README.md`. Reading checks the form of each key; whether paths, types and
//! names exist is the plan's business (`plan/`), because an overlay may complete what a base leaves open.

mod message;

use crate::path::{self, Slot, Step};
use crate::yaml::{Fault, Value, Yaml};
pub use message::{How, Merge, Message, ResourceUse};

/// One document: a profile for a datatype, a segment or a message, or a code map.
#[derive(Debug, Clone)]
pub enum Document {
    Profile(Box<Profile>),
    Map(Box<MapDocument>),
}

#[derive(Debug, Clone, Default)]
pub struct Profile {
    pub name: String,
    pub file: String,
    pub line: usize,
    pub target: String,
    pub extends: Option<String>,
    /// Instead of rules: profiles of which the first that can be made is taken.
    pub first: Vec<String>,
    /// For which sources and headers an overlay counts.
    pub matching: Vec<(Slot, Vec<String>)>,
    pub keys: Vec<Key>,
    pub time: Vec<Slot>,
    pub rank: Option<(Slot, Vec<(String, u8)>)>,
    pub gone: Vec<(Vec<Step>, String)>,
    pub action: Option<(Slot, Vec<String>)>,
    /// The reference that may never come to name another: a result's subject.
    pub same: Option<String>,
    /// Slots that carry nothing for a record (set ids, deprecated repeats): consumed without a rule.
    pub ignore: Vec<Slot>,
    pub rules: Vec<Rule>,
    pub message: Option<Message>,
    pub tests: Vec<Test>,
}

/// One alternative of how a resource's id is made.
#[derive(Debug, Clone)]
pub enum Key {
    Person(Slot),
    Id { id: Slot, authority: Option<Slot>, only_if: Option<String> },
    Parts { parts: Vec<Vec<Slot>>, within: String, word: String, occurrence: bool, only_if: Option<String> },
    Content { only_if: Option<String> },
}

#[derive(Debug, Clone, Default)]
pub struct Rule {
    pub name: String,
    pub line: usize,
    pub file: String,
    pub v2: Vec<Slot>,
    /// `None` where the rule does not say; no steps for `$`, the target itself.
    pub fhir: Option<Vec<Step>>,
    pub convert: Option<String>,
    pub map: Option<MapUse>,
    pub constant: Option<String>,
    pub when: Vec<(Slot, Guard)>,
    pub unless: Vec<String>,
    pub fallback: Vec<(Vec<Step>, String)>,
    pub reference: Option<String>,
    pub fill: bool,
    pub clear: bool,
    pub keep: bool,
    pub journal: Option<String>,
    pub direction: Direction,
    pub ig: String,
    pub dropped: bool,
    /// The keys that were written, for an overlay that amends only these.
    keys: Vec<String>,
}

#[derive(Debug, Clone)]
pub enum MapUse {
    Named(String),
    Inline(Box<MapDocument>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    OneOf(Vec<String>),
    NoneOf(Vec<String>),
    Valued,
    Empty,
    /// Exactly `""`.
    Null,
    Decimal,
    /// A date with a time of day.
    Timed,
    /// A comparator and a decimal, such as `<5`.
    Compared,
    /// A range with a lower bound, with an upper bound.
    Low,
    High,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    #[default]
    Both,
    ToFhir,
    FromFhir,
}

#[derive(Debug, Clone)]
pub struct Test {
    pub name: String,
    pub line: usize,
    /// Applied in this order to an empty record; `expect` is about the end.
    pub messages: Vec<String>,
    pub expect: Vec<Yaml>,
    pub absent: Vec<String>,
    pub back: bool,
}

#[derive(Debug, Clone, Default)]
pub struct MapDocument {
    pub name: String,
    pub file: String,
    pub line: usize,
    pub extends: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub codes: Vec<(String, String)>,
    pub prefer: Vec<(String, String)>,
    pub other: Option<String>,
    pub display: Vec<(String, String)>,
}

impl Document {
    pub fn read(file: &str, yaml: &Yaml) -> Result<Document, Fault> {
        if yaml.get("map").is_some() {
            let mut map = read_map(yaml)?;
            map.file = file.to_owned();
            return Ok(Document::Map(Box::new(map)));
        }
        read_profile(file, yaml).map(|profile| Document::Profile(Box::new(profile)))
    }
}

const PROFILE_KEYS: [&str; 19] = [
    "profile",
    "target",
    "extends",
    "first",
    "match",
    "key",
    "time",
    "rank",
    "gone",
    "action",
    "same",
    "ignore",
    "rules",
    "messages",
    "groups",
    "resources",
    "merges",
    "tests",
    "note",
];

fn read_profile(file: &str, yaml: &Yaml) -> Result<Profile, Fault> {
    yaml.only(&PROFILE_KEYS)?;
    let name = yaml.get("profile").ok_or_else(|| Fault::new(yaml.line, "a document says `profile:` or `map:`"))?;
    let mut profile = Profile {
        name: name.text()?.to_owned(),
        file: file.to_owned(),
        line: yaml.line,
        target: optional_text(yaml, "target")?.unwrap_or_default(),
        extends: optional_text(yaml, "extends")?,
        first: yaml.get("first").map_or(Ok(Vec::new()), Yaml::texts)?,
        matching: fields(yaml, "match", |key, value| Ok((slot(key, value.line)?, value.texts()?)))?,
        keys: list(yaml, "key", read_key)?,
        time: list(yaml, "time", |item| slot(item.text()?, item.line))?,
        rank: yaml.get("rank").map(read_rank).transpose()?,
        gone: yaml.get("gone").map_or(Ok(Vec::new()), read_constants)?,
        action: yaml.get("action").map(read_action).transpose()?,
        same: optional_text(yaml, "same")?,
        ignore: list(yaml, "ignore", |item| slot(item.text()?, item.line))?,
        rules: fields(yaml, "rules", |key, value| read_rule(file, key, value))?,
        message: None,
        tests: list(yaml, "tests", read_test)?,
    };
    if ["messages", "groups", "resources", "merges"].iter().any(|key| yaml.get(key).is_some()) {
        profile.message = Some(message::read(yaml)?);
    }
    Ok(profile)
}

const RULE_KEYS: [&str; 16] = [
    "v2", "fhir", "as", "map", "const", "when", "unless", "else", "ref", "fill", "clear", "keep", "journal", "dir",
    "ig", "note",
];

fn read_rule(file: &str, name: &str, yaml: &Yaml) -> Result<Rule, Fault> {
    let mut rule = Rule { name: name.to_owned(), line: yaml.line, file: file.to_owned(), ..Rule::default() };
    if matches!(&yaml.value, Value::Text(text) if text == "drop") {
        rule.dropped = true;
        return Ok(rule);
    }
    yaml.only(&RULE_KEYS)?;
    rule.keys = yaml.map()?.iter().map(|(key, _)| key.clone()).collect();
    rule.v2 = list(yaml, "v2", |item| slot(item.text()?, item.line))?;
    if let Some(text) = optional_text(yaml, "fhir")? {
        rule.fhir = Some(path::fhir(&text).map_err(|text| Fault::new(yaml.line, text))?);
    }
    rule.convert = optional_text(yaml, "as")?;
    rule.map = yaml.get("map").map(read_map_use).transpose()?;
    rule.constant = optional_text(yaml, "const")?;
    rule.when = fields(yaml, "when", read_guard)?;
    rule.unless = yaml.get("unless").map_or(Ok(Vec::new()), Yaml::texts)?;
    rule.fallback = yaml.get("else").map_or(Ok(Vec::new()), read_constants)?;
    rule.reference = optional_text(yaml, "ref")?;
    rule.fill = flag(yaml, "fill")?;
    rule.clear = flag(yaml, "clear")?;
    rule.keep = flag(yaml, "keep")?;
    rule.journal = optional_text(yaml, "journal")?;
    rule.direction = match optional_text(yaml, "dir")?.as_deref() {
        None | Some("<->") => Direction::Both,
        Some("->") => Direction::ToFhir,
        Some("<-") => Direction::FromFhir,
        Some(_) => return Err(Fault::new(yaml.line, "`dir` is ->, <- or <->")),
    };
    rule.ig = optional_text(yaml, "ig")?.unwrap_or_default();
    Ok(rule)
}

impl Rule {
    /// This rule as an overlay amends it: the keys that the overlay writes replace the base's.
    pub fn amended_by(&self, overlay: &Rule) -> Rule {
        let mut rule = self.clone();
        (rule.file, rule.line) = (overlay.file.clone(), overlay.line);
        for key in &overlay.keys {
            match key.as_str() {
                "v2" => rule.v2 = overlay.v2.clone(),
                "fhir" => rule.fhir = overlay.fhir.clone(),
                "as" => rule.convert = overlay.convert.clone(),
                "map" => rule.map = overlay.map.clone(),
                "const" => rule.constant = overlay.constant.clone(),
                "when" => rule.when = overlay.when.clone(),
                "unless" => rule.unless = overlay.unless.clone(),
                "else" => rule.fallback = overlay.fallback.clone(),
                "ref" => rule.reference = overlay.reference.clone(),
                "fill" => rule.fill = overlay.fill,
                "clear" => rule.clear = overlay.clear,
                "keep" => rule.keep = overlay.keep,
                "journal" => rule.journal = overlay.journal.clone(),
                "dir" => rule.direction = overlay.direction,
                "ig" => rule.ig = overlay.ig.clone(),
                _ => {}
            }
        }
        rule
    }
}

fn read_guard(key: &str, yaml: &Yaml) -> Result<(Slot, Guard), Fault> {
    let slot = slot(key, yaml.line)?;
    if let Some(not) = yaml.get("not") {
        yaml.only(&["not"])?;
        return Ok((slot, Guard::NoneOf(not.texts()?)));
    }
    let words = yaml.texts()?;
    let guard = match words.first().map(String::as_str) {
        Some("$valued") => Guard::Valued,
        Some("$empty") => Guard::Empty,
        Some("$null") => Guard::Null,
        Some("$decimal") => Guard::Decimal,
        Some("$timed") => Guard::Timed,
        Some("$compared") => Guard::Compared,
        Some("$low") => Guard::Low,
        Some("$high") => Guard::High,
        _ => Guard::OneOf(words),
    };
    Ok((slot, guard))
}

fn read_key(yaml: &Yaml) -> Result<Key, Fault> {
    yaml.only(&["person", "id", "authority", "parts", "within", "kind", "occurrence", "content", "if"])?;
    let only_if = optional_text(yaml, "if")?;
    if let Some(person) = yaml.get("person") {
        return Ok(Key::Person(slot(person.text()?, person.line)?));
    }
    if let Some(id) = yaml.get("id") {
        let authority = yaml.get("authority").map(|item| slot(item.text()?, item.line)).transpose()?;
        return Ok(Key::Id { id: slot(id.text()?, id.line)?, authority, only_if });
    }
    if yaml.get("content").is_some() {
        return Ok(Key::Content { only_if });
    }
    let parts = list(yaml, "parts", list_of_slots)?;
    if parts.is_empty() {
        return Err(Fault::new(yaml.line, "a key says `person`, `id`, `parts` or `content`"));
    }
    let within = optional_text(yaml, "within")?.unwrap_or_else(|| "source".to_owned());
    let word = optional_text(yaml, "kind")?.unwrap_or_default();
    Ok(Key::Parts { parts, within, word, occurrence: flag(yaml, "occurrence")?, only_if })
}

fn read_rank(yaml: &Yaml) -> Result<(Slot, Vec<(String, u8)>), Fault> {
    yaml.only(&["slot", "of"])?;
    let slot = slot(&required_text(yaml, "slot")?, yaml.line)?;
    let ranks = fields(yaml, "of", |code, value| {
        let rank = value.text()?.parse().map_err(|_| Fault::new(value.line, "a rank is a number from 0 to 255"))?;
        Ok((code.to_owned(), rank))
    })?;
    Ok((slot, ranks))
}

fn read_action(yaml: &Yaml) -> Result<(Slot, Vec<String>), Fault> {
    yaml.only(&["slot", "gone"])?;
    let gone = yaml.get("gone").map_or(Ok(Vec::new()), Yaml::texts)?;
    Ok((slot(&required_text(yaml, "slot")?, yaml.line)?, gone))
}

fn read_constants(yaml: &Yaml) -> Result<Vec<(Vec<Step>, String)>, Fault> {
    let read = |(key, value): &(String, Yaml)| {
        let steps = path::fhir(key).map_err(|text| Fault::new(value.line, text))?;
        Ok((steps, value.text()?.to_owned()))
    };
    yaml.map()?.iter().map(read).collect()
}

fn read_test(yaml: &Yaml) -> Result<Test, Fault> {
    yaml.only(&["name", "message", "messages", "expect", "absent", "back"])?;
    let messages = yaml.get("message").or_else(|| yaml.get("messages"));
    Ok(Test {
        name: required_text(yaml, "name")?,
        line: yaml.line,
        messages: messages.ok_or_else(|| Fault::new(yaml.line, "a test has a `message`"))?.texts()?,
        expect: yaml.get("expect").map_or(Vec::new(), |expect| expect.items().to_vec()),
        absent: yaml.get("absent").map_or(Ok(Vec::new()), Yaml::texts)?,
        back: flag(yaml, "back")?,
    })
}

fn read_map_use(yaml: &Yaml) -> Result<MapUse, Fault> {
    match &yaml.value {
        Value::Text(name) => Ok(MapUse::Named(name.clone())),
        _ => Ok(MapUse::Inline(Box::new(read_map(yaml)?))),
    }
}

fn read_map(yaml: &Yaml) -> Result<MapDocument, Fault> {
    yaml.only(&["map", "extends", "from", "to", "codes", "add", "prefer", "other", "display", "note", "ig"])?;
    let pairs = |key| fields(yaml, key, |code, value: &Yaml| Ok((code.to_owned(), value.text()?.to_owned())));
    let mut codes = pairs("codes")?;
    codes.extend(pairs("add")?);
    Ok(MapDocument {
        name: optional_text(yaml, "map")?.unwrap_or_default(),
        file: String::new(),
        line: yaml.line,
        extends: optional_text(yaml, "extends")?,
        from: optional_text(yaml, "from")?,
        to: optional_text(yaml, "to")?,
        codes,
        prefer: pairs("prefer")?,
        other: optional_text(yaml, "other")?,
        display: pairs("display")?,
    })
}

fn list_of_slots(yaml: &Yaml) -> Result<Vec<Slot>, Fault> {
    yaml.items().iter().map(|item| slot(item.text()?, item.line)).collect()
}

fn slot(text: &str, line: usize) -> Result<Slot, Fault> {
    Slot::parse(text).map_err(|text| Fault::new(line, text))
}

fn optional_text(yaml: &Yaml, key: &str) -> Result<Option<String>, Fault> {
    yaml.get(key).map(|value| value.text().map(str::to_owned)).transpose()
}

fn required_text(yaml: &Yaml, key: &str) -> Result<String, Fault> {
    optional_text(yaml, key)?.ok_or_else(|| Fault::new(yaml.line, format!("`{key}` is missing")))
}

fn flag(yaml: &Yaml, key: &str) -> Result<bool, Fault> {
    yaml.get(key).map_or(Ok(false), Yaml::flag)
}

fn list<T>(yaml: &Yaml, key: &str, read: impl Fn(&Yaml) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    yaml.get(key).map_or(Ok(Vec::new()), |value| value.items().iter().map(read).collect())
}

fn fields<T>(yaml: &Yaml, key: &str, read: impl Fn(&str, &Yaml) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let Some(value) = yaml.get(key) else { return Ok(Vec::new()) };
    value.map()?.iter().map(|(name, value)| read(name, value)).collect()
}
