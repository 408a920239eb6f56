//! The two streams of a command: data on stdout, talk on stderr.
//!
//! A reader that stops reading (`hilum message list | head`) is no fault of ours and ends nothing badly: what cannot be
//! written any more is dropped.

use std::fmt::Arguments;
use std::io::Write;

/// One line of data.
pub fn out(line: Arguments<'_>) {
    data(format!("{line}\n").as_bytes());
}

/// Data as it is, such as a message's bytes.
pub fn data(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// One line of talk.
pub fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Rows under headings, each column as wide as its widest cell, for people.
pub fn table(headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        out(format_args!("{}", cells.collect::<Vec<_>>().join("  ").trim_end()));
    };
    line(&mut headings.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}
