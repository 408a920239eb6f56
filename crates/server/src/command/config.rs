//! `hilum config show|check`: what is in force and why, and whether the server would start with it.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::Failure;
use crate::config::{self, Config, Flags, Loaded};
use crate::{app, profiles, terminal};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Every setting, its value, and where the value came from
    Show(Show),
    /// Whether the server would start with it; what is wrong, key by key
    Check(File),
}

#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    file: File,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<super::Output>,
}

#[derive(clap::Args)]
struct File {
    /// The configuration; `hilum.toml` where none is given and one is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Serialize)]
struct Setting {
    key: String,
    value: Option<String>,
    origin: String,
}

pub fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Show(show_args) => show(show_args),
        What::Check(file) => check(file),
    }
}

/// The configuration of a command: flags over the environment over the file.
pub fn load(flags: &Flags) -> Result<Config, Failure> {
    loaded(flags).map(|loaded| loaded.config)
}

fn loaded(flags: &Flags) -> Result<Loaded, Failure> {
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    config::load(flags, environment).map_err(|faults| Failure::Usage(faults.join("\n")))
}

fn show(args: Show) -> Result<(), Failure> {
    let loaded = loaded(&Flags { file: args.file.config, set: Vec::new() })?;
    let settings = loaded.settings.into_iter();
    let settings: Vec<Setting> =
        settings.map(|set| Setting { key: set.key, value: set.value, origin: set.origin.to_string() }).collect();
    if args.output.is_some() {
        return super::json(&settings);
    }
    let cells = |set: Setting| vec![set.key, set.value.unwrap_or_else(|| "-".to_owned()), set.origin];
    terminal::table(&["SETTING", "VALUE", "FROM"], &settings.into_iter().map(cells).collect::<Vec<_>>());
    Ok(())
}

fn check(file: File) -> Result<(), Failure> {
    let config = load(&Flags { file: file.config, set: Vec::new() })?;
    let mut faults = app::sources(&config).err().unwrap_or_default();
    if let Err(fault) = profiles::load(config.profiles.directory.as_deref()) {
        faults.push(fault.to_string());
    }
    faults.extend(app::engine(&config).err());
    if !config.http.listen.ip().is_loopback() && !config.http.trusted_network {
        faults.push(format!("http.listen is {}, beyond this machine: see http.trusted_network", config.http.listen));
    }
    if !faults.is_empty() {
        return Err(Failure::Usage(faults.join("\n")));
    }
    terminal::say(format_args!("the configuration is sound: {} sources", config.source.len()));
    Ok(())
}
