//! Who has these demographics, and by which other identifiers is somebody known? QBP^Q22 and QBP^Q23 over MLLP and HTTP, as IHE PDQ
//! (ITI-21) and PIX (ITI-9) have them.

use crate::identity::until;
use crate::support::http::ask;
use crate::support::message::{adt, header, message};
use crate::support::mllp::{Ack, Line};
use crate::support::server::{Hilum, WARD};

const ILSE: &str = "Maran^Ilse^Q||19710304|F|||Quay 9^^Norden^NI^26506^DE||04931-5518";

fn ward() -> (Hilum, Line) {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    for (number, authority, rest) in [
        ("1001", "NORTH", ILSE),
        ("77", "SOUTH", ILSE),
        ("1002", "NORTH", "Maran^Bartholomew||19630101|M|||Hill 2^^Bergen"),
        ("1003", "NORTH", "Quist^Tora||19880101|F"),
    ] {
        line.accepted(&adt("A28", "20260301090000", &format!("PID|1||{number}^^^{authority}^MR||{rest}")));
    }
    (hilum, line)
}

fn demographics(fields: &str, more: &str) -> Vec<u8> {
    let head = header("QBP^Q22^QBP_Q21", "20260302090000");
    message(&format!("{head}\nQPD|IHE PDQ Query^^L|TAG1|{fields}{more}"))
}

fn known_elsewhere(rest: &str) -> Vec<u8> {
    let head = header("QBP^Q23^QBP_Q21", "20260302090000");
    message(&format!("{head}\nQPD|IHE PIX Query^^L|TAG2|{rest}\nRCP|I"))
}

