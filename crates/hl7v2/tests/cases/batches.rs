//! Files and batches: every message is found, whatever surrounds it.

use hl7v2::{Kind, Limits, Message, Options, batch};

/// Members' third field, and the issues' segments.
fn split(name: &str, bytes: &[u8]) -> (String, String) {
    let batch = batch::split(bytes, &Limits::default()).expect(name);
    let mut found = Vec::new();
    for member in &batch.members {
        assert_eq!(&bytes[member.offset..][..member.bytes.len()], member.bytes, "{name}");
        let name = Message::parse(member.bytes, &Options::default());
        found.push(name.map_or("fault".to_string(), |parsed| parsed.message.field(0, 3).raw().to_string()));
    }
    assert!(batch.issues.iter().all(|issue| issue.kind == Kind::Envelope));
    let issues: Vec<String> = batch.issues.iter().map(|issue| issue.place.to_string()).collect();
    (found.join(" "), issues.join(" "))
}

#[test]
fn messages_are_found_in_files_as_they_are() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("whole", "FHS|^~\\&\rBHS|^~\\&\rMSH|^~\\&|A\rPID|1\rMSH|^~\\&|B\rBTS|2\rFTS|1\r", "A B", ""),
        ("batch only", "BHS|^~\\&\rMSH|^~\\&|A\rBTS|1\r", "A", ""),
        ("two batches", "FHS|\rBHS|\rMSH|^~\\&|A\rBTS|1\rBHS|\rMSH|^~\\&|B\rBTS|1\rFTS|2\r", "A B", ""),
        ("messages counted in FTS, no BHS", "FHS|\rMSH|^~\\&|A\rMSH|^~\\&|B\rFTS|2\r", "A B", ""),
        ("trailers without counts", "FHS|\rBHS|\rMSH|^~\\&|A\rBTS\rFTS\r", "A", ""),
        ("wrong count of messages", "BHS|\rMSH|^~\\&|A\rBTS|5\r", "A", "BTS"),
        ("wrong count of batches", "FHS|\rBHS|\rMSH|^~\\&|A\rBTS|1\rFTS|4\r", "A", "FTS"),
        ("batch in a batch", "BHS|\rMSH|^~\\&|A\rBHS|\rMSH|^~\\&|B\rBTS|1\rBTS|1\r", "A B", "BHS BTS"),
        ("file in a file", "FHS|\rMSH|^~\\&|A\rFHS|\rMSH|^~\\&|B\rFTS|1\r", "A B", "FHS"),
        ("no trailers", "FHS|\rBHS|\rMSH|^~\\&|A\r", "A", "BTS FTS"),
        ("no batch trailer", "FHS|\rBHS|\rMSH|^~\\&|A\rFTS|1\r", "A", "BTS"),
        ("no headers", "MSH|^~\\&|A\rBTS|1\rFTS|1\r", "A", "BTS FTS"),
        ("messages only", "MSH|^~\\&|A\rPID|1\rMSH|^~\\&|B\r", "A B", ""),
        ("LF and blank lines", "MSH|^~\\&|A\nPID|1\n\n\nMSH|^~\\&|B\n", "A B", ""),
        ("CR LF", "FHS|\r\nMSH|^~\\&|A\r\nPID|1\r\nFTS|1\r\n", "A", ""),
        ("framed", "\x0BMSH|^~\\&|A\r\x1C\r\x0BMSH|^~\\&|B\r\x1C\r", "A B", ""),
        ("BOM at the head", "\u{feff}FHS|\rMSH|^~\\&|A\rFTS|1\r", "A", ""),
        ("BOM before MSH", "\u{feff}MSH|^~\\&|A\r", "A", ""),
        ("one bad among good", "MSH|^~\\&|A\rMSH|^^^^|B\rMSH|^~\\&|C\r", "A fault C", ""),
        ("one cut off among good", "MSH|^~\\&|A\rMSH|\rMSH|^~\\&|C\r", "A fault C", ""),
        ("stray lines", "-- export --\rsecond\rMSH|^~\\&|A\rPID|1\r", "A", "message"),
        ("MSH inside a line", "MSH|^~\\&|A\rNTE|1||see MSH|^~\\&|B\r", "A", ""),
        ("other delimiters", "MSH$%~!@$A\rMSH|^~\\&|B\r", "A B", ""),
        ("zero bytes", "", "", "message"),
        ("blanks only", "\r\n\r\n", "", "message"),
        ("no message at all", "PID|1\rPV1|1\r", "", "message"),
        ("envelope only", "FHS|\rBHS|\rBTS|0\rFTS|1\r", "", ""),
    ];
    for (name, text, members, issues) in cases {
        let found = split(name, text.as_bytes());
        assert_eq!((found.0.as_str(), found.1.as_str()), (*members, *issues), "{name}");
    }
}

#[test]
fn a_member_ends_with_its_last_segment() {
    let bytes = b"MSH|^~\\&|A\rPID|1\r\r\n \x1C\r\x0BMSH|^~\\&|B\n\nMSH|^~\\&|C";
    let members = batch::split(bytes, &Limits::default()).expect("few").members;
    let found: Vec<&[u8]> = members.iter().map(|member| member.bytes).collect();
    assert_eq!(found, [&b"MSH|^~\\&|A\rPID|1\r"[..], b"MSH|^~\\&|B\n", b"MSH|^~\\&|C"]);
}

#[test]
fn more_messages_than_allowed_are_a_fault() {
    let limits = Limits { messages_per_batch: 2, ..Limits::default() };
    let fault = batch::split(b"MSH|^~\\&|A\rMSH|^~\\&|B\rMSH|^~\\&|C\r", &limits).map(|_| ()).expect_err("three");
    assert_eq!(fault.0.kind, Kind::OverLimit);
}
