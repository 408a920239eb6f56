//! Where segments end (HL7 v2.9 §2.5.2), and where they end in practice.
//!
//! The standard ends segments with CR. Senders use LF, CR LF, NUL, blank lines and indentation as well, and put line
//! breaks into values. So a segment ends only where another one starts, or the text does: a line that starts none is
//! data of the field before it. Nothing is lost that way, and nothing is invented.

use memchr::{memchr, memchr2, memchr3};

use crate::index::{SegmentEntry, occurrence};
use crate::{Issue, Kind, Place, SegmentId};

/// Finds where segments end.
pub(crate) struct Lines<'t, 'i> {
    text: &'t [u8],
    separator: u8,
    style: Style,
    has_nul: bool,
    /// The sender writes MSH in lower case, and so all ids.
    lower_case: bool,
    noted: Vec<Kind>,
    issues_max: usize,
    issues: &'i mut Vec<Issue>,
}

/// What ends segments in this message.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// CR, and an LF before a segment id in upper case with its separator; any other LF is data.
    Cr,
    /// LF only: lower case and indentation are forgiven too.
    Lf,
    /// Neither is there, so that a NUL or `.` before a segment id can only be a lost CR.
    Dot,
}

impl<'t, 'i> Lines<'t, 'i> {
    pub(crate) fn new(
        text: &'t [u8],
        start: usize,
        separator: u8,
        issues_max: usize,
        issues: &'i mut Vec<Issue>,
    ) -> Self {
        let style = match (memchr(b'\r', text), memchr2(b'\r', b'\n', text)) {
            (Some(_), _) => Style::Cr,
            (None, Some(_)) => Style::Lf,
            (None, None) => Style::Dot,
        };
        let has_nul = memchr(0, text).is_some();
        let lower_case = text[start].is_ascii_lowercase();
        Lines { text, separator, style, has_nul, lower_case, noted: Vec::new(), issues_max, issues }
    }

    /// The end of the segment at `start`, which follows those `before` it, and the start of the next one.
    pub(crate) fn segment(&mut self, start: usize, id: SegmentId, before: &[SegmentEntry]) -> (usize, Option<usize>) {
        self.check_id(start, id, before);
        if self.text.get(start + 3) != Some(&self.separator) {
            let next = self.after(start + 3);
            return (start + 3, Some(next).filter(|&next| next < self.text.len()));
        }
        let mut from = start + 3;
        while let Some(at) = self.candidate(from) {
            let next = self.after(at);
            let return_at = memchr(b'\r', &self.text[at..next]).map(|offset| at + offset);
            let is_line_end = return_at.is_some() || (self.style == Style::Lf && self.text[at] == b'\n');
            if next == self.text.len() || self.breaks(next, is_line_end, return_at.is_some()) {
                self.note_break(at, next);
                let end = self.trimmed(start + 3, return_at.unwrap_or(at));
                return (end, Some(next).filter(|&next| next < self.text.len()));
            }
            if is_line_end {
                let text = "a line starts with no segment id: read as part of the field before it; escape line breaks as \\.br\\";
                self.note_segment(Kind::StrayLine, id, before, text);
            }
            from = next;
        }
        (self.text.len(), None)
    }

    /// The next byte that may end a segment.
    fn candidate(&self, from: usize) -> Option<usize> {
        let rest = self.text.get(from..)?;
        let found = match self.style {
            Style::Dot => memchr2(b'.', 0, rest),
            _ if self.has_nul => memchr3(b'\r', b'\n', 0, rest),
            _ => memchr2(b'\r', b'\n', rest),
        };
        found.map(|offset| from + offset)
    }

    /// Where the text goes on after a terminator: past line ends, blank lines, indentation, `.` lines and MLLP bytes.
    fn after(&self, at: usize) -> usize {
        let mut next = (at + 1).min(self.text.len());
        while let Some(&byte) = self.text.get(next) {
            let lone_dot = byte == b'.' && matches!(self.text.get(next + 1), None | Some(b'\r' | b'\n'));
            if !is_noise(byte) && !lone_dot {
                break;
            }
            next += 1;
        }
        next
    }

    /// Whether a segment starts at `next`, where the text goes on after what may be a terminator.
    fn breaks(&self, next: usize, is_line_end: bool, is_return: bool) -> bool {
        if is_line_end {
            return self.starts_segment(next, false) || (is_return && self.is_bare(next));
        }
        let is_adjacent = matches!(self.text[next - 1], b'\n' | 0 | b'.');
        is_adjacent && self.starts_segment(next, true)
    }

