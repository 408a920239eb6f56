//! The codes of the value sets that a `code` element is bound to with strength `required`.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{Package, Result, items, text};

pub const LEGEND: &str = "\
The codes of required bindings: name of the value set, then its codes, separated by tabs.
A value set that stands for an open code system (media types, currencies, languages) has no line.";

const FILES: [&str; 3] = ["valuesets.json", "v3-codesystems.json", "v2-tables.json"];

struct Terminology {
    sets: HashMap<String, Value>,
    systems: HashMap<String, Value>,
}

/// One line for each of `bound`, the addresses of the value sets.
pub fn compile(package: &Package, bound: &BTreeSet<String>) -> Result<String> {
    let terminology = Terminology::read(package)?;
    let mut lines = String::new();
    for url in bound {
        if let Some(codes) = terminology.codes(url)? {
            let columns: Vec<&str> = std::iter::once(name(url)).chain(codes.iter().map(String::as_str)).collect();
            lines += &(columns.join("\t") + "\n");
        }
    }
    Ok(lines)
}

/// Lines of an element, a system and its codes, for elements that are each bound to a value set. A value set that the
/// package does not have is left out.
pub fn concepts(package: &Package, bound: &[(&str, &str)]) -> Result<String> {
    let terminology = Terminology::read(package)?;
    let mut lines = String::new();
    for (path, url) in bound {
        let Some(set) = terminology.sets.get(*url) else { continue };
        for include in items(&set["compose"], "include") {
            if !(items(include, "filter").is_empty() && items(include, "valueSet").is_empty()) {
                return Err(format!("value set {url} includes by rule, which this command cannot do").into());
            }
            let codes = terminology.included(include).unwrap_or_default();
            let columns = [*path, text(include, "system")].into_iter().chain(codes.iter().map(String::as_str));
            lines += &(columns.collect::<Vec<_>>().join("\t") + "\n");
        }
    }
    Ok(lines)
}

/// How the tables call a value set: the last part of its address.
pub fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

impl Terminology {
    fn read(package: &Package) -> Result<Terminology> {
        let mut terminology = Terminology { sets: HashMap::new(), systems: HashMap::new() };
        for file in FILES {
            let keyed = |resource: Value| (text(&resource, "url").to_owned(), resource);
            terminology.sets.extend(package.resources(file, "ValueSet")?.into_iter().map(keyed));
            terminology.systems.extend(package.resources(file, "CodeSystem")?.into_iter().map(keyed));
        }
        Ok(terminology)
    }

    /// All codes of a value set; none where one of its systems is not listed in full.
    fn codes(&self, url: &str) -> Result<Option<BTreeSet<String>>> {
        let set = self.sets.get(url).ok_or_else(|| format!("value set {url} is not in the package"))?;
        let mut codes = BTreeSet::new();
        let compose = &set["compose"];
        if !items(compose, "exclude").is_empty() {
            return Err(format!("value set {url} excludes codes, which this command cannot do").into());
        }
        for include in items(compose, "include") {
            if !(items(include, "filter").is_empty() && items(include, "valueSet").is_empty()) {
                return Err(format!("value set {url} includes by rule, which this command cannot do").into());
            }
            match self.included(include) {
                None => return Ok(None),
                Some(included) => codes.extend(included),
            }
        }
        Ok(Some(codes))
    }

    /// What one part of a value set lists, or all codes of its system; none where the system is not listed in full.
    fn included(&self, include: &Value) -> Option<BTreeSet<String>> {
        let mut codes = BTreeSet::new();
        match items(include, "concept") {
            [] => collect(items(self.systems.get(text(include, "system"))?, "concept"), &mut codes),
            listed => collect(listed, &mut codes),
        }
        Some(codes)
    }
}

fn collect(concepts: &[Value], codes: &mut BTreeSet<String>) {
    for concept in concepts {
        codes.insert(text(concept, "code").to_owned());
        collect(items(concept, "concept"), codes);
    }
}
