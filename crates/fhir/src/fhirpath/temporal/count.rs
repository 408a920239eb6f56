//! Adding durations to dates and times (FHIRPath §6.6.7, §6.6.8).
//!
//! A duration is brought to what the value is known to, without a rest: `@2024 + 23 months` is `@2025`. A month later is
//! the same day of the month, or the month's last. Times of day go round the clock.

use jiff::{SignedDuration, Span, civil};

use super::{DAY_NS, HOUR_NS, Moment, Precision, SECOND_NS};
use crate::decimal::Decimal;

/// What a duration is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
}

/// Days of a year and of a month where a duration must be brought from one to the other (FHIRPath §6.6.7).
const YEAR_DAYS: i64 = 365;
const MONTH_DAYS: i64 = 30;

impl Unit {
    /// A calendar word, `day` or `days`.
    pub fn calendar(word: &str) -> Option<Unit> {
        Some(match word.strip_suffix('s').unwrap_or(word) {
            "year" => Unit::Year,
            "month" => Unit::Month,
            "week" => Unit::Week,
            "day" => Unit::Day,
            "hour" => Unit::Hour,
            "minute" => Unit::Minute,
            "second" => Unit::Second,
            "millisecond" => Unit::Millisecond,
            _ => return None,
        })
    }

    /// A calendar word, or a UCUM unit that means the same: those of a year and a month do not.
    pub fn counted(unit: &str) -> Option<Unit> {
        Unit::calendar(unit).or_else(|| {
            Some(match unit {
                "wk" => Unit::Week,
                "d" => Unit::Day,
                "h" => Unit::Hour,
                "min" => Unit::Minute,
                "s" => Unit::Second,
                "ms" => Unit::Millisecond,
                _ => return None,
            })
        })
    }

    /// The UCUM unit.
    pub fn ucum(self) -> &'static str {
        match self {
            Unit::Year => "a",
            Unit::Month => "mo",
            Unit::Week => "wk",
            Unit::Day => "d",
            Unit::Hour => "h",
            Unit::Minute => "min",
            Unit::Second => "s",
            Unit::Millisecond => "ms",
        }
    }
}

/// A duration in what a calendar counts apart from one another.
#[derive(Clone, Copy)]
enum Amount {
    Months(i64),
    Days(i64),
    Nanoseconds(i128),
}

impl Moment {
    /// So much later, or earlier; `None` beyond the years 1 to 9999.
    pub fn plus(&self, value: Decimal, unit: Unit) -> Option<Moment> {
        let amount = amount(value, unit)?;
        let Some(date) = self.date else { return Some(self.round_the_clock(amount)) };
        match self.precision {
            Precision::Year => self.on(date.checked_add(Span::new().try_years(amount.years()).ok()?)),
            Precision::Month => self.on(date.checked_add(Span::new().try_months(amount.months()).ok()?)),
            Precision::Day => self.on(added(date, amount)),
            _ => self.with_clock(date, amount),
        }
    }

    fn on(&self, date: Result<civil::Date, jiff::Error>) -> Option<Moment> {
        let date = date.ok().filter(|date| date.year() >= 1)?;
        Some(Moment { date: Some(date), ..*self })
    }

    fn with_clock(&self, date: civil::Date, amount: Amount) -> Option<Moment> {
        let Amount::Nanoseconds(nanoseconds) = amount else { return self.on(added(date, amount)) };
        let of_day = self.of_day() + self.counted(nanoseconds);
        let days = i64::try_from(of_day.div_euclid(DAY_NS)).ok()?;
        let moved = self.on(date.checked_add(Span::new().try_days(days).ok()?))?;
        Some(moved.at(of_day.rem_euclid(DAY_NS)))
    }

    fn round_the_clock(&self, amount: Amount) -> Moment {
        // A day or a month later it is the same time.
        let Amount::Nanoseconds(nanoseconds) = amount else { return *self };
        self.at((self.of_day() + self.counted(nanoseconds)).rem_euclid(DAY_NS))
    }

    /// Without what is finer than the value is known to.
    fn counted(&self, nanoseconds: i128) -> i128 {
        let unit = match self.precision {
            Precision::Hour => HOUR_NS,
            Precision::Minute => 60 * SECOND_NS,
            _ => 1,
        };
        nanoseconds / unit * unit
    }

    fn at(&self, of_day: i128) -> Moment {
        let part = |unit: i128, of: i128| (of_day / unit % of).try_into().unwrap_or(0);
        let nanosecond = u32::try_from(of_day % SECOND_NS).unwrap_or(0);
        let mut moment = Moment {
            hour: part(HOUR_NS, 24),
            minute: part(60 * SECOND_NS, 60),
            second: part(SECOND_NS, 60),
            nanosecond,
            ..*self
        };
        // Seconds with and without a fraction are of one precision, so that milliseconds can be added to seconds.
        while moment.digits < 9 && nanosecond % 10u32.pow(9 - u32::from(moment.digits)) != 0 {
            moment.digits += 1;
            moment.precision = Precision::Fraction;
        }
        moment
    }
}

/// What is finer than a second is kept, any other fraction is not (FHIRPath §6.6.7).
fn amount(value: Decimal, unit: Unit) -> Option<Amount> {
    let whole = || value.truncate(0).whole();
    let times = |unit: i128| whole().map(|count| i128::from(count) * unit);
    let fine = |unit: i128, places| {
        let rest = value.subtract(value.truncate(0))?.multiply(Decimal { mantissa: 1, exponent: places })?;
        Some(times(unit)? + i128::from(rest.truncate(0).whole()?))
    };
    Some(match unit {
        Unit::Year => Amount::Months(whole()?.checked_mul(12)?),
        Unit::Month => Amount::Months(whole()?),
        Unit::Week => Amount::Days(whole()?.checked_mul(7)?),
        Unit::Day => Amount::Days(whole()?),
        Unit::Hour => Amount::Nanoseconds(times(HOUR_NS)?),
        Unit::Minute => Amount::Nanoseconds(times(60 * SECOND_NS)?),
        Unit::Second => Amount::Nanoseconds(fine(SECOND_NS, 9)?),
        Unit::Millisecond => Amount::Nanoseconds(fine(SECOND_NS / 1000, 6)?),
    })
}

impl Amount {
    fn days(self) -> i64 {
        match self {
            Amount::Months(months) => (months / 12).saturating_mul(YEAR_DAYS).saturating_add(months % 12 * MONTH_DAYS),
            Amount::Days(days) => days,
            Amount::Nanoseconds(nanoseconds) => i64::try_from(nanoseconds / DAY_NS).unwrap_or(i64::MAX),
        }
    }

    fn months(self) -> i64 {
        match self {
            Amount::Months(months) => months,
            other => other.days() / MONTH_DAYS,
        }
    }

    fn years(self) -> i64 {
        match self {
            Amount::Months(months) => months / 12,
            other => other.days() / YEAR_DAYS,
        }
    }
}

fn added(date: civil::Date, amount: Amount) -> Result<civil::Date, jiff::Error> {
    match amount {
        Amount::Months(months) => date.checked_add(Span::new().try_months(months)?),
        other => date.checked_add(SignedDuration::from_secs(other.days().saturating_mul(86_400))),
    }
}
