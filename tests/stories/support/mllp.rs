//! A sender of MLLP that is not Hilum's own: a socket, an envelope, an answer read as text.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use super::PATIENCE;

/// A conversation with a listener.
pub struct Line {
    stream: Box<dyn Stream>,
    /// Bytes that came and were not read as a frame yet.
    heard: Vec<u8>,
}

/// TCP, or TLS over it.
pub trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack(pub String);

impl Line {
    pub fn connect(address: &str) -> Line {
        Line::over(connect(address))
    }

    pub fn over(stream: impl Stream + 'static) -> Line {
        Line { stream: Box::new(stream), heard: Vec::new() }
    }

    /// Sends a message in its envelope and gives the answer.
    pub fn say(&mut self, message: &[u8]) -> Ack {
        self.write(&framed(message));
        self.answer()
    }

    /// Sends a message that has to be accepted.
    pub fn accepted(&mut self, message: &[u8]) {
        let answer = self.say(message);
        assert_eq!(answer.code(), "AA", "{}\n{}", answer.0, String::from_utf8_lossy(message).replace('\r', "\n"));
        assert_eq!(answer.of(), super::message::id_of(message), "the answer names the message");
    }

    /// Bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).expect("the line stands");
    }

    /// The next frame, which has to come.
    pub fn answer(&mut self) -> Ack {
        self.hear().expect("an answer, and not the end of the line")
    }

    /// The next frame, or None when the line ended before its first byte.
    pub fn hear(&mut self) -> Option<Ack> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(end) = self.heard.windows(2).position(|pair| pair == b"\x1C\r") {
                let frame: Vec<u8> = self.heard.drain(..end + 2).collect();
                assert_eq!(frame[0], 0x0B, "17 an answer is itself framed: {frame:?}");
                return Some(Ack(String::from_utf8(frame[1..end].to_vec()).expect("an answer in UTF-8")));
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    assert!(self.heard.is_empty(), "the line ended within an answer: {:?}", self.heard);
                    return None;
                }
                Err(fault) if matches!(fault.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                    return None;
                }
                Ok(count) => self.heard.extend_from_slice(&buffer[..count]),
                Err(fault) => panic!("nothing came: {fault}"),
            }
        }
    }

    /// Whether the line is still good: a blank-free way to know is to ask for one more answer.
    pub fn is_over(&mut self) -> bool {
        self.hear().is_none()
    }
}

/// A socket that waits for nothing longer than [`PATIENCE`].
pub fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap_or_else(|fault| panic!("{address}: {fault}"));
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes a time");
    stream.set_write_timeout(Some(PATIENCE)).expect("a socket takes a time");
    stream.set_nodelay(true).expect("a TCP socket");
    stream
}

pub fn framed(message: &[u8]) -> Vec<u8> {
    [b"\x0B", message, b"\x1C\r"].concat()
}

impl Ack {
    /// MSA-1.
    pub fn code(&self) -> &str {
        self.field("MSA", 1)
    }

    /// MSA-2.
    pub fn of(&self) -> &str {
        self.field("MSA", 2)
    }

    /// A field of the first such segment; empty where there is none.
    pub fn field(&self, segment: &str, number: usize) -> &str {
        let found = self.0.split('\r').find(|text| text.split('|').next() == Some(segment));
        let number = if segment == "MSH" { number - 1 } else { number };
        found.and_then(|text| text.split('|').nth(number)).unwrap_or_default()
    }
}
