//! Embeds the day that the demonstration plays: the sample messages under `tests/data/hl7v2`, in the order of their names.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../../tests/data/hl7v2");
    println!("cargo:rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "hl7"));
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        writeln!(list, "    include_bytes!({:?}),", file.display().to_string()).expect("a string takes it");
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR").expect("set by cargo")).join("day.rs"), list)
}
