//! No input panics, and what was read prints back. Bounded by default; `HILUM_FUZZ_ITERATIONS` runs longer, and the targets
//! run under `cargo bolero test` too.

use bolero::ValueGenerator;
use bolero::check;
use bolero::generator::{TypeGenerator, produce};
use hl7v2::mllp::{self, Decoder, Event};
use hl7v2::{Limits, Message, Options, Separators, Timestamp, ack, batch, escape, unescape};

fn iterations() -> usize {
    std::env::var("HILUM_FUZZ_ITERATIONS").ok().and_then(|value| value.parse().ok()).unwrap_or(3_000)
}

/// Pieces of messages, well made and not, so that random choices reach behind the header.
#[derive(Debug, Clone, TypeGenerator)]
enum Piece {
    Header,
    Segment(u8),
    Delimiter(u8),
    Escape(u8),
    LineEnd(u8),
    Envelope(u8),
    Frame(u8),
    Text(u8),
    Byte(u8),
}

fn bytes_of(pieces: &[Piece]) -> Vec<u8> {
    fn pick<'a>(from: &[&'a [u8]], at: u8) -> &'a [u8] {
        from[usize::from(at) % from.len()]
    }
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(match piece {
            Piece::Header => b"MSH|^~\\&|A^1.2^ISO|B|C|D|20240101||ORU^R01|1|P|2.5.1|||AL|NE||8859/1~UTF-8\r",
            Piece::Segment(at) => pick(&[b"PID|", b"OBX|", b"ZZ1|", b"obx|", b"EVN", b"MSA|AA|1", b"ERR|"], *at),
            Piece::Delimiter(at) => pick(&[b"|", b"^", b"~", b"&", b"\"\"", b"#"], *at),
            Piece::Escape(at) => pick(
                &[
                    b"\\",
                    b"\\F\\",
                    b"\\.br\\",
                    b"\\.sp3\\",
                    b"\\X0D0A\\",
                    b"\\Xz\\",
                    b"\\M2442\\",
                    b"\\C2842\\",
                    b"\\H\\",
                ],
                *at,
            ),
            Piece::LineEnd(at) => pick(&[b"\r", b"\n", b"\r\n", b"\r\r", b"\n\n", b" ", b".", b"\0", b"\r.\r"], *at),
            Piece::Envelope(at) => pick(&[b"FHS|^~\\&|", b"BHS|^~\\&", b"BTS|1", b"FTS|2", b"\xEF\xBB\xBF"], *at),
            Piece::Frame(at) => pick(&[b"\x0B", b"\x1C", b"\x1C\r", b"\x0B\x0B", b"\xFF\xFE"], *at),
            Piece::Text(at) => pick(&[b"DOE", b"J\xC3\xBCrg", b"\xFCber", b"20240230", b"MSH", b"\x1b$B"], *at),
            Piece::Byte(byte) => {
                out.push(*byte);
                continue;
            }
        });
    }
    out
}

fn pieces() -> impl ValueGenerator<Output = Vec<Piece>> {
    produce::<Vec<Piece>>().with().len(0..60usize)
}

/// A message: a header and pieces, so that parsing goes past MSH-2.
fn message_of(pieces: &[Piece]) -> Vec<u8> {
    [&b"MSH|^~\\&|"[..], &bytes_of(pieces)].concat()
}

fn check_message(bytes: &[u8]) {
    let Ok(parsed) = Message::parse(bytes, &Options::default()) else { return };
    let message = &parsed.message;
    assert_eq!(message.bytes(), bytes);
    assert_eq!(message.print(), message.text());
    let mut ids = 0;
    for segment in message.segments() {
        assert!(segment.raw().len() >= 3 && segment.id().len() == 3);
        for (index, field) in segment.fields().enumerate() {
            assert_eq!(field.span(), segment.field(index as u16 + 1).span());
            assert!(field.span().end <= segment.span().end);
            for repetition in field.repetitions() {
                let id = repetition.id();
                assert_eq!(id.0, ids, "repetitions are numbered in a row");
                ids += 1;
                assert_eq!(message.repetition(id).raw(), repetition.raw());
                let place = message.place(id);
                assert_eq!(usize::from(place.field), index + 1);
                assert_eq!(place.segment, Some(segment.segment_id()));
                for component in repetition.components() {
                    assert_eq!(&message.text()[component.span()], component.raw());
                    component.subcomponents().for_each(|value| drop(value.text()));
                }
            }
        }
    }
    assert_eq!(ids as usize, message.repetition_count());
    drop(message.header().issues());
    let stamp = ack::Stamp { time: "20240101", control_id: "1" };
    let verdict = ack::Verdict::error(parsed.issues.clone());
    let answer = ack::write(Some(message), ack::Code::AE, &verdict.faults, stamp);
    let read = ack::Ack::read(&answer).expect("our own answers can be read");
    assert_eq!(read.code, ack::Code::AE);
}

