//! How much one search may bring and cost. Reaching a limit is said by its name, never passed over.

use std::time::Duration;

/// The limits of answering a query; [`fhir::search::Limits`] are those of reading one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchLimits {
    /// Resources that `_include` and `_revinclude` bring with one page.
    pub included: usize,
    /// How often includes are followed, `:iterate` going on from what was brought.
    pub include_depth: usize,
    /// Bodies that are read to decide what matches, where the index alone does not tell.
    pub bodies: usize,
    /// Versions that are looked at in the index.
    pub versions: usize,
    /// From when its turn has come to its answer.
    pub time: Duration,
    /// Where a plan changes its ways.
    pub turns: Turns,
}

/// From how many on another way is the cheaper one. No answer depends on them; tests turn them down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turns {
    /// Resources at the other end of a chain or `_has`: more are not looked up first, but asked for by each candidate.
    pub linked: usize,
    /// Rows of a condition that leads though they are not in the order of positions.
    pub led: i64,
    /// Candidates that are put in order here: of more the index of the order is walked.
    pub gathered: i64,
    /// Candidates for which a whole stretch of the index is looked at rather than each of them.
    pub wide: i64,
}

impl Default for SearchLimits {
    fn default() -> SearchLimits {
        let turns = Turns { linked: 1_000, led: 10_000, gathered: 2_000, wide: 20_000 };
        let time = Duration::from_secs(30);
        SearchLimits { included: 1_000, include_depth: 3, bodies: 200_000, versions: 20_000_000, time, turns }
    }
}
