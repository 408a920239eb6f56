//! What the XML reader refuses, with the path and the words that it says so in; and what looks wrong but is FHIR.

#[path = "support/xml.rs"]
mod support;

use fhir::Severity;
use fhir::xml::{self, Limits};
use support::{patient, says, takes};

/// Each refusal: the XML, then all issues as `path: text`, the text up to a shared beginning.
#[track_caller]
fn refuses(xml: &str, expected: &[&str]) {
    let issues = xml::read(xml.as_bytes()).expect_err(xml);
    let found: Vec<String> = issues.iter().map(|issue| format!("{}: {}", issue.path, issue.text)).collect();
    let all_match = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| f.starts_with(e));
    assert!(all_match, "{xml}\nfound    {found:#?}\nexpected {expected:#?}");
}

/// What ends the reading, behind the line and column.
#[track_caller]
fn ends(xml: &str, path: &str, place: &str, why: &str) {
    let issues = xml::read(xml.as_bytes()).expect_err(xml);
    let last = issues.last().expect("an issue");
    let text = format!("not XML that FHIR allows at {place}: {why}");
    assert_eq!((last.path.as_str(), last.severity), (path, Severity::Fatal), "{xml}\n{last:?}");
    assert!(last.text.starts_with(&text), "{xml}\nfound    {}\nexpected {text}", last.text);
}

#[track_caller]
fn refused(xml: &str) {
    assert!(xml::read(xml.as_bytes()).is_err(), "{xml}");
}

