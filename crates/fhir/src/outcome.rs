//! OperationOutcome: issues in FHIR's own form (R4 §2.23).

use crate::issue::{Issue, IssueType};
use crate::node::{Node, Object, Resource};

/// An OperationOutcome of the issues in their order. R4 requires at least one, so none becomes "nothing to report".
pub fn outcome(issues: &[Issue]) -> Resource<'static> {
    let mut resource = Resource::new("OperationOutcome");
    if issues.is_empty() {
        let nothing = Issue::information(IssueType::Informational, "", "nothing to report");
        resource.object.push("issue", Node::Object(entry(&nothing)));
    }
    for issue in issues {
        resource.object.push("issue", Node::Object(entry(issue)));
    }
    resource
}

fn entry(issue: &Issue) -> Object<'static> {
    let mut entry = Object::default();
    if let Some(place) = issue.place {
        entry.set("extension", Node::List(vec![extension(LINE, place.line), extension(COLUMN, place.column)]));
    }
    entry.set("severity", Node::text(issue.severity.code()));
    entry.set("code", Node::text(issue.code.code()));
    if !issue.text.is_empty() {
        entry.set("diagnostics", Node::text(issue.text.clone()));
    }
    if !issue.path.is_empty() {
        entry.set("expression", Node::List(vec![Node::text(issue.path.clone())]));
    }
    entry
}

/// HL7's own extensions of an issue, where the text that was read is a file of lines.
const LINE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line";
const COLUMN: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col";

fn extension(url: &'static str, value: u32) -> Node<'static> {
    Node::Object(Object { fields: vec![("url", Node::text(url)), ("valueInteger", Node::number(value))] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn written(issues: &[Issue]) -> String {
        let mut bytes = Vec::new();
        json::write(&outcome(issues), &mut bytes);
        assert!(json::read(&bytes).is_ok(), "what we say is FHIR");
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    #[test]
    fn issues_become_entries() {
        let issues = [
            Issue::error(IssueType::Required, "Patient.link[0].type", "is required and missing"),
            Issue::warning(IssueType::Processing, "", "was shortened"),
        ];
        assert_eq!(
            written(&issues),
            r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"required","diagnostics":"is required and missing","expression":["Patient.link[0].type"]},{"severity":"warning","code":"processing","diagnostics":"was shortened"}]}"#
        );
    }

    #[test]
    fn no_issue_is_said_too() {
        assert!(written(&[]).contains(r#""severity":"information","code":"informational""#));
    }
}