#[test]
fn no_bytes_panic_the_parser() {
    check!().with_iterations(iterations()).for_each(|bytes: &[u8]| check_message(bytes));
}

#[test]
fn no_message_panics_the_parser_and_each_prints_back() {
    check!()
        .with_iterations(iterations())
        .with_generator(pieces())
        .for_each(|pieces| check_message(&message_of(pieces)));
}

#[test]
fn a_batch_gives_members_in_order_and_loses_none() {
    check!().with_iterations(iterations()).with_generator(pieces()).for_each(|pieces| {
        let bytes = bytes_of(pieces);
        let batch = batch::split(&bytes, &Limits::default()).expect("few messages");
        let mut end = 0;
        for member in &batch.members {
            assert!(member.offset >= end);
            assert!(member.bytes[..3].eq_ignore_ascii_case(b"MSH"));
            assert_eq!(&bytes[member.offset..member.offset + member.bytes.len()], member.bytes);
            end = member.offset + member.bytes.len();
            check_message(member.bytes);
        }
    });
}

fn frames(bytes: &[u8], sizes: &[u8]) -> Vec<Event> {
    let options = mllp::Options { frame_bytes_max: 300, garbage_bytes_max: 200, ..mllp::Options::default() };
    let (mut decoder, mut events, mut rest) = (Decoder::new(options), Vec::new(), bytes);
    let mut sizes = sizes.iter().map(|&size| usize::from(size % 9) + 1).cycle();
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(rest.len()).min(rest.len());
        decoder.decode(&rest[..size], &mut events);
        rest = &rest[size..];
    }
    decoder.finish(&mut events);
    events
}

#[test]
fn frames_do_not_depend_on_how_the_bytes_are_split() {
    let generator = (pieces(), produce::<Vec<u8>>().with().len(1..20usize));
    check!().with_iterations(iterations()).with_generator(generator).for_each(|(pieces, sizes)| {
        let bytes = bytes_of(pieces);
        assert_eq!(frames(&bytes, sizes), frames(&bytes, &[]));
    });
}

#[test]
fn text_escaped_and_unescaped_is_the_same_text() {
    check!().with_iterations(iterations()).with_type::<String>().for_each(|text| {
        let separators = Separators::default();
        let escaped = escape(text, &separators);
        assert!(!escaped.bytes().any(|byte| b"|^~&\r\n\x0B\x1C".contains(&byte)));
        assert_eq!(unescape(&escaped, &separators), text.as_str());
    });
}

#[test]
fn no_text_panics_unescape_time_or_ack() {
    check!().with_iterations(iterations()).with_generator(pieces()).for_each(|pieces| {
        let bytes = bytes_of(pieces);
        let text = String::from_utf8_lossy(&bytes);
        drop(unescape(&text, &Separators::default()));
        let _ = Timestamp::read(&text);
        drop(ack::Ack::read(&bytes));
        drop(Message::parse_header(&bytes, &Options::default()));
    });
}

#[test]
fn every_time_of_digits_is_read_or_refused() {
    let digits = produce::<Vec<u8>>().with().len(0..22usize);
    check!().with_iterations(iterations()).with_generator(digits).for_each(|digits| {
        let text: String =
            digits.iter().map(|&digit| b"0123456789012345.+-:TZ "[usize::from(digit) % 23] as char).collect();
        if let Ok(time) = Timestamp::read(&text) {
            assert!((1..=9999).contains(&time.year) && (1..=12).contains(&time.month) && (1..=31).contains(&time.day));
            assert!(time.hour < 24 && time.minute < 60 && time.second <= 60);
        }
    });
}
