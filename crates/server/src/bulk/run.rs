//! Working on one export after the other, page by page, each of one position of the log.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use consent::{Access, Purpose, Requester};
use fhir::compartment;
use fhir::search::{Context, Handling, Query};
use record::{HistoryOf, HistoryQuery, Key, Method, Position, ReadError, Record, Time, Version};
use serde_json::json;

use super::output::{Output, Stop};
use super::{Asked, Job, Level, State, import};
use crate::app::{self, App};

/// Between two looks for jobs that are kept no longer.
const TIDY: Duration = Duration::from_secs(60);
/// A busy store is asked again after this.
const BUSY: Duration = Duration::from_millis(200);
const BUSY_MAX: usize = 600;
/// Resources a page.
const PAGE: &str = "1000";
/// Deletes in one Bundle.
const DELETES_MAX: usize = 1_000;
pub const DAMAGED: &str = "it could not be written to disk; make room and ask again";

/// How the policy names who is let in from this machine without a credential.
pub const LOOPBACK: &str = "loopback";

/// Why a job ends without its files.
pub enum End {
    /// Nobody wants it, or the server drains: then it is begun again at the next start.
    Dropped,
    Failed(String),
}

/// Until the server drains.
pub async fn work(app: App) {
    loop {
        app.bulk.tidy(app::now());
        let Some(job) = app.bulk.next() else {
            tokio::select! {
                () = app.shutdown.begun() => return,
                () = app.bulk.shared.called.notified() => {}
                () = tokio::time::sleep(TIDY) => {}
            }
            continue;
        };
        // A broken invariant is the end of this job, and not of those behind it.
        let (of, to) = (app.clone(), Arc::clone(&job));
        let mut task = tokio::spawn(async move { one(&of, &to).await });
        tokio::select! {
            () = app.shutdown.begun() => return task.abort(),
            ended = &mut task => {
                let stopped = |_| Err(End::Failed("it stopped at a broken invariant; the log says why".to_owned()));
                settle(&job, ended.unwrap_or_else(stopped));
            }
        }
    }
}

/// One job, with the access of the one who asked, as it is now.
async fn one(app: &App, job: &Job) -> Result<(), End> {
    let kept = job.kept();
    let requester = match kept.who.as_str() {
        LOOPBACK => Requester::Loopback,
        client => Requester::Authenticated { client: client.to_owned() },
    };
    let access = app.policy.access(&requester, Purpose::Treatment);
    if access.is_nobody() || access.who() != kept.who {
        return Err(End::Failed("whoever asked for it may do nothing any more".to_owned()));
    }
    match &kept.import {
        Some(import) => import::run(app, job, access, import).await,
        None => Export::of(app, job, access, kept.asked).run().await,
    }
}

fn settle(job: &Job, ended: Result<(), End>) {
    let state = match ended {
        Ok(()) => State::Done,
        Err(End::Dropped) => return,
        Err(End::Failed(why)) => State::Failed(why),
    };
    if let State::Failed(why) = &state {
        tracing::warn!(%why, "an export or import did not come to its end");
        job.clear();
    }
    if job.change(|kept| (kept.state, kept.ended) = (state, Some(app::now().0))).is_err() && !job.is_cancelled() {
        tracing::error!("what became of an export could not be written; it is begun again at the next start");
        // In this process it is not taken up again and again.
        job.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner).state = State::Failed(DAMAGED.to_owned());
    }
}

struct Export<'e> {
    app: &'e App,
    job: &'e Job,
    access: Access,
    asked: Asked,
    position: Position,
    /// Positions that were written, where one resource may be found twice.
    seen: Option<HashSet<Position>>,
}

