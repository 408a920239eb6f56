//! `hilum convert`: a file of one format as another, without a server and without a record.
//!
//! Ids come of a fixed key, so that the same message always gives the same output. A file of several messages gives one
//! Bundle: what they say together, in their order.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fhir::{Issue, Resource};
use gateway::{BackOptions, Gateway, IdKey, Source, Stamp, Translation, Whole};
use hl7v2::Message;
use jiff::tz::TimeZone;

use super::Failure;
use crate::profiles;

/// Files of one batch.
const FILES_MAX: usize = 1_000_000;
/// Directories within one another.
const DEPTH_MAX: usize = 32;

#[derive(clap::Args)]
pub struct Args {
    /// The file to translate; - for standard input
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    file: Option<PathBuf>,
    /// What the file holds [default: told by its content]
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,
    /// What it is to become [default: fhir]
    #[arg(long, value_name = "FORMAT")]
    to: Option<Format>,
    /// Profiles of a site, over the base profiles
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
    /// The zone of times that were sent without one, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The message to write, such as ADT^A08, when the result is HL7 v2
    #[arg(long, value_name = "TYPE^TRIGGER")]
    message: Option<String>,
    /// Say on standard error which rule made what of which field, and what no rule read
    #[arg(long)]
    trace: bool,
    /// Translate every file below this directory
    #[arg(long, value_name = "DIR", requires = "out")]
    batch: Option<PathBuf>,
    /// Where the results go: IN/a/b.hl7 becomes OUT/a/b.json
    #[arg(long, value_name = "DIR", requires = "batch")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Hl7v2,
    Fhir,
    Cda,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let converter = Converter::new(&args)?;
    if let (Some(from), Some(to)) = (&args.batch, &args.out) {
        return batch(&converter, from, to);
    }
    let file = args.file.as_deref().unwrap_or(Path::new("-"));
    let bytes = read(file)?;
    let output = converter.convert(&bytes).map_err(|text| Failure::Input(format!("{}: {text}", file.display())))?;
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&output).and_then(|()| stdout.flush());
    written.map_err(|why| Failure::System(format!("cannot write the result: {why}")))
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

struct Converter {
    gateway: Gateway,
    source: Source,
    ids: IdKey,
    from: Option<Format>,
    to: Option<Format>,
    message: Option<String>,
    trace: bool,
}

impl Converter {
    fn new(args: &Args) -> Result<Converter, Failure> {
        if args.from == Some(Format::Cda) || args.to == Some(Format::Cda) {
            return Err(Failure::Usage("CDA is not translated yet: hl7v2 and fhir are".to_owned()));
        }
        let gateway = profiles::load(args.profiles.as_deref()).map_err(|fault| Failure::Input(fault.to_string()))?;
        let zone = args.zone.as_deref().map(TimeZone::get).transpose();
        let zone = zone
            .map_err(|_| Failure::Usage("--zone is no known time zone: use a name such as Europe/Berlin".to_owned()))?;
        Ok(Converter {
            gateway,
            source: Source { zone, ..Source::convert() },
            ids: IdKey::fixed(),
            from: args.from,
            to: args.to,
            message: args.message.clone(),
            trace: args.trace,
        })
    }

    fn convert(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        let from = self.from.unwrap_or(if first == Some(&b'{') { Format::Fhir } else { Format::Hl7v2 });
        let to = self.to.unwrap_or(if from == Format::Fhir { Format::Hl7v2 } else { Format::Fhir });
        match (from, to) {
            (Format::Hl7v2, Format::Fhir) => self.to_fhir(bytes),
            (Format::Fhir, Format::Hl7v2) => self.to_hl7v2(bytes),
            _ => Err("from and to are one format: there is nothing to translate".to_owned()),
        }
    }

