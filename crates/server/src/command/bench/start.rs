//! What a start costs: this program once more, on an empty store, until it answers over HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::child::Server;
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
    let began = Instant::now();
    let server = Server::start(data).map_err(failed)?;
    ask(server.address).map_err(failed)?;
    let first_answer_ms = began.elapsed().as_secs_f64() * 1e3;
    Ok(Start { first_answer_ms, idle_mb: server.resident_mb() })
}

fn ask(address: SocketAddr) -> std::io::Result<()> {
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
