//! What merging has to remember from version to version and FHIR has no place for.
//!
//! It is stored beside each version as one short line of text. A version written through the FHIR API has none: then
//! nothing is owned, and the next message takes over what equals its own.

/// A moment as far as a message tells it: both ends are microseconds of UTC, apart where only a day was given or a
/// clock was set back in that hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    pub low_us: i64,
    pub high_us: i64,
}

impl EventTime {
    pub fn is_before(self, other: EventTime) -> bool {
        self.high_us < other.low_us
    }
}

/// See the module. Elements are named by path, such as `hospitalization.dischargeDisposition`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub rank: u8,
    pub time: Option<EventTime>,
    /// The resource was only ever named by an order or a result.
    pub stub: bool,
    /// The profile that wrote it last, with its hash.
    pub profile: String,
    /// Elements that the source deleted: an older message does not bring them back.
    pub cleared: Vec<String>,
    /// For lists that several rules write: whose each item is.
    pub owners: Vec<(String, Vec<String>)>,
}

impl State {
    pub fn owns(&self, path: &[&str], owner: &str) -> bool {
        self.owners_of(path).is_some_and(|owners| owners.iter().any(|known| known == owner))
    }

    pub(super) fn owners_of(&self, path: &[&str]) -> Option<&Vec<String>> {
        self.owners.iter().find(|(joined, _)| super::same_path(joined, path)).map(|(_, owners)| owners)
    }

    pub(super) fn set_owners(&mut self, path: &[&str], owners: Vec<String>) {
        self.owners.retain(|(joined, _)| !super::same_path(joined, path));
        if !owners.is_empty() {
            self.owners.push((path.join("."), owners));
        }
    }

    /// One line: words parted by blanks, each begun with the letter of its kind. Rule and profile names have no blanks.
    pub fn write(&self) -> String {
        let mut words = Vec::new();
        if self.rank > 0 {
            words.push(format!("r{}", self.rank));
        }
        if let Some(time) = self.time {
            words.push(format!("t{},{}", time.low_us, time.high_us));
        }
        if self.stub {
            words.push("s".to_owned());
        }
        if !self.profile.is_empty() {
            words.push(format!("p{}", self.profile));
        }
        words.extend(self.cleared.iter().map(|path| format!("c{path}")));
        words.extend(self.owners.iter().map(|(path, owners)| format!("o{path}={}", owners.join(","))));
        words.join(" ")
    }

    /// Reads what `write` wrote; words that it does not know are passed over, so that an older program can read on.
    pub fn read(line: &str) -> State {
        let mut state = State::default();
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            let (kind, rest) = word.split_at(1);
            match kind {
                "r" => state.rank = rest.parse().unwrap_or(0),
                "t" => {
                    let (low, high) = rest.split_once(',').unwrap_or((rest, rest));
                    state.time =
                        low.parse().ok().zip(high.parse().ok()).map(|(low_us, high_us)| EventTime { low_us, high_us });
                }
                "s" => state.stub = true,
                "p" => state.profile = rest.to_owned(),
                "c" => state.cleared.push(rest.to_owned()),
                "o" => {
                    if let Some((path, owners)) = rest.split_once('=') {
                        state.owners.push((path.to_owned(), owners.split(',').map(str::to_owned).collect()));
                    }
                }
                _ => {}
            }
        }
        state
    }
}
