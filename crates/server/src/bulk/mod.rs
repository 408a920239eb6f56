//! Exports of many resources at once, made in the background (FHIR Bulk Data Access IG 3.0, "Bulk Data Export"), and imports.
//!
//! A job is a directory of its own below the record's: `job.json`, which says what is asked, by whom and how far it is, and
//! the files. Both outlive the process. What was not finished when it ended is begun again from its beginning, at the log's
//! position of that moment, because index rows of an older one may be gone. One job is worked on at a time, so that exports
//! never take the machine from those who wait at a desk. Everything is bounded: jobs, bytes, age.

mod asked;
mod import;
mod output;
mod run;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use record::Time;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub use asked::{Asked, Level, members, posted};
pub use import::{Import, Input};
pub use run::{LOOPBACK, work};

use crate::config;

/// The jobs of a running server. Clones share them.
#[derive(Clone)]
pub struct Bulk {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    limits: config::Bulk,
    jobs: Mutex<BTreeMap<String, Arc<Job>>>,
    /// Something is to be worked on.
    called: Notify,
}

pub struct Job {
    pub dir: PathBuf,
    kept: Mutex<Kept>,
    /// Nobody wants it any more.
    pub cancelled: AtomicBool,
    /// Resources written so far.
    pub done: AtomicU64,
}

/// What outlives the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    pub id: String,
    /// `Access::who` of the one who asked; to all others the job is not there.
    pub who: String,
    /// What was asked, as the manifest repeats it.
    pub request: String,
    pub asked: Asked,
    /// It brings in what is asked instead.
    #[serde(default)]
    pub import: Option<Import>,
    pub state: State,
    /// Microseconds since 1970: when it was asked for, and when it ended.
    pub begun: i64,
    pub ended: Option<i64>,
    /// The moment of which everything is, as an instant.
    pub moment: String,
    pub output: Vec<Part>,
    pub deleted: Vec<Part>,
    pub errors: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Waiting,
    Working,
    Done,
    /// With the reason, which repeats no value.
    Failed(String),
}

/// A file that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub count: u64,
    pub bytes: u64,
}

/// Why a job is not taken.
#[derive(Debug)]
pub enum Refusal {
    /// So many are kept or under way.
    Crowded,
    Disk,
}

const DIRECTORY: &str = "bulk";
const JOB: &str = "job.json";
/// Letters of a job's name, which nobody guesses.
const NAME_BYTES: usize = 16;

