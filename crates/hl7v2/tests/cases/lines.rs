//! Where segments end, however they are ended.

use hl7v2::{Kind, Limits, Message, Options};

use crate::{fault, ids, parse};

const MSH: &str = r"MSH|^~\&|A|B|C|D|20240101||ADT^A01|1|P|2.5";

/// Replaces `MSH.` by a whole MSH, so that samples stay short.
fn sample(text: &str) -> String {
    text.replacen("MSH.", MSH, 1)
}

#[test]
fn segments_end_as_senders_end_them() {
    use Kind::{ControlByte, Noise, SegmentId, StrayLine, Terminator};
    let cases: &[(&str, &str, &[Kind], &str)] = &[
        ("CR", "MSH.\rPID|1\r", &[], "MSH PID"),
        ("18 LF only", "MSH.\nPID|1\nPV1|1\n", &[Terminator], "MSH PID PV1"),
        ("19 CR LF", "MSH.\r\nPID|1\r\n", &[Terminator], "MSH PID"),
        ("20 mixed", "MSH.\rPID|1\nPV1|1\r\nNTE|1\r", &[Terminator], "MSH PID PV1 NTE"),
        ("21 LF as data", "MSH.\rNTE|1||one\ntwo\rPV1|1\r", &[], "MSH NTE PV1"),
        ("21 LF before an id without separator is data", "MSH.\rNTE|1||one\nPV1 two\rPV1|1\r", &[], "MSH NTE PV1"),
        ("21 LF before a lower-case id is data beside CR", "MSH.\rNTE|1||x\nabc|d\rPV1|1\r", &[], "MSH NTE PV1"),
        ("21 LF before an id", "MSH.\rNTE|1||one\nPV1|1\rZZZ|1\r", &[Terminator], "MSH NTE PV1 ZZZ"),
        ("22 CR inside a field", "MSH.\rNTE|1||one\rtwo|X\rPV1|1\r", &[StrayLine], "MSH NTE PV1"),
        ("22 blank and stray lines", "MSH.\rNTE|1||one\r\rtwo three\rPV1|1\r", &[StrayLine], "MSH NTE PV1"),
        ("two-character id", "MSH.\rPID|1\rPV|2\r", &[StrayLine], "MSH PID"),
        ("stray line at the end", "MSH.\rNTE|1||one\rtwo", &[StrayLine], "MSH NTE"),
        ("23 NUL", "MSH.\0PID|1\0PV1|1\0", &[ControlByte, Terminator], "MSH PID PV1"),
        ("23 CR NUL", "MSH.\r\0PID|1\r\0", &[ControlByte, Noise], "MSH PID"),
        ("23 full stop for CR", "MSH.5.PID|1.PV1|1.", &[Terminator], "MSH PID PV1"),
        ("23 lines of one full stop", "MSH.\r.\rPID|1\r.\r", &[Noise], "MSH PID"),
        ("24 blanks around", "  \r\n MSH.\rPID|1\r \r\n ", &[Noise, Noise], "MSH PID"),
        ("24 indented lines", "MSH.\r  PID|1\r\tPV1|1\r", &[Noise], "MSH PID PV1"),
        ("24 indented lines, LF", "MSH.\n  PID|1\n  PV1|1\n", &[Noise, Terminator], "MSH PID PV1"),
        ("24 leading VT and trailing FS", "\x0BMSH.\rPID|1\r\x1C\r", &[Noise, ControlByte, Noise], "MSH PID"),
        ("24 blank lines between", "MSH.\r\rPID|1\r", &[Terminator], "MSH PID"),
        ("24 blank lines between, LF", "MSH.\n\nPID|1\n\n", &[Terminator], "MSH PID"),
        ("24 byte order mark", "\u{feff}MSH.\rPID|1\r", &[], "MSH PID"),
        ("25 no final CR", "MSH.\rPID|1", &[], "MSH PID"),
        ("51 Z and unknown segments", "MSH.\rZPI|1\rXX9|2\rPID|1\r", &[], "MSH ZPI XX9 PID"),
        ("53 lower-case ids", "msh|^~\\&|a\rpid|1\r", &[SegmentId], "MSH PID"),
        (
            "53 a lower-case id of no usual segment is text",
            "MSH.\rpid|1\rNTE|1||one\rtwo|three\r",
            &[SegmentId, StrayLine],
            "MSH PID NTE",
        ),
        ("segment without fields", "MSH.\rEVN\rPV1\rPID|1\rPV2", &[], "MSH EVN PV1 PID PV2"),
        (
            "a word alone on its line is no segment",
            "MSH.\rNTE|1||one\rNEG\rtwo\rPV1|1",
            &[StrayLine, StrayLine],
            "MSH NTE PV1",
        ),
        ("MSH alone", "MSH.", &[], "MSH"),
    ];
    for (name, text, kinds, segments) in cases {
        let text = sample(text);
        assert_eq!(ids(&parse(name, text.as_bytes(), kinds)), *segments, "{name}");
    }
}

