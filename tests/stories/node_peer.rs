//! Peers that nobody here wrote: the npm packages node-hl7-client and node-hl7-server, at either end of MLLP.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::cli::{hilum, run};
use crate::support::directory::Directory;
use crate::support::message::{adt, id_of, oru};
use crate::support::server::Hilum;
use crate::support::{skip, tree};

/// Node with the packages that `tests/run` installed, running one of our scripts; None after saying why not.
fn node(script: &str) -> Option<Command> {
    let home = std::env::var_os("HILUM_NODE_PEERS").map(PathBuf::from);
    let modules = home.map(|home| home.join("node_modules")).filter(|modules| modules.join("node-hl7-server").is_dir());
    let Some(modules) = modules else {
        skip("node-hl7-client and node-hl7-server are not installed; tests/run installs them");
        return None;
    };
    let mut command = Command::new("node");
    command.arg(tree::root().join("tests/stories/node").join(script)).env("NODE_PATH", modules);
    Some(command)
}

#[test]
fn a_foreign_client_sends_to_hilum() {
    let Some(mut node) = node("client.js") else { return };
    let hilum = Hilum::start();
    let messages = [
        adt(
            "A01",
            "20260301",
            "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F\nPV1|1|I|WEST||||||||||||||||V1^^^NORTH",
        ),
        oru(
            "20260301",
            "PID|1||40017^^^NORTH^MR||Maran^Ilse\nOBR|1||F1^LAB|NA^Sodium^L|||20260301||||||||||||||||||F\nOBX|1|NM|NA^Sodium^L||140|mmol/L|||||F",
        ),
        adt(
            "A03",
            "20260302",
            "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F\nPV1|1|I|WEST||||||||||||||||V1^^^NORTH",
        ),
    ];
    let texts: Vec<_> = messages.iter().map(|message| json!(String::from_utf8_lossy(message))).collect();
    let (host, port) = hilum.mllp(0).rsplit_once(':').expect("host:port");
    node.args([host, port]);
    let answers = run(node, json!(texts).to_string().as_bytes()).done().out;
    let expected: Vec<String> = messages.iter().map(|message| format!("AA {}", id_of(message))).collect();
    assert_eq!(answers.lines().collect::<Vec<_>>(), expected);
    hilum.fhir().expect("Encounter?identifier=V1", &json!({ "status": "finished" }));
    assert_eq!(hilum.fhir().one_of("Observation", "40017")["status"], "final");
}

/// Their server while a story lasts.
struct Listening(Child);

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Starts their server on a free port, answering with this code.
fn listening(mut node: Command, code: &str) -> (Listening, String) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let child =
        node.args([&port.to_string(), code]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
    let mut listening = Listening(child);
    let mut ready = String::new();
    let stdout = listening.0.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut ready).expect("it speaks");
    assert_eq!(ready.trim(), "listening");
    (listening, format!("127.0.0.1:{port}"))
}

fn send(address: &str, file: &Path) -> crate::support::cli::Ran {
    hilum(&["send", address, file.to_str().expect("UTF-8"), "--timeout", "20"])
}

#[test]
fn hilum_sends_to_a_foreign_server() {
    let directory = Directory::new();
    let message = adt("A28", "20260301", "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F");
    let file = directory.write("one.hl7", &message);
    for (code, exit) in [("AA", 0), ("AE", 1), ("AR", 1)] {
        let Some(node) = node("server.js") else { return };
        let (_listening, address) = listening(node, code);
        let ran = send(&address, &file);
        assert_eq!(ran.code, exit, "{code}: {ran:?}");
        assert!(ran.out.contains(&format!("MSA|{code}|{}", id_of(&message))), "{ran:?}");
    }
}
