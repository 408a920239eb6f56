//! Code maps between a source's codes and FHIR's, both ways.

use std::collections::HashMap;

use crate::profile::MapDocument;
use crate::yaml::Fault;

/// A compiled map. A code that it does not list is `None`, unless the map says what others become.
#[derive(Debug, Clone, Default)]
pub struct CodeMap {
    pub name: String,
    /// System of the source's codes; kept on the original coding.
    pub from: Option<String>,
    /// System of the target's codes.
    pub to: Option<String>,
    forward: HashMap<String, String>,
    backward: HashMap<String, String>,
    other: Option<String>,
    display: HashMap<String, String>,
}

impl CodeMap {
    /// Refuses a map that loses (two codes become one) without saying which one goes back.
    pub fn compile(document: &MapDocument) -> Result<CodeMap, Fault> {
        let mut backward: HashMap<String, String> = document.prefer.iter().cloned().collect();
        let mut first: HashMap<&str, &str> = HashMap::new();
        for (code, target) in &document.codes {
            match first.insert(target, code) {
                Some(before) if !prefers(document, target) => {
                    let text =
                        format!("{before:?} and {code:?} both become {target:?}: `prefer` must say which goes back");
                    return Err(fault(document, text));
                }
                _ => {}
            }
            backward.entry(target.clone()).or_insert_with(|| code.clone());
        }
        Ok(CodeMap {
            name: document.name.clone(),
            from: document.from.clone(),
            to: document.to.clone(),
            forward: document.codes.iter().cloned().collect(),
            backward,
            other: document.other.clone(),
            display: document.display.iter().cloned().collect(),
        })
    }

    pub fn to_fhir(&self, code: &str) -> Option<&str> {
        self.forward.get(code).or(self.other.as_ref()).map(String::as_str)
    }

    /// The system and code that a code becomes: a target may name a system of its own, as `system|code`.
    pub fn to_coding(&self, code: &str) -> Option<(Option<&str>, &str)> {
        let target = self.to_fhir(code)?;
        Some(match target.split_once('|') {
            Some((system, code)) => (Some(system), code),
            None => (self.to.as_deref(), target),
        })
    }

    pub fn to_source(&self, code: &str) -> Option<&str> {
        self.backward.get(code).map(String::as_str)
    }

    pub fn display(&self, target: &str) -> Option<&str> {
        self.display.get(target).map(String::as_str)
    }

    /// Everything that the map can produce, for the check against a required binding.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.forward.values().chain(&self.other).map(String::as_str)
    }
}

/// Whether `prefer` names one of the codes that become `target`. It may also name one for a target that nothing
/// becomes: that entry holds backwards only.
fn prefers(document: &MapDocument, target: &str) -> bool {
    let chosen = document.prefer.iter().find(|(known, _)| known == target);
    chosen.is_some_and(|(_, code)| document.codes.iter().any(|(known, to)| known == code && to == target))
}

fn fault(document: &MapDocument, text: String) -> Fault {
    Fault::new(document.line, format!("map {:?}: {text}", document.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Document;

    fn compile(text: &str) -> Result<CodeMap, Fault> {
        match Document::read("test", &crate::yaml::read(text).expect("yaml")[0]).expect("a map") {
            Document::Map(map) => CodeMap::compile(&map),
            Document::Profile(_) => panic!("a map"),
        }
    }

    #[test]
    fn both_ways_with_a_preferred_inverse() {
        let map = compile("map: S\ncodes: { M: male, O: other, A: other }\nprefer: { other: O }\nother: unknown\n")
            .expect("ok");
        assert_eq!(map.to_fhir("A"), Some("other"));
        assert_eq!(map.to_fhir("?"), Some("unknown"));
        assert_eq!(map.to_source("other"), Some("O"));
        assert_eq!(map.to_source("unknown"), None);
    }

    #[test]
    fn a_map_that_loses_says_which_goes_back() {
        assert!(compile("map: S\ncodes: { O: other, A: other }\n").expect_err("refused").text.contains("prefer"));
    }
}
