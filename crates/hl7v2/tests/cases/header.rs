//! MSH as senders write it.

use hl7v2::{AckCondition, Header, Kind, Message, Options, ProcessingId, Version, structure};

fn with_header(msh: &str, check: impl Fn(&Header<'_>)) {
    let text = format!("MSH|^~\\&|{msh}\rEVN|A08\r");
    check(&Message::parse(text.as_bytes(), &Options::default()).expect(msh).message.header());
}

#[test]
fn a_whole_header_is_read_by_name() {
    let msh = "LAB7^1.2.3^ISO|GEN|HILUM|CLINIC|20240305||oru^r01^ORU_R01|M1|P^A|2.5.1^USA|||al|NE||8859/1~UTF-8";
    with_header(msh, |header| {
        assert_eq!(header.sending_application.namespace, "LAB7");
        assert_eq!(header.sending_application.universal_id, "1.2.3");
        assert_eq!(header.sending_application.universal_id_type, "ISO");
        assert_eq!([&header.sending_facility.namespace, &header.receiving_facility.namespace], ["GEN", "CLINIC"]);
        assert_eq!([&header.kind, &header.trigger, &header.structure], ["ORU", "R01", "ORU_R01"]);
        assert_eq!([&header.time, &header.control_id, &header.charset], ["20240305", "M1", "8859/1"]);
        assert_eq!(header.processing_id, ProcessingId::Production);
        assert_eq!(header.version, Some(Version { major: 2, minor: 5, patch: 1 }));
        assert_eq!(header.accept_ack, Some(AckCondition::Always));
        assert_eq!(header.application_ack, Some(AckCondition::Never));
        assert!(header.is_enhanced() && header.issues().is_empty());
    });
}

/// A name, MSH from its third field on, and the places and kinds of its issues.
type Case = (&'static str, &'static str, &'static [(&'static str, Kind)]);

#[test]
fn what_is_missing_or_wrong_is_named() {
    let cases: &[Case] = &[
        ("34 no MSH-7", "A|B|C|D|||ADT^A01|1|P|2.5", &[("MSH-7", Kind::RequiredField)]),
        ("34 no MSH-9", "A|B|C|D|2024|||1|P|2.5", &[("MSH-9.1", Kind::RequiredField)]),
        ("34 no MSH-9.2 anywhere", "A|B|C|D|2024||ZZZ|1|P|2.5", &[]),
        ("38 blank MSH-10", "A|B|C|D|2024||ADT^A01| |P|2.5", &[("MSH-10", Kind::RequiredField)]),
        (
            "34 no MSH-11, MSH-12",
            "A|B|C|D|2024||ADT^A01|1",
            &[("MSH-11.1", Kind::RequiredField), ("MSH-12.1", Kind::RequiredField)],
        ),
        ("MSH-11 of no table", "A|B|C|D|2024||ADT^A01|1|X|2.5", &[("MSH-11.1", Kind::ProcessingId)]),
        ("35 no version", "A|B|C|D|2024||ADT^A01|1|P|new", &[("MSH-12.1", Kind::VersionId)]),
        ("35 version 3", "A|B|C|D|2024||ADT^A01|1|P|3.0", &[("MSH-12.1", Kind::VersionId)]),
        ("37 wrong structure", "A|B|C|D|2024||ADT^A04^ADT_A04|1|P|2.5", &[("MSH-9.3", Kind::MessageType)]),
        ("39 MSH-15 of no table", "A|B|C|D|2024||ADT^A01|1|P|2.5|||XX", &[("MSH-15", Kind::TableValue)]),
    ];
    for (name, msh, expected) in cases {
        with_header(msh, |header| {
            let issues = header.issues();
            let found: Vec<(String, Kind)> = issues.iter().map(|issue| (issue.place.to_string(), issue.kind)).collect();
            let expected: Vec<(String, Kind)> =
                expected.iter().map(|(place, kind)| (place.to_string(), *kind)).collect();
            assert_eq!(found, expected, "{name}: {issues:?}");
        });
    }
}

#[test]
fn the_event_is_found_and_decides_the_structure() {
    let cases = [
        ("as it should be", "ADT^A04^ADT_A01", "ADT A04 ADT_A01"),
        ("36 no MSH-9.3", "ADT^A31", "ADT A31 ADT_A05"),
        ("37 the event for the structure", "ADT^A04^ADT_A04", "ADT A04 ADT_A01"),
        ("lower case", "adt^a40", "ADT A40 ADT_A39"),
        ("event from EVN", "ADT", "ADT A08 ADT_A01"),
        ("structure for type", "ORU_R01", "ORU R01 ORU_R01"),
        ("an event of the site's own", "ADT^Z99^ADT_Z99", "ADT Z99 ADT_Z99"),
        ("acknowledgement", "ACK^A01^ACK", "ACK A01 ACK"),
    ];
    for (name, sent, expected) in cases {
        with_header(&format!("A|B|C|D|2024||{sent}|1|P|2.5"), |header| {
            assert_eq!(format!("{} {} {}", header.kind, header.trigger, header.structure), expected, "{name}");
        });
    }
    assert_eq!(structure("ADT", "A47"), Some("ADT_A30"));
    assert_eq!(structure("ORU", "A01"), None);
}

#[test]
fn versions_are_read_as_they_are_written() {
    let v = |major, minor, patch| Some(Version { major, minor, patch });
    let cases = [
        ("2.1", v(2, 1, 0)),
        ("2.9", v(2, 9, 0)),
        ("2.5.1^USA", v(2, 5, 1)),
        ("V2.3", v(2, 3, 0)),
        ("v2.3.1", v(2, 3, 1)),
        (" 2.4 ", v(2, 4, 0)),
        ("2", None),
        ("2.5.1.0", None),
        ("2.x", None),
    ];
    for (text, version) in cases {
        with_header(&format!("A|B|C|D|2024||ADT^A01|1|P|{text}"), |header| {
            assert_eq!(header.version, version, "{text}")
        });
    }
    assert!(v(2, 3, 1) < v(2, 5, 0) && v(2, 5, 1) > v(2, 5, 0));
}

#[test]
fn processing_ids_are_told_apart() {
    use ProcessingId::{Debugging, Missing, Production, Training, Unknown};
    for (text, id) in
        [("P", Production), ("T", Training), ("D^A", Debugging), ("", Missing), ("p", Production), ("Q", Unknown)]
    {
        with_header(&format!("A|B|C|D|2024||ADT^A01|1|{text}|2.5"), |header| {
            assert_eq!(header.processing_id, id, "{text}")
        });
    }
}
