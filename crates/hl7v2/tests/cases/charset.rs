//! Character sets: none loses a message, and each oddity is said.

use std::borrow::Cow;

use hl7v2::{Charset, Message, Options};

fn sample(charset: &str, name: &[u8]) -> Vec<u8> {
    [format!("MSH|^~\\&|A|B|C|D|20240101||ADT^A01|1|P|2.5||||||{charset}\rPID|||||").as_bytes(), name, b"\r"].concat()
}

fn read(name: &str, bytes: &[u8], default: Option<Charset>) -> (String, usize, bool) {
    let parsed = Message::parse(bytes, &Options { default_charset: default, ..Options::default() }).expect(name);
    let family = parsed.message.field(1, 5).component(1).text().into_owned();
    (family, parsed.issues.len(), parsed.message.field(1, 5).component(2).text() == "X")
}

#[test]
fn names_are_read_in_the_set_in_which_they_were_written() {
    let latin: &[u8] = b"M\xFCller^X";
    let utf8 = "Müller^X".as_bytes();
    let cases: &[(&str, &str, &[u8], &str, usize)] = &[
        ("26 empty and Windows-1252", "", b"M\xFCller\x80^X", "Müller€", 1),
        ("empty and UTF-8", "", utf8, "Müller", 0),
        ("27 says UTF-8, is Latin-1", "UNICODE UTF-8", latin, "Müller", 1),
        ("28 says ASCII, is UTF-8", "ASCII", utf8, "Müller", 1),
        ("says ASCII, is Latin-1", "ASCII", latin, "Müller", 1),
        ("29 8859/1", "8859/1", latin, "Müller", 0),
        ("29 8859/15", "8859/15", b"\xA4uro^X", "€uro", 0),
        ("29 8859/2", "8859/2", b"\xA3\xF3d\xBC^X", "Łódź", 0),
        ("29 8859/5", "8859/5", b"\xB8\xD2\xD0\xDD^X", "Иван", 0),
        ("29 UNICODE UTF-8", "UNICODE UTF-8", utf8, "Müller", 0),
        ("29 UNICODE", "UNICODE", utf8, "Müller", 0),
        ("29 UTF-8", "utf-8", utf8, "Müller", 0),
        ("29 GB 18030-2000", "GB 18030-2000", b"\xCD\xF5^X", "王", 0),
        ("29 GB 18030 with a delimiter as second byte", "GB 18030-2000", b"\x81\x7C\x81\x5E^X", "亅乛", 0),
        ("29 ISO IR87", "ISO IR87", b"\x1B$B;3ED\x1B(B^X", "山田", 0),
        ("30 repeating, ASCII then Japanese", "~ISO IR87", b"\x1B$B;3ED\x1B(B^X", "山田", 0),
        ("30 repeating", "8859/1~UNICODE UTF-8", latin, "Müller", 0),
        ("31 UTF-8 with one bad byte", "UNICODE UTF-8", b"M\xC3\xBCller-Bj\xF6rk^X", "Müller-Björk", 1),
        ("31 GB 18030 with a bad byte", "GB 18030-2000", b"\xCD\xF5\xFF^X", "王\u{fffd}", 1),
        ("says 8859/1, may be UTF-8", "8859/1", utf8, "MÃ¼ller", 1),
        ("unknown set", "KLINGON", utf8, "Müller", 1),
    ];
    for (name, charset, bytes, family, issues) in cases {
        let found = read(name, &sample(charset, bytes), None);
        assert_eq!(found, (family.to_string(), *issues, true), "{name}");
    }
}

#[test]
fn a_mark_beats_msh_18_and_msh_18_the_configured_set() {
    let latin2 = Charset::named("8859/2");
    let marked = [b"\xEF\xBB\xBF", &sample("8859/1", "Müller^X".as_bytes())[..]].concat();
    assert_eq!(read("31 mark", &marked, latin2), ("Müller".to_string(), 1, true));
    assert_eq!(read("configured", &sample("", b"\xA3\xF3d\xBC^X"), latin2), ("Łódź".to_string(), 0, true));
    assert_eq!(read("declared", &sample("8859/1", b"M\xFCller^X"), latin2), ("Müller".to_string(), 0, true));
    let wide: Vec<u8> = "\u{feff}".encode_utf16().chain(to_utf16("Müller^X")).flat_map(u16::to_le_bytes).collect();
    assert_eq!(read("UTF-16 with a mark", &wide, None), ("Müller".to_string(), 0, true));
    let unmarked: Vec<u8> = to_utf16("Müller^X").into_iter().flat_map(u16::to_be_bytes).collect();
    assert_eq!(read("UTF-16 without a mark", &unmarked, None), ("Müller".to_string(), 1, true));
}

fn to_utf16(name: &str) -> Vec<u16> {
    String::from_utf8(sample("", name.as_bytes())).expect("UTF-8").encode_utf16().collect()
}

#[test]
fn utf_8_is_borrowed_and_the_bytes_come_back() {
    let bytes = sample("", "Müller".as_bytes());
    let message = Message::parse(&bytes, &Options::default()).expect("readable").message;
    assert!(matches!(message.field(1, 5).text(), Cow::Borrowed("Müller")));
    assert_eq!(message.print().as_bytes(), bytes);
    for (charset, name) in [("8859/15", &b"\xA4\xE9"[..]), ("", b"\x80\x81\xFF"), ("GB 18030-2000", b"\xCD\xF5")] {
        let bytes = sample(charset, name);
        let message = Message::parse(&bytes, &Options::default()).expect("readable").message;
        assert_eq!(message.bytes(), bytes);
        assert_eq!(message.charset().encode(&message.print()), (bytes, false), "{charset}");
    }
}

#[test]
fn what_a_set_lacks_is_written_as_a_question_mark() {
    let cases =
        [("8859/1", "aü山", &b"a\xFC?"[..], true), ("ASCII", "aü", b"a?", true), ("UTF-8", "ü", b"\xC3\xBC", false)];
    for (charset, text, bytes, lossy) in cases {
        let charset = Charset::named(charset).expect(charset);
        assert_eq!(charset.encode(text), (bytes.to_vec(), lossy));
    }
}
