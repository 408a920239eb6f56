//! YAML documents as a tree that remembers where everything stood.
//!
//! Every scalar stays the text that was written: `N`, `01` and `1.10` are codes here, never booleans or numbers. Aliases
//! and tags are refused; a key may stand once. Not for FHIR or for configuration.

use saphyr_parser::{Event, Parser, Span};

/// How deeply a profile may nest.
const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone)]
pub struct Yaml {
    pub line: usize,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub enum Value {
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

/// What is wrong with a document, and on which line.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub line: usize,
    pub text: String,
}

impl Fault {
    pub fn new(line: usize, text: impl Into<String>) -> Self {
        Fault { line, text: text.into() }
    }
}

/// All documents of a file.
pub fn read(text: &str) -> Result<Vec<Yaml>, Fault> {
    let mut reader = Reader { parser: Parser::new_from_str(text) };
    let mut documents = Vec::new();
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::DocumentStart(_) => {
                let (event, span) = reader.next()?;
                let document = reader.node(event, span, 0)?;
                if !matches!(&document.value, Value::Text(text) if text.is_empty()) {
                    documents.push(document);
                }
            }
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            _ => return Err(Fault::new(line_of(&span), "text outside a document")),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        match self.parser.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => Err(Fault::new(error.marker().line(), format!("not YAML: {}", error.info()))),
            None => Err(Fault::new(0, "the file ends within a document")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Yaml, Fault> {
        let line = line_of(&span);
        if depth > DEPTH_MAX {
            return Err(Fault::new(line, format!("nested more than {DEPTH_MAX} deep")));
        }
        let value = match event {
            Event::Scalar(text, ..) => Value::Text(if text == "~" { String::new() } else { text.into_owned() }),
            Event::SequenceStart(..) => Value::List(self.list(depth)?),
            Event::MappingStart(..) => Value::Map(self.map(depth)?),
            Event::Alias(_) => return Err(Fault::new(line, "aliases are not used in profiles: write it out")),
            other => return Err(Fault::new(line, format!("unexpected {other:?}"))),
        };
        Ok(Yaml { line, value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Yaml>, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(String, Yaml)>, Fault> {
        let mut fields: Vec<(String, Yaml)> = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(fields),
                (Event::Scalar(text, ..), span) => (text.into_owned(), line_of(&span)),
                (_, span) => return Err(Fault::new(line_of(&span), "a key must be plain text")),
            };
            if fields.iter().any(|(known, _)| *known == key.0) {
                return Err(Fault::new(key.1, format!("the key {:?} stands twice", key.0)));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            fields.push((key.0, value));
        }
    }
}

fn line_of(span: &Span) -> usize {
    span.start.line()
}

impl Yaml {
    pub fn text(&self) -> Result<&str, Fault> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(Fault::new(self.line, "expected plain text here")),
        }
    }

    pub fn map(&self) -> Result<&[(String, Yaml)], Fault> {
        match &self.value {
            Value::Map(fields) => Ok(fields),
            _ => Err(Fault::new(self.line, "expected `key: value` pairs here")),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Yaml> {
        match &self.value {
            Value::Map(fields) => fields.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The items of a list; plain text is a list of one.
    pub fn items(&self) -> &[Yaml] {
        match &self.value {
            Value::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    pub fn texts(&self) -> Result<Vec<String>, Fault> {
        self.items().iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    pub fn flag(&self) -> Result<bool, Fault> {
        match self.text()? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Fault::new(self.line, "expected true or false")),
        }
    }

    /// Refuses keys that the reader of this map does not know, naming those that it does.
    pub fn only(&self, known: &[&str]) -> Result<(), Fault> {
        for (key, value) in self.map()? {
            if !known.contains(&key.as_str()) {
                return Err(Fault::new(
                    value.line,
                    format!("unknown key {key:?}; here may stand: {}", known.join(", ")),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stay_text_and_lines_are_kept() {
        let documents = read("a: { N: no, 01: one, v: 1.10 }\n---\nb: [x, 'y']\n").expect("valid");
        assert_eq!(documents.len(), 2);
        let map = documents[0].get("a").expect("a");
        assert_eq!(map.get("01").expect("01").text(), Ok("one"));
        assert_eq!(map.get("v").expect("v").text(), Ok("1.10"));
        assert_eq!(documents[1].get("b").expect("b").line, 3);
        assert_eq!(documents[1].get("b").expect("b").texts(), Ok(vec!["x".into(), "y".into()]));
    }

    #[test]
    fn faults_name_their_line() {
        for (text, line, part) in
            [("a: 1\na: 2\n", 2, "stands twice"), ("a: &x 1\nb: *x\n", 2, "aliases"), ("a: [1\n", 2, "not YAML")]
        {
            let fault = read(text).expect_err(text);
            assert!(fault.text.contains(part), "{text:?}: {fault:?}");
            assert_eq!(fault.line, line, "{text:?}: {fault:?}");
        }
    }
}
