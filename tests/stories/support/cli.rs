//! The command line of `hilum`, and the program itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::tree;

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub talk: String,
}

impl Ran {
    /// It has to have worked.
    pub fn done(self) -> Ran {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|fault| panic!("no JSON on stdout: {fault}\n{self:?}"))
    }
}

/// The built program, beside this test in the target folder. Built first: an old one would be tested for the new.
/// `HILUM_PROGRAM` names another, such as one of the profile `dist`.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(given) = std::env::var_os("HILUM_PROGRAM") {
            return given.into();
        }
        let test = std::env::current_exe().expect("this test has a path");
        let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/test");
        let profile = match folder.file_name().and_then(|name| name.to_str()).expect("a profile's folder") {
            "debug" => "dev",
            other => other,
        };
        let build = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--bin", "hilum", "--profile", profile, "--target-dir"])
            .arg(folder.parent().expect("the target folder"))
            .current_dir(tree::root())
            .status();
        assert!(build.expect("cargo runs").success(), "hilum does not build");
        folder.join("hilum")
    })
}

/// A command of `hilum`, ended after a minute.
pub fn hilum(arguments: &[&str]) -> Ran {
    hilum_with(arguments, b"")
}

/// The same with something on stdin.
pub fn hilum_with(arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = Command::new("timeout");
    command.arg("60").arg(program()).args(arguments);
    run(command, input)
}

/// Any command.
pub fn run(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    let mut stdin = child.stdin.take().expect("piped");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A command that does not read its input is free not to.
            let _ = std::io::Write::write_all(&mut stdin, input);
        });
        child.wait_with_output().expect("it ends")
    });
    let code = output.status.code().unwrap_or(-1);
    assert_ne!(code, 124, "{command:?} did not end");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code, out: text(output.stdout), talk: text(output.stderr) }
}
