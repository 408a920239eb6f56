//! The workspace as text: its crates, their dependencies, its files.

use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

/// A file of the workspace.
pub struct File {
    /// From the root, with `/`.
    pub name: String,
    pub text: String,
}

impl File {
    pub fn is_test(&self) -> bool {
        ["/tests/", "/benches/", "/examples/"].iter().any(|folder| self.name.contains(folder))
            || self.name.starts_with("tests/")
            || self.name.ends_with("/tests.rs")
    }

    /// The text before its unit tests, without comments.
    pub fn code(&self) -> String {
        let code = self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has the workspace above it").to_owned()
}

/// Each crate's name and manifest. A directory is its crate.
pub fn crates() -> Vec<(String, Table)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("crates")).expect("crates/ is there") {
        let path = entry.expect("listed").path();
        let name = path.file_name().expect("a listed path has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path.join("Cargo.toml")).expect("a crate has a manifest");
        let manifest: Table = text.parse().expect("a manifest is TOML");
        assert_eq!(manifest["package"]["name"].as_str(), Some(name.as_str()), "a directory is its crate");
        found.push((name, manifest));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// The names in these sections of a manifest, those for one platform only included.
pub fn dependencies(manifest: &Table, sections: &[&str]) -> Vec<String> {
    let platforms = manifest.get("target").and_then(|targets| targets.as_table());
    let tables = platforms.into_iter().flat_map(Table::values).filter_map(|target| target.as_table());
    let mut names = Vec::new();
    for table in tables.chain([manifest]) {
        for section in sections {
            let section = table.get(*section).and_then(|section| section.as_table());
            names.extend(section.into_iter().flat_map(Table::keys).cloned());
        }
    }
    names
}

/// The Rust files below a folder of the workspace.
pub fn sources(folder: &str) -> Vec<File> {
    files(folder).into_iter().filter(|file| file.name.ends_with(".rs")).collect()
}

/// The text files below a folder of the workspace; `""` is all of it.
pub fn files(folder: &str) -> Vec<File> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn collect(folder: &Path, found: &mut Vec<File>) {
    const NOT_OURS: [&str; 5] = ["target", ".git", "node_modules", "data", "corpus"];
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("listed").path();
        let name = path.file_name().expect("a listed path has a name").to_string_lossy().into_owned();
        if path.is_dir() {
            let in_tests = path.parent().is_some_and(|parent| parent.ends_with("tests"));
            if !NOT_OURS.contains(&name.as_str()) || (name == "data" && in_tests) {
                collect(&path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
            found.push(File { name, text });
        }
    }
}
