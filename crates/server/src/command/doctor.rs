//! `hilum doctor`: looks at everything that the server needs, and says what to do where it is not as it should be.
//!
//! It mends nothing. A store that a running server has open is locked; then that server's `/readyz` is asked instead.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use consent::{Policy, Purpose, Requester};
use outbound::{Address, Client, Limits};
use record::{HistoryOf, HistoryQuery, Record, Time};
use serde::Serialize;

use super::{Failure, Output};
use crate::app;
use crate::config::{Config, Flags};
use crate::{profiles, terminal};

#[derive(clap::Args)]
pub struct Args {
    /// The configuration; `hilum.toml` where none is given and one is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of the record
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// `json` for programs
    #[arg(short, value_name = "FORMAT")]
    output: Option<Output>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    about: &'static str,
    health: Health,
    text: String,
    /// What to do, where something is to be done.
    #[serde(rename = "do")]
    remedy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Good,
    /// It works, and will not for ever.
    Doubtful,
    Bad,
}

/// Less free space than this is doubtful, and less than the second bad: the WAL of a busy hour and a checkpoint.
const SPACE_DOUBTFUL: u64 = 5 << 30;
const SPACE_BAD: u64 = 512 << 20;
/// Connections, readers and files of the defaults need about so many.
const FILES_WANTED: u64 = 4_096;
/// A clock before this program was written is wrong: 2026-01-01.
const CLOCK_MIN_US: i64 = 1_767_225_600_000_000;

/// A clock that is set back by less than this is no matter.
const CLOCK_SLACK_S: i64 = 60;

pub fn run(args: Args) -> Result<(), Failure> {
    let set = args.data.iter().map(|data| ("store.data", data.display().to_string())).collect();
    let config = super::config::load(&Flags { file: args.config, set })?;
    let mut findings = vec![configuration(&config), profiles(&config), clock(app::now().0), open_files()];
    findings.extend(directory(&config.store.data));
    findings.extend(super::runtime()?.block_on(store(&config)));
    report(&findings, args.output)
}

fn report(findings: &[Finding], output: Option<Output>) -> Result<(), Failure> {
    if output.is_some() {
        super::json(&findings)?;
    } else {
        for finding in findings {
            let mark = match finding.health {
                Health::Good => "good    ",
                Health::Doubtful => "doubtful",
                Health::Bad => "bad     ",
            };
            terminal::out(format_args!("{mark}  {:<16}{}", finding.about, finding.text));
            if let Some(remedy) = &finding.remedy {
                terminal::out(format_args!("          {:<16}-> {remedy}", ""));
            }
        }
    }
    match findings.iter().filter(|finding| finding.health == Health::Bad).count() {
        0 => Ok(()),
        count => Err(Failure::System(format!("{count} of {} things are bad", findings.len()))),
    }
}

fn good(about: &'static str, text: impl Into<String>) -> Finding {
    Finding { about, health: Health::Good, text: text.into(), remedy: None }
}

fn doubtful(about: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { about, health: Health::Doubtful, text: text.into(), remedy: Some(remedy.into()) }
}

fn bad(about: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { about, health: Health::Bad, text: text.into(), remedy: Some(remedy.into()) }
}

fn configuration(config: &Config) -> Finding {
    match app::sources(config) {
        Ok(sources) if sources.is_empty() => doubtful(
            "configuration",
            "no source is configured",
            "add a [[source]] for each sender, see deploy/hilum.toml",
        ),
        Ok(sources) => good("configuration", format!("{} sources", sources.len())),
        Err(faults) => {
            bad("configuration", faults.join("; "), "mend the configuration; `hilum config check` looks again")
        }
    }
}

fn profiles(config: &Config) -> Finding {
    let gateway = match profiles::load(config.profiles.directory.as_deref()) {
        Ok(gateway) => gateway,
        Err(fault) => return bad("profiles", fault.to_string(), "mend them; `hilum map check` looks again"),
    };
    let (profiles, rules, _) = gateway.counts();
    let tested = gateway.test();
    match tested.faults.first() {
        None => good("profiles", format!("{profiles} profiles, {rules} rules, {} tests pass", tested.passed)),
        Some(first) => {
            let text = format!("{} tests fail; the first: {first}", tested.faults.len());
            bad("profiles", text, "mend rule or test; `hilum map test` runs them again")
        }
    }
}

fn clock(now_us: i64) -> Finding {
    match jiff::Timestamp::from_microsecond(now_us) {
        Ok(now) if now_us >= CLOCK_MIN_US => good("clock", format!("{now:.0}")),
        _ => bad("clock", "it is years behind", "set the clock, and let NTP keep it"),
    }
}

fn open_files() -> Finding {
    let about = "open files";
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    match soft {
        None => good(about, "the system does not say how many are allowed"),
        Some(count) if count >= FILES_WANTED => good(about, format!("{count} are allowed")),
        Some(count) => {
            let remedy = format!("allow {FILES_WANTED}: LimitNOFILE in the systemd unit, or ulimit -n");
            doubtful(about, format!("only {count} are allowed"), remedy)
        }
    }
}

/// The directory of the record: there, ours alone, with room.
fn directory(data: &Path) -> Vec<Finding> {
    let about = "data directory";
    let found = match std::fs::metadata(data) {
        Ok(found) => found,
        Err(why) => {
            let text = format!("{}: {why}", data.display());
            return vec![doubtful(about, text, "`hilum serve` makes it; or name another with --data or store.data")];
        }
    };
    vec![permissions(data, &found), space(data)]
}

