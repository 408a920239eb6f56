//! MLLP: frames found in whatever comes, at any split.

use hl7v2::mllp::{Decoder, Event, Options, encode, encode_with};
use hl7v2::{Kind, Message};

/// Events as text: `[content]` a frame, `!kind` a refusal, `~` a note, `X` a hopeless stream.
fn events(options: &Options, bytes: &[u8], read_bytes: usize) -> String {
    let (mut decoder, mut events) = (Decoder::new(options.clone()), Vec::new());
    for read in bytes.chunks(read_bytes.max(1)) {
        decoder.decode(read, &mut events);
    }
    decoder.finish(&mut events);
    assert!(!decoder.is_inside_frame());
    shown(&events)
}

fn shown(events: &[Event]) -> String {
    let show = |event: &Event| match event {
        Event::Frame(bytes) => format!("[{}]", String::from_utf8_lossy(bytes).escape_debug()),
        Event::Noted(_) => "~".to_string(),
        Event::Refused { fault, .. } => format!("!{:?}", fault.0.kind),
        Event::Hopeless(_) => "X".to_string(),
    };
    events.iter().map(show).collect::<Vec<_>>().join(" ")
}

#[test]
fn frames_are_found_in_what_peers_send() {
    let small = Options { frame_bytes_max: 20, garbage_bytes_max: 64, ..Options::default() };
    let cases: &[(&str, &[u8], &str)] = &[
        ("one frame", b"\x0BMSH|A\r\x1C\r", r"[MSH|A\r]"),
        ("2 two frames in one read", b"\x0BMSH|A\x1C\r\x0BMSH|B\x1C\r", "[MSH|A] [MSH|B]"),
        ("3 VT missing", b"MSH|A\r\x1C\rMSH|B\r\x1C\r", r"~ [MSH|A\r] [MSH|B\r]"),
        ("4 FS without CR, then a frame", b"\x0BMSH|A\x1C\x0BMSH|B\x1C\r", "~ [MSH|A] [MSH|B]"),
        ("4 FS without CR, then nothing", b"\x0BMSH|A\x1C", "~ [MSH|A]"),
        ("4 FS LF", b"\x0BMSH|A\x1C\n\x0BMSH|B\x1C\n", "~ [MSH|A] [MSH|B]"),
        ("6 doubled VT", b"\x0B\x0BMSH|A\x1C\r", "~ [MSH|A]"),
        ("6 doubled FS CR", b"\x0BMSH|A\x1C\r\x1C\r\x0BMSH|B\x1C\r", "[MSH|A] [MSH|B]"),
        ("6 doubled FS", b"\x0BMSH|A\x1C\x1C\r\x0BMSH|B\x1C\r", "~ [MSH|A] [MSH|B]"),
        ("7 BOM before VT", b"\xEF\xBB\xBF\x0BMSH|A\x1C\r", "~ [MSH|A]"),
        ("7 BOM after VT", b"\x0B\xEF\xBB\xBFMSH|A\x1C\r", r"[\u{feff}MSH|A]"),
        ("8 garbage between frames", b"\x0BMSH|A\x1C\rhello?\x0BMSH|B\x1C\r", "[MSH|A] ~ [MSH|B]"),
        ("8 garbage after a lone FS", b"\x0BMSH|A\x1Cxyz\x0BMSH|B\x1C\r", "!Framing [MSH|B]"),
        ("8 garbage and no end of it", &[b'x'; 100], "X"),
        ("8 blanks between frames", b"\x0BMSH|A\x1C\r\n\r\n \x0BMSH|B\x1C\r", "[MSH|A] [MSH|B]"),
        ("9 over the limit", b"\x0BMSH|A234567890123456789\x1C\r\x0BMSH|B\x1C\r", "!OverLimit [MSH|B]"),
        ("9 over the limit, never ended", b"\x0BMSH|A234567890123456789\x0BMSH|B\x1C\r", "!OverLimit [MSH|B]"),
        ("9 just the limit", b"\x0BMSH|A2345678901234\r\x1C\r", r"[MSH|A2345678901234\r]"),
        ("10 half a frame", b"\x0BMSH|A", "!Framing"),
        ("10 half a frame, then a new one", b"\x0BMSH|A\r\x0BMSH|B\x1C\r", "!Framing [MSH|B]"),
        ("12 UTF-16LE", b"\x0B\0M\0S\0H\0", "X"),
        ("12 UTF-16BE", b"\0\x0B\0M\0S\0H", "X"),
        ("12 UTF-16 with a mark", b"\x0B\xFF\xFEM\0S\0H\0", "X"),
        ("13 FS NUL", b"\x0BMSH|A\x1C\0\x0BMSH|B\x1C\0", "~ [MSH|A] [MSH|B]"),
        ("15 bare", b"MSH|A\rPID|1\r", r"~ [MSH|A\rPID|1\r]"),
        ("15 bare, several", b"MSH|A\rP|\r\r\nMSH|B\r", r"~ [MSH|A\rP|\r] [MSH|B\r]"),
        ("15 bare, then framed", b"MSH|A\r\x0BMSH|B\x1C\r", r"~ [MSH|A\r] [MSH|B]"),
        ("15 bare, cut off", b"MSH|A\rPID|1", "~ !Framing"),
        ("15 a bare batch stays whole", b"BHS|\rMSH|A\rMSH|B\r", r"~ [BHS|\rMSH|A\rMSH|B\r]"),
        ("15 a word that only looks like it", b"MSHAP\x0BMSH|A\x1C\r", "~ [MSH|A]"),
        ("16 FS inside a frame", b"\x0BMSH|A\x1CB|\x1C\r", r"~ [MSH|A\u{1c}B|]"),
        ("16 VT inside a frame", b"\x0BMSH|A\x0BB|\x1C\r", r"[MSH|A\u{b}B|]"),
        ("empty frame", b"\x0B\x1C\r", "[]"),
        ("nothing", b"", ""),
    ];
    for (name, bytes, expected) in cases {
        for read_bytes in [usize::MAX, 1, 2, 3, 7] {
            assert_eq!(events(&small, bytes, read_bytes), *expected, "{name}, {read_bytes} bytes a read");
        }
    }
}

