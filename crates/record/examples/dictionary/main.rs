//! Makes `src/dictionary-1.zstd`: what bodies are compressed with, from invented resources: what sources of HL7 v2 make
//! (`sources.ndjson`) and what other servers send (`templates.txt`).
//!
//! ```text
//! cargo run --release -p record --example dictionary                 writes it anew
//! cargo run --release -p record --example dictionary -- FILE.ndjson  what it does to other resources, one a line
//! ```
//! A dictionary that a store was written with is needed for ever: once released, another one gets another name.
#![allow(clippy::print_stdout, reason = "a tool of developers, who read what it prints")]

mod invented;

use std::error::Error;
use std::path::Path;

use invented::Invented;

/// Twice as large saves two bytes in a hundred and is slower to use.
const BYTES: usize = 32 * 1024;
const PERSONS: u64 = 60;
const ENCOUNTERS: usize = 12;

fn main() -> Result<(), Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dictionary-1.zstd");
    let others: Vec<String> = std::env::args().skip(1).collect();
    if let Some(other) = others.first() {
        let text = std::fs::read_to_string(other)?;
        return tell(&std::fs::read(file)?, &text.lines().collect::<Vec<_>>());
    }
    let invented = Invented::read();
    let mut samples: Vec<String> = include_str!("sources.ndjson").lines().map(str::to_owned).collect();
    for person in 0..PERSONS {
        samples.extend(invented.person(person, ENCOUNTERS).into_iter().map(|(_, json)| json));
    }
    let samples: Vec<&str> = samples.iter().map(String::as_str).collect();
    let kept: Vec<&str> = samples.iter().map(|json| kept(json)).collect();
    let dictionary = zstd::dict::from_samples(&kept, BYTES)?;
    std::fs::write(file, &dictionary)?;
    tell(&dictionary, &samples)
}

fn tell(dictionary: &[u8], samples: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut compressor = zstd::bulk::Compressor::with_dictionary(1, dictionary)?;
    let (mut raw, mut packed) = (0, 0);
    for sample in samples {
        raw += sample.len();
        packed += compressor.compress(kept(sample).as_bytes())?.len();
    }
    println!("{} resources of {} bytes become {}", samples.len(), raw / samples.len(), packed / samples.len());
    Ok(())
}

/// What is compressed of a resource: not its type and id, which the log keeps beside it.
fn kept(json: &str) -> &str {
    let id = r#","id":""#;
    let end = json.find(id).and_then(|at| Some(at + id.len() + json[at + id.len()..].find('"')? + 1));
    &json[end.unwrap_or(0)..]
}
