//! Minimal lower layer protocol, release 1: `VT message FS CR`, read from any split of the bytes and from peers that bend it.
//!
//! A decoder is fed by its caller, which owns socket and clock. It never holds more than one frame and a little before
//! it; what passes the limit is dropped up to the next frame, unbuffered. The same bytes give the same frames however
//! they are split.

use std::collections::HashSet;

use memchr::{memchr2, memchr3};

use crate::lines::is_noise;
use crate::{Fault, Issue, Kind, Place};

pub const START: u8 = 0x0B;
pub const END: u8 = 0x1C;

/// How frames look and how large they may be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes between VT and FS; default 64 MiB.
    pub frame_bytes_max: usize,
    /// The byte after FS, CR by the protocol; some peers send another. CR, LF and NUL are understood whatever it is.
    /// None: every FS ends a frame at once, for a peer that sends nothing after it; of others such a frame ends with
    /// the next one or by [`Decoder::idle`].
    pub trailer: Option<u8>,
    /// Whether a message without VT is taken when it begins with MSH, FHS or BHS; default yes.
    pub bare: bool,
    /// Bytes that are neither frame nor blank before the connection is given up; default 64 KiB.
    pub garbage_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { frame_bytes_max: 64 << 20, trailer: Some(b'\r'), bare: true, garbage_bytes_max: 64 << 10 }
    }
}

/// What came out of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A frame's content.
    Frame(Vec<u8>),
    /// The peer bends the protocol; each way is told once, skipped bytes each time.
    Noted(Issue),
    /// A frame was lost: over the limit, or cut off. `head` is its first line, at most 4 KiB, enough to refuse it by
    /// name. Reading goes on.
    Refused { fault: Fault, head: Vec<u8> },
    /// No frame can be found in this stream: close the connection. Nothing more comes.
    Hopeless(Fault),
}

/// Puts a message into a frame.
pub fn encode(message: &[u8]) -> Vec<u8> {
    encode_with(message, &Options::default())
}

/// Puts a message into a frame for a peer that wants another trailer.
pub fn encode_with(message: &[u8], options: &Options) -> Vec<u8> {
    let mut frame = Vec::with_capacity(message.len() + 3);
    frame.push(START);
    frame.extend_from_slice(message);
    frame.push(END);
    frame.extend(options.trailer);
    frame
}

/// Finds frames in a stream of bytes.
#[derive(Debug)]
pub struct Decoder {
    options: Options,
    buffer: Vec<u8>,
    /// Where in the buffer the current frame's content, or what is undecided between frames, starts.
    at: usize,
    /// Up to where the current frame was searched.
    scanned: usize,
    state: State,
    /// The content holds an FS that was not followed by a trailer.
    end_inside: bool,
    garbage_bytes: usize,
    line_start: bool,
    noted: HashSet<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Between,
    Framed,
    /// A message without VT; the flag says that the next MSH ends it.
    Bare {
        ends_at_msh: bool,
    },
    /// Inside a frame over the limit.
    Skipping,
    Hopeless,
}

/// Whether a step used up what it could.
#[derive(PartialEq)]
enum Step {
    Again,
    Wait,
}

const HEAD_BYTES_MAX: usize = 4 << 10;
/// Blank lines after which a bare message is believed to go on.
const BLANK_BYTES_MAX: usize = 64;
/// The buffer of a frame larger than this is given back.
const BUFFER_BYTES_KEPT: usize = 1 << 20;

impl Decoder {
    pub fn new(options: Options) -> Decoder {
        Decoder {
            options,
            buffer: Vec::new(),
            at: 0,
            scanned: 0,
            state: State::Between,
            end_inside: false,
            garbage_bytes: 0,
            line_start: true,
            noted: HashSet::new(),
        }
    }

