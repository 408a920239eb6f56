//! The process's own log, on stderr: one line each, text for people or JSON for collectors.
//!
//! What may be said in it is the writers' business (`style.md`, Logs); this sets only form and level.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config;

/// What libraries tell of their own life is not ours to tell, unless the level asks for it by name. That a stranger sent
/// what is no HTTP is an error of his, which nobody has to act on.
const QUIET: &str = "actix_server=warn,actix_http=warn,actix_http::h1::dispatcher=off";

/// Begins logging. A second call in one process changes nothing.
pub fn start(config: &config::Log) {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.level)).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        config::LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        config::LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // Tests start several servers in one process: the first one's log serves them all.
    drop(started);
}
