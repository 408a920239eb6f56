//! What was written, as it can be compared: one file a subject. Placeholders become nothing here, so that nobody behind
//! this can match on them.

pub mod address;
pub mod birth;
pub mod email;
pub mod identifier;
pub mod name;
pub mod nickname;
pub mod phone;

/// The longest text that is looked at; what is behind it is cut off. No name or street of a person is longer.
pub const TEXT_BYTES_MAX: usize = 160;

/// Lower case Latin letters and digits with single spaces between words; other scripts and diacritics are transliterated.
/// Hyphens stay, because they part names; apostrophes join; everything else parts words.
pub fn fold(text: &str) -> String {
    let text = cut(text, TEXT_BYTES_MAX);
    let latin;
    let text = match text.is_ascii() {
        true => text,
        false => {
            latin = deunicode::deunicode(text);
            cut(&latin, TEXT_BYTES_MAX)
        }
    };
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9') => folded.push(letter),
            '\'' | '`' => {}
            '-' if folded.ends_with(|last: char| last.is_ascii_alphanumeric()) => folded.push('-'),
            _ if folded.is_empty() || folded.ends_with([' ', '-']) => {}
            _ => folded.push(' '),
        }
    }
    folded.truncate(folded.trim_end_matches([' ', '-']).len());
    folded
}

/// The beginning of a text, cut where a letter ends.
pub fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded() {
        for (written, folded) in [
            ("", ""),
            ("  O'Connor ", "oconnor"),
            ("Müller-Lüdenscheidt", "muller-ludenscheidt"),
            ("José  María", "jose maria"),
            ("Søren", "soren"),
            ("Иванов", "ivanov"),
            ("St.Clair", "st clair"),
            ("-- x --", "x"),
            ("\u{0}\r\n", ""),
        ] {
            assert_eq!(fold(written), folded, "{written:?}");
        }
        assert!(fold(&"ß".repeat(1 << 20)).len() <= TEXT_BYTES_MAX);
    }
}
