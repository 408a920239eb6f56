//! A site's profiles on disk, laid over the base profiles.

use std::path::{Path, PathBuf};

use gateway::{Gateway, LoadFault};

/// Files of a site; more are taken for a wrong directory.
const FILES_MAX: usize = 10_000;
/// Directories within one another.
const DEPTH_MAX: usize = 8;

/// Why there is nothing to translate by.
#[derive(Debug)]
pub enum Fault {
    /// The directory or a file of it cannot be read.
    Disk(String),
    /// The profiles are wrong; each fault has its file and line.
    Profiles(Vec<LoadFault>),
}

/// The base profiles, and over them every `.yaml` file of `directory`, in the order of their paths.
pub fn load(directory: Option<&Path>) -> Result<Gateway, Fault> {
    let files = match directory {
        Some(directory) => read(directory).map_err(Fault::Disk)?,
        None => Vec::new(),
    };
    let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Gateway::load(files).map_err(Fault::Profiles)
}

/// Name (with the directory) and text of each file.
fn read(directory: &Path) -> Result<Vec<(String, String)>, String> {
    let mut paths = Vec::new();
    find(directory, 0, &mut paths)?;
    paths.sort();
    let text = |path: PathBuf| match std::fs::read_to_string(&path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(why) => Err(format!("cannot read {}: {why}", path.display())),
    };
    paths.into_iter().map(text).collect()
}

fn find(directory: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), String> {
    let trouble = |why: std::io::Error| format!("cannot read {}: {why}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(trouble)? {
        let path = entry.map_err(trouble)?.path();
        if path.is_dir() && depth < DEPTH_MAX {
            find(&path, depth + 1, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            return Err(format!("{} has more than {FILES_MAX} profiles", directory.display()));
        }
    }
    Ok(())
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Disk(text) => out.write_str(text),
            Fault::Profiles(faults) => {
                let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
                out.write_str(&lines.join("\n"))
            }
        }
    }
}
