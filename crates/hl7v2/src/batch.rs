//! Splitting files and batches into messages (HL7 v2.9 §2.10.3): `[FHS] { [BHS] { MSH … } [BTS] } [FTS]`, or messages
//! one after another.
//!
//! Works on bytes, because each message may have a character set of its own. A bad message is somebody else's to find:
//! nothing in one member can hide the next. Envelopes are counted, never trusted and never nested.

use memchr::memchr2;

use crate::lines::{is_noise, note};
use crate::{Fault, Issue, Kind, Limits, Place, SegmentId, Severity};

/// The messages of a file, and what is odd about their envelope.
#[derive(Debug)]
pub struct Batch<'a> {
    pub members: Vec<Member<'a>>,
    pub issues: Vec<Issue>,
}

/// One message of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Where it starts in the file.
    pub offset: usize,
    /// From MSH to its last segment's terminator.
    pub bytes: &'a [u8],
}

/// Splits a file. It faults only when there are more messages than `limits.messages_per_batch`.
pub fn split<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Batch<'a>, Fault> {
    let mut splitter =
        Splitter { bytes, limits, open: None, members: Vec::new(), issues: Vec::new(), envelope: Envelope::default() };
    let mut at = skip_noise(bytes, if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 });
    if at == bytes.len() {
        splitter.note(Severity::Warning, Place::MESSAGE, "the file is empty".to_string());
    }
    while at < bytes.len() {
        splitter.line(at)?;
        at = memchr2(b'\r', b'\n', &bytes[at..]).map_or(bytes.len(), |end| skip_noise(bytes, at + end));
    }
    splitter.finish()
}

struct Splitter<'a, 'l> {
    bytes: &'a [u8],
    limits: &'l Limits,
    /// Where the message that is being passed over started.
    open: Option<usize>,
    members: Vec<Member<'a>>,
    issues: Vec<Issue>,
    envelope: Envelope,
}

#[derive(Default)]
struct Envelope {
    in_file: bool,
    in_batch: bool,
    batches: usize,
    messages_of_batch: usize,
    stray: bool,
}

impl<'a> Splitter<'a, '_> {
    /// Looks at the head of a line.
    fn line(&mut self, at: usize) -> Result<(), Fault> {
        match boundary(&self.bytes[at..]) {
            Some(id) => {
                self.close(at);
                self.boundary(id, at)
            }
            None if self.open.is_none() && !self.envelope.stray => {
                self.envelope.stray = true;
                self.note(Severity::Warning, Place::MESSAGE, "a line outside any message was passed over".to_string());
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn boundary(&mut self, id: &'static str, at: usize) -> Result<(), Fault> {
        match id {
            "MSH" => {
                if self.members.len() == self.limits.messages_per_batch {
                    let text = format!("more than {} messages: split the file or raise the limit", self.members.len());
                    return Err(Fault::new(Kind::OverLimit, Place::MESSAGE, text));
                }
                self.open = Some(at);
                self.envelope.messages_of_batch += 1;
            }
            "FHS" => self.open_file(),
            "BHS" => self.open_batch(),
            "BTS" => self.close_batch(self.count(at)),
            _ => self.close_file(self.count(at)),
        }
        Ok(())
    }

    fn open_file(&mut self) {
        if self.envelope.in_file {
            self.warn("FHS", "a file inside a file or without its FTS; its messages were read");
        }
        self.envelope = Envelope { in_file: true, stray: self.envelope.stray, ..Envelope::default() };
    }

    fn open_batch(&mut self) {
        if self.envelope.in_batch {
            self.warn("BHS", "a batch inside a batch or without its BTS; its messages were read");
            self.envelope.batches += 1;
        }
        self.envelope.in_batch = true;
        self.envelope.messages_of_batch = 0;
    }

    fn close_batch(&mut self, declared: Option<usize>) {
        let found = self.envelope.messages_of_batch;
        if !self.envelope.in_batch {
            self.warn("BTS", "a trailer without its BHS");
        } else if declared.is_some_and(|declared| declared != found) {
            self.warn("BTS", "BTS-1 does not count the messages that were found; all of them were read");
        }
        self.envelope.batches += 1;
        self.envelope.in_batch = false;
        self.envelope.messages_of_batch = 0;
    }

    fn close_file(&mut self, declared: Option<usize>) {
        if self.envelope.in_batch {
            self.warn("BTS", "the batch has no trailer: it may be cut short");
            self.envelope.batches += 1;
        }
        // Senders that leave BHS out count messages in FTS-1.
        let found = if self.envelope.batches > 0 { self.envelope.batches } else { self.envelope.messages_of_batch };
        if !self.envelope.in_file {
            self.warn("FTS", "a trailer without its FHS");
        } else if declared.is_some_and(|declared| declared != found) {
            self.warn("FTS", "FTS-1 does not count the batches that were found; all of them were read");
        }
        self.envelope = Envelope { stray: self.envelope.stray, ..Envelope::default() };
    }

    fn finish(mut self) -> Result<Batch<'a>, Fault> {
        self.close(self.bytes.len());
        if self.envelope.in_batch {
            self.warn("BTS", "the batch has no trailer: it may be cut short");
        }
        if self.envelope.in_file {
            self.warn("FTS", "the file has no trailer: it may be cut short");
        }
        Ok(Batch { members: self.members, issues: self.issues })
    }

    /// Ends the message that is open, before the noise that leads to `at`, with its last terminator.
    fn close(&mut self, at: usize) {
        let Some(offset) = self.open.take() else { return };
        let body = &self.bytes[offset..at];
        let kept = body.iter().rposition(|&byte| !is_noise(byte)).map_or(0, |last| last + 1);
        let terminator = match &body[kept..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => 0,
        };
        self.members.push(Member { offset, bytes: &body[..kept + terminator] });
    }

    /// BTS-1 or FTS-1, where it is a number.
    fn count(&self, at: usize) -> Option<usize> {
        let line = &self.bytes[at..];
        let line = &line[..memchr2(b'\r', b'\n', line).unwrap_or(line.len())];
        let separator = *line.get(3)?;
        let count = line[4..].split(|&byte| byte == separator).next()?;
        std::str::from_utf8(count).ok()?.trim().parse().ok()
    }

    fn warn(&mut self, id: &str, text: &str) {
        let id = SegmentId::new(id).expect("an envelope segment");
        self.note(Severity::Warning, Place::segment(id), text.to_string());
    }

    fn note(&mut self, severity: Severity, place: Place, text: String) {
        note(&mut self.issues, Issue::new(Kind::Envelope, severity, place, text), self.limits.issues);
    }
}

/// The segment that starts a message or is its envelope.
fn boundary(line: &[u8]) -> Option<&'static str> {
    let ids = ["MSH", "FHS", "BHS", "BTS", "FTS"];
    let id = ids.into_iter().find(|id| line.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(id.as_bytes())))?;
    let separated = line.get(3).is_some_and(u8::is_ascii_punctuation);
    let alone = id.ends_with("TS") && line.get(3).is_none_or(|&byte| is_noise(byte));
    (separated || alone).then_some(id)
}

fn skip_noise(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|&byte| !is_noise(byte)).map_or(bytes.len(), |noise| from + noise)
}