#[test]
fn elements() {
    let cases: &[(&str, &[&str])] = &[
        (r#"<active value="true"/><active value="true"/>"#, &["Patient.active: is there twice"]),
        (r#"<active value="true"/><gender value="male"/><active value="true"/>"#, &["Patient.active: is there twice"]),
        (r#"<favouriteColour value="red"/>"#, &["Patient.favouriteColour: is not an element of Patient"]),
        (r#"<Ann-é.1970 value="x"/>"#, &["Patient.?: is not an element of Patient"]),
        (r#"<_birthDate id="a"/>"#, &["Patient._birthDate: is not an element of Patient"]),
        (
            r#"<name><colour value="1"/><family value=""/></name>"#,
            &["Patient.name[0].colour: is not an element of HumanName", "Patient.name[0].family: must be not empty"],
        ),
        ("<name/>", &["Patient.name[0]: is an empty element"]),
        ("<name></name>", &["Patient.name[0]: is an empty element"]),
        ("<name> <!-- a --> </name>", &["Patient.name[0]: is an empty element"]),
        ("<active/>", &["Patient.active: is an empty element"]),
        ("<active></active>", &["Patient.active: is an empty element"]),
        (r#"<name value="x"/>"#, &["Patient.name[0]: has an attribute value, which HumanName does not have"]),
        (r#"<name id=""/>"#, &["Patient.name[0].id: must be not empty"]),
        (r#"<name use="usual"><family value="x"/></name>"#, &["Patient.name[0]: has an attribute use, which"]),
        (r#"<name><id value="x"/></name>"#, &["Patient.name[0].id: is an attribute in XML"]),
        (
            r#"<extension><url value="x"/></extension>"#,
            &["Patient.extension[0].url: is an attribute in XML", "Patient.extension[0].url: is required and missing"],
        ),
        (r#"<active value="true" url="x"/>"#, &["Patient.active: has an attribute url, which Element does not have"]),
        (r#"<active value="true" id=" " valeu="x"/>"#, &["Patient.active: has an attribute valeu, which"]),
        (
            r#"<active value="true"><system value="x"/></active>"#,
            &["Patient.active.system: is not an element of Element"],
        ),
        ("<active>true</active>", &["Patient.active: has text between its elements"]),
        (r#"<active value="true">true</active>"#, &["Patient.active: has text between its elements"]),
        (r#"x<active value="true"/>"#, &["Patient: has text between its elements"]),
        (r#"<active value="true"/>&#32;"#, &["Patient: has text between its elements"]),
        (r#"<active value="true"/><![CDATA[ ]]>"#, &["Patient: has text between its elements"]),
        (r#"<link><other><reference value="a"/></other></link>"#, &["Patient.link[0].type: is required and missing"]),
        (
            r#"<deceasedBoolean value="true"/><deceasedDateTime value="2024"/>"#,
            &["Patient.deceased: only one of its types is allowed, and deceasedBoolean is there too"],
        ),
        (r#"<deceasedBoolean id="a"/><deceasedBoolean value="true"/>"#, &["Patient.deceased: is there twice"]),
        (r#"<resourceType value="Patient"/>"#, &["Patient.resourceType: is not an element of Patient"]),
    ];
    for (elements, expected) in cases {
        refuses(&patient(elements), expected);
    }
    refuses(
        r#"<Patient xmlns="http://hl7.org/fhir" id="a"/>"#,
        &["Patient: has an attribute id, which of Patient is an element in XML"],
    );
    refuses(
        r#"<Patient xmlns="http://hl7.org/fhir" value="a"/>"#,
        &["Patient: has an attribute value, which Patient does not have"],
    );
    refuses(
        r#"<MedicationRequest xmlns="http://hl7.org/fhir"><status value="active"/><intent value="order"/><subject><display value="x"/></subject></MedicationRequest>"#,
        &["MedicationRequest.medication: is required and missing"],
    );
    takes(&patient(""));
    says(
        r#"<Observation xmlns="http://hl7.org/fhir"><status id="a"/><code><text value="x"/></code></Observation>"#,
        r#"{"resourceType":"Observation","_status":{"id":"a"},"code":{"text":"x"}}"#,
    );
}

#[test]
fn the_order_is_that_of_the_definition() {
    let cases: &[(&str, &[&str])] = &[
        (
            "<gender value=\"male\"/>\n<name><given value=\"a\"/>\n<family value=\"b\"/></name>",
            &["Patient.name: stands after gender; XML has the order of the definition, where name comes before gender"],
        ),
        (
            "<name><given value=\"a\"/>\n<family value=\"b\"/></name>",
            &["Patient.name[0].family: stands after given; XML has the order of the definition, where family comes"],
        ),
        (
            r#"<name><given value="a"/><prefix value="b"/><given value="c"/></name>"#,
            &["Patient.name[0].given: stands after prefix;"],
        ),
        (
            r#"<birthDate value="2000"/><active value="true"/><deceasedBoolean value="true"/>"#,
            &["Patient.active: stands after birthDate;"],
        ),
        (
            r#"<extension url="u"><valueCode value="a"/><extension url="v"/></extension>"#,
            &["Patient.extension[0].extension: stands after valueCode;"],
        ),
        (
            r#"<deceasedBoolean value="true"/><maritalStatus><text value="x"/></maritalStatus><deceasedDateTime value="2024"/>"#,
            &["Patient.deceased: stands after maritalStatus;"],
        ),
    ];
    for (elements, expected) in cases {
        refuses(&patient(elements), expected);
    }
}

#[test]
fn values() {
    let cases: &[(&str, &[&str])] = &[
        (r#"<active value="True"/>"#, &["Patient.active: must be true or false"]),
        (r#"<active value=" true"/>"#, &["Patient.active: must be true or false"]),
        (r#"<active value=""/>"#, &["Patient.active: must be true or false"]),
        (
            r#"<gender value="M"/>"#,
            &["Patient.gender: is not a code of administrative-gender; use one of female, male"],
        ),
        (r#"<birthDate value="1970-02-30"/>"#, &["Patient.birthDate: must be a date that exists"]),
        (r#"<multipleBirthInteger value="2.0"/>"#, &["Patient.multipleBirth: must be a whole number"]),
        (r#"<id value="a_b"/>"#, &["Patient.id: must be an id"]),
        (
            r#"<name><text value="x"/></name><name><text value=""/></name>"#,
            &["Patient.name[1].text: must be not empty"],
        ),
        (r#"<name><given value="x"/><given value=""/></name>"#, &["Patient.name[0].given[1]: must be not empty"]),
        (r#"<extension url="a b"><valueCode value="x"/></extension>"#, &["Patient.extension[0].url: must be a URI"]),
        (
            r#"<extension url="u"><valueDecimal value="+1.0"/></extension>"#,
            &["Patient.extension[0].value: must be a decimal number"],
        ),
    ];
    for (elements, expected) in cases {
        refuses(&patient(elements), expected);
    }
    for number in ["1.10", "-0", "1e400", "1E-7", "123456789012345678901234567890.10"] {
        says(
            &patient(&format!(r#"<extension url="u"><valueDecimal value="{number}"/></extension>"#)),
            &format!(r#"{{"resourceType":"Patient","extension":[{{"url":"u","valueDecimal":{number}}}]}}"#),
        );
    }
    says(
        &patient("<name><text value='a &amp; \"b\" &lt;&gt;&apos; &#xe9;&#10;c\nd\te'/></name>"),
        r#"{"resourceType":"Patient","name":[{"text":"a & \"b\" <>' é\nc d e"}]}"#,
    );
}

#[test]
fn resources_in_resources() {
    says(
        &patient(
            r#"<contained><Organization><id value="a"/></Organization></contained><contained><Patient/></contained>"#,
        ),
        r#"{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"a"},{"resourceType":"Patient"}]}"#,
    );
    let cases: &[(&str, &[&str])] = &[
        ("<contained/>", &["Patient.contained[0]: holds no resource"]),
        ("<contained><Patient/><Patient/></contained>", &["Patient.contained[0]: holds two resources"]),
        ("<contained><HumanName/></contained>", &["Patient.contained[0]: the element is not a resource of FHIR R4"]),
        (r#"<contained id="a"><Patient/></contained>"#, &["Patient.contained[0]: has an attribute id, which"]),
        ("<contained>x<Patient/></contained>", &["Patient.contained[0]: has text between"]),
        (r#"<contained><Patient xmlns="urn:x"/></contained>"#, &["Patient.contained[0]: is not in the namespace"]),
        (
            r#"<contained><Patient/></contained><contained><Patient><active value="1"/></Patient></contained>"#,
            &["Patient.contained[1].active: must be true or false"],
        ),
    ];
    for (elements, expected) in cases {
        refuses(&patient(elements), expected);
    }
    for name in
        ["patient", "HumanName", "Resource", "DomainResource", "Patient.contact", "SubscriptionStatus", "string"]
    {
        refuses(&format!("<{name} xmlns=\"http://hl7.org/fhir\"/>"), &[": the element is not a resource of FHIR R4"]);
    }
}

#[test]
fn namespaces() {
    says(
        r#"<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value="true"/></f:Patient>"#,
        r#"{"resourceType":"Patient","active":true}"#,
    );
    says(
        &patient(r#"<p:active xmlns:p="http://hl7.org/fhir" value="true"/>"#),
        r#"{"resourceType":"Patient","active":true}"#,
    );
    let location = r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir ../fhir-all.xsd""#;
    says(&format!(r#"<Patient {location} xmlns="http://hl7.org/fhir"/>"#), r#"{"resourceType":"Patient"}"#);
    let inside = format!(r#"<active {location} value="true"/>"#);
    refuses(&patient(&inside), &["Patient.active: has an attribute schemaLocation, which"]);
    for root in ["<Patient/>", r#"<Patient xmlns="http://hl7.org/fhir/"/>"#, r#"<Patient xmlns="urn:hl7-org:v3"/>"#] {
        refuses(root, &[": is not in the namespace http://hl7.org/fhir; declare that with xmlns"]);
    }
    refuses(
        &patient(r#"<active xmlns="" value="true"/>"#),
        &["Patient.active: is not in the namespace http://hl7.org/fhir; declare that with xmlns"],
    );
    refuses(
        &patient(r#"<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>"#),
        &["Patient.include: is not an element of Patient"],
    );
    let nested = r#"<name><p:text xmlns:p="http://hl7.org/fhir" value="a"/><p:family value="b"/></name>"#;
    ends(&patient(nested), "Patient.name[0]", "line 1 column 93", "a prefix that is not declared");
    for (declaration, why) in [
        (r#"xmlns:a="urn:a" xmlns:a="urn:a""#, "a namespace that is declared twice"),
        (r#"xmlns:a="""#, "a prefix that is declared to be nothing"),
        (r#"xmlns:xml="urn:a""#, "a prefix that is declared although"),
        (r#"xmlns:xmlns="urn:a""#, "a prefix that is declared although"),
    ] {
        ends(&format!("<Patient {declaration}/>"), "", "line 1 column 1", why);
    }
    let many: String = (0..65).map(|n| format!(" xmlns:a{n}=\"urn:a\"")).collect();
    ends(&format!("<Patient{many}/>"), "", "line 1 column 1", "too many namespaces");
}

#[test]
fn narrative_is_kept_as_it_is_written() {
    let text = |div: &str| patient(&format!("<text><status value=\"empty\"/>{div}</text>"));
    let xmlns = r#"xmlns="http://www.w3.org/1999/xhtml""#;
    for rest in ["> a &amp;&#160;\r\n<br /><b  class='x'>é</b><!-- c --></div>", "/>", " lang=\"en\">]]&gt;</div >"] {
        let (div, xml) = (format!("<div {xmlns}{rest}"), text(&format!("\n<div {xmlns}{rest}\n")));
        let resource = takes(&xml);
        let kept = resource.get("text").and_then(|text| text.as_object()).and_then(|text| text.str("div"));
        assert_eq!(kept, Some(div.as_str()));
        let mut out = Vec::new();
        xml::write(&resource, &mut out);
        assert!(String::from_utf8(out).expect("text").contains(&div));
    }
    says(
        r#"<f:Patient xmlns:f="http://hl7.org/fhir" xmlns="http://www.w3.org/1999/xhtml"><f:text><f:status value="empty"/><div>a</div></f:text></f:Patient>"#,
        r#"{"resourceType":"Patient","text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>"}}"#,
    );
    refuses(
        &text("<div>a</div>"),
        &[
            "Patient.text.div: is not in the namespace http://www.w3.org/1999/xhtml",
            "Patient.text.div: is required and missing",
        ],
    );
    refuses(&text("<div value=\"a\"/>"), &["Patient.text.div: is not in", "Patient.text.div: is required"]);
    refuses(&text(&format!("<div {xmlns}/><div {xmlns}/>")), &["Patient.text.div: is there twice"]);
    refuses(
        &text(r#"<h:div xmlns:h="http://www.w3.org/1999/xhtml">a</h:div>"#),
        &["Patient.text.div: is written with a prefix"],
    );
    for (inside, why) in [
        ("&nbsp;", "a reference that XML does not know"),
        ("&#0;", "a reference to no character of XML"),
        ("a & b", "an & that begins no reference"),
        ("<br>", "an end tag that is not that of the element which is open"),
        ("<o:p/>", "a prefix that is not declared"),
        ("<!DOCTYPE html>", "a document type declaration"),
        ("<p a='1' a='2'/>", "an attribute that is there twice"),
        ("\u{1}", "a character that XML does not have"),
        (&"<b>".repeat(300), "narrative nested deeper than 256 elements"),
    ] {
        let xml = text(&format!("<div {xmlns}>{inside}</div>"));
        let issues = xml::read(xml.as_bytes()).expect_err(&xml);
        assert!(issues.len() == 1 && issues[0].path == "Patient.text.div", "{issues:?}");
        assert!(issues[0].text.contains(why), "{issues:?}");
    }
}

#[test]
fn what_is_not_well_formed_ends_the_reading() {
    let good = patient(r#"<active value="true"/>"#);
    for before in [
        "",
        "\u{feff}",
        "<?xml version=\"1.0\"?>",
        "<?xml version='1.0' encoding='utf-8'?>\n<!-- a -->\n",
        "<?xml-stylesheet href=\"http://x/a.xsl\"?>",
    ] {
        takes(&format!("{before}{good}\n<!-- a --><?b?>\r\n"));
    }
    takes(&format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>{good}"));
    let start = "line 1 column 1";
    ends(&format!("<?xml version=\"1.1\"?>{good}"), "", start, "a version of XML other than 1.0");
    ends(&format!("<?xml encoding=\"UTF-8\"?>{good}"), "", start, "a version of XML other than 1.0");
    for encoding in ["UTF-16", "ISO-8859-1", "US-ASCII", ""] {
        ends(
            &format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>{good}"),
            "",
            start,
            "an encoding other than UTF-8",
        );
    }
    for rest in ["encodin=\"UTF-8\"", "standalone=\"no\" encoding=\"UTF-8\"", "standalone=\"maybe\"", "&nbsp;"] {
        refused(&format!("<?xml version=\"1.0\" {rest}?>{good}"));
    }
    for beside in ["<??>", "<? a?>", "<?1?>", "<?XML a?>", "<?xml?>", "<?a \u{1}?>", "<!--\u{1}-->", "<!-->", "<!a>"] {
        refused(&format!("{good}{beside}"));
    }
    ends(
        &format!("\n<?xml version=\"1.0\"?>{good}"),
        "",
        "line 2 column 1",
        "an XML declaration that does not stand first",
    );
    let patient_cases = [
        (r#"<active value="true">"#, "line 1 column 59", "an end tag that is not that"),
        (r#"<active value="true"/></Patient><Patient>"#, "line 1 column 79", "something stands behind the end"),
        (r#"<active value="true" value="true"/>"#, "line 1 column 38", "an attribute that is there twice"),
        (r#"<active value=true/>"#, "line 1 column 38", "an attribute that is not written as name=\"value\""),
        (r#"<active value/>"#, "line 1 column 38", "an attribute that is not written as name=\"value\""),
        (r#"<active value="true"id="a"/>"#, "line 1 column 38", "attributes without a blank between them"),
        (r#"<active value="&unknown;"/>"#, "line 1 column 38", "a reference that XML does not know"),
        (r#"<active value="a<b"/>"#, "line 1 column 38", "a < in the value of an attribute"),
        (r#"<!-- a -- b -->"#, "line 1 column 45", "a comment with -- inside"),
        ("&", "line 1 column 38", "an & that begins no reference"),
    ];
    for (elements, place, why) in patient_cases {
        let path = match why {
            "something stands behind the end" => "",
            "a reference that XML does not know" | "a < in the value of an attribute" => "Patient.active",
            "an end tag that is not that" => "Patient.active",
            _ => "Patient",
        };
        ends(&patient(elements), path, place, why);
    }
    ends(
        "<Patient xmlns=\"http://hl7.org/fhir\">\n<active value=\"true\"/>",
        "Patient",
        "line 2 column 23",
        "it ends before",
    );
    for text in ["", "x", "{}", "<!-- a -->"] {
        refuses(text, &[": not a resource: FHIR XML begins with the element of a resource"]);
    }
    for bytes in [&b"<Patient>\xff</Patient>"[..], b"\xff\xfe<\x00P\x00", b"\xfe\xff\x00<"] {
        let issues = xml::read(bytes).expect_err("not UTF-8");
        assert!(issues[0].text.starts_with("not UTF-8 at byte "), "{}", issues[0].text);
    }
}

#[test]
fn nothing_is_declared_and_nothing_is_fetched() {
    let lines: String = (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let declarations = [
        format!("<!DOCTYPE Patient [<!ENTITY l0 \"ha\">{lines}]>"),
        "<!DOCTYPE Patient [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>".to_owned(),
        "<!DOCTYPE Patient [<!ENTITY % p SYSTEM \"http://127.0.0.1/x.dtd\">%p;]>".to_owned(),
        "<!DOCTYPE Patient SYSTEM \"http://127.0.0.1/x.dtd\">".to_owned(),
        "<!DOCTYPE Patient>".to_owned(),
        "<!doctype Patient>".to_owned(),
    ];
    for declaration in &declarations {
        let xml = format!("{declaration}{}", patient("<id value=\"&l9;\"/>"));
        ends(&xml, "", "line 1 column 1", "a document type declaration, which FHIR does not allow");
    }
    let inside = patient(&format!("<name><text value=\"a\"/></name>{}", declarations[4]));
    ends(&inside, "Patient", "line 1 column 68", "a document type declaration");
    ends(&format!("{}{}", patient(""), declarations[4]), "", "line 1 column 48", "a document type declaration");
}

#[test]
fn limits() {
    let nested = |depth: usize| {
        let (open, close) = ("<extension url=\"u\">".repeat(depth), "</extension>".repeat(depth));
        patient(&format!("{open}<extension url=\"u\"><valueCode value=\"x\"></valueCode></extension>{close}"))
    };
    takes(&nested(62));
    for depth in [63, 100, 100_000] {
        let xml = nested(depth);
        let issues = xml::read(xml.as_bytes()).expect_err("65 objects deep");
        assert!(issues.len() == 1 && issues[0].text.starts_with("nested deeper than 64 objects"), "{issues:?}");
    }
    let deep = format!("<x>{}", "<x>".repeat(100_000));
    let issues = xml::read(patient(&deep).as_bytes()).expect_err("deep and unknown");
    assert_eq!(issues.len(), 2, "{issues:?}");

    let many = patient(&"<colour value=\"red\"/>".repeat(1000));
    assert_eq!(xml::read(many.as_bytes()).expect_err("a thousand issues").len(), 50);
    let within = Limits { depth_max: 64, issues_max: 3 };
    assert_eq!(xml::read_within(many.as_bytes(), within).expect_err("three issues").len(), 3);
    let attributes: String = (0..100).map(|n| format!(" a{n}=\"\"")).collect();
    ends(&format!("<Patient{attributes}/>"), "", "line 1 column 1", "too many attributes");
}

#[test]
fn issues_never_repeat_a_value() {
    let secret = "AnnaSecret";
    for elements in [
        format!("<birthDate value=\"{secret}\"/>"),
        format!("<gender value=\"{secret}\"/>"),
        format!("<name>{secret}</name>"),
        format!("<name xmlns=\"{secret}\"/>"),
        format!("<name><text value=\"&{secret};\"/></name>"),
        format!("<name></{secret}>"),
        format!("<!-- {secret} -- -->"),
        format!("<name =\"{secret}\"/>"),
    ] {
        let issues = xml::read(patient(&elements).as_bytes()).expect_err("wrong");
        assert!(!format!("{issues:?}").contains(secret), "{issues:?}");
    }
}
