//! A note of the engine as the record keeps it: fields between tabs, the reason last.

use crate::engine::Note;

pub fn write(note: &Note) -> Vec<u8> {
    let how = match (note.parked, note.deleted) {
        (true, false) => "parked",
        (true, true) => "parked-delete",
        (false, false) => "late",
        (false, true) => "late-delete",
    };
    format!("{}\t{}\t{how}\t{}", note.position, note.version, note.reason).into_bytes()
}

/// `None`: it was written by a version of this program that came later.
pub fn read(bytes: &[u8]) -> Option<Note> {
    let mut fields = std::str::from_utf8(bytes).ok()?.splitn(4, '\t');
    let (position, version) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let (parked, deleted) = match fields.next()? {
        "parked" => (true, false),
        "parked-delete" => (true, true),
        "late" => (false, false),
        "late-delete" => (false, true),
        _ => return None,
    };
    Some(Note { position, version, deleted, parked, reason: fields.next()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_is_written() {
        for (parked, deleted) in [(true, true), (true, false), (false, true), (false, false)] {
            let note = Note { position: 7, version: 3, deleted, parked, reason: "422: no\tnot\nthat".to_owned() };
            assert_eq!(read(&write(&note)), Some(note));
        }
        for bytes in [&b""[..], b"7\t3", b"7\t3\tlost\tx", b"x\t3\tlate\t", b"\xff"] {
            assert_eq!(read(bytes), None);
        }
    }
}
