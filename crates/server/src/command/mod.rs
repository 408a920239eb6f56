//! What can be asked of `hilum` on the command line: a file for each command.
//!
//! The spelling is stable, because other programs call it (`architecture.md`, Command line).

mod ask;
mod backup;
mod bench;
mod config;
mod convert;
mod doctor;
mod export;
mod fhirpath;
mod identity;
mod import;
mod map;
mod message;
mod peer;
mod send;
mod serve;
mod validate;

use std::fmt;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use crate::terminal;

#[derive(Subcommand)]
pub enum Command {
    /// Run the gateway: HTTP, MLLP and the record.
    Serve(serve::Args),
    /// Translate a file; one Bundle (or message) on stdout.
    Convert(convert::Args),
    /// Ask a resource by a FHIRPath expression; one JSON value a line on stdout.
    Fhirpath(fhirpath::Args),
    /// Say what is wrong with a resource; an OperationOutcome on stdout.
    Validate(validate::Args),
    /// Send messages over MLLP and print the answers.
    Send(send::Args),
    /// Bring Bundles and files of resources into a running server.
    Import(import::Args),
    /// Bring whole records of a running server into files.
    Export(export::Args),
    /// Check, test and explain mapping profiles.
    Map(map::Args),
    /// Find which Patients are one person, explain why, and learn what agreement is worth.
    Identity(identity::Args),
    /// List, show and replay the messages that came in.
    Message(message::Args),
    /// Copy the whole record into one sealed file, beside the running server.
    Backup(backup::Args),
    /// Make a record of a backup, in a new directory.
    Restore(backup::RestoreArgs),
    /// The servers that records travel to: add, list, show, pause, resume, redrive, remove.
    Peer(peer::Args),
    /// How far records have travelled.
    Sync(peer::SyncArgs),
    /// Look whether everything is as it should be, and say what to do.
    Doctor(doctor::Args),
    /// Show or check the configuration.
    Config(config::Args),
    /// Measure this machine: messages a second, and how long an answer takes.
    Bench(bench::Args),
}

pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Fhirpath(args) => fhirpath::run(args),
        Command::Validate(args) => validate::run(args),
        Command::Send(args) => send::run(args),
        Command::Import(args) => import::run(args),
        Command::Export(args) => export::run(args),
        Command::Map(args) => map::run(args),
        Command::Identity(args) => identity::run(args),
        Command::Message(args) => message::run(args),
        Command::Backup(args) => backup::run(args),
        Command::Restore(args) => backup::run_restore(args),
        Command::Peer(args) => peer::run(args),
        Command::Sync(args) => peer::sync(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Config(args) => config::run(args),
        Command::Bench(args) => bench::run(args),
    }
}

/// Why a command did not do what was asked. Each text says what is wrong, where, and what to do.
#[derive(Debug)]
pub enum Failure {
    /// The input is at fault.
    Input(String),
    /// It was called wrongly, or the configuration is wrong.
    Usage(String),
    /// The system is at fault: a disk, a socket, a server that does not answer.
    System(String),
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Failure::Input(_) => 1,
            Failure::Usage(_) => 2,
            Failure::System(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Input(text) | Failure::Usage(text) | Failure::System(text)) = self;
        out.write_str(text)
    }
}

/// `-o`: how the answer looks. Without it, a table for people.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Json,
}

/// Writes JSON for programs.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|why| Failure::System(why.to_string()))?;
    terminal::out(format_args!("{text}"));
    Ok(())
}

/// The runtime of a command that waits for something. Parsing and committing have threads of their own.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|why| Failure::System(format!("cannot start threads: {why}")))
}