/// PID-3.1 of everybody in an answer.
fn numbers(answer: &Ack) -> Vec<String> {
    let pids = answer.0.split('\r').filter(|text| text.starts_with("PID|"));
    let numbers = pids
        .flat_map(|pid| pid.split('|').nth(3).unwrap_or_default().split('~').map(str::to_owned).collect::<Vec<_>>());
    let mut numbers: Vec<String> = numbers.map(|of| of.split('^').next().unwrap_or_default().to_owned()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn people_are_found_by_what_is_known_of_them() {
    let (hilum, mut line) = ward();
    for (fields, expected) in [
        ("@PID.5.1^Maran", vec!["1001", "1002", "77"]),
        ("@PID.5.1.1^mar*~@PID.5.2^Ilse", vec!["1001", "77"]),
        ("@PID.7^19710304~@PID.8^F", vec!["1001", "77"]),
        ("@PID.7^1963", vec!["1002"]),
        ("@PID.3.1^1003", vec!["1003"]),
        ("@PID.3.1^1001~@PID.3.4^NORTH", vec!["1001"]),
        ("@PID.3.1^1001~@PID.3.4^SOUTH", vec![]),
        ("@PID.11.3^Nord~@PID.11.5^26506", vec!["1001", "77"]),
        ("@PID.11.1^Hill", vec!["1002"]),
        ("@PID.5.1^Nobody", vec![]),
        ("@PID.5.1^Maran,Quist", vec![]),
    ] {
        let answer = line.say(&demographics(fields, ""));
        assert_eq!(numbers(&answer), expected, "{fields}: {}", answer.0);
        assert_eq!((answer.code(), answer.field("MSH", 9)), ("AA", "RSP^K22^RSP_K21"), "{}", answer.0);
        let status = if expected.is_empty() { "NF" } else { "OK" };
        assert_eq!((answer.field("QAK", 1), answer.field("QAK", 2)), ("TAG1", status), "{}", answer.0);
        assert_eq!(answer.field("QAK", 4), expected.len().to_string());
        assert_eq!(answer.field("QPD", 3), fields, "the question is said again");
    }
    // What PID says, by the rules that read it.
    let answer = line.say(&demographics("@PID.3.1^1001", ""));
    let pid = |number| answer.field("PID", number).to_owned();
    assert_eq!((pid(1), pid(3), pid(7), pid(8)), ("1".into(), "1001^^^NORTH^MR".into(), "19710304".into(), "F".into()));
    assert_eq!((pid(5), pid(11)), ("Maran^Ilse^Q".into(), "Quay 9^^Norden^NI^26506^DE".into()), "{}", answer.0);
    // A question leaves nothing behind.
    assert_eq!(hilum.messages("").len(), 4);
    assert!(hilum.messages("type=QBP").is_empty());
    assert!(!hilum.log().contains("Maran") && !hilum.log().contains("1003"), "{}", hilum.log());
}

#[test]
fn domains_narrow_what_is_told_and_unknown_ones_are_named() {
    let (_hilum, mut line) = ward();
    let answer = line.say(&demographics("@PID.5.1^Maran", "|||||^^^SOUTH"));
    assert_eq!(numbers(&answer), ["77"], "{}", answer.0);
    let answer = line.say(&demographics("@PID.5.1^Maran", "|||||^^^SOUTH~^^^MARS"));
    assert_eq!((answer.code(), answer.field("QAK", 2)), ("AE", "AE"), "{}", answer.0);
    assert_eq!((answer.field("ERR", 2), &answer.field("ERR", 3)[..3]), ("QPD^1^8^2", "204"), "{}", answer.0);
    assert!(numbers(&answer).is_empty());
}

#[test]
fn a_long_answer_comes_in_parts_that_see_one_moment() {
    let (hilum, mut line) = ward();
    let first = line.say(&demographics("@PID.5.1^Maran", "\nRCP|I|2^RD"));
    assert_eq!(numbers(&first).len(), 2, "{}", first.0);
    assert_eq!((first.field("QAK", 4), first.field("QAK", 5), first.field("QAK", 6)), ("3", "2", "1"), "{}", first.0);
    let pointer = first.field("DSC", 1).to_owned();
    assert!(!pointer.is_empty());
    // Who comes meanwhile is in no part.
    line.accepted(&adt("A28", "20260301090000", "PID|1||1009^^^NORTH^MR||Maran^Zoe||19990101|F"));
    let second = line.say(&demographics("@PID.5.1^Maran", &format!("\nRCP|I|2^RD\nDSC|{pointer}")));
    assert_eq!(second.code(), "AA", "{}", second.0);
    let mut all = [numbers(&first), numbers(&second)].concat();
    all.sort_unstable();
    assert_eq!(all, ["1001", "1002", "77"], "{}", second.0);
    assert_eq!((second.field("QAK", 6), second.field("DSC", 1)), ("0", ""), "{}", second.0);

    // Another's question, another's pointer, none at all: refused, and nobody is shown.
    let seal = &pointer[pointer.rfind('.').expect("it is sealed")..];
    for (what, fields, pointer) in [
        ("another question", "@PID.5.1^Quist", pointer.clone()),
        (
            "a pointer that was mended",
            "@PID.5.1^Maran",
            format!("0.{}{seal}", pointer.split('.').nth(1).expect("a page")),
        ),
        ("nonsense", "@PID.5.1^Maran", "x".to_owned()),
        ("a page without its seal", "@PID.5.1^Maran", "0.1-a1".to_owned()),
    ] {
        let answer = line.say(&demographics(fields, &format!("\nRCP|I|2^RD\nDSC|{pointer}")));
        assert_eq!((answer.code(), answer.field("ERR", 2)), ("AE", "DSC^1^1"), "{what}: {}", answer.0);
        assert!(numbers(&answer).is_empty(), "{what}");
    }
    // Another source's.
    let two = format!("{WARD}{}", WARD.replace("\"ward\"", "\"other\""));
    let hilum = {
        drop(hilum);
        Hilum::configured(&two)
    };
    let (mut ward, mut other) = (hilum.line(), Line::connect(hilum.mllp(1)));
    for number in 1..4 {
        ward.accepted(&adt(
            "A28",
            "20260301090000",
            &format!("PID|1||{number}^^^NORTH^MR||Maran^Ilse{number}||1971030{number}|F"),
        ));
    }
    let first = ward.say(&demographics("@PID.5.1^Maran", "\nRCP|I|1^RD"));
    let goes_on = demographics("@PID.5.1^Maran", &format!("\nRCP|I|1^RD\nDSC|{}", first.field("DSC", 1)));
    assert_eq!(other.say(&goes_on).code(), "AE");
    assert_eq!(ward.say(&goes_on).code(), "AA");
}

#[test]
fn a_question_that_makes_no_sense_is_told_where() {
    let (hilum, mut line) = ward();
    let head = |kind: &str| header(kind, "20260302090000");
    let many = vec!["@PID.5.1^Maran"; 60].join("~");
    let long = format!("@PID.5.1^{}", "x".repeat(500));
    for (what, sent, place) in [
        ("no QPD", message(&head("QBP^Q22^QBP_Q21")), "QPD^1"),
        ("no QPD of PIX", message(&head("QBP^Q23^QBP_Q21")), "QPD^1"),
        ("an empty QPD", demographics("", ""), "QPD^1^3"),
        ("an unknown field", demographics("@PID.5.1^Maran~@PID.99^x", ""), "QPD^1^3^2^1"),
        ("no field at all", demographics("Maran", ""), "QPD^1^3^1^2"),
        ("no value", demographics("@PID.5.1^*", ""), "QPD^1^3^1^2"),
        ("no date", demographics("@PID.7^yesterday", ""), "QPD^1^3^1^2"),
        ("no date with letters of two bytes", demographics("@PID.7^ääääää", ""), "QPD^1^3^1^2"),
        ("no sex", demographics("@PID.8^Q", ""), "QPD^1^3^1^2"),
        ("too many fields", demographics(&many, ""), "QPD^1^3^51"),
        ("too long", demographics(&long, ""), "QPD^1^3^1^2"),
        ("quantity 0", demographics("@PID.5.1^Maran", "\nRCP|I|0^RD"), "RCP^1^2^^1"),
        ("quantity less", demographics("@PID.5.1^Maran", "\nRCP|I|-1^RD"), "RCP^1^2^^1"),
        ("quantity beyond counting", demographics("@PID.5.1^Maran", "\nRCP|I|99999999999999999999^RD"), "RCP^1^2^^1"),
        ("quantity in pages", demographics("@PID.5.1^Maran", "\nRCP|I|1^PG"), "RCP^1^2^^2"),
        ("nobody asked for", known_elsewhere(""), "QPD^1^3^1^1"),
        ("no domain", known_elsewhere("1001"), "QPD^1^3^1^4"),
        ("unknown domain", known_elsewhere("1001^^^MARS"), "QPD^1^3^1^4"),
        ("unknown number", known_elsewhere("555^^^NORTH"), "QPD^1^3^1^1"),
        ("unknown domain wanted", known_elsewhere("1001^^^NORTH|^^^SOUTH~^^^MARS"), "QPD^1^4^2"),
    ] {
        let answer = line.say(&sent);
        assert_eq!(answer.code(), "AE", "{what}: {}", answer.0);
        assert_eq!((answer.field("ERR", 2), answer.field("QAK", 2)), (place, "AE"), "{what}: {}", answer.0);
        assert!(numbers(&answer).is_empty(), "{what}");
        let told: Vec<&str> =
            answer.0.split('\r').filter(|text| text.starts_with("ERR") || text.starts_with("MSA")).collect();
        assert!(!told.join("").contains("Maran") && !told.join("").contains("yesterday"), "{what}: {told:?}");
    }
    let huge = line.say(&demographics("@PID.5.1^Maran", "\nRCP|I|4000000000^RD"));
    assert_eq!((huge.code(), numbers(&huge).len()), ("AA", 3), "{}", huge.0);
    // No such query, and none is kept as if it were a message.
    let other = line.say(&message(&format!("{}\nQPD|x|y|@PID.5.1^Maran", head("QBP^Q99^QBP_Q21"))));
    assert_eq!(other.code(), "AR", "{}", other.0);
    assert_eq!(hilum.messages("").len(), 4);
}

#[test]
fn a_person_is_known_elsewhere_by_certain_links_alone() {
    let (hilum, mut line) = ward();
    // Never "nobody" while it is not known.
    until("the link", || {
        let answer = hilum.line().say(&known_elsewhere("1001^^^NORTH"));
        assert!(answer.code() == "AE" || numbers(&answer) == ["77"], "{}", answer.0);
        answer.code() == "AA"
    });
    let answer = line.say(&known_elsewhere("1001^^^NORTH"));
    assert_eq!((answer.field("MSH", 9), answer.field("QAK", 2)), ("RSP^K23^RSP_K23", "OK"), "{}", answer.0);
    assert_eq!((answer.field("PID", 3), answer.field("PID", 5)), ("77^^^SOUTH^MR", "~^^^^^^S"), "{}", answer.0);
    assert_eq!(answer.field("QAK", 1), "TAG2");
    for (asked, status, expected) in [
        ("77^^^SOUTH", "OK", vec!["1001"]),
        ("1001^^^NORTH|^^^SOUTH", "OK", vec!["77"]),
        ("1001^^^NORTH|^^^NORTH", "NF", vec![]),
        ("1003^^^NORTH", "NF", vec![]),
    ] {
        let answer = line.say(&known_elsewhere(asked));
        assert_eq!((answer.code(), answer.field("QAK", 2)), ("AA", status), "{asked}: {}", answer.0);
        assert_eq!(numbers(&answer), expected, "{asked}");
    }
    // A merged number is its survivor's.
    line.accepted(&adt("A40", "20260302090000", &format!("PID|1||1001^^^NORTH^MR||{ILSE}\nMRG|1003^^^NORTH^MR")));
    let answer = line.say(&known_elsewhere("1003^^^NORTH"));
    assert_eq!(numbers(&answer), ["1001", "77"], "{}", answer.0);
    assert!(hilum.messages("type=QBP").is_empty());
}

#[test]
fn the_same_by_http_and_only_where_the_source_may_ask() {
    let (hilum, _line) = ward();
    let media = [("content-type", "x-application/hl7-v2+er7")];
    let reply = ask("POST", &format!("{}/hl7v2", hilum.http()), &media, &demographics("@PID.3.1^1003", ""));
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(numbers(&Ack(reply.text.clone())), ["1003"], "{}", reply.text);
    let hilum = Hilum::configured(&format!("{WARD}queries = false\n"));
    let mut line = hilum.line();
    line.accepted(&adt("A28", "20260301090000", "PID|1||1001^^^NORTH^MR||Maran^Ilse||19710304|F"));
    for sent in [demographics("@PID.5.1^Maran", ""), known_elsewhere("1001^^^NORTH")] {
        let answer = line.say(&sent);
        assert_eq!(answer.code(), "AR", "{}", answer.0);
        assert!(!answer.0.contains("1001^") && !answer.0.contains("Ilse"), "{}", answer.0);
    }
    assert_eq!(hilum.messages("").len(), 1);
}