#[test]
fn a_peer_that_is_known_to_be_odd_is_configured() {
    let no_trailer = Options { trailer: None, ..Options::default() };
    let (mut decoder, mut found) = (Decoder::new(no_trailer.clone()), Vec::new());
    decoder.decode(b"\x0BMSH|A\x1C", &mut found);
    assert_eq!(shown(&found), "[MSH|A]", "an answer need not wait for the next frame");
    assert_eq!(encode_with(b"A", &no_trailer), b"\x0BA\x1C");

    let own = Options { trailer: Some(b'#'), bare: false, ..Options::default() };
    assert_eq!(events(&own, &encode_with(b"MSH|A", &own), 1), "[MSH|A]");
    assert_eq!(events(&own, b"MSH|A\r", 1), "~", "without `bare` what has no VT is garbage");
}

#[test]
fn silence_ends_what_only_silence_can_end() {
    let (mut decoder, mut found) = (Decoder::new(Options::default()), Vec::new());
    decoder.decode(b"\x0BMSH|A\x1C", &mut found);
    assert!(found.is_empty() && decoder.is_inside_frame(), "CR may still come");
    decoder.idle(&mut found);
    assert_eq!(shown(&found), "~ [MSH|A]");
    decoder.decode(b"\r\x0BMSH|half", &mut found);
    decoder.idle(&mut found);
    assert_eq!(shown(&found), "~ [MSH|A]", "half a frame is not ended by silence: its sender may be slow");
    assert!(decoder.is_inside_frame());
}

#[test]
fn a_refused_frame_keeps_the_head_that_names_it() {
    let options = Options { frame_bytes_max: 60, ..Options::default() };
    let (mut decoder, mut found) = (Decoder::new(options), Vec::new());
    let long = [&b"MSH|^~\\&|LAB||||||ORU^R01|77|P|2.5\rOBX|"[..], &[b'x'; 200]].concat();
    decoder.decode(&encode(&long), &mut found);
    let [Event::Refused { fault, head }] = &found[..] else { panic!("{}", shown(&found)) };
    assert_eq!(fault.0.kind, Kind::OverLimit);
    let header = Message::parse_header(head, &Default::default()).expect("a whole MSH").message;
    assert_eq!(header.header().control_id, "77");
}