    /// Takes the next bytes of the stream and appends what they complete.
    pub fn decode(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        if self.state == State::Hopeless {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        while self.step(events) == Step::Again {}
        self.compact();
    }

    /// The peer has been silent for a while: ends a frame whose trailer never came, and a message without an envelope if
    /// its last segment is ended.
    pub fn idle(&mut self, events: &mut Vec<Event>) {
        let ended = self.buffer.last() == Some(&END) && self.scanned + 1 == self.buffer.len();
        match self.state {
            State::Framed | State::Bare { .. } if ended => {
                self.note("FS without CR after it: end frames with FS CR", events);
                self.end_frame(self.scanned, self.scanned + 1, events);
            }
            State::Bare { .. } if matches!(self.buffer.last(), Some(b'\r' | b'\n')) => {
                self.end_frame(self.buffer.len(), self.buffer.len(), events);
            }
            State::Between => {
                self.garbage_bytes += self.buffer[self.at..].iter().filter(|&&byte| !is_noise(byte)).count();
                self.at = self.buffer.len();
                self.report_garbage(events);
            }
            _ => {}
        }
        self.compact();
    }

    /// The stream has ended: what [`Decoder::idle`] does not end is refused as half a message.
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        self.idle(events);
        if matches!(self.state, State::Framed | State::Bare { .. }) {
            self.refuse(Kind::Framing, "stream ended inside a message: send it again", self.buffer.len(), events);
        }
        self.state = State::Between;
        self.at = self.buffer.len();
        self.compact();
    }

    /// Whether bytes of an unfinished frame are held: the caller's clock for slow peers runs.
    pub fn is_inside_frame(&self) -> bool {
        matches!(self.state, State::Framed | State::Bare { .. } | State::Skipping)
    }

    fn step(&mut self, events: &mut Vec<Event>) -> Step {
        match self.state {
            State::Between => self.between(events),
            State::Framed => self.framed(events),
            State::Bare { ends_at_msh } => self.bare(ends_at_msh, events),
            State::Skipping => self.skipping(),
            State::Hopeless => Step::Wait,
        }
    }

