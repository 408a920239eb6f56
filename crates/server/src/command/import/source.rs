//! Where resources come from: files and addresses, read piece by piece into parcels.
//!
//! A file of one resource a line may have any size: a line is held at a time. A file of one document is held whole, so
//! it has a limit.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fhir::Issue;
use outbound::{Address, Client, Limits, Stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;

use super::parcel::{self, Collector, Content, Parcel};
use crate::command::Failure;

/// Files of one import, and directories within one another.
const FILES_MAX: usize = 1_000_000;
const DEPTH_MAX: usize = 32;
/// Of a file that is one document.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Of one resource in a file of many.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// An address that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(120);

pub enum Input {
    File(PathBuf),
    Url(String),
}

/// What a reader makes.
pub enum Made {
    Parcel(Parcel),
    /// Something that cannot be sent, and how many resources that are.
    Problem {
        text: String,
        resources: usize,
    },
    FileDone,
    /// Nothing more can be read.
    Stop(Failure),
}

/// What is to be read, in waves: all of one is in the server before the next begins.
pub fn find(from: &str) -> Result<Vec<Vec<Input>>, Failure> {
    if from.starts_with("http://") || from.starts_with("https://") {
        return Ok(vec![vec![Input::Url(from.to_owned())]]);
    }
    let path = Path::new(from);
    let about = fs::metadata(path).map_err(|why| Failure::Input(format!("cannot read {from}: {why}")))?;
    if !about.is_dir() {
        return Ok(vec![vec![Input::File(path.to_owned())]]);
    }
    let mut files = Vec::new();
    walk(path, 0, &mut files)?;
    if files.is_empty() {
        return Err(Failure::Input(format!("{from} holds no .json or .ndjson file")));
    }
    files.sort();
    let (first, rest): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_referred_to(file));
    let waves = [first, rest].map(|wave| wave.into_iter().map(Input::File).collect::<Vec<_>>());
    Ok(waves.into_iter().filter(|wave| !wave.is_empty()).collect())
}

/// Synthea's patients refer to these by conditional references, which find only what is there.
fn is_referred_to(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.contains("hospitalInformation") || name.contains("practitionerInformation")
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let trouble = |why: io::Error| Failure::Input(format!("cannot read {}: {why}", folder.display()));
    for entry in fs::read_dir(folder).map_err(trouble)? {
        let path = entry.map_err(trouble)?.path();
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        if path.is_dir() && depth < DEPTH_MAX {
            walk(&path, depth + 1, files)?;
        } else if path.is_file() && ending.is_some_and(|ending| ending == "json" || ending == "ndjson") {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(Failure::Input(format!("{} holds more than {FILES_MAX} files", folder.display())));
        }
    }
    Ok(())
}

/// Reads all inputs into the channel, until nobody takes from it any more.
pub fn read(inputs: &[Input], handle: &Handle, made: &Sender<Made>) {
    let mut reading = Reading { made, collector: Collector::default() };
    for input in inputs {
        let read = match input {
            Input::File(path) => reading.file(path),
            Input::Url(url) => reading.url(url, handle),
        };
        match read {
            Ok(()) => {}
            Err(End::Unwanted) => return,
            Err(End::Failed(failure)) => return drop(made.blocking_send(Made::Stop(failure))),
        }
    }
    // Where nobody listens any more, nothing is to be done.
    let _ = reading.flush();
}

/// Why reading ends early.
enum End {
    /// Nobody takes what is made.
    Unwanted,
    Failed(Failure),
}

struct Reading<'r> {
    made: &'r Sender<Made>,
    collector: Collector,
}

