//! The messages of a run: made to measure, or those of a file over and over, each time of other patients.
//!
//! Message number `n` of a load is always the same, so that a run can be repeated; no two numbers share a patient's visit, an
//! order or a control id, unless they belong together.

use std::fmt::Write as _;
use std::sync::Arc;

use hl7v2::{Limits, batch};

/// What is streamed; cheap to clone.
#[derive(Clone)]
pub struct Load {
    pub name: &'static str,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// Two admissions and three results of six values in five messages: the shares of Google's simulated hospital.
    Mix,
    /// ORU^R01 with 20 OBX.
    Results,
    File(Arc<[Vec<u8>]>),
}

impl Load {
    pub fn own_mix() -> Load {
        Load { name: "mix", kind: Kind::Mix }
    }

    pub fn results() -> Load {
        Load { name: "ORU^R01, 20 OBX", kind: Kind::Results }
    }

    /// Messages with the usual delimiters, one after the other or in a batch.
    pub fn of_file(bytes: &[u8]) -> Result<Load, String> {
        let split = batch::split(bytes, &Limits::default()).map_err(|fault| fault.to_string())?;
        let messages: Arc<[Vec<u8>]> = split.members.iter().map(|member| member.bytes.to_vec()).collect();
        match messages.iter().all(|message| message.starts_with(b"MSH|^~\\&")) {
            _ if messages.is_empty() => Err("no message in it: it has no MSH segment".to_owned()),
            false => Err("a message does not begin with MSH|^~\\&: its patients cannot be renumbered".to_owned()),
            true => Ok(Load { name: "mix of the file", kind: Kind::File(messages) }),
        }
    }

    pub fn message(&self, number: u64) -> Vec<u8> {
        match &self.kind {
            Kind::Mix => {
                let (five, place) = (number / 5, number % 5);
                let patient = five * 2 + u64::from(place >= 3);
                if place == 0 || place == 3 { adt(patient) } else { oru_of(number, patient, 6) }
            }
            Kind::Results => oru(number, 20),
            Kind::File(messages) => {
                let count = messages.len() as u64;
                renumbered(&messages[(number % count) as usize], number / count)
            }
        }
    }
}

/// An admission with what usually comes along: 7 segments.
pub fn adt(patient: u64) -> Vec<u8> {
    let mut text = header("ADT^A01^ADT_A01", &format!("A{patient}"));
    let _ = write!(text, "EVN|A01|20260302073000+0100\r");
    person(&mut text, patient);
    text.push_str("NK1|1|Example^Robin|SPO^Spouse^HL70063|9 Mill Lane^^Millbrook^^MB1 2AB|^PRN^PH^^^^5550100\r");
    visit(&mut text, patient);
    text.push_str("AL1|1|DA|7980^Penicillin^RXNORM|SV|Rash\r");
    text.push_str("DG1|1||J18.9^Pneumonia^I10|||A\r");
    text.into_bytes()
}

/// A result with so many values, about 150 bytes each, of a patient of its own.
pub fn oru(number: u64, values: u32) -> Vec<u8> {
    oru_of(number, number, values)
}

fn oru_of(number: u64, patient: u64, values: u32) -> Vec<u8> {
    let mut text = header("ORU^R01^ORU_R01", &format!("R{number}"));
    person(&mut text, patient);
    visit(&mut text, patient);
    let orderer = "4410^Hale^Josephine^^^Dr^^^STANNE";
    let _ = write!(text, "ORC|RE|P{number}^ANNEHIS|F{number}^ANNELAB|||||||||{orderer}\r");
    let _ = write!(
        text,
        "OBR|1|P{number}^ANNEHIS|F{number}^ANNELAB|24323-8^Comprehensive metabolic panel^LN|||20260302072500+0100|||||||||{orderer}||||||20260302075000+0100||CH|F\r"
    );
    for value in 1..=values {
        let tenths = (number + u64::from(value) * 7) % 900;
        let _ = write!(
            text,
            "OBX|{value}|NM|{}-{value}^Analyte number {value}^LN||{}.{}|mmol/L^^UCUM|3.5-5.3|N|||F|||20260302072500+0100||4411^Park^Ines^^^^^^STANNE\r",
            2000 + value,
            tenths / 10,
            tenths % 10
        );
    }
    text.into_bytes()
}

fn header(kind: &str, control_id: &str) -> String {
    format!("MSH|^~\\&|ANNEHIS|STANNE|HILUM|HUB|20260302075000+0100||{kind}|{control_id}|P|2.5.1\r")
}

