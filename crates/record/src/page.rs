//! The link to a page: the position that the search sees, where the page begins, and the total where it is known.
//!
//! It holds nothing that needs hiding and proves nothing: the query and the access come anew with each request.

use std::fmt::Write;

use fhir::search::Query;

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
    /// After this position, downwards.
    Below(i64),
    /// After so many.
    Offset(i64),
}

impl PageKey {
    /// The first page of a search at a position.
    pub fn first(position: Position, query: &Query) -> PageKey {
        let start = if query.sort.is_empty() { Start::Below(i64::MAX) } else { Start::Offset(0) };
        PageKey { position: position.0, start, total: None }
    }

    /// Reads what [`PageKey::write`] wrote: `position-b17` or `position-o50`, and `-t120` where the total is known.
    pub fn read(text: &str) -> Result<PageKey, ReadError> {
        let mut parts = text.split('-');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        let position = next().and_then(|part| part.parse().ok()).ok_or(ReadError::BadPage)?;
        let (kind, number) = next().and_then(|part| part.split_at_checked(1)).ok_or(ReadError::BadPage)?;
        let number = number.parse().ok().filter(|number| *number >= 0).ok_or(ReadError::BadPage)?;
        let start = match kind {
            "b" => Start::Below(number),
            "o" => Start::Offset(number),
            _ => return Err(ReadError::BadPage),
        };
        let total = match next() {
            None => None,
            Some(part) => Some(part.strip_prefix('t').and_then(|part| part.parse().ok()).ok_or(ReadError::BadPage)?),
        };
        Ok(PageKey { position, start, total })
    }

    pub fn write(&self) -> String {
        let mut text = match self.start {
            Start::Below(seq) => format!("{}-b{seq}", self.position),
            Start::Offset(count) => format!("{}-o{count}", self.position),
        };
        if let Some(total) = self.total {
            write!(text, "-t{total}").expect("a String takes all that is written");
        }
        text
    }
}
