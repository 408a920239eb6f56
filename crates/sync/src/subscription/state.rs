//! What has to be remembered of a subscription, as bytes in the store.

/// `Subscription.status` as the server sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The receiver has not said yet that he is there.
    Requested,
    Active,
    /// He does not take what he is sent; he is asked again all the same.
    Error,
    Off,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whose right decides what he sees: the name in his access.
    pub who: String,
    pub status: Status,
    /// The position in the log up to which it was looked.
    pub cursor: i64,
    /// Events so far; the number of the newest.
    pub events: u64,
    /// The number of the newest event that was taken.
    pub sent: u64,
    /// Why he is told nothing just now; empty where all is well.
    pub error: String,
}

const VERSION: &str = "1";

impl State {
    /// One that is told what comes after a position.
    pub fn new(who: &str, cursor: i64) -> State {
        let (status, who, error) = (Status::Requested, who.to_owned(), String::new());
        State { who, status, cursor, events: 0, sent: 0, error }
    }

    pub fn write(&self) -> Vec<u8> {
        let State { who, status, cursor, events, sent, error } = self;
        let plain = |text: &str| text.replace(['\n', '\r'], " ");
        let status = status.code();
        format!("{VERSION}\n{status}\n{cursor}\n{events}\n{sent}\n{}\n{}", plain(who), plain(error)).into_bytes()
    }

    /// None where it is none of ours.
    pub fn read(bytes: &[u8]) -> Option<State> {
        let mut lines = std::str::from_utf8(bytes).ok()?.split('\n');
        if lines.next()? != VERSION {
            return None;
        }
        let status = Status::read(lines.next()?)?;
        let cursor = lines.next()?.parse().ok()?;
        let (events, sent) = (lines.next()?.parse().ok()?, lines.next()?.parse().ok()?);
        let (who, error) = (lines.next()?.to_owned(), lines.next()?.to_owned());
        (sent <= events).then_some(State { who, status, cursor, events, sent, error })
    }
}

impl Status {
    pub fn code(self) -> &'static str {
        match self {
            Status::Requested => "requested",
            Status::Active => "active",
            Status::Error => "error",
            Status::Off => "off",
        }
    }

    pub fn read(code: &str) -> Option<Status> {
        [Status::Requested, Status::Active, Status::Error, Status::Off].into_iter().find(|status| status.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let state = State { sent: 3, events: 5, error: "answered\n500".to_owned(), ..State::new("ward-app", 17) };
        let read = State::read(&state.write()).expect("ours");
        assert_eq!(read, State { error: "answered 500".to_owned(), ..state });
        for broken in ["", "1", "2\nactive\n1\n0\n0\na\n", "1\nactive\n1\n3\n5\na\n", "1\nfine\n1\n0\n0\na\n"] {
            assert_eq!(State::read(broken.as_bytes()), None, "{broken:?}");
        }
    }
}