fn person(text: &mut String, patient: u64) {
    const FAMILY: [&str; 8] =
        ["Lindqvist", "Brandt", "Okafor", "Castellanos", "Petrov", "Hughes", "Jansen", "Whitcombe"];
    const GIVEN: [&str; 7] = ["Nora", "Emil", "Ada", "Tomas", "Ines", "Robin", "Maja"];
    let (family, given) = (FAMILY[patient as usize % FAMILY.len()], GIVEN[patient as usize % GIVEN.len()]);
    let (year, month, day) = (1930 + patient % 90, 1 + patient % 12, 1 + patient % 28);
    let _ = write!(
        text,
        "PID|1||{patient}^^^STANNE&2.999.10.2&ISO^MR||{family}^{given}^^^^^L||{year}{month:02}{day:02}|{}|||{} Mill Lane^^Millbrook^^MB1 2AB^^H||^PRN^PH^^^^555{patient:04}\r",
        if patient.is_multiple_of(2) { 'F' } else { 'M' },
        1 + patient % 200
    );
}

fn visit(text: &mut String, patient: u64) {
    let _ = write!(
        text,
        "PV1|1|I|W{}^R{}^B1^STANNE|E|||4410^Hale^Josephine^^^Dr^^^STANNE|||MED|||||||||V{patient}^^^STANNE^VN|||||||||||||||||||||||||20260302073000+0100\r",
        1 + patient % 9,
        1 + patient % 40
    );
}

/// Fields that name a patient, visit, order or message: in each of their repetitions the first component is what counts.
const NUMBERS: [(&str, usize); 13] = [
    ("MSH", 10),
    ("PID", 2),
    ("PID", 3),
    ("PID", 4),
    ("PID", 18),
    ("PID", 19),
    ("PV1", 19),
    ("MRG", 1),
    ("MRG", 3),
    ("ORC", 2),
    ("ORC", 3),
    ("OBR", 2),
    ("OBR", 3),
];

/// The message as another patient's: `pass` is put behind each number in it. Pass 0 is the message as it was.
fn renumbered(message: &[u8], pass: u64) -> Vec<u8> {
    if pass == 0 {
        return message.to_vec();
    }
    let suffix = pass.to_string();
    let mut out = Vec::with_capacity(message.len() + 64);
    for segment in message.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
        let id = segment.get(..3).unwrap_or_default();
        for (at, field) in segment.split(|&byte| byte == b'|').enumerate() {
            // MSH-1 is the separator itself.
            let number = if id == b"MSH" { at + 1 } else { at };
            if at > 0 {
                out.push(b'|');
            }
            match NUMBERS.iter().any(|&(name, of)| name.as_bytes() == id && of == number) {
                true => number_field(field, suffix.as_bytes(), &mut out),
                false => out.extend_from_slice(field),
            }
        }
    }
    out
}

fn number_field(field: &[u8], suffix: &[u8], out: &mut Vec<u8>) {
    for (at, repetition) in field.split(|&byte| byte == b'~').enumerate() {
        if at > 0 {
            out.push(b'~');
        }
        let end = repetition.iter().position(|byte| matches!(byte, b'^' | b'\r' | b'\n')).unwrap_or(repetition.len());
        out.extend_from_slice(&repetition[..end]);
        if end > 0 {
            out.extend_from_slice(suffix);
        }
        out.extend_from_slice(&repetition[end..]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use hl7v2::{Message, Options};

    use super::*;

    #[test]
    fn our_own_messages_are_clean_and_apart() {
        let mut control_ids = HashSet::new();
        for number in 0..500 {
            let bytes = Load::own_mix().message(number);
            let parsed = Message::parse(&bytes, &Options::default()).expect("readable");
            assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
            assert_eq!(parsed.message.header().issues(), [], "number {number}");
            assert!(control_ids.insert(parsed.message.header().control_id.into_owned()), "control id twice: {number}");
        }
        let results = oru(7, 20);
        assert!((2_500..4_000).contains(&results.len()), "{} bytes", results.len());
    }

    #[test]
    fn a_file_comes_again_with_other_numbers() {
        let file = b"MSH|^~\\&|A|B|C|D|20260102||ADT^A01|5|P|2.3\rPID|1|7|7^^^X^MR~8^^^Y^NH||Doe\rPV1|1|I|W1\r\
                     MSH|^~\\&|A|B|C|D|20260102||ADT^A01|6|P|2.3\rPID|1||9\r";
        let load = Load::of_file(file).expect("two messages");
        assert!(file.starts_with(&load.message(0)), "the first pass is the file");
        let again = String::from_utf8(load.message(2)).expect("ASCII");
        assert_eq!(
            again,
            "MSH|^~\\&|A|B|C|D|20260102||ADT^A01|51|P|2.3\rPID|1|71|71^^^X^MR~81^^^Y^NH||Doe\rPV1|1|I|W1\r"
        );
        assert_eq!(load.message(3), b"MSH|^~\\&|A|B|C|D|20260102||ADT^A01|61|P|2.3\rPID|1||91\r");
    }

    #[test]
    fn a_file_that_cannot_be_renumbered_is_refused() {
        for (file, why) in [(&b""[..], "no message"), (b"PID|1", "no message"), (b"MSH#^~\\&#A\r", "renumbered")] {
            let fault = Load::of_file(file).map(drop).expect_err("nothing to stream");
            assert!(fault.contains(why), "{fault}");
        }
    }
}