    fn to_fhir(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let options = hl7v2::Options::default();
        let batch = hl7v2::batch::split(bytes, &options.limits).map_err(|fault| fault.to_string())?;
        let mut whole = Whole::default();
        let (mut failed, several) = (Vec::new(), batch.members.len() > 1);
        for (number, member) in batch.members.iter().enumerate() {
            let outcome = match Message::parse(member.bytes, &options) {
                Ok(parsed) => match self.gateway.translate(&parsed.message, &self.source, &self.ids, self.trace) {
                    Some(translation) if !several => {
                        self.say(&translation);
                        return Ok(json(&gateway::bundle(translation)));
                    }
                    Some(translation) => {
                        self.say(&translation);
                        whole.add(translation);
                        Ok(())
                    }
                    None => Err(format!("no profile is for {}", parsed.message.field(0, 9).raw())),
                },
                Err(fault) => Err(fault.to_string()),
            };
            if let Err(text) = outcome {
                failed.push(if several { format!("message {}: {text}", number + 1) } else { text });
            }
        }
        if failed.len() == batch.members.len() {
            return Err(if failed.is_empty() { "there is no message in it".to_owned() } else { failed.join("; ") });
        }
        failed.iter().for_each(|text| talk(text));
        Ok(json(&whole.into_bundle()))
    }

    fn to_hl7v2(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let resource = fhir::json::read(bytes).map_err(|issues| said(&issues))?;
        let time = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S+0000").to_string();
        let stamp = Stamp { time: &time, control_id: "1", ..Stamp::default() };
        let options = BackOptions { message: self.message.as_deref(), source: &self.source, stamp };
        let sent = self.gateway.back(&resource, &options).map_err(|issues| said(&issues))?;
        for issue in &sent.issues {
            talk(&format!("{} {}: {}", issue.severity.code(), issue.path, issue.text));
        }
        Ok(sent.text.into_bytes())
    }

    fn say(&self, translation: &Translation<'_>) {
        for issue in &translation.issues {
            talk(&format!("{} {}: {}", issue.severity.code(), issue.path, issue.text));
        }
        if !self.trace {
            return;
        }
        for step in &translation.trace {
            talk(&format!("{:<14} {:<40} {}#{}", step.place, step.element, step.profile, step.rule));
        }
        for place in &translation.residue {
            talk(&format!("{place:<14} - no rule read it"));
        }
    }
}

fn json(resource: &Resource<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    fhir::json::write_pretty(resource, &mut bytes);
    bytes.push(b'\n');
    bytes
}

fn said(issues: &[Issue]) -> String {
    let lines: Vec<String> = issues.iter().map(|issue| format!("{}: {}", issue.path, issue.text)).collect();
    lines.join("; ")
}

fn talk(text: &str) {
    // A closed standard error is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Every file below `from`; what cannot be translated is said and the rest goes on.
fn batch(converter: &Converter, from: &Path, to: &Path) -> Result<(), Failure> {
    let mut files = Vec::new();
    find(from, 0, &mut files)?;
    files.sort();
    let mut failed = 0;
    for file in &files {
        let outcome = fs::read(file).map_err(|why| why.to_string()).and_then(|bytes| converter.convert(&bytes));
        match outcome {
            Ok(output) => write(from, file, to, &output)?,
            Err(text) => {
                failed += 1;
                talk(&format!("{}: {text}", file.display()));
            }
        }
    }
    talk(&format!("{} of {} files translated", files.len() - failed, files.len()));
    if failed > 0 { Err(Failure::Input(format!("{failed} files could not be translated"))) } else { Ok(()) }
}

fn write(from: &Path, file: &Path, to: &Path, output: &[u8]) -> Result<(), Failure> {
    let ending = if output.first() == Some(&b'{') { "json" } else { "hl7" };
    let target = to.join(file.strip_prefix(from).unwrap_or(file)).with_extension(ending);
    let folder = target.parent().unwrap_or(to);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&target, output));
    written.map_err(|why| Failure::System(format!("cannot write {}: {why}", target.display())))
}

fn find(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let trouble = |why: std::io::Error| Failure::Input(format!("cannot read {}: {why}", folder.display()));
    for entry in fs::read_dir(folder).map_err(trouble)? {
        let path = entry.map_err(trouble)?.path();
        if path.is_dir() && depth < DEPTH_MAX {
            find(&path, depth + 1, files)?;
        } else if path.is_file() {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(Failure::Input(format!("{} holds more than {FILES_MAX} files", folder.display())));
        }
    }
    Ok(())
}
