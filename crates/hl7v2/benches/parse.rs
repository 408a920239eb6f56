//! How fast messages are read: `cargo bench -p hl7v2 --profile dist`.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use hl7v2::mllp::{Decoder, encode};
use hl7v2::{Message, Options};

fn main() {
    divan::main();
}

/// An ORU^R01 with 20 OBX, about 3.2 kB.
fn oru() -> Vec<u8> {
    let mut message = String::from(
        "MSH|^~\\&|LAB7|GENERAL^1.2.3.4^ISO|HILUM|CLINIC|20240305101500+0100||ORU^R01^ORU_R01|MSG00001|P|2.5.1|||AL|NE\r\
         PID|1||9432^^^GENERAL&1.2.3.4&ISO^MR~999-99^^^SSA^SS||DOE^JANE^Q^^MS||19700203|F||2106-3|12 MAIN ST^^TOWN^ST^12345||555-0100\r\
         PV1|1|I|WARD2^201^A^GENERAL||||1234^SMITH^JOHN^^^DR|||MED||||ADM|||1234^SMITH^JOHN^^^DR|IN|V1001^^^GENERAL^VN\r\
         ORC|RE|PL123^CPOE|FL456^LAB7||CM||||20240305080000|||1234^SMITH^JOHN^^^DR\r\
         OBR|1|PL123^CPOE|FL456^LAB7|24323-8^Comprehensive metabolic panel^LN|||20240305073000|||||||||1234^SMITH^JOHN^^^DR||||||20240305101000||CH|F\r",
    );
    for set_id in 1..=20 {
        message.push_str(&format!(
            "OBX|{set_id}|NM|{}-{}^Analyte number {set_id} in serum or plasma^LN^L{set_id}^LOCAL^99LAB||{}.{set_id}|mmol/L^^UCUM|3.5-5.1|N|||F|||20240305094500\r",
            2000 + set_id,
            set_id % 10,
            set_id * 3,
        ));
    }
    message.into_bytes()
}

#[divan::bench]
fn parse_oru_r01_of_20_obx(bencher: Bencher) {
    let (bytes, options) = (oru(), Options::default());
    let counted = bencher.counter(BytesCount::new(bytes.len())).counter(ItemsCount::new(1usize));
    counted.bench(|| Message::parse(divan::black_box(&bytes), &options).expect("well formed"));
}

#[divan::bench]
fn parse_and_read_every_component(bencher: Bencher) {
    let (bytes, options) = (oru(), Options::default());
    bencher.counter(ItemsCount::new(1usize)).bench(|| {
        let parsed = Message::parse(divan::black_box(&bytes), &options).expect("well formed");
        let mut length = 0;
        for segment in parsed.message.segments() {
            for field in segment.fields() {
                for repetition in field.repetitions() {
                    length += repetition.components().map(|component| component.text().len()).sum::<usize>();
                }
            }
        }
        length
    });
}

#[divan::bench]
fn parse_header_fields(bencher: Bencher) {
    let (bytes, options) = (oru(), Options::default());
    let parsed = Message::parse(&bytes, &options).expect("well formed");
    bencher.counter(ItemsCount::new(1usize)).bench(|| parsed.message.header().control_id.len());
}

#[divan::bench]
fn decode_100_frames(bencher: Bencher) {
    let stream = encode(&oru()).repeat(100);
    bencher.counter(ItemsCount::new(100usize)).bench(|| {
        let (mut decoder, mut events) = (Decoder::new(Default::default()), Vec::new());
        for read in stream.chunks(16 << 10) {
            decoder.decode(read, &mut events);
        }
        events.len()
    });
}
