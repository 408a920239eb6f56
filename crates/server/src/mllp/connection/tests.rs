//! Conversations over a pipe, with an intake that answers what it got, and a clock that runs only when everybody waits.

use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::*;

/// Our end of a conversation that is going on.
struct Peer {
    line: DuplexStream,
    taken: Arc<Mutex<Vec<String>>>,
    count: Arc<Count>,
    drain: watch::Sender<bool>,
    held: JoinHandle<End>,
}

/// An intake that answers every message with `<` and its text, and needs a second for it.
fn call(limits: Limits) -> Peer {
    let (line, mut stream) = duplex(1 << 10);
    let (taken, count) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Count::of("ward")));
    let (drain, mut draining) = watch::channel(false);
    let seen = taken.clone();
    let take: Take = Arc::new(move |_, bytes| {
        let seen = seen.clone();
        Box::pin(async move {
            let text = String::from_utf8(bytes).expect("tests send ASCII");
            tokio::time::sleep(Duration::from_secs(1)).await;
            seen.lock().expect("no test panics in it").push(text.clone());
            vec![format!("<{text}").into_bytes()]
        })
    });
    let terms =
        Terms { source: "ward".into(), peer: "10.0.0.1".into(), limits: Arc::new(limits), count: count.clone(), take };
    let held = tokio::spawn(async move { hold(&mut stream, &terms, &mut draining).await });
    Peer { line, taken, count, drain, held }
}

impl Peer {
    async fn send(&mut self, bytes: &[u8]) {
        self.line.write_all(bytes).await.expect("the pipe is open");
    }

    /// What comes back until the other side closes, frames shown as `[…]`.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        self.line.read_to_end(&mut bytes).await.expect("readable");
        shown(&bytes)
    }

    async fn one(&mut self) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\x1c\r") {
            bytes.push(self.line.read_u8().await.expect("an answer comes"));
        }
        shown(&bytes)
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().expect("no test panics in it").clone()
    }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\x1c\r", "]").replace('\x0b', "[")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn pipelined_frames_are_answered_in_order() {
    let mut peer = call(Limits::default());
    peer.send(b"\x0bone\x1c\r\x0btwo\x1c\r\x0bthr").await;
    peer.send(b"ee\x1c\r").await;
    peer.line.shutdown().await.expect("closable");
    assert_eq!(peer.rest().await, "[<one][<two][<three]");
    assert_eq!(peer.held.await.expect("no panic"), End::Left);
    assert_eq!((peer.count.frames.get(), peer.count.bytes.get()), (3, 20));
}

#[tokio::test(start_paused = true)]
async fn a_byte_at_a_time_is_fast_enough() {
    let mut peer = call(Limits::default());
    for byte in b"\x0bslow\x1c\r" {
        peer.send(&[*byte]).await;
        tokio::time::sleep(seconds(4)).await;
    }
    assert_eq!(peer.one().await, "[<slow]");
}

