//! Answers to frames that never became messages: over the limit or cut off. All that is known of them is their first line.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hl7v2::ack::{self, Stamp, Verdict};
use hl7v2::{Fault, Message, Options};
use jiff::Timestamp;

/// The negative answers that the sender of this frame wants: AR in original mode, CE in enhanced mode (`safety.md` 9: we cannot
/// take it now). Where the first line is no MSH, an AR that names no message.
pub fn answers(fault: Fault, head: &[u8]) -> Vec<Vec<u8>> {
    let options = Options::default();
    let parsed = Message::parse_header(head, &options).ok().map(|parsed| parsed.message);
    let verdict = Verdict::rejected(vec![fault.0]);
    let (time, control_id) = (time(Timestamp::now()), control_id());
    let stamp = Stamp { time: &time, control_id: &control_id };
    let request = parsed.as_ref();
    ack::accept(request, &verdict, stamp).into_iter().chain(ack::application(request, &verdict, stamp)).collect()
}

/// MSH-7 of an answer, in UTC with its offset.
fn time(now: Timestamp) -> String {
    now.strftime("%Y%m%d%H%M%S+0000").to_string()
}

/// MSH-10 of an answer: unique in this process and, by its time, among its runs; 20 characters at most.
fn control_id() -> String {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Relaxed) % 100_000;
    format!("N{}{number:05}", Timestamp::now().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hl7v2::mllp::{Decoder, Event, Options as Frames};

    /// The first MSA of what is answered to a frame of this header that passes the limit.
    fn msa(header: &str) -> Vec<String> {
        let mut decoder = Decoder::new(Frames { frame_bytes_max: 100, ..Frames::default() });
        let mut events = Vec::new();
        let long = format!("{header}\rPID|1||{}", "7".repeat(100));
        decoder.decode(&hl7v2::mllp::encode(long.as_bytes()), &mut events);
        let Some(Event::Refused { fault, head }) = events.pop() else { panic!("not refused: {events:?}") };
        let texts = answers(fault, &head).into_iter().map(|ack| String::from_utf8(ack).expect("ASCII"));
        texts
            .map(|ack| {
                assert!(ack.contains("\rERR|"), "no ERR: {ack}");
                assert!(!ack.contains("777"), "a value of the message came back");
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
            ("PV1|no header", &["MSA|AR"]),
        ] {
            assert_eq!(msa(header), expected, "{header}");
        }
    }
}
