//! How far a stored interval reaches beyond where it begins, as a class, so that a range of beginnings finds it.
//!
//! An interval is kept by its low end. "Ends after noon" says nothing of where it begins, unless one knows how long it is
//! at most: nearly everything is an instant or a day, and a few are years. So each class of width is a stretch of the
//! index of its own, `p` with the class above its 16 bits, and a search looks into each as far back as its width.

/// Added to `p` for each class.
pub const CLASS: i64 = 65_536;

const DAY_US: i64 = 86_400_000_000;
/// The widest of each class of dates: a day, a month, a year, anything.
const DATE_WIDTHS_US: [i64; 4] = [DAY_US, 31 * DAY_US, 366 * DAY_US, i64::MAX];

/// `p` of a date's row.
pub fn date(p: u16, low: i64, high: i64) -> i64 {
    let width = high.saturating_sub(low);
    let class = DATE_WIDTHS_US.iter().position(|most| width <= *most).expect("the last class holds all");
    i64::from(p) + CLASS * i64::try_from(class).expect("four classes")
}

/// `p` of a number's or quantity's row: a point, or a range.
pub fn number(p: u16, low: f64, high: f64) -> i64 {
    i64::from(p) + if low < high { CLASS } else { 0 }
}

/// `p` of the row that keeps a quantity in base units.
pub fn in_base(p: u16, low: f64, high: f64) -> i64 {
    number(p, low, high) + 2 * CLASS
}

/// All stretches that any parameter may have.
pub fn all(p: u16) -> [i64; 4] {
    dates(p).map(|(p, _)| p)
}

/// Each stretch of a date parameter with the widest that is in it.
pub fn dates(p: u16) -> [(i64, i64); 4] {
    let at = |class: usize| (i64::from(p) + CLASS * class as i64, DATE_WIDTHS_US[class]);
    [at(0), at(1), at(2), at(3)]
}

/// The stretches of a number or quantity parameter as written: points, ranges.
pub fn numbers(p: u16) -> [i64; 2] {
    [i64::from(p), i64::from(p) + CLASS]
}

/// The stretches of a quantity parameter in base units.
pub fn bases(p: u16) -> [i64; 2] {
    numbers(p).map(|p| p + 2 * CLASS)
}
