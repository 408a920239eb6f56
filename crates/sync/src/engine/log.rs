//! What of the log is for this peer: the loop rule, and what came from the peer itself.

use std::collections::{BTreeMap, VecDeque};

use super::{Item, Settings, What};

/// Keys of which it is remembered what the peer last sent, or last made of ours.
const REMEMBERED_MAX: usize = 4_096;

/// A few thousand numbers by key; the oldest is forgotten first.
#[derive(Debug, Default)]
pub struct Remembered {
    by_key: BTreeMap<String, u64>,
    order: VecDeque<String>,
}

impl Remembered {
    pub fn put(&mut self, key: &str, value: u64) {
        if self.by_key.insert(key.to_owned(), value).is_some() {
            return;
        }
        self.order.push_back(key.to_owned());
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_key.remove(&oldest);
        }
    }

    pub fn get(&self, key: &str) -> Option<u64> {
        self.by_key.get(key).copied()
    }

    pub fn forget(&mut self) {
        self.by_key.clear();
        self.order.clear();
    }
}

/// Whether the version goes to the peer: never what is at home with it, came from it, or says what it last sent; of third
/// parties only where that is set.
pub fn goes(settings: &Settings, came: &mut Remembered, item: &Item) -> bool {
    let is_peer = |node: &Option<String>| node.as_deref() == Some(settings.peer.as_str());
    if is_peer(&item.origin) || is_peer(&item.home) {
        came.put(&item.key, item.digest);
        return false;
    }
    match item.what {
        What::Stays => false,
        What::Put if came.get(&item.key) == Some(item.digest) => false,
        What::Put | What::Delete => settings.forward || (item.home.is_none() && item.origin.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_where_it_came_from() {
        let node = |name: &str| Some(name.to_owned());
        for (origin, home, what, forward, expected) in [
            (None, None, What::Put, false, true),
            (None, None, What::Delete, false, true),
            (None, None, What::Stays, true, false),
            (node("b"), node("b"), What::Put, true, false),
            (None, node("b"), What::Put, true, false),
            (node("b"), node("c"), What::Put, true, false),
            (node("c"), node("c"), What::Put, false, false),
            (node("c"), node("c"), What::Put, true, true),
            (node("c"), None, What::Delete, false, false),
        ] {
            let settings = Settings { peer: "b".to_owned(), forward, paused: false };
            let item =
                Item { position: 1, key: "Patient/1".to_owned(), version: 1, lane: 1, what, origin, home, digest: 7 };
            assert_eq!(goes(&settings, &mut Remembered::default(), &item), expected, "{item:?}");
        }
    }

    #[test]
    fn what_the_peer_sent_is_not_said_to_it_again() {
        let settings = Settings { peer: "b".to_owned(), forward: true, paused: false };
        let mut came = Remembered::default();
        let item = |origin: Option<&str>, digest| Item {
            position: 1,
            key: "Patient/1".to_owned(),
            version: 1,
            lane: 1,
            what: What::Put,
            origin: origin.map(str::to_owned),
            home: None,
            digest,
        };
        assert!(!goes(&settings, &mut came, &item(Some("b"), 7)));
        assert!(!goes(&settings, &mut came, &item(None, 7)));
        assert!(goes(&settings, &mut came, &item(None, 8)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut remembered = Remembered::default();
        for key in 0..REMEMBERED_MAX as u64 + 10 {
            remembered.put(&key.to_string(), key);
        }
        assert_eq!(
            (remembered.by_key.len(), remembered.get("9"), remembered.get("10")),
            (REMEMBERED_MAX, None, Some(10))
        );
    }
}
