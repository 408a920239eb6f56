//! Every v2 file of the shared collections: each is read, or faulted with a reason, and prints back. Skipped where they
//! are absent.

use std::fs;
use std::path::{Path, PathBuf};

use hl7v2::{Limits, Message, Options, batch};

const COLLECTIONS: [&str; 8] = [
    "hapi-hl7v2",
    "ipf",
    "mirth-connect",
    "rethinkhealth",
    "cdc-data-exchange-hl7",
    "ms-fhir-converter/input/Hl7v2",
    "simhospital",
    "reportstream",
];

#[derive(Default, Debug)]
struct Figures {
    files: usize,
    messages: usize,
    faults: usize,
    issues: usize,
    segments: usize,
    repetitions: usize,
}

#[test]
#[allow(clippy::print_stderr)]
fn all_shared_files_are_read_and_print_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !root.is_dir() {
        eprintln!("skipped: {} is absent", root.display());
        return;
    }
    let mut figures = Figures::default();
    for collection in COLLECTIONS {
        for file in files(&root.join(collection)) {
            read(&file, &mut figures);
        }
    }
    eprintln!("{figures:?}");
    assert!(figures.files >= 300 && figures.messages >= figures.files);
    assert!(figures.faults * 20 < figures.messages, "more than one in twenty cannot be read: {figures:?}");
}

#[allow(clippy::print_stderr)]
fn read(file: &Path, figures: &mut Figures) {
    let bytes = fs::read(file).expect("listed file");
    let split = batch::split(&bytes, &Limits::default()).expect("within limits");
    if split.members.is_empty() {
        return;
    }
    figures.files += 1;
    for member in split.members {
        figures.messages += 1;
        match Message::parse(member.bytes, &Options::default()) {
            Err(fault) => {
                figures.faults += 1;
                eprintln!("{}: {fault}", file.display());
            }
            Ok(parsed) => {
                let message = &parsed.message;
                assert_eq!(message.print(), message.text(), "{}", file.display());
                assert_eq!(message.bytes(), member.bytes);
                for segment in message.segments() {
                    segment.fields().for_each(|field| drop(field.text()));
                }
                figures.issues += parsed.issues.len();
                figures.segments += message.segment_count();
                figures.repetitions += message.repetition_count();
            }
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let extension =
            path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
        if path.is_dir() {
            found.extend(files(&path));
        } else if matches!(extension.as_str(), "hl7" | "txt" | "out") {
            found.push(path);
        }
    }
    found.sort();
    found
}
