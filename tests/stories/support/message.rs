//! v2 messages as a story writes them: segments on lines of their own, the header made for them.

use std::sync::atomic::{AtomicU32, Ordering};

/// Lines become segments: indentation and blank lines go, CR ends each.
pub fn message(text: &str) -> Vec<u8> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.flat_map(|line| [line.as_bytes(), b"\r"].concat()).collect()
}

/// A control id that no other message of this run has.
pub fn control_id() -> String {
    static MADE: AtomicU32 = AtomicU32::new(1);
    format!("T{:06}", MADE.fetch_add(1, Ordering::Relaxed))
}

/// An ADT of an event at a time (as in EVN-2), with these segments after EVN.
pub fn adt(trigger: &str, time: &str, segments: &str) -> Vec<u8> {
    let header = header(&format!("ADT^{trigger}"), time);
    message(&format!("{header}\nEVN|{trigger}|{time}\n{segments}"))
}

/// An ORU^R01 with these segments after MSH.
pub fn oru(time: &str, segments: &str) -> Vec<u8> {
    message(&format!("{}\n{segments}", header("ORU^R01^ORU_R01", time)))
}

/// An MSH from facility NORTH, version 2.5.1, original mode.
pub fn header(kind: &str, time: &str) -> String {
    format!("MSH|^~\\&|HIS|NORTH|HILUM|HUB|{time}||{kind}|{}|P|2.5.1", control_id())
}

/// MSH-10 of a message.
pub fn id_of(message: &[u8]) -> String {
    let header = message.split(|&byte| byte == b'\r').next().expect("a first segment");
    String::from_utf8_lossy(header).split('|').nth(9).unwrap_or_default().to_owned()
}
