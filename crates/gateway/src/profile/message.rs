//! Message profiles as they are written: groups, resources, merges.

use super::{Guard, Key, fields, flag, list, optional_text, read_guard, read_key, required_text};
use crate::path::Slot;
use crate::yaml::{Fault, Yaml};

#[derive(Debug, Clone, Default)]
pub struct Message {
    pub messages: Vec<String>,
    pub groups: Vec<Group>,
    pub resources: Vec<ResourceUse>,
    pub merges: Vec<Merge>,
}

#[derive(Debug, Clone)]
pub struct Group {
    pub name: String,
    pub line: usize,
    pub opens: Vec<String>,
    pub within: Option<String>,
    pub holds: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct ResourceUse {
    pub name: String,
    pub line: usize,
    pub profile: String,
    pub each: String,
    pub stub: bool,
    pub transient: bool,
    pub snapshot: Option<String>,
    pub when: Vec<(Slot, Guard)>,
    /// Later segments of the same key that satisfy these belong to the first: text over many OBX.
    pub join: Vec<(Slot, Guard)>,
}

#[derive(Debug, Clone)]
pub struct Merge {
    pub line: usize,
    pub of: String,
    pub each: String,
    pub prior: Key,
    pub how: How,
    pub when: Vec<(Slot, Guard)>,
}

/// What a message says of two resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The prior is retired for the survivor.
    Merge,
    /// The prior's resource gets a new identifier.
    Alias,
    /// Statements about identity, and data filed wrongly: for a person to decide.
    Link,
    Unlink,
    Move,
}

pub fn read(yaml: &Yaml) -> Result<Message, Fault> {
    Ok(Message {
        messages: yaml.get("messages").map_or(Ok(Vec::new()), Yaml::texts)?,
        groups: fields(yaml, "groups", read_group)?,
        resources: fields(yaml, "resources", read_resource)?,
        merges: list(yaml, "merges", read_merge)?,
    })
}

fn read_group(name: &str, yaml: &Yaml) -> Result<Group, Fault> {
    yaml.only(&["opens", "within", "holds"])?;
    Ok(Group {
        name: name.to_owned(),
        line: yaml.line,
        opens: yaml.get("opens").ok_or_else(|| Fault::new(yaml.line, "a group says what `opens` it"))?.texts()?,
        within: optional_text(yaml, "within")?,
        holds: yaml.get("holds").map_or(Ok(Vec::new()), Yaml::texts)?,
    })
}

fn read_resource(name: &str, yaml: &Yaml) -> Result<ResourceUse, Fault> {
    yaml.only(&["profile", "each", "stub", "transient", "snapshot", "when", "join"])?;
    Ok(ResourceUse {
        name: name.to_owned(),
        line: yaml.line,
        profile: required_text(yaml, "profile")?,
        each: required_text(yaml, "each")?,
        stub: flag(yaml, "stub")?,
        transient: flag(yaml, "transient")?,
        snapshot: optional_text(yaml, "snapshot")?,
        when: fields(yaml, "when", read_guard)?,
        join: fields(yaml, "join", read_guard)?,
    })
}

fn read_merge(yaml: &Yaml) -> Result<Merge, Fault> {
    yaml.only(&["of", "each", "prior", "how", "when"])?;
    let prior = yaml.get("prior").ok_or_else(|| Fault::new(yaml.line, "a merge says `prior`"))?;
    let how = match required_text(yaml, "how")?.as_str() {
        "merge" => How::Merge,
        "alias" => How::Alias,
        "link" => How::Link,
        "unlink" => How::Unlink,
        "move" => How::Move,
        _ => return Err(Fault::new(yaml.line, "`how` is merge, alias, link, unlink or move")),
    };
    Ok(Merge {
        line: yaml.line,
        of: required_text(yaml, "of")?,
        each: required_text(yaml, "each")?,
        prior: read_key(prior)?,
        how,
        when: fields(yaml, "when", read_guard)?,
    })
}
