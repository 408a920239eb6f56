//! Whatever the bytes are, the JSON reader answers, and what it takes is written and read again without a change.
//!
//! Run by `cargo test` for a bounded time; by `cargo bolero test` for as long as one likes.

use std::time::Duration;

use bolero::check;
use fhir::json;

const SECONDS: u64 = 3;

/// Random bytes seldom reach deep, so each input is also laid over a good resource.
const GOOD: &[u8] = br#"{"resourceType":"Patient","id":"a","_birthDate":{"id":"b"},"name":[{"given":["\u00e9",null],"_given":[null,{"extension":[{"url":"u","valueDecimal":1.10}]}]}],"contained":[{"id":"c","resourceType":"Observation","status":"final","code":{"text":"x"},"valueInteger":-7}]}"#;

#[test]
fn no_bytes_break_the_reader() {
    check!().with_test_time(Duration::from_secs(SECONDS)).for_each(|bytes: &[u8]| comes_back_or_is_refused(bytes));
}

#[test]
fn no_damage_to_a_good_resource_breaks_the_reader() {
    check!().with_test_time(Duration::from_secs(SECONDS)).with_type::<Vec<(u16, u8, u8)>>().for_each(|damage| {
        let mut bytes = GOOD.to_vec();
        for (place, how, byte) in damage {
            let (at, other) = (usize::from(*place) % bytes.len(), usize::from(*byte) % bytes.len());
            match how % 4 {
                0 => bytes[at] = *byte,
                1 => bytes.insert(at, *byte),
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.swap(at, other),
            }
        }
        comes_back_or_is_refused(&bytes);
    });
}

fn comes_back_or_is_refused(bytes: &[u8]) {
    match json::read(bytes) {
        Ok(resource) => {
            let (mut once, mut twice) = (Vec::new(), Vec::new());
            json::write(&resource, &mut once);
            let again = json::read(&once).expect("what was taken is taken again");
            json::write(&again, &mut twice);
            assert_eq!(once, twice);
        }
        Err(issues) => assert!(!issues.is_empty()),
    }
}
