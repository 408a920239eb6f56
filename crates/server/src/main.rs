//! The program `hilum`: the wiring of the rooms, and everything that touches the outside world.
//!
//! A command is a file of `command/`. Data goes to stdout, talk to stderr. It exits with 0 when it is done, 1 when the
//! input is at fault, 2 on wrong usage and 3 when the system is at fault. No rule of the domain lives here.
#![forbid(unsafe_code)]

mod app;
mod bulk;
mod command;
mod config;
mod demo;
mod http;
mod intake;
mod interaction;
mod log;
mod metrics;
mod mllp;
mod operation;
mod peers;
mod profiles;
mod query;
mod shutdown;
mod signals;
mod source;
mod subscription;
mod terminal;
mod upkeep;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

/// Translating and filing a message makes many small values; this allocator is quicker at them than glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A FHIR gateway for clinics: HL7 v2 in, FHIR R4 out, and back.
#[derive(Parser)]
#[command(name = "hilum", version, arg_required_else_help = true)]
struct Program {
    #[command(subcommand)]
    command: command::Command,
}

fn main() -> ExitCode {
    let program = match Program::try_parse() {
        Ok(program) => program,
        Err(error) => return told(&error),
    };
    match command::run(program.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::say(format_args!("hilum: {failure}"));
            ExitCode::from(failure.code())
        }
    }
}

/// Help and version were asked for; everything else is wrong usage.
fn told(error: &clap::Error) -> ExitCode {
    // Where not even this can be written, the exit code has to say it.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    }
}
