//! Birth dates (R4 `date`): whole or in part, and those that mean "we do not know".

/// A date of birth. Years without a month or day are kept; 1 January is kept with a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Birth {
    pub year: u16,
    /// 0 where it was not given.
    pub month: u8,
    /// 0 where it was not given.
    pub day: u8,
}

impl Birth {
    /// Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. None where the text is no such date, or a date that systems put where they
    /// know none: 1 January 1900 or 1901, 31 December 1899, 9999, anything before 1850.
    pub fn read(text: &str) -> Option<Birth> {
        let mut parts = text.get(..text.len().min(10))?.split('-');
        let year: u16 = parts.next().filter(|part| part.len() == 4)?.parse().ok()?;
        let mut small = |max: u8| parts.next().and_then(|part| part.parse().ok()).filter(|n| (1..=max).contains(n));
        let month = small(12).unwrap_or(0);
        let day = if month == 0 { 0 } else { small(31).unwrap_or(0) };
        let placeholder = matches!((year, month, day), (1900 | 1901, 1, 1) | (1899, 12, _) | (1900, 0, _));
        (!placeholder && (1850..=2200).contains(&year)).then_some(Birth { year, month, day })
    }

    /// Whether month and day say something: 1 January is what is written where only the year is known.
    pub fn is_whole(self) -> bool {
        self.day != 0 && (self.month, self.day) != (1, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        let told = |text: &str| Birth::read(text).map(|birth| (birth.year, birth.month, birth.day, birth.is_whole()));
        for (text, expected) in [
            ("1980-02-29", Some((1980, 2, 29, true))),
            ("1980-01-01", Some((1980, 1, 1, false))),
            ("1980-05", Some((1980, 5, 0, false))),
            ("1980", Some((1980, 0, 0, false))),
            ("1900-01-01", None),
            ("1900", None),
            ("9999-12-31", None),
            ("1234-01-02", None),
            ("", None),
            ("today", None),
            ("19ä0-01-02", None),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }
}
