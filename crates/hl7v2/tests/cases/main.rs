//! What real interfaces send, case by case: each row is a sample and what becomes of it.

mod answers;
mod batches;
mod charset;
mod drafts;
mod framing;
mod header;
mod lines;
mod time;
mod values;

use hl7v2::{Fault, Kind, Message, Options, Parsed};

/// A message is read; its issues' kinds must be these, in order.
fn parse<'a>(name: &str, bytes: &'a [u8], kinds: &[Kind]) -> Message<'a> {
    let Parsed { message, issues } =
        Message::parse(bytes, &Options::default()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let found: Vec<Kind> = issues.iter().map(|issue| issue.kind).collect();
    assert_eq!(found, kinds, "{name}: {issues:?}");
    assert_eq!(message.print(), message.text(), "{name}");
    message
}

fn fault(name: &str, bytes: &[u8]) -> Fault {
    Message::parse(bytes, &Options::default()).map(|_| ()).expect_err(name)
}

fn ids(message: &Message<'_>) -> String {
    message.segments().map(|segment| segment.id().to_string()).collect::<Vec<_>>().join(" ")
}