#[test]
fn values_keep_their_line_breaks_and_nothing_else() {
    let cases = [
        ("21 LF in a field", "MSH.\rNTE|1||one\ntwo|RE\rPV1|1\r", "one\ntwo", "RE"),
        ("22 CR in a field", "MSH.\rNTE|1||one\rtwo|RE\rPV1|1\r", "one\rtwo", "RE"),
        ("22 blank lines in a field", "MSH.\rNTE|1||one\r\r two|RE\rPV1|1\r", "one\r\r two", "RE"),
        ("23 NUL before CR", "MSH.\rNTE|1||one|RE\0\rPV1|1\r", "one", "RE"),
        ("LF runs that end a segment", "MSH.\nNTE|1||one|RE\n\nPV1|1\n", "one", "RE"),
    ];
    for (name, text, comment, kind) in cases {
        let text = sample(text);
        let message = Message::parse(text.as_bytes(), &Options::default()).expect(name).message;
        assert_eq!(message.field(1, 3).text(), comment, "{name}");
        assert_eq!(message.field(1, 4).text(), kind, "{name}");
        assert_eq!(message.field(2, 1).text(), "1", "{name}");
    }
}

#[test]
fn what_is_no_message_is_refused_by_name() {
    let cases: &[(&str, &[u8], Kind, &str)] = &[
        ("nothing", b"", Kind::Empty, "message"),
        ("blanks", b" \r\n\x0B\x1C\r", Kind::Empty, "message"),
        ("41 no MSH", b"EVN|A01\rPV1|1\r", Kind::MissingMsh, "message"),
        ("42 PID before MSH", b"PID|1||123\rMSH|^~\\&|A\r", Kind::MissingMsh, "message"),
        ("a batch", b"BHS|^~\\&|\rMSH|^~\\&|A\r", Kind::MissingMsh, "message"),
        ("not HL7", b"GET / HTTP/1.1\r\n\r\n", Kind::MissingMsh, "message"),
        ("truncated id", b"MS", Kind::MissingMsh, "message"),
        ("truncated MSH", b"MSH", Kind::Truncated, "MSH-1"),
        ("truncated MSH|", b"MSH|", Kind::Truncated, "MSH-2"),
        ("MSH-2 empty", b"MSH||A|B\r", Kind::BadSeparators, "MSH-2"),
        ("MSH-2 of one", b"MSH|^|A\r", Kind::BadSeparators, "MSH-2"),
        ("MSH-2 of six", b"MSH|^~\\&#!|A\r", Kind::BadSeparators, "MSH-2"),
        ("33 MSH-2 escaped twice", b"MSH|^~\\\\&|A\r", Kind::BadSeparators, "MSH-2"),
        ("MSH-2 with one character twice", b"MSH|^^\\&|A\r", Kind::BadSeparators, "MSH-2"),
        ("MSH-2 holds a letter", b"MSH|^~A&|A\r", Kind::BadSeparators, "MSH-2"),
        ("MSH-1 is a letter", b"MSHA^~\\&A\r", Kind::BadSeparators, "MSH-1"),
    ];
    for (name, bytes, kind, place) in cases {
        let fault = fault(name, bytes);
        assert_eq!((fault.0.kind, fault.0.place.to_string().as_str()), (*kind, *place), "{name}: {fault}");
        assert!(!fault.to_string().contains("123"), "{name}: a value in {fault}");
    }
}

