//! How the tree and XML have the same in different shapes, and how XML is written.

#[path = "support/xml.rs"]
mod support;

use fhir::{json, xml};
use support::{patient, says};

#[test]
fn primitives_with_extensions() {
    says(
        &patient(r#"<birthDate id="a" value="2000"><extension url="u"><valueCode value="x"/></extension></birthDate>"#),
        r#"{"resourceType":"Patient","birthDate":"2000","_birthDate":{"id":"a","extension":[{"url":"u","valueCode":"x"}]}}"#,
    );
    let lists = [
        (r#"<given value="a"/><given value="b"/>"#, r#""given":["a","b"]"#),
        (r#"<given value="a"/><given id="b"/>"#, r#""given":["a",null],"_given":[null,{"id":"b"}]"#),
        (r#"<given id="a"/><given value="b"/>"#, r#""given":[null,"b"],"_given":[{"id":"a"},null]"#),
        (r#"<given id="a"/><given id="b"/>"#, r#""_given":[{"id":"a"},{"id":"b"}]"#),
        (r#"<given id="a" value="b"></given>"#, r#""given":["b"],"_given":[{"id":"a"}]"#),
    ];
    for (elements, members) in lists {
        let expected = format!(r#"{{"resourceType":"Patient","name":[{{{members}}}]}}"#);
        says(&patient(&format!("<name>{elements}</name>")), &expected);
        let mut xml = Vec::new();
        xml::write(&json::read(expected.as_bytes()).expect("good"), &mut xml);
        says(&String::from_utf8(xml).expect("text"), &expected);
    }
    // In the order of the definition, a url comes behind extensions.
    says(
        &patient(r#"<extension id="i" url="u"><extension url="v"><valueCode value="x"/></extension></extension>"#),
        r#"{"resourceType":"Patient","extension":[{"id":"i","extension":[{"url":"v","valueCode":"x"}],"url":"u"}]}"#,
    );
}

#[test]
fn what_is_written_is_as_people_expect_it() {
    let json = r#"{"resourceType":"Patient","contained":[{"resourceType":"Organization","name":"a<b"}],"name":[{"given":["é","\"\n"],"_given":[null,{"id":"x"}]}],"gender":"male","id":"1","text":{"div":"<div>a&nbsp;b</div>","status":"empty"},"active":true}"#;
    let resource = json::read(json.as_bytes()).expect("good");
    let (mut compact, mut pretty) = (Vec::new(), Vec::new());
    xml::write(&resource, &mut compact);
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?><Patient xmlns="http://hl7.org/fhir"><id value="1"/><text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml">a&#160;b</div></text><contained><Organization><name value="a&lt;b"/></Organization></contained><active value="true"/><name><given value="é"/><given value="&quot;&#10;" id="x"/></name><gender value="male"/></Patient>"#;
    assert_eq!(String::from_utf8(compact).expect("text"), expected);
    xml::write_pretty(&resource, &mut pretty);
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<Patient xmlns="http://hl7.org/fhir">
  <id value="1"/>
  <text>
    <status value="empty"/>
    <div xmlns="http://www.w3.org/1999/xhtml">a&#160;b</div>
  </text>
  <contained>
    <Organization>
      <name value="a&lt;b"/>
    </Organization>
  </contained>
  <active value="true"/>
  <name>
    <given value="é"/>
    <given value="&quot;&#10;" id="x"/>
  </name>
  <gender value="male"/>
</Patient>"#;
    assert_eq!(String::from_utf8(pretty).expect("text"), expected);
}
