//! What is known of a loaded server: ids to read, patients to ask for.

use std::net::SocketAddr;

use fhir::Node;

use super::wire::{self, Wire};
use crate::http::FHIR;

/// Kept to ask about later; more is passed over.
const PATIENTS_MAX: usize = 10_000;
const RESOURCES_MAX: usize = 50_000;
/// Patients whose identifiers are looked up.
const IDENTIFIED: usize = 200;

#[derive(Debug, Default)]
pub struct Known {
    /// Ids.
    pub patients: Vec<String>,
    /// `Observation/1`
    pub resources: Vec<String>,
    /// `system|value` of some of the patients.
    pub identifiers: Vec<String>,
    /// Resources met so far, and numbers without order to choose among them.
    met: u64,
    seed: u64,
}

impl Known {
    pub fn add(&mut self, other: Known) {
        self.patients.extend(other.patients);
        self.patients.truncate(PATIENTS_MAX);
        self.resources.extend(other.resources);
    }

    /// Reads the places of an answer to a transaction; gives how many there are. It is not read as FHIR, because that
    /// costs the client about what the server has for the whole.
    pub fn read(&mut self, answer: &[u8]) -> u64 {
        let text = std::str::from_utf8(answer).unwrap_or_default();
        let mut count = 0;
        for rest in text.split(r#""location":"#).skip(1) {
            let place = rest.trim_start().trim_start_matches('"').split('"').next().unwrap_or_default();
            let place = place.split("/_history").next().unwrap_or_default();
            let mut parts = place.rsplit('/');
            if let (Some(id), Some(kind)) = (parts.next(), parts.next()) {
                count += 1;
                self.met(kind, id);
            }
        }
        count
    }

    /// Keeps each resource with the same chance (reservoir sampling).
    fn met(&mut self, kind: &str, id: &str) {
        if kind == "Patient" && self.patients.len() < PATIENTS_MAX {
            self.patients.push(id.to_owned());
        }
        self.met += 1;
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (self.seed >> 33) % self.met;
        if self.resources.len() < RESOURCES_MAX {
            self.resources.push(format!("{kind}/{id}"));
        } else if (at as usize) < RESOURCES_MAX {
            self.resources[at as usize] = format!("{kind}/{id}");
        }
    }

    /// Asks for the identifiers of some patients.
    pub async fn look_up(&mut self, address: SocketAddr) -> std::io::Result<()> {
        let mut wire = Wire::connect(address).await?;
        for patient in self.patients.iter().take(IDENTIFIED) {
            let answer = wire.ask(&wire::get(address, &format!("{FHIR}/Patient/{patient}"))).await?;
            let Ok(resource) = fhir::json::read(&answer.body) else { continue };
            let identifier = resource.object.items("identifier").first().and_then(Node::as_object);
            if let Some((system, value)) = identifier.and_then(|i| i.str("system").zip(i.str("value"))) {
                self.identifiers.push(format!("{system}|{value}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_whether_or_not_they_are_whole() {
        let answer = br#"{"entry":[{"response":{"status":"201","location":"Patient/a/_history/1"}},{"response":{"location": "http://127.0.0.1:1/fhir/Observation/b/_history/7"}},{"response":{"status":"200"}}]}"#;
        let mut known = Known::default();
        assert_eq!(known.read(answer), 2);
        assert_eq!(
            (known.patients, known.resources),
            (vec!["a".to_owned()], vec!["Patient/a".to_owned(), "Observation/b".to_owned()])
        );
    }
}
