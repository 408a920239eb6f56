//! Reverse MLLP: we connect to a sender that listens, and then it sends as if it had connected to us.
//!
//! One conversation at a time. It is taken up again whenever it ended, after a rest that doubles up to a minute while the sender
//! cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tracing::{debug, warn};

use super::connection::{Take, Terms};
use super::count::{Count, Open, Refused};
use super::limits::Limits;
use super::listener::{begun, held};
use super::tls;
use crate::source::Connect;

/// Where to connect and on which terms.
pub struct Dialer {
    source: Arc<str>,
    address: String,
    tls: Option<TlsConnector>,
    limits: Arc<Limits>,
    count: Arc<Count>,
}

const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(60);

impl Dialer {
    /// Reads the certificates. An error says what is wrong and where.
    pub fn new(source: &str, connect: &Connect) -> Result<Dialer, String> {
        let tls = connect.tls.as_ref().map(tls::connector).transpose();
        Ok(Dialer {
            source: source.into(),
            address: connect.address.clone(),
            tls: tls.map_err(|fault| format!("source {source:?}: {fault}"))?,
            limits: Arc::new(connect.limits.clone()),
            count: Arc::new(Count::of(source)),
        })
    }

    pub fn count(&self) -> &Count {
        &self.count
    }

    /// Keeps the conversation up until `draining` is true; what is in hand then is finished within `drain`.
    pub async fn serve(self, take: Take, mut draining: watch::Receiver<bool>, drain: Duration) {
        let mut drained = draining.clone();
        let deadline = async move {
            begun(&mut drained).await;
            sleep(drain).await;
        };
        tokio::select! {
            () = self.keep_up(take, &mut draining) => {}
            () = deadline => warn!(source = %self.source, "conversation was cut off at the end of the drain; its sender will ask again"),
        }
    }

    async fn keep_up(&self, take: Take, draining: &mut watch::Receiver<bool>) {
        let terms = Terms {
            source: self.source.clone(),
            peer: self.address.as_str().into(),
            limits: self.limits.clone(),
            count: self.count.clone(),
            take,
        };
        let mut rest = REST_MIN;
        while !*draining.borrow() {
            if self.converse(&terms, draining).await {
                rest = REST_MIN;
            }
            tokio::select! {
                () = begun(draining) => return,
                () = sleep(rest) => rest = (rest * 2).min(REST_MAX),
            }
        }
    }

    /// One conversation; whether it came about.
    async fn converse(&self, terms: &Terms, draining: &watch::Receiver<bool>) -> bool {
        let connected = timeout(self.limits.handshake, TcpStream::connect(&self.address)).await;
        let stream = match connected {
            Ok(Ok(stream)) => stream,
            Ok(Err(fault)) => return self.failed(&fault.to_string()),
            Err(_) => return self.failed("no connection in time"),
        };
        if let Err(fault) = stream.set_nodelay(true) {
            debug!(source = %self.source, "answers may be delayed: {fault}");
        }
        let Some(connector) = &self.tls else {
            let _open = Open::of(&self.count);
            held(stream, terms, draining.clone()).await;
            return true;
        };
        let name = match tls::server_name(&self.address) {
            Ok(name) => name,
            Err(fault) => return self.failed(&fault),
        };
        match timeout(self.limits.handshake, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => {
                let _open = Open::of(&self.count);
                held(stream, terms, draining.clone()).await;
                true
            }
            Ok(Err(fault)) => self.failed_tls(&fault.to_string()),
            Err(_) => self.failed_tls("no handshake in time"),
        }
    }

    fn failed_tls(&self, fault: &str) -> bool {
        self.count.refuse(Refused::Tls);
        self.failed(fault)
    }

    fn failed(&self, fault: &str) -> bool {
        warn!(source = %self.source, peer = %self.address, "sender cannot be reached: {fault}");
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A sender that listens, hangs up after each message, and is called again.
    #[tokio::test]
    async fn the_sender_is_called_again_after_it_hung_up() {
        let sender = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let taken = Arc::new(Mutex::new(Vec::new()));
        let seen = taken.clone();
        let take: Take = Arc::new(move |_, bytes| {
            seen.lock().expect("no test panics in it").push(bytes);
            Box::pin(async { vec![b"MSA|AA".to_vec()] })
        });
        let address = sender.local_addr().expect("bound").to_string();
        let connect = Connect { address, tls: None, limits: Limits::default() };
        let dialer = Dialer::new("ward", &connect).expect("no certificates to read");
        let (drain, draining) = watch::channel(false);
        let kept = tokio::spawn(dialer.serve(take, draining, Duration::from_secs(5)));
        for message in [b"one", b"two"] {
            let (mut line, _) = sender.accept().await.expect("we are called");
            line.write_all(&hl7v2::mllp::encode(message)).await.expect("writable");
            let mut answer = [0; 9];
            line.read_exact(&mut answer).await.expect("an answer");
            assert_eq!(&answer, b"\x0bMSA|AA\x1c\r");
        }
        drain.send_replace(true);
        kept.await.expect("it ends with the drain");
        assert_eq!(*taken.lock().expect("no test panics in it"), [b"one".to_vec(), b"two".to_vec()]);
    }
}