#[tokio::test(start_paused = true)]
async fn bytes_now_and_then_do_not_hold_a_frame_open() {
    let mut peer = call(Limits::default());
    peer.send(b"\x0bMSH|^~\\&|A|B|C|D|2026||ADT^A01|5|P|2.5\rPID").await;
    let began = tokio::time::Instant::now();
    let writer = async {
        // Until nobody reads it any more.
        while peer.line.write_all(b"x").await.is_ok() {
            tokio::time::sleep(seconds(5)).await;
        }
    };
    writer.await;
    assert!(began.elapsed() < seconds(40), "held for {:?}", began.elapsed());
    assert_eq!((&mut peer.held).await.expect("no panic"), End::Slow);
    assert_eq!(peer.count.refused(Refused::Slow), 1);
    assert!(peer.taken().is_empty(), "half a message was taken");
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_is_refused_by_its_name_when_time_is_up() {
    let mut peer = call(Limits::default());
    peer.send(b"\x0bMSH|^~\\&|A|B|C|D|2026||ADT^A01|5|P|2.5\rPID").await;
    let answer = peer.rest().await;
    assert!(answer.contains("MSA|AR|5|"), "{answer}");
    assert_eq!(peer.held.await.expect("no panic"), End::Slow);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_after_the_idle_time_only() {
    let mut peer = call(Limits::default());
    tokio::time::sleep(seconds(599)).await;
    peer.send(b"\x0bone\x1c\r").await;
    assert_eq!(peer.one().await, "[<one]");
    tokio::time::sleep(seconds(599)).await;
    peer.send(b"\x0btwo\x1c\r").await;
    assert_eq!(peer.one().await, "[<two]");
    let silent = tokio::time::Instant::now();
    assert_eq!(peer.rest().await, "");
    assert!(silent.elapsed() >= seconds(599), "closed after {:?}", silent.elapsed());
    assert_eq!(peer.held.await.expect("no panic"), End::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_frame_over_the_limit_is_refused_and_the_connection_lives() {
    let mut limits = Limits::default();
    limits.frame.frame_bytes_max = 100;
    let mut peer = call(limits);
    let long = format!("\x0bMSH|^~\\&|A|B|C|D|2026||ADT^A01|5|P|2.5\rPID|{}\x1c\r\x0bnext\x1c\r", "Q".repeat(5_000));
    peer.send(long.as_bytes()).await;
    let answer = peer.one().await;
    assert!(answer.contains("MSA|AR|5|") && answer.contains("\rERR|"), "{answer}");
    assert!(!answer.contains("QQQ"), "content came back");
    assert_eq!(peer.one().await, "[<next]");
    assert_eq!(peer.count.refused(Refused::Frame), 1);
}

#[tokio::test(start_paused = true)]
async fn bent_framing() {
    for (name, sent, expected) in [
        ("garbage between frames", &b"\x0bone\x1c\r%%%\x0btwo\x1c\r"[..], "[<one][<two]"),
        ("no CR after FS", b"\x0bone\x1c\x0btwo\x1c", "[<one][<two]"),
        ("NUL after FS", b"\x0bone\x1c\0\x0btwo\x1c\0", "[<one][<two]"),
        ("VT and FS doubled", b"\x0b\x0bMSH|\x1c\r\x1c\r", "[<MSH|]"),
        ("no envelope", b"MSH|one\rPID|\r", "[<MSH|one\rPID|\r]"),
        ("blanks only", b"\r\n\r\n", ""),
    ] {
        let mut peer = call(Limits::default());
        peer.send(sent).await;
        // The answers come without the sender closing: it waits for them.
        tokio::time::sleep(seconds(10)).await;
        peer.drain.send_replace(true);
        assert_eq!(peer.rest().await, expected, "{name}");
        assert_eq!(peer.held.await.expect("no panic"), End::Drained, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_holds_no_frame_is_refused_and_closed() {
    let utf16: Vec<u8> = "\x0bMSH|^~\\&|".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let http = b"GET / HTTP/1.1\r\nX: y\r\n".repeat(100);
    for (name, sent) in [("UTF-16", utf16), ("HTTP", http)] {
        let mut limits = Limits::default();
        limits.frame.garbage_bytes_max = 1_000;
        let mut peer = call(limits);
        peer.send(&sent).await;
        let answer = peer.rest().await;
        assert!(answer.contains("\rMSA|AR"), "{name}: {answer}");
        assert_eq!((&mut peer.held).await.expect("no panic"), End::Hopeless, "{name}");
        assert_eq!(peer.count.refused(Refused::Stream), 1, "{name}");
        assert!(peer.taken().is_empty(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn draining_finishes_and_answers_the_frame_in_hand() {
    let mut peer = call(Limits::default());
    peer.send(b"\x0bin ").await;
    tokio::time::sleep(seconds(2)).await;
    peer.drain.send_replace(true);
    peer.send(b"hand\x1c\r").await;
    assert_eq!(peer.rest().await, "[<in hand]");
    assert_eq!(peer.held.await.expect("no panic"), End::Drained);
}

#[tokio::test(start_paused = true)]
async fn draining_ends_an_empty_conversation_at_once() {
    let mut peer = call(Limits::default());
    let began = tokio::time::Instant::now();
    peer.drain.send_replace(true);
    assert_eq!(peer.rest().await, "");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_sender_left_is_finished() {
    let mut peer = call(Limits::default());
    peer.send(b"\x0bone\x1c\r").await;
    let Peer { line, taken, count, held, drain } = peer;
    drop(line);
    assert_eq!(held.await.expect("no panic"), End::Lost);
    assert_eq!(*taken.lock().expect("no test panics in it"), ["one"]);
    assert_eq!(count.unanswered.get(), 1);
    drop(drain);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_answers_is_left() {
    let mut peer = call(Limits::default());
    // Its answers fill the pipe of 1 KiB, because it reads none.
    let message = format!("\x0b{}\x1c\r", "x".repeat(700));
    peer.send(message.as_bytes()).await;
    peer.send(message.as_bytes()).await;
    let Peer { line, held, count, .. } = peer;
    assert_eq!(held.await.expect("no panic"), End::Lost);
    assert_eq!(count.unanswered.get(), 1);
    drop(line);
}

#[test]
fn a_large_frame_has_the_time_that_its_bytes_need() {
    let limits = Limits::default();
    assert_eq!(limits.frame_time(0), seconds(30));
    assert_eq!(limits.frame_time(16 << 10), seconds(31));
    assert_eq!(limits.frame_time(64 << 20), seconds(30 + 4_096));
}
