//! What all commands share that ask a running server: whom they reach, and what an answer comes to.

use std::path::{Path, PathBuf};

use outbound::{Address, Client, Limits};
use serde_json::Value;

use super::{Failure, Output};
use crate::config::Flags;

/// Whom to ask, and how to say what is answered.
#[derive(clap::Args)]
pub struct Where {
    /// The running server; by default the configuration's http.listen
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The configuration; `hilum.toml` where none is given and one is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    pub output: Option<Output>,
}

impl Where {
    pub async fn client(&self) -> Result<Client, Failure> {
        client(self.server.as_deref(), self.config.as_deref()).await
    }
}

/// A client of the server at this address, or of the one that the configuration listens as. Commands reach servers on this
/// machine only.
pub async fn client(server: Option<&str>, config: Option<&Path>) -> Result<Client, Failure> {
    let url = match server {
        Some(url) => url.to_owned(),
        None => {
            let config = super::config::load(&Flags { file: config.map(Path::to_owned), set: Vec::new() })?;
            format!("http://{}", config.http.listen)
        }
    };
    let address = Address::find(&url, &outbound::loopback()).await.map_err(unreachable)?;
    Ok(Client::new(address, Limits::default()))
}

/// The body of a good answer; of another one what its outcome says.
pub fn answer(answer: Result<outbound::Answer, outbound::Failure>) -> Result<Vec<u8>, Failure> {
    let answer = answer.map_err(unreachable)?;
    if answer.status < 400 {
        return Ok(answer.body);
    }
    let outcome = fhir::json::read(&answer.body).ok();
    let issue = outcome.as_ref().and_then(|outcome| outcome.object.items("issue").first()?.as_object());
    let said = issue.and_then(|issue| issue.str("diagnostics")).unwrap_or("no reason was given");
    let text = format!("the server answers {}: {said}", answer.status);
    Err(if answer.status < 500 { Failure::Input(text) } else { Failure::System(text) })
}

pub fn value(body: Vec<u8>) -> Result<Value, Failure> {
    serde_json::from_slice(&body).map_err(|_| Failure::System("the server's answer is not understood".to_owned()))
}

/// A value as a cell has it.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An address that cannot be is the caller's fault, a server that does not answer the system's.
pub fn unreachable(failure: outbound::Failure) -> Failure {
    match failure {
        outbound::Failure::BadAddress(_) | outbound::Failure::NotAllowed(_) => Failure::Usage(failure.to_string()),
        _ => Failure::System(failure.to_string()),
    }
}
