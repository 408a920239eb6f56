//! What a message of the day says, in one line for a person who watches.

use std::borrow::Cow;

use hl7v2::{Message, Options};

/// Time, clinic, what happened, message type: columns of one width.
pub fn told(bytes: &[u8]) -> String {
    let options = Options::default();
    let Ok(parsed) = Message::parse(bytes, &options) else { return "a message that cannot be read".to_owned() };
    let message = parsed.message;
    let header = message.header();
    let time = header.time.get(8..12).map_or_else(String::new, |time| format!("{}:{}", &time[..2], &time[2..]));
    let clinic = match &*header.sending_facility.namespace {
        "STANNE" => "St Anne",
        "RIVERSIDE" => "Riverside",
        other => other,
    };
    let event = format!("{}^{}", header.kind, header.trigger);
    format!("{time}  {clinic:<9}  {:<66}  {event:<7}", happened(&message, &header.kind, &header.trigger))
}

fn happened(message: &Message<'_>, kind: &str, trigger: &str) -> String {
    let name = name(message);
    let place = first(message, "PV1", 3, 1);
    match (kind, trigger) {
        ("ORU", _) => result(message, &name),
        (_, "A28") => format!("{name} is registered"),
        (_, "A31") => format!("{name} has new details"),
        (_, "A05") => format!("{name} is expected"),
        (_, "A04") => format!("{name} comes in"),
        (_, "A01") => format!("{name} is admitted, {place}"),
        (_, "A08") => format!("{name}: more is known of the visit"),
        (_, "A02") => format!("{name} moves to {place}"),
        (_, "A12") => format!("{name}: the move is taken back"),
        (_, "A11") => format!("{name}: the admission was a mistake"),
        (_, "A06") => format!("{name} becomes an inpatient, {place}"),
        (_, "A07") => format!("{name} becomes an outpatient"),
        (_, "A03") => format!("{name} is discharged"),
        (_, "A13") => format!("{name}: the discharge is taken back"),
        (_, "A18" | "A34" | "A36" | "A40") => {
            format!("{name}: number {} is merged into this file", first(message, "MRG", 1, 1))
        }
        (_, "A47") => format!("{name} gets another number"),
        _ => name,
    }
}

fn result(message: &Message<'_>, name: &str) -> String {
    let test = first(message, "OBR", 4, 2);
    let status = match &*first(message, "OBR", 25, 1) {
        "P" => "preliminary",
        "C" => "corrected",
        "F" => "final",
        "X" => "cancelled",
        _ => "result",
    };
    format!("{name}: {test}, {status}")
}

/// Given name and family name of PID-5.
fn name(message: &Message<'_>) -> String {
    format!("{} {}", first(message, "PID", 5, 2), first(message, "PID", 5, 1)).trim().to_owned()
}

/// A component of the first repetition in the first segment of that id; empty where there is none.
fn first<'m>(message: &'m Message<'_>, id: &str, field: u16, component: u16) -> Cow<'m, str> {
    let segment = message.segments().find(|segment| segment.id() == id);
    segment.map(|segment| segment.field(field).component(component).text()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_the_day_is_told_in_a_line() {
        assert!(super::super::DAY.len() >= 30, "the day is short: {}", super::super::DAY.len());
        for message in super::super::DAY {
            let line = told(message);
            assert!(line.chars().count() < 110 && !line.contains('\n'), "{line}");
            let words = line.split("  ").filter(|words| !words.trim().is_empty()).count();
            assert_eq!(words, 4, "{line}");
        }
    }

    #[test]
    fn admissions_and_results() {
        let day: Vec<String> = super::super::DAY.iter().map(|message| told(message)).collect();
        assert!(day[0].starts_with("06:40  St Anne    Margaret Hughes is registered "), "{}", day[0]);
        assert!(day.iter().any(|line| line.contains("Nora Lindqvist: Electrolytes panel, preliminary ")), "{day:#?}");
    }
}
