//! Answers to frames that never became messages: over the limit or cut off. All that is known of them is their first line.

use hl7v2::ack::Verdict;
use hl7v2::{Fault, Message, Options};

use crate::intake::answer;

/// The negative answers that the sender of this frame wants: AR in original mode, CE in enhanced mode (`safety.md` 9: we cannot
/// take it now). Where the first line is no MSH, an AR that names no message.
pub fn answers(fault: Fault, head: &[u8]) -> Vec<Vec<u8>> {
    let options = Options::default();
    let parsed = Message::parse_header(head, &options).ok().map(|parsed| parsed.message);
    answer::of(parsed.as_ref(), &Verdict::rejected(vec![fault.0]), None, None).acks
}

#[cfg(test)]
mod tests {
    use hl7v2::mllp::{Decoder, Event, Options as Frames};

    use super::*;

    /// The first MSA of what is answered to a frame of this header that passes the limit.
    fn msa(header: &str) -> Vec<String> {
        let mut decoder = Decoder::new(Frames { frame_bytes_max: 100, ..Frames::default() });
        let mut events = Vec::new();
        let long = format!("{header}\rPID|1||{}", "Q".repeat(100));
        decoder.decode(&hl7v2::mllp::encode(long.as_bytes()), &mut events);
        let Some(Event::Refused { fault, head }) = events.pop() else { panic!("not refused: {events:?}") };
        let texts = answers(fault, &head).into_iter().map(|ack| String::from_utf8(ack).expect("ASCII"));
        texts
            .map(|ack| {
                assert!(ack.contains("\rERR|"), "no ERR: {ack}");
                assert!(!ack.contains("QQQ"), "a value of the message came back");
                let msa = ack.split('\r').find(|segment| segment.starts_with("MSA")).expect("an MSA");
                msa.split('|').take(3).collect::<Vec<_>>().join("|")
            })
            .collect()
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_in_the_mode_of_its_sender() {
        for (header, expected) in [
            ("MSH|^~\\&|A|B|C|D|20260102||ADT^A01|17|P|2.5", &["MSA|AR|17"][..]),
            ("MSH|^~\\&|A|B|C|D|20260102||ADT^A01|18|P|2.5|||AL|NE", &["MSA|CE|18"]),
            ("MSH|^~\\&|A|B|C|D|20260102||ADT^A01|19|P|2.5|||AL|AL", &["MSA|CE|19", "MSA|AR|19"]),
            ("MSH|^~\\&|A|B|C|D|20260102||ADT^A01|20|P|2.5|||NE|NE", &[]),
            ("PV1|no header", &["MSA|AR|"]),
        ] {
            assert_eq!(msa(header), expected, "{header}");
        }
    }
}
