//! Whatever the bytes are, the readers of JSON and XML answer, and what they take is written and read again without a
//! change, as the one and as the other.
//!
//! Run by `cargo test` for a bounded time; by `cargo bolero test` for as long as one likes.

#[path = "support/said.rs"]
mod said;

use std::time::Duration;

use bolero::check;
use fhir::{Node, json, xml};
use said::said;

const SECONDS: u64 = 3;

/// Random bytes seldom reach deep, so each input is also laid over a good resource.
const GOOD_JSON: &[u8] = br#"{"resourceType":"Patient","id":"a","text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a&nbsp;<b>c</b></div>"},"_birthDate":{"id":"b"},"name":[{"given":["\u00e9",null],"_given":[null,{"extension":[{"url":"u","valueDecimal":1.10}]}]}],"contained":[{"id":"c","resourceType":"Observation","status":"final","code":{"text":"x"},"valueInteger":-7}]}"#;

const GOOD_XML: &[u8] = br#"<?xml version="1.0" encoding="UTF-8"?><Patient xmlns="http://hl7.org/fhir"><id value="a"/><text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml" xmlns:v="v">a<v:b c='&lt;'/>&#10;</div></text><contained><Observation><status value="final"/><code><text value="&amp;&#x41;"/></code></Observation></contained><name><given value="b"/><given id="c"><extension url="u"><valueDecimal value="1.10"/></extension></given></name></Patient>"#;

#[test]
fn no_bytes_break_the_readers() {
    check!().with_test_time(Duration::from_secs(SECONDS)).for_each(|bytes: &[u8]| {
        json_comes_back_or_is_refused(bytes);
        xml_comes_back_or_is_refused(bytes);
    });
}

#[test]
fn no_damage_to_good_json_breaks_the_reader() {
    check!()
        .with_test_time(Duration::from_secs(SECONDS))
        .with_type::<Vec<(u16, u8, u8)>>()
        .for_each(|damage| json_comes_back_or_is_refused(&damaged(GOOD_JSON, damage)));
}

#[test]
fn no_damage_to_good_xml_breaks_the_reader() {
    check!()
        .with_test_time(Duration::from_secs(SECONDS))
        .with_type::<Vec<(u16, u8, u8)>>()
        .for_each(|damage| xml_comes_back_or_is_refused(&damaged(GOOD_XML, damage)));
}

#[test]
fn good_resources_are_taken() {
    json_comes_back(GOOD_JSON).expect("good");
    xml_comes_back(GOOD_XML).expect("good");
}

fn damaged(good: &[u8], damage: &[(u16, u8, u8)]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for (place, how, byte) in damage {
        let (at, other) = (usize::from(*place) % bytes.len(), usize::from(*byte) % bytes.len());
        match how % 4 {
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => bytes.swap(at, other),
        }
    }
    bytes
}

fn json_comes_back_or_is_refused(bytes: &[u8]) {
    if let Err(issues) = json_comes_back(bytes) {
        assert!(!issues.is_empty());
    }
}

fn xml_comes_back_or_is_refused(bytes: &[u8]) {
    if let Err(issues) = xml_comes_back(bytes) {
        assert!(!issues.is_empty());
    }
}

fn json_comes_back(bytes: &[u8]) -> Result<(), Vec<fhir::Issue>> {
    let resource = json::read(bytes)?;
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    json::write(&resource, &mut once);
    json::write(&json::read(&once).expect("what was taken is taken again"), &mut twice);
    assert_eq!(once, twice);

    let mut xml = Vec::new();
    xml::write(&resource, &mut xml);
    let from_xml = xml::read(&xml).expect("what JSON said is good XML");
    let (mut ours, mut theirs) = (Node::Object(resource.object), Node::Object(from_xml.object));
    leave_out_what_xml_lacks(&mut ours);
    leave_out_what_xml_lacks(&mut theirs);
    assert_eq!(said(&ours), said(&theirs));
    Ok(())
}

/// Narrative that is no XML is written otherwise, and two characters are no characters of XML.
fn leave_out_what_xml_lacks(node: &mut Node) {
    match node {
        Node::Object(object) => {
            object.fields.retain(|(name, _)| *name != "div");
            object.fields.iter_mut().for_each(|(_, node)| leave_out_what_xml_lacks(node));
        }
        Node::List(items) => items.iter_mut().for_each(leave_out_what_xml_lacks),
        Node::Text(text) => *text = text.replace(['\u{FFFE}', '\u{FFFF}'], "\u{FFFD}").into(),
        _ => {}
    }
}

/// XML has one order, so the trees are the same.
fn xml_comes_back(bytes: &[u8]) -> Result<(), Vec<fhir::Issue>> {
    let resource = xml::read(bytes)?;
    let (mut written, mut json) = (Vec::new(), Vec::new());
    xml::write(&resource, &mut written);
    let again = xml::read(&written).expect("what was taken is taken again");
    assert_eq!(again, resource);
    json::write(&resource, &mut json);
    assert_eq!(json::read(&json).expect("what XML said is good JSON"), resource);
    Ok(())
}
