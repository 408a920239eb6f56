//! The invariants that are answered by hand against R4's own expressions, on real resources and on the same resources
//! damaged; and what each of them is broken by.
//!
//! The data lies beside the checkout; where it is absent the tests say so and pass.

#[path = "support/shared.rs"]
mod shared;

use std::collections::BTreeSet;

use fhir::validate::{Options, validate, validate_by_expression};
use fhir::{Issue, IssueType, Node, Object, Resource, Severity, json};

const OPTIONS: Options<'_> = Options { least: Severity::Warning, now: None, issues_max: 10_000 };

/// Key and place of every broken invariant. R4 asks a resource about what it contains, and we say which one it is.
fn broken(issues: &[Issue]) -> BTreeSet<(String, String)> {
    let invariants = issues.iter().filter(|issue| issue.code == IssueType::Invariant);
    let pairs = invariants.map(|issue| {
        let key = issue.text.split(':').next().unwrap_or_default();
        // `htmlChecks()` does not say which of the two it is that a narrative breaks.
        let key = if key.starts_with("txt-") { "txt" } else { key }.to_owned();
        let is_of_contained = key.starts_with("dom-");
        let place = issue.path.rsplit_once(".contained[").map_or(issue.path.as_str(), |(place, _)| place);
        (if is_of_contained { place } else { issue.path.as_str() }.to_owned(), key)
    });
    pairs.collect()
}

/// Where the two differ. Of narrative, ours may only be the stricter one: R4 has no entity but those of XML. `eld-19` has
/// no expression that could be compiled.
fn differing(resource: &Resource<'_>, file: &str) -> Vec<String> {
    let by_hand = broken(&validate(resource, &OPTIONS));
    let by_expression = broken(&validate_by_expression(resource, &OPTIONS));
    let may_differ = |(_, key): &&(String, String)| !["txt", "eld-19"].contains(&key.as_str());
    let more = by_hand.difference(&by_expression).filter(may_differ);
    let less = by_expression.difference(&by_hand);
    more.chain(less).map(|(place, key)| format!("{file}: {place} {key}")).collect()
}

/// Takes elements away, all over a tree: every one whose turn it is.
fn damage(object: &mut Object<'_>, turn: &mut usize, every: usize) {
    object.fields.retain(|(name, _)| {
        *turn += 1;
        *name == "resourceType" || !turn.is_multiple_of(every)
    });
    for (_, node) in &mut object.fields {
        match node {
            Node::Object(object) => damage(object, turn, every),
            Node::List(items) => items.iter_mut().for_each(|item| {
                if let Node::Object(object) = item {
                    damage(object, turn, every);
                }
            }),
            _ => {}
        }
    }
}

