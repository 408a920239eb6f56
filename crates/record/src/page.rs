//! The link to a page: the position that the search sees, where the page begins, and the total where it is known.
//!
//! It holds nothing that needs hiding (a place in the log, never a value by which a page is sorted) and proves nothing:
//! the query and the access come anew with each request.

use std::fmt::Write;

use crate::error::ReadError;
use crate::version::Position;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageKey {
    pub position: i64,
    pub start: Start,
    pub total: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    First,
    /// After the version at this position: below it, or behind it in the order that was asked for.
    After(i64),
}

impl PageKey {
    /// The first page of a search at a position.
    pub fn first(position: Position) -> PageKey {
        PageKey { position: position.0, start: Start::First, total: None }
    }

    /// Reads what [`PageKey::write`] wrote: `position-a17`, and `-t120` where the total is known.
    pub fn read(text: &str) -> Result<PageKey, ReadError> {
        let number = |part: &str| part.parse().ok().filter(|number: &i64| *number >= 0);
        let mut parts = text.split('-');
        let position = parts.next().and_then(number).ok_or(ReadError::BadPage)?;
        let after = parts.next().and_then(|part| part.strip_prefix('a')).and_then(number).ok_or(ReadError::BadPage)?;
        let total = match parts.next() {
            None => None,
            Some(part) => Some(part.strip_prefix('t').and_then(|part| part.parse().ok()).ok_or(ReadError::BadPage)?),
        };
        match parts.next() {
            None => Ok(PageKey { position, start: Start::After(after), total }),
            Some(_) => Err(ReadError::BadPage),
        }
    }

    pub fn write(position: i64, after: i64, total: Option<u64>) -> String {
        let mut text = format!("{position}-a{after}");
        if let Some(total) = total {
            write!(text, "-t{total}").expect("a String takes all that is written");
        }
        text
    }
}
