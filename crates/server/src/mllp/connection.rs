//! One conversation over MLLP: frames in, answers out, in order, one at a time.
//!
//! It works on any stream and knows neither source nor store. It waits for a message's answers before it takes the next frame, and
//! finishes a message whose sender has gone: the message stays, and is known again when it is resent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hl7v2::Severity;
use hl7v2::mllp::{Decoder, Event, encode_with};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use super::count::{Count, Refused};
use super::limits::Limits;
use super::listener::begun;
use super::refusal;

/// Takes a message from the peer named first and gives the answers that go back, unframed and in order; none where none is wanted.
pub type Take = Arc<dyn Fn(Arc<str>, Vec<u8>) -> Pin<Box<dyn Future<Output = Vec<Vec<u8>>> + Send>> + Send + Sync>;

/// What a conversation is held by.
#[derive(Clone)]
pub struct Terms {
    /// The source's name, for the log.
    pub source: Arc<str>,
    /// The peer's address, for the log and for the message's record.
    pub peer: Arc<str>,
    pub limits: Arc<Limits>,
    pub count: Arc<Count>,
    pub take: Take,
}

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The peer closed its side.
    Left,
    /// The line broke, or the peer did not take an answer.
    Lost,
    /// Nothing came for as long as may be.
    Idle,
    /// A frame did not come to its end in time.
    Slow,
    /// No frame can be found in what the peer sends.
    Hopeless,
    /// We are shutting down.
    Drained,
}

/// Bytes asked of the socket at once.
const READ_BYTES: usize = 32 << 10;
/// Oddities of one conversation that are logged.
const NOTES_MAX: usize = 20;
/// Bytes that are read and dropped while we wait for the peer to close.
const FAREWELL_BYTES_MAX: usize = 1 << 20;

/// Holds the conversation until one side ends it. When `drain` becomes true, the frame in hand is finished and answered first.
pub async fn hold<S>(stream: &mut S, terms: &Terms, drain: &mut watch::Receiver<bool>) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut conversation = Conversation { stream, terms, notes: 0 };
    let mut decoder = Decoder::new(terms.limits.frame.clone());
    let mut clock = Clock::start(Instant::now());
    let mut buffer = vec![0; READ_BYTES];
    let mut events = Vec::new();
    loop {
        let inside = decoder.is_inside_frame();
        let heard = conversation.listen(&mut buffer, &clock, drain, inside).await;
        let end = match heard {
            Heard::Bytes(count) => {
                terms.count.bytes.inc_by(count as u64);
                clock.hear(count);
                decoder.decode(&buffer[..count], &mut events);
                None
            }
            Heard::Quiet => {
                clock.quiet_told = true;
                decoder.idle(&mut events);
                None
            }
            Heard::End(End::Lost) => return End::Lost,
            Heard::End(end) => {
                decoder.finish(&mut events);
                Some(end)
            }
        };
        let frame_ended = events.iter().any(|event| matches!(event, Event::Frame(_) | Event::Refused { .. }));
        let broken = conversation.handle(&mut events).await.err();
        if let Some(end) = broken.or(end) {
            return conversation.leave(end).await;
        }
        clock.frame_is(decoder.is_inside_frame(), frame_ended, Instant::now());
    }
}

/// What happened on the line.
enum Heard {
    Bytes(usize),
    /// Nothing came for a little while.
    Quiet,
    End(End),
}

