//! A Patient as a line of NDJSON. A birth date that does not exist (30 February) is read as its year, because a registration that is
//! left out is one that nobody can find again.

use fhir::{Issue, IssueType, json};

use crate::registration::Registration;

/// Reads a line. The issues say what is wrong with it.
pub fn read(line: &[u8]) -> Result<Registration, Vec<Issue>> {
    let issues = match json::read(line) {
        Ok(resource) => return registration(&resource),
        Err(issues) => issues,
    };
    match mended(line, &issues) {
        Some(line) => registration(&json::read(&line)?),
        None => Err(issues),
    }
}

fn registration(resource: &fhir::Resource) -> Result<Registration, Vec<Issue>> {
    let text = || "is no Patient; write one Patient a line".to_owned();
    Registration::read(resource).ok_or_else(|| vec![Issue::error(IssueType::Invalid, "", text())])
}

/// The line with the birth date cut to its year, if that is all that is wrong.
fn mended(line: &[u8], issues: &[Issue]) -> Option<Vec<u8>> {
    let [issue] = issues else { return None };
    if issue.path != "Patient.birthDate" {
        return None;
    }
    let name = b"\"birthDate\"";
    let at = line.windows(name.len()).position(|window| window == name)? + name.len();
    let date = at + line[at..].iter().position(|byte| *byte == b'"')? + 1;
    let end = date + line[date..].iter().position(|byte| *byte == b'"')?;
    let year = line.get(date..date + 4)?;
    if end < date + 4 || !year.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some([&line[..date + 4], b"\"", &line[end + 1..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_that_does_not_exist_is_its_year() {
        let year = |text: &str| read(text.as_bytes()).map(|of| of.birth.map(|birth| (birth.year, birth.day)));
        let line =
            |date: &str| format!(r#"{{"resourceType":"Patient","id":"a","birthDate" : "{date}","active":true}}"#);
        assert_eq!(year(&line("2001-02-28")), Ok(Some((2001, 28))));
        assert_eq!(year(&line("2001-02-29")), Ok(Some((2001, 0))));
        assert!(year(&line("soon")).is_err());
        assert!(year(r#"{"resourceType":"Observation"}"#).is_err());
        assert!(year("").is_err());
    }
}
