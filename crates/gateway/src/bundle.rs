//! Translations as one Bundle, as `hilum convert` shows them: every resource as if nothing were known before.

use fhir::apply::{self, Applied, Change, Current, State};
use fhir::{Node, Object, Resource};

use crate::plan::How;
use crate::run::Translation;

/// A transaction Bundle that would put what a message says: each resource under its own id, so that sending it twice
/// makes nothing new.
pub fn bundle(translation: Translation<'_>) -> Resource<'_> {
    let made = translation.planned.into_iter().map(|planned| {
        let Applied { mut resource, .. } = apply::apply(None, planned.change);
        apply::complete(&mut resource);
        resource
    });
    transaction(made)
}

fn transaction<'a>(resources: impl Iterator<Item = Resource<'a>>) -> Resource<'a> {
    let entry = |resource: Resource<'a>| {
        let address = [resource.kind(), "/", resource.id().unwrap_or_default()].concat();
        let request = Object { fields: vec![("method", Node::text("PUT")), ("url", Node::text(address))] };
        Node::Object(Object {
            fields: vec![("resource", Node::Object(resource.object)), ("request", Node::Object(request))],
        })
    };
    let entries: Vec<Node<'a>> = resources.map(entry).collect();
    let mut bundle = Resource::new("Bundle");
    bundle.object.set("type", Node::text("transaction"));
    if !entries.is_empty() {
        bundle.object.set("entry", Node::List(entries));
    }
    bundle
}

/// What several messages say together, one after the other: a record as small as it can be, without a store, for
/// `hilum convert` of a whole file and for the tests beside the rules. It has no guard against wrong patients and never
/// asks a person.
#[derive(Debug, Default)]
pub struct Whole {
    resources: Vec<(Resource<'static>, State)>,
    redirects: Vec<(String, String)>,
    members: Vec<(u64, String)>,
}

impl Whole {
    pub fn add(&mut self, translation: Translation<'_>) {
        for merging in &translation.merges {
            let (survivor, prior) = (merging.survivor.clone(), merging.prior.clone());
            match merging.how {
                How::Merge => self.redirects.push((prior, survivor)),
                How::Alias => self.redirects.push((survivor, prior)),
                How::Link | How::Unlink | How::Move => {}
            }
        }
        for snapshot in &translation.snapshots {
            let is_gone = |(scope, id): &&(u64, String)| *scope == snapshot.scope && !snapshot.present.contains(id);
            let gone: Vec<String> = self.members.iter().filter(is_gone).map(|(_, id)| id.clone()).collect();
            for id in gone {
                let (time, writes) = (snapshot.time, snapshot.gone());
                self.change(Change { kind: snapshot.kind, id, rank: 0, time, stub: false, writes });
            }
        }
        for mut planned in translation.planned {
            planned.change.id = self.filed(planned.change.id);
            self.members.extend(planned.scope.map(|scope| (scope, planned.change.id.clone())));
            self.change(planned.change);
        }
    }

    fn filed(&self, id: String) -> String {
        self.redirects.iter().find(|(from, _)| *from == id).map_or(id, |(_, to)| to.clone())
    }

    fn change(&mut self, change: Change<'_>) {
        let same =
            |(resource, _): &(Resource<'_>, State)| resource.kind() == change.kind && resource.id() == Some(&change.id);
        let at = self.resources.iter().position(same);
        let current = at.map(|at| &self.resources[at]).map(|(resource, state)| Current { resource, state });
        let applied = apply::apply(current, change);
        let mut next = (applied.resource.into_owned(), applied.state);
        apply::complete(&mut next.0);
        match at {
            Some(at) => self.resources[at] = next,
            None => self.resources.push(next),
        }
    }

    pub fn resources(&self) -> impl Iterator<Item = &Resource<'static>> {
        self.resources.iter().map(|(resource, _)| resource)
    }

    pub fn into_bundle(self) -> Resource<'static> {
        transaction(self.resources.into_iter().map(|(resource, _)| resource))
    }
}
