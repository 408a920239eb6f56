//! Resources that are made to be dear: each grows with a number, in one place where a scan would be asked for.

/// What is dear, how it is made, and how the first error begins that it deserves, if any.
pub struct Shape {
    pub name: &'static str,
    pub make: fn(usize) -> String,
    pub first_error: Option<&'static str>,
}

pub const SHAPES: &[Shape] = &[
    shape("contained, each referred to", contained, None),
    shape("canonicals that lead to what is contained", canonicals, None),
    shape("fragments that lead nowhere", fragments_that_lead_nowhere, Some("dom-3")),
    shape("versions of one fullUrl, each referred to", versions, None),
    shape("entries of one fullUrl, which all refer to it", one_url, Some("several entries")),
    shape("relative references beside a long fullUrl", long_url, None),
    shape("links of one relation behind many of others", links, Some("a link self")),
    shape("entries of a transaction", transaction, None),
    shape("messages within one another", messages, None),
    shape("attributes of a tag", attributes, Some("txt-1: the narrative <div> has more than 128 attributes")),
    shape("groupings of an implementation guide", groupings, None),
    shape("versions of FHIR that a guide is for", releases, None),
    shape("codings of an observation and of its components", codings, None),
    shape("participants of a care team who are contained", participants, None),
    shape("care teams of a Bundle", care_teams, None),
    shape("elements under a long path", elements, Some("eld-19")),
    shape("concepts of a code system", concepts, None),
    shape("items of a questionnaire", items, None),
    shape("faults", faults, Some("pat-1")),
];

const fn shape(name: &'static str, make: fn(usize) -> String, first_error: Option<&'static str>) -> Shape {
    Shape { name, make, first_error }
}

/// `n` times what is made of each number, with commas between.
fn many(n: usize, one: impl Fn(usize) -> String) -> String {
    (0..n).map(one).collect::<Vec<_>>().join(",")
}

