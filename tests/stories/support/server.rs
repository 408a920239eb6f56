//! A running `hilum serve` of a story's own: its directory, its ports, its log, its end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::PATIENCE;
use super::cli::{Ran, hilum, program};
use super::directory::Directory;
use super::http::{Fhir, ask};
use super::mllp::Line;

/// A source that takes any facility from this machine, with a zone: what most stories need.
pub const WARD: &str = r#"
    [[source]]
    name = "ward"
    mllp = "127.0.0.1:0"
    http = true
    peers = ["127.0.0.0/8"]
    facilities = ["*"]
    zone = "Europe/Berlin"
"#;

pub struct Hilum {
    directory: Directory,
    arguments: Vec<String>,
    process: Option<Process>,
}

struct Process {
    child: Child,
    /// Each MLLP listener in the order of the configuration.
    mllp: Vec<String>,
    http: String,
    log: Arc<Mutex<String>>,
    lines: Receiver<String>,
}

impl Hilum {
    /// With the source [`WARD`].
    pub fn start() -> Hilum {
        Hilum::configured(WARD)
    }

    /// With these sources and settings; `[http]` and `[store]` are taken care of.
    pub fn configured(configuration: &str) -> Hilum {
        Hilum::with_http("", configuration)
    }

    /// The same with lines of `[http]`.
    pub fn with_http(http: &str, configuration: &str) -> Hilum {
        let directory = Directory::new();
        let data = directory.join("data").display().to_string();
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\nopen_on_loopback = true\n{http}\n\n[store]\ndata = {data:?}\n\n{configuration}"
        );
        let file = directory.write("hilum.toml", text);
        Hilum::run(directory, vec!["serve".to_owned(), "--config".to_owned(), file.display().to_string()])
    }

    /// With these arguments, in a directory of its own.
    pub fn with_arguments(directory: Directory, arguments: &[&str]) -> Hilum {
        Hilum::run(directory, arguments.iter().map(|&argument| argument.to_owned()).collect())
    }

    fn run(directory: Directory, arguments: Vec<String>) -> Hilum {
        let mut hilum = Hilum { directory, arguments, process: None };
        hilum.start_again();
        hilum
    }

    /// Over the same data. The ports are others.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs");
        self.process = Some(Process::start(&self.arguments, &self.directory));
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    /// A line to the first listener.
    pub fn line(&self) -> Line {
        Line::connect(self.mllp(0))
    }

    /// The address of a listener.
    pub fn mllp(&self, number: usize) -> &str {
        &self.process().mllp[number]
    }

    /// `http://127.0.0.1:NNNN`, without a path.
    pub fn http(&self) -> String {
        format!("http://{}", self.process().http)
    }

    pub fn fhir(&self) -> Fhir {
        Fhir { base: format!("{}/fhir", self.http()) }
    }

    pub fn pid(&self) -> u32 {
        self.process().child.id()
    }

    /// What it printed so far, on both streams.
    pub fn log(&self) -> String {
        self.process().log.lock().expect("no reader panics").clone()
    }

    /// Waits until a line that contains this was printed.
    pub fn wait_for(&self, text: &str, patience: Duration) {
        let end = Instant::now() + patience;
        while !self.log().contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            if self.process().lines.recv_timeout(left).is_err() && !self.log().contains(text) {
                panic!("hilum never printed {text:?}:\n{}", self.log());
            }
        }
    }

    /// Stored messages, newest first, narrowed by a query such as `outcome=parked`.
    pub fn messages(&self, query: &str) -> Vec<Value> {
        let listing = ask("GET", &format!("{}/hilum/messages?limit=1000&{query}", self.http()), &[], &[]);
        assert_eq!(listing.status, 200, "{}", listing.text);
        listing.json()["messages"].as_array().expect("a list").clone()
    }

    pub fn parked(&self) -> Vec<Value> {
        self.messages("outcome=parked")
    }

    /// All that is known of the newest message.
    pub fn newest(&self) -> Value {
        let newest = self.messages("").into_iter().next().expect("a message came");
        ask("GET", &format!("{}/hilum/messages/{}", self.http(), newest["id"]), &[], &[]).json()
    }

    /// Waits until so many bytes were read over MLLP since the start.
    pub fn has_read(&self, bytes: usize) {
        let end = Instant::now() + PATIENCE;
        let read = || {
            let metrics = ask("GET", &format!("{}/metrics", self.http()), &[], &[]).text;
            let counts = metrics.lines().filter(|line| line.starts_with("hilum_mllp_bytes_total{"));
            counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum::<usize>()
        };
        while read() < bytes {
            assert!(Instant::now() < end, "{bytes} bytes were never read");
        }
    }

    /// A command that acts on this server.
    pub fn command(&self, arguments: &[&str]) -> Ran {
        hilum(&[arguments, &["--server", &self.http()]].concat())
    }

    /// SIGKILL, as when the power fails.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.child.kill().and_then(|()| process.child.wait()).expect("our own child");
    }

    /// SIGTERM, without waiting.
    pub fn ask_to_stop(&self) {
        let told = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.pid())]).status();
        assert!(told.expect("sh runs").success(), "the process is there");
    }

    /// SIGTERM, and its end; with all that it printed.
    pub fn stop(&mut self) -> (ExitStatus, String) {
        self.ask_to_stop();
        self.end()
    }

    /// Waits for its end.
    pub fn end(&mut self) -> (ExitStatus, String) {
        let mut process = self.process.take().expect("it runs");
        loop {
            match process.lines.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = process.child.kill();
                    panic!("it does not end");
                }
            }
        }
        let status = process.child.wait().expect("our own child");
        let log = process.log.lock().expect("no reader panics").clone();
        (status, log)
    }
}

impl Drop for Hilum {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let _ = process.child.kill().and_then(|()| process.child.wait());
        if thread::panicking() {
            eprintln!("--- what hilum printed:\n{}", process.log.lock().expect("no reader panics"));
        }
    }
}

impl Process {
    fn start(arguments: &[String], directory: &Directory) -> Process {
        let mut child = Command::new(program())
            .args(arguments)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("hilum starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (tell, lines) = channel();
        follow(child.stdout.take().expect("piped"), &log, tell.clone());
        follow(child.stderr.take().expect("piped"), &log, tell);
        let ready = loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) if line.starts_with("hilum: http=") => break line,
                Ok(_) => {}
                Err(_) => {
                    let _ = child.kill();
                    panic!("hilum is not ready:\n{}", log.lock().expect("no reader panics"));
                }
            }
        };
        let words =
            |key: &str| ready.split_whitespace().filter_map(|word| word.strip_prefix(key)).map(str::to_owned).collect();
        let http: Vec<String> = words("http=");
        Process { child, mllp: words("mllp="), http: http.into_iter().next().expect("an address"), log, lines }
    }
}

/// Keeps what a stream says, line by line, until its end.
fn follow(stream: impl Read + Send + 'static, log: &Arc<Mutex<String>>, lines: Sender<String>) {
    let log = log.clone();
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line).into_owned();
            log.lock().expect("no other panics").push_str(&format!("{line}\n"));
            // Nobody may be waiting any more.
            let _ = lines.send(line);
        }
    });
}
