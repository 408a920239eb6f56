//! Clients that nobody here wrote: npm fhir-kit-client and fhirclient, PyPI fhirpy, doing what apps do.

use std::path::PathBuf;
use std::process::Command;

use crate::support::cli::run;
use crate::support::directory::Directory;
use crate::support::server::Hilum;
use crate::support::{skip, tree};

/// Node with a package that `tests/run` installed, running one of our scripts; None after saying why not.
fn node(package: &str, script: &str) -> Option<Command> {
    let home = std::env::var_os("HILUM_NODE_PEERS").map(PathBuf::from);
    let modules = home.map(|home| home.join("node_modules")).filter(|modules| modules.join(package).is_dir());
    let Some(modules) = modules else {
        skip(&format!("{package} is not installed; tests/run installs it"));
        return None;
    };
    let version = Command::new("node").arg("--version").output().ok();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let major: u32 = version.trim_start_matches('v').split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    if major < 20 {
        skip(&format!("{package} wants node 20, this is {version:?}"));
        return None;
    }
    let mut command = Command::new("timeout");
    command.args(["60", "node"]).arg(tree::root().join("tests/stories/node").join(script)).env("NODE_PATH", modules);
    Some(command)
}

/// A program of the Python environment that `tests/run` made.
pub fn python(package: &str) -> Option<Command> {
    let home = std::env::var_os("HILUM_PYTHON_PEERS").map(PathBuf::from);
    let python = home.filter(|home| home.join("installed.txt").is_file()).map(|home| home.join("bin/python"));
    let Some(python) = python else {
        skip(&format!("{package} is not installed; tests/run installs it"));
        return None;
    };
    let mut command = Command::new("timeout");
    command.arg("300").arg(python);
    Some(command)
}

/// Runs the client against a quiet demonstration; what it printed, line by line.
fn talk(mut client: Command) -> Vec<String> {
    let free = ["serve", "--demo=quiet", "--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0"];
    let hilum = Hilum::with_arguments(Directory::new(), &free);
    client.arg(hilum.fhir().base);
    let ran = run(client, b"").done();
    ran.out.lines().map(str::to_owned).collect()
}

#[test]
fn fhir_kit_client_does_its_work() {
    let Some(client) = node("fhir-kit-client", "fhir-kit-client.mjs") else { return };
    let expected = [
        "statement 4.0.1",
        "created 1",
        "read Kit",
        "updated 2",
        "patched Kitty",
        "vread Kit",
        "history 3",
        "transaction 201 201 201 201 201",
        "batch 200 404",
        "search Paged1 Paged2 Paged3 Paged4 Paged5",
        "deleted 410 OperationOutcome",
    ];
    assert_eq!(talk(client), expected);
}

#[test]
fn fhirclient_does_its_work() {
    let Some(client) = node("fhirclient", "fhirclient.js") else { return };
    let expected = [
        "release 4",
        "created 1",
        "read Smart",
        "updated 2",
        "patched Smarter",
        "transaction 201 201 201 201 201",
        "search Leaf1 Leaf2 Leaf3 Leaf4 Leaf5",
        "resolved Smarter",
        "deleted 410",
    ];
    assert_eq!(talk(client), expected);
}

#[test]
fn fhirpy_does_its_work() {
    let Some(mut client) = python("fhirpy") else { return };
    client.arg(tree::root().join("tests/stories/python/client.py"));
    let expected = [
        "created 1",
        "read Py",
        "updated 2",
        "patched Python",
        "transaction 201 201 201 201 201",
        "search Snake1 Snake2 Snake3 Snake4 Snake5",
        "get_or_create not-supported",
        "deleted ResourceNotFound",
    ];
    assert_eq!(talk(client), expected);
}
