//! This program once more, as `serve --demo=quiet` on a store of its own: what is measured from outside.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server that does not outlive what asked for it. Its store goes with the run, so that it needs no drain.
pub struct Server {
    process: Child,
    /// Where it answers HTTP.
    pub address: SocketAddr,
}

impl Server {
    /// It is ready when this returns.
    pub fn start(data: &Path) -> std::io::Result<Server> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", "--demo=quiet", "--http=127.0.0.1:0", "--mllp=127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        match told(&mut process) {
            Ok(address) => Ok(Server { process, address }),
            Err(why) => {
                end(&mut process);
                Err(why)
            }
        }
    }

    /// `VmRSS` of Linux; 0 elsewhere.
    pub fn resident_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        kilobytes.unwrap_or(0.0) / 1e3
    }

    /// Processor time that it used so far, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        super::machine::cpu_seconds_of(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut Child) {
    // What has ended by itself cannot be ended.
    let _ = process.kill();
    let _ = process.wait();
}

/// The HTTP address of the line in which the server says where it is.
fn told(process: &mut Child) -> std::io::Result<SocketAddr> {
    let mut line = String::new();
    let stdout = process.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line.split_whitespace().find_map(|word| word.strip_prefix("http=")?.parse().ok());
    address.ok_or_else(|| std::io::Error::other("the server did not say where it listens"))
}
