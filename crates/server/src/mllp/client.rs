//! The sender's side of MLLP: sends a message and waits for the answers to it.
//!
//! An answer belongs to a message when its MSA-2 is the message's MSH-10. Anything else that comes is passed over and counted: an
//! answer that came too late, twice or for somebody else must never pass for this one's. Nothing is sent again by itself.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

use hl7v2::ack::Ack;
use hl7v2::mllp::{Decoder, Event, encode};
use hl7v2::{AckCondition, Message, Options};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::tls;

/// A connection to an MLLP server.
pub struct Client {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    /// Frames that came and were not looked at.
    frames: VecDeque<Vec<u8>>,
}

/// TCP, or TLS over it.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// What came back for a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The answers to it in the order in which they came, as bytes and as read.
    pub answers: Vec<(Vec<u8>, Ack)>,
    /// Frames that were no answer to it.
    pub passed_over: usize,
}

/// Why no answer came.
#[derive(Debug)]
pub enum Failure {
    /// TCP or TLS did not come about.
    Connect(io::Error),
    /// The line broke, or the peer closed it.
    Line(io::Error),
    /// Nothing fitting came in time; with how many frames that did not fit.
    Late { passed_over: usize },
    /// What is to be sent is no message.
    Message(hl7v2::Fault),
}

/// Silence after which an answer without its trailer, or without an envelope, is taken as ended.
const QUIET: Duration = Duration::from_millis(500);
/// Frames passed over before the peer is believed to talk of something else altogether.
const PASSED_OVER_MAX: usize = 100;

impl Client {
    /// Connects to `host:port` within `limit`.
    pub async fn connect(address: &str, tls: Option<&TlsConnector>, limit: Duration) -> Result<Client, Failure> {
        let connected = async {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            let Some(connector) = tls else { return Ok(Client::over(tcp)) };
            let name = tls::server_name(address).map_err(io::Error::other)?;
            Ok(Client::over(connector.connect(name, tcp).await?))
        };
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
        timeout(limit, connected).await.map_err(late).and_then(|connected| connected).map_err(Failure::Connect)
    }

    /// A client over a stream that stands.
    pub fn over(stream: impl Stream + 'static) -> Client {
        Client { stream: Box::new(stream), decoder: Decoder::new(Default::default()), frames: VecDeque::new() }
    }

    /// Sends a message and waits, up to `limit`, until what became of it is known.
    pub async fn exchange(&mut self, message: &[u8], limit: Duration) -> Result<Exchange, Failure> {
        let wanted = Wanted::read(message)?;
        let until = Instant::now() + limit;
        let written = async {
            self.stream.write_all(&encode(message)).await?;
            self.stream.flush().await
        };
        timeout_at(until, written).await.map_err(|_| Failure::Late { passed_over: 0 })?.map_err(Failure::Line)?;
        let mut exchange = Exchange::default();
        while !wanted.is_settled(&exchange) {
            match timeout_at(until, self.frame()).await {
                Ok(Ok(frame)) => exchange.take(frame, &wanted),
                Ok(Err(fault)) => return Err(Failure::Line(fault)),
                Err(_) if wanted.is_settled_by_silence(&exchange) => break,
                Err(_) => return Err(Failure::Late { passed_over: exchange.passed_over }),
            }
            if exchange.passed_over > PASSED_OVER_MAX {
                return Err(Failure::Late { passed_over: exchange.passed_over });
            }
        }
        Ok(exchange)
    }

    /// The next frame that comes, whatever it is. Safe to drop.
    async fn frame(&mut self) -> io::Result<Vec<u8>> {
        let mut buffer = [0; 8 << 10];
        let mut events = Vec::new();
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Ok(frame);
            }
            match timeout(QUIET, self.stream.read(&mut buffer)).await {
                Err(_) => self.decoder.idle(&mut events),
                Ok(Ok(0)) => {
                    self.decoder.finish(&mut events);
                    if !events.iter().any(|event| matches!(event, Event::Frame(_))) {
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed the connection"));
                    }
                }
                Ok(read) => self.decoder.decode(&buffer[..read?], &mut events),
            }
            for event in events.drain(..) {
                match event {
                    Event::Frame(frame) => self.frames.push_back(frame),
                    Event::Hopeless(fault) => return Err(io::Error::new(io::ErrorKind::InvalidData, fault.0.text)),
                    Event::Noted(_) | Event::Refused { .. } => {}
                }
            }
        }
    }
}

/// Which answers a message asks for (HL7 v2.9 §2.9.2).
struct Wanted {
    control_id: String,
    enhanced: bool,
    /// MSH-15 in enhanced mode.
    accept: AckCondition,
    /// MSH-16 in enhanced mode; always in original mode.
    application: AckCondition,
}

impl Wanted {
    fn read(message: &[u8]) -> Result<Wanted, Failure> {
        let parsed = Message::parse_header(message, &Options::default()).map_err(Failure::Message)?;
        let header = parsed.message.header();
        let enhanced = header.is_enhanced();
        let otherwise = if enhanced { AckCondition::Never } else { AckCondition::Always };
        Ok(Wanted {
            control_id: header.control_id.into_owned(),
            enhanced,
            accept: header.accept_ack.unwrap_or(AckCondition::Never),
            application: header.application_ack.unwrap_or(otherwise),
        })
    }

    /// Whether nothing more is to come. A CA is not an AA where MSH-16 asks for one (`safety.md` 9).
    fn is_settled(&self, exchange: &Exchange) -> bool {
        let never = |condition| condition == AckCondition::Never;
        match exchange.answers.last() {
            None => never(self.accept) && never(self.application),
            Some((_, ack)) if ack.code.is_accept() && ack.code.is_positive() => {
                !self.enhanced || never(self.application)
            }
            Some(_) => true,
        }
    }

    /// Whether silence is good news: answers that were asked for on errors only.
    fn is_settled_by_silence(&self, exchange: &Exchange) -> bool {
        let silent = |condition| matches!(condition, AckCondition::OnError | AckCondition::Never);
        silent(self.application) && (silent(self.accept) || !exchange.answers.is_empty())
    }
}

impl Exchange {
    fn take(&mut self, frame: Vec<u8>, wanted: &Wanted) {
        match Ack::read(&frame) {
            Ok(ack) if ack.control_id == wanted.control_id => self.answers.push((frame, ack)),
            _ => self.passed_over += 1,
        }
    }

    /// Whether the receiver took the message: no answer to it was negative.
    pub fn is_accepted(&self) -> bool {
        self.answers.iter().all(|(_, ack)| ack.code.is_positive())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Connect(fault) => write!(f, "no connection: {fault}"),
            Failure::Line(fault) => write!(f, "the connection failed: {fault}"),
            Failure::Late { passed_over: 0 } => write!(f, "no answer came in time"),
            Failure::Late { passed_over } => {
                write!(f, "no answer to this message came in time; {passed_over} frames answered something else")
            }
            Failure::Message(fault) => write!(f, "no message to send: {fault}"),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests;
