//! Working on one import: its inputs fetched, and each line put as a client would put it, under the access of the one who asked.
//!
//! What is there already and says the same is left as it is, so that an import that is begun again (by its sender, or after the
//! power failed) makes no new versions. A line that is refused costs only itself, and is told with its number. Lines are put side
//! by side, because many small commits share one fsync; two of one resource keep their order.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::Ordering;

use consent::Access;
use fhir::{Issue, IssueType, Resource};
use outbound::{Address, Client, Limits};
use record::Key;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::output::{Output, Stop};
use super::run::{DAMAGED, End, instant, stopped};
use super::{Job, State};
use crate::app::{self, App};
use crate::http::{Ask, Form};
use crate::interaction::{key_of, update};
use crate::operation::digests;

/// What is to be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The sender's own name for it: the same again is the same job. Empty where there is none.
    pub submission: String,
    pub inputs: Vec<Input>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The type of every resource in it, where the sender says it.
    pub kind: Option<String>,
    /// Where it is fetched; none where it came with the request and is a file of the job.
    pub url: Option<String>,
}

/// Lines under way at once.
const LINES_AT_ONCE: usize = 64;
const LINE_BYTES_MAX: u64 = fhir::ndjson::LINE_BYTES_MAX as u64;

/// The file of an input, counted from 0.
pub fn file_of(at: usize) -> String {
    format!("input-{}.ndjson", at + 1)
}

pub async fn run(app: &App, job: &Job, access: Access, import: &Import) -> Result<(), End> {
    job.keep(|kept| {
        (kept.state, kept.moment, kept.errors) = (State::Working, instant(app::now()), Vec::new());
    })?;
    job.done.store(0, Ordering::Relaxed);
    let room = app.bulk.room();
    let ask = Ask { app: app.clone(), access, form: Form::default(), base: String::new(), at: None };
    let mut errors = Output::new(job.dir.clone(), "errors-", app.bulk.limits().file_bytes_max, room);
    for (at, input) in import.inputs.iter().enumerate() {
        if let Some(url) = &input.url
            && let Err(why) = fetch(app, job, url, at).await?
        {
            // Whatever is missing of it, what came of the others is kept.
            tell(&mut errors, IssueType::Exception, format!("input {}: {why}", at + 1))?;
            continue;
        }
        put_all(&ask, job, at, input, &mut errors).await?;
        let _ = fs::remove_file(job.dir.join(file_of(at)));
    }
    let errors = errors.end().map_err(stopped)?;
    job.keep(|kept| kept.errors = errors)
}

/// Brings an input here, from a permitted network and nowhere else. What is wrong with it is the inner value.
async fn fetch(app: &App, job: &Job, url: &str, at: usize) -> Result<Result<(), String>, End> {
    let Some((server, path)) = parted(url) else { return Ok(Err("its url is none; give http://host/path".to_owned())) };
    let address = match Address::find(server, &app.bulk.limits().import_networks).await {
        Ok(address) => address,
        Err(outbound::Failure::NotAllowed(_)) => {
            return Ok(Err("its address is in no network of bulk.import_networks".to_owned()));
        }
        Err(_) => return Ok(Err("its url cannot be used, or its name has no address".to_owned())),
    };
    let mut stream = match Client::new(address, Limits::default()).open(path).await {
        Ok(stream) if stream.status == 200 => stream,
        Ok(stream) => return Ok(Err(format!("its server answers {}", stream.status))),
        Err(_) => return Ok(Err("its server does not answer".to_owned())),
    };
    let disk = |why| stopped(Stop::Disk(why));
    let mut room = app.bulk.room();
    let mut file = private(job, at).map_err(disk)?;
    loop {
        match stream.next().await {
            Ok(None) => return file.sync_all().map(Ok).map_err(disk),
            Err(_) => return Ok(Err("its server broke off".to_owned())),
            Ok(Some(chunk)) => {
                let Some(left) = room.checked_sub(chunk.len() as u64) else { return Err(stopped(Stop::TooLarge)) };
                room = left;
                file.write_all(&chunk).map_err(disk)?;
            }
        }
        if job.is_cancelled() {
            return Err(End::Dropped);
        }
    }
}

/// `http://host:port` and the path with its query.
fn parted(url: &str) -> Option<(&str, &str)> {
    let begin = url.find("://")? + 3;
    let slash = begin + url[begin..].find('/')?;
    Some(url.split_at(slash))
}

pub fn private(job: &Job, at: usize) -> std::io::Result<File> {
    File::options().create(true).truncate(true).write(true).mode(0o600).open(job.dir.join(file_of(at)))
}

type Put = (usize, Key, Result<(), String>);

