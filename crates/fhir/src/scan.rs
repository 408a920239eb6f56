//! Finding the bytes of a text that cannot be written as they are; eight are looked at together, as hardly any text
//! has one.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Where the first control character (below the blank) or one of `marks` is.
#[inline]
pub fn find<const N: usize>(text: &[u8], marks: [u8; N]) -> Option<usize> {
    let is_special = |byte: u8| byte < b' ' || marks.contains(&byte);
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        if has_special(u64::from_le_bytes(*word), marks) {
            return text[at * 8..].iter().position(|&byte| is_special(byte)).map(|found| at * 8 + found);
        }
    }
    let at = text.len() - rest.len();
    rest.iter().position(|&byte| is_special(byte)).map(|found| at + found)
}

/// Whether one of eight bytes is a control character or a mark.
#[inline]
fn has_special<const N: usize>(word: u64, marks: [u8; N]) -> bool {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    marks.iter().fold(control, |found, &mark| found | zero(word ^ (ONES * u64::from(mark)))) & HIGH != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        let marks = [b'"', b'&', 0xEF];
        for at in 0..20 {
            for byte in [b'"', b'&', 0xEF, 0, b'\n', 0x1F] {
                let mut text = [b'x', 0xC3, b' ', 0x7F, 0xEE, b'!'].repeat(6);
                assert_eq!(find(&text, marks), None);
                text[at] = byte;
                text[at + 5] = b'"';
                assert_eq!(find(&text, marks), Some(at), "{byte:#x}");
            }
        }
    }
}