struct Conversation<'a, S> {
    stream: &'a mut S,
    terms: &'a Terms,
    notes: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<'_, S> {
    async fn listen(
        &mut self,
        buffer: &mut [u8],
        clock: &Clock,
        drain: &mut watch::Receiver<bool>,
        inside: bool,
    ) -> Heard {
        let (due, what) = clock.due(&self.terms.limits);
        tokio::select! {
            biased;
            () = begun(drain), if !inside => Heard::End(End::Drained),
            read = self.stream.read(buffer) => match read {
                Ok(0) => Heard::End(End::Left),
                Ok(count) => Heard::Bytes(count),
                Err(_) => Heard::End(End::Lost),
            },
            () = sleep_until(due) => what,
        }
    }

    /// Deals with what came, in order. An error ends the conversation.
    async fn handle(&mut self, events: &mut Vec<Event>) -> Result<(), End> {
        for event in events.drain(..) {
            match event {
                Event::Frame(bytes) => {
                    self.terms.count.frames.inc();
                    let answers = (self.terms.take)(self.terms.peer.clone(), bytes).await;
                    self.write(&answers).await?;
                }
                Event::Refused { fault, head } => {
                    self.refuse(Refused::Frame, &fault.0.text);
                    self.write(&refusal::answers(fault, &head)).await?;
                }
                Event::Hopeless(fault) => {
                    self.refuse(Refused::Stream, &fault.0.text);
                    self.write(&refusal::answers(fault, &[])).await?;
                    return Err(End::Hopeless);
                }
                Event::Noted(issue) => self.note(issue.severity, &issue.text),
            }
        }
        Ok(())
    }

    async fn write(&mut self, answers: &[Vec<u8>]) -> Result<(), End> {
        let frames: Vec<u8> = answers.iter().flat_map(|answer| encode_with(answer, &self.terms.limits.frame)).collect();
        if frames.is_empty() {
            return Ok(());
        }
        let written = async {
            self.stream.write_all(&frames).await?;
            self.stream.flush().await
        };
        match timeout(self.terms.limits.write, written).await {
            Ok(Ok(())) => Ok(()),
            _ => {
                self.terms.count.unanswered.inc();
                info!(source = %self.terms.source, peer = %self.terms.peer, "answer could not be written; the sender will ask again");
                Err(End::Lost)
            }
        }
    }

    fn refuse(&self, why: Refused, text: &str) {
        self.terms.count.refuse(why);
        warn!(source = %self.terms.source, peer = %self.terms.peer, "frame refused: {text}");
    }

    /// The texts of issues name places, never values.
    fn note(&mut self, severity: Severity, text: &str) {
        self.notes += 1;
        match severity {
            _ if self.notes > NOTES_MAX => {}
            Severity::Information => info!(source = %self.terms.source, peer = %self.terms.peer, "{text}"),
            _ => warn!(source = %self.terms.source, peer = %self.terms.peer, "{text}"),
        }
    }

    /// Closes our side and waits a little for the peer's: a socket that is closed over unread bytes is reset, and a reset takes
    /// the last answer with it.
    async fn leave(&mut self, end: End) -> End {
        if end == End::Slow {
            self.terms.count.refuse(Refused::Slow);
        }
        let farewell = async {
            if self.stream.shutdown().await.is_err() || end == End::Left {
                return;
            }
            let mut buffer = [0; 4 << 10];
            let mut dropped = 0;
            while dropped < FAREWELL_BYTES_MAX {
                match self.stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => dropped += count,
                }
            }
        };
        if end != End::Lost {
            // Whoever does not take the hint is left alone.
            let _ = timeout(self.terms.limits.farewell, farewell).await;
        }
        end
    }
}

/// When what is due: pure, so that its rules are tested without waiting.
struct Clock {
    /// The last byte, or the last answer.
    last: Instant,
    /// Whether the decoder knows of the silence since then.
    quiet_told: bool,
    /// When the unfinished frame began, and its bytes so far.
    frame: Option<(Instant, u64)>,
}

impl Clock {
    fn start(now: Instant) -> Clock {
        Clock { last: now, quiet_told: true, frame: None }
    }

    fn hear(&mut self, count: usize) {
        self.quiet_told = false;
        if let Some((_, bytes)) = &mut self.frame {
            *bytes += count as u64;
        }
    }

    /// What came was dealt with: the time that we needed ourselves is not the peer's.
    fn frame_is(&mut self, inside: bool, another_ended: bool, now: Instant) {
        self.last = now;
        self.frame = match self.frame {
            _ if !inside => None,
            Some(frame) if !another_ended => Some(frame),
            _ => Some((now, 0)),
        };
    }

    fn due(&self, limits: &Limits) -> (Instant, Heard) {
        let (due, what) = match self.frame {
            Some((began, bytes)) => (began + limits.frame_time(bytes), Heard::End(End::Slow)),
            None => (self.last + limits.idle, Heard::End(End::Idle)),
        };
        let quiet = self.last + limits.quiet;
        if !self.quiet_told && quiet < due { (quiet, Heard::Quiet) } else { (due, what) }
    }
}

#[cfg(test)]
mod tests;