    fn between(&mut self, events: &mut Vec<Event>) -> Step {
        let rest = &self.buffer[self.at..];
        let Some(&byte) = rest.first() else { return Step::Wait };
        if byte == START {
            self.report_garbage(events);
            self.start_frame(self.at + 1, State::Framed);
            return Step::Again;
        }
        if is_noise(byte) {
            self.line_start |= byte != b' ' && byte != b'\t';
            self.at += 1;
            return Step::Again;
        }
        match begins_with(rest, &[b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF"]) {
            Begins::Yes(length) => {
                self.at += length;
                self.note("a byte order mark before VT: leave it out", events);
                return Step::Again;
            }
            Begins::Maybe => return Step::Wait,
            Begins::No => {}
        }
        if self.options.bare && self.line_start {
            match begins_message(rest) {
                Begins::Yes(_) => {
                    let ends_at_msh = byte == b'M';
                    self.report_garbage(events);
                    self.note("a message without VT before it: send MLLP frames", events);
                    self.start_frame(self.at, State::Bare { ends_at_msh });
                    return Step::Again;
                }
                Begins::Maybe => return Step::Wait,
                Begins::No => {}
            }
        }
        self.garbage(events)
    }

    fn garbage(&mut self, events: &mut Vec<Event>) -> Step {
        self.line_start = false;
        self.at += 1;
        self.garbage_bytes += 1;
        if self.garbage_bytes < self.options.garbage_bytes_max {
            return Step::Again;
        }
        let text = "no frame found: is the peer speaking MLLP without TLS to this port?";
        self.give_up(text, events)
    }

    fn framed(&mut self, events: &mut Vec<Event>) -> Step {
        if self.scanned == self.at {
            match begins_with(&self.buffer[self.at..], &[b"\0", b"\xFF\xFE", b"\xFE\xFF", &[START]]) {
                Begins::Maybe => return Step::Wait,
                Begins::Yes(_) if self.buffer[self.at] == START => {
                    self.note("VT twice before a message: send it once", events);
                    self.start_frame(self.at + 1, State::Framed);
                    return Step::Again;
                }
                Begins::Yes(_) => return self.give_up("frames in UTF-16 cannot be read: send UTF-8", events),
                Begins::No => {}
            }
        }
        let Some(found) = memchr2(END, START, &self.buffer[self.scanned..]) else {
            return self.searched(events);
        };
        let found = self.scanned + found;
        if found - self.at > self.options.frame_bytes_max {
            return self.over_limit(events);
        }
        if self.buffer[found] == END {
            return self.end(found, events);
        }
        match begins_message(&self.buffer[found + 1..]) {
            Begins::Yes(_) => self.restart(found, events),
            Begins::Maybe => self.wait_at(found),
            Begins::No => self.go_on(found),
        }
    }

    /// A new frame starts inside this one, which is refused: half a message must never pass for a whole one.
    fn restart(&mut self, found: usize, events: &mut Vec<Event>) -> Step {
        self.refuse(Kind::Framing, "a new frame begins before the end of this one: send it again", found, events);
        Step::Again
    }

    fn bare(&mut self, ends_at_msh: bool, events: &mut Vec<Event>) -> Step {
        let rest = &self.buffer[self.scanned..];
        let Some(found) = memchr3(END, b'\r', b'\n', rest) else { return self.searched(events) };
        let found = self.scanned + found;
        if found - self.at > self.options.frame_bytes_max {
            return self.over_limit(events);
        }
        if self.buffer[found] == END {
            return self.end(found, events);
        }
        let rest = &self.buffer[found..];
        let blanks = rest.iter().take(BLANK_BYTES_MAX).take_while(|&&byte| is_noise(byte) && byte != END).count();
        if blanks == rest.len() {
            return self.wait_at(found);
        }
        match begins_message(&rest[blanks..]) {
            Begins::Yes(_) if ends_at_msh => {
                self.end_frame(found + 1, found + 1, events);
                Step::Again
            }
            Begins::Maybe if ends_at_msh => self.wait_at(found),
            _ => self.go_on(found),
        }
    }

    /// An FS was found: the end if a trailer or a new frame follows, data otherwise.
    fn end(&mut self, found: usize, events: &mut Vec<Event>) -> Step {
        let next = self.buffer.get(found + 1).copied();
        match (self.options.trailer, next) {
            (None, _) => self.end_frame(found, found + 1, events),
            (Some(_), None) => return self.wait_at(found),
            (Some(trailer), Some(next)) if next == trailer => self.end_frame(found, found + 2, events),
            (Some(_), Some(next)) if follows_end(next) => {
                self.note("FS without CR after it: end frames with FS CR", events);
                self.end_frame(found, found + 1, events);
            }
            (Some(_), Some(_)) => {
                self.end_inside = true;
                return self.go_on(found);
            }
        }
        Step::Again
    }

    fn skipping(&mut self) -> Step {
        let Some(found) = memchr2(END, START, &self.buffer[self.at..]) else {
            self.at = self.buffer.len();
            return Step::Wait;
        };
        self.at += found;
        let next = &self.buffer[self.at + 1..];
        let ends = match self.buffer[self.at] {
            END if self.options.trailer.is_none() => true,
            END if next.is_empty() => return Step::Wait,
            END => self.options.trailer == Some(next[0]) || follows_end(next[0]),
            _ => match begins_message(next) {
                Begins::Maybe => return Step::Wait,
                begins => begins != Begins::No,
            },
        };
        if ends {
            self.state = State::Between;
        } else {
            self.at += 1;
        }
        Step::Again
    }

    fn start_frame(&mut self, at: usize, state: State) {
        self.at = at;
        self.scanned = at;
        self.end_inside = false;
        self.state = state;
    }

    /// Gives the content up to `end` and goes on at `next`.
    fn end_frame(&mut self, end: usize, next: usize, events: &mut Vec<Event>) {
        if self.end_inside {
            self.note("FS inside a frame was kept as data", events);
        }
        events.push(Event::Frame(self.buffer[self.at..end].to_vec()));
        self.leave(next);
    }

    fn refuse(
        &mut self,
        kind: Kind,
        text: impl Into<std::borrow::Cow<'static, str>>,
        next: usize,
        events: &mut Vec<Event>,
    ) {
        let content = &self.buffer[self.at..next];
        let line = memchr2(b'\r', b'\n', content).unwrap_or(content.len()).min(HEAD_BYTES_MAX);
        events.push(Event::Refused { fault: Fault::new(kind, Place::MESSAGE, text), head: content[..line].to_vec() });
        self.leave(next);
    }

    fn leave(&mut self, next: usize) {
        self.at = next;
        self.state = State::Between;
        self.line_start = true;
        self.end_inside = false;
    }

    fn over_limit(&mut self, events: &mut Vec<Event>) -> Step {
        let text = format!("frame is longer than {} bytes: send less or raise the limit", self.options.frame_bytes_max);
        self.refuse(Kind::OverLimit, text, self.at + self.options.frame_bytes_max, events);
        self.state = State::Skipping;
        Step::Again
    }

    /// Nothing was found in all there is.
    fn searched(&mut self, events: &mut Vec<Event>) -> Step {
        self.scanned = self.buffer.len();
        if self.scanned - self.at > self.options.frame_bytes_max { self.over_limit(events) } else { Step::Wait }
    }

    fn wait_at(&mut self, found: usize) -> Step {
        self.scanned = found;
        Step::Wait
    }

    fn go_on(&mut self, found: usize) -> Step {
        self.scanned = found + 1;
        Step::Again
    }

    fn give_up(&mut self, text: &'static str, events: &mut Vec<Event>) -> Step {
        events.push(Event::Hopeless(Fault::new(Kind::Framing, Place::MESSAGE, text)));
        self.state = State::Hopeless;
        self.at = self.buffer.len();
        Step::Wait
    }

    fn report_garbage(&mut self, events: &mut Vec<Event>) {
        let bytes = std::mem::take(&mut self.garbage_bytes);
        if bytes > 0 {
            let text = format!("{bytes} bytes outside frames were skipped");
            events.push(Event::Noted(Issue::warning(Kind::Framing, Place::MESSAGE, text)));
        }
    }

    fn note(&mut self, text: &'static str, events: &mut Vec<Event>) {
        if self.noted.insert(text) {
            events.push(Event::Noted(Issue::information(Kind::Framing, Place::MESSAGE, text)));
        }
    }

    /// Forgets what was used.
    fn compact(&mut self) {
        self.buffer.drain(..self.at);
        self.scanned = self.scanned.saturating_sub(self.at);
        self.at = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
    }
}

/// What makes an FS the end of a frame although no trailer follows it: a line end, or a frame's own bytes.
fn follows_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0 | START | END)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Begins {
    Yes(usize),
    No,
    /// Too few bytes to tell.
    Maybe,
}

fn begins_with(bytes: &[u8], heads: &[&[u8]]) -> Begins {
    if let Some(head) = heads.iter().find(|head| bytes.starts_with(head)) {
        return Begins::Yes(head.len());
    }
    if heads.iter().any(|head| head.starts_with(bytes)) { Begins::Maybe } else { Begins::No }
}

/// A header segment with its separator.
fn begins_message(bytes: &[u8]) -> Begins {
    match begins_with(bytes, &[b"MSH", b"FHS", b"BHS"]) {
        Begins::Yes(_) => match bytes.get(3) {
            None => Begins::Maybe,
            Some(separator) if separator.is_ascii_punctuation() => Begins::Yes(4),
            Some(_) => Begins::No,
        },
        other => other,
    }
}
