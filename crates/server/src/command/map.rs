//! `hilum map`: check, test and explain mapping profiles, without a server.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use gateway::{Gateway, IdKey, Source, Translation};
use hl7v2::Message;

use super::Failure;
use crate::profiles;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Load all profiles and say everything that is wrong with them
    Check(Profiles),
    /// Run the tests that stand beside the rules
    Test(Profiles),
    /// Begin an overlay for a site: a profile on standard output, to be completed
    New {
        /// Its name, such as acme/clinic7
        name: String,
        /// The profile that it amends, such as hl7v2/PID
        #[arg(long, default_value = "hl7v2/PID")]
        extends: String,
        /// The configured source that it is for
        #[arg(long, default_value = "my-source")]
        source: String,
    },
    /// Of these messages: how much the rules read, and the fields that none reads
    Coverage {
        #[command(flatten)]
        profiles: Profiles,
        /// Messages or files of messages
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// What each field of a message became, and by which rule
    Explain {
        #[command(flatten)]
        profiles: Profiles,
        file: PathBuf,
    },
}

#[derive(clap::Args)]
struct Profiles {
    /// Profiles of a site, over the base profiles
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Check(from) => check(&from.load()?),
        What::Test(from) => test(&from.load()?),
        What::New { name, extends, source } => new(&name, &extends, &source),
        What::Coverage { profiles, files } => coverage(&profiles.load()?, &files),
        What::Explain { profiles, file } => explain(&profiles.load()?, &file),
    }
}

impl Profiles {
    fn load(&self) -> Result<Gateway, Failure> {
        profiles::load(self.profiles.as_deref()).map_err(|fault| Failure::Input(fault.to_string()))
    }
}

fn check(gateway: &Gateway) -> Result<(), Failure> {
    let (profiles, rules, maps) = gateway.counts();
    say(&format!("{profiles} profiles with {rules} rules and {maps} code maps: all of them load"))
}

fn test(gateway: &Gateway) -> Result<(), Failure> {
    let tested = gateway.test();
    for fault in &tested.faults {
        say(&fault.to_string())?;
    }
    say(&format!("{} passed, {} failed", tested.passed, tested.faults.len()))?;
    match tested.faults.len() {
        0 => Ok(()),
        failed => Err(Failure::Input(format!("{failed} tests beside the rules failed"))),
    }
}

fn new(name: &str, extends: &str, source: &str) -> Result<(), Failure> {
    if Gateway::load([]).is_ok_and(|base| !base.knows(extends)) {
        return Err(Failure::Usage(format!(
            "there is no profile {extends:?} to extend: `hilum map check` lists what there is"
        )));
    }
    say(&format!(
        "# What {source} says otherwise than {extends}. A rule of the same name amends the base's; `name: drop` removes it.\n\
         profile: {name}\n\
         extends: {extends}\n\
         match: {{ $source: {source} }}\n\
         rules:\n\
         \x20 # insurer: {{ v2: ZPI-4, fhir: \"extension[url=https://example.org/insurer].valueString\" }}\n\
         \x20 {{}}"
    ))
}

fn coverage(gateway: &Gateway, files: &[PathBuf]) -> Result<(), Failure> {
    let (mut messages, mut values, mut unread) = (0, 0, 0);
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        each(gateway, file, |translation| {
            messages += 1;
            values += translation.values;
            unread += translation.residue.len();
            for place in &translation.residue {
                *places.entry(without_occurrences(place)).or_default() += 1;
            }
            Ok(())
        })?;
    }
    let mut listed: Vec<(String, usize)> = places.into_iter().collect();
    listed.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    for (place, count) in &listed {
        say(&format!("{count:>8}  {place}"))?;
    }
    let read = 100.0 * (values - unread.min(values)) as f64 / values.max(1) as f64;
    say(&format!(
        "{messages} messages, {values} values sent, {read:.1} % read; {} fields that no rule reads",
        listed.len()
    ))
}

/// `OBX[3]-5[2].1` is `OBX-5.1` in a list of fields.
fn without_occurrences(place: &str) -> String {
    let mut plain = String::with_capacity(place.len());
    let mut inside = false;
    for c in place.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    plain
}

fn explain(gateway: &Gateway, file: &Path) -> Result<(), Failure> {
    each(gateway, file, |translation| {
        say(&format!("profile {}", translation.profile))?;
        for step in &translation.trace {
            say(&format!("{:<14} {:<56} {}#{}", step.place, step.element, step.profile, step.rule))?;
        }
        for issue in &translation.issues {
            say(&format!("{:<14} {}: {}", issue.path, issue.severity.code(), issue.text))?;
        }
        for place in &translation.residue {
            say(&format!("{place:<14} no rule reads it"))?;
        }
        Ok(())
    })
}

/// Translates every message of a file with its trace.
fn each(
    gateway: &Gateway,
    file: &Path,
    mut with: impl FnMut(&Translation<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let bytes = fs::read(file).map_err(|why| Failure::Input(format!("cannot read {}: {why}", file.display())))?;
    let options = hl7v2::Options::default();
    let fault = |fault: hl7v2::Fault| Failure::Input(format!("{}: {fault}", file.display()));
    let (source, ids) = (Source::convert(), IdKey::fixed());
    for member in hl7v2::batch::split(&bytes, &options.limits).map_err(fault)?.members {
        let parsed = Message::parse(member.bytes, &options).map_err(fault)?;
        match gateway.translate(&parsed.message, &source, &ids, true) {
            Some(translation) => with(&translation)?,
            None => say(&format!("no profile is for {}", parsed.message.field(0, 9).raw()))?,
        }
    }
    Ok(())
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(|why| Failure::System(format!("cannot write: {why}")))
}
