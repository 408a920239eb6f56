//! What a request sent, kept as it came, to tell the line and column of what is wrong with it.

use actix_web::web::Bytes;
use fhir::{Issue, json, xml};

use super::format::Format;

/// Text that is gone through to find places. Each is looked for from the beginning, so that of a large body with much wrong
/// in it only the first are told.
const SOUGHT_BYTES_MAX: usize = 256 << 20;

pub struct Sent {
    pub bytes: Bytes,
    pub format: Format,
}

impl Sent {
    /// Gives the issues the places of their elements, which are said from the resource that was sent.
    pub fn locate(&self, issues: &mut [Issue]) {
        let most = SOUGHT_BYTES_MAX / self.bytes.len().max(1);
        let is_element = |issue: &&mut Issue| !issue.path.is_empty() && !issue.path.starts_with("http.");
        for issue in issues.iter_mut().filter(is_element).take(most) {
            let issue = std::slice::from_mut(issue);
            match self.format {
                Format::Json => json::locate(&self.bytes, issue),
                Format::Xml => xml::locate(&self.bytes, issue),
            }
        }
    }

    /// The same of a resource that stands at `root` in what was sent.
    pub fn locate_within(&self, root: &str, issues: &mut [Issue]) {
        let mut moved = issues.to_vec();
        for issue in moved.iter_mut().filter(|issue| !issue.path.is_empty()) {
            let rest = issue.path.split_once('.').map(|(_, rest)| format!(".{rest}"));
            issue.path = format!("{root}{}", rest.unwrap_or_default());
        }
        self.locate(&mut moved);
        issues.iter_mut().zip(moved).for_each(|(issue, moved)| issue.place = moved.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::IssueType;

    fn places(text: &str, format: Format, root: Option<&str>, paths: &[&str]) -> Vec<Option<(u32, u32)>> {
        let sent = Sent { bytes: Bytes::from(text.to_owned()), format };
        let mut issues: Vec<Issue> =
            paths.iter().map(|path| Issue::error(IssueType::Invalid, *path, "a fault")).collect();
        match root {
            Some(root) => sent.locate_within(root, &mut issues),
            None => sent.locate(&mut issues),
        }
        assert!(issues.iter().zip(paths).all(|(issue, path)| issue.path == *path), "{issues:?}");
        issues.iter().map(|issue| issue.place.map(|place| (place.line, place.column))).collect()
    }

    #[test]
    fn an_element_is_found_in_what_was_sent_and_a_header_is_not() {
        let patient = "{\"resourceType\":\"Patient\",\n\"contact\":[\n{\"gender\":\"male\"}]}";
        let paths = ["Patient.contact[0].gender", "", "http.Content-Type"];
        assert_eq!(places(patient, Format::Json, None, &paths), [Some((3, 11)), None, None]);
        let wrapped = format!(
            "{{\"resourceType\":\"Parameters\",\"parameter\":[{{\"name\":\"resource\",\n\"resource\":{patient}}}]}}"
        );
        let root = Some("Parameters.parameter[0].resource");
        assert_eq!(
            places(&wrapped, Format::Json, root, &["Patient.contact[0]", "Patient"]),
            [Some((4, 1)), Some((2, 12))]
        );
        let xml = "<Parameters xmlns=\"http://hl7.org/fhir\"><parameter><name value=\"resource\"/><resource><Patient>\n\
                   <contact>\n<gender value=\"male\"/></contact></Patient></resource></parameter></Parameters>";
        assert_eq!(places(xml, Format::Xml, root, &["Patient.contact[0].gender"]), [Some((3, 1))]);
    }
}
