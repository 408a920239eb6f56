//! Telephone numbers: the last ten digits, which are the whole of a North American number and the telling end of others.

/// The number, or none where it is too short or no number of anybody's: 555-5555, 999-999-9999, 000…, 123-4567.
pub fn read(text: &str) -> Option<u64> {
    let mut digits = [0u8; 10];
    let mut count = 0;
    for digit in super::cut(text, super::TEXT_BYTES_MAX).bytes() {
        match digit {
            b'0'..=b'9' => {
                digits.rotate_left(1);
                digits[9] = digit - b'0';
                count += 1;
            }
            // What is behind an x is an extension.
            b'x' | b'X' if count >= 7 => break,
            _ => {}
        }
    }
    let local = &digits[3..];
    let number = digits.iter().fold(0u64, |number, &digit| number * 10 + u64::from(digit));
    let same = |digits: &[u8]| digits.iter().all(|digit| *digit == digits[0]);
    let placeholder = same(local)
        || number % 10_000_000 == 1_234_567
        || number % 10_000_000 == 5_551_212
        || number == 1_234_567_890
        || (same(&local[3..]) && same(&local[..3]) && matches!(local[0], 0 | 9))
        || (count >= 10 && matches!(digits[..3], [0, 0, 0] | [9, 9, 9]));
    (count >= 7 && !placeholder).then_some(number)
}

/// Whether two numbers differ in exactly one digit.
pub fn differ_in_one_digit(one: u64, other: u64) -> bool {
    let (mut one, mut other, mut differ) = (one, other, 0);
    while one != 0 || other != 0 {
        differ += u32::from(one % 10 != other % 10);
        (one, other) = (one / 10, other / 10);
    }
    differ == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read() {
        for (text, expected) in [
            ("(801) 217-7973", Some(8_012_177_973)),
            ("+1 801 217 7973", Some(8_012_177_973)),
            ("801-217-7973 x12", Some(8_012_177_973)),
            ("217-7973", Some(2_177_973)),
            ("0000000000", None),
            ("555-5555", None),
            ("9999999999", None),
            ("999-217-7973", None),
            ("123-4567", None),
            ("12345", None),
            ("none", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert!(differ_in_one_digit(8_012_177_973, 8_012_177_978));
        assert!(!differ_in_one_digit(8_012_177_973, 8_012_177_973));
        assert!(!differ_in_one_digit(8_012_177_973, 8_012_177_879));
    }
}
