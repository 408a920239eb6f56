//! What the READMEs say to type works, and what they say of tests is so.
//!
//! A block marked `sh` is run line by line, with `serve` started on free ports and those put in the place of the usual ones.
//! What cannot be run here (a container, a systemd unit) stands in a block marked `console`, and its files are looked at.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::support::cli::{program, run};
use crate::support::directory::Directory;
use crate::support::server::Hilum;
use crate::support::tree;

/// The commands of a file's `sh` blocks in their order; a `\` at the end of a line joins it with the next.
fn commands(file: &str) -> Vec<String> {
    let text = fs::read_to_string(tree::root().join(file)).unwrap_or_else(|fault| panic!("{file}: {fault}"));
    let mut found = Vec::new();
    for block in text.split("\n```sh\n").skip(1) {
        let block = block.split("\n```").next().expect("a block has an end").replace("\\\n", " ");
        let lines = block.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        found.extend(lines.map(str::to_owned));
    }
    found
}

/// The arguments of `hilum` in a command, however it is started.
fn arguments(command: &str) -> Option<&str> {
    if command.starts_with("cargo run ") {
        return Some(command.split_once(" -- ").expect("arguments follow --").1);
    }
    command.strip_prefix("hilum ")
}

/// Runs a file's commands against a server that its own `serve` command started.
fn follow(file: &str) {
    let commands = commands(file);
    assert!(!commands.is_empty(), "{file} has no sh block");
    let directory = Directory::new();
    let profile = directory.join("profile").display().to_string();
    let mut server: Option<Hilum> = None;
    for command in &commands {
        let arguments = arguments(command);
        if let Some(serve) = arguments.filter(|arguments| arguments.starts_with("serve")) {
            let mut words: Vec<&str> = serve.split_whitespace().collect();
            words.extend(["--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0"]);
            let started = Hilum::with_arguments(Directory::new(), &words);
            if words.contains(&"--demo") {
                started.wait_for("The day is over", crate::support::PATIENCE * 2);
            }
            server = Some(started);
            continue;
        }
        if command == "tests/run" || command == "tests/soak" || command == ".ci/run" {
            let mode = fs::metadata(tree::root().join(command)).expect("it is there").permissions();
            assert!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o111 != 0, "{command} is executable");
            continue;
        }
        if command.starts_with("cargo build") || command.starts_with("cargo bench") {
            continue;
        }
        let mut line = match arguments {
            Some(arguments) => format!("{} {arguments}", program().display()),
            None => command.clone(),
        };
        if let Some(server) = &server {
            line = line.replace("127.0.0.1:8080", server.http().trim_start_matches("http://"));
            line = line.replace("127.0.0.1:2575", server.mllp(0));
            if arguments.is_some_and(|arguments| arguments.starts_with("message ")) {
                line = format!("{line} --server {}", server.http());
            }
        }
        let line =
            line.replace("/tmp/hilum-", &format!("{profile}-")).replace("/etc/hilum/hilum.toml", "deploy/hilum.toml");
        let mut shell = Command::new("timeout");
        shell.args(["120", "sh", "-c", &line]).current_dir(tree::root());
        let ran = run(shell, b"");
        assert_eq!(ran.code, 0, "{file}: {command}\n{line}\n{ran:?}");
        let is_wanted = arguments.is_some_and(|arguments| arguments.starts_with("validate "));
        assert_eq!(ran.out.contains("OperationOutcome"), is_wanted, "{file}: {command}\n{ran:?}");
    }
}

#[test]
fn every_command_of_the_readme_works() {
    follow("README.md");
}

#[test]
fn every_command_of_the_operators_readme_works() {
    follow("deploy/README.md");
}

#[test]
fn what_is_deployed_names_what_there_is() {
    let read =
        |name: &str| fs::read_to_string(tree::root().join(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let docker = read("deploy/Dockerfile");
    for line in docker.lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from")) {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        for source in &words[..words.len() - 1] {
            assert!(tree::root().join(source).exists(), "the Dockerfile copies {source}");
        }
    }
    assert!(docker.contains("USER "), "it does not run as root");
    let unit = read("deploy/hilum.service");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a unit starts something");
    for text in [start, &docker] {
        assert!(text.contains("serve"), "{text}");
    }
    assert!(read("deploy/compose.yaml").contains("deploy/Dockerfile"));
    // What the operators' README says of settings is a setting.
    let (prose, settings) = (read("deploy/README.md"), read("deploy/hilum.toml"));
    for word in prose.split('`').skip(1).step_by(2).filter(|word| {
        ["store.", "http.", "search.", "server.", "log.", "profiles."].iter().any(|section| word.starts_with(section))
    }) {
        let key = word.split(['.', ' ', '=']).nth(1).expect("a key");
        assert!(settings.contains(&format!("{key} = ")), "{word} is no setting");
    }
}

/// The cases of hostile input that what is there can meet: bodies, questions, HTTP, subscriptions, peers.
const HOSTILE: [std::ops::RangeInclusive<u32>; 11] =
    [1..=24, 29..=46, 61..=62, 64..=64, 67..=68, 70..=70, 72..=72, 77..=77, 79..=80, 84..=84, 90..=90];

/// `tests/README.md` has a row for each case of bad and of hostile input and each rule of patient safety, and the tests in
/// it are there.
#[test]
fn every_case_has_a_test() {
    let text = fs::read_to_string(tree::root().join("tests/README.md")).expect("it is there");
    let names: BTreeSet<String> = tree::sources("")
        .iter()
        .flat_map(|file| file.text.split("fn ").skip(1).map(name_of).collect::<Vec<_>>())
        .collect();
    let (mut cases, mut rules, mut attacks) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let tests: Vec<&str> = cells.last().expect("cells").split('`').skip(1).step_by(2).collect();
        let (list, number) = match cells[0].split_once(' ') {
            Some(("safety", number)) => (&mut rules, number),
            Some(("hostile", number)) => (&mut attacks, number),
            _ => (&mut cases, cells[0]),
        };
        let Ok(number) = number.parse::<u32>() else { continue };
        assert!(!tests.is_empty() || cells.last().is_some_and(|cell| cell.starts_with("not ")), "{line}");
        for test in tests {
            let name = test.rsplit("::").next().expect("a name");
            assert!(names.contains(name), "{number}: there is no test {test}");
        }
        list.insert(number);
    }
    assert_eq!(cases, (1..=84).collect(), "every case of bad input has its row");
    assert_eq!(rules, (1..=9).chain(12..=14).collect(), "every rule of patient safety has its row");
    assert_eq!(attacks, HOSTILE.into_iter().flatten().collect(), "every case of hostile input that is met has its row");
}

fn name_of(part: &str) -> String {
    part.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default().to_owned()
}
