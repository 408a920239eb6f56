//! Which entries of a Bundle a reference means: by their fullUrl, by that and the version of their resource, and by
//! type and id beside another entry (R4 §2.36.4).
//!
//! Each way has an index, built with the first reference that needs it, so that a reference costs its own length however
//! many entries there are, however long their addresses and however many versions of one address.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::Hash;

use super::Entry;
use crate::Node;
use crate::reference::{self, Literal};

/// What a reference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// An address by its number; it may still be that of several entries.
    Address(usize),
    Nothing,
    /// It is relative, and the entry that it is in does not say to what.
    Unnamed,
}

pub struct Addresses<'r> {
    urls: Groups<&'r str>,
    /// By the number of the url and the version. Their own numbers follow those of the urls.
    versions: OnceCell<Groups<(usize, &'r str)>>,
    places: OnceCell<Places<'r>>,
}

/// Entries that are called the same, in their order.
struct Groups<K> {
    numbers: HashMap<K, usize>,
    entries: Vec<Vec<usize>>,
}

/// What relative references are relative to.
#[derive(Default)]
struct Places<'r> {
    /// Of each entry.
    bases: Vec<Option<Base>>,
    /// The number of a url by its server, type and id.
    urls: HashMap<(usize, &'static str, &'r str), usize>,
}

#[derive(Clone, Copy)]
enum Base {
    /// A server, by its number.
    Server(usize),
    Uuid,
}

impl<K: Hash + Eq> Groups<K> {
    fn of(names: impl Iterator<Item = (K, usize)>) -> Groups<K> {
        let mut groups = Groups { numbers: HashMap::new(), entries: Vec::new() };
        for (name, entry) in names {
            let number = *groups.numbers.entry(name).or_insert(groups.entries.len());
            if number == groups.entries.len() {
                groups.entries.push(Vec::with_capacity(1));
            }
            groups.entries[number].push(entry);
        }
        groups
    }
}

impl<'r> Addresses<'r> {
    pub fn of(entries: &[Entry<'r>]) -> Addresses<'r> {
        let named = entries.iter().enumerate().filter(|(_, entry)| entry.kind.is_some());
        let urls = Groups::of(named.filter_map(|(at, entry)| Some((entry.url?, at))));
        Addresses { urls, versions: OnceCell::new(), places: OnceCell::new() }
    }

    pub fn count(&self) -> usize {
        self.urls.entries.len() + self.versions.get().map_or(0, |versions| versions.entries.len())
    }

    pub fn entries(&self, address: usize) -> &[usize] {
        let version = || self.versions.get()?.entries.get(address - self.urls.entries.len());
        self.urls.entries.get(address).or_else(version).map_or(&[], Vec::as_slice)
    }

    /// What an address with a scheme means, which may name a version.
    pub fn absolute(&self, entries: &[Entry<'r>], url: &str) -> Meaning {
        let (url, version) = match url.split_once("/_history/") {
            Some((url, version)) => (url, Some(version)),
            None => (url.split('#').next().unwrap_or_default(), None),
        };
        self.version(entries, self.urls.numbers.get(url), version)
    }

    /// What a type and id mean in the resource of an entry that has a fullUrl.
    pub fn relative(
        &self,
        entries: &[Entry<'r>],
        from: usize,
        (kind, id): (&'static str, &str),
        version: Option<&str>,
    ) -> Meaning {
        let places = self.places.get_or_init(|| self.places(entries));
        let url = match places.bases[from] {
            Some(Base::Server(server)) => places.urls.get(&(server, kind, id)),
            Some(Base::Uuid) => self.urls.numbers.get(format!("urn:uuid:{id}").as_str()),
            None => None,
        };
        self.version(entries, url, version)
    }

    fn version(&self, entries: &[Entry<'r>], url: Option<&usize>, version: Option<&str>) -> Meaning {
        let Some(url) = url else { return Meaning::Nothing };
        let Some(version) = version else { return Meaning::Address(*url) };
        let versions = self.versions.get_or_init(|| self.versions(entries));
        let number = versions.numbers.get(&(*url, version));
        number.map_or(Meaning::Nothing, |number| Meaning::Address(self.urls.entries.len() + number))
    }

    fn versions(&self, entries: &[Entry<'r>]) -> Groups<(usize, &'r str)> {
        let called = self.urls.entries.iter().enumerate();
        let each = called.flat_map(|(url, called)| called.iter().map(move |entry| (url, *entry)));
        Groups::of(each.filter_map(|(url, entry)| {
            let meta = entries[entry].resource?.get("meta").and_then(Node::as_object)?;
            Some(((url, meta.str("versionId")?), entry))
        }))
    }

    fn places(&self, entries: &[Entry<'r>]) -> Places<'r> {
        let (mut places, mut servers) = (Places::default(), HashMap::new());
        for entry in entries {
            let base = entry.url.and_then(|url| match reference::literal(url)? {
                Literal::Absolute { kind: Some(kind), .. } => {
                    let at = url.rfind(&format!("/{kind}/"))?;
                    let count = servers.len();
                    let server = *servers.entry(&url[..at]).or_insert(count);
                    if let Some(number) = self.urls.numbers.get(url) {
                        // The rest is an id, but where the fullUrl names a version, which nothing may refer to (bdl-8).
                        places.urls.insert((server, kind, &url[at + kind.len() + 2..]), *number);
                    }
                    Some(Base::Server(server))
                }
                _ => url.starts_with("urn:uuid:").then_some(Base::Uuid),
            });
            places.bases.push(base);
        }
        places
    }
}
