//! Reading the answers of others, as tolerantly as they are written: LF for CR, no MSH, either form of ERR.

use std::borrow::Cow;

use crate::lines::is_noise;
use crate::{Fault, Kind, Message, Options, Place, Segment, SegmentId, Severity};

use super::Code;

/// An answer that was received. Its texts are the peer's and may repeat values of the message: never log them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    pub code: Code,
    /// MSA-2: the control id of the message that is answered. Empty where the peer left it out.
    pub control_id: String,
    /// MSA-3.
    pub text: String,
    pub errors: Vec<AckError>,
}

/// One ERR segment, or one repetition of ERR-1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckError {
    pub place: Place,
    /// ERR-3.1, or ERR-1.4.1 before 2.5; usually of table 0357.
    pub code: String,
    pub severity: Severity,
    pub text: String,
}

/// Errors read from one answer.
const ERRORS_MAX: usize = 100;

impl Ack {
    /// Reads an answer without its envelope. A fault means that it answers nothing: no MSA, or no code of table 0008.
    pub fn read(bytes: &[u8]) -> Result<Ack, Fault> {
        let bytes = with_header(bytes);
        let message = Message::parse(&bytes, &Options::default())?.message;
        let mut segments = message.segments();
        let Some(msa) = segments.find(|segment| segment.id() == "MSA") else {
            let text = "answer has no MSA segment: it answers nothing";
            return Err(Fault::new(Kind::SegmentSequence, Place::MESSAGE, text));
        };
        let Some(code) = Code::read(&msa.field(1).text()) else {
            let place = Place::field(msa.segment_id(), 1);
            return Err(Fault::new(Kind::TableValue, place, "answer's code is not AA, AE, AR, CA, CE or CR"));
        };
        let errors = segments.filter(|segment| segment.id() == "ERR").flat_map(errors).take(ERRORS_MAX).collect();
        let control_id = msa.field(2).text().trim().to_string();
        Ok(Ack { code, control_id, text: msa.field(3).text().into_owned(), errors })
    }
}

/// An answer may be no more than its MSA segment.
fn with_header(bytes: &[u8]) -> Cow<'_, [u8]> {
    let start = bytes.iter().position(|&byte| !is_noise(byte)).unwrap_or(bytes.len());
    let rest = &bytes[start..];
    match rest {
        [b'M', b'S', b'A', separator, ..] if separator.is_ascii_punctuation() => {
            let head = [b"MSH", &[*separator][..], b"^~\\&\r"].concat();
            [&head, rest].concat().into()
        }
        _ => rest.into(),
    }
}

fn errors(err: Segment<'_>) -> Vec<AckError> {
    if err.field_count() > 1 {
        return vec![error_since_2_5(err)];
    }
    let old = err.field(1).repetitions().filter(|repetition| !repetition.is_empty());
    old.map(|repetition| AckError {
        place: Place {
            segment: SegmentId::new(&repetition.component(1).text()),
            occurrence: number(&repetition.component(2).text()).into(),
            field: number(&repetition.component(3).text()),
            ..Place::MESSAGE
        },
        code: repetition.component(4).subcomponent(1).text().into_owned(),
        severity: Severity::Error,
        text: repetition.component(4).subcomponent(2).text().into_owned(),
    })
    .collect()
}

fn error_since_2_5(err: Segment<'_>) -> AckError {
    let location = err.field(2);
    let at = |component| number(&location.component(component).text());
    let texts = [err.field(8).text(), err.field(7).text(), err.field(3).component(2).text()];
    AckError {
        place: Place {
            segment: SegmentId::new(&location.component(1).text()),
            occurrence: at(2).into(),
            field: at(3),
            repetition: at(4),
            component: at(5),
            subcomponent: at(6),
        },
        code: err.field(3).component(1).text().into_owned(),
        severity: match err.field(4).text().trim() {
            "I" => Severity::Information,
            "W" => Severity::Warning,
            _ => Severity::Error,
        },
        text: texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().into_owned(),
    }
}

/// A number that is missing or nonsense is not known: 0.
fn number(text: &str) -> u16 {
    text.trim().parse().unwrap_or(0)
}