fn permissions(data: &Path, found: &Metadata) -> Finding {
    let about = "data directory";
    let (mode, owner) = (found.permissions().mode() & 0o777, found.uid());
    let own = rustix::process::geteuid().as_raw();
    if !found.is_dir() {
        return bad(about, format!("{} is no directory", data.display()), "name a directory with store.data");
    }
    if own != owner && own != 0 {
        let text = format!("{} belongs to user {owner}, and this is user {own}", data.display());
        return bad(about, text, "run as the user that the server runs as, or chown it");
    }
    if mode & 0o077 != 0 {
        let text = format!("{} can be read by others (mode {mode:03o})", data.display());
        return doubtful(about, text, format!("chmod 700 {}", data.display()));
    }
    good(about, format!("{}, mode {mode:03o}", data.display()))
}

fn space(data: &Path) -> Finding {
    let about = "disk space";
    let Ok(found) = rustix::fs::statvfs(data) else {
        return doubtful(about, "the system does not say how much is free", "look with df");
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!("{} MiB are free", free >> 20);
    let remedy = "make room, or set store.message_days so that old messages are emptied";
    match free {
        ..SPACE_BAD => bad(about, text, remedy),
        SPACE_BAD..SPACE_DOUBTFUL => doubtful(about, text, remedy),
        _ => good(about, text),
    }
}

async fn store(config: &Config) -> Vec<Finding> {
    let about = "store";
    if !config.store.data.join("record.db").exists() {
        return vec![good(about, "there is none yet; `hilum serve` makes it")];
    }
    match app::open_record(config) {
        Ok(record) => integrity(&record).await,
        Err(failure) => {
            let text = failure.to_string();
            match text.contains("in use") {
                true => vec![running(config).await],
                false => vec![bad(about, text, "restore a backup, or start the program that wrote it")],
            }
        }
    }
}

async fn integrity(record: &Record) -> Vec<Finding> {
    let about = "store";
    let unreadable = |error: record::ReadError| vec![bad(about, error.to_string(), "restore a backup")];
    let damage = match record.check().await {
        Ok(damage) => damage,
        Err(error) => return unreadable(error),
    };
    if !damage.is_empty() {
        let damage =
            damage.into_iter().map(|finding| bad(about, finding.text, "restore a backup, and tell the makers"));
        return damage.collect();
    }
    match record.counts().await {
        Err(error) => unreadable(error),
        Ok(counts) => {
            let mut findings =
                vec![good(about, format!("sound: {} versions, {} MiB", counts.versions, counts.disk_bytes >> 20))];
            findings.extend(parked(&counts));
            findings.extend(ahead(record, app::now()).await);
            findings
        }
    }
}

/// The log's times never run backwards: with a clock behind them, everything gets the time of its newest version.
async fn ahead(record: &Record, now: Time) -> Option<Finding> {
    let requester = Requester::Authenticated { client: "doctor".to_owned() };
    let access = Policy::site().access(&requester, Purpose::Operations);
    let newest = HistoryQuery { of: HistoryOf::Everything, before: None, since: None, at: None, limit: 1 };
    let newest = record.history(&access, &newest).await.ok()?.versions.pop()?;
    let ahead_s = (newest.time.0 - now.0) / 1_000_000;
    let text = format!("it is {ahead_s} seconds behind the newest version in the record");
    (ahead_s > CLOCK_SLACK_S).then(|| bad("clock", text, "set the clock, and let NTP keep it"))
}

fn parked(counts: &record::Counts) -> Option<Finding> {
    let parked = counts.messages.iter().find(|(outcome, _)| *outcome == record::Outcome::Parked)?.1;
    let remedy = "`hilum message list --outcome parked` shows them";
    (parked > 0).then(|| doubtful("messages", format!("{parked} wait for a person"), remedy))
}

/// What a running server says of the store that it has open.
async fn running(config: &Config) -> Finding {
    let about = "store";
    let url = format!("http://{}", config.http.listen);
    let ready = async {
        let address = Address::find(&url, &outbound::loopback()).await?;
        Client::new(address, Limits::default()).get("/readyz").await
    };
    match ready.await {
        Ok(answer) if answer.status == 200 => {
            good(about, format!("in use by the server at {url}, which is ready; stop it to have the store checked"))
        }
        Ok(answer) => bad(about, format!("the server at {url} answers {} to /readyz", answer.status), "see its log"),
        Err(failure) => {
            let text = format!("in use by another process, and not by a server at {url}: {failure}");
            doubtful(about, text, "stop that process, or name its configuration with --config")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_good_says_what_to_do() {
        let place = std::env::temp_dir().join(format!("hilum-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&place).expect("the temporary directory can be written");
        std::fs::set_permissions(&place, PermissionsExt::from_mode(0o755)).expect("ours");
        let open = directory(&place);
        std::fs::set_permissions(&place, PermissionsExt::from_mode(0o700)).expect("ours");
        let closed = directory(&place);
        std::fs::remove_dir(&place).expect("empty");
        let absent = directory(&place);
        assert_eq!(
            (open[0].health, closed[0].health, absent[0].health),
            (Health::Doubtful, Health::Good, Health::Doubtful)
        );
        let wrong = Config { source: vec![crate::config::Source::default()], ..Config::default() };
        let findings = [&open[0], &absent[0], &clock(0), &configuration(&Config::default()), &configuration(&wrong)];
        assert!(findings.iter().all(|finding| finding.remedy.is_some()), "{findings:?}");
        assert_eq!(configuration(&wrong).health, Health::Bad);
        assert_eq!(clock(0).health, Health::Bad);
    }
}
