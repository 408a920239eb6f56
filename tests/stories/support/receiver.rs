//! Somebody who is notified: an HTTP server that keeps what it is sent, and answers as well or badly as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Channel, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use super::PATIENCE;

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Takes,
    /// This status, with `Retry-After: 0`.
    Answers(u16),
    /// It reads, and closes.
    HangsUp,
    /// It reads, and says nothing until it has another manner.
    IsSilent,
    /// It answers 200 with gigabytes.
    Floods,
    /// It sends elsewhere.
    Redirects,
}

/// What was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// How it was answered.
    pub manner: Manner,
}

pub struct Receiver {
    pub address: String,
    manner: Arc<Mutex<Manner>>,
    sent: Channel<Sent>,
}

impl Receiver {
    pub fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let manner = Arc::new(Mutex::new(Manner::Takes));
        let (tell, sent) = channel();
        let shared = manner.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (manner, tell) = (shared.clone(), tell.clone());
                thread::spawn(move || serve(stream, &manner, &tell));
            }
        });
        Receiver { address, manner, sent }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().expect("no holder panics") = manner;
    }

    /// What comes next, however it was answered.
    pub fn next(&self) -> Sent {
        self.sent.recv_timeout(PATIENCE).expect("something is sent")
    }

    /// The next that was taken.
    pub fn taken(&self) -> Sent {
        loop {
            let sent = self.next();
            if sent.manner == Manner::Takes {
                return sent;
            }
        }
    }

    /// What has come and was not asked for yet.
    pub fn rest(&self) -> Vec<Sent> {
        self.sent.try_iter().collect()
    }
}

impl Sent {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(of, _)| of.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// A parameter of the notification's status.
    pub fn parameter(&self, name: &str) -> Value {
        parameter(&self.json(), name)
    }

    /// The numbers of the events that it tells of.
    pub fn numbers(&self) -> Vec<u64> {
        numbers(&self.json())
    }
}

/// A parameter of a notification's status, its one value.
pub fn parameter(bundle: &Value, name: &str) -> Value {
    let parameters = bundle["entry"][0]["resource"]["parameter"].as_array().expect("a status").iter();
    let found = parameters.filter(|of| of["name"] == name).flat_map(|of| of.as_object().expect("a parameter"));
    found.filter(|(name, _)| name.starts_with("value")).map(|(_, value)| value.clone()).next().unwrap_or(Value::Null)
}

/// The numbers of the events that a notification tells of.
pub fn numbers(bundle: &Value) -> Vec<u64> {
    let parameters = bundle["entry"][0]["resource"]["parameter"].as_array().expect("a status").iter();
    let events = parameters.filter(|of| of["name"] == "notification-event");
    let number = |of: &Value| {
        let parts = of["part"].as_array().expect("parts").iter();
        let number = parts.filter(|part| part["name"] == "event-number").map(|part| part["valueString"].clone()).next();
        number.expect("a number").as_str().expect("a string").parse().expect("a number")
    };
    events.map(number).collect()
}

fn serve(stream: TcpStream, manner: &Mutex<Manner>, tell: &Sender<Sent>) {
    let mut reader = BufReader::new(stream);
    while let Some(sent) = read(&mut reader, manner) {
        let how = sent.manner;
        // The story may be over.
        let _ = tell.send(sent);
        let answer = match how {
            Manner::Takes => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
            Manner::Answers(status) => {
                format!("HTTP/1.1 {status} No\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n")
            }
            Manner::Redirects => "HTTP/1.1 307 There\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_owned(),
            Manner::Floods => {
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n";
                let _ = reader.get_mut().write_all(head.as_bytes());
                while reader.get_mut().write_all(&[b'x'; 4_096]).is_ok() {}
                return;
            }
            Manner::HangsUp => return,
            Manner::IsSilent => {
                // Until the other side gives up.
                let _ = reader.read_exact(&mut [0]);
                return;
            }
        };
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>, manner: &Mutex<Manner>) -> Option<Sent> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let header = line()?;
        match header.split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().expect("a number"))];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).expect("UTF-8");
    let manner = *manner.lock().expect("no holder panics");
    Some(Sent { method, path, headers, body, manner })
}
