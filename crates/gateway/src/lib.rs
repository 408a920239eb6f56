//! Translation between a clinic's formats and FHIR, both ways, by rules that are read both ways.
//!
//! Pure functions: bytes and rules in, changes out. The gateway never reads a clock, a file or a socket, knows nothing
//! of storage, and never decides who a person is.
#![forbid(unsafe_code)]

mod back;
mod bundle;
mod codes;
pub mod key;
mod path;
mod plan;
mod profile;
mod run;
mod source;
mod test;
mod yaml;

use fhir::apply::Write;
use fhir::{Issue, Resource};
use hl7v2::Message;

pub use back::{BackOptions, Sent, Stamp};
pub use bundle::{Whole, bundle};
pub use key::IdKey;
pub use plan::{How, LoadFault};
pub use run::text::event_time;
pub use run::{Merging, Planned, Snapshot, Traced, Translation};
pub use source::Source;
pub use test::{TestFault, Tested, differences};

/// The base profiles, as they stand in the repository.
const BASE: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/base.rs"));

/// All profiles, compiled: what there is to translate by. Immutable; a reload makes a new one.
#[derive(Debug)]
pub struct Gateway {
    plan: plan::Plan,
}

impl Gateway {
    /// The base profiles and these files over them (name and text), in the order of their layers.
    pub fn load<'f>(site: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Gateway, Vec<LoadFault>> {
        let files = BASE.iter().copied().chain(site);
        Ok(Gateway { plan: plan::load(files)? })
    }

    /// What a message says; `None` where no profile is for its type.
    pub fn translate<'a>(
        &'a self,
        message: &'a Message<'a>,
        source: &'a Source,
        ids: &'a IdKey,
        trace: bool,
    ) -> Option<Translation<'a>> {
        run::translate(&self.plan, message, source, ids, trace)
    }

    /// A Bundle (or one resource) as the message that tells of it, and what of it the message does not say. Refused
    /// where there is no such message, or nobody in it whom it could be about.
    pub fn back(&self, bundle: &Resource<'_>, options: &BackOptions<'_>) -> Result<Sent, Vec<Issue>> {
        back::back(&self.plan, bundle, options)
    }

    /// Runs the tests that stand beside the rules.
    pub fn test(&self) -> Tested {
        test::run(self)
    }

    /// Whether there is a profile of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.plan.profiles.iter().any(|profile| profile.name == name)
            || self.plan.messages.iter().any(|message| message.name == name)
    }

    /// How many profiles, rules and code maps there are.
    pub fn counts(&self) -> (usize, usize, usize) {
        let rules = self.plan.profiles.iter().map(|profile| profile.rules.len()).sum();
        (self.plan.profiles.len() + self.plan.messages.len(), rules, self.plan.maps.len())
    }
}

impl Snapshot<'_> {
    /// What is written to a member that is gone.
    pub fn gone(&self) -> Vec<Write<'_>> {
        run::gone_writes(self.profile)
    }
}
