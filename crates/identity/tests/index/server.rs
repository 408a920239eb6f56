//! A Redis of one test: on a free port of this machine, keeping nothing, ended with the test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Server {
    child: Child,
    port: u16,
    dir: PathBuf,
}

impl Server {
    /// None, and it says so, where there is no redis-server on this machine.
    pub fn start() -> Option<Server> {
        Server::with(&[])
    }

    /// With more arguments.
    pub fn with(more: &[&str]) -> Option<Server> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hilum-redis-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        // Somebody else may take the port between the look and the start.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let Ok(child) = launch(port, &dir, more) else {
                std::io::Write::write_all(&mut std::io::stderr(), b"skipped: no redis-server on this machine\n")
                    .unwrap();
                return None;
            };
            if let Some(child) = ready(child) {
                return Some(Server { child, port, dir });
            }
        }
        panic!("redis-server does not start");
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// A client of the test's own.
    pub fn client(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, empty, with more arguments.
    pub fn restart(&mut self, more: &[&str]) {
        self.child = ready(launch(self.port, &self.dir, more).unwrap()).expect("the port is still free");
    }

    pub fn dir(&self) -> &std::path::Path {
        &self.dir
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn launch(port: u16, dir: &std::path::Path, more: &[&str]) -> std::io::Result<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(dir);
    // The sealed registrations are longer than the 64 bytes up to which a hash is packed otherwise.
    command.args(["--hash-max-listpack-value", "1024"]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// Waits until it takes connections; none where it ended.
fn ready(mut child: Child) -> Option<Child> {
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        if line.contains("Ready to accept connections") {
            // Whatever it says later has to go somewhere.
            std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
            return Some(child);
        }
        line.clear();
    }
    child.wait().unwrap();
    None
}