fn contained(n: usize) -> String {
    let organizations = many(n, |at| format!(r#"{{"resourceType":"Organization","id":"c{at}","name":"x"}}"#));
    let references = many(n, |at| format!(r##"{{"reference":"#c{}"}}"##, n - 1 - at));
    format!(r#"{{"resourceType":"Patient","contained":[{organizations}],"generalPractitioner":[{references}]}}"#)
}

fn canonicals(n: usize) -> String {
    let plans = many(n, |at| format!(r#"{{"resourceType":"Basic","id":"c{at}","code":{{"text":"x"}}}}"#));
    let addresses = many(n, |at| format!(r##""#c{}""##, n - 1 - at));
    format!(
        r#"{{"resourceType":"CarePlan","contained":[{plans}],"instantiatesCanonical":[{addresses}],"status":"active","intent":"plan","subject":{{"reference":"Patient/1"}}}}"#
    )
}

/// Of which the issues end, and the search for another that weighs more goes on.
fn fragments_that_lead_nowhere(n: usize) -> String {
    let organizations = many(n, |at| format!(r#"{{"resourceType":"Organization","id":"c{at}","name":"x"}}"#));
    let references = many(n, |at| format!(r##"{{"reference":"#d{at}"}}"##));
    format!(r#"{{"resourceType":"Patient","contained":[{organizations}],"generalPractitioner":[{references}]}}"#)
}

fn versions(n: usize) -> String {
    let entries = many(n, |at| {
        format!(
            r#"{{"fullUrl":"http://a.org/Patient/1","resource":{{"resourceType":"Patient","id":"1","meta":{{"versionId":"{at}"}},"link":[{{"other":{{"reference":"Patient/1/_history/{}"}},"type":"seealso"}}]}},"request":{{"method":"PUT","url":"Patient/1"}},"response":{{"status":"200"}}}}"#,
            n - 1 - at
        )
    });
    format!(r#"{{"resourceType":"Bundle","type":"history","entry":[{entries}]}}"#)
}

fn one_url(n: usize) -> String {
    let entries = many(n, |at| {
        format!(
            r#"{{"fullUrl":"http://a.org/Patient/1","resource":{{"resourceType":"Patient","id":"1","meta":{{"versionId":"{at}"}},"link":[{{"other":{{"reference":"http://a.org/Patient/1"}},"type":"seealso"}}]}}}}"#
        )
    });
    let header = r#"{"fullUrl":"urn:uuid:0a000000-0000-4000-8000-000000000000","resource":{"resourceType":"MessageHeader","eventUri":"http://a.org/e","source":{"endpoint":"http://a.org"},"focus":[{"reference":"http://a.org/Patient/1"}]}}"#;
    format!(r#"{{"resourceType":"Bundle","type":"message","entry":[{header},{entries}]}}"#)
}

fn long_url(n: usize) -> String {
    let references = many(n, |at| format!(r#"{{"reference":"Patient/{at}"}}"#));
    let base = "a".repeat(n * 4);
    format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"fullUrl":"http://a.org/{base}/List/1","resource":{{"resourceType":"List","id":"1","status":"current","mode":"working","entry":[{}]}}}}]}}"#,
        references.replace(r#"{"reference""#, r#"{"item":{"reference""#).replace('}', "}}")
    )
}

fn links(n: usize) -> String {
    let others = many(n, |at| format!(r#"{{"relation":"x{at}","url":"http://a.org"}}"#));
    let selves = many(n, |_| r#"{"relation":"self","url":"http://a.org"}"#.to_owned());
    format!(r#"{{"resourceType":"Bundle","type":"searchset","link":[{others},{selves}]}}"#)
}

fn transaction(n: usize) -> String {
    let entries = many(n, |at| {
        format!(
            r#"{{"fullUrl":"http://a.org/Basic/{at}","resource":{{"resourceType":"Basic","id":"{at}","code":{{"text":"x"}}}},"request":{{"method":"PUT","url":"Basic/{at}"}}}}"#
        )
    });
    format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{entries}]}}"#)
}

/// Each of which would look for references in all that are in it.
fn messages(n: usize) -> String {
    const DEPTH: usize = 16;
    let focus = many(n, |at| format!(r#"{{"reference":"Patient/{at}"}}"#));
    let header = |focus: &str| {
        format!(
            r#"{{"fullUrl":"http://a.org/MessageHeader/1","resource":{{"resourceType":"MessageHeader","id":"1","eventUri":"http://a.org/e","source":{{"endpoint":"http://a.org"}},"focus":[{focus}]}}}}"#
        )
    };
    let message =
        |entries: String| format!(r#"{{"resourceType":"Bundle","id":"1","type":"message","entry":[{entries}]}}"#);
    (0..DEPTH).fold(message(header(&focus)), |inner, _| {
        let outer = header(r#"{"reference":"Bundle/1"}"#);
        message(format!(r#"{outer},{{"fullUrl":"http://a.org/Bundle/1","resource":{inner}}}"#))
    })
}

fn attributes(n: usize) -> String {
    let attributes: String = (0..n).map(|at| format!(r#" xmlns:a{at}=\"x\""#)).collect();
    format!(
        r#"{{"resourceType":"Patient","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"{attributes}>x</div>"}}}}"#
    )
}

const GUIDE: &str =
    r#""resourceType":"ImplementationGuide","url":"http://a.org/g","name":"G","status":"draft","packageId":"a.b""#;

fn groupings(n: usize) -> String {
    let groupings = many(n, |at| format!(r#"{{"id":"g{at}","name":"x"}}"#));
    let resources =
        many(n, |at| format!(r#"{{"reference":{{"reference":"Patient/1"}},"groupingId":"g{}"}}"#, n - 1 - at));
    format!(r#"{{{GUIDE},"fhirVersion":["4.0.1"],"definition":{{"grouping":[{groupings}],"resource":[{resources}]}}}}"#)
}

fn releases(n: usize) -> String {
    let releases = many(n, |at| if at + 1 == n { r#""4.0.1""# } else { r#""4.0.0""# }.to_owned());
    let resources = many(n, |_| r#"{"reference":{"reference":"Patient/1"},"fhirVersion":["4.0.1"]}"#.to_owned());
    format!(r#"{{{GUIDE},"fhirVersion":[{releases}],"definition":{{"resource":[{resources}]}}}}"#)
}

/// They differ in nothing but a number.
fn codings(n: usize) -> String {
    let coding = |number: usize| format!(r#"{{"extension":[{{"url":"http://a.org/n","valueDecimal":{number}}}]}}"#);
    let codings = many(n, coding);
    let components = many(n, |at| format!(r#"{{"code":{{"coding":[{}]}}}}"#, coding(n + at)));
    format!(
        r#"{{"resourceType":"Observation","status":"final","code":{{"coding":[{codings}]}},"valueBoolean":true,"component":[{components}]}}"#
    )
}

fn participants(n: usize) -> String {
    let people = many(n, |at| format!(r#"{{"resourceType":"Practitioner","id":"c{at}"}}"#));
    let participants = many(n, |at| {
        format!(r##"{{"member":{{"reference":"#c{}"}},"onBehalfOf":{{"reference":"Organization/1"}}}}"##, n - 1 - at)
    });
    format!(r#"{{"resourceType":"CareTeam","contained":[{people}],"participant":[{participants}]}}"#)
}

fn care_teams(n: usize) -> String {
    let entries = many(n, |at| {
        format!(
            r#"{{"fullUrl":"http://a.org/CareTeam/{at}","resource":{{"resourceType":"CareTeam","id":"{at}","participant":[{{"member":{{"reference":"Practitioner/1"}},"onBehalfOf":{{"reference":"Organization/1"}}}}]}}}}"#
        )
    });
    format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{entries}]}}"#)
}

fn elements(n: usize) -> String {
    let elements = many(n, |at| format!(r#"{{"id":"{at}","path":"Patient.a{at}"}}"#));
    let root = format!(r#"{{"id":"Patient","path":"Patient.{}"}}"#, "a".repeat(n * 4));
    format!(
        r#"{{"resourceType":"StructureDefinition","url":"http://a.org/s","name":"S","status":"draft","kind":"resource","abstract":false,"type":"Patient","baseDefinition":"http://a.org/b","derivation":"specialization","differential":{{"element":[{root},{elements}]}}}}"#
    )
}

fn concepts(n: usize) -> String {
    let concepts = many(n, |at| format!(r#"{{"code":"c{at}","concept":[{{"code":"d{at}"}}]}}"#));
    format!(r#"{{"resourceType":"CodeSystem","status":"draft","content":"complete","concept":[{concepts}]}}"#)
}

fn items(n: usize) -> String {
    let items = many(n, |at| format!(r#"{{"linkId":"c{at}","type":"string","text":"x"}}"#));
    format!(r#"{{"resourceType":"Questionnaire","status":"draft","item":[{items}]}}"#)
}

fn faults(n: usize) -> String {
    let contacts = many(n, |_| r#"{"gender":"male"}"#.to_owned());
    format!(r#"{{"resourceType":"Patient","contact":[{contacts}]}}"#)
}
