//! The narrative after a patch (R4 §3.1.0.6): it must not say what is no longer so.

use super::{PatchError, Reason};
use crate::issue::{Issue, IssueType};
use crate::{Node, Resource};

/// The patched resource without a narrative that may contradict it: one that the patch left alone while it changed
/// something else. Where the narrative says more than the data it was made from (its status is neither `generated` nor
/// `empty`), leaving it out would lose that, so the patch is refused instead.
///
/// A change of `meta` alone leaves the narrative.
pub fn without_stale_narrative(
    before: &Resource<'_>,
    mut after: Resource<'static>,
) -> Result<Resource<'static>, PatchError> {
    let Some(text) = after.get("text").filter(|text| before.get("text") == Some(*text)) else { return Ok(after) };
    let content =
        |resource: &Resource<'_>, name: &str| !matches!(name, "text" | "meta") && resource.get(name).is_some();
    let differs = |one: &Resource<'_>, other: &Resource<'_>| {
        one.object.fields.iter().any(|(name, node)| content(one, name) && other.get(name) != Some(node))
    };
    if !differs(before, &after) && !differs(&after, before) {
        return Ok(after);
    }
    let status = text.as_object().and_then(|text| text.str("status"));
    if !matches!(status, Some("generated" | "empty")) {
        let path = format!("{}.text", before.kind());
        let text = "the narrative says more than the data, and the patch leaves it as it is: patch it too";
        let issue = Issue::error(IssueType::BusinessRule, path, text);
        return Err(PatchError { reason: Reason::Inapplicable, issues: vec![issue] });
    }
    drop::<Option<Node<'_>>>(after.object.remove("text"));
    Ok(after)
}