impl Reading<'_> {
    fn file(&mut self, path: &Path) -> Result<(), End> {
        let name = path.display().to_string();
        let lines = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ndjson"));
        match File::open(path) {
            Ok(file) => self.document_or_lines(&mut BufReader::with_capacity(1 << 20, file), &name, lines)?,
            Err(why) => self.problem(format!("cannot read {name}: {why}"), 0)?,
        }
        self.tell(Made::FileDone)
    }

    fn url(&mut self, url: &str, handle: &Handle) -> Result<(), End> {
        let stream = handle.block_on(open(url)).map_err(End::Failed)?;
        let lines = stream.media.contains("ndjson") || url.ends_with(".ndjson");
        let download = Download { stream, handle: handle.clone(), part: Vec::new(), at: 0 };
        self.document_or_lines(&mut BufReader::new(download), url, lines)?;
        self.tell(Made::FileDone)
    }

    fn document_or_lines(&mut self, from: &mut dyn BufRead, name: &str, lines: bool) -> Result<(), End> {
        let read = if lines { self.lines(from, name)? } else { self.document(from, name)? };
        match read {
            Ok(()) => Ok(()),
            Err(why) => Err(End::Failed(Failure::System(format!("cannot read {name} to its end: {why}")))),
        }
    }

    /// One resource a line; blank lines are passed over.
    fn lines(&mut self, from: &mut dyn BufRead, name: &str) -> Result<io::Result<()>, End> {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            match next_line(from, &mut line) {
                Err(why) => return Ok(Err(why)),
                Ok(Line::End) => break,
                Ok(Line::TooLong) => {
                    self.problem(format!("{name}:{number}: a line of more than {LINE_BYTES_MAX} bytes"), 1)?
                }
                Ok(Line::Whole) => {
                    let trimmed = line.trim_ascii();
                    if !trimmed.is_empty() {
                        self.line(trimmed, format!("{name}:{number}"))?;
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    fn line(&mut self, line: &[u8], place: String) -> Result<(), End> {
        let put = match fhir::json::read(line) {
            Ok(resource) => parcel::put(&resource.object, line.to_vec(), place.clone()),
            Err(issues) => Err(said(&issues)),
        };
        match put {
            Ok(put) => self.put(put),
            Err(text) => self.problem(format!("{place}: {text}"), 1),
        }
    }

    fn document(&mut self, from: &mut dyn BufRead, name: &str) -> Result<io::Result<()>, End> {
        let mut bytes = Vec::new();
        if let Err(why) = from.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes) {
            return Ok(Err(why));
        }
        if bytes.len() > DOCUMENT_BYTES_MAX {
            let text = format!("{name}: more than {DOCUMENT_BYTES_MAX} bytes; import it as .ndjson, a resource a line");
            self.problem(text, 1)?;
            return Ok(Ok(()));
        }
        let content = match fhir::json::read(&bytes) {
            Ok(resource) => parcel::content(&resource, &bytes, name),
            Err(issues) => Err(said(&issues)),
        };
        match content {
            Ok(Content::Parcel(parcel)) => self.tell(Made::Parcel(parcel))?,
            Ok(Content::Puts(puts)) => puts.into_iter().try_for_each(|put| self.put(put))?,
            Err(text) => self.problem(format!("{name}: {text}"), 1)?,
        }
        Ok(Ok(()))
    }

    fn put(&mut self, put: parcel::Put) -> Result<(), End> {
        match self.collector.add(put) {
            Some(parcel) => self.tell(Made::Parcel(parcel)),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), End> {
        self.collector.take().map_or(Ok(()), |parcel| self.tell(Made::Parcel(parcel)))
    }

    fn problem(&mut self, text: String, resources: usize) -> Result<(), End> {
        self.tell(Made::Problem { text, resources })
    }

    fn tell(&self, made: Made) -> Result<(), End> {
        self.made.blocking_send(made).map_err(|_| End::Unwanted)
    }
}

/// The first issue, and how many more there are.
fn said(issues: &[Issue]) -> String {
    let first = issues.first().map(|issue| format!("{} {}", issue.path, issue.text)).unwrap_or_default();
    match issues.len() {
        0 | 1 => first.trim_start().to_owned(),
        more => format!("{} (and {} more)", first.trim_start(), more - 1),
    }
}

enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads up to the end of the line; of one that is too long, the rest is passed over.
fn next_line(from: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    let limit = LINE_BYTES_MAX as u64 + 1;
    if from.take(limit).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.ends_with(b"\n") || line.len() as u64 != limit {
        return Ok(Line::Whole);
    }
    loop {
        line.clear();
        let read = from.take(limit).read_until(b'\n', line)?;
        if read == 0 || line.ends_with(b"\n") {
            return Ok(Line::TooLong);
        }
    }
}

async fn open(url: &str) -> Result<Stream, Failure> {
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url[host..].find('/').map_or(url.len(), |at| host + at);
    let address = Address::find(&url[..path], &outbound::loopback()).await.map_err(crate::command::ask::unreachable)?;
    let client = Client::new(address, Limits { whole: SILENCE, ..Limits::default() });
    let path = if path == url.len() { "/" } else { &url[path..] };
    let stream = client.open(path).await.map_err(crate::command::ask::unreachable)?;
    match stream.status {
        200 => Ok(stream),
        status if status < 500 => Err(Failure::Input(format!("{url} answers {status}"))),
        status => Err(Failure::System(format!("{url} answers {status}"))),
    }
}

/// A stream as a reader on a thread that may wait.
struct Download {
    stream: Stream,
    handle: Handle,
    part: Vec<u8>,
    at: usize,
}

impl Read for Download {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() {
            match self.handle.block_on(self.stream.next()).map_err(io::Error::other)? {
                Some(part) => (self.part, self.at) = (part, 0),
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.part.len() - self.at);
        into[..count].copy_from_slice(&self.part[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
