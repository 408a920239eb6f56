//! A message: its text, what delimits it, and the index over it (HL7 v2.9 §2.5).

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2};

use crate::charset::{self, Decoded};
use crate::index::{self, Index};
use crate::lines::is_noise;
use crate::value::{Field, Repetition, RepetitionId, Segment};
use crate::{Charset, Fault, Header, Issue, Kind, Options, Place, Separators};

/// A message that was read. It borrows the bytes; its text does too where they are UTF-8.
#[derive(Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    text: Cow<'a, str>,
    charset: Charset,
    pub(crate) separators: Separators,
    pub(crate) index: Index,
}

/// A message and everything odd about its form. What its fields lack is [`Header::issues`]' and the reader's to say.
#[derive(Debug)]
pub struct Parsed<'a> {
    pub message: Message<'a>,
    pub issues: Vec<Issue>,
}

impl<'a> Message<'a> {
    /// Reads a message without its MLLP envelope. A batch must be split first, by [`crate::batch::split`].
    ///
    /// A fault means that there is nothing to read: no MSH at the head, unusable delimiters, or a limit passed.
    pub fn parse(bytes: &'a [u8], options: &Options) -> Result<Parsed<'a>, Fault> {
        let limits = &options.limits;
        let bytes_max = limits.message_bytes.min(MESSAGE_BYTES_MAX);
        if bytes.len() > bytes_max {
            let text = format!("message is longer than {bytes_max} bytes: send less or raise the limit");
            return Err(Fault::new(Kind::OverLimit, Place::MESSAGE, text));
        }
        let mut issues = Vec::new();
        let Decoded { text, charset } =
            charset::decode(bytes, declared_charset(bytes), options.default_charset, &mut issues);
        let start = head(text.as_bytes(), &mut issues)?;
        let separators = Separators::declared(&text.as_bytes()[start..])?;
        note_control_bytes(text.as_bytes(), &mut issues);
        let index = index::build(text.as_bytes(), start, &separators, limits, &mut issues)?;
        Ok(Parsed { message: Message { bytes, text, charset, separators, index }, issues })
    }

    /// Reads the MSH segment alone: what an answer needs when the whole cannot be read.
    pub fn parse_header(bytes: &'a [u8], options: &Options) -> Result<Parsed<'a>, Fault> {
        let start = bytes.windows(3).take(HEAD_BYTES_MAX).position(|id| id.eq_ignore_ascii_case(b"MSH")).unwrap_or(0);
        let line = &bytes[start..];
        let end = memchr2(b'\r', b'\n', line).unwrap_or(line.len()).min(HEAD_BYTES_MAX);
        Message::parse(&line[..end], options)
    }

    /// The bytes that were read, exactly.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The decoded text, to which all spans refer.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The character set in which the message was read.
    pub fn charset(&self) -> Charset {
        self.charset
    }

    pub fn separators(&self) -> &Separators {
        &self.separators
    }

    pub fn header(&self) -> Header<'_> {
        Header::read(self)
    }

    /// Writes the message from its index: the text again, character for character. Encoded in [`Message::charset`] it is
    /// the bytes again, where nothing was malformed and the encoding has one way to write each character.
    pub fn print(&self) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut written = 0;
        for segment in self.segments() {
            out.push_str(&self.text[written..segment.span().start]);
            segment.print(&mut out);
            written = segment.span().end;
        }
        out.push_str(&self.text[written..]);
        out
    }

    pub fn segment_count(&self) -> usize {
        self.index.segments.len()
    }

