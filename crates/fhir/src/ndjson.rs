//! Resources one a line (R4 §2.6.2, `application/fhir+ndjson`): the lines, each with its number and a bound.

use crate::issue::{Issue, IssueType};

/// Longest line. A resource that is longer has its content in an Attachment or Binary of its own.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A line that is not blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// From 1, blank lines counted.
    pub number: usize,
    /// Without its end.
    pub bytes: &'a [u8],
    /// Whether a line feed ended it. What comes in parts may have been cut off inside a line that has none.
    pub ended: bool,
}

/// The lines of a text, blank ones passed over. A line that is too long is an issue that names it; those behind it
/// are still given out.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = Result<Line<'_>, Issue>> {
    lines_within(bytes, LINE_BYTES_MAX)
}

pub fn lines_within(bytes: &[u8], line_bytes_max: usize) -> impl Iterator<Item = Result<Line<'_>, Issue>> {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').zip(1..);
    lines.filter(|(line, _)| !line.trim_ascii().is_empty()).map(move |(line, number)| {
        let ended = line.ends_with(b"\n");
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let bytes = line.strip_suffix(b"\r").unwrap_or(line);
        if bytes.len() > line_bytes_max {
            let text = format!("line {number} is longer than {line_bytes_max} bytes; write one resource a line");
            return Err(Issue::error(IssueType::TooLong, "", text));
        }
        Ok(Line { number, bytes, ended })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_bounded() {
        let all = |text: &'static str| -> Vec<Result<(usize, &str, bool), IssueType>> {
            let line = |line: Line<'static>| (line.number, str::from_utf8(line.bytes).expect("text"), line.ended);
            lines_within(text.as_bytes(), 4).map(|found| found.map(line).map_err(|issue| issue.code)).collect()
        };
        assert_eq!(all(""), []);
        assert_eq!(all("\n \r\n\t\n"), []);
        assert_eq!(all("{}\n\n{1}\r\n{2}"), [Ok((1, "{}", true)), Ok((3, "{1}", true)), Ok((4, "{2}", false))]);
        assert_eq!(all("abcd\nabcde\nx\n"), [Ok((1, "abcd", true)), Err(IssueType::TooLong), Ok((3, "x", true))]);
        let issue = lines_within(b"\n12345", 4).next().expect("a line").expect_err("too long");
        assert_eq!(issue.text, "line 2 is longer than 4 bytes; write one resource a line");
    }

    #[test]
    fn a_line_may_have_sixteen_mebibytes() {
        let mut text = vec![b'x'; LINE_BYTES_MAX];
        assert!(lines(&text).all(|line| line.is_ok()));
        text.push(b'x');
        assert!(lines(&text).all(|line| line.is_err()));
    }
}
