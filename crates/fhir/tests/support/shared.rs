//! The data beside the checkout, which is not there everywhere.

use std::path::{Path, PathBuf};

/// The files of a folder of shared data; none, and a word about it, where it is missing.
pub fn shared(folder: &str, extension: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    let Ok(entries) = std::fs::read_dir(&root) else {
        #[expect(clippy::print_stderr, reason = "a skipped test is seen")]
        {
            eprintln!("skipped: {} is not here", root.display());
        }
        return Vec::new();
    };
    let files = entries.map(|entry| entry.expect("a folder can be listed").path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    files
}

pub fn name(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}
