//! Values: escapes, empty against null, and positions.

use hl7v2::{Message, Options, RepetitionId, Separators, escape, unescape};

#[test]
fn escapes_say_what_they_stand_for() {
    let long = format!("a{}b", "\n".repeat(99));
    let cases = [
        ("delimiters", r"\F\\S\\T\\R\\E\", r"|^&~\"),
        ("truncation", r"a\P\b", "a#b"),
        ("line break", r"one\.br\two", "one\ntwo"),
        ("trailing line break", r"one\.br\", "one\n"),
        ("three lines", r"one\.sp3\two", "one\n\n\ntwo"),
        ("three lines, spaced", r"one\.sp 3\two", "one\n\n\ntwo"),
        ("lines without number", r"one\.sp\two", "one\ntwo"),
        ("lines without end", r"a\.sp999999999999999999999\b", &long),
        ("blanks", r"a\.sk 2\b", "a  b"),
        ("indents and fills", r"\.in+4\\.ti-2\\.fi\\.nf\a", "a"),
        ("centred", r"a\.ce\b", "a\nb"),
        ("highlights", r"\H\a\N\b", "ab"),
        ("hexadecimal", r"a\X0D\b\X0D0A\", "a\rb\r\n"),
        ("hexadecimal in UTF-8", r"\XC3BC\", "ü"),
        ("hexadecimal in Windows-1252", r"\XFC\\X80\", "ü€"),
        ("hexadecimal that is none", r"\Xzz\\X0\\X\", r"\Xzz\\X0\\X\"),
        ("hostile 26: a segment in an escape is data", r"\X0D\PID|", "\rPID|"),
        ("a single-byte set", r"a\C2842\b", "ab"),
        ("Japanese", r"\M2442\;3ED\C2842\X", "山田X"),
        ("another multi-byte set", r"\M242541\a", r"\M242541\a"),
        ("of the site's own", r"\Zxx\a", r"\Zxx\a"),
        ("unknown", r"\Q\a\.xy\", r"\Q\a\.xy\"),
        ("a bad number", r"\.sp3x\", r"\.sp3x\"),
        ("unterminated", r"4\5", r"4\5"),
        ("unterminated, then a good one", r"C:\dir\F\x", r"C:\dir|x"),
        ("only the character", r"\", r"\"),
        ("twice the character", r"\\", r"\\"),
        ("beyond ASCII", r"ü\F\山\.é\", r"ü|山\.é\"),
    ];
    for (name, raw, text) in cases {
        assert_eq!(unescape(raw, &Separators::default()), text, "{name}");
    }
}

#[test]
fn text_is_written_so_that_it_reads_back() {
    let cases = [
        ("plain", "Müller", "Müller"),
        ("delimiters", r"a|b^c&d~e\f", r"a\F\b\S\c\T\d\R\e\E\f"),
        ("lines", "a\nb\r\nc", r"a\.br\b\X0D\\.br\c"),
        ("control bytes", "\0\x0B\x1C\t", "\\X00\\\\X0B\\\\X1C\\\t"),
        ("two quotes that do not mean delete", "\"\"", "\\X22\\\""),
    ];
    for (name, text, raw) in cases {
        let separators = Separators::default();
        assert_eq!(escape(text, &separators), raw, "{name}");
        assert_eq!(unescape(raw, &separators), text, "{name}");
    }
    let message = Message::parse(b"MSH|^~|A\r", &Options::default()).expect("two characters").message;
    assert_eq!(
        escape("a|b^c~d\r\\&", message.separators()),
        "a b c d \\&",
        "nothing can be escaped without a character for it"
    );
}

#[test]
fn values_are_found_by_their_position() {
    let text = "MSH|^~\\&|A&B^C|D\rPID|1||1^^^X&1.2&ISO~\"\"~~2|\"\"|a\\F\\b^\"\"|&x\rEVN\rNTE|\r";
    let message = Message::parse(text.as_bytes(), &Options::default()).expect("readable").message;
    let raw = |segment, field, repetition, component, subcomponent| {
        let field = message.field(segment, field);
        let repetition: Option<hl7v2::Repetition<'_>> = field.repetition(repetition);
        repetition.map_or("absent", |repetition| repetition.component(component).subcomponent(subcomponent).raw())
    };
    let cases = [
        ((0, 1, 0, 1, 1), "|"),
        ((0, 2, 0, 1, 1), "^~\\&"),
        ((0, 3, 0, 1, 2), "B"),
        ((0, 3, 0, 2, 1), "C"),
        ((0, 4, 0, 1, 1), "D"),
        ((0, 5, 0, 1, 1), "absent"),
        ((1, 0, 0, 1, 1), "absent"),
        ((1, 1, 0, 1, 1), "1"),
        ((1, 2, 0, 1, 1), ""),
        ((1, 3, 0, 4, 2), "1.2"),
        ((1, 3, 0, 4, 4), ""),
        ((1, 3, 0, 0, 1), ""),
        ((1, 3, 1, 1, 1), "\"\""),
        ((1, 3, 2, 1, 1), ""),
        ((1, 3, 3, 1, 1), "2"),
        ((1, 3, 4, 1, 1), "absent"),
        ((1, 6, 0, 1, 1), ""),
        ((1, 6, 0, 1, 2), "x"),
        ((2, 1, 0, 1, 1), "absent"),
        ((3, 1, 0, 1, 1), ""),
        ((3, 2, 0, 1, 1), "absent"),
    ];
    for ((segment, field, repetition, component, subcomponent), expected) in cases {
        let found = raw(segment, field, repetition, component, subcomponent);
        assert_eq!(found, expected, "{segment} {field}[{repetition}].{component}.{subcomponent}");
    }
    assert_eq!(message.field(1, 3).raw(), "1^^^X&1.2&ISO~\"\"~~2");
    assert_eq!(message.field(1, 3).component(1).raw(), "1", "of the first repetition");
    assert_eq!(message.field(1, 9).component(1).raw(), "");
    assert_eq!(message.segment(0).field_count(), 4);
    assert_eq!(message.segment(2).field_count(), 0);
}

#[test]
fn delete_is_told_from_unchanged_at_every_level() {
    let text = "MSH|^~\\&|A\rPID|\"\"||\"\"~1|\"\"^2|\"\"&3|\"\"\"\"|\" \"\r";
    let message = Message::parse(text.as_bytes(), &Options::default()).expect("readable").message;
    let field = |number| message.field(1, number);
    assert!(field(1).is_null() && !field(1).is_empty());
    assert!(field(2).is_empty() && !field(2).is_null());
    assert!(field(3).repetition(0).expect("sent").is_null() && !field(3).is_null());
    assert!(field(4).component(1).is_null() && !field(4).component(2).is_null());
    assert!(field(5).component(1).subcomponent(1).is_null() && !field(5).component(1).is_null());
    assert!(!field(6).is_null() && !field(7).is_null(), "only two quotes and nothing else");
    assert!(field(30).is_empty() && !field(30).is_null() && field(30).repetition_count() == 0);
}

#[test]
fn repetitions_have_numbers_and_places() {
    let text = "MSH|^~\\&|A~B\rOBX|1|TX|||x\rEVN\rOBX|2|TX|||y~z\r";
    let message = Message::parse(text.as_bytes(), &Options::default()).expect("readable").message;
    let places: Vec<String> =
        (0..message.repetition_count() as u32).map(|id| message.place(RepetitionId(id)).to_string()).collect();
    let expected = "MSH-1 MSH-2 MSH-3 MSH-3[2] OBX-1 OBX-2 OBX-3 OBX-4 OBX-5 OBX[2]-1 OBX[2]-2 OBX[2]-3 OBX[2]-4 OBX[2]-5 OBX[2]-5[2]";
    assert_eq!(places.join(" "), expected);
    let last = RepetitionId(message.repetition_count() as u32 - 1);
    assert_eq!(message.repetition(last).raw(), "z");
    assert_eq!(message.field(3, 5).repetition(1).expect("sent").id(), last);
    assert_eq!(&message.text()[message.repetition(last).span()], "z");
}

#[test]
fn delimiters_are_those_that_the_message_declares() {
    let cases = [
        ("32 five", "MSH|^~\\&#|A^B\rPID|a\\P\\b^c&d~e\r", "a#b"),
        ("32 three, & is data", "MSH|^~\\|A^B\rPID|a&b^c\r", "a&b"),
        ("32 two, \\ is data", "MSH|^~|A^B\rPID|a\\F\\b^c\r", "a\\F\\b"),
        ("32 others", "MSH$%~!@$A%B\rPID$a|b!F!%c\r", "a|b$"),
        ("54 unescaped & in a name", "MSH|^~\\&|A\rPID|Smith & Sons^c\r", "Smith & Sons"),
        ("55 HTML", "MSH|^~\\&|A\rPID|<b>1 &lt; 2</b>^c\r", "<b>1 &lt; 2</b>"),
        ("56 control bytes", "MSH|^~\\&|A\rPID|a\x01b\x00c^c\r", "a\u{1}b\0c"),
    ];
    for (name, text, expected) in cases {
        let message = Message::parse(text.as_bytes(), &Options::default()).expect(name).message;
        assert_eq!(message.field(1, 1).component(1).text(), expected, "{name}");
    }
}
