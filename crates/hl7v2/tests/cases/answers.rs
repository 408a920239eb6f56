//! Acknowledgements: which are sent, what they say, and how those of others are read.

use hl7v2::ack::{self, Ack, Code, Outcome, Stamp, Verdict};
use hl7v2::{Fault, Issue, Kind, Message, Options, Place, SegmentId};

const STAMP: Stamp<'_> = Stamp { time: "20240305120000", control_id: "H1" };

fn request(conditions: &str, version: &str) -> String {
    format!("MSH|^~\\&|LAB^1.2^ISO|GEN|HILUM|CLINIC|20240305||ADT^A01^ADT_A01|M1|T|{version}|||{conditions}\rPID|1\r")
}

fn birth_date() -> Issue {
    let pid = SegmentId::new("PID").expect("an id");
    let place = Place { repetition: 1, component: 1, ..Place::field(pid, 7) };
    Issue::error(Kind::DataType, place, "no such day | in that month")
}

fn text(answer: Option<Vec<u8>>) -> String {
    answer.map_or("none".to_string(), |bytes| String::from_utf8(bytes).expect("ASCII"))
}

#[test]
fn an_acceptance_says_whose_and_to_whom() {
    let request = request("", "2.5.1");
    let message = Message::parse(request.as_bytes(), &Options::default()).expect("readable").message;
    let answer = text(ack::application(Some(&message), &Verdict::accepted(), STAMP));
    let expected = "MSH|^~\\&|HILUM|CLINIC|LAB^1.2^ISO|GEN|20240305120000||ACK^A01^ACK|H1|T|2.5.1\rMSA|AA|M1\r";
    assert_eq!(answer, expected);
    assert_eq!(text(ack::accept(Some(&message), &Verdict::accepted(), STAMP)), "none", "original mode has no CA");
}

#[test]
fn a_fault_is_written_as_its_version_writes_it() {
    let cases = [
        (
            "2.5.1",
            "MSA|AE|M1|PID-7.1: no such day \\F\\ in that month\r\
             ERR||PID^1^7^1^1|102^Data type error^HL70357|E|||PID-7.1: no such day \\F\\ in that month|no such day \\F\\ in that month\r",
        ),
        ("2.3", "MSA|AE|M1|PID-7.1: no such day \\F\\ in that month\rERR|PID^1^7^102&Data type error&HL70357\r"),
    ];
    for (version, expected) in cases {
        let request = request("", version);
        let message = Message::parse(request.as_bytes(), &Options::default()).expect("readable").message;
        let answer = text(ack::application(Some(&message), &Verdict::error(vec![birth_date()]), STAMP));
        let (_, rest) = answer.split_once('\r').expect("MSH");
        assert_eq!(rest, expected, "{version}");
        let read = Ack::read(answer.as_bytes()).expect("our own");
        assert_eq!((read.code, read.control_id.as_str()), (Code::AE, "M1"));
        assert_eq!((read.errors[0].code.as_str(), read.errors[0].place.field), ("102", 7), "{version}");
    }
}

#[test]
fn msh_15_and_16_decide_which_answers_are_sent() {
    let of_header = |field| vec![Issue::error(Kind::VersionId, Place::msh(field), "not taken here")];
    let (good, bad) = (Verdict::accepted(), Verdict::error(vec![birth_date()]));
    let (refused, full) = (Verdict::rejected(of_header(12)), Verdict::rejected(vec![]));
    // MSH-15|MSH-16, then accept and application answers to: accepted, error, refused for MSH-12, cannot take it now.
    let cases = [
        ("", "-/AA -/AE -/AR -/AR"),
        ("AL|AL", "CA/AA CE/AE CR/AR CE/AR"),
        ("AL|NE", "CA/- CE/- CR/- CE/-"),
        ("NE|AL", "-/AA -/AE -/AR -/AR"),
        ("NE|NE", "-/- -/- -/- -/-"),
        ("ER|ER", "-/- CE/AE CR/AR CE/AR"),
        ("SU|SU", "CA/AA -/- -/- -/-"),
        ("|AL", "-/AA -/AE -/AR -/AR"),
        ("AL|", "CA/- CE/- CR/- CE/-"),
        ("XX|er", "CA/- CE/AE CR/AR CE/AR"),
    ];
    for (conditions, expected) in cases {
        let request = request(conditions, "2.5");
        let message = Message::parse(request.as_bytes(), &Options::default()).expect("readable").message;
        let code =
            |answer: Option<Vec<u8>>| answer.map_or("-", |bytes| Ack::read(&bytes).expect("our own").code.as_str());
        let found = [&good, &bad, &refused, &full].map(|verdict| {
            let accept = code(ack::accept(Some(&message), verdict, STAMP));
            format!("{accept}/{}", code(ack::application(Some(&message), verdict, STAMP)))
        });
        assert_eq!(found.join(" "), expected, "{conditions}");
    }
}

