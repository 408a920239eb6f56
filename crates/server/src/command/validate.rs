//! `hilum validate`: what is wrong with a resource, as an OperationOutcome, without a server and without a record.
//!
//! A file of JSON or XML is one resource; one named `.ndjson` has a resource in each line. Lines and columns are told as
//! well as elements. A resource is valid where nothing weighs an error.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use fhir::validate::{Options, is_valid, validate};
use fhir::{Issue, json, ndjson, xml};

use super::Failure;
use crate::terminal;

#[derive(clap::Args)]
pub struct Args {
    /// The file to validate; - for standard input
    file: PathBuf,
    /// Packages with the profiles to validate against (not served yet)
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
    /// The profile to validate against (not served yet)
    #[arg(long, value_name = "URL")]
    profile: Option<String>,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let unserved = [("--packages", args.packages.is_some()), ("--profile", args.profile.is_some())];
    if let Some((name, _)) = unserved.iter().find(|(_, is_given)| *is_given) {
        let text = format!("{name}: profiles are not validated yet; leave it out to validate against R4 itself");
        return Err(Failure::Usage(text));
    }
    let bytes = read(&args.file)?;
    let issues = match args.file.extension().is_some_and(|ending| ending == "ndjson") {
        true => by_line(&bytes),
        false => judged(&bytes),
    };
    let mut outcome = Vec::new();
    json::write_pretty(&fhir::outcome(&issues), &mut outcome);
    outcome.push(b'\n');
    terminal::data(&outcome);
    match is_valid(&issues) {
        true => Ok(()),
        false => Err(Failure::Input(format!("{} is not valid", args.file.display()))),
    }
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

/// What is wrong with one resource, of JSON or XML.
fn judged(bytes: &[u8]) -> Vec<Issue> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let is_xml = text.trim_ascii_start().first() == Some(&b'<');
    let read = if is_xml { xml::read(bytes) } else { json::read(bytes) };
    let mut issues = match read {
        Ok(resource) => validate(&resource, &Options::default()),
        Err(issues) => issues,
    };
    match is_xml {
        true => xml::locate(bytes, &mut issues),
        false => json::locate(bytes, &mut issues),
    }
    issues
}

/// The same of a resource in each line; what is found in a line is told with its number.
fn by_line(bytes: &[u8]) -> Vec<Issue> {
    let mut all = Vec::new();
    for line in ndjson::lines(bytes) {
        match line {
            Ok(line) => {
                let number = u32::try_from(line.number).unwrap_or(u32::MAX);
                let mut issues = judged(line.bytes);
                issues.iter_mut().filter_map(|issue| issue.place.as_mut()).for_each(|place| place.line = number);
                all.append(&mut issues);
            }
            Err(issue) => all.push(issue),
        }
    }
    all
}