    pub fn segments(&self) -> impl ExactSizeIterator<Item = Segment<'_>> + DoubleEndedIterator + Clone {
        (0..self.segment_count()).map(|index| Segment { message: self, index: index as u32 })
    }

    /// The segment at `index`, which is less than [`Message::segment_count`].
    pub fn segment(&self, index: usize) -> Segment<'_> {
        assert!(index < self.segment_count(), "segment index out of range");
        Segment { message: self, index: index as u32 }
    }

    /// The field `number` (from 1, as the standard counts) of a segment. A field that was not sent is empty and has no
    /// repetitions.
    pub fn field(&self, segment_index: usize, number: u16) -> Field<'_> {
        self.segment(segment_index).field(number)
    }

    /// How many repetitions the whole message has: one more than the greatest [`RepetitionId`].
    pub fn repetition_count(&self) -> usize {
        self.index.repetitions.len()
    }

    /// A repetition by its number in the whole message, which is less than [`Message::repetition_count`].
    pub fn repetition(&self, id: RepetitionId) -> Repetition<'_> {
        Repetition::at(self, id)
    }

    /// Where a repetition stands, for naming it to a person.
    pub fn place(&self, id: RepetitionId) -> Place {
        let field = self.index.fields.partition_point(|&first| first <= id.0) - 1;
        let segment = self.index.segments.partition_point(|entry| entry.first_field as usize <= field) - 1;
        let entry = &self.index.segments[segment];
        Place {
            field: (field - entry.first_field as usize + 1) as u16,
            repetition: (id.0 - self.index.fields[field] + 1) as u16,
            ..self.segment(segment).place()
        }
    }
}

/// Offsets are 32 bits, and a byte may become three of UTF-8.
const MESSAGE_BYTES_MAX: usize = 1 << 30;
/// Leading noise and an MSH segment are looked at within this many bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// The bytes of MSH-18, found before anything is decoded: every set that HL7 names writes MSH as ASCII does.
fn declared_charset(bytes: &[u8]) -> &[u8] {
    let Some(start) = bytes.iter().take(HEAD_BYTES_MAX).position(|&byte| byte.is_ascii_alphabetic()) else {
        return &[];
    };
    let line = &bytes[start..bytes.len().min(start + HEAD_BYTES_MAX)];
    let line = &line[..memchr2(b'\r', b'\n', line).unwrap_or(line.len())];
    let Some(&separator) = line.get(3) else { return &[] };
    let mut separators = memchr_iter(separator, line).skip(16);
    let Some(before) = separators.next() else { return &[] };
    line[before + 1..separators.next().unwrap_or(line.len())].trim_ascii()
}

/// Where MSH starts, after a byte order mark and blanks.
fn head(text: &[u8], issues: &mut Vec<Issue>) -> Result<usize, Fault> {
    let mark = if text.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    let start = mark + text[mark..].iter().take_while(|&&byte| is_noise(byte)).count();
    let rest = &text[start..];
    if rest.is_empty() {
        return Err(Fault::new(Kind::Empty, Place::MESSAGE, "no message: nothing but blanks"));
    }
    if start > mark {
        issues.push(Issue::information(Kind::Noise, Place::MESSAGE, "blanks before MSH were passed over"));
    }
    if rest.len() >= 3 && rest[..3].eq_ignore_ascii_case(b"MSH") {
        return Ok(start);
    }
    Err(Fault::new(Kind::MissingMsh, Place::MESSAGE, why_not_msh(rest)))
}

fn why_not_msh(rest: &[u8]) -> &'static str {
    if rest.starts_with(b"FHS") || rest.starts_with(b"BHS") {
        return "a batch, not a message: split it first";
    }
    if rest.len() < 3 && b"MSH".starts_with(rest) {
        return "message ends inside its first segment id: send it whole";
    }
    let later = memchr2(b'\r', b'\n', rest).is_some_and(|end| memchr::memmem::find(&rest[end..], b"MSH").is_some());
    if later { "something stands before MSH: send MSH first" } else { "no MSH segment: send MSH first" }
}

fn note_control_bytes(text: &[u8], issues: &mut Vec<Issue>) {
    let is_control = |byte: u8| byte < b' ' && !matches!(byte, b'\r' | b'\n' | b'\t');
    // Without an early exit the compiler looks at many bytes at once.
    if text.iter().fold(false, |found, &byte| found | is_control(byte)) {
        let text = "control bytes in the message were kept as data";
        issues.push(Issue::information(Kind::ControlByte, Place::MESSAGE, text));
    }
}