#[test]
fn a_message_that_cannot_be_read_is_answered_all_the_same() {
    let cases: &[(&[u8], &str)] = &[
        (
            b"PID|1||42\r",
            "MSH|^~\\&|||||20240305120000||ACK|H1|P|2.5.1\rMSA|AE||message: no MSH segment: send MSH first\rERR|||100^Segment sequence error^HL70357|E|||message: no MSH segment: send MSH first|no MSH segment: send MSH first\r",
        ),
        (
            b"MSH|",
            "MSH|^~\\&|||||20240305120000||ACK|H1|P|2.5.1\rMSA|AE||MSH-2: message ends before MSH-2: send it whole\rERR||MSH^1^2|101^Required field missing^HL70357|E|||MSH-2: message ends before MSH-2: send it whole|message ends before MSH-2: send it whole\r",
        ),
    ];
    for (bytes, expected) in cases {
        let fault = Message::parse(bytes, &Options::default()).map(|_| ()).expect_err("unreadable");
        let header = Message::parse_header(bytes, &Options::default()).ok().map(|parsed| parsed.message);
        assert_eq!(text(ack::application(header.as_ref(), &fault.into(), STAMP)), *expected);
    }
}

#[test]
fn a_header_can_answer_for_a_message_that_is_too_long() {
    let long = [request("", "2.5").as_bytes(), &b"NTE|1\r".repeat(100)].concat();
    let mut options = Options::default();
    options.limits.segments = 10;
    let fault: Fault = Message::parse(&long, &options).map(|_| ()).expect_err("too many segments");
    let header = Message::parse_header(&long, &options).expect("MSH is whole").message;
    let answer = text(ack::application(Some(&header), &fault.into(), STAMP));
    assert!(answer.contains("\rMSA|AE|M1|message: more than 10 segments"), "{answer}");
}

#[test]
fn an_answer_uses_the_delimiters_and_set_of_the_request() {
    let request = b"MSH$%~!@$K\xFCche$$$$2024$$ADT%A01$1|2$P$2.5$$$$$$8859/1\r";
    let message = Message::parse(request, &Options::default()).expect("readable").message;
    let answer = ack::application(Some(&message), &Verdict::accepted(), STAMP).expect("original mode");
    let expected = b"MSH$%~!@$$$K\xFCche$$20240305120000$$ACK%A01%ACK$H1$P$2.5$$$$$$8859/1\rMSA$AA$1|2\r";
    assert_eq!(answer, expected);
}

#[test]
fn what_msh_lacks_decides_between_error_and_rejection() {
    let cases = [
        ("fine", "20240305||ADT^A01|M1|P|2.5", Outcome::Accepted),
        ("38 blank control id", "20240305||ADT^A01||P|2.5", Outcome::Error),
        ("no message type", "20240305|||M1|P|2.5", Outcome::Rejected),
        ("no such version", "20240305||ADT^A01|M1|P|9", Outcome::Rejected),
        ("no time", "||ADT^A01|M1|P|2.5", Outcome::Accepted),
    ];
    for (name, rest, outcome) in cases {
        let text = format!("MSH|^~\\&|A|B|C|D|{rest}\r");
        let message = Message::parse(text.as_bytes(), &Options::default()).expect(name).message;
        assert_eq!(Verdict::of_header(message.header().issues()).outcome, outcome, "{name}");
    }
}

#[test]
fn answers_of_others_are_read_as_they_come() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("plain", b"MSH|^~\\&|A|B|C|D|2024||ACK|9|P|2.5\rMSA|AA|M1\r", "AA M1 0"),
        ("81 in LF", b"MSH|^~\\&|A|B|C|D|2024||ACK|9|P|2.5\nMSA|AE|M1|bad\nERR||PID^1^7|102|E\n", "AE M1 1"),
        ("MSA alone", b"MSA|AR|M1|no", "AR M1 0"),
        ("MSA alone, lower case code", b"\nMSA|ca|M1\n", "CA M1 0"),
        ("still framed", b"\x0BMSH|^~\\&|A\rMSA|CE|M1\r\x1C\r", "CE M1 0"),
        ("76 another's control id is given as it is", b"MSH|^~\\&|A\rMSA|AA|OTHER\r", "AA OTHER 0"),
        ("old ERR", b"MSH|^~\\&|A\rMSA|AE|M1\rERR|PID^1^3^101~PV1^1^2^103\r", "AE M1 2"),
        ("no control id", b"MSH|^~\\&|A\rMSA|AA\r", "AA  0"),
        ("82 bare LF", b"\n", "Empty"),
        ("nothing", b"", "Empty"),
        ("text", b"OK\r", "MissingMsh"),
        ("no MSA", b"MSH|^~\\&|A\rPID|1\r", "SegmentSequence"),
        ("no such code", b"MSH|^~\\&|A\rMSA|ZZ|M1\r", "TableValue"),
    ];
    for (name, bytes, expected) in cases {
        let found = match Ack::read(bytes) {
            Ok(ack) => format!("{} {} {}", ack.code.as_str(), ack.control_id, ack.errors.len()),
            Err(fault) => format!("{:?}", fault.0.kind),
        };
        assert_eq!(found, *expected, "{name}");
    }
    assert!(Code::CA.is_positive() && Code::CA.is_accept() && !Code::AA.is_accept() && !Code::CE.is_positive());
}

#[test]
fn an_answer_is_not_answered() {
    let request = request("", "2.5").replace("ADT^A01^ADT_A01", "ACK^A01^ACK");
    let message = Message::parse(request.as_bytes(), &Options::default()).expect("readable").message;
    assert_eq!(text(ack::application(Some(&message), &Verdict::accepted(), STAMP)), "none", "83 unsolicited");
    assert_eq!(text(ack::application(Some(&message), &Verdict::error(vec![]), STAMP)), "none");
}