impl Bulk {
    /// Finds what was left by the process before. What cannot be read is said and left where it is.
    pub fn open(data: &Path, limits: config::Bulk) -> Bulk {
        let dir = data.join(DIRECTORY);
        let mut jobs = BTreeMap::new();
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let dir = entry.path();
            match fs::read(dir.join(JOB)).ok().and_then(|text| serde_json::from_slice::<Kept>(&text).ok()) {
                Some(mut kept) => {
                    if kept.state == State::Working {
                        kept.state = State::Waiting;
                    }
                    jobs.insert(kept.id.clone(), Arc::new(Job::of(dir, kept)));
                }
                // It was begun and not even said what it is.
                None => drop(fs::remove_dir_all(&dir)),
            }
        }
        let bulk = Bulk { shared: Arc::new(Shared { dir, limits, jobs: Mutex::new(jobs), called: Notify::new() }) };
        bulk.shared.called.notify_one();
        bulk
    }

    pub fn limits(&self) -> &config::Bulk {
        &self.shared.limits
    }

    /// Takes a job, on disk when this returns.
    pub fn begin(&self, who: &str, request: String, asked: Asked, now: Time) -> Result<Arc<Job>, Refusal> {
        self.take(who, request, asked, None, None, now)
    }

    /// The same of an import, with what came in its body; one that was taken before is that one.
    pub fn begin_import(
        &self,
        who: &str,
        request: String,
        import: Import,
        body: Option<&[u8]>,
        now: Time,
    ) -> Result<Arc<Job>, Refusal> {
        self.take(who, request, Asked::everything(), Some(import), body, now)
    }

    fn take(
        &self,
        who: &str,
        request: String,
        asked: Asked,
        import: Option<Import>,
        body: Option<&[u8]>,
        now: Time,
    ) -> Result<Arc<Job>, Refusal> {
        let mut jobs = self.jobs();
        if let Some(import) = import.as_ref().filter(|import| !import.submission.is_empty()) {
            let is_it = |kept: &Kept| {
                let same = kept.import.as_ref().is_some_and(|kept| kept.submission == import.submission);
                same && kept.who == who && !matches!(kept.state, State::Failed(_))
            };
            if let Some(known) = jobs.values().find(|job| is_it(&job.kept())) {
                return Ok(Arc::clone(known));
            }
        }
        if jobs.len() >= self.shared.limits.jobs_max {
            return Err(Refusal::Crowded);
        }
        let mut bytes = [0; NAME_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| Refusal::Disk)?;
        let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let dir = self.shared.dir.join(&id);
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|_| Refusal::Disk)?;
        let kept = Kept {
            id: id.clone(),
            who: who.to_owned(),
            request,
            asked,
            import,
            state: State::Waiting,
            begun: now.0,
            ended: None,
            moment: String::new(),
            output: Vec::new(),
            deleted: Vec::new(),
            errors: Vec::new(),
        };
        let job = Arc::new(Job::of(dir, kept));
        let write =
            |body| import::private(&job, 0).and_then(|mut file| file.write_all(body).and_then(|()| file.sync_all()));
        if body.map_or(Ok(()), write).and_then(|()| job.change(|_| {})).is_err() {
            job.remove();
            return Err(Refusal::Disk);
        }
        jobs.insert(id, Arc::clone(&job));
        self.shared.called.notify_one();
        Ok(job)
    }

    /// The job of this name, if it is this requester's.
    pub fn find(&self, id: &str, who: &str) -> Option<Arc<Job>> {
        self.jobs().get(id).filter(|job| job.kept().who == who).cloned()
    }

    /// Forgets a job and its files.
    pub fn cancel(&self, job: &Job) {
        job.cancelled.store(true, Ordering::SeqCst);
        self.jobs().remove(&job.kept().id);
        job.remove();
    }

    /// Removes what ended longer ago than it is kept.
    pub fn tidy(&self, now: Time) {
        let horizon = now.0 - i64::from(self.shared.limits.keep_hours) * 3_600_000_000;
        let due: Vec<Arc<Job>> =
            self.jobs().values().filter(|job| job.kept().ended.is_some_and(|ended| ended < horizon)).cloned().collect();
        due.iter().for_each(|job| self.cancel(job));
    }

    /// Bytes that all exports may still take together.
    pub fn room(&self) -> u64 {
        let parts = |kept: &Kept| -> u64 {
            [&kept.output, &kept.deleted, &kept.errors].into_iter().flatten().map(|part| part.bytes).sum()
        };
        let taken: u64 = self.jobs().values().map(|job| parts(&job.kept())).sum();
        self.shared.limits.bytes_max.saturating_sub(taken)
    }

    /// The one that has waited longest.
    fn next(&self) -> Option<Arc<Job>> {
        let jobs = self.jobs();
        let waiting = jobs.values().filter(|job| job.kept().state == State::Waiting);
        waiting.min_by_key(|job| job.kept().begun).cloned()
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Job>>> {
        self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn of(dir: PathBuf, kept: Kept) -> Job {
        Job { dir, kept: Mutex::new(kept), cancelled: AtomicBool::new(false), done: AtomicU64::new(0) }
    }

    pub fn kept(&self) -> Kept {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Changes what is kept, here and on disk.
    fn change(&self, change: impl FnOnce(&mut Kept)) -> std::io::Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = kept.clone();
        change(&mut changed);
        let text = serde_json::to_vec_pretty(&changed).map_err(std::io::Error::other)?;
        let (part, whole) = (self.dir.join("job.part"), self.dir.join(JOB));
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
        file.write_all(&text).and_then(|()| file.sync_all())?;
        fs::rename(part, whole)?;
        File::open(&self.dir)?.sync_all()?;
        *kept = changed;
        Ok(())
    }

    /// Removes the files that were made, and leaves what says what the job is.
    fn clear(&self) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            if entry.file_name() != JOB {
                // What cannot be removed goes with the job.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn remove(&self) {
        // What is left behind is removed at the next start.
        let _ = fs::remove_file(self.dir.join(JOB));
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_their_requesters_bounded_and_outlive_the_process() {
        let data = std::env::temp_dir().join(format!("hilum-bulk-{}", std::process::id()));
        let limits = config::Bulk { jobs_max: 2, keep_hours: 1, ..config::Bulk::default() };
        let bulk = Bulk::open(&data, limits.clone());
        let begin = |bulk: &Bulk, who: &str| bulk.begin(who, "x".to_owned(), Asked::everything(), Time(0));
        let job = begin(&bulk, "a").expect("there is room");
        let id = job.kept().id;
        assert!(bulk.find(&id, "a").is_some() && bulk.find(&id, "b").is_none() && bulk.find("x", "a").is_none());
        begin(&bulk, "b").expect("there is room");
        assert!(matches!(begin(&bulk, "a"), Err(Refusal::Crowded)));
        job.change(|kept| kept.state = State::Working).expect("a disk");
        let again = Bulk::open(&data, limits.clone());
        let found = again.find(&id, "a").expect("it is there");
        assert_eq!(found.kept().state, State::Waiting, "what was not finished is begun again");
        found.change(|kept| (kept.state, kept.ended) = (State::Done, Some(0))).expect("a disk");
        again.tidy(Time(3_600_000_000));
        assert!(again.find(&id, "a").is_some());
        again.tidy(Time(3_600_000_001));
        assert!(again.find(&id, "a").is_none() && !found.dir.exists());
        assert!(Bulk::open(&data, limits).find(&id, "a").is_none());
        fs::remove_dir_all(&data).expect("our own directory");
    }
}
