//! Patients of a file, read in parts by all cores. A line that is no Patient is told by its number and left out.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use identity::batch::{Registrations, threads};
use identity::{Registration, line};

use crate::command::Failure;
use crate::terminal;

/// How much is read at once.
const PART_BYTES: usize = 32 * 1024 * 1024;
/// Lines at fault that are told one by one; the others are counted.
const FAULTS_SHOWN_MAX: usize = 20;

/// Reads a file: the registrations, and how many lines were left out.
pub fn read(path: &Path) -> Result<(Registrations, usize), Failure> {
    let at_fault = |why: std::io::Error| Failure::Input(format!("cannot read {}: {why}", path.display()));
    let mut file = File::open(path).map_err(at_fault)?;
    let (mut all, mut faults, mut lines) = (Vec::new(), 0, 0);
    let mut buffer = Vec::new();
    loop {
        let read = (&mut file).take(PART_BYTES as u64).read_to_end(&mut buffer).map_err(at_fault)?;
        let end = match buffer.iter().rposition(|byte| *byte == b'\n') {
            Some(at) if read > 0 => at + 1,
            None if read > 0 && buffer.len() <= fhir::ndjson::LINE_BYTES_MAX => continue,
            _ => buffer.len(),
        };
        for (registrations, at_fault) in parse(&buffer[..end]) {
            all.extend(registrations);
            for (number, text) in at_fault.faults {
                faults += 1;
                if faults <= FAULTS_SHOWN_MAX {
                    terminal::say(format_args!("line {}: {text}", lines + number));
                }
            }
            lines += at_fault.lines;
        }
        buffer.drain(..end);
        if read == 0 {
            break;
        }
    }
    if all.is_empty() {
        return Err(Failure::Input(format!("{} has no Patient", path.display())));
    }
    Ok((Registrations::new(all), faults))
}

/// What is wrong with the lines of a part, by their number in it.
struct Faults {
    lines: usize,
    faults: Vec<(usize, String)>,
}

fn parse(bytes: &[u8]) -> Vec<(Vec<Registration>, Faults)> {
    let size = bytes.len().div_ceil(threads()).max(1);
    let mut parts = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let from = size.min(rest.len());
        let end = rest[from..].iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| from + at + 1);
        let (part, behind) = rest.split_at(end);
        parts.push(part);
        rest = behind;
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || parse_part(part))).collect();
        running.into_iter().map(|part| part.join().expect("reading does not panic")).collect()
    })
}

fn parse_part(bytes: &[u8]) -> (Vec<Registration>, Faults) {
    let mut faults = Faults { lines: bytes.iter().filter(|byte| **byte == b'\n').count(), faults: Vec::new() };
    let mut registrations = Vec::new();
    for line in fhir::ndjson::lines(bytes) {
        match line
            .map_err(|issue| (0, vec![issue]))
            .and_then(|line| line::read(line.bytes).map_err(|issues| (line.number, issues)))
        {
            Ok(registration) => registrations.push(registration),
            Err((number, issues)) => {
                let text = issues.first().map(|issue| format!("{} {}", issue.path, issue.text)).unwrap_or_default();
                faults.faults.push((number, text));
            }
        }
    }
    (registrations, faults)
}
