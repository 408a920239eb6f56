//! What we ship may be shipped: no copyleft or source-available library among all that is built, and not too many of them.

use std::process::Command;

use crate::support::tree;

/// Licences that would bind those who run or extend us.
const REFUSED: [&str; 3] = ["GPL", "BUSL", "SSPL"];

/// A library is a colleague for years: more than this is no team any more.
const LIBRARIES_MAX: usize = 400;

#[test]
fn no_library_binds_who_uses_it() {
    let bound: Vec<String> =
        libraries(&["--workspace", "--edges", "all"]).into_iter().filter(|line| !is_free(licence(line))).collect();
    assert_eq!(bound, [""; 0]);
}

#[test]
fn the_program_is_built_of_few_libraries() {
    let found = libraries(&["--package", "server", "--edges", "normal,build"]);
    assert!(found.len() <= LIBRARIES_MAX, "{} libraries", found.len());
    assert!(found.len() > 50, "cargo tree lists only {}", found.len());
}

#[test]
fn a_choice_of_licences_is_free_if_one_of_them_is() {
    for (licence, free) in [
        ("MIT", true),
        ("MIT OR Apache-2.0 OR LGPL-2.1-or-later", true),
        ("Apache-2.0/MIT", true),
        ("GPL-3.0-only", false),
        ("AGPL-3.0", false),
        ("MIT AND GPL-2.0", false),
        ("BUSL-1.1", false),
        ("", false),
    ] {
        assert_eq!(is_free(licence), free, "{licence}");
    }
}

/// `name version|licence` of each package that is built, once.
fn libraries(what: &[&str]) -> Vec<String> {
    let run = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none", "--format", "{p}|{l}"])
        .args(what)
        .current_dir(tree::root())
        .output()
        .expect("cargo runs");
    assert!(run.status.success(), "cargo tree: {}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8(run.stdout).expect("UTF-8");
    let mut found: Vec<String> =
        text.lines().filter(|line| line.contains('|')).map(|line| line.trim_end_matches(" (*)").to_owned()).collect();
    found.sort();
    found.dedup();
    found
}

fn licence(line: &str) -> &str {
    line.rsplit('|').next().unwrap_or_default()
}

fn is_free(licence: &str) -> bool {
    let free = |choice: &str| !choice.trim().is_empty() && !REFUSED.iter().any(|word| choice.contains(word));
    licence.split(" OR ").flat_map(|choice| choice.split('/')).any(free)
}
