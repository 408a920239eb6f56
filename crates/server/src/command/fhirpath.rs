//! `hilum fhirpath`: an expression asked of one resource, in JSON or XML; each item of the answer is a line of JSON.
//!
//! `now()` is the time of this machine, in UTC. References are followed to what is contained and to the other entries
//! of a Bundle; nothing is fetched.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use fhir::fhirpath::{Environment, Expression, Item};
use fhir::{Issue, Resource, json, schema, xml};

use super::Failure;
use crate::terminal;

#[derive(clap::Args)]
pub struct Args {
    /// Such as "name.where(use = 'official').family"
    expression: String,
    /// A file with one resource; - for standard input
    file: PathBuf,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let at_fault = |text: String| Failure::Input(format!("{}: {text}", args.file.display()));
    let bytes = read(&args.file)?;
    let resource = parse(&bytes).map_err(|issues| at_fault(told(&issues)))?;
    let kind = schema::r4().resource(resource.kind()).ok_or_else(|| at_fault("no resource of R4".to_owned()))?;
    let environment = Environment::of(&resource).ok_or_else(|| at_fault("no resource of R4".to_owned()))?;
    let expression = Expression::compile(&args.expression, kind).map_err(|error| Failure::Usage(error.to_string()))?;
    if expression.finds_nothing() {
        return Err(Failure::Usage(format!(
            "the expression finds nothing in a {}, ever: is it meant for another type?",
            kind.name
        )));
    }
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let items = expression.evaluate_in(&environment.at(&now), Item::Element(environment.resource));
    let mut lines = Vec::new();
    for item in items.map_err(|error| at_fault(error.to_string()))? {
        item.write_json(&mut lines);
        lines.push(b'\n');
    }
    terminal::data(&lines);
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().lock().read_to_end(&mut bytes).map(drop),
        false => fs::read(file).map(|read| bytes = read),
    };
    read.map_err(|why| Failure::Input(format!("cannot read {}: {why}", file.display())))?;
    Ok(bytes)
}

/// XML begins with `<`, whatever the file is called.
fn parse(bytes: &[u8]) -> Result<Resource<'_>, Vec<Issue>> {
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => xml::read(bytes),
        _ => json::read(bytes),
    }
}

fn told(issues: &[Issue]) -> String {
    issues.iter().map(|issue| format!("{} {}", issue.path, issue.text)).collect::<Vec<_>>().join("; ")
}
