//! Bytes on a socket, for what no HTTP client would send.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use super::PATIENCE;

/// What came back until the other side closed, or said nothing for half a minute.
#[derive(Debug)]
pub struct Said {
    pub text: String,
    /// The other side closed the connection.
    pub closed: bool,
}

impl Said {
    /// The status of the first answer; 0 where there is none.
    pub fn status(&self) -> u16 {
        self.text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// How many answers there are.
    pub fn answers(&self) -> usize {
        self.text.matches("HTTP/1.1 ").count()
    }
}

/// Connects to `http://host:port`.
pub fn connect(http: &str) -> TcpStream {
    let stream = TcpStream::connect(http.trim_start_matches("http://")).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream
}

/// Writes it all and reads to the end.
pub fn say(http: &str, bytes: &[u8]) -> Said {
    let mut stream = connect(http);
    // A server that has heard enough is free to hang up.
    let _ = stream.write_all(bytes);
    hear(&mut stream)
}

pub fn hear(stream: &mut TcpStream) -> Said {
    let (mut heard, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    let closed = loop {
        match stream.read(&mut chunk) {
            Ok(0) => break true,
            Ok(count) => heard.extend_from_slice(&chunk[..count]),
            Err(fault) if matches!(fault.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break false,
            Err(_) => break true,
        }
    };
    Said { text: String::from_utf8_lossy(&heard).into_owned(), closed }
}