impl Export<'_> {
    fn of<'e>(app: &'e App, job: &'e Job, access: Access, asked: Asked) -> Export<'e> {
        let twice = matches!(asked.level, Level::Some(_)) || asked.filters.len() > 1;
        Export { app, job, access, asked, position: Position::START, seen: twice.then(HashSet::new) }
    }

    async fn run(mut self) -> Result<(), End> {
        self.position = self.app.record.position().await.map_err(broken)?;
        let moment = self.moment().await?;
        self.job.keep(|kept| {
            (kept.state, kept.moment) = (State::Working, moment);
            (kept.output, kept.deleted, kept.errors) = (Vec::new(), Vec::new(), Vec::new());
        })?;
        // What a former process left unfinished.
        self.job.clear();
        self.job.done.store(0, Ordering::Relaxed);
        let (file_max, room) = (self.app.bulk.limits().file_bytes_max, self.app.bulk.room());
        let mut output = Output::new(self.job.dir.clone(), "", file_max, room);
        let kinds = self.asked.of_kinds(|kind| self.access.read().covers(kind));
        for kind in &kinds {
            for pairs in self.asked.searches(kind) {
                self.search(kind, &pairs, &mut output).await?;
            }
        }
        let mut deleted = Output::new(self.job.dir.clone(), "deleted-", file_max, output.room());
        if let Some(since) = self.asked.since.clone() {
            for kind in &kinds {
                self.deletes(kind, &since, &mut deleted).await?;
            }
        }
        let (output, deleted) = (output.end().map_err(stopped)?, deleted.end().map_err(stopped)?);
        self.job.keep(|kept| (kept.output, kept.deleted) = (output, deleted))
    }

    /// When the newest version was written that is in it. What comes later is of this time or later, so that an export
    /// `_since` this time misses nothing.
    async fn moment(&self) -> Result<String, End> {
        let newest = HistoryQuery { limit: 1, ..self.history(HistoryOf::Everything) };
        let newest = self.app.record.history(&self.access, &newest).await.map_err(broken)?.versions.pop();
        Ok(instant(newest.map_or(Time(0), |version| version.time)))
    }

    fn history(&self, of: HistoryOf) -> HistoryQuery {
        HistoryQuery { of, before: Some(self.position.next()), since: None, at: None, limit: record::HISTORY_PAGE_MAX }
    }

    /// All of a type that one search finds: of everybody, or of one patient after the other.
    async fn search(&mut self, kind: &str, pairs: &[(String, String)], output: &mut Output) -> Result<(), End> {
        let count = ("_count".to_owned(), PAGE.to_owned());
        let total = ("_total".to_owned(), "none".to_owned());
        let pairs = [pairs, &[count, total]].concat();
        let registry = self.app.record.registry();
        let limits = self.app.config.search.reading();
        let context = Context { registry: &registry, limits: &limits };
        let query = Query::parse_within(context, kind, &pairs, Handling::Strict);
        let query = query.map_err(|_| End::Failed(format!("the search for {kind} cannot be asked any more")))?;
        let Level::Some(patients) = self.asked.level.clone() else { return self.pages(&query, output).await };
        for id in &patients {
            let within = query.clone().within("Patient", id);
            let within = within.map_err(|_| End::Failed(format!("{kind} is in no patient's compartment")))?;
            self.pages(&within, output).await?;
        }
        Ok(())
    }

    async fn pages(&mut self, query: &Query, output: &mut Output) -> Result<(), End> {
        let mut place: Option<String> = None;
        loop {
            let page = self.page(query, place.as_deref()).await?;
            for version in &page.versions {
                if let Some(seen) = &mut self.seen
                    && !seen.insert(version.position)
                {
                    continue;
                }
                if let Some(body) = &version.body {
                    output.line(&version.key.kind, body).map_err(stopped)?;
                    self.job.done.fetch_add(1, Ordering::Relaxed);
                }
            }
            if self.job.is_cancelled() {
                return Err(End::Dropped);
            }
            match page.next {
                Some(next) => place = Some(next),
                None => return Ok(()),
            }
            // Those who wait at a desk come first.
            tokio::task::yield_now().await;
        }
    }

    async fn page(&self, query: &Query, place: Option<&str>) -> Result<record::Page, End> {
        for _ in 0..BUSY_MAX {
            let record: &Record = &self.app.record;
            let page = match place {
                None => record.search_at(&self.access, query, self.position).await,
                Some(place) => record.search(&self.access, query, Some(place)).await,
            };
            match page {
                Err(ReadError::Busy) => tokio::time::sleep(BUSY).await,
                Err(ReadError::Expired) => {
                    let text = "it took longer than one moment of the record is kept (an hour); ask for less at once";
                    return Err(End::Failed(text.to_owned()));
                }
                page => return page.map_err(broken),
            }
        }
        Err(broken(ReadError::Busy))
    }

    /// What of a type was deleted since then and is still, as transactions of deletes.
    async fn deletes(&self, kind: &'static str, since: &str, output: &mut Output) -> Result<(), End> {
        let since = fhir::search::Interval::read(since).map(|since| Time(since.low_us));
        let mut query = HistoryQuery { since, ..self.history(HistoryOf::Kind(kind.to_owned())) };
        let mut gone: Vec<Key> = Vec::new();
        loop {
            let page = self.app.record.history(&self.access, &query).await.map_err(broken)?;
            for version in page.versions.iter().filter(|version| version.method == Method::Delete) {
                let key = std::slice::from_ref(&version.key);
                let newest = self.app.record.current_at(&self.access, key, self.position).await.map_err(broken)?;
                let is_newest = newest.first().and_then(Option::as_ref).is_some_and(|newest| newest.vid == version.vid);
                if is_newest && self.concerns(version).await? {
                    gone.push(version.key.clone());
                }
                if gone.len() == DELETES_MAX {
                    output.line("Bundle", &bundle(&std::mem::take(&mut gone))).map_err(stopped)?;
                }
            }
            if self.job.is_cancelled() {
                return Err(End::Dropped);
            }
            match page.next {
                Some(next) => query.before = Some(next),
                None if gone.is_empty() => return Ok(()),
                None => return output.line("Bundle", &bundle(&gone)).map_err(stopped),
            }
        }
    }

    /// Whether what was deleted was about one of the patients, by its last version that says whom it is about.
    async fn concerns(&self, deleted: &Version) -> Result<bool, End> {
        let Level::Some(patients) = &self.asked.level else { return Ok(true) };
        let is_one = |id: &str| patients.binary_search_by(|known| known.as_str().cmp(id)).is_ok();
        if deleted.key.kind == "Patient" {
            return Ok(is_one(&deleted.key.id));
        }
        let before = self.app.record.vread(&self.access, &deleted.key, deleted.vid.saturating_sub(1)).await;
        let body = before.map_err(broken)?.and_then(|version| version.body);
        let Some(Ok(resource)) = body.as_deref().map(fhir::json::read) else { return Ok(false) };
        Ok(compartment::patients(&resource).into_iter().any(is_one))
    }
}

fn bundle(gone: &[Key]) -> Vec<u8> {
    let delete = |key: &Key| json!({ "request": { "method": "DELETE", "url": key.to_string() } });
    let entries: Vec<_> = gone.iter().map(delete).collect();
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries }).to_string().into_bytes()
}

pub fn instant(time: Time) -> String {
    jiff::Timestamp::from_microsecond(time.0).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

fn broken(why: ReadError) -> End {
    End::Failed(why.to_string())
}

pub fn stopped(stop: Stop) -> End {
    match stop {
        Stop::TooLarge => {
            End::Failed("exports and imports together have more bytes than bulk.bytes_max; ask for less".to_owned())
        }
        Stop::Disk(why) => {
            tracing::error!(%why, "an export could not be written");
            End::Failed(DAMAGED.to_owned())
        }
    }
}
