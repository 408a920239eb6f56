//! One connection that is kept, speaking just enough HTTP/1.1 to ask and to read an answer: a client that has to keep up
//! with the server on as many cores.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Of an answer's status line and headers, and of its body.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

pub struct Wire {
    stream: TcpStream,
    /// What was received and not read yet.
    received: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A request as it goes over the wire.
pub fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: application/fhir+json\r\n\r\n").into_bytes()
}

pub fn post(address: SocketAddr, path: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\naccept: application/fhir+json\r\n\
         content-type: application/fhir+json\r\nprefer: return=minimal\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> Result<Wire> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Wire { stream, received: Vec::with_capacity(64 * 1024) })
    }

    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        let head = self.until(b"\r\n\r\n", HEAD_BYTES_MAX).await?;
        let (status, length) = read_head(&self.received[..head])?;
        self.received.drain(..head);
        let body = match length {
            Length::Known(length) => self.exactly(length).await?,
            Length::Chunked => self.chunks().await?,
        };
        Ok(Answer { status, body })
    }

    /// Receives until these bytes were met; answers where they end.
    async fn until(&mut self, mark: &[u8], limit: usize) -> Result<usize> {
        let mut looked_at = 0;
        loop {
            let from = looked_at.min(self.received.len());
            if let Some(at) = self.received[from..].windows(mark.len()).position(|bytes| bytes == mark) {
                return Ok(from + at + mark.len());
            }
            looked_at = self.received.len().saturating_sub(mark.len() - 1);
            if self.received.len() > limit {
                return Err(Error::new(ErrorKind::InvalidData, "an answer's head is too long"));
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        if length > BODY_BYTES_MAX {
            return Err(Error::new(ErrorKind::InvalidData, "an answer is too large"));
        }
        while self.received.len() < length {
            self.more().await?;
        }
        Ok(self.received.drain(..length).collect())
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.until(b"\r\n", HEAD_BYTES_MAX).await?;
            let size = std::str::from_utf8(&self.received[..end - 2]).ok();
            let size = size.and_then(|size| usize::from_str_radix(size.split(';').next()?.trim(), 16).ok());
            let size = size.ok_or_else(|| Error::new(ErrorKind::InvalidData, "a chunk without a size"))?;
            self.received.drain(..end);
            let chunk = self.exactly(size.saturating_add(2)).await?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Ok(body);
            }
            if body.len() > BODY_BYTES_MAX {
                return Err(Error::new(ErrorKind::InvalidData, "an answer is too large"));
            }
        }
    }

    async fn more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
            _ => Ok(()),
        }
    }
}

enum Length {
    Known(usize),
    Chunked,
}

fn read_head(head: &[u8]) -> Result<(u16, Length)> {
    let bad = |why| Error::new(ErrorKind::InvalidData, why);
    let text = std::str::from_utf8(head).map_err(|_| bad("an answer's head is no text"))?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| bad("not an answer in HTTP/1.1"))?;
    let mut length = Length::Known(0);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Known(value.trim().parse().map_err(|_| bad("an answer's length is no number"))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked") {
            length = Length::Chunked;
        }
    }
    Ok((status, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A wire to a server that sends these bytes, in two parts.
    async fn against(sent: &'static [u8], cut: usize) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            stream.write_all(&sent[..cut]).await.expect("sent");
            stream.flush().await.expect("sent");
            tokio::task::yield_now().await;
            stream.write_all(&sent[cut..]).await.expect("sent");
        });
        Wire::connect(address).await.expect("it listens")
    }

    #[tokio::test]
    async fn answers_are_read_however_they_are_cut() {
        let sent = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x\r\nf\r\n0\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
        for cut in 0..sent.len() {
            let mut wire = against(sent, cut).await;
            for (status, body) in [(200, &b"abc"[..]), (404, b"def"), (204, b"")] {
                let answer = wire.ask(b"").await.expect("an answer");
                assert_eq!((answer.status, &answer.body[..]), (status, body), "cut at {cut}");
            }
            assert!(wire.ask(b"").await.is_err(), "the server is gone");
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        for sent in [&b"HTTP/2 200\r\n\r\n"[..], b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", b""]
        {
            assert!(against(sent, 0).await.ask(b"").await.is_err());
        }
    }
}
