//! Values that say something of themselves which can be checked: the size of an attachment, the unit of a quantity.

use super::walk::Walk;
use crate::{IssueType, Node, Object, Severity, ucum};

const UCUM: &str = "http://unitsofmeasure.org";

/// R4 §2.24.0.7: `size` is the bytes of the content before they were encoded.
pub fn attachment(walk: &mut Walk<'_, '_>, attachment: &Object<'_>) {
    let (Some(data), Some(Node::Number(size))) = (attachment.str("data"), attachment.get("size")) else { return };
    if size.parse() != Ok(decoded_bytes(data)) {
        walk.error(IssueType::Value, "size does not say how many bytes data has when it is decoded");
    }
}

/// How many bytes well-formed base64 stands for.
fn decoded_bytes(base64: &str) -> usize {
    let written = base64.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let (count, padding) =
        written.fold((0, 0), |(count, padding), byte| (count + 1, padding + usize::from(byte == b'=')));
    (count / 4 * 3usize).saturating_sub(padding)
}

/// R4 §2.24.0.11: a code of UCUM is a unit of UCUM.
pub fn quantity(walk: &mut Walk<'_, '_>, quantity: &Object<'_>) {
    unit(walk, quantity);
}

pub fn coding(walk: &mut Walk<'_, '_>, coding: &Object<'_>) {
    unit(walk, coding);
    if coding.get("code").is_some() && coding.get("system").is_none() {
        let text = "a code without a system says nothing that another program could understand; name the system";
        walk.note(Severity::Warning, IssueType::CodeInvalid, text);
    }
}

fn unit(walk: &mut Walk<'_, '_>, coded: &Object<'_>) {
    // UCUM has no blank in an annotation (`{wine glasses}`), and people do.
    let is_unit = |code: &str| ucum::is_unit(code) || (code.contains(' ') && ucum::is_unit(&code.replace(' ', "_")));
    if coded.str("system") == Some(UCUM) && coded.str("code").is_some_and(|code| !is_unit(code)) {
        walk.note_at("code", Severity::Error, IssueType::CodeInvalid, "is not a unit of UCUM");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_base64_is_what_it_stands_for() {
        for (text, bytes) in [("QQ==", 1), ("QUI=", 2), ("QUJD", 3), ("QUJD\n QQ==", 4)] {
            assert_eq!(decoded_bytes(text), bytes, "{text}");
        }
    }
}
