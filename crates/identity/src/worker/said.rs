//! What persons and sources say of who is one person: taken between two steps, and in the log when it is answered.

use std::collections::BTreeSet;

use record::{Key, Time};

use super::{Identity, State, Trouble, merge};
use crate::linkage::{By, Decision, Pair, Verdict};
use crate::people::{Kept, Outcome};

const TWO_PEOPLE: &str =
    "it was said that somebody of the one and somebody of the other are two people: take that back first";
const OVERRULED: &str = "a person has decided otherwise of these two, or of who is one person with them";

impl Identity {
    /// What a person decides of two Patients; `None` takes back what a person or a source had decided.
    pub async fn decide(&self, pair: &Pair, verdict: Option<Verdict>, who: &str, now: Time) -> Result<(), Trouble> {
        let mut state = self.warm_state().await?;
        self.take(&mut state, std::slice::from_ref(pair), verdict, &By::Person(who.to_owned()), now).await
    }

    /// A person says of a Patient that it is nobody of those whom it is linked with: who they were.
    pub async fn split(&self, id: &str, who: &str, now: Time) -> Result<BTreeSet<String>, Trouble> {
        let mut state = self.warm_state().await?;
        let mut others = state.people.same(id);
        others.remove(id);
        let pairs: Vec<Pair> = others.iter().filter_map(|other| Pair::of(id, other)).collect();
        if pairs.is_empty() {
            return Err(Trouble::Refused(format!("Patient/{id} is linked with nobody")));
        }
        self.take(&mut state, &pairs, Some(Verdict::NotSame), &By::Person(who.to_owned()), now).await?;
        Ok(others)
    }

    /// What a source says of two Patients (A24, A37): refused where a person has said otherwise. Said again it changes nothing.
    pub async fn told(&self, pair: &Pair, verdict: Verdict, source: &str, now: Time) -> Result<(), Trouble> {
        let mut state = self.warm_state().await?;
        match state.people.said(pair) {
            Some((known, _)) if known == verdict => return Ok(()),
            Some((_, By::Person(_))) => return Err(Trouble::Refused(OVERRULED.to_owned())),
            _ => {}
        }
        self.take(&mut state, std::slice::from_ref(pair), Some(verdict), &By::Source(source.to_owned()), now).await
    }

    async fn take(
        &self,
        state: &mut State,
        pairs: &[Pair],
        verdict: Option<Verdict>,
        by: &By,
        now: Time,
    ) -> Result<(), Trouble> {
        let ids: BTreeSet<String> = pairs.iter().flat_map(|pair| [pair.a.clone(), pair.b.clone()]).collect();
        let asked: Vec<&str> = ids.iter().map(String::as_str).collect();
        let found = state.got(&asked).await?;
        for (id, found) in ids.iter().zip(found) {
            let key = Key::new("Patient", id.as_str());
            if key.is_golden() || found.is_none() {
                return Err(Trouble::Refused(format!("{key} is not known here as a source that is in use")));
            }
        }
        let desk = state.around(&ids).await?;
        let before: Vec<(&Pair, Option<Kept>)> = pairs.iter().map(|pair| (pair, state.people.kept(pair))).collect();
        let were: Vec<&Pair> = pairs.iter().filter(|pair| state.are_one(pair)).collect();
        let by_persons = match by {
            By::Source(_) => state.people.joined_by_persons(&ids),
            _ => Vec::new(),
        };
        let mut outcome = state.hear(pairs, verdict, by);
        merge(&mut outcome, state.settle(&desk, &ids, &[]));
        let refused = match verdict {
            Some(Verdict::Link) if !pairs.iter().all(|pair| state.are_one(pair)) => Some(TWO_PEOPLE),
            _ => (!by_persons.iter().all(|pair| state.are_one(pair))).then_some(OVERRULED),
        };
        if let Some(text) = refused {
            before.into_iter().for_each(|(pair, kept)| state.people.put_back(pair, kept));
            state.settle(&desk, &ids, &[]);
            return Err(Trouble::Refused(text.to_owned()));
        }
        let undone = were.into_iter().filter(|pair| !state.are_one(pair)).count() as u64;
        state.warm = false;
        self.write(outcome, now, Vec::new()).await?;
        state.warm = true;
        let followed = self.standing().followed;
        self.stand(state, followed, undone).await
    }
}

impl State {
    fn are_one(&self, pair: &Pair) -> bool {
        self.people.same(&pair.a).contains(&pair.b)
    }

    /// Remembers what was said, or that it was taken back.
    fn hear(&mut self, pairs: &[Pair], verdict: Option<Verdict>, by: &By) -> Outcome {
        let mut outcome = Outcome::default();
        let words = if matches!(by, By::Source(_)) { "a source has said so" } else { "a person has decided" };
        for pair in pairs {
            let Some(verdict) = verdict else {
                self.people.take_back(pair);
                continue;
            };
            let (by, reasons) = (by.clone(), vec![words.to_owned()]);
            let decision = Decision { pair: pair.clone(), verdict, by, weight: 0.0, reasons };
            self.people.remember(&decision);
            outcome.decisions.push(decision);
        }
        outcome
    }
}
