//! Where an element stands in the text that it was read from.
//!
//! A tree does not remember lines: few of its elements are ever asked for. The text is gone through again for those that
//! are, by the path of an issue such as `Bundle.entry[2].resource.name[0].given[1]`.

use jiter::{Jiter, JiterError, Peek};

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
    let mut tokens = Jiter::new(text.as_bytes());
    let mut found = text.len() - text.trim_start().len();
    for (name, item) in steps(path) {
        match down(&mut tokens, name, item, &mut found) {
            Ok(true) => {}
            Ok(false) | Err(_) => break, // what is not JSON has been said elsewhere
        }
    }
    found
}

/// Goes from an object to the value under a name, and to an item of it where it is a list; `false` where there is none.
fn down(tokens: &mut Jiter<'_>, name: &str, item: Option<usize>, found: &mut usize) -> Result<bool, JiterError> {
    if tokens.peek()? != Peek::Object {
        return Ok(false);
    }
    let mut key = tokens.known_object()?.map(|key| is_named(key, name));
    while let Some(is_it) = key {
        if is_it {
            let peek = tokens.peek()?;
            *found = tokens.current_index();
            return match item {
                Some(item) if peek == Peek::Array => at(tokens, item, found),
                _ => Ok(true),
            };
        }
        tokens.next_skip()?;
        key = tokens.next_key()?.map(|key| is_named(key, name));
    }
    Ok(false)
}

fn at(tokens: &mut Jiter<'_>, item: usize, found: &mut usize) -> Result<bool, JiterError> {
    let mut next = tokens.known_array()?;
    for _ in 0..item {
        let Some(peek) = next else { return Ok(false) };
        tokens.known_skip(peek)?;
        next = tokens.array_step()?;
    }
    *found = tokens.current_index();
    Ok(next.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IssueType;

    #[test]
    fn an_element_is_found_by_its_path() {
        let text = "\u{feff}\n{\"resourceType\":\"Patient\",\n \"name\": [\n  {\"given\":[\"é\",\n \"b\"]},\n  {\"_family\":{}}],\n\
                    \"deceasedBoolean\":true}";
        let cases = [
            ("Patient", 2, 1),
            ("Patient.name", 3, 10),
            ("Patient.name[0]", 4, 3),
            ("Patient.name[0].given[1]", 5, 2),
            ("Patient.name[1].family", 6, 14),
            ("Patient.name[1].family.extension[0].url", 6, 14),
            ("Patient.deceased", 7, 19),
            ("Patient.name[7].given", 3, 10),
            ("Patient.birthDate", 2, 1),
        ];
        for (path, line, column) in cases {
            let mut issues = [Issue::error(IssueType::Value, path, "x")];
            locate(text.as_bytes(), &mut issues);
            assert_eq!(issues[0].place, Some(Place { line, column }), "{path}");
        }
    }

    #[test]
    fn what_is_not_json_is_located_as_far_as_it_goes() {
        let mut issues = [Issue::error(IssueType::Value, "Patient.name[0].family", "x")];
        locate(b"{\"resourceType\":\"Patient\",\n\"name\":[{\"given\":[", &mut issues);
        assert_eq!(issues[0].place, Some(Place { line: 2, column: 9 }));
        locate(b"\xff", &mut issues);
    }
}
