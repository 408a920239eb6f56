//! The form in which strings are compared: "a match regardless of case and accents" (R4 §3.1.1.5.8).

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case, without combining marks (`é` is `e`), compatibility forms made plain (`ﬁ` is `fi`), white space single
/// and trimmed. Letters that only look alike stay apart: `ø` is not `o`. Applied twice it changes nothing more.
pub fn normalise(text: &str) -> Cow<'_, str> {
    if is_normal(text) {
        return Cow::Borrowed(text);
    }
    let mut normal = String::with_capacity(text.len());
    let push = |normal: &mut String, c: char| {
        if !c.is_whitespace() {
            normal.push(c);
        } else if !normal.is_empty() && !normal.ends_with(' ') {
            normal.push(' ');
        }
    };
    if text.is_ascii() {
        text.chars().for_each(|c| push(&mut normal, c.to_ascii_lowercase()));
    } else {
        // Lower case may bring marks of its own and capitals from symbols, so it stands between two decompositions.
        let bare = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
        bare.nfkd().filter(|c| !is_combining_mark(*c)).for_each(|c| push(&mut normal, c));
    }
    normal.truncate(normal.trim_end_matches(' ').len());
    Cow::Owned(normal)
}

/// Plain ASCII that is already so: most codes, and what was normalised before.
fn is_normal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut before = b' ';
    for &byte in bytes {
        let printable = matches!(byte, b' '..=b'~');
        if !printable || byte.is_ascii_uppercase() || (byte == b' ' && before == b' ') {
            return false;
        }
        before = byte;
    }
    before != b' ' || bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_marks_and_white_space_do_not_count() {
        for (text, expected) in [
            ("", ""),
            ("smith", "smith"),
            ("  Van\t der   Berg ", "van der berg"),
            ("Müller-Lüdenscheidt", "muller-ludenscheidt"),
            ("JOSÉ", "jose"),
            ("İstanbul", "istanbul"),
            ("Ｗｉｄｅ", "wide"),
            ("Søren", "søren"),
            ("Å", "a"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("   ", ""),
        ] {
            assert_eq!(normalise(text), expected, "{text}");
            assert_eq!(normalise(expected), expected, "{text}, twice");
        }
        assert!(matches!(normalise("already so"), Cow::Borrowed(_)));
    }
}