async fn put_all(ask: &Ask, job: &Job, at: usize, input: &Input, errors: &mut Output) -> Result<(), End> {
    let disk = |why| stopped(Stop::Disk(why));
    let mut lines = BufReader::with_capacity(1 << 18, File::open(job.dir.join(file_of(at))).map_err(disk)?);
    let (mut under_way, mut keys) = (JoinSet::<Put>::new(), HashSet::new());
    let place = |number: usize| format!("input {}, line {number}", at + 1);
    let mut number = 0;
    while let Some(line) = next_line(&mut lines).map_err(disk)? {
        number += 1;
        let read = match line {
            Line::Blank => continue,
            Line::TooLong => Err("it is longer than a line may be".to_owned()),
            Line::Of(bytes) => read(&bytes, input.kind.as_deref()),
        };
        let (key, resource) = match read {
            Ok(read) => read,
            Err(why) => {
                tell(errors, IssueType::Invalid, format!("{}: {why}", place(number)))?;
                continue;
            }
        };
        while under_way.len() >= LINES_AT_ONCE || keys.contains(&key) {
            ended(&mut under_way, &mut keys, job, errors, &place).await?;
        }
        keys.insert(key.clone());
        let ask = ask.clone();
        under_way.spawn(async move {
            let done = put(&ask, &key, resource).await;
            (number, key, done)
        });
    }
    while !under_way.is_empty() {
        ended(&mut under_way, &mut keys, job, errors, &place).await?;
    }
    Ok(())
}

async fn ended(
    under_way: &mut JoinSet<Put>,
    keys: &mut HashSet<Key>,
    job: &Job,
    errors: &mut Output,
    place: &impl Fn(usize) -> String,
) -> Result<(), End> {
    let Some(put) = under_way.join_next().await else { return Ok(()) };
    let (number, key, done) =
        put.map_err(|_| End::Failed("a line could not be worked on; the log says why".to_owned()))?;
    keys.remove(&key);
    match done {
        Ok(()) => drop(job.done.fetch_add(1, Ordering::Relaxed)),
        Err(why) => tell(errors, IssueType::Processing, format!("{}: {why}", place(number)))?,
    }
    if job.is_cancelled() { Err(End::Dropped) } else { Ok(()) }
}

/// As `PUT Type/id`, unless it says what is there already.
async fn put(ask: &Ask, key: &Key, resource: Resource<'static>) -> Result<(), String> {
    let mut json = Vec::new();
    fhir::json::write(&resource, &mut json);
    let current = ask.app.record.current(&ask.access, key).await.map_err(|why| why.to_string())?;
    let there = current.and_then(|version| version.body).and_then(|body| digests::digest(&body));
    if there.is_some() && there == digests::digest(&json) {
        return Ok(());
    }
    let put = update::by_id(ask, key.clone(), resource, None, None).await;
    put.map(drop).map_err(|failure| failure.to_string())
}

fn read(bytes: &[u8], kind: Option<&str>) -> Result<(Key, Resource<'static>), String> {
    let first = |issues: Vec<Issue>| {
        let issue = issues.into_iter().next();
        issue.map_or_else(|| "it cannot be read".to_owned(), |issue| format!("{} {}", issue.path, issue.text))
    };
    let resource = fhir::json::read(bytes).map_err(first)?.into_owned();
    if kind.is_some_and(|kind| kind != resource.kind()) {
        return Err("it is of another type than the input says".to_owned());
    }
    let id = resource.id().ok_or("it has no id")?.to_owned();
    let key = key_of(&(resource.kind().to_owned(), id)).map_err(|failure| failure.to_string())?;
    Ok((key, resource))
}

enum Line {
    Blank,
    Of(Vec<u8>),
    TooLong,
}

/// The next line without its end; none behind the last. Of one that is too long no more is kept than it may have.
fn next_line(lines: &mut impl BufRead) -> std::io::Result<Option<Line>> {
    let mut line = Vec::new();
    if lines.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 > LINE_BYTES_MAX && line.last() != Some(&b'\n') {
        while line.last() != Some(&b'\n') {
            line.clear();
            if lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
                break;
            }
        }
        return Ok(Some(Line::TooLong));
    }
    let is_blank = line.iter().all(u8::is_ascii_whitespace);
    Ok(Some(if is_blank { Line::Blank } else { Line::Of(line) }))
}

fn tell(errors: &mut Output, kind: IssueType, text: String) -> Result<(), End> {
    let mut json = Vec::new();
    fhir::json::write(&fhir::outcome(&[Issue::error(kind, "", text)]), &mut json);
    errors.line("OperationOutcome", &json).map_err(stopped)
}

impl Job {
    /// Changes what is kept, unless nobody wants the job any more.
    pub(super) fn keep(&self, change: impl FnOnce(&mut super::Kept)) -> Result<(), End> {
        if self.is_cancelled() {
            return Err(End::Dropped);
        }
        self.change(change).map_err(|why| {
            tracing::error!(%why, "a job could not be written");
            End::Failed(DAMAGED.to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_urls_are_parted() {
        let long = vec![b'x'; LINE_BYTES_MAX as usize + 5];
        let text = [&b"a\n\n"[..], &long, b"\nlast"].concat();
        let mut lines = BufReader::new(&text[..]);
        let mut found = Vec::new();
        while let Some(line) = next_line(&mut lines).expect("memory is read") {
            found.push(match line {
                Line::Blank => "blank".to_owned(),
                Line::TooLong => "too long".to_owned(),
                Line::Of(bytes) => String::from_utf8_lossy(bytes.trim_ascii()).into_owned(),
            });
        }
        assert_eq!(found, ["a", "blank", "too long", "last"]);
        for (url, expected) in [
            ("http://a.example/x?y", Some(("http://a.example", "/x?y"))),
            ("http://a.example:80/", Some(("http://a.example:80", "/"))),
            ("http://a.example", None),
            ("file:///etc/passwd", Some(("file://", "/etc/passwd"))),
            ("/x", None),
        ] {
            assert_eq!(parted(url), expected, "{url}");
        }
    }
}
