//! What one core does without disk and sockets: reading a message, and making a Bundle of it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gateway::{Gateway, IdKey, Source};
use hl7v2::{Message, Options};
use serde::Serialize;

use super::load;

/// Each a second, on one core.
#[derive(Debug, Serialize)]
pub struct Micro {
    pub parse_oru: f64,
    pub convert_oru: f64,
    pub convert_adt: f64,
}

const FOR: Duration = Duration::from_secs(1);

pub fn measure() -> Micro {
    let gateway = Gateway::load([]).expect("the profiles that are built in are sound: a test holds it");
    let (ids, source, options) = (IdKey::new(&[7; 32]), Source::convert(), Options::default());
    let parse = |bytes: &[u8]| {
        black_box(Message::parse(black_box(bytes), &options).expect("our own message").message.segment_count());
    };
    let convert = |bytes: &[u8]| {
        let parsed = Message::parse(black_box(bytes), &options).expect("our own message");
        let translation = gateway.translate(&parsed.message, &source, &ids, false).expect("a type with a profile");
        let mut json = Vec::new();
        fhir::json::write(&gateway::bundle(translation), &mut json);
        black_box(json.len());
    };
    let (oru, adt) = (load::oru(1, 20), load::adt(1));
    Micro {
        parse_oru: per_second(|| parse(&oru)),
        convert_oru: per_second(|| convert(&oru)),
        convert_adt: per_second(|| convert(&adt)),
    }
}

fn per_second(mut work: impl FnMut()) -> f64 {
    // Tables that are made on first use are not what is measured.
    work();
    let (began, mut times) = (Instant::now(), 0_u32);
    while began.elapsed() < FOR {
        for _ in 0..10 {
            work();
        }
        times += 10;
    }
    f64::from(times) / began.elapsed().as_secs_f64()
}
