//! Real input, in the collection beside the checkout. Absent on most machines; stories that need it skip themselves.

use std::fs;
use std::path::{Path, PathBuf};

use super::{skip, tree};

/// `name` in the collection, or None after saying so.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = tree::root().parent().map(|above| above.join("shared").join(name));
    let found = path.filter(|path| path.exists());
    if found.is_none() {
        skip(&format!("../shared/{name} is absent"));
    }
    found
}

/// The project's own samples in the order of their names: name and bytes.
pub fn samples() -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = files(&tree::root().join("tests/data/hl7v2"), &["hl7"])
        .into_iter()
        .map(|path| {
            (path.file_name().expect("listed").to_string_lossy().into_owned(), fs::read(&path).expect("listed"))
        })
        .collect();
    found.sort();
    found
}

/// The files below a folder with one of these extensions.
pub fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("listed").path();
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if extension.is_some_and(|extension| extensions.contains(&extension.as_str())) {
            found.push(path);
        }
    }
    found.sort();
    found
}
