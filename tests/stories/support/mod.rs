//! What the stories are told with. It knows Hilum only from outside, as its users do.

pub mod cli;
pub mod directory;
pub mod fsh;
pub mod http;
pub mod json;
pub mod message;
pub mod mllp;
pub mod random;
pub mod raw;
pub mod receiver;
pub mod server;
pub mod shared;
pub mod siege;
pub mod tree;

use std::io::Write;
use std::time::Duration;

/// How long anything that is waited for may take before the story fails. Nothing waits that long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Says that a story was not told, and why. Written past the test runner, which would keep it to itself.
pub fn skip(why: &str) {
    let story = std::thread::current().name().unwrap_or("a story").to_owned();
    writeln!(std::io::stderr(), "skipped: {story}: {why}").expect("stderr can be written");
}
