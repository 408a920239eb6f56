//! What a start costs: this program once more, as `serve --demo=quiet` on an empty store, until it answers over HTTP.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::command::Failure;

#[derive(Debug, Serialize)]
pub struct Start {
    /// From the start of the process to the first answer.
    pub first_answer_ms: f64,
    /// Resident memory then.
    pub idle_mb: f64,
}

const LIMIT: Duration = Duration::from_secs(30);

pub fn measure(data: &Path) -> Result<Start, Failure> {
    let failed = |why: std::io::Error| Failure::System(format!("cannot measure a start: {why}"));
    let program = std::env::current_exe().map_err(failed)?;
    let began = Instant::now();
    let child = Command::new(program)
        .args(["serve", "--demo=quiet", "--http=127.0.0.1:0", "--mllp=127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let mut child = Ended(child);
    let address = told(&mut child.0).map_err(failed)?;
    ask(&address).map_err(failed)?;
    let first_answer_ms = began.elapsed().as_secs_f64() * 1e3;
    Ok(Start { first_answer_ms, idle_mb: resident_mb(child.0.id()) })
}

/// The HTTP address of the line in which the server says where it is.
fn told(child: &mut Child) -> std::io::Result<String> {
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line.split_whitespace().find_map(|word| word.strip_prefix("http="));
    address.map(str::to_owned).ok_or_else(|| std::io::Error::other("the server did not say where it listens"))
}

fn ask(address: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    match answer.starts_with(b"HTTP/1.1 200") {
        true => Ok(()),
        false => Err(std::io::Error::other("the server is not ready when it says where it listens")),
    }
}

/// `VmRSS` of Linux; 0 elsewhere.
fn resident_mb(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1e3
}

/// A child that does not outlive what asked for it. Its store goes with the run, so that it needs no drain.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