#[test]
fn what_is_answered_by_hand_is_what_the_expressions_say() {
    let mut found = Vec::new();
    for folder in ["fhir-r4-examples/json", "fhir-test-cases/validator", "synthea-r4-smart"] {
        for path in shared::shared(folder, "json") {
            let bytes = std::fs::read(&path).expect("an example can be read");
            let Ok(resource) = json::read(&bytes) else { continue };
            let file = shared::name(&path);
            // A Bundle of a whole record takes its time, and has nothing new after the first hundred.
            if bytes.len() > 400_000 {
                continue;
            }
            found.extend(differing(&resource, file));
            for every in [3, 7, 10] {
                let mut damaged = resource.clone();
                damage(&mut damaged.object, &mut 0, every);
                found.extend(differing(&damaged, &format!("{file} without every {every}th element")));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// An invariant, what it holds for and what breaks it; `'` for `"`.
const CASES: &[(&str, &str, &str)] = &[
    (
        "ref-1",
        "{'resourceType':'Basic','contained':[{'resourceType':'Patient','id':'a'}],'code':{'text':'x'},'subject':{'reference':'#a'}}",
        "{'resourceType':'Basic','contained':[{'resourceType':'Patient','id':'a'}],'code':{'text':'x'},'subject':{'reference':'#b'}}",
    ),
    (
        "bdl-2",
        "{'resourceType':'Bundle','type':'searchset','entry':[{'resource':{'resourceType':'Patient','id':'a'},'search':{'mode':'match'}}]}",
        "{'resourceType':'Bundle','type':'collection','entry':[{'resource':{'resourceType':'Patient','id':'a'},'search':{'mode':'match'}}]}",
    ),
    (
        "bdl-3",
        "{'resourceType':'Bundle','type':'batch','entry':[{'request':{'method':'GET','url':'Patient'}}]}",
        "{'resourceType':'Bundle','type':'batch','entry':[{'request':{'method':'GET','url':'Patient'}},{'resource':{'resourceType':'Patient'}}]}",
    ),
    (
        "bdl-4",
        "{'resourceType':'Bundle','type':'batch-response','entry':[{'response':{'status':'200'}}]}",
        "{'resourceType':'Bundle','type':'collection','entry':[{'response':{'status':'200'}}]}",
    ),
    (
        "bdl-7",
        "{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'s:1','resource':{'resourceType':'Patient','meta':{'versionId':'1'}}},{'fullUrl':'s:1','resource':{'resourceType':'Patient','meta':{'versionId':'2'}}}]}",
        "{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'s:1','resource':{'resourceType':'Patient'}},{'fullUrl':'s:1','resource':{'resourceType':'Patient'}}]}",
    ),
    (
        "csd-1",
        "{'resourceType':'CodeSystem','status':'draft','content':'complete','concept':[{'code':'a','concept':[{'code':'b'}]}]}",
        "{'resourceType':'CodeSystem','status':'draft','content':'complete','concept':[{'code':'a','concept':[{'code':'a'}]}]}",
    ),
    (
        "que-2",
        "{'resourceType':'Questionnaire','status':'draft','item':[{'linkId':'a','type':'group','item':[{'linkId':'b','type':'string'}]}]}",
        "{'resourceType':'Questionnaire','status':'draft','item':[{'linkId':'a','type':'group','item':[{'linkId':'a','type':'string'}]}]}",
    ),
    (
        "ctm-1",
        "{'resourceType':'CareTeam','contained':[{'resourceType':'Practitioner','id':'a'}],'participant':[{'member':{'reference':'#a'},'onBehalfOf':{'display':'x'}},{'member':{'reference':'Patient/1'},'onBehalfOf':{'display':'x'}}]}",
        "{'resourceType':'CareTeam','contained':[{'resourceType':'Patient','id':'a'}],'participant':[{'member':{'reference':'#a'},'onBehalfOf':{'display':'x'}}]}",
    ),
    (
        "ig-1",
        "{'resourceType':'ImplementationGuide','url':'s:g','name':'G','status':'draft','packageId':'a.b','fhirVersion':['4.0.1'],'definition':{'grouping':[{'id':'a','name':'x'}],'resource':[{'reference':{'display':'x'},'groupingId':'a'},{'reference':{'display':'x'}}]}}",
        "{'resourceType':'ImplementationGuide','url':'s:g','name':'G','status':'draft','packageId':'a.b','fhirVersion':['4.0.1'],'definition':{'grouping':[{'id':'a','name':'x'}],'resource':[{'reference':{'display':'x'},'groupingId':'b'}]}}",
    ),
    (
        "ig-2",
        "{'resourceType':'ImplementationGuide','url':'s:g','name':'G','status':'draft','packageId':'a.b','fhirVersion':['4.0.0','4.0.1'],'definition':{'resource':[{'reference':{'display':'x'},'fhirVersion':['4.0.1']}]}}",
        "{'resourceType':'ImplementationGuide','url':'s:g','name':'G','status':'draft','packageId':'a.b','fhirVersion':['4.0.1'],'definition':{'resource':[{'reference':{'display':'x'},'fhirVersion':['4.0.1','4.0.0']}]}}",
    ),
    (
        "obs-7",
        "{'resourceType':'Observation','status':'final','code':{'coding':[{'system':'s:1','code':'a'}]},'valueBoolean':true,'component':[{'code':{'coding':[{'system':'s:1','code':'b'},{'system':'s:1','code':'a','display':'x'}]}}]}",
        "{'resourceType':'Observation','status':'final','code':{'coding':[{'system':'s:1','code':'a','extension':[{'url':'s:2','valueDecimal':1.10}]}]},'valueBoolean':true,'component':[{'code':{'coding':[{'code':'a','system':'s:1','extension':[{'url':'s:2','valueDecimal':1.1}]}]}}]}",
    ),
    (
        "sdf-8a",
        "{'resourceType':'StructureDefinition','url':'s:1','name':'S','status':'draft','kind':'resource','abstract':false,'type':'Patient','differential':{'element':[{'path':'Patient.name'},{'path':'Patient.id'}]}}",
        "{'resourceType':'StructureDefinition','url':'s:1','name':'S','status':'draft','kind':'resource','abstract':false,'type':'Patient','differential':{'element':[{'path':'Patient.name'},{'path':'Patients.id'}]}}",
    ),
    (
        "sdf-8a",
        "{'resourceType':'StructureDefinition','url':'s:1','name':'S','status':'draft','kind':'logical','abstract':false,'type':'s:2','differential':{'element':[{'path':'Patient'}]}}",
        "{'resourceType':'StructureDefinition','url':'s:1','name':'S','status':'draft','kind':'resource','abstract':false,'type':'s:2','differential':{'element':[{'path':'Patient'}]}}",
    ),
];

#[test]
fn each_holds_and_is_broken_as_its_expression_says() {
    for (key, good, bad) in CASES {
        for (text, is_broken) in [(good, false), (bad, true)] {
            let text = text.replace('\'', "\"");
            let resource = json::read(text.as_bytes()).unwrap_or_else(|issues| panic!("{text}\n{issues:#?}"));
            for issues in [validate(&resource, &OPTIONS), validate_by_expression(&resource, &OPTIONS)] {
                let found = broken(&issues).iter().any(|(_, found)| found == key);
                assert_eq!(found, is_broken, "{key} {text}\n{issues:#?}");
            }
        }
    }
}
