//! New messages: set in any order, printed in the standard's.

use hl7v2::{Draft, Message, Options, Separators};

#[test]
fn values_are_printed_where_the_standard_puts_them() {
    let mut draft = Draft::new(Separators::default());
    draft.segment("MSH").set_field(10, "M1").set_field(3, "A|B");
    let pid = draft.segment("PID");
    pid.set(5, 1, 2, 1, "second").set(3, 0, 4, 2, "1.2.3").set(3, 0, 1, 1, "42").set(3, 0, 4, 1, "GEN");
    pid.set(3, 0, 4, 3, "ISO").set(3, 0, 5, 1, "MR").set(3, 2, 1, 1, "43");
    pid.set_null(8, 0, 1, 1).set_field(30, "gone").set_field(30, "").set_field(1, "1");
    draft.segment("ZZ1");
    assert!(!draft.segments_mut()[1].is_empty() && draft.segments_mut()[2].is_empty());
    draft.segments_mut()[2].set(2, 0, 3, 2, "x\ny");
    let expected = concat!(
        "MSH|^~\\&|A\\F\\B|||||||M1\r",
        "PID|1||42^^^GEN&1.2.3&ISO^MR~~43||~^second|||\"\"\r",
        "ZZ1||^^&x\\.br\\y\r",
    );
    assert_eq!(draft.print(), expected);
}

#[test]
fn a_draft_reads_back_value_by_value() {
    let places = [(3, 0, 1, 1), (3, 0, 1, 2), (3, 0, 2, 1), (3, 1, 4, 3), (5, 0, 1, 1), (11, 3, 2, 2), (40, 0, 1, 1)];
    let texts = ["a|b", "c^d", "e&f", "g~h", "i\\j", "two\nlines", "\"\""];
    let mut draft = Draft::new(Separators::default());
    draft.segment("MSH");
    let pid = draft.segment("PID");
    for ((field, repetition, component, subcomponent), text) in places.into_iter().zip(texts).rev() {
        pid.set(field, repetition, component, subcomponent, text);
    }
    let printed = draft.print();
    let message = Message::parse(printed.as_bytes(), &Options::default()).expect("our own").message;
    for ((field, repetition, component, subcomponent), text) in places.into_iter().zip(texts) {
        let value = message.field(1, field).repetition(usize::from(repetition)).expect("set").component(component);
        let value = value.subcomponent(subcomponent);
        assert_eq!((value.text().as_ref(), value.is_null()), (text, false));
    }
}

#[test]
#[should_panic(expected = "a message starts with MSH")]
fn a_draft_without_header_is_a_mistake_of_ours() {
    Draft::new(Separators::default()).segment("PID");
}
