//! The first and the last moment that a value may mean, to a precision (`lowBoundary`, `highBoundary`).

use super::{Moment, Precision};

/// What is farthest east is first, what is farthest west is last.
const EAST_MINUTES: i16 = 14 * 60;
const WEST_MINUTES: i16 = -12 * 60;

impl Moment {
    /// The first moment that it may mean, with so many digits as [`Moment::digits`] counts them; `None` where no
    /// precision has so many.
    pub fn low(&self, digits: i64) -> Option<Moment> {
        let precision = self.precision_of(digits)?;
        let zone = self.zone.or((precision >= Precision::Hour && self.date.is_some()).then_some(EAST_MINUTES));
        Some(Moment { zone, ..self.known_to(precision) })
    }

    /// The last.
    pub fn high(&self, digits: i64) -> Option<Moment> {
        let precision = self.precision_of(digits)?;
        let mut last = *self;
        if self.precision < Precision::Month {
            last.date = last.date.and_then(|date| date.with().month(12).build().ok());
        }
        if self.precision < Precision::Day {
            last.date = last.date.map(|date| date.last_of_month());
        }
        if self.precision < Precision::Hour {
            last.hour = 23;
        }
        if self.precision < Precision::Minute {
            last.minute = 59;
        }
        if self.precision < Precision::Second {
            last.second = 59;
        }
        if self.precision < Precision::Fraction {
            last.nanosecond = 999_999_999;
        }
        let zone = self.zone.or((precision >= Precision::Hour && self.date.is_some()).then_some(WEST_MINUTES));
        Some(Moment { zone, ..last.known_to(precision) })
    }

    /// The finest precision of its kind, in digits: 8 for a date, 17 with a time, 9 for a time of day.
    pub fn finest_digits(&self, with_time: bool) -> i64 {
        match (self.date.is_some(), with_time) {
            (true, false) => 8,
            (true, true) => 17,
            (false, _) => 9,
        }
    }

    fn known_to(&self, precision: Precision) -> Moment {
        let digits = if precision < Precision::Fraction { 0 } else { self.digits.max(3) };
        Moment { precision, digits, ..*self }
    }

    fn precision_of(&self, digits: i64) -> Option<Precision> {
        let before = if self.date.is_some() { 0 } else { 8 };
        Some(match digits.checked_add(before)? {
            4 => Precision::Year,
            6 => Precision::Month,
            8 if self.date.is_some() => Precision::Day,
            10 => Precision::Hour,
            12 => Precision::Minute,
            14 => Precision::Second,
            17 => Precision::Fraction,
            _ => return None,
        })
    }
}
