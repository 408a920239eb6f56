//! `hilum send`: sends the messages of a file over MLLP and prints the answers.
//!
//! Messages go as they stand in the file, one after the other, each after the answer to the one before it; where an answer
//! does not come, the rest is not sent, because order matters. Nothing is sent a second time by itself.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use hl7v2::{Message, Options, batch};

use super::Failure;
use crate::mllp::tls::{self, ClientFiles};
use crate::mllp::{self, Client, Exchange};
use crate::terminal;

#[derive(clap::Args)]
pub struct Args {
    /// The receiver, such as 127.0.0.1:2575.
    #[arg(value_name = "ADDR")]
    address: String,
    /// One message, several, or a batch; - is standard input.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Speak TLS.
    #[arg(long)]
    tls: bool,
    /// Who signs the receiver's certificate, in PEM; implies --tls.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Our certificate for a receiver that asks for one, in PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The key of --cert.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Seconds to wait for each answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: u64,
    /// How many times to send the whole file.
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    repeat: u32,
}

/// More is read by `hilum import`.
const FILE_BYTES_MAX: u64 = 1 << 30;

pub fn run(args: Args) -> Result<(), Failure> {
    let bytes = read(&args.file)?;
    let split = batch::split(&bytes, &Options::default().limits);
    let file = split.map_err(|fault| Failure::Input(format!("{}: {fault}", args.file.display())))?;
    file.issues.iter().for_each(|issue| terminal::say(format_args!("{}: {issue}", args.file.display())));
    if file.members.is_empty() {
        return Err(Failure::Input(format!("{}: no message in it: it has no MSH segment", args.file.display())));
    }
    let messages: Vec<&[u8]> = file.members.iter().map(|member| member.bytes).collect();
    super::runtime()?.block_on(send(&args, &messages))
}

async fn send(args: &Args, messages: &[&[u8]]) -> Result<(), Failure> {
    let lost = |failure: mllp::Failure| Failure::System(format!("{}: {failure}", args.address));
    let limit = Duration::from_secs(args.timeout);
    let tls = tls_files(args).map(|files| tls::connector(&files)).transpose().map_err(Failure::Usage)?;
    let mut client = Client::connect(&args.address, tls.as_ref(), limit).await.map_err(lost)?;
    let mut refused = 0;
    for _ in 0..args.repeat {
        for message in messages {
            let exchange = client.exchange(message, limit).await.map_err(lost)?;
            print(&exchange);
            refused += usize::from(!exchange.is_accepted());
        }
    }
    let sent = messages.len() * args.repeat as usize;
    match refused {
        0 => Ok(()),
        _ => Err(Failure::Input(format!("{}: {refused} of {sent} messages were not accepted", args.address))),
    }
}

fn tls_files(args: &Args) -> Option<ClientFiles> {
    let identity = args.cert.clone().zip(args.key.clone());
    let asked = args.tls || args.ca.is_some() || identity.is_some();
    asked.then(|| ClientFiles { ca: args.ca.clone().unwrap_or_else(|| tls::SYSTEM_CA.into()), identity })
}

fn read(file: &PathBuf) -> Result<Vec<u8>, Failure> {
    let at = |why: io::Error| Failure::Input(format!("{}: {why}", file.display()));
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        io::stdin().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(at)?;
    } else {
        fs::File::open(file).map_err(at)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(at)?;
    }
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Failure::Input(format!("{}: more than {FILE_BYTES_MAX} bytes: split it", file.display())));
    }
    Ok(bytes)
}

/// The answers, a segment a line.
fn print(exchange: &Exchange) {
    if exchange.passed_over > 0 {
        terminal::say(format_args!(
            "{} frames were no answer to this message and were passed over",
            exchange.passed_over
        ));
    }
    for (bytes, _) in &exchange.answers {
        let parsed = Message::parse(bytes, &Options::default());
        let text = parsed
            .map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), |parsed| parsed.message.text().to_owned());
        for line in text.split(['\r', '\n']).filter(|line| !line.trim().is_empty()) {
            terminal::out(format_args!("{}", line.replace(char::is_control, " ")));
        }
    }
}