#[test]
fn limits_are_kept_and_named() {
    let limits = Limits {
        message_bytes: 300,
        segments: 4,
        fields_per_segment: 20,
        repetitions_per_field: 3,
        ..Limits::default()
    };
    let options = Options { limits, ..Options::default() };
    let cases = [
        ("bytes", format!("MSH.\rNTE|{}\r", "x".repeat(300)), "message"),
        ("segments", "MSH.\rNTE|1\rNTE|2\rNTE|3\rNTE|4\r".to_string(), "message"),
        ("fields", format!("MSH.\rNTE|1\rNTE{}\r", "|".repeat(21)), "NTE[2]"),
        ("repetitions", "MSH.\rPID|1||1~2~3|1~2~3~4\r".to_string(), "PID-4"),
    ];
    for (name, text, place) in cases {
        let fault = Message::parse(sample(&text).as_bytes(), &options).map(|_| ()).expect_err(name);
        assert_eq!((fault.0.kind, fault.0.place.to_string().as_str()), (Kind::OverLimit, place), "{name}");
    }
    let within = sample("MSH.\rPID|1||1~2~3|1~2~3\rNTE|1\rNTE|2\r");
    assert!(Message::parse(within.as_bytes(), &options).is_ok());
}

#[test]
fn issues_are_bounded_too() {
    let text = sample(&format!("MSH.\rNTE|1||x{}\r", "\rstray".repeat(1_000)));
    let parsed = Message::parse(text.as_bytes(), &Options::default()).expect("readable");
    assert_eq!(parsed.issues.len(), 101);
    assert_eq!(parsed.issues[100].text, "further issues were left out");
}

#[test]
fn a_result_of_200_000_obx_is_read() {
    let text = sample(&format!("MSH.\r{}", "OBX|1|NM|718-7^Hb^LN||140|g/L|||||F\r".repeat(200_000)));
    let message = parse("50", text.as_bytes(), &[]);
    assert_eq!(message.segment_count(), 200_001);
    assert_eq!(message.field(200_000, 5).text(), "140");
}

#[test]
fn a_document_of_20_mb_in_one_field_is_read() {
    let body = "QUJD".repeat(5 << 20);
    let text = sample(&format!("MSH.\rOBX|1|ED|PDF||^AP^^Base64^{body}||||||F\r"));
    let message = parse("48", text.as_bytes(), &[]);
    assert_eq!(message.field(1, 5).component(5).text().len(), body.len());
    assert_eq!(message.field(1, 11).text(), "F");
}

#[test]
fn long_runs_of_line_ends_take_one_walk() {
    let runs = ["\n", "\r", "\n ", "\0", "\r.", "EVN\r", "\rPV1"];
    for run in runs {
        let text = sample(&format!("MSH.\rNTE|1||one{}two\rPV1|1\r", run.repeat(300_000)));
        let message = Message::parse(text.as_bytes(), &Options::default()).expect(run).message;
        assert_eq!(message.print(), message.text());
        assert_eq!(message.segments().next_back().expect("PV1").id(), "PV1");
    }
}

#[test]
fn a_stray_line_is_placed() {
    let text = sample("MSH.\rNTE|1||one\rNTE|2||two\rthree\r");
    let parsed = Message::parse(text.as_bytes(), &Options::default()).expect("readable");
    assert_eq!(parsed.issues[0].place.to_string(), "NTE[2]");
    assert!(!parsed.issues[0].to_string().contains("three"));
}