    /// A segment id and the field separator. In lower case only a usual id counts, because a line of text may start like one.
    fn starts_segment(&self, at: usize, upper: bool) -> bool {
        let head = &self.text[at.min(self.text.len())..];
        if head.get(3) != Some(&self.separator) {
            return false;
        }
        let Some(id) = SegmentId::of(head) else { return false };
        let is_upper = head[..3] == *id.as_str().as_bytes();
        is_upper || (!upper && (self.lower_case || USUAL_IDS.contains(&id.as_str())))
    }

    /// A segment without fields: three upper-case letters or digits alone on a line, with a segment or nothing after it.
    fn is_bare(&self, at: usize) -> bool {
        let mut at = at;
        for _ in 0..BARE_MAX {
            let head = &self.text[at..];
            let alone = matches!(head.get(3), None | Some(b'\r' | b'\n'));
            if !alone || SegmentId::of(head).is_none() || head[..3].iter().any(u8::is_ascii_lowercase) {
                return false;
            }
            at = self.after(at + 3);
            if at >= self.text.len() || self.starts_segment(at, false) {
                return true;
            }
        }
        false
    }

    /// The end of the segment without the line feeds and NULs that lead up to its terminator at `at`.
    fn trimmed(&self, least: usize, at: usize) -> usize {
        let dropped: &[u8] = if self.text[at] == b'\r' { b"\0" } else { b"\0\n" };
        let line = &self.text[least..at];
        let kept = line.iter().rposition(|byte| !dropped.contains(byte)).map_or(0, |last| last + 1);
        least + kept
    }

    fn check_id(&mut self, start: usize, id: SegmentId, before: &[SegmentEntry]) {
        if self.text[start..start + 3] != *id.as_str().as_bytes() && !self.noted.contains(&Kind::SegmentId) {
            self.noted.push(Kind::SegmentId);
            self.note_segment(Kind::SegmentId, id, before, "segment id in lower case");
        }
    }

    fn note_break(&mut self, at: usize, next: usize) {
        let gap = &self.text[at..next];
        match gap {
            b"\r" => {}
            [b'\r', ..] if gap.iter().all(|byte| b"\r\n".contains(byte)) => {
                let text = "segments end with CR LF or have blank lines between them: end them with CR";
                self.note_once(Kind::Terminator, text);
            }
            [b'\n', rest @ ..] if rest.iter().all(|&byte| byte == b'\n') => {
                self.note_once(Kind::Terminator, "a line feed ends a segment: end segments with CR");
            }
            [0 | b'.', ..] => {
                self.note_once(Kind::Terminator, "a NUL or full stop ends a segment: end segments with CR")
            }
            _ => self.note_once(Kind::Noise, "blanks or control bytes between segments were passed over"),
        }
    }

    fn note_once(&mut self, kind: Kind, text: &'static str) {
        if !self.noted.contains(&kind) {
            self.noted.push(kind);
            note(self.issues, Issue::information(kind, Place::MESSAGE, text), self.issues_max);
        }
    }

    /// Notes an issue of the segment after those `before` it, counting them only while issues are kept.
    fn note_segment(&mut self, kind: Kind, id: SegmentId, before: &[SegmentEntry], text: &'static str) {
        if self.issues.len() <= self.issues_max {
            let place = Place { occurrence: occurrence(before, id) + 1, ..Place::segment(id) };
            note(self.issues, Issue::warning(kind, place, text), self.issues_max);
        }
    }
}

/// Segments that are recognised in lower case.
const USUAL_IDS: [&str; 40] = [
    "ACC", "AIG", "AIL", "AIP", "AIS", "AL1", "DB1", "DG1", "ERR", "EVN", "FT1", "GT1", "IAM", "IN1", "IN2", "IN3",
    "MRG", "MSA", "NK1", "NTE", "OBR", "OBX", "ORC", "PD1", "PID", "PR1", "PV1", "PV2", "QPD", "QRD", "RGS", "ROL",
    "RXA", "RXE", "RXO", "RXR", "SCH", "SPM", "TQ1", "TXA",
];

/// Segments without fields that may follow each other.
const BARE_MAX: usize = 16;

/// Keeps an issue while there is room; the last one kept says that others were left out.
pub(crate) fn note(issues: &mut Vec<Issue>, issue: Issue, issues_max: usize) {
    if issues.len() < issues_max {
        issues.push(issue);
    } else if issues.len() == issues_max {
        issues.push(Issue::information(Kind::Application, Place::MESSAGE, "further issues were left out"));
    }
}

/// What may stand around segments without meaning anything: blanks, line ends, NUL and the bytes of MLLP.
pub(crate) fn is_noise(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0x0B | 0x1C)
}
