//! The sender against peers that answer wrongly, late, twice, not at all, or hardly in the protocol.

use super::*;

/// Of the paused clock: nobody waits for it.
const LIMIT: Duration = Duration::from_secs(30);

/// A peer of whom each word is written down before: what it says to each message that it receives.
async fn exchange(message: &str, replies: &'static [&'static [u8]]) -> Result<Exchange, Failure> {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let peer = tokio::spawn(async move {
        let mut buffer = [0; 1 << 12];
        for reply in replies {
            let read = theirs.read(&mut buffer).await.expect("readable");
            assert!(read > 0, "sender left before reply");
            theirs.write_all(reply).await.expect("writable");
        }
        theirs
    });
    let result = Client::over(ours).exchange(message.as_bytes(), LIMIT).await;
    drop(peer.await);
    result
}

const ORIGINAL: &str = "MSH|^~\\&|A|B|C|D|20260102||ADT^A01|77|P|2.5\r";
const ENHANCED: &str = "MSH|^~\\&|A|B|C|D|20260102||ADT^A01|77|P|2.5|||AL|AL\r";
const SAFE_ONLY: &str = "MSH|^~\\&|A|B|C|D|20260102||ADT^A01|77|P|2.5|||AL|NE\r";
const ON_ERROR: &str = "MSH|^~\\&|A|B|C|D|20260102||ADT^A01|77|P|2.5|||ER|NE\r";
const NO_ANSWER: &str = "MSH|^~\\&|A|B|C|D|20260102||ADT^A01|77|P|2.5|||NE|NE\r";

/// What one message came to: its answers' codes, `+` or `-` for accepted, and what was passed over; or the failure.
fn told(result: &Result<Exchange, Failure>) -> String {
    match result {
        Ok(exchange) => {
            let codes: Vec<_> = exchange.answers.iter().map(|(_, ack)| ack.code.as_str()).collect();
            format!("{}{} {}", if exchange.is_accepted() { '+' } else { '-' }, codes.join(","), exchange.passed_over)
        }
        Err(Failure::Late { passed_over }) => format!("late {passed_over}"),
        Err(Failure::Line(_)) => "line".to_owned(),
        Err(other) => other.to_string(),
    }
}

#[tokio::test(start_paused = true)]
async fn one_message() {
    let cases: &[(&str, &str, &'static [&'static [u8]], &str)] = &[
        ("plain", ORIGINAL, &[b"\x0bMSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AA|77\r\x1c\r"], "+AA 0"),
        ("fault", ORIGINAL, &[b"\x0bMSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AE|77\rERR||PID^1^3\r\x1c\r"], "-AE 0"),
        ("reject", ORIGINAL, &[b"\x0bMSH|^~\\&\rMSA|AR|77\r\x1c\r"], "-AR 0"),
        ("line feeds", ORIGINAL, &[b"\x0bMSH|^~\\&|||||||ACK|1|P|2.5\nMSA|AA|77\n\x1c\r"], "+AA 0"),
        ("no header", ORIGINAL, &[b"\x0bMSA|AA|77\x1c\r"], "+AA 0"),
        ("no trailer", ORIGINAL, &[b"\x0bMSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AA|77\r\x1c"], "+AA 0"),
        ("no envelope", ORIGINAL, &[b"MSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AA|77\r"], "+AA 0"),
        ("lower case", ORIGINAL, &[b"\x0bMSH|^~\\&\rMSA|aa| 77 \r\x1c\r"], "+AA 0"),
        ("another's, then ours", ORIGINAL, &[b"\x0bMSA|AA|76\x1c\r\x0bMSA|AE|77\x1c\r"], "-AE 1"),
        ("only another's", ORIGINAL, &[b"\x0bMSA|AA|76\x1c\r"], "late 1"),
        ("for nobody", ORIGINAL, &[b"\x0bMSA|AA|\x1c\r"], "late 1"),
        ("a bare line feed", ORIGINAL, &[b"\n"], "late 0"),
        ("a message instead", ORIGINAL, &[b"\x0bMSH|^~\\&|A|B|C|D|2026||ADT^A08|77|P|2.5\r\x1c\r"], "late 1"),
        ("silence", ORIGINAL, &[b""], "late 0"),
        ("CA to original mode", ORIGINAL, &[b"\x0bMSA|CA|77\x1c\r"], "+CA 0"),
        ("CA and AA", ENHANCED, &[b"\x0bMSA|CA|77\x1c\r\x0bMSA|AA|77\x1c\r"], "+CA,AA 0"),
        ("CA and AE", ENHANCED, &[b"\x0bMSA|CA|77\x1c\r\x0bMSA|AE|77\x1c\r"], "-CA,AE 0"),
        ("CA is not AA", ENHANCED, &[b"\x0bMSA|CA|77\x1c\r"], "late 0"),
        ("AA without CA", ENHANCED, &[b"\x0bMSA|AA|77\x1c\r"], "+AA 0"),
        ("CE ends it", ENHANCED, &[b"\x0bMSA|CE|77\x1c\r"], "-CE 0"),
        ("CA is enough", SAFE_ONLY, &[b"\x0bMSA|CA|77\x1c\r"], "+CA 0"),
        ("CR ends it", SAFE_ONLY, &[b"\x0bMSA|CR|77\x1c\r"], "-CR 0"),
        ("silence is consent", ON_ERROR, &[b""], "+ 0"),
        ("only errors speak", ON_ERROR, &[b"\x0bMSA|CE|77\x1c\r"], "-CE 0"),
        ("none wanted", NO_ANSWER, &[b""], "+ 0"),
    ];
    for (name, message, replies, expected) in cases {
        let result = exchange(message, replies).await;
        assert_eq!(told(&result), *expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_twice_or_late_is_not_the_next_ones() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let peer = tokio::spawn(async move {
        let mut buffer = [0; 1 << 12];
        // To the first message twice; the second copy waits in the line when the second message is sent.
        for reply in [&b"\x0bMSA|AA|1\x1c\r\x0bMSA|AA|1\x1c\r"[..], b"\x0bMSA|AE|2\x1c\r"] {
            let _ = theirs.read(&mut buffer).await.expect("readable");
            theirs.write_all(reply).await.expect("writable");
        }
    });
    let mut client = Client::over(ours);
    let mut send = async |id: &str| {
        let message = ORIGINAL.replace("77", id);
        told(&client.exchange(message.as_bytes(), LIMIT).await)
    };
    assert_eq!(send("1").await, "+AA 0");
    assert_eq!(send("2").await, "-AE 1");
    peer.await.expect("the peer said all it had");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_without_an_answer_is_a_failed_line() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let peer = tokio::spawn(async move {
        let mut buffer = [0; 1 << 12];
        let _ = theirs.read(&mut buffer).await.expect("readable");
        theirs.write_all(b"\x0bMSH|^~\\&|half").await.expect("writable");
    });
    let result = Client::over(ours).exchange(ORIGINAL.as_bytes(), LIMIT).await;
    assert_eq!(told(&result), "line");
    peer.await.expect("the peer left");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_is_not_sent() {
    let (ours, mut theirs) = tokio::io::duplex(64);
    let mut client = Client::over(ours);
    let result = client.exchange(b"PID|1", LIMIT).await;
    assert!(matches!(result, Err(Failure::Message(_))), "{result:?}");
    drop(client);
    let mut sent = Vec::new();
    theirs.read_to_end(&mut sent).await.expect("readable");
    assert!(sent.is_empty());
}
