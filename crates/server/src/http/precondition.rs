//! Conditions of HTTP on versions (R4 §3.1.0.5 version aware updates and §3.1.0.2.1 conditional reads; RFC 9110 §13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HttpDate, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use record::{Time, Version};

use super::failure::{Failure, Kind};

/// `If-Match` or `If-None-Match`: which versions are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    Any,
    Versions(Vec<u64>),
}

/// Tags of one header; more serve nobody.
const TAGS_MAX: usize = 100;

impl Match {
    /// The condition on the version that a write replaces.
    pub fn of_write(request: &HttpRequest) -> Result<Option<Match>, Failure> {
        Match::of(request, IF_MATCH)
    }

    /// The versions of which none may be there (`If-None-Match: *`: create only).
    pub fn of_absence(request: &HttpRequest) -> Result<Option<Match>, Failure> {
        Match::of(request, IF_NONE_MATCH)
    }

    fn of(request: &HttpRequest, header: HeaderName) -> Result<Option<Match>, Failure> {
        let Some(value) = request.headers().get(&header) else { return Ok(None) };
        let read = value.to_str().ok().and_then(Match::read);
        let text = || format!("{header} is no version; send it as it came in ETag, such as W/\"3\"");
        read.map(Some).ok_or_else(|| Failure::new(Kind::Invalid, text()))
    }

    /// Reads `*` or a list of tags. A tag that is not one of ours means a version that is not there.
    pub fn read(text: &str) -> Option<Match> {
        if text.trim() == "*" {
            return Some(Match::Any);
        }
        let mut versions = Vec::new();
        for tag in text.split(',') {
            let tag = tag.trim();
            let tag = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
            versions.extend(tag.parse::<u64>());
        }
        (versions.len() <= TAGS_MAX).then_some(Match::Versions(versions))
    }

    /// Whether this is a version that is meant.
    pub fn includes(&self, vid: u64) -> bool {
        match self {
            Match::Any => true,
            Match::Versions(versions) => versions.contains(&vid),
        }
    }
}

/// The version that the requester of a read has already, so that 304 may be answer enough.
#[derive(Debug, Clone, Default)]
pub struct Fresh {
    pub known: Option<Match>,
    pub since: Option<SystemTime>,
}

impl Fresh {
    pub fn of(request: &HttpRequest) -> Result<Fresh, Failure> {
        let since = request.headers().get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
        // A date that cannot be read is passed over, as RFC 9110 §13.1.3 wants it.
        let since = since.and_then(|text| text.parse::<HttpDate>().ok()).map(SystemTime::from);
        Ok(Fresh { known: Match::of_absence(request)?, since })
    }

    /// Whether this is the version that the requester has.
    pub fn is(&self, version: &Version) -> bool {
        match &self.known {
            Some(known) => known.includes(version.vid),
            None => self.since.is_some_and(|since| moment(version.time) <= since),
        }
    }
}

/// The second of a version, as HTTP's dates have it.
pub fn moment(time: Time) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(time.0 / 1_000_000).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for (text, expected) in [
            ("*", Some(Match::Any)),
            ("W/\"3\"", Some(Match::Versions(vec![3]))),
            ("\"3\"", Some(Match::Versions(vec![3]))),
            ("W/\"1\", W/\"22\"", Some(Match::Versions(vec![1, 22]))),
            ("W/\"abc\"", Some(Match::Versions(Vec::new()))),
            ("3", None),
            ("W/3", None),
            ("", None),
        ] {
            assert_eq!(Match::read(text), expected, "{text}");
        }
    }
}
