//! Where an element stands in the XML that it was read from; [`crate::json::locate`] says why one looks again.

use super::token::{Fault, Tag, Token, Tokens};
use crate::issue::{Issue, Place};
use crate::strict::{is_named, steps};

/// Gives each issue that has none the place of its element, or of the nearest element around it that is there.
/// `bytes` are what was read.
pub fn locate(bytes: &[u8], issues: &mut [Issue]) {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for issue in issues.iter_mut().filter(|issue| issue.place.is_none() && !issue.path.is_empty()) {
        issue.place = Some(Place::of(text, index(text, &issue.path)));
    }
}

/// The byte where the deepest element begins that the path leads to.
fn index(text: &str, path: &str) -> usize {
    let mut tokens = Tokens::new(text);
    let Ok(Token::Open(mut found)) = tokens.next() else { return 0 };
    for (name, item) in steps(path) {
        match down(&mut tokens, found, name, item.unwrap_or(0)) {
            Ok(Some(inner)) => found = inner,
            Ok(None) | Err(_) => break, // what is not XML has been said elsewhere
        }
    }
    found.at
}

/// Goes into an element to the one of a name, passing over as many of that name as `left` says.
fn down<'a>(tokens: &mut Tokens<'a>, around: Tag<'a>, name: &str, mut left: usize) -> Result<Option<Tag<'a>>, Fault> {
    if around.closed {
        return Ok(None);
    }
    loop {
        let tag = match tokens.next()? {
            Token::Open(tag) => tag,
            Token::Text => continue,
            Token::Close | Token::End => return Ok(None),
        };
        let (_, local) = tag.name.rsplit_once(':').unwrap_or(("", tag.name));
        if local.starts_with(|c: char| c.is_ascii_uppercase()) && !tag.closed {
            continue; // the resource in `contained`, which is no step of a path
        }
        if is_named(local, name) {
            if left == 0 {
                return Ok(Some(tag));
            }
            left -= 1;
        }
        tokens.skip(tag)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IssueType;

    #[test]
    fn an_element_is_found_by_its_path() {
        let text = "\u{feff}<?xml version=\"1.0\"?>\n<f:Patient xmlns:f=\"http://hl7.org/fhir\"><f:contained>\n\
                    <f:Group/></f:contained><f:contained><f:Organization>\n <f:name value=\"é\"/></f:Organization>\n\
                    </f:contained><f:name><f:given/>\n<f:given><f:extension url=\"u\">\n<f:valueCode/>";
        let cases = [
            ("Patient", 2, 1),
            ("Patient.contained[0]", 2, 42),
            ("Patient.contained[0].name", 2, 42),
            ("Patient.contained[1].name", 4, 2),
            ("Patient.name[0].given[0]", 5, 23),
            ("Patient.name[0].given[1]", 6, 1),
            ("Patient.name[0].given[1].extension[0].url", 6, 10),
            ("Patient.name[0].given[1].extension[0].value", 7, 1),
            ("Patient.name[0].given[2]", 5, 15),
            ("Patient.birthDate", 2, 1),
        ];
        for (path, line, column) in cases {
            let mut issues = [Issue::error(IssueType::Value, path, "x")];
            locate(text.as_bytes(), &mut issues);
            assert_eq!(issues[0].place, Some(Place { line, column }), "{path}");
        }
        for bytes in [&b"\xff"[..], b"", b"<", b"<a><b></a>"] {
            locate(bytes, &mut [Issue::error(IssueType::Value, "Patient.name", "x")]);
        }
    }
}
