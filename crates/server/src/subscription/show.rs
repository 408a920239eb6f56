//! `Subscription.status` and `Subscription.error`, as clients read them.

use fhir::{Node, Resource};
use record::{Change, Commit, CommitError, Expect, Key, Write};
use sync::subscription::{State, Status};

use super::store;
use crate::app::{self, App};

/// How often a write that lost a race is computed anew.
const TRIES: usize = 8;

/// Writes the status as it is, with the right of the subscription's author. What cannot be written is shown by `$status` all the same.
pub async fn status(app: &App, key: &Key, state: &State) {
    let access = store::access(app, &state.who).narrowed(&["Subscription"], &["Subscription"]);
    for _ in 0..TRIES {
        let Ok(Some(newest)) = app.record.current(&access, key).await else { return };
        let Some(Ok(resource)) = newest.body.as_deref().map(fhir::json::read) else { return };
        // Its author has switched it off meanwhile.
        if resource.str("status") == Some("off") {
            return;
        }
        let Some(shown) = shown(resource.into_owned(), state) else { return };
        let write = Write {
            key: key.clone(),
            expect: Expect::Version(newest.vid),
            change: Change::Put(app.record.prepare(&shown)),
            origin: store::OWN.to_owned(),
            source_time: None,
            state: newest.state,
            groups: Vec::new(),
        };
        match app.record.commit(&access, Commit { now: app::now(), writes: vec![write], ..Commit::default() }).await {
            Ok(_) => return,
            Err(CommitError::Stale(_) | CommitError::Busy) => {}
            Err(CommitError::Broken) => return app.shutdown.broken(),
            Err(error) => {
                tracing::warn!(subscription = %key.id, %error, "a subscription's status could not be written");
                return;
            }
        }
    }
}

/// None where it says so already.
fn shown(mut subscription: Resource<'static>, state: &State) -> Option<Resource<'static>> {
    let fails = matches!(state.status, Status::Error | Status::Requested) && !state.error.is_empty();
    let error = fails.then_some(state.error.as_str());
    if subscription.str("status") == Some(state.status.code()) && subscription.str("error") == error {
        return None;
    }
    subscription.object.set("status", Node::text(state.status.code()));
    subscription.object.remove("error");
    if let Some(error) = error {
        let fields = &mut subscription.object.fields;
        let before = fields.iter().position(|(name, _)| *name == "channel").unwrap_or(fields.len());
        fields.insert(before, ("error", Node::text(error.to_owned())));
    }
    Some(subscription)
}
