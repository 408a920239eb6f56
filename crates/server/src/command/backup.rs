//! `hilum backup` and `hilum restore`: the whole record in one sealed file, and a record made of one.
//!
//! Both work on the directory itself. A backup is made beside the running server, by whoever may read its files; a restore
//! takes the directory's lock. No server gives the record away over HTTP: with it goes the key that ids are made with.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use record::{BackupError, Doing, Kept, Restored, Time};
use serde_json::json;

use super::{Failure, Output};
use crate::app;
use crate::config::Flags;
use crate::terminal;

#[derive(clap::Args)]
pub struct Args {
    /// Where the backup goes
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The directory of the record; by default the configuration's
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration; `hilum.toml` where none is given and one is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Put it in the place of a file that is there already
    #[arg(long)]
    replace: bool,
    /// Make none: look whether FILE is a whole and sound one
    #[arg(long, conflicts_with_all = ["data", "replace"])]
    verify: bool,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<Output>,
}

#[derive(clap::Args)]
pub struct RestoreArgs {
    /// What `hilum backup` made
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The directory of the new record; not there yet, or empty
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<Output>,
}

/// How often it is said how far it is.
const PROGRESS: Duration = Duration::from_secs(5);

pub fn run(args: Args) -> Result<(), Failure> {
    if args.verify {
        let kept = record::verify(&args.file, &mut progress()).map_err(told)?;
        return shown(&kept, &args);
    }
    let set = args.data.iter().map(|data| ("store.data", data.display().to_string())).collect();
    let config = super::config::load(&Flags { file: args.config.clone(), set })?;
    let kept = record::back_up(&config.store.data, &args.file, app::now(), args.replace, &mut progress());
    let kept = kept.map_err(told)?;
    if let Some(file) = &config.store.id_key_file {
        terminal::say(format_args!(
            "the backup holds the key that ids are made with; {} is not read again by a restored record",
            file.display()
        ));
    }
    shown(&kept, &args)
}

pub fn run_restore(args: RestoreArgs) -> Result<(), Failure> {
    let restored = record::restore(&args.file, &args.data, &mut progress()).map_err(told)?;
    let Restored { kept, epoch, sources } = &restored;
    if args.output.is_some() {
        let messages = |last: &record::Last| -> Vec<_> {
            let one = |(id, received): &(String, Time)| json!({ "control_id": id, "received": when(*received) });
            last.messages.iter().map(one).collect()
        };
        let sources: Vec<_> =
            sources.iter().map(|last| json!({ "source": last.source, "last": messages(last) })).collect();
        return super::json(&json!({ "backup": facts(kept), "epoch": epoch, "sources": sources }));
    }
    terminal::out(format_args!(
        "restored {} versions and {} messages, up to position {} of {}; the log is now epoch {epoch}",
        kept.versions,
        kept.messages,
        kept.position,
        when(kept.last)
    ));
    terminal::out(format_args!(
        "what was acknowledged after {} is not in it: ask each sender to send again from there",
        when(kept.made)
    ));
    let rows: Vec<Vec<String>> = sources
        .iter()
        .flat_map(|last| last.messages.iter().map(move |(id, came)| vec![last.source.clone(), id.clone(), when(*came)]))
        .collect();
    if !rows.is_empty() {
        terminal::table(&["SOURCE", "LAST MSH-10", "CAME"], &rows);
    }
    Ok(())
}

fn shown(kept: &Kept, args: &Args) -> Result<(), Failure> {
    if args.output.is_some() {
        return super::json(&facts(kept));
    }
    terminal::out(format_args!(
        "{}: {} versions and {} messages, up to position {} of {}; whole and sound",
        args.file.display(),
        kept.versions,
        kept.messages,
        kept.position,
        when(kept.last)
    ));
    Ok(())
}

fn facts(kept: &Kept) -> serde_json::Value {
    json!({
        "made": when(kept.made), "position": kept.position.to_string(), "last": when(kept.last), "versions": kept.versions,
        "messages": kept.messages, "epoch": kept.epoch
    })
}

fn when(time: Time) -> String {
    jiff::Timestamp::from_microsecond(time.0).map_or_else(|_| "an unknown time".to_owned(), |time| format!("{time:.0}"))
}

fn progress() -> impl FnMut(Doing, u64, u64) {
    let mut said = Instant::now();
    move |doing, done, whole| {
        if said.elapsed() < PROGRESS && doing != Doing::Checking {
            return;
        }
        said = Instant::now();
        match doing {
            Doing::Copying => terminal::say(format_args!("copied {} of {} MiB", done >> 20, whole >> 20)),
            Doing::Checking => terminal::say(format_args!("looking at every version and message")),
            Doing::Sealing => terminal::say(format_args!("sealed {} of {} MiB", done >> 20, whole >> 20)),
        }
    }
}

/// Whose fault it is: a file that is no backup is the input, a directory or name that does not fit is usage.
fn told(error: BackupError) -> Failure {
    let text = error.to_string();
    match error {
        BackupError::Broken(_) | BackupError::Unsound(_) => Failure::Input(text),
        BackupError::Missing(_) | BackupError::Exists(_) | BackupError::NotEmpty(_) => Failure::Usage(text),
        BackupError::UnderWay(_) | BackupError::Disk { .. } | BackupError::Store(_) => Failure::System(text),
    }
}
